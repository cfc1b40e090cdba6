"""Receipts: what became of what the operator promised, and what a broken promise costs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.commands import App
from tallystick.connection import DEPLOYMENT, L1_URLS, Json, Key, Password, Record, Rpc
from tallystick.errors import Disputed
from tallystick.trader.commands.trader_options import open_wallet, print_json

if TYPE_CHECKING:
    from tallystick.rollup.promised_chain import Verdict
    from tallystick.trader.slasher import Witness

EPILOG = (
    "Set TALLYSTICK_RECEIPTS to a file, and every command that sends a record keeps its receipt there. Then "
    "`trader receipts check receipts.txt` says what L1 has of it, and ends with 6 when a promise is broken; "
    "`trader receipts slash receipts.txt --key-file alice.key` takes the operator's bond for it: a tenth is yours. What is "
    "proven by receipts or a batch is committed to and revealed two blocks later; what is only missing is claimed, with a "
    "deposit that you have back if nobody shows the record: run it again after six hours."
)

app = App("trader", help="Hold the operator to its receipts: check them against L1, slash its bond.", epilog=EPILOG)

Receipts = Annotated[Path, typer.Argument(help="The file in which they were kept: TALLYSTICK_RECEIPTS.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait for the two blocks between commitment and reveal.")]


@app.command()
def check(receipts: Receipts, rpc: Rpc = L1_URLS, deployment: Record = DEPLOYMENT, as_json: Json = False) -> None:
    """Say of each receipt whether its record is on L1 where it was promised; ends with 6 when a promise is broken."""
    from tallystick.trader.slasher import BROKEN

    verdicts, witness = _judged(receipts, rpc, deployment)
    found = [_fact(each) | {"bonded": witness.is_bonded(each.receipt)} for each in verdicts]
    if as_json:
        print_json(found)
    else:
        for fact in found:
            bond = "" if fact["bonded"] else "  no bond answers for it"
            print(f"{fact['number']} {fact['standing']} {fact['place']}{bond}")
        print(f"{len(found)} receipts" if found else "no receipts")
    if any(each.standing in BROKEN for each in verdicts):
        raise Disputed(
            "the operator broke a promise",
            hint="tallystick trader receipts slash takes its bond, where one answers for it",
        )


@app.command()
def slash(
    receipts: Receipts,
    wait: Wait = 60.0,
    rpc: Rpc = L1_URLS,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Do all that can be done now about broken promises: commit and reveal, claim, foreclose, refute."""
    from tallystick.ports.system import SystemClock
    from tallystick.trader.slasher import BROKEN, Slasher

    wallet = open_wallet(rpc, deployment, key_file, password_file)
    verdicts, witness = _judged(receipts, rpc, deployment)
    slasher = Slasher(witness, wallet.account, SystemClock())
    made = [slasher.act(each, wait) for each in verdicts if each.standing in BROKEN]
    if as_json:
        print_json([{"number": each.receipt.number, "did": each.did, "tx": _hex(each.tx)} for each in made])
        return
    for each in made:
        print(f"{each.receipt.number} {each.did}")
    if not made:
        print("every promise was kept, or is not due yet")


def _judged(path: Path, rpc: list[str], deployment: Path) -> tuple[list[Verdict], Witness]:
    """Return how the receipts of a file stand, and what says so."""
    from tallystick.connection import sending_client
    from tallystick.l1.deployment import load_deployment
    from tallystick.trader.held import kept
    from tallystick.trader.slasher import Witness

    receipts = kept(path)
    witness = Witness(sending_client(rpc), load_deployment(deployment))
    return witness.judge(receipts), witness


def _fact(verdict: Verdict) -> dict[str, Any]:
    return {
        "number": verdict.receipt.number,
        "standing": verdict.standing.value,
        "post_by": verdict.receipt.post_by,
        "epoch": verdict.receipt.epoch,
        "place": _hex(verdict.receipt.place),
        "batch": verdict.chunk.batch if verdict.chunk else None,
    }


def _hex(data: bytes | None) -> str | None:
    return None if data is None else "0x" + data.hex()
