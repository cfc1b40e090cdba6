"""Records that come through L1: run as if sequenced, judged by the time they were queued, refused in every way."""

from __future__ import annotations

from tallystick.records.codec import Record, encode
from tallystick.records.items import Item, pack_items, pack_slots
from tallystick.records.signing import make, sign
from tallystick.schema.market_rules import RULES
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BUY,
    CLAIM_MS,
    FLAG_TRIGGER_ABOVE,
    ITEM_PLACE,
    KIND_DATED,
    LIQUIDATION_WAIT_MS,
    LONG_SILENCE_MS,
    MESSAGE_FORCE_CANCEL_ALL,
    MESSAGE_FORCE_CLOSE,
    NONCE_JUMP_WORDS,
    NONCE_WORD_BITS,
    SELL,
    SETTLE_WAIT_MS,
    STALE_MS,
    WIND_DOWN_MS,
)
from tallystick.testing.scenarios.orders.many_orders import cancel, place, replace
from tallystick.testing.scenarios.scene import Scene
from tallystick.testing.world import address, key, ordinary_rules, record_message

ACCEPTED = Outcome.ACCEPTED


def forced_records(scene: Scene) -> None:
    """One of every kind through L1, none of them in the chains of records."""
    scene.trading("alice", "bob", "carol")
    before = scene.state.registers.record_count, scene.state.registers.promised_count

    def signed(kind: str, account: int = 1, /, **values: int) -> Record:
        name = scene.owners[account]
        return scene.signed(kind, name, account=account, nonce=scene.next_nonce(account), **values)

    order = {"side": BUY, "price_ticks": 990, "lots": 3}
    records = [
        signed("order", **order, client_id=1),
        signed("order", 2, side=SELL, price_ticks=990, lots=1),
        signed("conditional", side=BUY, price_ticks=1010, lots=1, trigger_ticks=1005, flags=FLAG_TRIGGER_ABOVE),
        signed("withdraw", amount_units=7, recipient=5),
        signed("transfer", to=0, amount_units=1000),
        signed("approve_agent", slot=2, key=int.from_bytes(address("agent"), "big"), scope=3),
        signed("dead_man", 3, time_ms=1 << 60),
        signed("cancel_all", 3),
        _bulk(scene, 3, [place(5, SELL, 1030, 2), place(6, SELL, 1031, 2), replace(5, SELL, 1032, 1), cancel(9)], 64),
        signed("cancel", client_id=1, slot=64),
        scene.signed("list_market", "governance", market=1, **ordinary_rules()),
        scene.signed("change_market", "governance", market=1, change=1, **_rules()),
    ]
    records.append(make("clean", pack_slots(64)))
    for kind, values in (
        ("apply_change", {"pending": 1}),
        ("settle_position", {"account": 1, "market": 1}),
        ("liquidate", {"account": 1, "market": 0}),
        ("take_over", {"account": 1, "market": 0, "lots": 1}),
        ("nominate_adl", {"account": 1, "market": 0, "candidate": 2}),
        ("deleverage", {"account": 1}),
        ("settle_account", {"account": 1}),
    ):
        records.append(make(kind, **values))
    scene.force(*records)
    registers = scene.state.registers
    # The batch before holds one clock record: its deposits were consumed when it opened.
    assert registers.record_count - before[0] <= 1
    assert registers.promised_count == before[1]
    assert registers.withdrawn_units == 7
    assert scene.report(0, 1006) is ACCEPTED


