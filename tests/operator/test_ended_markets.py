"""The keeper and markets that end: who owes is closed before anybody is paid, and a dead market is settled."""

from __future__ import annotations

from tallystick.machine.hosts.scouting import SETTLE, dead_markets
from tallystick.machine.market.book import nothing_rests
from tallystick.machine.market.funds import fund_of
from tallystick.state.cells import market_dead_ms, market_status, set_market_settled_ms, set_market_status
from tallystick.state.layout import (
    BUY,
    DEAD_MARKET_MS,
    DEAD_WAIT_MS,
    FLAG_TRIGGER_ABOVE,
    MARKET_SETTLED,
    MAX_MARKETS,
    SELL,
    SETTLE_WAIT_MS,
)
from tallystick.state.ordinals import NEVER, AccountId, MarketId, UnixMs
from tallystick.testing.byhand import endow, write_rules
from tallystick.testing.handclock import HandClock
from tallystick.testing.ledger.look import position
from tallystick_operator.intake.keeper import RETRY_SECONDS
from tests.operator.rig import Rig
from tests.operator.test_keeper import MARK, POOR, SHORT, keeper, open_another, pass_by, troubled, wanted


def test_who_owes_when_a_market_settles_is_closed_first_and_everybody_is_paid_after_ten_minutes(rig: Rig) -> None:
    now = HandClock()
    troubled(rig, -1)
    state = rig.core.executor.state
    endow(state, 0, 10**12)
    rules, market = state.markets.words, state.markets.known(MarketId(0))
    write_rules(state, 0, {"insurance_lots": 1_000})
    set_market_status(rules, market, MARKET_SETTLED)
    set_market_settled_ms(rules, market, state.registers.clock_ms)
    assert wanted(state, SETTLE) == []
    assert wanted(state) == [(AccountId(POOR), MarketId(0))]
    watch, sequencer = keeper(rig, now)
    watch.tick()
    assert (position(state, POOR, 0), position(state, fund_of(MarketId(0)), 0)) == (0, 100)
    assert wanted(state) == wanted(state, SETTLE) == []
    pass_by(rig, SETTLE_WAIT_MS)
    while not watch.tick():
        now.passed += RETRY_SECONDS
    sequencer.close()
    assert [position(state, each, 0) for each in (SHORT, fund_of(MarketId(0)))] == [0, 0]


def test_X13_the_keeper_takes_every_order_out_of_a_settled_market_so_that_its_id_is_free(rig: Rig) -> None:
    """Far from the best price, and parked for a trigger on either side of the mark, as well; of a live market none."""
    for price in (1, MARK - 100):
        rig.accept(rig.order(1, BUY, price, 1))
    rig.accept(rig.order(2, SELL, MARK + 100, 1))
    for trigger, flags in ((MARK - 200, 0), (MARK + 200, FLAG_TRIGGER_ABOVE)):
        terms = {"account": 1, "side": SELL, "price_ticks": MARK, "lots": 1, "trigger_ticks": trigger, "flags": flags}
        rig.accept(rig.signed("conditional", "alice", nonce=rig.next_nonce(1), **terms))
    watch, sequencer = keeper(rig, HandClock())
    state = rig.core.executor.state
    for left in (5, 0):
        for _ in range(MAX_MARKETS):
            watch.tick()
        assert (state.registers.orders_total, nothing_rests(state, MarketId(0))) == (left, not left)
        set_market_status(state.markets.words, state.markets.known(MarketId(0)), MARKET_SETTLED)
    sequencer.close()


def test_X13_a_market_whose_signers_are_gone_is_found_dead_and_settled_by_the_keeper(rig: Rig) -> None:
    now = HandClock()
    open_another(rig)
    state = rig.core.executor.state
    live = state.registers.last_index_ms + DEAD_MARKET_MS + 1
    watch, sequencer = keeper(rig, now)
    watch.tick()
    rules, market = state.markets.words, state.markets.known(MarketId(1))
    assert (market_dead_ms(rules, market), dead_markets(state, UnixMs(live))) == (NEVER, [])
    state.registers.last_index_ms = UnixMs(live)
    state.registers.clock_ms = UnixMs(live)
    assert dead_markets(state, state.registers.clock_ms) == [0, 1]
    watch.tick()
    assert market_dead_ms(rules, market) == state.registers.clock_ms
    pass_by(rig, DEAD_WAIT_MS)
    rig.core.executor.state.registers.clock_ms = UnixMs(rig.core.executor.state.registers.clock_ms + DEAD_WAIT_MS)
    watch.tick()
    sequencer.close()
    assert market_status(rules, market) == MARKET_SETTLED
