"""What the commands about pools show, and which pool is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tallystick.drawing import Cell, Page, table
from tallystick.errors import BadInput, DataMissing
from tallystick.numbers import ether
from tallystick.party.bonds.bond_pools import Pool, Purpose, purpose_of
from tallystick.party.planner import Planner
from tallystick.party.strategy.strategy import Due
from tallystick_challenger.disputes.dispute_facts import hex_, short

JUDGEMENTS: Final = {True: "true", False: "FALSE", None: "not judged"}


def wanted(planner: Planner, plans: Sequence[Due]) -> dict[bytes, Due]:
    """Return what is due and takes a bond, by the pool that would pay it."""
    found: dict[bytes, Due] = {}
    for due in plans:
        purpose = purpose_of(due, planner.rollup)
        if purpose is not None:
            found[purpose.pool(planner.deployment.addresses.rollup)] = due
    return found


def list_facts(planner: Planner, plans: Sequence[Due], pools: Sequence[Pool]) -> dict[str, Any]:
    """Return every pool, and what is due and has none."""
    due = wanted(planner, plans)
    known = {each.id for each in pools}
    missing = [
        {"pool": hex_(id_), "does": each.name, "sum_wei": str(each.call.value_wei)}
        for id_, each in due.items()
        if id_ not in known
    ]
    return {
        "head": planner.head,
        "pools": [_pool_facts(planner, each, each.id in due) for each in pools],
        "without_pool": missing,
    }


def list_page(facts: dict[str, Any]) -> Page:
    """Return the pools for a terminal."""
    page: Page = [f"L1 at block {facts['head']}: {len(facts['pools'])} pools"]
    rows: list[tuple[Cell, ...]] = []
    for each in facts["pools"]:
        sums = f"{ether(each['stakes_wei'])} of {ether(each['sum_wei'])} ether"
        state = each["stage"] if each["stage"] != "gathering" else sums
        paid = f", {ether(each['due_wei'])} ether to fetch" if each["due_wei"] != "0" else ""
        rows.append((short(each["pool"]), f"to {each['does']}: {JUDGEMENTS[each['true']]}, {state}{paid}"))
    if rows:
        page.append(table(["", ""], rows, indent=3))
    missing = [
        (short(each["pool"]), f"to {each['does']}: {ether(each['sum_wei'])} ether") for each in facts["without_pool"]
    ]
    return [*page, "", "Due, and nobody has joined yet", table(["", ""], missing, indent=3)] if missing else page


def sent_page(facts: dict[str, Any]) -> Page:
    """Return what became of a transaction, for a terminal."""
    what = (
        f"{ether(facts['paid_wei'])} ether fetched" if "paid_wei" in facts else f"{ether(facts['joined_wei'])} ether in"
    )
    if facts.get("made"):
        what += ", and the call is made"
    elif "not_made" in facts:
        what += f"; the call was not made: {facts['not_made']}"
    return [f"{short(facts['pool'])}: {what}", f"   mined in {facts['tx']}, {facts['gas']:,} gas"]


def choose_due(planner: Planner, plans: Sequence[Due], pools: Mapping[bytes, Pool], name: str) -> tuple[bytes, Due]:
    """Return the pool that is meant by the beginning of its name, and the call that is due behind it.

    Raises: DataMissing when nothing is due that takes a bond; BadInput when the name fits none of that, or several.
    """
    due = wanted(planner, plans)
    digits = name.removeprefix("0x").lower()
    found = [id_ for id_ in due if id_.hex().startswith(digits)]
    if len(found) == 1:
        return found[0], due[found[0]]
    if digits and not found and any(id_.hex().startswith(digits) for id_ in pools):
        raise BadInput(
            "the own replay does not ask for what this pool is for", hint="its bond could be lost", pool=name
        )
    if not due:
        raise DataMissing("nothing is due that takes a bond", hint="`challenger pool list` tells what pools there are")
    raise BadInput(
        "the name fits nothing that is due" if not found else "several are due",
        hint="`challenger pool list` shows them",
        pool=name,
    )


def choose_pool(pools: Sequence[Pool], name: str) -> Pool:
    """Return the pool that is meant by the beginning of its name, or the only one that owes the asker.

    Raises: BadInput when the name fits none or several.
    """
    digits = name.removeprefix("0x").lower()
    found = [each for each in pools if each.id.hex().startswith(digits)]
    if not digits and len(found) > 1:
        found = [each for each in found if each.due_wei]
    if len(found) != 1:
        what = "fits no pool" if not found else "fits several pools"
        raise BadInput(f"the name {what}", hint="`challenger pool list` shows them", pool=name)
    return found[0]


def _pool_facts(planner: Planner, pool: Pool, is_due: bool) -> dict[str, Any]:
    return {
        "pool": hex_(pool.id),
        "does": "open" if pool.purpose.root else "assert",
        "parent": hex_(pool.purpose.parent),
        "assertion": hex_(pool.purpose.assertion),
        "limit": pool.purpose.limit,
        "true": True if is_due else _judged(planner, pool.purpose),
        "stage": pool.stage.name.lower(),
        "sum_wei": str(pool.sum_wei),
        "stakes_wei": str(pool.stakes_wei),
        "due_wei": str(pool.due_wei),
    }


def _judged(planner: Planner, purpose: Purpose) -> bool | None:
    """Say of what is not due whether it is true: of a root only that it belongs to a false assertion."""
    right = planner.is_right(purpose.assertion) if purpose.assertion in planner.rollup.assertions else None
    if right and purpose.root:
        return None
    if right is None and planner.is_right(purpose.parent) and planner.true_child(purpose.parent) is not None:
        return False
    return right
