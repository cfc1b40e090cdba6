"""What the commands about single disputes show, and the calls behind a move."""

from __future__ import annotations

from typing import Any, Final

from tallystick.dispute.edge_view import ENOUGH, EdgeStatus
from tallystick.drawing import Cell, Page, Title, figures, table
from tallystick.errors import BadInput, DataMissing, L1Error, L1Unreachable
from tallystick.party.planner import Planner
from tallystick.party.strategy.strategy import Due
from tallystick_challenger.watching.forecast import Forecast, forecasts

WEI: Final = 10**18
NAME_DIGITS: Final = 12
JUDGEMENTS: Final = {True: "right", False: "WRONG", None: "not judged"}


def find(planner: Planner, name: str) -> bytes:
    """Return the parent whose children are meant by the beginning of a dispute's, the parent's or a child's name.

    Raises: DataMissing when nothing is disputed; BadInput when the name fits none or several.
    """
    contested = planner.contested()
    if not contested:
        raise DataMissing("no assertion has a rival", hint="`challenger verify` tells whether all of them are right")
    digits = name.removeprefix("0x").lower()
    found = [
        parent
        for parent, dispute in contested.items()
        if any(
            each.hex().startswith(digits)
            for each in (parent, *planner.rollup.children[parent], *([dispute.id] if dispute else []))
        )
    ]
    if len(found) != 1:
        what = "fits no dispute" if not found else "fits several disputes"
        raise BadInput(f"the name {what}", hint="`challenger dispute list` shows them", name=name)
    return found[0]


def list_facts(planner: Planner, plans: list[Due]) -> dict[str, Any]:
    """Return every dispute with its sides, and the names of the moves that are due."""
    return {
        "head": planner.head,
        "disputes": [_dispute(planner, plans, parent) for parent in planner.contested()],
    }


def list_page(facts: dict[str, Any]) -> Page:
    """Return the disputes for a terminal."""
    page: Page = [f"L1 at block {facts['head']}: {len(facts['disputes'])} disputes"]
    for each in facts["disputes"]:
        name = short(each["dispute"]) if each["dispute"] else "not opened yet"
        page += ["", f"{name}  after {short(each['parent'])}  {_end(each)}"]
        page.append(table(["", "", ""], [_side(side) for side in each["sides"]], indent=3))
        if each["due"]:
            page.append(f"   to be done: {', '.join(each['due'])}")
    return page


def show_facts(planner: Planner, plans: list[Due], parent: bytes) -> dict[str, Any]:
    """Return one dispute: sides, clocks, every edge, and the moves that are due with what each would do."""
    facts = _dispute(planner, plans, parent)
    terms = planner.deployment.config
    clocks = [each for each in _forecasts(planner) if each.parent == parent]
    for side in facts["sides"]:
        of = [each for clock in clocks for each in clock.sides if hex_(each.assertion.id) == side["assertion"]]
        if of:
            side.update(blocks=of[0].blocks, due_block=of[0].due_block, roots=of[0].roots)
    mine = planner.true_child(parent)
    dispute = planner.contested()[parent]
    edges = [each for each in planner.challenge.edges.values() if dispute and each.edge.dispute == dispute.id]
    edges.sort(key=lambda each: (-each.edge.height, each.edge.index, each.created))
    own: set[bytes] = set()
    if mine is not None and edges:
        trace = planner.trace(mine)
        own = {
            each.edge.id
            for each in edges
            if trace.span(each.edge.height, each.edge.index) == each.edge.span
            and trace.base(each.edge.height, each.edge.index) == each.edge.base
        }
    return facts | {
        "head": planner.head,
        "period_blocks": terms.challenge_period_blocks,
        "edges": [_edge(planner, each, each.edge.id in own) for each in edges],
        "moves": [plan_facts(each) for each in plans if parent in each.parents],
    }


