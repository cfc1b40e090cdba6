"""What a defence takes: ether for its bonds and its gas, and blocks for its traces."""

from __future__ import annotations

from typing import Any, Final

from tallystick.l1.deployment import DeployConfig

ETHER: Final = 10**18
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
    """Return what as many contested generations take and what that holds out against, as scripts want it.

    Units: `trace_blocks` is X, for all traces at the declared pace; `least_period_blocks` the shortest challenge period in
    which as many generations are defended in time, to be held against `period_blocks`.
    """
    return {
        "rivals": rivals,
        "defence_wei": str(defence_wei(terms, rivals)),
        "safe_below_wei": str(attack_wei(terms, rivals)),
        "trace_blocks": terms.trace_blocks(rivals),
        "least_period_blocks": terms.least_period_blocks(rivals),
        "period_blocks": terms.challenge_period_blocks,
        "in_time": terms.challenge_period_blocks >= terms.least_period_blocks(rivals),
    }


def defence_lines(facts: dict[str, Any]) -> list[str]:
    """Return what a defence takes for a terminal."""
    held, safe_below = (int(facts[key]) / ETHER for key in ("defence_wei", "safe_below_wei"))
    lines = [
        f"{facts['rivals']} contested generations take {held:g} ether and {facts['trace_blocks']} blocks for traces;",
        f"who holds that is safe against less than {safe_below:g} ether",
    ]
    if not facts["in_time"]:
        lines.append(
            f"WARNING: the challenge period would have to be {facts['least_period_blocks']} blocks for that, "
            f"not {facts['period_blocks']}"
        )
    return lines
