"""What defending costs, who pays it back, and the most gas it may take, term by term.

The terms are those of small steps and the default rates; docs/dispute.md has what they come to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tallystick.l1.abi import contract_abi
from tallystick.l1.client.access import L1
from tallystick.l1.client.events import EventReader
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.deployment import Deployment
from tallystick.party.strategy.player import MAX_OPENINGS
from tallystick.testing.world import address

DECLARED_PRICE_WEI: Final = 100 * 10**9
"""Up to this the honest side is repaid all that a dispute takes, where its liars play and it makes its own moves."""
GENERATION_GAS: Final = 745_000
"""Of a generation, whoever plays: a posting, an opening, a decision, a confirmation, a settlement, its bond home, and two
withdrawals."""
LIE_GAS: Final = 60_000
"""Of every lie: its rejection, and the first credit of whoever moved for it."""
MOVE_GAS: Final = {"bisect": 123_000, "prove": 354_000}
"""Of a move of the own tree that nobody made before."""
OVERTAKEN_GAS: Final = {"bisect": 31_000, "prove": 70_000}
"""Of one that somebody made before: it changes nothing."""
UPDATE_GAS: Final = 27_000
"""Of every bisected edge of the own tree: its total is brought up to date."""
REPAY_GAS: Final = 22_000
"""Of every move of the own tree: whoever made it is repaid."""
PART_GAS: Final = 80_000
"""Of a transaction more, where one does not hold all totals, or all repayments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a party's transactions took, by function, and what they cost."""

    gas: dict[str, list[int]]
    fees_wei: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaid:
    """What became of the moves of the trees that won: `own` and `others` count them by whoever made them, by function.
    `wei` is what a party was repaid, for openings too.
    """

    own: dict[str, int]
    others: dict[str, int]
    wei: int


def spent(client: L1Client, name: str, first: int, last: int) -> Spent:
    """Return what every transaction of a name between two blocks took."""
    known = {
        entry.digest[:4]: entry.name
        for contract in ("Rollup", "Challenge")
        for entry in contract_abi(contract).functions()
    }
    found: dict[str, list[int]] = {}
    fees_wei = 0
    mine = "0x" + address(name).hex()
    for number in range(first, last + 1):
        block: Any = client.request("eth_getBlockByNumber", hex(number), True)
        for each in block["transactions"]:
            if each["from"].lower() == mine:
                receipt = client.receipt(bytes.fromhex(each["hash"][2:]))
                assert receipt is not None
                function = known[bytes.fromhex(each["input"][2:10])]
                found.setdefault(function, []).append(receipt.gas_used)
                fees_wei += receipt.gas_used * receipt.price_wei
    return Spent(gas=found, fees_wei=fees_wei)


def repaid(client: L1, deployment: Deployment, name: str) -> Repaid:
    """Return who made the moves that were repaid, and what a name got."""
    movers: dict[tuple[str, bytes], bytes] = {}
    own, others = dict.fromkeys(MOVE_GAS, 0), dict.fromkeys(MOVE_GAS, 0)
    wei, opened = 0, b""
    for batch in EventReader(client, deployment).to_head():
        for event in batch:
            match event.name:
                case "EdgeBisected":
                    movers["bisect", event.args["edge"]] = event.args["mover"]
                case "EdgeProven":
                    movers["prove", event.args["edge"]] = event.args["mover"]
                case "DisputeSettled":
                    opened = event.args["edge"]
                case "MoveRepaid":
                    mine = event.args["mover"] == address(name)
                    wei += event.args["amountWei"] if mine else 0
                    if event.args["edge"] == opened:
                        opened = b""
                        continue
                    move = "prove" if ("prove", event.args["edge"]) in movers else "bisect"
                    count = own if mine else others
                    count[move] += 1
                case _:
                    pass
    return Repaid(own=own, others=others, wei=wei)


def most_gas(generations: int, lies: int, tree: Repaid) -> int:
    """Return the gas that so many lies may cost the honest side at most, whoever made the moves of its trees."""
    moves = {move: tree.own[move] + tree.others[move] for move in MOVE_GAS}
    parts = moves["bisect"] // MAX_OPENINGS + sum(moves.values()) // MAX_OPENINGS
    return (
        generations * GENERATION_GAS
        + lies * LIE_GAS
        + sum(MOVE_GAS[move] * tree.own[move] + OVERTAKEN_GAS[move] * tree.others[move] for move in MOVE_GAS)
        + moves["bisect"] * UPDATE_GAS
        + sum(moves.values()) * REPAY_GAS
        + parts * PART_GAS
    )


def is_repaid(result: dict[str, Any], *, fronted: bool) -> bool:
    """Whether a battle's every wei is accounted for, its gas is within the bound, and up to the declared price nothing of it
    is the honest side's loss: but where others made its moves, and are repaid for them.
    """
    exact = result["profit_wei"] == result["repaid_wei"] - result["fees_wei"]
    repaid_all = result["repaid_wei"] >= result["gas"] * DECLARED_PRICE_WEI
    return exact and result["gas"] <= result["most_gas"] and (fronted or repaid_all)
