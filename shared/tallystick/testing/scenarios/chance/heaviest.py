"""The largest input of every kind of step: full accounts and risk cell, three tiers, full chunks, pages in chains.

Nothing here is likely; the gas snapshot shows that all of it can be proven.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tallystick.machine.market.funds import fund_of, is_fund
from tallystick.machine.market.risk import health
from tallystick.records.codec import Record, encode
from tallystick.records.items import pack_items
from tallystick.records.signing import make, sign
from tallystick.schema.market_rules import RULES
from tallystick.schema.names import Outcome
from tallystick.state import layout
from tallystick.state.cells import (
    account_cash_units,
    set_account_cash_units,
    set_account_position_cost_units,
    set_account_position_extra_units,
    set_account_position_funding_index_ppm,
    set_account_position_market,
    set_account_position_size_lots,
    set_price_index_ms,
    set_price_index_ticks,
)
from tallystick.state.layout import (
    ADL_DELAY_MS,
    BUY,
    CHANGE_DELAY_MS,
    FLAG_IOC,
    ITEM_BYTES,
    LEAN_WORST,
    MAX_CHUNK_BYTES,
    MAX_CHUNKS,
    MAX_EXPOSURE,
    MAX_FORCED_BYTES,
    MAX_MARKETS,
    MAX_POSITIONS,
    MAX_SIGNERS,
    MESSAGE_FORCE_CLOSE,
    MESSAGE_FORCE_WITHDRAW,
    PAGE_SLOTS,
    SELL,
    SERIES_SHIFT,
)
from tallystick.state.ordinals import AccountId, MarketId, Number
from tallystick.state.quantities import Lots, TickPpm, Ticks, Units
from tallystick.testing.byhand import write_rules
from tallystick.testing.extremes import settle_books
from tallystick.testing.scenarios.chance.at_the_ends import sign_by_all
from tallystick.testing.scenarios.orders.many_orders import place
from tallystick.testing.scenarios.scene import Scene, frame
from tallystick.testing.world import address, key, ordinary_rules

ALICE, BOB, CAROL, DAVE = 1, 2, 3, 4
NAMES: Final = ("alice", "bob", "carol", "dave")
MARKET: Final = 63
MARK: Final = 0x010101
MULTIPLIER: Final = 0x0101
LOTS: Final = 0x010101
"""Every byte of a position's numbers costs calldata."""
FORCED_ITEMS: Final = 25
RULES_OF_ALL: Final = {
    "status": 1,
    "multiplier": MULTIPLIER,
    "mark_ticks": MARK,
    "index_ticks": MARK,
    "max_lots": MAX_EXPOSURE // MULTIPLIER,
    "max_open_interest_lots": MAX_EXPOSURE // MULTIPLIER * 4,
    "insurance_lots": MAX_EXPOSURE // MULTIPLIER,
    "fund_units": 0x01010101010101,
    "liquidation_fee_ppm": 0x0101,
    "band_ppm": 0x8080,
    "quote_lots": 0x0101010101010101,
    "min_order_units": 0x010101,
    "initial_ppm": 0x030101,
    "initial2_ppm": 0x040101,
    "initial3_ppm": 0x050101,
    "maintenance_ppm": 0x010101,
    "maintenance2_ppm": 0x020101,
    "maintenance3_ppm": 0x030101,
    "tier2_from_millions": 0x0101,
    "tier3_from_millions": 0x010101,
    "surcharge_from_units": 0x01010101010101,
    "surcharge_to_units": 0x0101010101010101,
    "anchor_ticks": MARK,
    "anchor_ms": 0x010101010101,
    "up_ticks": 0x010101 - 1,
    "up_ms": 0x0101010101010101,
    "up_jump_ms": 0x010101010101,
    "down_ticks": 0x010101 + 1,
    "down_ms": 0x0101010101010101,
    "down_jump_ms": 0x010101010101,
    "braked": 3,
    "funding_index_ppm": 0x010101010101,
}


