"""The seeded orders through engines that are not ours, or not off chain."""

from __future__ import annotations

import importlib
import time
from typing import Any, Final

from tallystick import artifacts
from tallystick.bench.workload import (
    CASH,
    FIRST_ACCOUNT,
    INITIAL_PPM,
    MAINTENANCE_PPM,
    MAKER_FEE_PPM,
    MULTIPLIER,
    PRICE,
    TAKER_FEE_PPM,
    Order,
    seeded_orders,
)
from tallystick.state.hashing import keccak
from tallystick.state.layout import BUY

Result = dict[str, Any]
PEER: Final = "bourse"
"""A limit order book in Rust with a Python interface: matching only, no accounts, no margin."""
CONTRACT: Final = "PlainBook"
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
    calls = [_place(given[at : at + EVM_BATCH]) for at in range(0, orders, EVM_BATCH)]
    best, fills = float("inf"), 0
    for _ in range(repeat):
        evm, book = _deploy(pyrevm, accounts)
        began = time.process_time()
        for call in calls:
            evm.message_call(SENDER, book, call)
        best = min(best, time.process_time() - began)
        fills = int.from_bytes(evm.message_call(SENDER, book, _selector("fills()")), "big")
    return {
        "engine": "revm",
        "orders": orders,
        "fills": fills,
        "seconds": best,
        "orders_per_second": round(orders / best),
    }


SENDER: Final = "0x" + "11" * 20


def _deploy(pyrevm: Any, accounts: int) -> tuple[Any, str]:
    evm = pyrevm.EVM(spec_id="CANCUN", gas_limit=1 << 60)
    settings = (PRICE, MULTIPLIER, INITIAL_PPM, MAINTENANCE_PPM, TAKER_FEE_PPM, MAKER_FEE_PPM)
    code = artifacts.load(CONTRACT).bytecode + b"".join(value.to_bytes(32, "big") for value in settings)
    book: str = evm.deploy(SENDER, code)
    for first in range(0, accounts, 1000):
        count = min(1000, accounts - first)
        words = b"".join(value.to_bytes(32, "big") for value in (FIRST_ACCOUNT + first, count, CASH))
        evm.message_call(SENDER, book, _selector("fund(uint256,uint256,int256)") + words)
    return evm, book


def _place(orders: list[Order]) -> bytes:
    words = [
        order.account << 96 | order.market << 88 | order.side << 80 | order.price_ticks << 48 | order.lots
        for order in orders
    ]
    head = _selector("place(uint256[])") + (32).to_bytes(32, "big") + len(words).to_bytes(32, "big")
    return head + b"".join(word.to_bytes(32, "big") for word in words)


def _selector(signature: str) -> bytes:

    return keccak(signature.encode())[:4]
