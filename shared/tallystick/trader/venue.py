"""What the exchange's own keys sign: governance lists markets, price signers report prices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.trader.options import (
    DEPLOYMENT,
    L1_URL,
    OPERATOR_URL,
    Json,
    Key,
    Password,
    Record,
    Rpc,
    Url,
    load_key,
    open_client,
    print_answer,
    print_json,
)

if TYPE_CHECKING:
    from tallystick.rollup.genesis import Genesis

PPM_OF_A_PERCENT = 10_000


def list_market(
    market: Annotated[int, typer.Argument(min=0, max=63, help="The new market's number.")],
    multiplier: Annotated[int, typer.Option(min=1, help="Units that one lot moves by when the price moves a tick.")],
    initial: Annotated[float, typer.Option(min=0, max=100, help="Initial margin, percent.")] = 5.0,
    maintenance: Annotated[float, typer.Option(min=0, max=100, help="Maintenance margin, percent.")] = 2.5,
    taker: Annotated[float, typer.Option(min=0, max=100, help="Taker's fee, percent.")] = 0.05,
    maker: Annotated[float, typer.Option(min=0, max=100, help="Maker's fee, percent.")] = 0.01,
    max_lots: Annotated[int, typer.Option(min=1, help="Largest order and position.")] = 1_000_000,
    operator: Url = OPERATOR_URL,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """List a market, for good: signed by the deployment's governance key. Example: `list-market 0 --multiplier 100`."""
    from tallystick.errors import BadInput, ConfigError
    from tallystick.records.signing import address_of, make, sign

    genesis = _genesis(deployment)
    if key_file is None:
        raise ConfigError("this needs the governance key", hint="--key-file FILE, or TALLYSTICK_KEY_FILE")
    key = bytes(load_key(key_file, password_file).key)
    if bytes.fromhex(address_of(key)[2:]) != genesis.governance:
        raise BadInput("only governance lists markets", governance="0x" + genesis.governance.hex(), key=address_of(key))
    record = make(
        "list_market",
        market=market,
        multiplier=multiplier,
        initial_ppm=_ppm(initial),
        maintenance_ppm=_ppm(maintenance),
        taker_ppm=_ppm(taker),
        maker_ppm=_ppm(maker),
        max_lots=max_lots,
    )
    with open_client(operator) as client:
        answer = client.send(sign(record, client.domain, key))
    print_answer(answer, as_json)


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

    genesis = _genesis(deployment)
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


def _genesis(deployment: Path) -> Genesis:
    from tallystick.l1.deployment import load_deployment
    from tallystick.rollup.genesis import decode_genesis

    return decode_genesis(load_deployment(deployment).genesis)


def _ppm(percent: float) -> int:
    return round(percent * PPM_OF_A_PERCENT)
