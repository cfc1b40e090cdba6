"""What price signers sign: reports of prices."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.connection import DEPLOYMENT, L1_URLS, OPERATOR_URL, Json, Password, Record, Rpc, Url, sending_client
from tallystick.errors import REJECTED
from tallystick.trader.commands.trader_options import load_key, open_client, print_json

if TYPE_CHECKING:
    from tallystick.l1.client.access import L1
    from tallystick.rollup.genesis import Genesis
    from tallystick.shapes.submitting import Answer
    from tallystick.trader.client import TraderClient

Signers = list[tuple[int, bytes]]
"""Numbers and keys."""


def report_price(
    market: Annotated[int, typer.Argument(min=0, max=63)],
    price_ticks: Annotated[int, typer.Argument(min=1, help="The price in ticks.")],
    key_files: Annotated[
        list[Path], typer.Option("--key-file", help="A price signer's key; once for each that signs this price.")
    ],
    round_number: Annotated[
        int | None,
        typer.Option("--round", min=1, help="Signers who report apart agree on it; L1's clock in seconds if left out."),
    ] = None,
    every: Annotated[
        str | None, typer.Option(help="Report it again so often, e.g. 10s, a round each time; Ctrl-C ends it.")
    ] = None,
    operator: Url = OPERATOR_URL,
    rpc: Rpc = L1_URLS,
    deployment: Record = DEPLOYMENT,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Report a price of one round: the median of a quorum of the signers becomes the market's mark.

    A price is good for a minute; without a newer one trading stops. Examples: `trader report-price 0 618000 --key-file
    s0.key --key-file s1.key`, and the same with `--every 10s` to keep a market open while one tries things out.
    """
    from tallystick.errors import BadInput
    from tallystick.trader.wording import duration_ms

    if every is not None and round_number is not None:
        raise BadInput("each repetition is a round of its own", hint="leave --round or --every out")
    pause_ms = 0 if every is None else duration_ms(every)
    genesis = read_genesis(deployment)
    signers = [_signer(genesis, bytes(load_key(each, password_file).key)) for each in key_files]
    chain = sending_client(rpc)
    # L1's clock is the one the exchange follows; the exchange's own stands still while nothing happens.
    l1_seconds = chain.head().timestamp
    turn = l1_seconds if round_number is None else round_number
    with open_client(operator) as client:
        answers = _report(client, signers, market, turn, price_ticks, l1_seconds)
        if as_json:
            print_json(answers)
        else:
            _print_round(signers, turn, answers, genesis.quorum)
        if pause_ms:
            _keep_reporting(client, chain, signers, market, price_ticks, pause_ms, last=turn)
    if not all(answer.accepted for answer in answers):
        raise typer.Exit(REJECTED)


def _keep_reporting(
    client: TraderClient, chain: L1, signers: Signers, market: int, price_ticks: int, pause_ms: int, *, last: int
) -> None:
    """Report a price in a round for each pause until somebody stops it; what fails is said, and tried again."""
    from tallystick.cli import until_interrupted
    from tallystick.errors import TallystickError

    stop = until_interrupted()
    while not stop.wait(pause_ms / 1000):
        try:
            now = chain.head().timestamp
            if now <= last:
                continue
            answers = _report(client, signers, market, now, price_ticks, now)
        except TallystickError as error:
            print(f"not reported: {error}; trying again", file=sys.stderr)
            continue
        last = now
        said = ", ".join(sorted({_words(answer) for answer in answers}))
        print(f"round {now}: {price_ticks} ticks, {said}", file=sys.stderr, flush=True)


def _report(
    client: TraderClient, signers: Signers, market: int, turn: int, price_ticks: int, l1_seconds: int
) -> list[Answer]:
    from tallystick.records.signing import make, sign

    answers = []
    for number, key in signers:
        values = {"market": market, "signer": number, "round": turn, "price_ticks": price_ticks}
        answers.append(client.send(sign(make("report_price", time_ms=l1_seconds * 1000, **values), client.domain, key)))
    return answers


def _print_round(signers: Signers, turn: int, answers: list[Answer], quorum: int) -> None:
    from tallystick.drawing import figures, show, table

    rows = [(number, turn, _words(answer)) for (number, _), answer in zip(signers, answers, strict=True)]
    show(table([figures("signer"), figures("round"), "what became of it"], rows))
    if len({number for number, _ in signers}) < quorum:
        print(f"the mark moves when {quorum} signers have reported this round")


def _words(answer: Answer) -> str:
    return answer.outcome.lower().replace("_", " ")


def _signer(genesis: Genesis, key: bytes) -> tuple[int, bytes]:
    """Return a signer's number and key. Raises: BadInput when the key is no signer's."""
    from tallystick.errors import BadInput
    from tallystick.records.signing import address_of

    address = bytes.fromhex(address_of(key)[2:])
    if address not in genesis.signers:
        raise BadInput("this key is no price signer of the deployment", key=address_of(key))
    return genesis.signers.index(address), key


def read_genesis(deployment: Path) -> Genesis:
    """Return the genesis a deployment record holds."""
    from tallystick.l1.deployment import load_deployment
    from tallystick.rollup.genesis import decode_genesis

    return decode_genesis(load_deployment(deployment).genesis)