def show_page(facts: dict[str, Any]) -> Page:
    """Return one dispute for a terminal; a plus marks the edges that the own trace bears out."""
    name = short(facts["dispute"]) if facts["dispute"] else "not opened yet"
    page: Page = [
        f"Dispute {name} after {short(facts['parent'])}, L1 at block {facts['head']}: {_end(facts)}",
        "",
        "Sides",
    ]
    sides: list[tuple[Cell, ...]] = []
    for side in facts["sides"]:
        clock = f"{side['blocks']} of {facts['period_blocks']} blocks" if "blocks" in side else ""
        sides.append((*_side(side), clock))
    page += [table(["", "", "", ""], sides, indent=3), "", "Edges"]
    edges: list[tuple[Cell, ...]] = []
    for each in facts["edges"]:
        what = (
            "proven" if each["proven"] else "in halves" if each["bisected"] else "rivalled" if each["rivalled"] else ""
        )
        total = "enough" if each["total_blocks"] is None else str(each["total_blocks"])
        mark = "+" if each["own"] else " "
        edges.append((mark, short(each["edge"]), each["height"], each["index"], total, what))
    titles: list[Title] = ["", "edge", figures("height"), figures("index"), figures("blocks that count"), ""]
    page += [table(titles, edges, indent=1) if edges else "   none", "", "To be done"]
    moves = [(each["move"], each["what"]) for each in facts["moves"]]
    return [*page, table(["", ""], moves, indent=3) if moves else "   nothing but wait"]


def choose(plans: list[Due], parent: bytes, move: str, edge: str) -> Due:
    """Return the next plan about an assertion's children, or the next one of a name, or at an edge.

    Raises: DataMissing when there is nothing to do but wait; BadInput when what was named is not due.
    """
    due = [each for each in plans if parent in each.parents]
    if not due:
        raise DataMissing(
            "there is nothing to do now but wait",
            hint="`challenger forecast` tells for how long, if nobody moves",
        )
    digits = edge.removeprefix("0x").lower()
    fit = [each for each in due if (not move or each.name == move) and edge_of(each).startswith(digits)]
    if not fit:
        names = ", ".join(dict.fromkeys(each.name for each in due))
        raise BadInput("this move is not due", hint=f"what is due: {names}", move=move or "any", edge=edge or "any")
    return fit[0]


def edge_of(plan: Due) -> str:
    """Return the digits of the edge a plan is about, none when it is about none."""
    parts = plan.call.key.split("/")
    return parts[1] if plan.name in ("bisect", "prove", "update", "decide") else ""


def plan_facts(plan: Due) -> dict[str, Any]:
    """Return a move as people and scripts want it, without its calldata."""
    facts = {key: hex_(value) if isinstance(value, bytes) else value for key, value in plan.facts.items()}
    facts.pop("move", None)
    edge = edge_of(plan)
    return {
        "move": plan.name,
        "contract": plan.contract,
        "function": plan.call.function,
        "value_wei": plan.call.value_wei,
        "edge": "0x" + edge if edge else None,
        "what": what_it_does(plan),
        **facts,
    }


def dry_facts(planner: Planner, plan: Due, sender: bytes) -> dict[str, Any]:
    """Return a move with its transaction as it would be sent, and the gas L1 says it takes, or why it refuses it.

    Raises: L1Unreachable.
    """
    to = planner.deployment.addresses.all()[plan.contract]
    data = planner.client.contract(plan.contract, to).encode(plan.call.function, *plan.call.arguments)
    gas: int | None = None
    refusal = ""
    try:
        gas = planner.client.estimate_gas(to, data, sender=sender, value_wei=plan.call.value_wei)
    except L1Unreachable:
        raise
    except L1Error as error:
        refusal = error.message
    sent = {"from": hex_(sender), "to": hex_(to), "data": "0x" + data.hex(), "gas": gas, "refusal": refusal or None}
    return plan_facts(plan) | sent


def dry_page(facts: dict[str, Any]) -> Page:
    """Return a move that is not made for a terminal."""
    gas = f"about {facts['gas']:,} gas" if facts["gas"] else f"L1 would not take it now: {facts['refusal']}"
    return [
        f"{facts['move']}: {facts['what']}",
        f"   {facts['contract']}.{facts['function']}, {len(facts['data']) // 2 - 1} bytes of calldata, {gas}",
        f"   to     {facts['to']}",
        f"   from   {facts['from']}",
        f"   value  {facts['value_wei']} wei",
        f"   data   {facts['data']}",
        "nothing was sent",
    ]


