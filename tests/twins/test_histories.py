"""The recorded histories lead where they led when they were recorded, and changed ones are found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.errors import DataMismatch
from tallystick.testing.histories import RECORDED, WALKS, check, load

PATH = Path(__file__).resolve().parents[1] / "vectors" / "histories.jsonl"
HISTORIES = {history.name: history for history in load(PATH)}


def test_every_history_that_is_named_is_recorded_with_batches_and_messages() -> None:
    assert set(HISTORIES) == {*RECORDED, *WALKS}
    assert sum(len(each.states) for each in HISTORIES.values()) > 200
    assert sum(len(each.published.messages) for each in HISTORIES.values()) > 100


@pytest.mark.parametrize("name", HISTORIES)
def test_the_machine_leads_every_batch_to_its_recorded_state_in(name: str) -> None:
    check(HISTORIES[name])


def test_a_history_that_leads_elsewhere_names_the_batch() -> None:
    history = HISTORIES["padded_records"]
    states = list(history.states)
    states[3] = (states[3][0] + 1, states[3][1])
    with pytest.raises(DataMismatch, match="elsewhere") as caught:
        check(replace(history, states=tuple(states)))
    assert caught.value.data["batch"] == 3