def refused_records(scene: Scene) -> None:
    """What is no record, no record for a message, or signed by nobody who may: each rejection, and the queue goes on."""
    scene.trading("alice", "bob")
    key_of_agent = int.from_bytes(address("agent"), "big")
    for slot, scope, expiry in ((1, 2, 0), (2, 3, 1)):
        values = {"nonce": scene.next_nonce(1), "slot": slot, "key": key_of_agent, "scope": scope, "expiry_ms": expiry}
        assert scene.force(scene.signed("approve_agent", "alice", account=1, **values)) is ACCEPTED
    order = {"price_ticks": 990, "lots": 1}
    good = scene.signed("order", "alice", account=1, nonce=5, **order)
    far = (NONCE_JUMP_WORDS + 1) * NONCE_WORD_BITS
    for record, expected in (
        (b"", Outcome.UNKNOWN_RECORD),
        (b"\2\xc1\1", Outcome.UNKNOWN_RECORD),
        (b"\x7f" + bytes(20), Outcome.UNKNOWN_RECORD),
        (b"\x10\xc0", Outcome.MALFORMED),
        (encode(make("clean", pack_slots(1))).ljust(12, b"\0"), Outcome.MALFORMED),
        (encode(good) + b"\0", Outcome.MALFORMED),
        (b"\x11\xc2\1\x40", Outcome.OUT_OF_RANGE),
        (make("clock", clock_ms=scene.state.registers.clock_ms), Outcome.UNKNOWN_MESSAGE),
        (b"\1\xc0", Outcome.MALFORMED),
        (Record(kind=good.kind, values=good.values, signature=bytes(64)), Outcome.BAD_SIGNATURE),
        (scene.signed("order", "bob", account=7, nonce=0, **order), Outcome.NO_ACCOUNT),
        (scene.signed("order", "bob", account=1, nonce=5, **order), Outcome.NOT_AUTHORISED),
        (scene.signed("list_market", "bob", market=1, **ordinary_rules()), Outcome.NOT_AUTHORISED),
        (scene.reported({0: 1}, 0, 0, "bob"), Outcome.NOT_AUTHORISED),
        (scene.signed("order", "agent", account=1, agent=2, nonce=5, **order), Outcome.AGENT_EXPIRED),
        (scene.signed("order", "agent", account=1, agent=1, nonce=5, **order), Outcome.AGENT_SCOPE),
        (scene.signed("order", "alice", account=1, nonce=far, **order), Outcome.NONCE_RANGE),
        (good, ACCEPTED),
        (good, Outcome.NONCE_USED),
    ):
        assert scene.force(record) is expected
    scene.force(b"", good, make("clean", pack_slots(1)), scene.signed("cancel_all", "bob", account=2, nonce=9))


def forced_sequence(scene: Scene) -> None:
    """Orders between, before and behind forced cancels, all through L1 and all in one batch."""
    scene.trading("alice", "bob")
    for lots, kind in ((1, MESSAGE_FORCE_CANCEL_ALL), (2, MESSAGE_FORCE_CANCEL_ALL), (4, 0)):
        scene.force(_order(scene, 1, SELL, 1000, lots))
        if kind:
            scene.queue(kind, "alice", 1)
            scene.consume()
    assert scene.force(_order(scene, 2, BUY, 1000, 9)) is ACCEPTED
    scene.force(_order(scene, 1, SELL, 1010, 3), scene.signed("cancel_all", "alice", account=1, nonce=99))
    assert scene.order(2, 0, BUY, 1010, 1) is ACCEPTED


def forced_prices(scene: Scene) -> None:
    """Reports that were queued in time count hours later, by their own time; stops and quotes wait for fresh ones."""
    scene.trading("alice", "bob", "carol")
    scene.deposit("dave", 4, 15_000_000)
    scene.order(1, 0, SELL, 1000, 2000)
    assert scene.order(4, 0, BUY, 1000, 2000) is ACCEPTED
    scene.order(1, 0, BUY, 930, 5000)
    assert scene.conditional(3, 0, SELL, 940, 1, 950) is ACCEPTED
    scene.seal()
    queued = scene.time + 20
    _report_through_l1(scene, queued, 945)
    for kind, more in (("liquidate", {}), ("take_over", {"lots": 1})):
        scene.published.messages.append(record_message(make(kind, account=4, market=0, **more), queued))
    scene.published.messages.append(record_message(_order(scene, 2, SELL, 930, 1), queued))
    scene.time = queued + 4 * 3600
    assert scene.consume() is Outcome.STALE_INDEX
    _report_through_l1(scene, queued, 946)
    _report_through_l1(scene, queued - 61, 947)
    _report_through_l1(scene, scene.time + 3600, 947)
    scene.consume()
    assert scene.report(0, 950) is ACCEPTED
    scene.reopen(0, 950)


def forced_closes_in_a_halt(scene: Scene) -> None:
    """Closes without a bound, with one, and beyond the largest order; none without a price by the clock."""
    scene.trading("alice", "bob", "carol", max_lots=100)
    for _ in range(2):
        scene.order(1, 0, SELL, 1000, 50)
        assert scene.order(2, 0, BUY, 1000, 50) is ACCEPTED
    scene.rule(0, max_lots=10)
    for side, price in ((BUY, 999), (SELL, 1001)):
        for _ in range(3):
            scene.order(3, 0, side, price, 10)
    scene.dead_man(2, scene.state.registers.clock_ms + 1)
    scene.clock(ahead_ms=5)

    def close(name: str, account: int, price: int = 0) -> Outcome:
        scene.queue(MESSAGE_FORCE_CLOSE, name, account, price << 32)
        return scene.consume()

    assert close("bob", 2, 1000) is Outcome.UNFILLED
    assert close("bob", 2) is Outcome.UNFILLED
    assert close("alice", 1) is Outcome.UNFILLED
    scene.later(STALE_MS + 1)
    assert close("alice", 1) is Outcome.STALE_INDEX