def _stage(scene: Scene) -> None:
    """Write 64 markets and full accounts: alice and the market's fund long in it, bob, carol and dave short."""
    scene.clock()
    for number, name in enumerate(NAMES, start=1):
        scene.deposit(name, number, 1)
    scene.finish()
    state = scene.state
    sign_by_all(scene)
    for market in range(MAX_MARKETS):
        write_rules(state, market, RULES_OF_ALL)
        price = state.prices.open(MarketId(market))
        set_price_index_ticks(state.prices.words, price, Ticks(MARK))
        state.prices.mark(market)
    for account in (ALICE, BOB, CAROL, DAVE, fund_of(MarketId(MARKET))):
        base = state.accounts.open(AccountId(account))
        # The market of the step is in the last slot, behind fifteen that it is not; a fund is in its own alone.
        held = (MARKET,) if is_fund(AccountId(account)) else range(MARKET + 1 - MAX_POSITIONS, MARKET + 1)
        for slot, market in enumerate(held):
            size = LOTS if is_fund(AccountId(account)) or account == ALICE else -LOTS
            set_account_position_market(state.accounts.words, base, slot, MarketId(market))
            set_account_position_size_lots(state.accounts.words, base, slot, Lots(size))
            set_account_position_funding_index_ppm(state.accounts.words, base, slot, TickPpm(0x01010101))
            # More than it is worth with its funding, so that none of its value is a gain that may not leave.
            cost = size * MULTIPLIER * MARK + 0x01010101010101
            set_account_position_cost_units(state.accounts.words, base, slot, Units(cost))
            set_account_position_extra_units(state.accounts.words, base, slot, Units(0x010101010101))
        state.accounts.mark(account)
    settle_books(state)
    for account in (ALICE, BOB, CAROL, DAVE):
        _worth(scene, account, 4, 1)
    _go_on(scene)


def _worth(scene: Scene, account: Number, numerator: int, denominator: int, *, of_initial: bool = True) -> None:
    """Give an account the cash that makes it worth a share of its initial or maintenance margin."""
    state = scene.state
    base = state.accounts.open(AccountId(account))
    measured = health(state, base, state.risk.open(0), LEAN_WORST)
    wanted = (measured.initial_units if of_initial else measured.maintenance_units) * numerator // denominator
    set_account_cash_units(
        state.accounts.words,
        base,
        Units(account_cash_units(state.accounts.words, base) + wanted - measured.value_units),
    )
    state.accounts.mark(account)


def _go_on(scene: Scene) -> None:
    """Start the scenario over from the state as it has been written, with its books balanced and its prices new."""
    state = scene.state
    settle_books(state)
    for market in range(MAX_MARKETS):
        set_price_index_ms(state.prices.words, state.prices.open(MarketId(market)), state.registers.clock_ms)
        state.prices.mark(market)
        write_rules(state, market, {"index_ms": int(state.registers.clock_ms)})
    scene.cut()
    scene.clock()


def _chain(scene: Scene, side: int) -> int:
    """Let dave rest orders over two pages of one price, and cancel all but the last one of the first page."""
    slots = []
    for client_id in range(PAGE_SLOTS + 1):
        assert scene.order(DAVE, MARKET, side, MARK, 1, client_id=client_id) is Outcome.ACCEPTED
        slots.append(scene.last_slot())
    left = PAGE_SLOTS - 1
    for client_id, slot in enumerate(slots):
        if client_id != left:
            assert scene.cancel(DAVE, client_id, slot) is Outcome.ACCEPTED
    return slots[left]


def heaviest_chains(scene: Scene) -> None:
    """The last order of a chain of pages is cancelled, and another one taken out after its death."""
    _stage(scene)
    slot = _chain(scene, SELL)
    assert scene.cancel(DAVE, PAGE_SLOTS - 1, slot) is Outcome.ACCEPTED
    slot = _chain(scene, BUY)
    assert scene.cancel_all(DAVE) is Outcome.ACCEPTED
    assert scene.clean(slot) is Outcome.ACCEPTED


def heaviest_fills(scene: Scene) -> None:
    """Both sides hold 16 positions, are short of initial margin before and after, and the maker's price empties."""
    _stage(scene)
    _chain(scene, BUY)
    scene.finish()
    for account in (ALICE, DAVE):
        _worth(scene, account, 9, 10)
    _go_on(scene)
    assert scene.order(ALICE, MARKET, SELL, MARK, 1, flags=FLAG_IOC) is Outcome.ACCEPTED


def heaviest_liquidation(scene: Scene) -> None:
    """As fills, and the fund is paid."""
    _stage(scene)
    _chain(scene, BUY)
    scene.finish()
    _worth(scene, DAVE, 9, 10)
    _worth(scene, ALICE, 9, 10, of_initial=False)
    _go_on(scene)
    assert scene.liquidate(ALICE, MARKET) is Outcome.UNFILLED


def heaviest_take_over(scene: Scene) -> None:
    """The fund takes a position up, with a bid below what it may sell at in the book."""
    _troubled(scene, fund=30)
    assert scene.liquidate(ALICE, MARKET) is Outcome.UNFILLED
    assert scene.take_over(ALICE, MARKET, 1) is Outcome.ACCEPTED


