"""The keeper: asks for the liquidations, settlements and cleaning that are due. Anybody could; the operator does it by itself."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from heapq import nlargest
from itertools import chain
from typing import Final

from tallystick.machine.foresight import foresee
from tallystick.machine.hosts.opposing import rank_opposing
from tallystick.machine.hosts.rooms import Rooms
from tallystick.machine.hosts.scouting import CLOSE, SETTLE, Want, accounts_of, dead_markets, scout
from tallystick.machine.market.funds import is_fund
from tallystick.machine.market.liquidation import size_of
from tallystick.ports import Clock
from tallystick.records.items import pack_slots
from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.shapes.submitting import Answer
from tallystick.state.cells import (
    deleverage_candidate,
    deleverage_market,
    deleverage_since_ms,
    market_down_ms,
    market_up_ms,
    price_index_ms,
)
from tallystick.state.layout import (
    ADL_DELAY_MS,
    ADL_LAPSE_MS,
    BUY,
    CLEAN_SLOTS,
    MAX_MARKETS,
    TREASURY_ACCOUNT,
)
from tallystick.state.ordinals import NEVER, AccountId, MarketId, Number, UnixMs
from tallystick_operator.api.depth import dead_near_best, left_behind
from tallystick_operator.intake.door import Refused, unsigned
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.sequencer import Sequencer

RETRY_SECONDS: Final = 5.0
"""How long a position is left alone that the book did not take: each attempt is a record on L1. A fund's slices come so often."""
CANDIDATES_TRIED: Final = 16
"""Candidates of which the machine is asked whether they could be nominated: only who could is a record."""
UNTIL_INDEX: Final = (Outcome.HEALTHY, Outcome.INSURANCE_LIMIT, Outcome.NOT_ELIGIBLE)
"""What only another index can change: nobody is asked again before it."""
ACCOUNTS_AT_ONCE: Final = 1_000
"""Accounts that are looked at before another thread may go on: a millisecond's work, compiled."""
MEASURED_AT_ONCE: Final = 100
"""Accounts that are measured while the sequencer waits: a tenth of a millisecond, so that hardly any other thread comes between."""
MOST_ASKED: Final = 64
"""Settlements and claims of one look: each is a record on L1, and traders' come in between."""
ORDERS_LOOKED_AT: Final = CLEAN_SLOTS
"""Orders of a side that are asked whether they are dead, from the best price on: as many as one record takes out."""
ANSWER_SECONDS: Final = 10.0