def what_it_does(plan: Due) -> str:
    """Return a sentence about a plan."""
    facts, arguments, bond = plan.facts, plan.call.arguments, f"with a bond of {plan.call.value_wei / WEI:g} ether"
    match plan.name:
        case "assert":
            lies = bond if plan.call.value_wei else "the own bond moves there"
            return f"post the true assertion {short(hex_(facts['assertion']))}, {lies}"
        case "open":
            return f"commit the true assertion to its trace, {bond}"
        case "bisect":
            first = facts["index"] << facts["height"]
            last = first + (1 << facts["height"]) - 1
            return f"open the edge over steps {first} to {last} into its halves: a rival has to differ in one of them"
        case "prove":
            return f"have the Referee run step {facts['index']}, {facts['step']}: its result is final for this leaf"
        case "update":
            return f"bring the totals of {len(arguments[0])} edges up to date; deciding comes after"
        case "decide":
            return f"bring the totals of {len(arguments[1])} edges up to date and decide for the true assertion"
        case "confirm":
            more = f" and the {len(arguments[0]) - 1} before it" if len(arguments[0]) > 1 else ""
            return f"confirm {short(hex_(facts['assertion']))}{more}: withdrawals are paid from it then"
        case "reject":
            return f"reject {short(hex_(facts['assertion']))}, which has lost: its bond is gone"
        case "take":
            return f"take the own bond home from {short(hex_(facts['assertion']))}"
        case _:
            return f"pay the winning root's bond back and repay the movers of {len(arguments[2])} edges"


def short(name: str | None) -> str:
    """Return the beginning of a name."""
    return (name or "")[2 : 2 + NAME_DIGITS]


def address_of(text: str) -> bytes:
    """Return the bytes of an address.

    Raises: BadInput when it is none.
    """
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != 20:
        raise BadInput("an address is 0x and 40 digits", address=text)
    return found


def hex_(value: bytes) -> str:
    """Return bytes as JSON has them."""
    return "0x" + value.hex()


def _dispute(planner: Planner, plans: list[Due], parent: bytes) -> dict[str, Any]:
    dispute = planner.contested()[parent]
    heights = [
        each.edge.height for each in planner.challenge.edges.values() if dispute and each.edge.dispute == dispute.id
    ]
    sides: list[dict[str, Any]] = [
        {
            "assertion": hex_(each),
            "proposer": hex_(planner.rollup.assertions[each].proposer),
            "status": planner.rollup.assertions[each].status.value,
            "right": planner.is_right(each),
        }
        for each in planner.rollup.children[parent]
    ]
    return {
        "dispute": hex_(dispute.id) if dispute else None,
        "parent": hex_(parent),
        "limit": planner.rollup.assertions[parent].next_limit,
        "lowest_height": min(heights, default=None),
        "winner": hex_(dispute.winner) if dispute and dispute.winner else None,
        "decided_block": dispute.decided_block if dispute and dispute.winner else None,
        "settled": bool(dispute and dispute.settled),
        "sides": sides,
        "due": list(dict.fromkeys(each.name for each in plans if parent in each.parents)),
    }


def _forecasts(planner: Planner) -> list[Forecast]:
    return forecasts(planner.rollup, planner.challenge, planner.deployment.config, planner.head)


def _edge(planner: Planner, status: EdgeStatus, own: bool) -> dict[str, Any]:
    total = planner.challenge.total(status.edge.id, planner.head)
    return {
        "edge": hex_(status.edge.id),
        "height": status.edge.height,
        "index": status.edge.index,
        "span": hex_(status.edge.span),
        "created_block": status.created,
        "rivalled": planner.challenge.is_rivalled(status.edge),
        "bisected": status.children is not None,
        "proven": status.proven,
        "total_blocks": None if total >= ENOUGH else total,
        "own": own,
    }


def _end(facts: dict[str, Any]) -> str:
    if facts["winner"]:
        return f"won by {short(facts['winner'])}" + (", settled" if facts["settled"] else "")
    return "open" if facts["lowest_height"] is None else f"open, down to height {facts['lowest_height']}"


def _side(side: dict[str, Any]) -> tuple[str, str, str]:
    return short(side["assertion"]), side["status"], f"{JUDGEMENTS[side['right']]}, by {side['proposer']}"
