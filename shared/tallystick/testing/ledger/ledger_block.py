"""Block trades of the independent ledger: two accounts, one price, no book."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger_market import MILLION, share
from tallystick.testing.ledger.ledger_model import BUY, Account, Lean, Order
from tallystick.testing.ledger.ledger_rules import RulesLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One side of a block trade: its account, who signs for it, as which agent, with which nonce."""

    number: int
    signer: str
    agent: int
    nonce: int
    must_reduce: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTrade:
    """What two parties have signed. Units: ticks, lots, milliseconds. The side is the maker's."""

    maker: Party
    taker: Party
    market: int
    side: int
    price: int
    lots: int
    counterparty: int = 0
    expiry_ms: int = 0


class BlockLedger(RulesLedger):
    """The whole exchange, block trades too."""

    def block(self, block: BlockTrade, *, through_l1: bool = False) -> Outcome:
        """Trade all lots between two accounts, or none of them."""
        self.records += 1
        maker, taker = block.maker, block.taker
        rejection = self._authenticate(maker.signer, maker.number, maker.nonce, maker.agent, 1, spends=False)
        if not rejection and not self.is_named(block.market):
            rejection = Outcome.NO_MARKET
        if rejection:
            return rejection
        block = replace(block, market=block.market % 64)
        if maker.number == taker.number:
            return Outcome.SELF_TRADE
        if block.counterparty and block.counterparty != taker.number:
            return Outcome.NOT_AUTHORISED
        rejection = self._authenticate(taker.signer, taker.number, taker.nonce, taker.agent, 1, spends=False)
        rejection = rejection or self._check_block(block, through_l1=through_l1)
        if rejection:
            return rejection
        changed = self._exchange(block)
        if isinstance(changed, Outcome):
            return changed
        self._change(block.market, changed)
        for party in (maker, taker):
            self.accounts[party.number].nonces.add(party.nonce)
        return Outcome.ACCEPTED

    def _check_block(self, block: BlockTrade, *, through_l1: bool) -> Outcome | None:
        market = self.markets.get(block.market)
        if market is None or market.settled:
            return Outcome.NO_MARKET
        if market.has_expired(self.clock_ms):
            return Outcome.MARKET_EXPIRED
        if self.clock_ms < market.live_ms:
            return Outcome.NOT_LIVE
        if not market.mark:
            return Outcome.NO_MARK
        if not block.lots or not block.price:
            return Outcome.OUT_OF_RANGE
        if block.lots > market.max_lots:
            return Outcome.TOO_LARGE
        if block.expiry_ms and block.expiry_ms <= self.clock_ms:
            return Outcome.EXPIRED
        sides = self._orders(block)
        leaves = through_l1 and all(self._reducible(order) >= block.lots for _, order in sides)
        if market.is_stale(self.clock_ms):
            if not leaves:
                return Outcome.STALE_INDEX
        elif any(market.too_dear(block.price, buys=order.side == BUY) for _, order in sides):
            return Outcome.UNFILLED
        for party, order in sides:
            if party.must_reduce and self._reducible(order) < block.lots:
                return Outcome.NOTHING_TO_REDUCE
        held = any(self._is_held(party.number, block.market) for party, _ in sides)
        return Outcome.BRAKE if held else None

    def _orders(self, block: BlockTrade) -> list[tuple[Party, Order]]:
        """Return both sides as orders, the maker's first."""
        sides = ((block.maker, block.side), (block.taker, 1 - BUY - block.side))
        return [
            (party, Order(self.records, party.number, block.market, side, block.price, block.lots, 0, 0))
            for party, side in sides
        ]

    def _exchange(self, block: BlockTrade) -> dict[int, Account] | Outcome:
        """Return both accounts as the trade leaves them, or why it may not; the fees are booked."""
        market = self.markets[block.market]
        quote = block.lots * block.price * market.multiplier
        fees = (
            share(quote, market.maker_fee_ppm) - quote * market.rebate_ppm // MILLION,
            share(quote, market.taker_fee_ppm),
        )
        changed: dict[int, Account] = {}
        for (party, order), fee in zip(self._orders(block), fees, strict=True):
            after = self._after(party.number, order, block.lots, quote, fee)
            if isinstance(after, Outcome):
                return after
            changed[party.number] = after
        self._ask_more(block.market, changed)
        stands = self._is_no_less_safe if market.is_stale(self.clock_ms) else self._carries
        if not all(stands(number, new, block.market) for number, new in changed.items()):
            return Outcome.MARGIN
        if self._overfills(block.market, changed):
            return Outcome.OPEN_INTEREST
        self.fees += sum(fees)
        return changed

    def _is_no_less_safe(self, number: int, new: Account, _: int) -> bool:
        """Whether what an account has behind each unit that it must keep is no less than before; more margin is no excuse."""
        before, after = self.worth(self.accounts[number], Lean.WORST), self.worth(new, Lean.WORST)
        if before.value < 0 or after.value < 0:
            return False
        if after.maintenance == 0:
            return True
        return Fraction(after.value, after.maintenance) >= Fraction(before.value, before.maintenance)
