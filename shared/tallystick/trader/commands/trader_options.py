"""What the trader's commands share: their options, opening a client, printing an answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.connection import sending_client
from tallystick.errors import REJECTED, BadInput
from tallystick.records.market_names import HINT, MarketName, parse_market
from tallystick.state.ordinals import AccountId, MarketId

if TYPE_CHECKING:
    from tallystick.shapes.submitting import Answer
    from tallystick.trader.client import TraderClient
    from tallystick.trader.onchain import TraderL1

RECEIPTS = "TALLYSTICK_RECEIPTS"
"""Names the file in which every command keeps the receipts that it gets."""

AccountNumber = Annotated[
    int | None, typer.Option("--account", help="Account number; that of the key's address if left out.")
]
Sub = Annotated[
    int, typer.Option("--sub", min=0, max=15, help="Sub-account: isolated margin, beside the main account, 0.")
]


def read_market(text: str) -> MarketName:
    """Return the market that an argument names. Raises: typer.BadParameter when it names none."""
    try:
        return parse_market(text)
    except BadInput as error:
        raise typer.BadParameter(f"{error.message}: {text!r}; {HINT}") from error


MARKET_HELP = "Market, or one series of it as 5.1; `trader markets` lists them."
Market = Annotated[MarketName, typer.Argument(parser=read_market, help=MARKET_HELP)]
AgentSlot = Annotated[int, typer.Option("--agent", min=0, max=15, help="Sign as this agent; 0 is the owner.")]

Unchecked = Annotated[
    bool,
    typer.Option("--unchecked", help="Do not ask the operator whether there is anything to do, before L1 is paid."),
]


@contextmanager
def open_client(
    url: str,
    key_file: Path | None = None,
    password_file: Path | None = None,
    number: int | None = None,
    agent: int = 0,
    sub: int = 0,
    domain: bytes | None = None,
) -> Iterator[TraderClient]:
    """A client for one command, closed behind it; without a `domain` it signs for the operator's.

    Raises: BadInput when an agent does not say for whom it trades.
    """
    from tallystick.trader.client import TraderClient

    if agent and number is None:
        raise BadInput("an agent says for whom it trades", hint="--account NUMBER")
    key = bytes(load_key(key_file, password_file).key) if key_file else None
    account = None if number is None else AccountId(number)
    kept = Path(os.environ[RECEIPTS]) if os.environ.get(RECEIPTS) else None
    client = TraderClient(url, key, account=account, agent=agent, sub=sub, domain=domain, receipts=kept)
    try:
        yield client
    finally:
        client.close()


def said(market: MarketName) -> str:
    """Return a market as it was named, with its series or without."""
    return str(market.market) if market.series is None else f"{market.market}.{market.series}"


def present(client: TraderClient, market: MarketName) -> MarketId:
    """Return a market's number, asking the operator when a series is named. Raises: BadInput when another is listed."""
    if market.series is not None:
        client.named(*market)
    return market.market


def check_market(operator: str, market: MarketName, account: AccountId | None = None) -> None:
    """Refuse what L1 would take the fee for and the exchange would drop: a market that is not, or no position in it.

    An operator that does not answer is no reason to stay: then nothing is checked, and that is said.
    Raises: BadInput.
    """
    from tallystick.errors import Refused, Unreachable

    shown = said(market)
    hint = "--unchecked sends it all the same, where the operator is not to be believed"
    try:
        with open_client(operator) as client:
            listed = [(each.market, each.series) for each in client.markets()]
            held = None if account is None else [each.market for each in client.account(account).positions]
    except Unreachable as error:
        typer.echo(f"warning: {error.message}: not checked whether there is anything to do in market {shown}", err=True)
        return
    except Refused as refused:
        refused.hint = hint
        raise
    if not any(number == market.market and market.series in (None, series) for number, series in listed):
        raise BadInput("there is no such market", hint=f"`trader markets` lists them; {hint}", market=shown)
    if held is not None and market.market not in held:
        raise BadInput("the account has no position in this market", hint=hint, account=account, market=shown)


def load_key(key_file: Path, password_file: Path | None) -> Any:
    """Return the account of a key file. Raises: ConfigError."""
    from tallystick.l1.sending.keys import KeyFile, load_account

    return load_account(KeyFile(path=key_file, password_path=password_file))


def parse_address(text: str) -> str:
    """Return an L1 address. Raises: BadInput when it is none."""
    from eth_utils import is_address

    if not is_address(text):
        raise BadInput("not an address", hint="0x and 40 hexadecimal digits", address=text)
    return text


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    import msgspec

    print(msgspec.json.encode(value).decode())


def print_answer(answer: Answer, as_json: bool) -> None:
    """Print what became of a record; one that the exchange rejected ends the command with `REJECTED`."""
    from tallystick.trader.show import answer_text

    if as_json:
        print_json(answer)
    else:
        print(answer_text(answer))
    if not answer.accepted and not (answer.outcome == "UNFILLED" and answer.fills):
        raise typer.Exit(REJECTED)


def open_wallet(rpc: list[str], deployment: Path, key_file: Path | None, password_file: Path | None) -> TraderL1:
    """A key on L1, for one command. Raises: ConfigError without a key, StateError on another chain."""
    from tallystick.errors import ConfigError, StateError
    from tallystick.l1.deployment import load_deployment
    from tallystick.ports.system import SystemClock
    from tallystick.trader.onchain import TraderL1

    if key_file is None:
        raise ConfigError("this needs a key", hint="--key-file FILE, or TALLYSTICK_KEY_FILE")
    account = load_key(key_file, password_file)
    client, record = sending_client(rpc), load_deployment(deployment)
    if (actual := client.chain_id()) != record.chain_id:
        raise StateError("the endpoint is another chain", actual=actual, expected=record.chain_id)
    return TraderL1(client, record, account, SystemClock())


def print_receipt(receipt: Any, text: str, facts: dict[str, Any], as_json: bool) -> None:
    """Print what a transaction did, and what it cost."""
    if as_json:
        print_json({"tx": "0x" + receipt.transaction_hash.hex(), "gas": receipt.gas_used, **facts})
    else:
        print(f"{text} ({receipt.gas_used:,} gas, block {receipt.block_number})")