def forced_settlement(scene: Scene) -> None:
    """A future settles by the first forced report of its expiry or later, not by one from before it."""
    scene.trading("alice", "bob")
    expiry = scene.time + 100
    scene.open_market(1, 1000, kind=KIND_DATED, expiry_ms=expiry * 1000)
    for account, side in ((1, SELL), (2, BUY)):
        assert scene.order(account, 1, side, 1000, 3) is ACCEPTED
    scene.seal()
    _report_through_l1(scene, expiry - 1, 1010, market=1)
    _report_through_l1(scene, expiry, 1020, market=1)
    scene.time = expiry + 900
    scene.consume()
    for later, outcome in ((0, Outcome.TOO_EARLY), (SETTLE_WAIT_MS // 1000, ACCEPTED)):
        scene.time += later
        for account in (1, 2):
            assert scene.force(make("settle_position", account=account, market=1)) is outcome


def forced_wind_down(scene: Scene) -> None:
    """An exchange without prices is wound down through L1 alone, and takes through L1 what it takes at all."""
    scene.trading("alice", "bob")
    scene.order(1, 0, SELL, 1000, 9)
    scene.order(2, 0, BUY, 1000, 9)
    scene.seal()
    scene.time = scene.state.registers.last_index_ms // 1000 + WIND_DOWN_MS // 1000 + 9
    assert scene.force(make("settle_account", account=1)) is Outcome.TOO_EARLY
    scene.time += 1
    assert scene.force(make("settle_account", account=3)) is Outcome.NO_ACCOUNT
    assert scene.force(make("settle_account", account=1)) is ACCEPTED
    assert scene.force(_order(scene, 1, BUY, 1000, 1)) is Outcome.WINDING_DOWN
    assert scene.force(scene.signed("cancel_all", "alice", account=1, nonce=50)) is ACCEPTED
    scene.time += CLAIM_MS // 1000
    for account in (1, 2):
        assert scene.force(make("settle_account", account=account)) is ACCEPTED


def forced_wait(scene: Scene) -> None:
    """Behind a halt a forced liquidation waits by its own time, and then meets no book whose clock is further."""
    scene.trading("alice", "bob")
    scene.deposit("dave", 4, 6_000_000)
    scene.order(1, 0, SELL, 1000, 1000)
    assert scene.order(4, 0, BUY, 1000, 1000) is ACCEPTED
    scene.order(1, 0, BUY, 950, 5000)
    scene.seal()
    begins = scene.time + LONG_SILENCE_MS // 1000 + 10
    liquidate = make("liquidate", account=4, market=0)
    for after in (0, 20, 40, LIQUIDATION_WAIT_MS // 1000):
        _report_through_l1(scene, begins + after, 960)
        scene.published.messages.append(record_message(liquidate, begins + after))
    scene.time = begins + 900
    assert scene.consume() is Outcome.UNFILLED


def _report_through_l1(scene: Scene, time: int, price: int, market: int = 0) -> None:
    """Queue three signers' reports of a market, and of one that is not there, at an L1 time."""
    for i in range(3):
        record = scene.reported({63: 1, market: price}, i, time * 1000)
        scene.published.messages.append(record_message(record, time))


def _bulk(scene: Scene, account: int, items: list[Item], slot: int) -> Record:
    packed = b"".join(slot.to_bytes(5, "big") for each in items if each.what != ITEM_PLACE)
    values = {"account": account, "nonce": scene.next_nonce(account)}
    record = make("bulk", pack_items(items), packed, **values)
    return sign(record, scene.state.registers.domain, key(scene.owners[account]))


def _rules() -> dict[str, int]:
    return {name: value for name, value in ordinary_rules().items() if name in RULES}


def _order(scene: Scene, account: int, side: int, price: int, lots: int) -> Record:
    values = {"account": account, "nonce": scene.next_nonce(account), "side": side, "price_ticks": price, "lots": lots}
    return scene.signed("order", scene.owners[account], **values)


SCENARIOS = (
    forced_records,
    refused_records,
    forced_sequence,
    forced_prices,
    forced_closes_in_a_halt,
    forced_settlement,
    forced_wind_down,
    forced_wait,
)
