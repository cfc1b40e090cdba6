"""Rules that change, futures that expire, positions closed through L1: the rest of the independent ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger_market import MAX_EXPOSURE, Market
from tallystick.testing.ledger.ledger_model import BUY, IOC, REDUCE_ONLY, Order
from tallystick.testing.ledger.ledger_price import order_stage
from tallystick.testing.ledger.ledger_winding import DAY_MS, WindingLedger

DELAY_MS = 21 * DAY_MS
CHANGED = (
    *("initial_ppm", "maintenance_ppm", "taker_fee_ppm", "maker_fee_ppm", "max_lots"),
    *("rebate_ppm", "liquidation_fee_ppm", "insurance_lots", "band_ppm"),
    *("tiers", "surcharge", "move_ppm", "max_open_interest"),
)


@dataclass(slots=True)
class Proposal:
    """The rules a market is to have, None once they are in force. `number` counts a market's proposals."""

    number: int
    rules: Market | None
    effective_ms: int


class RulesLedger(WindingLedger):
    """The whole exchange with everything governance and time do to its markets."""

    def __init__(self, *, governance: str, signers: tuple[str, ...], quorum: int) -> None:
        super().__init__(governance=governance, signers=signers, quorum=quorum)
        self.proposals: dict[int, Proposal] = {}

    def change_market(self, signer: str, number: int, change: int, rules: Market) -> Outcome:
        """Propose a market's next rules; its multiplier stays."""
        self.records += 1
        if signer != self.governance:
            return Outcome.NOT_AUTHORISED
        market = self.markets.get(number)
        if market is None or market.settled:
            return Outcome.NO_MARKET
        before = self.proposals.get(number)
        if change != (before.number if before else 0) + 1:
            return Outcome.OLD_CHANGE
        sane = (
            rules.max_lots > 0 < rules.maintenance_ppm <= rules.initial_ppm and rules.rebate_ppm <= rules.taker_fee_ppm
        )
        if not sane or market.multiplier * rules.max_lots > MAX_EXPOSURE:
            return Outcome.BAD_PARAMETERS
        self.proposals[number] = Proposal(change, rules, self.clock_ms + DELAY_MS)
        return Outcome.ACCEPTED

    def apply_change(self, number: int) -> Outcome:
        """Put a market's proposed rules in force."""
        self.records += 1
        market = self.markets.get(number)
        if market is None or market.settled:
            return Outcome.NO_MARKET
        proposal = self.proposals.get(number)
        if proposal is None or proposal.rules is None:
            return Outcome.NO_CHANGE
        if proposal.effective_ms > self.clock_ms:
            return Outcome.TOO_EARLY
        self.markets[number] = replace(market, **{name: getattr(proposal.rules, name) for name in CHANGED})
        proposal.rules = None
        return Outcome.ACCEPTED

    def settle_position(self, number: int, market_number: int) -> Outcome:
        """Turn a position in a settled market into cash."""
        self.records += 1
        market = self.markets.get(market_number)
        if market is None or not market.settled:
            return Outcome.NOT_SETTLED
        account = self.accounts.get(number)
        if account is None or market_number not in account.positions:
            return Outcome.NO_POSITION
        account.cash += account.positions.pop(market_number) * market.mark * market.multiplier
        account.paid.pop(market_number)
        return Outcome.ACCEPTED

    def force_close(self, sender: str, number: int, market_number: int, price: int, lots: int) -> Outcome:
        """Close a position, or a part of it, against the book; return how the order, or the message, ends."""
        account = self.accounts.get(number)
        if account is None or account.owner != sender:
            return Outcome.NOT_AUTHORISED
        market = self.markets.get(market_number)
        if market is None or market.settled:
            return Outcome.NO_MARKET
        if market.has_expired(self.clock_ms):
            return Outcome.MARKET_EXPIRED
        held = account.positions.get(market_number, 0)
        if not held:
            return Outcome.NO_POSITION
        size = abs(held)
        side = 1 - BUY if held > 0 else BUY
        flags = IOC | REDUCE_ONLY
        wanted = Order(self.sequence, number, market_number, side, price, min(lots or size, size), 0, 0, flags)
        waits = order_stage(market, self.clock_ms, posts=False)
        if waits:
            return waits
        while wanted.lots:
            maker = self._best_against(wanted)
            if maker is None:
                return Outcome.UNFILLED
            ended = self._meet(wanted, maker)
            if ended:
                return ended
        return Outcome.ACCEPTED