def heaviest_deleveraging(scene: Scene) -> None:
    """The fund is too poor: candidates outrank each other, and the position is closed against one of them.

    None of them can bear all of it, so that how much is looked for.
    """
    _troubled(scene, fund=9)
    scene.finish()
    _worth(scene, ALICE, -9, 10, of_initial=False)
    _go_on(scene)
    assert scene.take_over(ALICE, MARKET, 1) is Outcome.INSURANCE_LIMIT
    assert scene.nominate(ALICE, MARKET, BOB) is Outcome.ACCEPTED
    assert scene.nominate(ALICE, MARKET, CAROL) is Outcome.ACCEPTED
    assert scene.nominate(ALICE, MARKET, BOB) is Outcome.OUTRANKED
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(ALICE) is Outcome.ACCEPTED


def _troubled(scene: Scene, fund: int) -> None:
    """Bring alice below her maintenance margin, the fund to so many tenths of its initial one."""
    _stage(scene)
    assert scene.order(DAVE, MARKET, BUY, 1, 1) is Outcome.ACCEPTED
    scene.finish()
    _worth(scene, ALICE, 4, 10, of_initial=False)
    _worth(scene, fund_of(MarketId(MARKET)), fund, 10)
    _worth(scene, CAROL, 3, 2)
    _go_on(scene)


def heaviest_prices(scene: Scene) -> None:
    """All sixteen signers report, dearest first, the last in a full chunk; with a book on both sides, samples due."""
    _stage(scene)
    assert scene.order(DAVE, MARKET, BUY, MARK - 1, 1) is Outcome.ACCEPTED
    assert scene.order(DAVE, MARKET, SELL, MARK + 1, 1) is Outcome.ACCEPTED
    for _ in range(2):
        scene.finish()
        scene.time += 3600
        scene.clock()
        for number in range(MAX_SIGNERS - 1):
            assert scene.prices({MARKET: MARK + 0x100 - number}, number) is Outcome.ACCEPTED
        filler = make("bulk", bytes(MAX_CHUNK_BYTES - 600), account=ALICE)
        assert scene.send(replace(filler, signature=bytes(64))) is Outcome.BAD_SIGNATURE
        every = dict.fromkeys(range(MAX_MARKETS), 0) | {MARKET: MARK}
        assert scene.prices(every, MAX_SIGNERS - 1) is Outcome.ACCEPTED


def heaviest_samples(scene: Scene) -> None:
    """A sample counts an offer and takes out the last order of a chain of pages, which its account carries no more."""
    _stage(scene)
    scene.rule(MARKET, quote_lots=1)
    _chain(scene, SELL)
    assert scene.order(ALICE, MARKET, BUY, MARK - 1, 1) is Outcome.ACCEPTED
    scene.finish()
    _worth(scene, DAVE, 9, 10)
    _go_on(scene)
    for number in range(MAX_SIGNERS):
        assert scene.prices({MARKET: MARK}, number) is Outcome.ACCEPTED


def heaviest_settlement(scene: Scene) -> None:
    """A position of a full account in a market that has settled, owners who close or withdraw through L1."""
    _stage(scene)
    scene.rule(MARKET - 1, status=2)
    for name, account in (("bob", BOB), ("carol", CAROL)):
        scene.queue(MESSAGE_FORCE_WITHDRAW, name, account, 0x0101)
        scene.queue(MESSAGE_FORCE_CLOSE, name, account, MARKET << 56 | MARK << 32 | 1)
    scene.consume()
    assert scene.send(make("settle_position", account=ALICE, market=MARKET - 1)) is Outcome.ACCEPTED


def heaviest_forced(scene: Scene) -> None:
    """Records of the most bytes an L1 message may have: a bulk an agent signed, a listing, and a list of anything."""
    _stage(scene)
    scene.rule(0, status=0)
    scene.send(scene.signed("approve_agent", "alice", account=ALICE, nonce=1, slot=15, key=_address("agent"), scope=3))
    items = [place((1 << 62) - 1 - i, BUY, MARK, 0x01010101, market=MARKET) for i in range(FORCED_ITEMS)]
    bulk = make("bulk", pack_items(items), b"", account=ALICE, agent=15, nonce=2, expiry_ms=(1 << 62) - 1)
    record = encode(sign(bulk, scene.state.registers.domain, key("agent")))
    assert MAX_FORCED_BYTES - ITEM_BYTES < len(record) <= MAX_FORCED_BYTES
    scene.force(record)
    scene.force(scene.signed("list_market", "governance", market=0, **ordinary_rules(**_all_rules())))
    scene.force(b"\x08\xf9\x02\x51" + b"\x01" * 593)


