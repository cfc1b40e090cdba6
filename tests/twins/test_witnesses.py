"""A witness that was tampered with never leads the Referee to a state: it reverts.

The one known freedom: a proof may spell out a sibling that is an empty subtree, and the result is the same.
"""

from __future__ import annotations

import random
from functools import cache
from itertools import pairwise

import pytest

from tallystick.proof.tracer import StepProof
from tallystick.referee.runner import TwinRunner
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import REGISTERS_BYTES
from tallystick.state.tree import BITMAP_BYTES, EMPTY
from tallystick.testing import scenarios
from tallystick.testing.mutations import INPUT_AT, cells_at, fully_proven

NAMES = (
    "signatures",
    "messages",
    "skipped_chunks",
    "listings",
    "reports",
    "fills",
    "cancels",
    "withdrawals",
    "agents",
    "changes",
    "expiry",
    "dead",
    "delisting",
    "transfers",
    "fees",
    "bulks",
    "flags",
    "pairs",
    "wound_down",
    "dead_man",
    "block_trades",
    "forced_records",
    *("liquidations", "take_overs", "deleveraging", "deleveraging_comes_last"),
)
FLIPS = 60
TRANSACTION_GAS = 1 << 24
Kind = tuple[int, Outcome | None]
Case = tuple[StepProof, TwinRunner, int]


@cache
def cases() -> dict[Kind, Case]:
    """The first proof of each kind of step with each outcome, in some scenarios."""
    found: dict[Kind, Case] = {}
    for name in NAMES:
        played = scenarios.play(name)
        runner = TwinRunner(played.scene.published)
        for proof, outcome in played.steps():
            found.setdefault((proof.phase, outcome), (proof, runner, played.scene.published.batch_limit))
    return found


def of_phase(phase: Phase) -> list[Case]:
    return [case for (number, _), case in cases().items() if number == phase]


def refuses(case: Case, witness: bytes) -> bool:
    proof, runner, limit = case
    assert witness != proof.witness
    return runner.call(proof.pre_hash, limit, witness).returned is None


@pytest.mark.parametrize("phase", Phase)
def test_one_flipped_bit_is_refused_in(phase: Phase) -> None:
    chance = random.Random(phase)
    assert of_phase(phase)
    for case in of_phase(phase):
        witness = case[0].witness
        edges = {REGISTERS_BYTES, INPUT_AT, INPUT_AT + 1, len(witness) - 1}
        edges |= {at for cell in cells_at(case[0]) for place in cell for at in (place - 1, place)} - {len(witness)}
        for at in sorted(edges) + [chance.randrange(len(witness)) for _ in range(FLIPS)]:
            flipped = bytearray(witness)
            flipped[at] ^= 1 << chance.randrange(8)
            assert refuses(case, bytes(flipped)), f"byte {at}"


@pytest.mark.parametrize("phase", Phase)
def test_a_shorter_or_longer_witness_is_refused_in(phase: Phase) -> None:
    for case in of_phase(phase):
        witness = case[0].witness
        for length in {0, 1, REGISTERS_BYTES, INPUT_AT, INPUT_AT + 1, len(witness) - 32, len(witness) - 1}:
            assert refuses(case, witness[:length])
        for tail in (b"\0", b"\1", bytes(32), witness[-64:]):
            assert refuses(case, witness + tail)


@pytest.mark.parametrize("phase", Phase)
def test_an_input_of_another_length_is_refused_in(phase: Phase) -> None:
    for case in of_phase(phase):
        witness = case[0].witness
        start = INPUT_AT + 2
        length = int.from_bytes(witness[INPUT_AT:start], "big")
        longer = witness[:INPUT_AT] + (length + 1).to_bytes(2, "big")
        assert refuses(case, longer + b"\0" + witness[start:])
        assert refuses(case, longer + witness[start : start + length] + b"\0" + witness[start + length :])
        if length:
            shorter = witness[:INPUT_AT] + (length - 1).to_bytes(2, "big")
            assert refuses(case, shorter + witness[start : start + length - 1] + witness[start + length :])
            assert refuses(case, witness[:INPUT_AT] + bytes(2) + witness[start + length :])


def test_cells_in_another_order_are_refused() -> None:
    swapped = 0
    for case in cases().values():
        witness = case[0].witness
        places = list(cells_at(case[0]))
        for (first, _, middle), (_, _, end) in pairwise(places):
            if witness[first:middle] == witness[middle:end]:
                continue  # Two empty cells below one empty subtree are told with the same bytes.
            assert refuses(case, witness[:first] + witness[middle:end] + witness[first:middle] + witness[end:])
            swapped += 1
        for value, _, end in places:
            assert refuses(case, witness[:value] + witness[end:])
            assert refuses(case, witness[:end] + witness[value:end] + witness[end:])
    assert swapped > 50


def test_another_steps_witness_and_another_root_are_refused() -> None:
    every = list(cases().values())
    for case, other in zip(every, every[1:] + every[:1], strict=True):
        assert refuses(case, other[0].witness)
        witness = case[0].witness
        assert refuses(case, witness[:REGISTERS_BYTES] + bytes(32) + witness[INPUT_AT:])
        assert refuses(case, other[0].witness[:INPUT_AT] + witness[INPUT_AT:])
        assert case[1].call(bytes(32), case[2], witness).returned is None


def test_a_sibling_that_is_empty_may_be_spelt_out() -> None:
    spelt = 0
    for case in cases().values():
        proof, runner, limit = case
        for _, at, end in cells_at(proof):
            bitmap = int.from_bytes(proof.witness[at : at + BITMAP_BYTES], "big")
            height = next(h for h in range(40) if not bitmap >> h & 1)
            before = (bitmap & ((1 << height) - 1)).bit_count()
            split = at + BITMAP_BYTES + 32 * before
            assert split <= end
            longer = (bitmap | 1 << height).to_bytes(BITMAP_BYTES, "big") + proof.witness[at + BITMAP_BYTES : split]
            witness = proof.witness[:at] + longer + EMPTY[height] + proof.witness[split:]
            assert runner.call(proof.pre_hash, limit, witness).returned == proof.post_hash
            wrong = proof.witness[:at] + longer + EMPTY[height + 1] + proof.witness[split:]
            assert refuses(case, wrong)
            spelt += 1
    assert spelt > 80


def test_the_largest_proofs_there_can_be_fit_a_transaction() -> None:
    """Every cell with all of its 40 siblings, as in a tree without an empty subtree beside any path."""
    most = 0
    for proof, runner, limit in cases().values():
        answer = runner.call(proof.pre_hash, limit, fully_proven(proof))
        assert answer.returned == proof.post_hash
        most = max(most, answer.gas)
    # 2^24 is the most one transaction may use from Osaka on (EIP-7825); a dispute's move does more than the step.
    assert most < TRANSACTION_GAS // 8, most