class Keeper:
    """Walks the ladder for every position that is due: the book, the market's insurance fund, the other side.

    Each rung is asked of the machine first, with the state as it is, and becomes a record when that would do something.

    It settles markets whose signers are gone, and positions in markets that are over, counts and pays claims once somebody has begun to wind the exchange
    down, and takes dead orders out of the book near its best prices. It looks through the accounts beside the
    sequencer, a part at a time, and the door judges what it asks for: what would be rejected is no record.
    """

    def __init__(self, sequencer: Sequencer, clock: Clock) -> None:
        self._sequencer = sequencer
        self._clock = clock
        self._left_alone: dict[Want, float] = {}
        self._left_at: dict[Want, UnixMs] = {}
        self._rooms = Rooms(sequencer.core.executor.state)
        self._seen = -1
        self._look_again = 0.0
        self._market = 0

    def tick(self) -> bool:
        """Look through the accounts once, if anything has happened or some time has gone by since, and ask for what is due.

        Return False when there is more to be asked for than one look may.
        """
        now = self._clock.monotonic()
        self._left_alone = {each: until for each, until in self._left_alone.items() if until > now}
        for account, market in self._sequencer.read(ripe_nominations):
            self._deleverage(account, market)
        for market in self._sequencer.read(_dead_markets):
            self._try("settle_position", account=TREASURY_ACCOUNT, market=market)
        self._clean()
        records = self._sequencer.read(lambda core: core.executor.state.registers.record_count)
        if records == self._seen and now < self._look_again:
            return True
        self._seen, self._look_again = records, now + RETRY_SECONDS
        found = self.scout()
        self._left_at = {each: self._left_at[each] for each in found if each in self._left_at}
        wanted = [each for each in found if each not in self._left_alone and not self._same_index(each)]
        others = [each for each in wanted if each[0] != CLOSE]
        for each in others[:MOST_ASKED]:
            if not self._settle(each):
                self._left_alone[each] = now + RETRY_SECONDS
        paid = {account for _, account, _ in others}
        for each in wanted:
            # what is settled may be what an account lacks: it is measured again first
            if each[0] == CLOSE and each[1] not in paid:
                self._leave_alone(each, self._close(each[1], each[2]), now)
        return not others

    def scout(self) -> list[Want]:
        """Return what should be asked for, largest positions of each account first.

        While the exchange is wound down everybody is looked at, else whom prices or records have given cause to; a part at a
        time, and the sequencer goes on in between.
        """
        core = self._sequencer.core
        state = core.executor.state
        clock_ms = max(core.clock.now_ms(), state.registers.clock_ms)
        if state.registers.wind_down_ms:
            accounts = accounts_of(state)
            return [want for first, last in _parts(accounts) for want in scout(state, accounts, first, last, clock_ms)]
        while not self._sequencer.read(self._follow):
            pass
        return self._rooms.wants(clock_ms)

    def _follow(self, core: Core) -> bool:
        """Bring the rooms up to date, or begin with those of another history; False when there is more to do."""
        executor = core.executor
        if self._rooms.state is not executor.state:
            self._rooms = Rooms(executor.state)
        self._rooms.changed(executor.read_model.take_moved())
        return self._rooms.follow(MEASURED_AT_ONCE)

    def candidates(self, account: AccountId, market: MarketId) -> list[AccountId]:
        """Return who might be deleveraged for a position, best rank first; the sequencer goes on meanwhile."""
        state = self._sequencer.core.executor.state
        base = state.accounts.find(account)
        if base is None:
            return []
        size, accounts = size_of(state.accounts.words, base, market), accounts_of(state)
        parts = (rank_opposing(state, accounts, first, last, market, size) for first, last in _parts(accounts))
        ranked = nlargest(CANDIDATES_TRIED, chain.from_iterable(parts))
        return [number for _, _, number in ranked]

    def _settle(self, want: Want) -> bool:
        """Have a position in a settled market paid, or a claim counted or paid; return whether that happened."""
        what, account, market = want
        if what == SETTLE:
            answer = self._ask("settle_position", account=account, market=market)
        else:
            answer = self._ask("settle_account", account=account)
        return answer is not None and answer.accepted

    def _clean(self) -> None:
        """Take dead orders out near the best prices of the next market in turn; of one that has settled all, so that it can be listed again."""
        self._market = (self._market + 1) % MAX_MARKETS
        market = MarketId(self._market)
        sides = [partial(_dead_orders, market, side) for side in (BUY, 1 - BUY)]
        for find in (*sides, partial(_left_behind, market)):
            gone = self._sequencer.read(find)
            if gone:
                self._ask("clean", pack_slots(*gone))

    def _same_index(self, want: Want) -> bool:
        """Whether a position was left alone at the index that its market has now."""
        return want in self._left_at and self._left_at[want] == self._sequencer.read(partial(_index_ms, want[2]))

    def _leave_alone(self, want: Want, outcome: Outcome, now: float) -> None:
        self._left_at.pop(want, None)
        if outcome in UNTIL_INDEX:
            self._left_at[want] = self._sequencer.read(partial(_index_ms, want[2]))
        elif outcome == Outcome.BRAKE:
            self._left_alone[want] = now + min(RETRY_SECONDS, self._sequencer.read(partial(_brake_seconds, want[2])))
        elif outcome != Outcome.ACCEPTED:
            self._left_alone[want] = now + RETRY_SECONDS

    def _close(self, account: AccountId, market: MarketId) -> Outcome:
        """Have a position closed, in part at least, rung by rung; return how the last one ended.

        What comes in between, another's takeover or LIQUIDATE, is answered by trying once more.
        """
        outcome = self._walk(account, market)
        if outcome in (Outcome.WORK_LIMIT, Outcome.BOOK_FIRST, Outcome.INSURANCE_FIRST):
            outcome = self._walk(account, market)
        return outcome

    def _walk(self, account: AccountId, market: MarketId) -> Outcome:
        outcome = self._try("liquidate", account=account, market=market)
        if outcome in (Outcome.ACCEPTED, Outcome.WORK_LIMIT):
            return outcome
        if not is_fund(account):
            # a settled market has no book: who owes there is the fund's at once
            if outcome not in (Outcome.UNFILLED, Outcome.BANKRUPT, Outcome.NO_MARKET):
                return outcome
            lots = self._sequencer.read(partial(_most_lots, account, market))
            if lots:
                return self._try("take_over", account=account, market=market, lots=lots)
        return self._nominate(account, market, outcome)

    def _nominate(self, account: AccountId, market: MarketId, outcome: Outcome) -> Outcome:
        """Name the candidate that ranks highest of those that could take something; `outcome` is that of the book."""
        for candidate in self.candidates(account, market):
            found = self._try("nominate_adl", account=account, market=market, candidate=candidate)
            if found == Outcome.BOOK_FIRST and not is_fund(account):
                return outcome  # it has more than half of what it must hold: only the book is for it
            if found == Outcome.HEALTHY and is_fund(account):
                return outcome  # it unwinds, and nothing is wrong with it
            outcome = found
            if outcome not in (Outcome.NOT_ELIGIBLE, Outcome.BRAKE):
                break
        return outcome

    def _deleverage(self, account: AccountId, market: MarketId) -> None:
        """Have a nominee's turn taken, the book first when it has a say, and the next one named."""
        outcome = self._try("deleverage", account=account)
        if outcome == Outcome.BOOK_FIRST and self._try("liquidate", account=account, market=market) == Outcome.UNFILLED:
            outcome = self._try("deleverage", account=account)
        if outcome in (Outcome.ACCEPTED, Outcome.NOT_ELIGIBLE, Outcome.BRAKE):
            self._nominate(account, market, outcome)

    def _try(self, kind: str, **values: Number) -> Outcome:
        """Ask the machine what would become of a record, and send it when that is something; return how it ended."""
        outcome = self._sequencer.read(partial(_foresee, kind, values))
        if outcome != Outcome.ACCEPTED:
            return outcome
        answer = self._ask(kind, **values)
        return Outcome.NO_SUCH_ORDER if answer is None else Outcome[answer.outcome]

    def _ask(self, kind: str, *blobs: bytes, **values: Number) -> Answer | None:
        """Have a record sequenced; None when the operator is too busy or about to end."""
        try:
            result = self._sequencer.submit([unsigned(make(kind, *blobs, **values))]).result(ANSWER_SECONDS)[0]
        except (Refused, TimeoutError):
            return None
        return None if isinstance(result, Refused) else result