def heaviest_full_chunks(scene: Scene) -> None:
    """Records in chunks that are full, the largest bulk an agent can sign, and a batch of 32 full chunks."""
    _stage(scene)
    rules = {name: value for name, value in ordinary_rules(**_all_rules()).items() if name in RULES}
    _post(scene, scene.signed("change_market", "governance", market=0, change=1, **rules))
    scene.rule(0, status=2)
    scene.send(scene.signed("approve_agent", "alice", account=ALICE, nonce=1, slot=15, key=_address("agent"), scope=3))
    _post(scene, scene.signed("change_market", "governance", market=MARKET, change=1, **rules))
    scene.time += CHANGE_DELAY_MS // 1000
    _post(scene, make("clock", clock_ms=scene.time * 1000))
    _post(scene, make("apply_change", pending=MARKET))
    again = scene.signed("list_market", "governance", market=1 << SERIES_SHIFT, **ordinary_rules(**_all_rules()))
    _post(scene, again)
    _post(scene, scene.signed("change_fee_account", "governance", account=ALICE, change=1))
    _post(scene, scene.signed("delist", "governance", market=MARKET))
    items = pack_items(
        [place((1 << 62) - 1 - i, BUY, MARK, 0x01010101, market=MARKET) for i in range(3800 // ITEM_BYTES)]
    )
    bulk = make("bulk", items, b"", account=ALICE, agent=15, nonce=2, expiry_ms=(1 << 62) - 1)
    _post(scene, sign(bulk, scene.state.registers.domain, key("agent")))
    for nonce, kind, more in (
        (1, "withdraw", {"recipient": _address("carol")}),
        (2, "transfer", {"to": fund_of(MarketId(MARKET))}),
    ):
        _post(scene, scene.signed(kind, "carol", account=CAROL, nonce=nonce, amount_units=0x010101, **more))
    scene.post(*[_padded(scene, b"") for _ in range(MAX_CHUNKS)])


def heaviest_block(scene: Scene) -> None:
    """Both sides hold 16 positions, are short of initial margin before and after, and the taker's agent accepts."""
    _stage(scene)
    agent = {"nonce": 1, "slot": 15, "key": _address("agent"), "scope": 3, "expiry_ms": (1 << 62) - 1}
    scene.send(scene.signed("approve_agent", "dave", account=DAVE, **agent))
    scene.finish()
    for account in (ALICE, DAVE):
        _worth(scene, account, 9, 10)
    _go_on(scene)
    reduces = layout.BLOCK_MAKER_REDUCES | layout.BLOCK_TAKER_REDUCES
    terms = {"expiry_ms": (1 << 62) - 1, "counterparty": DAVE, "reduces": reduces, "nonce": 0x010101}
    offer = scene.offer(ALICE, MARKET, SELL, MARK, 1, **terms)
    _post(scene, scene.accepted(offer, DAVE, by="agent", taker_agent=15, taker_nonce=0x010101))


def _all_rules() -> dict[str, int]:
    return {name: RULES_OF_ALL[name] for name in (*RULES, "multiplier") if name in RULES_OF_ALL}


def _address(name: str) -> int:
    return int.from_bytes(address(name), "big")


def _post(scene: Scene, record: Record) -> None:
    """Publish a record in a full chunk of a batch of its own, and run it."""
    scene.post(_padded(scene, frame(encode(record))))
    outcomes = [values[-1] for name, values in scene.events if name == "outcome"]
    assert outcomes[-2:] == [Outcome.ACCEPTED, Outcome.UNKNOWN_RECORD], record.kind


def _padded(scene: Scene, frames: bytes) -> bytes:
    """Return a chunk of these frames and one of no record's, as long as a chunk may be and without zeros."""
    chunk = scene.header() + frames
    rest = MAX_CHUNK_BYTES - len(chunk) - layout.FRAME_HEADER_BYTES
    return chunk + frame(b"\xff" * rest)


SCENARIOS = (
    heaviest_chains,
    heaviest_fills,
    heaviest_liquidation,
    heaviest_take_over,
    heaviest_deleveraging,
    heaviest_prices,
    heaviest_samples,
    heaviest_settlement,
    heaviest_forced,
    heaviest_full_chunks,
    heaviest_block,
)
