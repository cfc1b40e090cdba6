"""The independent ledger's desk: what accounts are worth, and how orders meet."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, trunc

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger_market import MILLION, Market, share
from tallystick.testing.ledger.ledger_model import (
    ABOVE,
    BUY,
    IOC,
    MARKET_ORDER,
    MAX_CASH,
    MAX_POSITIONS,
    NO_FLAG,
    POST_ONLY,
    REDUCE_ONLY,
    STP_BOTH,
    STP_TAKER,
    WORK,
    Account,
    Lean,
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
        self.work = 0
        self.messages = 0
        self.deposited = 0
        self.fees = 0
        self.dust = Fraction(0)
        self.outbox: list[tuple[int, int]] = []

    @property
    def sequence(self) -> int:
        """The place of the newest record or message among all of them."""
        return self.records + self.messages

    def begin_record(self) -> None:
        """Count a record that may trade, with the work that each has: a run for every maker it meets."""
        self.records += 1
        self.work = WORK

    # Margin

    def worth(self, account: Account, lean: Lean) -> Worth:
        """Measure an account; while a market's prices have stopped, what is worst for its owner is worse than usual."""
        extra = sum(account.extras.values())
        value, initial, maintenance, notional, staying, gain = account.cash, extra, 0, 0, extra, 0
        for number, lots in account.positions.items():
            market = self.markets[number]
            at_price = lots * market.price(lots, lean) * market.multiplier
            brings = at_price - ceil(self._funding(account, number))
            if lean is Lean.WORST and market.brakes.of(lots).told and market.gains(lots, account.costs[number]):
                brings = min(brings, account.costs[number])
            value += brings
            gain += max(0, brings - account.costs[number])
            exposure = abs(at_price)
            notional += exposure
            stale = lean is Lean.WORST and market.is_stale(self.clock_ms)
            initial += market.initial(exposure) * (2 if stale else 1)
            staying += exposure if stale else market.initial(exposure)
            maintenance += market.maintenance(exposure)
        return Worth(value, initial, maintenance, notional, staying, gain)

    def withdrawable(self, number: int) -> int:
        """Return what may leave an account."""
        worth = self.worth(self.accounts[number], Lean.WORST)
        kept = max(Fraction(worth.staying), Fraction(ceil(Fraction(worth.notional, 10))))
        held = self.deposited - sum(amount for _, amount in self.outbox)
        return max(0, min(worth.value - int(kept), worth.value - worth.gain, held))

    # Orders

    def series_of(self, number: int) -> int:
        """Return how often a market was listed before, 0 for one that never was."""
        known = self.markets.get(number)
        return known.series if known else 0

    def is_named(self, named: int) -> bool:
        """Whether somebody who signs 64 x series + market means the market that is listed."""
        return self.series_of(named % 64) == named // 64

    def find_market(self, wanted: Order) -> Outcome | None:
        """Make of the market that was signed the one that is meant, or say that it is another series."""
        if not self.is_named(wanted.market):
            return Outcome.NO_MARKET
        wanted.market %= 64
        return None

    def _too_small(self, wanted: Order) -> bool:
        market = self.markets[wanted.market]
        worth = wanted.lots * market.index * market.multiplier
        return not wanted.flags & REDUCE_ONLY and worth < market.min_order_units

    def _check_order(self, wanted: Order, *, pairs: bool, fired: bool) -> Outcome | None:
        market = self.markets.get(wanted.market)
        if market is None or market.settled:
            return Outcome.NO_MARKET
        if market.has_expired(self.clock_ms):
            return Outcome.MARKET_EXPIRED
        if self.clock_ms < market.live_ms:
            return Outcome.NOT_LIVE
        if not market.mark:
            return Outcome.NO_MARK
        flags = wanted.flags
        if not wanted.lots or (not wanted.price and not flags & MARKET_ORDER):
            return Outcome.OUT_OF_RANGE
        if flags & NO_FLAG or (flags & STP_TAKER and flags & STP_BOTH):
            return Outcome.BAD_FLAGS
        if flags & POST_ONLY and flags & (IOC | MARKET_ORDER):
            return Outcome.BAD_FLAGS
        if not wanted.trigger and (flags & ABOVE or (pairs and not flags & POST_ONLY)):
            return Outcome.BAD_FLAGS
        if wanted.lots > market.max_lots:
            return Outcome.TOO_LARGE
        if not fired and self._too_small(wanted):
            return Outcome.TOO_SMALL
        if wanted.expiry_ms and wanted.expiry_ms <= self.clock_ms:
            return Outcome.EXPIRED
        if self._switch_fired(self.accounts[wanted.account]):
            return Outcome.DEAD_MAN
        waits = order_stage(market, self.clock_ms)
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

    def _has_outlived_a_halt(self, maker: Order) -> bool:
        market = self.markets[maker.market]
        if maker.sequence >= market.resumed_sequence:
            return False
        if maker.side == BUY:
            return maker.price > max(market.mark, market.index)
        return maker.price < min(market.mark, market.index)

    def _is_dead(self, maker: Order) -> bool:
        account = self.accounts[maker.account]
        expired = maker.expiry_ms != 0 and maker.expiry_ms <= self.clock_ms
        return expired or self._switch_fired(account) or maker.sequence < account.dead_before or self._alone(maker)

    def _alone(self, order: Order) -> bool:
        """Whether an order's pair has gone, or has filled as much as this one had left."""
        other = order.pair
        if other is None:
            return False
        return other is order or other.pair is not order or not self._waits(other)

    def _waits(self, order: Order) -> bool:
        """Whether an order is in a book."""
        return any(each is order for each in self.orders + self.parked)

    def _left(self, taker: Order) -> Order | None:
        """Return what was a fired order's pair, if it still waits, and for nobody else."""
        had = taker.had
        return had if had is not None and had.pair is None and self._waits(had) else None

    @staticmethod
    def _shrink(order: Order, lots: int) -> None:
        """Take what its pair has filled off an order; when that is all of it, it is dead."""
        if order.lots > lots:
            order.lots -= lots
        else:
            order.pair = order

    def _after(self, number: int, order: Order, lots: int, quote: int, fee: int) -> Account | Outcome:
        """Return an account as a fill of `order` would leave it, or which limit forbids it; margin is not asked for."""
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
        stays = Fraction(new_size, size) if shrinks else Fraction(int(size * new_size > 0))
        fresh = Fraction(0 if shrinks else abs(new_size) - (abs(size) if stays else 0), lots)
        cost = trunc(old.costs.get(order.market, 0) * stays + (quote if order.side == BUY else -quote) * fresh)
        extra = ceil(old.extras.get(order.market, 0) * stays)
        costs = {m: old.costs[m] if m != order.market else cost for m in positions}
        extras = {m: old.extras[m] if m != order.market else extra for m in positions}
        return replace(old, cash=new_cash, positions=positions, paid=paid, costs=costs, extras=extras)

    def _ask_more(self, market_number: int, changed: dict[int, Account]) -> None:
        """Ask of accounts about to change what open interest asks of the lots they add."""
        market = self.markets[market_number]
        open_lots = self._longs(market_number, {**self.accounts, **changed})
        for number, new in changed.items():
            was = self.accounts[number].positions.get(market_number, 0)
            size = new.positions.get(market_number, 0)
            added = abs(size) - (abs(was) if was * size > 0 else 0)
            if added > 0:
                new.extras[market_number] += market.asked(added, open_lots)

    def _carries(self, number: int, new: Account, market_number: int) -> bool:
        """Whether an account may become this: its margin carries it, or it only shrinks a position and is no less safe."""
        old = self.accounts[number]
        was, size = old.positions.get(market_number, 0), new.positions.get(market_number, 0)
        shrinks = abs(size) < abs(was) and was * size >= 0
        return self._stands(self.worth(old, Lean.WORST), self.worth(new, Lean.WORST), shrinks=shrinks)

    def _funding(self, account: Account, number: int) -> Fraction:
        """Return what an account's position owes in funding, unrounded."""
        market = self.markets[number]
        held = account.positions.get(number, 0)
        return held * market.multiplier * (market.funding - account.paid[number]) if held else Fraction(0)

    @staticmethod
    def _stands(before: Worth, after: Worth, *, shrinks: bool) -> bool:
        if after.value >= after.initial:
            return True
        if not shrinks or before.value < 0 or after.maintenance == 0:
            return False
        return Fraction(after.value, after.maintenance) >= Fraction(before.value, before.maintenance)

    def _meet(self, taker: Order, maker: Order) -> Outcome | None:
        """Let a taker meet one maker; return how the taker ends, if it does."""
        if self._is_dead(maker):
            self.orders.remove(maker)
            return None
        if self._has_outlived_a_halt(maker):
            self._give_up(maker)
            return None
        if maker.account == taker.account:
            if not taker.flags & STP_TAKER:
                self.orders.remove(maker)
            return Outcome.SELF_TRADE if taker.flags & (STP_TAKER | STP_BOTH) else None
        market = self.markets[taker.market]
        if market.too_dear(maker.price, buys=maker.side == BUY):
            self._give_up(maker)
            return None
        if market.too_dear(maker.price, buys=taker.side == BUY):
            taker.put_off = True
            return Outcome.WOULD_CROSS if taker.flags & POST_ONLY else Outcome.UNFILLED
        if taker.flags & POST_ONLY and not self.is_fillable(maker):
            self._give_up(maker)
            return None
        if taker.flags & POST_ONLY:
            return Outcome.WOULD_CROSS
        return self._trade(taker, maker)

    def _give_up(self, order: Order) -> None:
        """Take an order that lives out of the book: its pair goes on alone."""
        (self.parked if order.trigger else self.orders).remove(order)
        if order.pair is not None:
            order.pair.pair = None

    def _trade(self, taker: Order, maker: Order) -> Outcome | None:
        market = self.markets[taker.market]
        if not (lots := self._tradable(taker, maker)):
            self._give_up(maker)
            return None
        if self._is_held(taker.account, taker.market):
            return Outcome.BRAKE
        quote = lots * maker.price * market.multiplier
        taker_fee = share(quote, market.taker_fee_ppm)
        maker_fee = share(quote, market.maker_fee_ppm) - quote * market.rebate_ppm // MILLION
        taker_after = self._after(taker.account, taker, lots, quote, taker_fee)
        if isinstance(taker_after, Outcome):
            return taker_after
        maker_after = self._after(maker.account, maker, lots, quote, maker_fee)
        if isinstance(maker_after, Outcome):
            self._give_up(maker)
            return None
        changed = {taker.account: taker_after, maker.account: maker_after}
        self._ask_more(taker.market, changed)
        if not self._carries(taker.account, taker_after, taker.market):
            return Outcome.MARGIN
        if not self._carries(maker.account, maker_after, taker.market):
            self._give_up(maker)
            return None
        if self._overfills(taker.market, changed):
            return Outcome.OPEN_INTEREST
        self._change(taker.market, changed)
        self.fees += taker_fee + maker_fee
        taker.lots -= lots
        self._fill_maker(maker, lots)
        if (left := self._left(taker)) is not None:
            self._shrink(left, lots)
        return None

    def _fill_maker(self, maker: Order, lots: int) -> None:
        """Take lots off a maker, and off its pair; what is left of neither goes."""
        maker.lots -= lots
        if maker.pair is not None:
            self._shrink(maker.pair, lots)
            if maker.pair.pair is not maker:
                maker.pair = None
        if maker.lots == 0:
            self.orders.remove(maker)

    def _is_held(self, number: int, market_number: int) -> bool:
        """Whether a brake keeps an account's position as it is."""
        account = self.accounts.get(number)
        lots = account.positions.get(market_number, 0) if account else 0
        if not account or not lots:
            return False
        return self.markets[market_number].holds(lots, account.costs[market_number], self.clock_ms)

    def _tradable(self, taker: Order, maker: Order) -> int:
        """Return how many lots two orders trade; none when the maker's may only reduce and nothing is left to, or is held."""
        lots = min(taker.lots, maker.lots)
        if self._is_held(maker.account, maker.market) and not self._is_held(taker.account, taker.market):
            return 0
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
        before, after = self._longs(number, self.accounts), self._longs(number, {**self.accounts, **changed})
        return before < after and 0 < self.markets[number].max_open_interest < after

    @staticmethod
    def _longs(number: int, accounts: dict[int, Account]) -> int:
        return sum(max(0, account.positions.get(number, 0)) for account in accounts.values())

    def is_carried(self, order: Order) -> bool:
        """Whether an account could stand to have all of an order filled, at the worst price it may have."""
        account, market = self.accounts[order.account], self.markets[order.market]
        if order.market not in account.positions and len(account.positions) == MAX_POSITIONS:
            return False
        closes = min(order.lots, self._reducible(order))
        if closes == order.lots or (closes and order.flags & REDUCE_ONLY):
            return True
        buys = order.side == BUY
        price = order.price or market.bound(buys=buys, around=order.trigger)
        paid, fair = (each * order.lots * market.multiplier for each in (price, order.trigger or market.index))
        lost = max(0, paid - fair if buys else fair - paid)
        asked = market.asked(order.lots, self._longs(order.market, self.accounts) + order.lots)
        worth = self.worth(account, Lean.WORST)
        return worth.value - lost >= worth.initial + market.initial(paid) + asked

    def is_fillable(self, order: Order) -> bool:
        """Whether who takes all that an order offers gets it."""
        market, lots = self.markets[order.market], self._offered(order)
        quote = lots * order.price * market.multiplier
        fee = share(quote, market.maker_fee_ppm) - quote * market.rebate_ppm // MILLION
        after = self._after(order.account, order, lots, quote, fee) if lots else Outcome.UNFILLED
        if isinstance(after, Outcome):
            return False
        was, size = (each.positions.get(order.market, 0) for each in (self.accounts[order.account], after))
        added = abs(size) - (abs(was) if was * size > 0 else 0)
        if added > 0:
            after.extras[order.market] += market.asked(added, self._longs(order.market, self.accounts) + lots)
        return self._carries(order.account, after, order.market)

    def _offered(self, order: Order) -> int:
        """Return how many lots of an order there are to take now."""
        if self._is_held(order.account, order.market):
            return 0
        return min(order.lots, self._reducible(order)) if order.flags & REDUCE_ONLY else order.lots

    def _rest(self, wanted: Order) -> Outcome:
        if not self.is_carried(wanted):
            return Outcome.MARGIN
        (self.parked if wanted.trigger else self.orders).append(wanted)
        return Outcome.ACCEPTED
