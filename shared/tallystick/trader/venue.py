"""What price signers sign: reports of prices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.trader.options import (
    DEPLOYMENT,
    L1_URL,
    OPERATOR_URL,
    Json,
    Password,
    Record,
    Rpc,
    Url,
    load_key,
    open_client,
    print_json,
)

if TYPE_CHECKING:
    from tallystick.rollup.genesis import Genesis


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
    operator: Url = OPERATOR_URL,
    rpc: Rpc = L1_URL,
    deployment: Record = DEPLOYMENT,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Report a price of one round: the median of a quorum of the signers becomes the market's mark."""
    from tallystick.errors import BadInput
    from tallystick.l1.client import L1Client
    from tallystick.records.signing import address_of, make, sign

    genesis = read_genesis(deployment)
    keys = [bytes(load_key(each, password_file).key) for each in key_files]
    numbers = []
    for key in keys:
        address = bytes.fromhex(address_of(key)[2:])
        if address not in genesis.signers:
            raise BadInput("this key is no price signer of the deployment", key=address_of(key))
        numbers.append(genesis.signers.index(address))
    # L1's clock is the one the exchange follows; the exchange's own stands still while nothing happens.
    l1_seconds = L1Client(rpc).head().timestamp
    turn = l1_seconds if round_number is None else round_number
    with open_client(operator) as client:
        answers = []
        for number, key in zip(numbers, keys, strict=True):
            values = {"market": market, "signer": number, "round": turn, "price_ticks": price_ticks}
            answers.append(
                client.send(sign(make("report_price", time_ms=l1_seconds * 1000, **values), client.domain, key))
            )
    if as_json:
        print_json(answers)
    else:
        for number, answer in zip(numbers, answers, strict=True):
            print(f"signer {number}, round {turn}: {answer.outcome.lower().replace('_', ' ')}")
        if len(set(numbers)) < genesis.quorum:
            print(f"the mark moves when {genesis.quorum} signers have reported this round")
    if not all(answer.accepted for answer in answers):
        raise typer.Exit(2)


def read_genesis(deployment: Path) -> Genesis:
    """Return the genesis a deployment record holds."""
    from tallystick.l1.deployment import load_deployment
    from tallystick.rollup.genesis import decode_genesis

    return decode_genesis(load_deployment(deployment).genesis)
