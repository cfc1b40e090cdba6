"""The keeper: asks for the liquidations that are due. Anybody could; the operator does it by itself."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from tallystick.machine.market.instrument import exposure_of, weight_of, worth_of
from tallystick.machine.market.liquidation import FUND, size_of
from tallystick.machine.market.risk import Health, health
from tallystick.ports import Clock
from tallystick.records.signing import make
from tallystick.shapes.submitting import Answer
from tallystick.state.cells import (
    Account,
    Risk,
    account_position_market,
    account_position_size_lots,
    deleverage_candidate,
    deleverage_since_ms,
)
from tallystick.state.layout import ADL_DELAY_MS, MAX_POSITIONS
from tallystick.state.state import State
from tallystick_operator.intake.door import Refused, unsigned
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.sequencer import Sequencer

RETRY_SECONDS: Final = 5.0
"""How long a position is left alone that nobody took: each attempt is a record on L1."""
CANDIDATES_TRIED: Final = 3
ANSWER_SECONDS: Final = 10.0
Position = tuple[int, int]
"""(account, market)"""


class Keeper:
    """Walks the ladder for every position that is due: the book, the insurance fund, the other side."""

    def __init__(self, sequencer: Sequencer, clock: Clock) -> None:
        self._sequencer = sequencer
        self._clock = clock
        self._left_alone: dict[Position, float] = {}
        self._seen = -1

    def tick(self) -> bool:
        """Look through the accounts once, if anything has happened since, and ask for what is due."""
        now = self._clock.monotonic()
        self._left_alone = {each: until for each, until in self._left_alone.items() if until > now}
        for account in self._sequencer.read(ripe_nominations):
            self._ask("deleverage", account=account)
        records = self._sequencer.read(lambda core: core.executor.state.registers.record_count)
        if records == self._seen and not self._left_alone:
            return True
        self._seen = records
        for account, market in self._sequencer.read(lambda core: due(core.executor.state)):
            if (account, market) not in self._left_alone and not self._close(account, market):
                self._left_alone[account, market] = now + RETRY_SECONDS
        return True

    def _close(self, account: int, market: int) -> bool:
        """Try to have a position closed, in part at least; return whether that happened or was not needed."""
        answer = self._ask("liquidate", account=account, market=market)
        if answer is None or answer.fills or answer.outcome not in ("UNFILLED", "BANKRUPT"):
            return answer is not None
        if account == FUND:
            return False
        answer = self._ask("take_over", account=account, market=market)
        if answer is None or answer.outcome != "INSURANCE_LIMIT":
            return answer is not None and answer.outcome == "ACCEPTED"
        for candidate in self._sequencer.read(lambda core: candidates(core.executor.state, account, market)):
            answer = self._ask("nominate_adl", account=account, market=market, candidate=candidate)
            if answer is None or answer.outcome in ("ACCEPTED", "OUTRANKED"):
                break
        return False

    def _ask(self, kind: str, **values: int) -> Answer | None:
        """Have a record sequenced; None when the operator is too busy or about to end."""
        try:
            result = self._sequencer.submit([unsigned(make(kind, **values))]).result(ANSWER_SECONDS)[0]
        except (Refused, TimeoutError):
            return None
        return None if isinstance(result, Refused) else result


def due(state: State) -> list[Position]:
    """Return each account's largest position whose value is below its maintenance margin, and those of the fund."""
    found: list[Position] = []
    risk = state.risk.open(0)
    for number, base in state.accounts.every():
        held = _positions(state, base)
        if not held:
            continue
        measured = health(state, base, risk)
        if number == FUND:
            found += [(FUND, market) for market in held]
        elif measured.value < measured.maintenance:
            found.append((number, max(held, key=lambda market: _worth(state, risk, market, held[market]))))
    return found


def ripe_nominations(core: Core) -> list[int]:
    """Return the accounts whose nominee's turn has come."""
    state = core.executor.state
    words = state.deleverages.words
    ripe = core.clock.now_ms() - ADL_DELAY_MS if core.clock.started else -1
    return [
        number
        for number, base in state.deleverages.every()
        if deleverage_candidate(words, base) and deleverage_since_ms(words, base) <= ripe
    ]


def candidates(state: State, account: int, market: int) -> list[int]:
    """Return who has an opposite position, those first that are leveraged most."""
    risk = state.risk.open(0)
    size = size_of(state.accounts.words, state.accounts.known(account), market)
    ranked: list[tuple[Fraction, int]] = []
    for number, base in state.accounts.every():
        if number == FUND or size_of(state.accounts.words, base, market) * size >= 0:
            continue
        measured: Health = health(state, base, risk)
        if measured.value > 0:
            ranked.append((Fraction(measured.notional, measured.value), number))
    return [number for _, number in sorted(ranked, reverse=True)[:CANDIDATES_TRIED]]


def _positions(state: State, base: Account) -> dict[int, int]:
    words = state.accounts.words
    found: dict[int, int] = {}
    for slot in range(MAX_POSITIONS):
        if account_position_size_lots(words, base, slot):
            found[account_position_market(words, base, slot)] = account_position_size_lots(words, base, slot)
    return found


def _worth(state: State, risk: Risk, market: int, size: int) -> int:
    marks = state.risk.words
    return weight_of(worth_of(marks, risk, market, exposure_of(marks, risk, market, size)))
