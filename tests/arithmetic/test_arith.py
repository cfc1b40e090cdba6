"""Exact arithmetic at the edges of its ranges: Python, the compiled contracts and fractions say the same (I4).

In Solidity a result is right or the call reverts, and it reverts only where 256 bits do not hold the product. In Python
every number on the way fits 64 bits within the ranges of docs/units.md.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import ceil, floor, prod, trunc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from librt.vecs import append, vec
from mypy_extensions import i64

from tallystick import artifacts
from tallystick.machine import arith
from tallystick.machine import bits as bit_scans
from tallystick.machine.market import funding
from tallystick.state.quantities import TickPpm, UnitsPerTick
from tests.arithmetic.harness import (
    COMPILED,
    EDGES,
    FAST,
    HERE,
    I64_LEAST,
    I64_MOST,
    INT_LEAST,
    INT_MOST,
    UINT_MOST,
    Narrow,
    solidity,
)

MILLION = 10**6
CASES = 20_000 if FAST else 60
EXAMPLES = 400 if FAST else 20

Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A function in both languages, and what it is exactly.

    Shape: `signs` has + for each argument of 256 bits without a sign, - for one with it. `domain` says where the
    function is defined, `largest` is the largest number on Solidity's way, `narrow` where Python promises 64 bits.
    """

    solidity: str
    signs: str
    exact: Callable[..., int | tuple[int, ...]]
    largest: Callable[..., Numbers]
    python: Callable[..., object] | None
    domain: Callable[..., bool] = lambda *_: True
    narrow: Callable[..., bool] = lambda *_: True


def owed_and_dust(exposure: int, change: int) -> tuple[int, int]:
    exact = Fraction(exposure * change, MILLION)
    return ceil(exact), int((ceil(exact) - exact) * MILLION)


def within_ppm(amount: int, ppm: int) -> bool:
    return 0 <= amount <= I64_MOST and 0 <= ppm <= MILLION


TWINS = {
    "ppm_up": Twin(
        solidity="ppmUpOf",
        signs="++",
        exact=lambda a, p: ceil(Fraction(a * p, MILLION)),
        largest=lambda a, p: (a * p + MILLION - 1,),
        python=arith.ppm_up,
        narrow=within_ppm,
    ),
    "ppm_down": Twin(
        solidity="ppmDownOf",
        signs="++",
        exact=lambda a, p: floor(Fraction(a * p, MILLION)),
        largest=lambda a, p: (a * p,),
        python=arith.ppm_down,
        narrow=within_ppm,
    ),
    "whole_up": Twin(
        solidity="wholeUpOf",
        signs="-",
        exact=lambda a: ceil(Fraction(a, MILLION)),
        largest=lambda a: (a, -a),
        python=arith.whole_up,
        narrow=lambda a: a > I64_LEAST,
    ),
    "whole_down": Twin(
        solidity="wholeDownOf",
        signs="-",
        exact=lambda a: floor(Fraction(a, MILLION)),
        largest=lambda a: (a,),
        python=arith.whole_down,
    ),
    "div_down": Twin(
        solidity="divDownOf",
        signs="--",
        exact=lambda a, b: floor(Fraction(a, b)),
        largest=lambda a, b: (a, b),
        python=arith.div_down,
        domain=lambda _, b: b > 0,
    ),
    "div_to_zero": Twin(
        solidity="divToZeroOf",
        signs="--",
        exact=lambda a, b: trunc(Fraction(a, b)),
        largest=lambda a, b: (a, b),
        python=arith.div_to_zero,
        domain=lambda _, b: b > 0,
        narrow=lambda a, _: a > I64_LEAST,
    ),
    "mul_div_up": Twin(
        solidity="mulDivUpOf",
        signs="---",
        exact=lambda a, b, d: ceil(Fraction(a * b, d)),
        largest=lambda a, b, _: (a * b, -(a * b)),
        python=None,
        domain=lambda _a, _b, d: d > 0,
    ),
    "mul_div_down": Twin(
        solidity="mulDivDownOf",
        signs="---",
        exact=lambda a, b, d: floor(Fraction(a * b, d)),
        largest=lambda a, b, _: (a * b,),
        python=None,
        domain=lambda _a, _b, d: d > 0,
    ),
    "mul_div_to_zero": Twin(
        solidity="mulDivToZeroOf",
        signs="---",
        exact=lambda a, b, d: trunc(Fraction(a * b, d)),
        largest=lambda a, b, _: (a * b,),
        python=None,
        domain=lambda _a, _b, d: d > 0,
    ),
    "clamp": Twin(
        solidity="clampOf",
        signs="--",
        exact=lambda v, m: max(-m, min(m, v)),
        largest=lambda v, m: (v, m),
        python=arith.clamp,
        domain=lambda _, m: m >= 0,
    ),
    "products_at_most": Twin(
        solidity="productsAtMostOf",
        signs="----",
        exact=lambda a, b, c, d: int(Fraction(a) * b <= Fraction(c) * d),
        largest=lambda a, b, c, d: (a * b, c * d),
        python=None,
    ),
    "owed": Twin(
        solidity="fundingOf",
        signs="--",
        exact=owed_and_dust,
        # The quotient is rounded down from the negative product, and multiplied out again for the dust.
        largest=lambda e, c: (e * c, -(e * c), owed_and_dust(e, c)[0] * MILLION),
        python=None,
    ),
}
EXACT_IN_PYTHON: dict[str, Callable[..., int]] = {
    "mul_div_up": arith.mul_div_up,
    "mul_div_down": arith.mul_div_down,
    "mul_div_to_zero": arith.mul_div_to_zero,
    "products_at_most": arith.products_at_most,
}
"""Their products are whole numbers without bound in Python; only the result must fit."""