def _parts(accounts: list[AccountId]) -> Iterator[tuple[int, int]]:
    """Yield where each part begins and ends of what is looked through."""
    for first in range(0, len(accounts), ACCOUNTS_AT_ONCE):
        yield first, min(first + ACCOUNTS_AT_ONCE, len(accounts))


def _dead_markets(core: Core) -> list[MarketId]:
    return dead_markets(core.executor.state, max(core.clock.now_ms(), core.executor.state.registers.clock_ms))


def _dead_orders(market: MarketId, side: int, core: Core) -> list[int]:
    return dead_near_best(core.executor.state, market, side, ORDERS_LOOKED_AT)


def _left_behind(market: MarketId, core: Core) -> list[int]:
    return left_behind(core.executor.state, market, ORDERS_LOOKED_AT)


def _foresee(kind: str, values: dict[str, Number], core: Core) -> Outcome:
    return foresee(core.executor.state, make(kind, **values))


def _index_ms(market: MarketId, core: Core) -> UnixMs:
    """Return the time of a market's index, 0 when it has none."""
    base = core.executor.state.prices.find(market)
    return NEVER if base is None else price_index_ms(core.executor.state.prices.words, base)


def _brake_seconds(market: MarketId, core: Core) -> float:
    """Return for how long the brakes of a market may still run. Units: seconds."""
    state = core.executor.state
    words, base = state.markets.words, state.markets.known(market)
    until = max(market_down_ms(words, base), market_up_ms(words, base))
    return max(0, until - max(core.clock.now_ms(), state.registers.clock_ms)) / 1_000


def _most_lots(account: AccountId, market: MarketId, core: Core) -> int:
    """Return the most lots that the market's fund would take over now, by halving; 0 for none."""
    state = core.executor.state
    size: int = int(size_of(state.accounts.words, state.accounts.known(account), market))
    low, high = 0, abs(size)
    while low < high:
        middle = (low + high + 1) // 2
        values = {"account": account, "market": market, "lots": middle}
        if foresee(state, make("take_over", **values)) == Outcome.ACCEPTED:
            low = middle
        else:
            high = middle - 1
    return low


def ripe_nominations(core: Core) -> list[tuple[AccountId, MarketId]]:
    """Return the accounts whose nominee's turn has come, and has not lapsed, each with its market."""
    state = core.executor.state
    words = state.deleverages.words
    if not core.clock.started:
        return []
    now_ms = core.clock.now_ms()
    return [
        (number, deleverage_market(words, base))
        for number, base in state.deleverages.every()
        if deleverage_candidate(words, base)
        and ADL_DELAY_MS <= now_ms - deleverage_since_ms(words, base) < ADL_LAPSE_MS
    ]
