"""What the commands that only look show: facts for `--json`, and the same facts as a page for people."""

from __future__ import annotations

from typing import Any, Final

from tallystick.dispute.party import Party
from tallystick_challenger.forecast import Forecast, forecasts

ROOT_HEIGHT: Final = 20
NAME_DIGITS: Final = 12
BAR_CELLS: Final = 20


def status_facts(party: Party) -> dict[str, Any]:
    """Return batches, assertions and disputes as L1 has them."""
    rollup, challenge = party.rollup, party.challenge
    disputes: list[dict[str, Any]] = []
    for dispute in challenge.disputes.values():
        heights = [each.edge.height for each in challenge.edges.values() if each.edge.dispute == dispute.id]
        disputes.append(
            {
                "dispute": _hex(dispute.id),
                "parent": _hex(dispute.parent),
                "edges": len(heights),
                "lowest_height": min(heights, default=ROOT_HEIGHT),
                "winner": _hex(dispute.winner),
                "final_block": dispute.final_block or None,
                "settled": dispute.settled,
            }
        )
    return {
        "head": party.head,
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
    }


def status_page(facts: dict[str, Any]) -> str:
    """Return the status for a terminal; a star marks the latest confirmed assertion."""
    lines = [f"L1 at block {facts['head']}: {facts['batches']} batches, {facts['messages']} messages", "", "Assertions"]
    for each in facts["assertions"]:
        mark = "*" if each["assertion"] == facts["latest_confirmed"] else " "
        lines.append(
            f" {mark} {_short(each['assertion'])}  batches below {each['limit']:<5} {each['status']:<9} "
            f"block {each['block']}"
        )
    lines += ["", "Disputes"]
    for each in facts["disputes"]:
        if each["winner"]:
            end = f"won by {_short(each['winner'])}" + (", settled" if each["settled"] else "")
        else:
            end = f"open, down to height {each['lowest_height']}"
        lines.append(f"   {_short(each['dispute'])}  {each['edges']} edges, {end}")
    if not facts["disputes"]:
        lines.append("   none")
    return "\n".join(lines)


def forecast_facts(party: Party) -> dict[str, Any]:
    """Return what becomes of every assertion that is not decided, if nobody moves."""
    terms = party.deployment.config
    found = forecasts(party.rollup, party.challenge, terms, party.head)
    return {
        "head": party.head,
        "period_blocks": terms.challenge_period_blocks,
        "forecasts": [_forecast(each) for each in found],
    }


def forecast_page(facts: dict[str, Any]) -> str:
    """Return the forecasts for a terminal: a bar for every clock."""
    period = facts["period_blocks"]
    lines = [f"L1 at block {facts['head']}; a side needs {period} blocks"]
    for each in facts["forecasts"]:
        lines += ["", f"After {_short(each['parent'])}" + (", in dispute" if each["dispute"] else "")]
        for side in each["sides"]:
            filled = BAR_CELLS * side["blocks"] // max(1, period)
            bar = "#" * filled + "." * (BAR_CELLS - filled)
            due = "clock stands" if side["due_block"] is None else f"whole at block {side['due_block']}"
            proven = ", proven" if side["proven"] else ""
            lines.append(f"   {_short(side['assertion'])}  [{bar}] {side['blocks']:>6}  {due}{proven}")
        if not each["winner"]:
            lines.append("   nobody wins without another move")
        else:
            verb = "has won" if each["decided"] else "wins unless somebody moves"
            lines.append(f"   {_short(each['winner'])} {verb}; may be confirmed from block {each['final_block']}")
    if not facts["forecasts"]:
        lines.append("nothing is waiting for a decision")
    return "\n".join(lines)


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


def _hex(name: bytes) -> str | None:
    return "0x" + name.hex() if name else None


def _short(name: str) -> str:
    return name[2 : 2 + NAME_DIGITS]
