"""The seeded orders through engines that are not ours, or not off chain."""

from __future__ import annotations

import importlib
import time
from typing import Any, Final

from tallystick.bench.speed.plain import PlainBook, placing
from tallystick.bench.workload import CASH, FIRST_ACCOUNT, open_exchange, seeded_orders
from tallystick.state.layout import BUY

Result = dict[str, Any]
PEER: Final = "bourse"
"""A limit order book in Rust with a Python interface: matching only, no accounts, no margin."""
EVM_BATCH: Final = 50
"""Orders of one call: more than a block would take, so that the call itself costs little."""


def peer(*, seed: int, orders: int, markets: int, accounts: int, repeat: int) -> Result | None:
    """Run the workload through the peer, a book a market; None when it is not installed."""
    try:
        core: Any = importlib.import_module(f"{PEER}.core")
    except ImportError:
        return None
    given = seeded_orders(seed=seed, count=orders, markets=markets, accounts=accounts)
    calls = [(each.market, each.side == BUY, each.lots, each.account, each.price_ticks) for each in given]
    best, fills = float("inf"), 0
    for _ in range(repeat):
        books = [core.OrderBook(0, 1) for _ in range(markets)]
        began = time.process_time()
        for market, is_buy, lots, account, price in calls:
            books[market].place_order(is_buy, lots, account, price=price)
        best = min(best, time.process_time() - began)
        fills = sum(len(book.get_trades()) for book in books)
    return {
        "engine": PEER,
        "orders": orders,
        "fills": fills,
        "seconds": best,
        "orders_per_second": round(orders / best),
    }


def revm(*, seed: int, orders: int, markets: int, accounts: int, repeat: int) -> Result | None:
    """Run the workload through a plain Solidity book with margin; None where there is no pyrevm."""
    try:
        pyrevm: Any = importlib.import_module("pyrevm")
    except ImportError:
        return None
    given = seeded_orders(seed=seed, count=orders, markets=markets, accounts=accounts)
    calls = [placing(given[at : at + EVM_BATCH]) for at in range(0, orders, EVM_BATCH)]
    state = open_exchange(markets, 1).state
    best, fills = float("inf"), 0
    for _ in range(repeat):
        book = PlainBook(pyrevm)
        book.follow(state, markets)
        book.fund(FIRST_ACCOUNT, accounts, CASH)
        began = time.process_time()
        for call in calls:
            book.send(call)
        best = min(best, time.process_time() - began)
        fills = book.ask("fills")
    return {
        "engine": "revm",
        "orders": orders,
        "fills": fills,
        "seconds": best,
        "orders_per_second": round(orders / best),
    }
