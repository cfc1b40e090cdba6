"""The Inbox and its bucket among posters of every kind: nothing that must never happen, unless a rule is dropped.

`node tests/dispute/inbox_rules.js` compiles the Inbox with a rule dropped each; see tallystick.testing.inbox.
"""

from __future__ import annotations

import base64
import json
import zlib
from functools import partial
from pathlib import Path

import pytest

from tallystick.testing.inbox.inbox_match import STYLES, InboxFault, InboxMatch
from tallystick.testing.inbox.inbox_rules import InboxRule
from tallystick.testing.inbox.inbox_twin import InboxTwin

FEW = 3
"""Batches that one who floods posts in a block where the contract plays along."""
DROPPED = json.loads(Path(__file__).with_name("DroppedInbox.json").read_text(encoding="utf-8"))
NOT_THE_CONTRACTS = {InboxRule.RATE_FITS, InboxRule.QUEUE, InboxRule.SAMPLES, InboxRule.FRAMES}
"""What an Inbox is deployed with, L1's gas, and what the machine makes of bytes."""
FAULTS: dict[InboxRule, tuple[InboxFault, str]] = {
    InboxRule.BUCKET: (InboxFault.BACKLOG, "flood"),
    InboxRule.SMALL_COUNTED: (InboxFault.BACKLOG, "drizzle"),
    InboxRule.SMALL_TAKEN: (InboxFault.SHUT_OUT, "silent"),
    InboxRule.TIME_FORWARD: (InboxFault.BACKWARDS, "silent"),
    InboxRule.NOT_HELD_BACK: (InboxFault.HELD_BACK, "honest"),
    InboxRule.NOT_AHEAD: (InboxFault.HELD_BACK, "honest"),
    InboxRule.IN_TIME: (InboxFault.UNSERVED, "flood"),
    InboxRule.LIMIT_FORWARD: (InboxFault.TWICE, "honest"),
    InboxRule.LIMIT_KNOWN: (InboxFault.GHOST, "honest"),
    InboxRule.NOT_CUT: (InboxFault.CUT, "honest"),
    InboxRule.NOT_OF_NOW: (InboxFault.CUT, "flood"),
    InboxRule.NOT_NEWER: (InboxFault.EARLY, "late"),
    InboxRule.SEQUENCER_ALONE: (InboxFault.STRANGER, "honest"),
    InboxRule.OWN_SILENCE: (InboxFault.SHUT_OUT, "silent"),
    InboxRule.RATE_FITS: (InboxFault.BACKLOG, "flood"),
    InboxRule.QUEUE: (InboxFault.BACKLOG, "flood"),
    InboxRule.SAMPLES: (InboxFault.BACKLOG, "flood"),
    InboxRule.FRAMES: (InboxFault.BACKLOG, "flood"),
}
"""What happens without a rule, and how whoever posts then plays."""


def seeds(style: str) -> range:
    """Return the first matches of a style."""
    return range(STYLES.index(style), 12 * len(STYLES), len(STYLES))


@pytest.mark.parametrize("style", STYLES)
def test_every_batch_is_asserted_in_time_and_every_message_served(style: str) -> None:
    for seed in seeds(style)[: 1 if style == "drizzle" else 4]:
        result = InboxMatch(seed).play()
        assert result.faults == [], f"seed {seed}"
        assert 0 < result.worst <= result.bound


@pytest.mark.parametrize("style", STYLES)
def test_the_contract_takes_what_the_rules_take(style: str) -> None:
    for seed in seeds(style)[:1]:
        assert InboxMatch(seed, make=InboxTwin, many=FEW).play().faults == []


@pytest.mark.parametrize("rule", FAULTS, ids=lambda rule: rule.name.lower())
def test_without_any_one_of_the_rules_something_happens(rule: InboxRule) -> None:
    fault, style = FAULTS[rule]
    played = (InboxMatch(seed, dropped=frozenset({rule})).play().faults for seed in seeds(style))
    assert any(fault in faults for faults in played)


@pytest.mark.parametrize("rule", DROPPED, ids=str.lower)
def test_the_contract_without_a_rule_plays_as_the_rules_without_it(rule: str) -> None:
    """The matches end alike, call by call."""
    dropped = frozenset({InboxRule[rule]})
    _, style = FAULTS[InboxRule[rule]]
    make = partial(InboxTwin, code=zlib.decompress(base64.b64decode(DROPPED[rule])))
    alone = InboxMatch(seeds(style)[0], dropped=dropped, many=FEW).play()
    assert InboxMatch(seeds(style)[0], dropped=dropped, make=make, many=FEW).play() == alone


def test_every_rule_is_dropped_and_those_of_the_contract_in_the_contract() -> None:
    assert set(FAULTS) == set(InboxRule) == {InboxRule[name] for name in DROPPED} | NOT_THE_CONTRACTS
