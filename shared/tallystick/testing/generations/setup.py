"""What a match is about: terms, batches, and everything else that chance decides before it begins."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from tallystick.testing.protocol.protocol_rules import RulesTerms

ROOT_WEI: Final = 1001
"""Odd, so that half of it is not the other half."""
OPEN_WEI, PROVE_WEI, BISECT_WEI = 100, 100, 300
"""Half of a root's bond repays one opening, one proof and K bisections, which share this."""
ALL: Final = 1 << 30
"""Repayments in one transaction: all there are."""
RICH: Final = 1 << 60
"""What a wallet holds that is never empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a match is about. Units: blocks, but for `bonds`, an assertion's bond in roots' bonds.

    An honest transaction lands 1 to `delay` + 1 blocks after it is due; `censored` blocks, in all, take none. `spare`
    is added to the shortest period that is safe.
    """

    height: int = 2
    delay: int = 1
    censored: int = 6
    spare: int = 0
    interval: int = 1
    bonds: int = 10

    @property
    def inclusion(self) -> int:
        """D: what the honest side needs to get from the top to the bottom."""
        return (self.delay + 1) * (self.height + 2)

    @property
    def period(self) -> int:
        """T: the last block is that of the answer to a first lie."""
        return self.censored + self.inclusion + self.delay + 2 + self.spare

    @property
    def bound(self) -> int:
        """Within so many blocks every true assertion is confirmed; two more moves are to decide and to confirm."""
        return self.period + self.censored + self.inclusion + 2 * (self.delay + 1)

    def rules(self) -> RulesTerms:
        """Return what the contracts are made with."""
        return RulesTerms(
            height=self.height,
            period=self.period,
            interval=self.interval,
            assertion_bond=self.bonds * ROOT_WEI,
            root_bond=ROOT_WEI,
            open_reward=OPEN_WEI,
            bisect_reward=BISECT_WEI // self.height,
            prove_reward=PROVE_WEI,
        )


class Batch(NamedTuple):
    """A batch of so many steps, on L1 from a block on."""

    block: int
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything about a match that chance decides before it begins. Units: `wallets` in wei."""

    terms: Terms
    style: str
    batches: tuple[Batch, ...]
    proposes: int
    patience: int = 0
    bundles: bool = False
    payments: int = ALL
    wallets: tuple[int, int] = (RICH, RICH)

    @property
    def generations(self) -> int:
        """How many generations the work takes at least."""
        steps = sum(each.steps for each in self.batches)
        return -(-steps // (1 << self.terms.height))


def _random_terms(rng: random.Random) -> Terms:
    terms = Terms(
        height=rng.choice([1, 2, 2, 3]),
        delay=rng.choice([0, 1, 2]),
        censored=rng.choice([0, 3, 6]),
        spare=rng.choice([0, 0, 5]),
    )
    # No Rollup is made with a longer one.
    return replace(terms, interval=min(terms.period, rng.choice([1, 1, 1, 3, 15])))


def random_setup(rng: random.Random, style: str, terms: Terms | None = None) -> Setup:
    """Return a setup of some two to eight generations, with the period as short as it may be, or a little longer."""
    terms = terms or _random_terms(rng)
    steps, generations = 1 << terms.height, rng.randint(2, 8)
    batches: list[Batch] = []
    block, made = 1, 0
    while made < generations * steps:
        some = rng.choice([steps, 2 * steps, 3 * steps, rng.randint(1, steps)])
        batches.append(Batch(block, some))
        block, made = block + rng.choice([0, 1, 4]), made + some
    return Setup(
        terms=terms,
        style=style,
        batches=tuple(batches),
        proposes=generations if rng.random() < 0.8 else 2,
        patience=rng.choice([0, 0, 2]),
        bundles=rng.random() < 0.5,
        payments=rng.choice([2, ALL]),
    )


def contested(style: str, generations: int, terms: Terms, wallets: tuple[int, int] = (RICH, RICH)) -> Setup:
    """Return a setup in which each block brings a generation, and chance decides nothing."""
    batches = tuple(Batch(1 + i, 1 << terms.height) for i in range(generations))
    return Setup(terms=terms, style=style, batches=batches, proposes=generations, wallets=wallets)
