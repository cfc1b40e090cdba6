"""The independent ledger's desk: what accounts are worth, and how orders meet."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger_market import MILLION, Market, share
from tallystick.testing.ledger.ledger_model import (
    ABOVE,
    BUY,
    FOK,
    IOC,
    MARKET_ORDER,
    MAX_CASH,
    MAX_POSITIONS,
    POST_ONLY,
    REDUCE_ONLY,
    STP_BOTH,
    STP_TAKER,
    Account,
    Order,
    Worth,
)
from tallystick.testing.ledger.ledger_price import order_stage


class Desk:
    """Accounts, markets and orders, and what a fill makes of them."""

    def __init__(self, *, governance: str, signers: tuple[str, ...], quorum: int) -> None:
        self.governance = governance
        self.signers = signers
        self.quorum = quorum
        self.accounts: dict[int, Account] = {}
        self.markets: dict[int, Market] = {}
        self.orders: list[Order] = []
        self.parked: list[Order] = []
        self.clock_ms = 0
        self.records = 0
        self.messages = 0
        self.deposited = 0
        self.fees = 0
        self.dust = Fraction(0)
        self.outbox: list[tuple[int, int]] = []

    @property
    def sequence(self) -> int:
        """The place of the newest record or message among all of them."""
        return self.records + self.messages

    # Margin

    def worth(self, account: Account) -> Worth:
        """Measure an account against the marks."""
        value, initial, maintenance, notional = account.cash, 0, 0, 0
        for number, lots in account.positions.items():
            market = self.markets[number]
            value += lots * market.mark * market.multiplier - ceil(self._funding(account, number))
            exposure = abs(lots) * market.mark * market.multiplier
            notional += exposure
            initial += market.initial(exposure)
            maintenance += market.maintenance(exposure)
        return Worth(value, initial, maintenance, notional)

    def withdrawable(self, number: int) -> int:
        """Return what may leave an account."""
        worth = self.worth(self.accounts[number])
        kept = max(Fraction(worth.initial), Fraction(ceil(Fraction(worth.notional, 10))))
        held = self.deposited - sum(amount for _, amount in self.outbox)
        return max(0, min(worth.value - int(kept), held))

    # Orders

    def _check_order(self, wanted: Order, *, pairs: bool) -> Outcome | None:
        market = self.markets.get(wanted.market)
        if market is None or market.settled:
            return Outcome.NO_MARKET
        if market.has_expired(self.clock_ms):
            return Outcome.MARKET_EXPIRED
        if not market.mark:
            return Outcome.NO_MARK
        flags = wanted.flags
        if not wanted.lots or (not wanted.price and not flags & MARKET_ORDER):
            return Outcome.OUT_OF_RANGE
        if (flags & POST_ONLY and flags & (IOC | FOK | MARKET_ORDER)) or (flags & STP_TAKER and flags & STP_BOTH):
            return Outcome.BAD_FLAGS
        if not wanted.trigger and (flags & ABOVE or (pairs and not flags & POST_ONLY)):
            return Outcome.BAD_FLAGS
        if wanted.lots > market.max_lots:
            return Outcome.TOO_LARGE
        if wanted.expiry_ms and wanted.expiry_ms <= self.clock_ms:
            return Outcome.EXPIRED
        if self._switch_fired(self.accounts[wanted.account]):
            return Outcome.DEAD_MAN
        waits = order_stage(market, self.clock_ms, posts=flags & POST_ONLY != 0 or wanted.trigger != 0)
        return waits or (Outcome.ALREADY_DUE if wanted.trigger and wanted.is_due(market.mark) else None)

    def _switch_fired(self, account: Account) -> bool:
        return 0 < account.dead_man_ms <= self.clock_ms

    def _reducible(self, order: Order) -> int:
        size = self.accounts[order.account].positions.get(order.market, 0)
        return max(0, -size if order.side == BUY else size)

    def _best_against(self, taker: Order) -> Order | None:
        """Return the best and oldest order on the other side, if it crosses."""
        others = [o for o in self.orders if o.market == taker.market and o.side != taker.side]
        if taker.side == BUY:
            crossing = [o for o in others if o.price <= taker.price]
            return min(crossing, key=lambda o: (o.price, o.sequence), default=None)
        crossing = [o for o in others if o.price >= taker.price]
        return min(crossing, key=lambda o: (-o.price, o.sequence), default=None)

    def _unfit(self, taker: Order) -> Outcome | None:
        """Say why a fill-or-kill order cannot fill wholly, as far as the book alone tells."""
        missing = min(taker.lots, self._reducible(taker)) if taker.flags & REDUCE_ONLY else taker.lots
        if not missing:
            return Outcome.NOTHING_TO_REDUCE
        sign = 1 if taker.side == BUY else -1
        others = [o for o in self.orders if o.market == taker.market and o.side != taker.side]
        for maker in sorted(others, key=lambda o: sign * o.price):
            if sign * maker.price > sign * taker.price or missing <= 0:
                break
            if self._is_dead(maker):
                continue
            if maker.account == taker.account:
                if taker.flags & (STP_TAKER | STP_BOTH):
                    break
                continue
            missing -= min(maker.lots, self._reducible(maker)) if maker.flags & REDUCE_ONLY else maker.lots
        return Outcome.NOT_FILLABLE if missing > 0 else None

    def _is_dead(self, maker: Order) -> bool:
        account = self.accounts[maker.account]
        expired = maker.expiry_ms != 0 and maker.expiry_ms <= self.clock_ms
        return expired or self._switch_fired(account) or maker.sequence < account.dead_before or self._alone(maker)

    def _alone(self, order: Order) -> bool:
        """Whether an order's pair has gone, or has begun to fill."""
        other = order.pair
        if other is None:
            return False
        return other.pair is not order or not any(each is other for each in self.orders + self.parked)

    def _after(
        self, number: int, order: Order, lots: int, quote: int, fee: int, *, forced: bool = False
    ) -> Account | Outcome:
        """Return an account as a fill of `order` would leave it, or why it may not; a forced one asks for no margin."""
        market = self.markets[order.market]
        old = self.accounts[number]
        size = old.positions.get(order.market, 0)
        if size == 0 and len(old.positions) == MAX_POSITIONS:
            return Outcome.NO_POSITION_SLOT
        new_size = size + (lots if order.side == BUY else -lots)
        new_cash = old.cash - ceil(self._funding(old, order.market)) + (-quote if order.side == BUY else quote) - fee
        shrinks = abs(new_size) < abs(size) and size * new_size >= 0
        if (abs(new_size) > market.max_lots and not shrinks) or abs(new_cash) > MAX_CASH:
            return Outcome.POSITION_LIMIT
        positions = {m: s for m, s in {**old.positions, order.market: new_size}.items() if s}
        paid = {m: old.paid[m] if m != order.market else market.funding for m in positions}
        new = replace(old, cash=new_cash, positions=positions, paid=paid)
        stands = forced or self._stands(self.worth(old), self.worth(new), shrinks=shrinks)
        return new if stands else Outcome.MARGIN

    def _funding(self, account: Account, number: int) -> Fraction:
        """Return what an account's position owes in funding, unrounded."""
        market = self.markets[number]
        held = account.positions.get(number, 0)
        return held * market.multiplier * (market.funding - account.paid[number]) if held else Fraction(0)

    @staticmethod
    def _stands(before: Worth, after: Worth, *, shrinks: bool) -> bool:
        if after.value >= after.initial:
            return True
        if not shrinks or after.maintenance == 0:
            return False
        return Fraction(after.value, after.maintenance) >= Fraction(before.value, before.maintenance)

    def _meet(self, taker: Order, maker: Order) -> Outcome | None:
        """Let a taker meet one maker; return how the taker ends, if it does."""
        if self._is_dead(maker):
            self.orders.remove(maker)
            return None
        if maker.account == taker.account:
            if not taker.flags & STP_TAKER:
                self.orders.remove(maker)
            return Outcome.SELF_TRADE if taker.flags & (STP_TAKER | STP_BOTH) else None
        if taker.flags & POST_ONLY:
            return Outcome.WOULD_CROSS
        return self._trade(taker, maker)

    def _trade(self, taker: Order, maker: Order) -> Outcome | None:
        market = self.markets[taker.market]
        lots = self._tradable(taker, maker)
        if lots == 0:
            self.orders.remove(maker)
            return None
        quote = lots * maker.price * market.multiplier
        taker_fee = share(quote, market.taker_fee_ppm)
        maker_fee = share(quote, market.maker_fee_ppm) - quote * market.rebate_ppm // MILLION
        taker_after = self._after(taker.account, taker, lots, quote, taker_fee)
        if isinstance(taker_after, Outcome):
            return taker_after
        maker_after = self._after(maker.account, maker, lots, quote, maker_fee)
        if isinstance(maker_after, Outcome):
            self.orders.remove(maker)
            return None
        changed = {taker.account: taker_after, maker.account: maker_after}
        if self._overfills(taker.market, changed):
            return Outcome.OPEN_INTEREST
        self._change(taker.market, changed)
        self.fees += taker_fee + maker_fee
        taker.lots -= lots
        maker.lots -= lots
        maker.pair = None
        if maker.lots == 0:
            self.orders.remove(maker)
        return None

    def _tradable(self, taker: Order, maker: Order) -> int:
        """Return how many lots two orders trade; none when the maker's may only reduce and nothing is left to."""
        lots = min(taker.lots, maker.lots)
        return min(lots, self._reducible(maker)) if maker.flags & REDUCE_ONLY else lots

    def _change(self, number: int, changed: dict[int, Account]) -> None:
        """Put accounts in the place of what they were, and keep what rounding their funding has left over."""
        for each in changed:
            funding = self._funding(self.accounts[each], number)
            self.dust += ceil(funding) - funding
        self.accounts.update(changed)
        self.fees += int(self.dust)
        self.dust -= int(self.dust)

    def _overfills(self, number: int, changed: dict[int, Account]) -> bool:
        """Whether open interest would grow beyond the market's cap."""
        market = self.markets[number]

        def longs(accounts: dict[int, Account]) -> int:
            return sum(max(0, account.positions.get(number, 0)) for account in accounts.values())

        before, after = longs(self.accounts), longs({**self.accounts, **changed})
        return before < after and 0 < market.max_open_interest < after

    def _rest(self, wanted: Order) -> Outcome:
        account = self.accounts[wanted.account]
        market = self.markets[wanted.market]
        size = account.positions.get(wanted.market, 0)
        if size == 0 and len(account.positions) == MAX_POSITIONS:
            return Outcome.MARGIN
        reducible = max(0, -size if wanted.side == BUY else size)
        quote = wanted.lots * wanted.price * market.multiplier
        worth = self.worth(account)
        if wanted.lots > reducible and worth.value < worth.initial + market.initial(quote):
            return Outcome.MARGIN
        (self.parked if wanted.trigger else self.orders).append(wanted)
        return Outcome.ACCEPTED