def fits(twin: Twin, arguments: Numbers) -> bool:
    """Whether 256 bits hold every number on the way."""
    signed = "-" in twin.signs
    least, most = (INT_LEAST, INT_MOST) if signed else (0, UINT_MOST)
    return all(least <= number <= most for number in twin.largest(*arguments))


def narrow(twin: Twin, arguments: Numbers) -> bool:
    """Whether Python's version promises to stay within 64 bits."""
    return all(I64_LEAST <= each <= I64_MOST for each in arguments) and twin.narrow(*arguments)


def check(name: str, arguments: Numbers) -> None:
    """Compare the function in all three."""
    twin = TWINS[name]
    if not twin.domain(*arguments):
        return
    exact = twin.exact(*arguments)
    found = solidity(twin.solidity, *arguments)
    assert found == (exact if fits(twin, arguments) else None), (name, arguments)
    if twin.python is not None and narrow(twin, arguments):
        assert twin.python(*map(Narrow, arguments)) == exact, (name, arguments)
    if name in EXACT_IN_PYTHON and narrow(twin, arguments) and isinstance(exact, int) and abs(exact) <= I64_MOST:
        assert EXACT_IN_PYTHON[name](*arguments) == exact, (name, arguments)


def usable(sign: str) -> list[int]:
    least, most = (INT_LEAST, INT_MOST) if sign == "-" else (0, UINT_MOST)
    return [edge for edge in EDGES if least <= edge <= most]


def near_an_edge(sign: str) -> st.SearchStrategy[int]:
    """Numbers beside an edge, and of any number of bits."""
    least, most = (INT_LEAST, INT_MOST) if sign == "-" else (0, UINT_MOST)
    beside = st.builds(lambda edge, by: edge + by, st.sampled_from(usable(sign)), st.integers(-1000, 1000))
    sized = st.integers(0, 256).flatmap(lambda bits: st.integers(-(1 << bits), 1 << bits))
    return st.one_of(beside, sized).map(lambda value: max(least, min(most, value)))


def test_the_harness_is_compiled_from_its_source_and_the_deployed_libraries() -> None:
    """Compiled in the same run, the steps that use the libraries give the committed bytecode."""
    assert COMPILED["source"] == hashlib.sha256((HERE / "Arithmetic.sol").read_bytes()).hexdigest()
    assert COMPILED["steps"]
    for name, digest in COMPILED["steps"].items():
        assert digest == hashlib.sha256(artifacts.load(name).bytecode).hexdigest(), "make contracts"


@pytest.mark.parametrize("name", TWINS)
def test_at_the_edges_of_the_ranges_all_three_agree(name: str) -> None:
    """I4."""
    edges = [usable(sign) for sign in TWINS[name].signs]
    chance = random.Random(name)
    if prod(map(len, edges)) <= CASES:
        every = list(product(*edges))
    else:
        every = [tuple(map(chance.choice, edges)) for _ in range(CASES)]
    for arguments in every:
        check(name, arguments)


