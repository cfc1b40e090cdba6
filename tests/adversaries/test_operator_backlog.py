"""A whole operator behind a flood: what one assertion cannot cover is asserted at once, and waits for no new batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tallystick.records.items import Item
from tallystick.shapes.routes import INFO
from tallystick.state.layout import ITEM_PLACE, ITEM_REPLACE
from tallystick.state.ordinals import SignedMarket
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage
from tallystick_operator.publish.asserter import Asserter
from tests.operator.scene import Scene

HEIGHT = 16
"""The lowest there is: 65,536 steps an assertion."""
BULKS, ORDERS = 76, 150
"""Six steps an order that is replaced: an account may have no more of them, but move these for ever."""
INTERVAL_BLOCKS = 40
"""Between two assertions that halt."""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(Stage(tmp_path, root_height=HEIGHT, min_interval_blocks=INTERVAL_BLOCKS), tmp_path)
    yield scene
    scene.close()


def test_P05_what_a_flood_leaves_over_is_asserted_and_confirmed_without_another_batch(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asserted while the flood comes, as in an outage; from then on no batch comes any more."""
    stage = scene.stage
    awake = Event()
    tick = Asserter.tick
    monkeypatch.setattr(Asserter, "tick", lambda self: tick(self) if awake.is_set() else True)
    stage.deposit("alice")
    running = scene.start(batch_seconds=1.0, quiet_seconds=1.0, heartbeat_seconds=3_600)
    scene.wait(lambda: running.http.ask(INFO).messages_consumed == 1, "the deposit")
    scene.open_market(running)
    alice = scene.client(running, "alice")

    def all_posted() -> bool:
        sealed = running.named("batch_sealed")
        records = sum(each["records"] for each in sealed)
        told, posted = running.http.ask(INFO).records, stage.call("Inbox", "batchCount")
        return (records, len(sealed)) == (told, posted)

    # the first assertion covers this batch and no more: the flood is all in the next one
    scene.wait(all_posted, "the batches before the flood")
    for number in range(BULKS):
        what = ITEM_REPLACE if number else ITEM_PLACE
        items = [
            Item(what=what, client_id=each, market=SignedMarket(0), side=0, price_ticks=600_000 - number, lots=1)
            for each in range(1, ORDERS + 1)
        ]
        assert alice.bulk(items).accepted
    alice.close()
    scene.wait(all_posted, "the flood")
    awake.set()
    count = stage.call("Inbox", "batchCount")

    def asserted() -> list[dict[str, Any]]:
        return [each for each in running.named("asserted") if each["limit"] == count]

    scene.wait(asserted, "its first assertion", mine=5)
    scene.wait(lambda: asserted()[-1]["steps"] < 1 << HEIGHT, "what is left over", mine=1)
    flood = asserted()
    assert flood[0]["steps"] == 1 << HEIGHT and len(flood) > 1
    assert flood[-1]["block"] - flood[0]["block"] < INTERVAL_BLOCKS, "it waits for no interval"
    stage.mine(PERIOD_BLOCKS)
    newest = flood[-1]["assertion"]
    scene.wait(lambda: running.http.ask(INFO).l1.latest_confirmed == newest, "all of it", mine=2)
    assert stage.call("Inbox", "batchCount") == count
    running.stop()
