"""The keeper walks the ladder by itself; whoever else asks is answered at the door."""

from __future__ import annotations

import pytest

from tallystick.machine.hosts.opposing import rank_opposing
from tallystick.machine.hosts.scouting import CLAIM, CLOSE, SETTLE, accounts_of, scout
from tallystick.machine.market.funds import fund_of
from tallystick.records.codec import encode
from tallystick.records.signing import make
from tallystick.shapes.submitting import Answer, Submission
from tallystick.state.cells import (
    account_cash_units,
    account_settled,
    set_account_cash_units,
    set_account_position_cost_units,
    set_account_position_market,
    set_account_position_size_lots,
    set_market_net_lots,
    set_market_open_interest_lots,
    set_market_status,
    set_price_index_ms,
)
from tallystick.state.layout import (
    ADL_DELAY_MS,
    CLAIM_COUNTED,
    CLAIM_MS,
    CLAIM_PAID,
    MARKET_SETTLED,
    SLICE_MS,
    WIND_DOWN_MS,
)
from tallystick.state.ordinals import AccountId, MarketId, UnixMs, UnixSeconds
from tallystick.state.quantities import Lots, Units
from tallystick.state.state import State
from tallystick.testing.byhand import endow, hold, write_rules
from tallystick.testing.handclock import HandClock
from tallystick.testing.ledger.look import position
from tallystick.testing.world import START
from tallystick_operator.api.depth import prices
from tallystick_operator.intake import keeper as keeping
from tallystick_operator.intake.door import Refused, check_signature, to_record, unsigned
from tallystick_operator.intake.keeper import MOST_ASKED, RETRY_SECONDS, Keeper, ripe_nominations
from tallystick_operator.sequencer.sequencer import Sequencer
from tests.operator.rig import Rig

BUY, SELL = 0, 1
SHORT, POOR = 1, 2
"""Alice holds 100 lots short, bob 100 long that he cannot carry."""
MARK = 618_000
WORTH = 100 * MARK * 100


@pytest.fixture
def now() -> HandClock:
    return HandClock()


def troubled(rig: Rig, value: int) -> None:
    """Let bob be worth a value against a maintenance margin of 2.5 %."""
    state = rig.core.executor.state
    rig.accept(rig.order(1, SELL, MARK, 100))
    rig.accept(rig.order(2, BUY, MARK, 100))
    hold(state, POOR, 0, 100, value)


def keeper(rig: Rig, now: HandClock) -> tuple[Keeper, Sequencer]:
    def failed(error: BaseException) -> None:
        raise error

    sequencer = Sequencer(rig.core, lambda _: None, failed)
    sequencer.start()
    return Keeper(sequencer, now), sequencer


def wanted(state: State, what: int = CLOSE) -> list[tuple[AccountId, MarketId]]:
    accounts = accounts_of(state)
    found = scout(state, accounts, 0, len(accounts), state.registers.clock_ms)
    return [(account, market) for each, account, market in found if each == what]


def opposing(state: State) -> list[AccountId]:
    """Return who is opposite to bob, best rank first."""
    accounts, size = accounts_of(state), position(state, POOR, 0)
    return [
        number
        for _, _, number in sorted(rank_opposing(state, accounts, 0, len(accounts), MarketId(0), size), reverse=True)
    ]


def hold_too(state: State, account: int, slot: int, market: int, size: int) -> None:
    """Give an account one position more, at no price."""
    base, words = state.accounts.known(AccountId(account)), state.accounts.words
    set_account_position_market(words, base, slot, MarketId(market))
    set_account_position_size_lots(words, base, slot, Lots(size))


def open_another(rig: Rig) -> None:
    """Give market 1 a price."""
    for i in range(3):
        rig.accept(rig.report(i, MARK, market=1))


def pass_by(rig: Rig, ms: int) -> None:
    """Let so much of L1's time go by, and a second more."""
    rig.seconds += ms // 1000 + 1
    rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))


def outcomes(rig: Rig) -> int:
    return rig.core.executor.state.registers.record_count


