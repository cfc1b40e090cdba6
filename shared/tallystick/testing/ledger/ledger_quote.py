"""Samples of the independent ledger: the price at which a side of a book holds what somebody may count on."""

from __future__ import annotations

from math import ceil

from tallystick.testing.ledger.ledger_desk import Desk
from tallystick.testing.ledger.ledger_model import BUY, Order

QUOTERS = 16
LOOKED_AT = 256


class Quotes(Desk):
    """The desk, and who looks at its books now and then."""

    def impact(self, number: int, side: int) -> int | None:
        """Return the price with which so many lots are found as the market asks for; remove what nobody can fill.

        Only so many prices and orders are looked at. Pages that were cancelled empty would count as well.
        """
        market = self.markets[number]
        wanted = max(market.quote_lots, 1)
        work, found, counted = LOOKED_AT, 0, set[int]()
        resting = [order for order in self.orders if (order.market, order.side) == (number, side)]
        for price in sorted({order.price for order in resting}, reverse=side == BUY):
            if not work or market.too_dear(price, buys=side != BUY):
                return None
            work -= 1
            there = [order for order in resting if order.price == price]
            if sum(order.lots for order in there) < ceil(wanted / QUOTERS):
                continue
            for order in there:
                if not work:
                    return None
                work -= 1
                lots = self._counts(order)
                if lots < ceil(wanted / QUOTERS) or order.account in counted:
                    continue
                counted.add(order.account)
                found += lots
                if found >= wanted:
                    return price
        return None

    def _counts(self, order: Order) -> int:
        """Return how many lots of an order anybody may count on; one that nobody may fill leaves the book."""
        dear = self.markets[order.market].too_dear(order.price, buys=order.side == BUY)
        if self._is_dead(order):
            self.orders.remove(order)
            return 0
        waits = self._is_held(order.account, order.market) or self.is_fillable(order)
        if self._has_outlived_a_halt(order) or dear or not waits:
            self._give_up(order)
            return 0
        return self._offered(order)
