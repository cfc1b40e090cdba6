"""The plain Solidity book plays by the rules that a limit order meets in the machine: what one fills, the other fills."""

from __future__ import annotations

import importlib
import importlib.util
import random
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tallystick.bench.speed.plain import PlainBook, placing
from tallystick.bench.workload import FIRST_ACCOUNT, Order, open_exchange, packed
from tallystick.machine.drive import Quotes, drive
from tallystick.state.layout import STALE_MS
from tallystick.testing.world import World

HAS_REVM: Final = importlib.util.find_spec("pyrevm") is not None
"""There are wheels for Python 3.11 and 3.12 alone; elsewhere the machine plays by itself."""
MARKETS: Final = 2
ACCOUNTS: Final = 12
ORDERS: Final = 400
CASES: Final[dict[str, tuple[int, dict[str, int]]]] = {
    "nothing binds": (10**12, {}),
    "margin binds": (2 * 10**5, {}),
    "margin binds in every tier": (
        4 * 10**5,
        {
            "tier2_from_millions": 1,
            "tier3_from_millions": 3,
            "initial2_ppm": 100_000,
            "maintenance2_ppm": 50_000,
            "initial3_ppm": 400_000,
            "maintenance3_ppm": 200_000,
        },
    ),
    "open interest asks": (4 * 10**5, {"surcharge_from_units": 5 * 10**6, "surcharge_to_units": 60 * 10**6}),
    "open interest is capped": (10**12, {"max_open_interest_lots": 60}),
    "positions are capped": (10**12, {"max_lots": 12}),
    "small orders": (10**12, {"min_order_units": 700_000}),
    "makers are paid": (2 * 10**5, {"maker_fee_ppm": 0, "rebate_ppm": 300}),
}
"""Cash of each account, and what is other than in the workload."""


class Both:
    """The machine and the plain book, with the same orders so far."""

    def __init__(self, cash: int, rules: dict[str, int]) -> None:
        self.world: World = open_exchange(MARKETS, ACCOUNTS, cash=cash, **rules)
        self.book = PlainBook(importlib.import_module("pyrevm")) if HAS_REVM else None
        if self.book is not None:
            self.book.fund(FIRST_ACCOUNT, ACCOUNTS, cash)
        self.resumed = 0
        self.sampled = False

    def report(self, price: int) -> None:
        """Move the index of every market; the samples taken then may take out what the plain book takes out when it is met."""
        before = self.world.state.registers.orders_total
        for market in range(MARKETS):
            self.world.report(market, price)
        self.sampled = self.sampled or self.world.state.registers.orders_total != before

    def place(self, orders: list[Order]) -> int:
        """Place orders with both, compare what came of each, and return the fills."""
        machine, registers, book = self.world.machine, self.world.state.registers, self.book
        if book is not None:
            book.follow(self.world.state, MARKETS, self.resumed)
        before = machine.fills
        for order in orders:
            drive(machine, packed([order]), 0, 1, Quotes(1))
            if book is not None:
                book.send(placing([order]))
                assert book.ask("fills") == machine.fills, order
                assert self.sampled or book.ask("resting") == registers.orders_total, order
        return int(machine.fills - before)

    def resume(self) -> None:
        """Say that what rests now is from before a halt."""
        self.resumed = self.book.ask("orderCount") if self.book is not None else 0


def around(price: int, spread: int, seed: Any, count: int = ORDERS) -> list[Order]:
    chance = random.Random(f"{price} {spread} {seed}")
    return [
        Order(
            account=FIRST_ACCOUNT + chance.randrange(ACCOUNTS),
            market=chance.randrange(MARKETS),
            side=chance.randrange(2),
            price_ticks=round(chance.gauss(price, spread)),
            lots=chance.randint(1, 10),
        )
        for _ in range(count)
    ]


def walk(both: Both, seed: int) -> Iterator[int]:
    """Trade around an index that creeps, jumps and stops; yield the fills of each leg."""
    for price in (10_000, 10_040, 10_010, 9_780, 9_790, 10_100):
        both.report(price)
        assert not both.sampled
        yield both.place(around(price, 60, seed, ORDERS // 4))
        both.world.later(6_000)
    both.world.later(STALE_MS + 10_000)
    yield both.place(around(10_100, 30, seed, 20))
    both.resume()
    both.report(10_160)
    yield both.place(around(10_160, 60, seed, ORDERS // 4))


@pytest.mark.parametrize("case", CASES)
def test_both_fill_and_rest_the_same_orders_where_a_rule_binds_and_where_none_does(case: str) -> None:
    cash, rules = CASES[case]
    orders = around(10_000, 40, 1)
    fills = Both(cash, rules).place(orders)
    free = Both(*CASES["nothing binds"]).place(orders)
    assert fills > ORDERS // 10
    assert (fills == free) == (case == "nothing binds")


@pytest.mark.parametrize("case", ["nothing binds", "margin binds in every tier", "open interest asks"])
@pytest.mark.parametrize("seed", range(2))
def test_both_fill_and_rest_the_same_orders_while_the_index_moves_jumps_and_stops(case: str, seed: int) -> None:
    cash, rules = CASES[case]
    both = Both(5 * cash, rules)
    fills = list(walk(both, seed))
    assert fills[-2] == 0, "in a halt nobody trades"
    assert sum(fills) > ORDERS // 10
