"""The door says what the machine would: on records of every kind, right ones and wrong ones, in several states."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from tallystick.machine.admission import admit
from tallystick.machine.by_record import execute
from tallystick.machine.machine import Machine, NoInputs
from tallystick.records.codec import BY_NAME, Record, encode
from tallystick.records.items import ITEM_CANCEL, ITEM_PLACE, Item, pack_items
from tallystick.records.signing import accept, make, sign
from tallystick.schema.names import Outcome
from tallystick.schema.outcomes import ROWS
from tallystick.schema.record_kinds import SIGNATURE_BYTES
from tallystick.schema.record_model import Authority
from tallystick.state.layout import SCOPE_CANCEL, SCOPE_PLACE
from tallystick.state.ordinals import SignedMarket, UnixMs
from tallystick.state.state import State
from tallystick.testing.byhand import hold
from tallystick.testing.world import address, key
from tallystick_operator.intake.door import OPERATORS_OWN, RECORDED, Checked, Refused, check_signature, check_state
from tests.operator.rig import Rig

BUY, SELL = 0, 1
MARK = 618_000
CLIENT_ID = 7
RECORDS = 120
KINDS = sorted(set(BY_NAME) - OPERATORS_OWN)
SIGNERS = ("alice", "alice", "bob", "places", "cancels", "governance", "signer 0", "signer 1", "mallory")
SEEDS = {"as it is": 1, "prices have stopped": 2, "nobody can carry a position": 3, "winding down": 4}


@pytest.fixture(scope="module")
def traded(shared_rig: Rig) -> Rig:
    """Alice holds 100 lots short, bob 100 long; both have an order; alice has an agent of each scope, one of them late."""
    rig = shared_rig
    rig.accept(rig.order(1, SELL, MARK, 100))
    rig.accept(rig.order(2, BUY, MARK, 100))
    rig.accept(rig.order(1, SELL, MARK + 100, 1, client_id=CLIENT_ID))
    rig.accept(rig.order(2, BUY, MARK - 100, 1, client_id=CLIENT_ID, expiry_ms=rig.core.clock.now_ms() + 1_000))
    late = rig.core.clock.now_ms() + 1_000
    for slot, (name, scope, expiry_ms) in enumerate(
        [("places", SCOPE_PLACE, 0), ("cancels", SCOPE_CANCEL, 0), ("places", SCOPE_PLACE, late)], start=1
    ):
        agent = int.from_bytes(address(name), "big")
        values = {"slot": slot, "key": agent, "scope": scope, "expiry_ms": expiry_ms}
        rig.accept(rig.signed("approve_agent", "alice", account=1, nonce=rig.next_nonce(1), **values))
    return rig


def state_of(rig: Rig, how: str) -> State:
    """Return a copy of the live state, some time later, in one of the ways of SEEDS."""
    state = rig.core.executor.state.copy()
    registers = state.registers
    registers.clock_ms = UnixMs(registers.clock_ms + 2_000)
    if how == "prices have stopped":
        registers.clock_ms = UnixMs(registers.clock_ms + 61_000)
    elif how == "nobody can carry a position":
        for account, lots in ((1, -100), (2, 100)):
            hold(state, account, 0, lots, 1)
    elif how == "winding down":
        registers.wind_down_ms = registers.clock_ms
    return state


def some_record(rig: Rig, chance: random.Random) -> Record:
    """Return a record of any kind, of fields that are mostly small, signed by somebody, or by nobody at all."""
    kind = BY_NAME[chance.choice(KINDS)]
    values: dict[str, int] = {}
    for field in kind.fields:
        values[field.name] = min(field.limit, chance.choice((0, 0, 1, 1, 2, 3, 77, field.limit)))
    known: dict[str, tuple[int, ...]] = {
        "account": (1, 1, 1, 2, 2, 77),
        "taker": (1, 2, 2, 77),
        "agent": (0, 0, 0, 1, 2, 3, 9),
        "taker_agent": (0, 0, 0, 1),
        "counterparty": (0, 0, 2),
        "market": (0, 0, 0, 1, 63),
        "nonce": (0, 50, 51, 1 << 20),
        "taker_nonce": (0, 60, 1 << 20),
        "price_ticks": (0, MARK, MARK, MARK + 1),
        "lots": (0, 1, 1, 1 << 40),
        "client_id": (CLIENT_ID, CLIENT_ID, 8),
        "pair": (0, CLIENT_ID, 9),
        "slot": (*rig.core.executor.state.orders.indices()[:4], 1),
        "expiry_ms": (0, 0, 1),
        "reduces": (0, 0, 3),
    }
    limits = {field.name: field.limit for field in kind.fields}
    values |= {name: min(chance.choice(of), limits[name]) for name, of in known.items() if name in values}
    blobs: list[bytes] = []
    if kind.name == "bulk":
        placed = Item(
            what=ITEM_PLACE, client_id=3, market=SignedMarket(0), side=BUY, flags=0, price_ticks=MARK - 9, lots=1
        )
        blobs = [pack_items([Item(what=ITEM_CANCEL, client_id=CLIENT_ID), placed])]
    record = make(kind.name, *blobs, **values)
    if kind.authority is Authority.NOBODY:
        return record
    signer = chance.choice(SIGNERS if values.get("account") == 1 else (*SIGNERS, "bob", "bob", "bob"))
    if kind.authority is Authority.GOVERNANCE:
        signer = chance.choice(("governance", "alice"))
    record = sign(record, rig.core.domain, key(signer))
    if kind.acceptance and chance.random() < 0.9:
        record = accept(record, rig.core.domain, key(chance.choice(("bob", "bob", "bob", "alice"))))
    if chance.random() < 0.05:
        record = replace(record, signature=bytes([255]) * SIGNATURE_BYTES)
    return record


def fingerprint(state: State) -> list[Any]:
    """Return all that a state holds, that which is not in its hash included."""
    tables = [(each.used, each.dirty_count, each.indices(), list(each.words[: each.used])) for each in state.tables]
    return [state.registers.pack(), *tables, [each.watcher for each in state.tables]]


def ends_with(state: State, data: bytes) -> tuple[Outcome, bool]:
    """Return how the machine ends a record, and whether any cell is then other than before."""
    other = state.copy()
    before = list(other.cells())
    outcome = execute(Machine(other, NoInputs()), data)
    return outcome, list(other.cells()) != before


def asked(rig: Rig, state: State, record: Record) -> Checked | Refused:
    """Return what the door says of a record."""
    try:
        return check_state(state, rig.core.executor.read_model, check_signature(record, rig.core.domain))
    except Refused as refusal:
        return refusal


@pytest.mark.parametrize("how", SEEDS)
def test_the_door_refuses_what_the_machine_rejects_and_for_the_same_reason(traded: Rig, how: str) -> None:
    chance, state = random.Random(SEEDS[how]), state_of(traded, how)
    before = fingerprint(state)
    met: set[str] = set()
    for _ in range(RECORDS):
        record = some_record(traded, chance)
        verdict = asked(traded, state, record)
        if isinstance(verdict, Refused):
            outcome, changed = ends_with(state, encode(record))
            assert verdict.message == ROWS[Outcome[verdict.code.upper()]].text
            if verdict.field in ("client_id", "pair"):  # no slot to fill in, which the machine says by its own order
                assert outcome == Outcome.NO_SUCH_ORDER or record.kind.name == "conditional", record
                assert outcome != Outcome.ACCEPTED
            elif verdict.field == "signature" and outcome == Outcome.WINDING_DOWN:  # what signs nothing gets no further
                assert verdict.code == "bad_signature"
            else:
                assert (outcome.name.lower(), changed) == (verdict.code, False), record
            met.add(verdict.code)
            continue
        assert admit(Machine(state.copy(), NoInputs()), verdict.record) == Outcome.ACCEPTED, record
        if record.kind.authority is Authority.NOBODY or record.kind.spares_nonce:
            outcome, changed = ends_with(state, verdict.data)
            assert outcome in RECORDED or changed or record.kind.name == "liquidate", record
        met.add("admitted")
    assert fingerprint(state) == before
    assert len(met) > (2 if how == "winding down" else 9), met


def test_a_step_that_is_tried_leaves_nothing_behind_whatever_it_wrote(traded: Rig) -> None:
    state = state_of(traded, "nobody can carry a position")
    before = fingerprint(state)
    for kind, values in (
        ("take_over", {"account": 2, "market": 0, "lots": 1}),
        ("nominate_adl", {"account": 2, "market": 0, "candidate": 1}),
        ("liquidate", {"account": 1, "market": 0}),
        ("settle_account", {"account": 1}),
    ):
        asked(traded, state, make(kind, **values))
        assert fingerprint(state) == before, kind