@pytest.mark.parametrize("name", TWINS)
def test_beside_the_edges_all_three_agree(name: str) -> None:
    """I4."""
    numbers = st.tuples(*(near_an_edge(sign) for sign in TWINS[name].signs))

    @settings(max_examples=EXAMPLES)
    @given(numbers)
    def agree(arguments: Numbers) -> None:
        check(name, arguments)

    agree()


@settings(max_examples=EXAMPLES)
@given(
    exposure=st.one_of(st.integers(-(1 << 30), 1 << 30), st.sampled_from((1 << 30, -(1 << 30)))),
    change=st.one_of(st.integers(-(1 << 28) * MILLION, (1 << 28) * MILLION), st.sampled_from((1 << 28, -(1 << 28)))),
)
def test_funding_within_its_ranges_never_leaves_64_bits(exposure: int, change: int) -> None:
    """I4."""
    exact = owed_and_dust(exposure, change)
    assert solidity("fundingOf", exposure, change) == exact
    pair = UnitsPerTick(Narrow(exposure)), TickPpm(Narrow(change))
    assert [funding.owed(*pair), funding.dust(*pair)] == list(exact)


@settings(max_examples=EXAMPLES)
@given(time_ms=st.integers(0, I64_MOST), period_ms=st.integers(1, I64_MOST))
def test_whole_periods_of_the_clock_are_rounded_down(time_ms: int, period_ms: int) -> None:
    """I4."""
    exact = floor(Fraction(time_ms, period_ms))
    assert solidity("periodsDownOf", time_ms, period_ms) == exact
    assert arith.periods_down(Narrow(time_ms), Narrow(period_ms)) == exact


def limbs_of(bits: int) -> vec[i64]:
    words = vec[i64]()
    for limb in range(8):
        words = append(words, bits >> (32 * (7 - limb)) & 0xFFFFFFFF)
    return words


@settings(max_examples=EXAMPLES)
@given(bits=st.one_of(near_an_edge("+"), st.integers(0, 255).map(lambda bit: 1 << bit)), bit=st.integers(0, 255))
def test_a_bitmap_of_limbs_is_scanned_as_a_word_is(bits: int, bit: int) -> None:
    words = limbs_of(bits)
    lowest, highest, count = solidity("bitsOf", bits)
    assert bit_scans.ones(bits) == count == bits.bit_count()
    assert bit_scans.lowest_bit(words, 0, 8) == placed(lowest) == (bits & -bits).bit_length() - 1
    assert bit_scans.highest_bit(words, 0, 8) == placed(highest) == bits.bit_length() - 1
    is_set, with_it, without, above, below = solidity("besideOf", bits, bit)
    assert bit_scans.bit_is_set(words, 0, 8, bit) == is_set == bool(bits >> bit & 1)
    higher, lower = bits >> bit << bit, bits & (1 << bit) - 1
    assert bit_scans.lowest_bit_from(words, 0, 8, bit) == placed(above) == (higher & -higher).bit_length() - 1
    assert bit_scans.highest_bit_below(words, 0, 8, bit) == placed(below) == lower.bit_length() - 1
    bit_scans.set_bit(words, 0, 8, bit)
    assert list(words) == list(limbs_of(with_it)) == list(limbs_of(bits | 1 << bit))
    bit_scans.clear_bit(words, 0, 8, bit)
    assert list(words) == list(limbs_of(without)) == list(limbs_of(bits & ~(1 << bit)))


def placed(bit: int) -> int:
    """A contract's place of a bit as Python has it: NO_BIT is -1 here and all ones there."""
    return bit_scans.NO_BIT if bit == UINT_MOST else bit


I64S = st.one_of(st.integers(I64_LEAST, I64_MOST), st.sampled_from((I64_LEAST, I64_MOST)))


@given(left=st.lists(I64S, min_size=3, max_size=3), right=st.lists(I64S, min_size=3, max_size=3))
def test_products_of_three_are_compared_exactly(left: list[int], right: list[int]) -> None:
    """I4: of 189 bits and a sign."""
    found = arith.triple_products_at_most(*left, *right)
    assert found == (prod(left) <= prod(right))
    assert found == solidity("tripleProductsAtMostOf", left, right)
