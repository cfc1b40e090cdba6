"""What the commands that only look show: facts for `--json`, and the forecasts as lines for people."""

from __future__ import annotations

from typing import Any, Final

from tallystick.drawing import Cell, Page, figures, table
from tallystick.party.party import Party
from tallystick_challenger.watching.defence import RIVALS, defence_facts, defence_lines
from tallystick_challenger.watching.forecast import Forecast, forecasts

NAME_DIGITS: Final = 12
BAR_CELLS: Final = 20


def status_facts(party: Party) -> dict[str, Any]:
    """Return batches, assertions, disputes and clocks as L1 has them. Units: `head_time` in seconds since 1970."""
    rollup, challenge = party.rollup, party.challenge
    disputes: list[dict[str, Any]] = []
    for dispute in challenge.disputes.values():
        heights = [each.edge.height for each in challenge.edges.values() if each.edge.dispute == dispute.id]
        disputes.append(
            {
                "dispute": _hex(dispute.id),
                "parent": _hex(dispute.parent),
                "edges": len(heights),
                "lowest_height": min(heights, default=party.deployment.config.root_height),
                "winner": _hex(dispute.winner),
                "decided_block": dispute.decided_block or None,
                "settled": dispute.settled,
            }
        )
    deployment = party.deployment
    return {
        "chain_id": deployment.chain_id,
        "rollup": _hex(deployment.addresses.rollup),
        "head": party.head,
        "head_time": party.head_time,
        "period_blocks": deployment.config.challenge_period_blocks,
        "root_height": deployment.config.root_height,
        "batches": party.inbox.batch_count,
        "messages": party.inbox.message_count,
        "latest_confirmed": _hex(rollup.latest_confirmed),
        "assertions": [
            {
                "assertion": _hex(each.id),
                "parent": _hex(each.parent),
                "limit": each.limit,
                "status": each.status.value,
                "block": each.block,
                "state_hash": _hex(each.state_hash),
                "proposer": _hex(each.proposer),
            }
            for each in rollup.assertions.values()
        ],
        "disputes": disputes,
        "forecasts": forecast_facts(party)["forecasts"],
    }


def forecast_facts(party: Party, rivals: int = RIVALS) -> dict[str, Any]:
    """Return what becomes of every assertion that is not decided, if nobody moves, and what a defence takes."""
    terms = party.deployment.config
    found = forecasts(party.rollup, party.challenge, terms, party.head)
    return {
        "head": party.head,
        "period_blocks": terms.challenge_period_blocks,
        "defence": defence_facts(terms, rivals),
        "forecasts": [_forecast(each) for each in found],
    }


def forecast_page(facts: dict[str, Any]) -> Page:
    """Return the forecasts for a terminal: a bar for every clock."""
    period = facts["period_blocks"]
    page: Page = [f"L1 at block {facts['head']}; a side needs {period} blocks"]
    for each in facts["forecasts"]:
        page += ["", f"After {short(each['parent'])}" + (", in dispute" if each["dispute"] else "")]
        rows: list[tuple[Cell, ...]] = []
        for side in each["sides"]:
            due = "clock stands" if side["due_block"] is None else f"whole at block {side['due_block']}"
            proven = ", proven" if side["proven"] else ""
            rows.append((short(side["assertion"]), bar(side["blocks"], period), side["blocks"], due + proven))
        page.append(table(["", "", figures(), ""], rows, indent=3))
        if not each["winner"]:
            page.append("   nobody wins without another move")
        else:
            verb = "has won" if each["decided"] else "wins unless somebody moves"
            page.append(f"   {short(each['winner'])} {verb}; may be confirmed from block {each['final_block']}")
    if not facts["forecasts"]:
        page.append("nothing is waiting for a decision")
    return [*page, "", *defence_lines(facts["defence"])]


def _forecast(each: Forecast) -> dict[str, Any]:
    return {
        "parent": _hex(each.parent),
        "dispute": _hex(each.dispute),
        "winner": _hex(each.winner),
        "decided": each.decided,
        "final_block": each.final_block,
        "sides": [
            {
                "assertion": _hex(side.assertion.id),
                "status": side.assertion.status.value,
                "blocks": side.blocks,
                "due_block": side.due_block,
                "roots": side.roots,
                "proven": side.proven,
            }
            for side in each.sides
        ],
    }


def bar(part: int, whole: int, cells: int = BAR_CELLS) -> str:
    """Return a bar that is as full as the part is of the whole."""
    filled = cells * min(part, whole) // max(1, whole)
    return "█" * filled + "░" * (cells - filled)


def short(name: str) -> str:
    """Return the first digits of a hash."""
    return name[2 : 2 + NAME_DIGITS]


def _hex(name: bytes) -> str | None:
    return "0x" + name.hex() if name else None