def test_only_what_cannot_be_carried_is_due(rig: Rig) -> None:
    state = rig.core.executor.state
    troubled(rig, WORTH // 40)
    assert wanted(state) == []
    hold(state, POOR, 0, 100, WORTH // 40 - 1)
    assert wanted(state) == [(AccountId(POOR), MarketId(0))]
    assert opposing(state) == [SHORT]


def test_what_a_fund_holds_is_due_and_no_fund_is_a_candidate(rig: Rig) -> None:
    state = rig.core.executor.state
    troubled(rig, WORTH // 40)
    hold(state, fund_of(MarketId(0)), 0, -10, 10**12)
    assert wanted(state) == [(fund_of(MarketId(0)), MarketId(0))]
    assert opposing(state) == [SHORT]


def test_F01_every_position_of_a_failing_account_is_closed_and_what_is_settled_there_is_paid(
    rig: Rig, now: HandClock
) -> None:
    open_another(rig)
    troubled(rig, WORTH // 80)
    state = rig.core.executor.state
    hold_too(state, POOR, 1, 1, 200)
    hold_too(state, SHORT, 1, 1, -200)
    set_market_status(state.markets.words, state.markets.known(MarketId(1)), MARKET_SETTLED)
    set_market_open_interest_lots(state.markets.words, state.markets.known(MarketId(1)), Lots(200))
    paid = 200 * MARK * 100
    base = state.accounts.known(AccountId(POOR))
    set_account_cash_units(state.accounts.words, base, Units(account_cash_units(state.accounts.words, base) - paid))
    rig.accept(rig.order(1, BUY, MARK, 100))
    assert wanted(state) == [(AccountId(POOR), MarketId(0))]
    assert wanted(state, SETTLE) == [(AccountId(SHORT), MarketId(1)), (AccountId(POOR), MarketId(1))]
    watch, sequencer = keeper(rig, now)
    assert not watch.tick()
    assert position(state, POOR, 1) == position(state, SHORT, 1) == 0
    assert position(state, POOR, 0) == 100, "what is paid may be what it lacks"
    assert watch.tick()
    assert 0 < position(state, POOR, 0) < 100
    done = outcomes(rig)
    for _ in range(5):
        now.passed += RETRY_SECONDS
        watch.tick()
    sequencer.close()
    assert outcomes(rig) == done, "nothing is asked for that would be rejected"


def test_F01_of_two_positions_the_smaller_is_asked_for_as_well(rig: Rig) -> None:
    open_another(rig)
    troubled(rig, WORTH // 40 - 1)
    hold_too(rig.core.executor.state, POOR, 1, 1, -300)
    assert wanted(rig.core.executor.state) == [(AccountId(POOR), 1), (AccountId(POOR), MarketId(0))]


def test_F01_dead_orders_at_the_best_prices_are_taken_out_and_living_ones_stay(rig: Rig, now: HandClock) -> None:
    ends = rig.core.clock.now_ms() + 1_000
    for price in (MARK - 100, MARK - 200):
        rig.accept(rig.order(1, BUY, price, 1, expiry_ms=ends))
    rig.accept(rig.order(2, BUY, MARK - 150, 1))
    rig.seconds += 2
    watch, sequencer = keeper(rig, now)
    for _ in range(64):
        watch.tick()
    sequencer.close()
    state = rig.core.executor.state
    assert list(prices(state, MarketId(0), BUY)) == [MARK - 150]
    done = outcomes(rig)
    watch._seen = -1
    assert wanted(state) == [] and outcomes(rig) == done


def test_F01_a_wind_down_that_somebody_began_is_carried_through_for_everybody(rig: Rig, now: HandClock) -> None:
    troubled(rig, WORTH)
    pass_by(rig, WIND_DOWN_MS)
    watch, sequencer = keeper(rig, now)
    watch.tick()
    state = rig.core.executor.state
    assert state.registers.wind_down_ms == 0, "nobody but people begins it"
    sequencer.submit([unsigned(make("settle_account", account=SHORT))]).result()
    watch.tick()
    claims = [account_settled(state.accounts.words, state.accounts.known(AccountId(each))) for each in (SHORT, POOR)]
    assert claims == [CLAIM_COUNTED] * 2
    pass_by(rig, CLAIM_MS)
    now.passed += RETRY_SECONDS
    watch.tick()
    sequencer.close()
    claims = [account_settled(state.accounts.words, state.accounts.known(AccountId(each))) for each in (SHORT, POOR)]
    assert claims == [CLAIM_PAID] * 2
    assert wanted(state, CLAIM) == []


def test_what_is_to_be_settled_comes_in_parts_and_traders_in_between(rig: Rig, now: HandClock) -> None:
    open_another(rig)
    troubled(rig, WORTH)
    state = rig.core.executor.state
    set_market_status(state.markets.words, state.markets.known(MarketId(1)), MARKET_SETTLED)
    set_market_net_lots(state.markets.words, state.markets.known(MarketId(1)), Lots(MOST_ASKED + 1))
    set_market_open_interest_lots(state.markets.words, state.markets.known(MarketId(1)), Lots(MOST_ASKED + 1))
    for account in range(100, 100 + MOST_ASKED + 1):
        state.accounts.open(AccountId(account))
        hold_too(state, account, 0, 1, 1)
    watch, sequencer = keeper(rig, now)
    assert not watch.tick()
    assert len(wanted(state, SETTLE)) == 1
    assert not watch.tick() and watch.tick()
    sequencer.close()
    assert wanted(state, SETTLE) == []


def test_a_failing_position_is_sold_on_the_book(rig: Rig, now: HandClock) -> None:
    troubled(rig, WORTH // 80)
    rig.accept(rig.order(1, BUY, MARK, 100))
    watch, sequencer = keeper(rig, now)
    watch.tick()
    sequencer.close()
    state = rig.core.executor.state
    assert 0 < position(state, POOR, 0) < 100
    assert wanted(state) == []


def test_what_nobody_buys_goes_to_the_other_side_and_is_not_asked_for_again_at_once(rig: Rig, now: HandClock) -> None:
    troubled(rig, WORTH // 160)
    watch, sequencer = keeper(rig, now)
    watch.tick()
    nominated = outcomes(rig)
    assert rig.core.executor.state.deleverages.indices()
    assert ripe_nominations(rig.core) == []
    watch.tick()
    assert outcomes(rig) == nominated
    now.passed = RETRY_SECONDS
    sequencer.close()


def test_of_what_the_book_leaves_the_fund_takes_the_most_it_can(rig: Rig, now: HandClock) -> None:
    troubled(rig, WORTH // 160)
    state = rig.core.executor.state
    endow(state, 0, 10**12)
    write_rules(state, 0, {"insurance_lots": 100})
    watch, sequencer = keeper(rig, now)
    watch.tick()
    taken = position(state, fund_of(MarketId(0)), 0)
    assert 0 < taken < 100
    assert wanted(state) == [(fund_of(MarketId(0)), MarketId(0))], "as many as suffice"
    done = outcomes(rig)
    watch.tick()
    assert outcomes(rig) == done, "the next slice waits"
    sequencer.close()


def test_a_fund_is_unwound_slice_by_slice(rig: Rig, now: HandClock) -> None:
    troubled(rig, WORTH // 40)
    state = rig.core.executor.state
    hold(state, fund_of(MarketId(0)), 0, 40, 10**12)
    write_rules(state, 0, {"insurance_lots": 100})
    hold(state, SHORT, 0, -140, 10**13)
    for _ in range(3):
        rig.accept(rig.order(1, BUY, MARK, 100))
    watch, sequencer = keeper(rig, now)
    held = [position(state, fund_of(MarketId(0)), 0)]
    for _ in range(3):
        watch.tick()
        held.append(position(state, fund_of(MarketId(0)), 0))
        now.passed += RETRY_SECONDS
        rig.seconds += SLICE_MS / 1000
    sequencer.close()
    assert held == sorted(set(held), reverse=True) and len(held) == 4


def test_a_position_that_only_another_index_can_change_is_left_alone_until_then(rig: Rig, now: HandClock) -> None:
    troubled(rig, -(10**9))
    state = rig.core.executor.state
    hold(state, SHORT, 0, -100, 1)
    watch, sequencer = keeper(rig, now)
    for _ in range(3):
        watch.tick()
        now.passed += RETRY_SECONDS
    assert state.deleverages.indices() == [], "nobody could bear a lot of it: not a record"
    assert (
        set(watch._left_at) == {(CLOSE, AccountId(POOR), MarketId(0)), (CLOSE, AccountId(SHORT), MarketId(0))}
        and watch._left_alone == {}
    )
    hold(state, SHORT, 0, -100, 10**12)
    watch.tick()
    assert state.deleverages.indices() == []
    set_price_index_ms(state.prices.words, state.prices.known(MarketId(0)), UnixMs(state.registers.clock_ms + 1))
    now.passed += RETRY_SECONDS
    watch.tick()
    sequencer.close()
    assert watch._left_at == {}
    assert state.deleverages.indices() == [POOR]


def test_who_does_not_owe_is_asked_of_the_book_before_a_nominees_turn(rig: Rig, now: HandClock) -> None:
    troubled(rig, WORTH // 160)
    watch, sequencer = keeper(rig, now)
    watch.tick()
    rig.seconds += ADL_DELAY_MS / 1000
    state = rig.core.executor.state
    assert ripe_nominations(rig.core) == [(AccountId(POOR), MarketId(0))]
    watch.tick()
    sequencer.close()
    assert 0 < position(state, POOR, 0) < 100
    assert position(state, SHORT, 0) == -position(state, POOR, 0)
    assert wanted(state) == []


def test_those_who_have_won_are_named_before_those_who_are_leveraged_more(
    rig: Rig, now: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubled(rig, -1)
    state = rig.core.executor.state
    for account, value, gains in ((11, 10**9, 0), (12, 10**12, 1), (13, -5, 1), (14, 10**11, 1)):
        hold(state, account, 0, -50, value)
        base = state.accounts.known(AccountId(account))
        set_account_position_cost_units(state.accounts.words, base, 0, Units(-50 * MARK * 100 - (2 * gains - 1)))
    watch, sequencer = keeper(rig, now)
    sequencer.close()
    for at_once in (keeping.ACCOUNTS_AT_ONCE, 2):
        monkeypatch.setattr(keeping, "ACCOUNTS_AT_ONCE", at_once)
        assert watch.candidates(AccountId(POOR), MarketId(0)) == [14, SHORT, 12, 11, 13]
    assert watch.candidates(AccountId(77), MarketId(0)) == []


def test_a_nominee_whose_turn_has_come_takes_the_position_up(rig: Rig, now: HandClock) -> None:
    troubled(rig, -1)
    watch, sequencer = keeper(rig, now)
    watch.tick()
    rig.seconds += ADL_DELAY_MS / 1000
    assert ripe_nominations(rig.core) == [(AccountId(POOR), MarketId(0))]
    watch.tick()
    sequencer.close()
    assert position(rig.core.executor.state, POOR, 0) == position(rig.core.executor.state, SHORT, 0) == 0


def test_anybody_may_ask_and_what_does_nothing_is_refused(rig: Rig) -> None:
    troubled(rig, WORTH // 40)

    def ask(kind: str, **fields: int) -> Answer | Refused:
        record = to_record(Submission(kind=kind, fields=dict(fields)))
        return rig.core.process([check_signature(record, rig.core.domain)])[0]

    def refusal(answer: Answer | Refused) -> str:
        assert isinstance(answer, Refused), answer
        return answer.code

    before = outcomes(rig)
    assert refusal(ask("liquidate", account=POOR, market=0)) == "healthy"
    assert refusal(ask("liquidate", account=POOR, market=1)) == "no_market"
    assert refusal(ask("take_over", account=77, market=0)) == "no_position"
    assert not rig.core.executor.state.accounts.is_known(77)
    assert refusal(ask("deleverage", account=POOR)) == "no_nomination"
    assert outcomes(rig) == before
    hold(rig.core.executor.state, POOR, 0, 100, 1)
    assert refusal(ask("liquidate", account=int(fund_of(MarketId(0))), market=0)) == "no_position"
    first = ask("liquidate", account=POOR, market=0)
    assert isinstance(first, Answer)
    assert (first.outcome, first.repeated) == ("UNFILLED", False)
    again = ask("liquidate", account=POOR, market=0)
    assert isinstance(again, Answer)
    assert again.repeated
    rig.seconds += 1
    later = ask("liquidate", account=POOR, market=0)
    assert isinstance(later, Answer)
    assert not later.repeated


def test_the_operators_own_kind_stays_its_own() -> None:
    record = make("clock", clock_ms=1)
    with pytest.raises(Refused, match="operator"):
        to_record(Submission(raw="0x" + encode(record).hex()))


def test_a_liquidation_needs_no_signature_in_either_form(rig: Rig) -> None:
    record = make("liquidate", account=1, market=0)
    assert to_record(Submission(raw="0x" + encode(record).hex())) == record
