"""What a defence takes: ether for its bonds and its gas."""

from __future__ import annotations

from typing import Any, Final

from tallystick.l1.deployment import DeployConfig

GAS_WEI: Final = 10**17
"""For the gas of one dispute, deciding and settling included, up to some 25 gwei."""
RIVALS: Final = 24
"""Generations contested at once that a challenger is ready for, unless told otherwise."""


def roots_wei(terms: DeployConfig, rivals: int) -> int:
    """Return what as many contested generations take of who has its assertion's bond on L1: a root and gas for each."""
    return rivals * (terms.challenge_bond_wei + GAS_WEI)


def defence_wei(terms: DeployConfig, rivals: int) -> int:
    """Return what as many contested generations take: one assertion's bond, which moves on, and their roots."""
    return terms.assertion_bond_wei + roots_wei(terms, rivals)


def attack_wei(terms: DeployConfig, rivals: int) -> int:
    """Return the least with which an attacker outspends that defence: a lie in one generation more, and a root."""
    return (rivals + 1) * terms.assertion_bond_wei + terms.challenge_bond_wei


def defence_facts(terms: DeployConfig, rivals: int) -> dict[str, Any]:
    """Return what a defence takes and what it holds out against, as scripts want it."""
    return {
        "rivals": rivals,
        "defence_wei": str(defence_wei(terms, rivals)),
        "safe_below_wei": str(attack_wei(terms, rivals)),
    }
