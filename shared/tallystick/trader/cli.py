"""Trade: deposit, place and cancel orders, look at the book, withdraw, claim."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.trader import governance, several, venue
from tallystick.trader.options import (
    DEPLOYMENT,
    L1_URL,
    OPERATOR_URL,
    AccountNumber,
    AgentSlot,
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
    from tallystick.trader.l1 import TraderL1

EPILOG = (
    "Examples: `trader mint 1000 --key-file alice.key`, `trader deposit 1000 --key-file alice.key`, "
    "`trader order 0 buy 5 617990 --key-file alice.key`, `trader book 0`, `trader withdraw 250 --key-file alice.key`, "
    "`trader claim 0 --key-file alice.key`. Set TALLYSTICK_KEY_FILE, TALLYSTICK_OPERATOR, TALLYSTICK_L1_RPC and "
    "TALLYSTICK_DEPLOYMENT once and leave the options out."
)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Trade: deposit, place and cancel orders, look at the book, withdraw, claim.",
    epilog=EPILOG,
)

Amount = Annotated[str, typer.Argument(help="Tokens, with up to six decimals.")]

app.command()(governance.list_market)
app.command()(venue.report_price)
app.command()(several.transfer)
app.command()(several.bulk)


@app.command()
def markets(operator: Url = OPERATOR_URL, as_json: Json = False) -> None:
    """List the markets: marks, margins, fees."""
    from tallystick.trader.show import markets_text

    with open_client(operator) as client:
        found = client.markets()
    print_json(found) if as_json else print(markets_text(found))


@app.command()
def book(
    market: Annotated[int, typer.Argument(min=0, max=63)],
    depth: Annotated[int, typer.Option(min=1, max=1000, help="Prices on each side.")] = 10,
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Show a market's book as a ladder, asks above bids."""
    from tallystick.trader.show import ladder_text

    with open_client(operator) as client:
        found = client.book(market, depth)
    print_json(found) if as_json else print(ladder_text(found))


@app.command()
def trades(
    market: Annotated[int, typer.Argument(min=0, max=63)],
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """List a market's newest fills."""
    from tallystick.trader.show import trades_text

    with open_client(operator) as client:
        found = client.trades(market, limit)
    print_json(found) if as_json else print(trades_text(found))


@app.command()
def account(
    number: Annotated[int | None, typer.Argument(help="Account; the key's own if left out.")] = None,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Show an account: cash, margins, positions, resting orders."""
    from tallystick.trader.show import account_text

    with open_client(operator, key_file, password_file) as client:
        found = client.account(number)
    print_json(found) if as_json else print(account_text(found))


@app.command()
def order(
    market: Annotated[int, typer.Argument(min=0, max=63)],
    side: Annotated[str, typer.Argument(help="buy or sell")],
    lots: Annotated[int, typer.Argument(min=1)],
    price_ticks: Annotated[int, typer.Argument(min=1, help="Limit price in ticks.")],
    client_id: Annotated[int, typer.Option(min=0, help="Your number for it, to cancel it by.")] = 0,
    ioc: Annotated[bool, typer.Option("--ioc", help="Cancel what does not fill at once.")] = False,
    expiry_ms: Annotated[int, typer.Option(min=0, help="Clock at which it ends; 0 for never.")] = 0,
    number: AccountNumber = None,
    agent: AgentSlot = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Place a limit order. Example: `trader order 0 buy 5 617990 --client-id 7`."""
    from tallystick.errors import BadInput

    if side not in ("buy", "sell"):
        raise BadInput("a side is buy or sell", side=side)
    with open_client(operator, key_file, password_file, number, agent) as client:
        answer = client.order(
            market, int(side == "sell"), price_ticks, lots, client_id=client_id, ioc=ioc, expiry_ms=expiry_ms
        )
    print_answer(answer, as_json)


@app.command()
def cancel(
    client_id: Annotated[int, typer.Argument(min=0, help="The order's client id.")],
    number: AccountNumber = None,
    agent: AgentSlot = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Cancel the oldest resting order with a client id."""
    with open_client(operator, key_file, password_file, number, agent) as client:
        answer = client.cancel(client_id)
    print_answer(answer, as_json)


@app.command()
def liquidate(
    account: Annotated[int, typer.Argument(min=0, help="Whose position; 0 is the insurance fund.")],
    market: Annotated[int, typer.Argument(min=0, max=63)],
    take_over: Annotated[bool, typer.Option("--take-over", help="Let the insurance fund take it up.")] = False,
    candidate: Annotated[int | None, typer.Option(min=1, help="Nominate this account to take it up.")] = None,
    deleverage: Annotated[bool, typer.Option("--deleverage", help="Close it against the nominee's.")] = False,
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Have a position closed that its account cannot carry; anybody may. On the book, unless told otherwise."""
    from tallystick.errors import BadInput

    if take_over + deleverage + (candidate is not None) > 1:
        raise BadInput("one of --take-over, --candidate and --deleverage at a time")
    with open_client(operator, None, None) as client:
        if take_over:
            answer = client.take_over(account, market)
        elif candidate is not None:
            answer = client.nominate(account, market, candidate)
        else:
            answer = client.deleverage(account) if deleverage else client.liquidate(account, market)
    print_answer(answer, as_json)


@app.command()
def approve_agent(
    slot: Annotated[int, typer.Argument(min=1, max=15, help="Which of the account's 15 agents.")],
    address: Annotated[str, typer.Argument(help="The agent's address; zero revokes it.")],
    scope: Annotated[int, typer.Option(min=0, max=3, help="1 may place, 2 may cancel, 3 both.")] = 3,
    expiry_ms: Annotated[int, typer.Option(min=0, help="Clock at which it ends; 0 for never.")] = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Let a key trade for the account, but never withdraw."""
    with open_client(operator, key_file, password_file) as client:
        answer = client.approve_agent(slot, _address(address), scope, expiry_ms)
    print_answer(answer, as_json)


@app.command()
def withdraw(
    amount: Amount,
    to: Annotated[str, typer.Option(help="L1 address to pay; the key's own if left out.")] = "",
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Ask for a withdrawal; claim it on L1 once it is confirmed."""
    with open_client(operator, key_file, password_file) as client:
        answer = client.withdraw(_units(amount), _address(to) if to else "")
    print_answer(answer, as_json)


@app.command()
def withdrawals(
    number: Annotated[int | None, typer.Argument(help="Account; the key's own if left out.")] = None,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """List an account's withdrawals and how far they are."""
    from tallystick.trader.show import withdrawals_text

    with open_client(operator, key_file, password_file) as client:
        found = client.withdrawals(number)
    print_json(found) if as_json else print(withdrawals_text(found))


@app.command()
def claim(
    index: Annotated[int, typer.Argument(min=0, help="The withdrawal's number.")],
    from_l1: Annotated[
        bool, typer.Option("--from-l1", help="Ask no operator: rebuild the proof from L1's data.")
    ] = False,
    number: AccountNumber = None,
    operator: Url = OPERATOR_URL,
    rpc: Rpc = L1_URL,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Have the Vault pay a confirmed withdrawal; the proof is the operator's, or your own with --from-l1."""
    from tallystick.errors import DataMissing
    from tallystick.trader.l1 import claim_from_l1, claim_from_operator
    from tallystick.trader.show import tokens

    wallet = _wallet(rpc, deployment, key_file, password_file)
    if from_l1:
        found = claim_from_l1(wallet.client, wallet.deployment, index)
    else:
        with open_client(operator, key_file, password_file, number) as client:
            given = {each.index: each for each in client.withdrawals()}
        if index not in given:
            raise DataMissing("the account has no such withdrawal", hint="--from-l1 asks no operator", index=index)
        found = claim_from_operator(given[index])
    receipt = wallet.claim(found)
    facts = {"index": index, "units": found.amount_units, "recipient": "0x" + found.recipient.hex()}
    _print_receipt(receipt, f"paid {tokens(found.amount_units)} to {facts['recipient']}", facts, as_json)


@app.command()
def mint(
    amount: Amount,
    rpc: Rpc = L1_URL,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Mint test tokens to the key's address, where the deployment has a test token."""
    from tallystick.trader.show import tokens

    units = _units(amount)
    receipt = _wallet(rpc, deployment, key_file, password_file).mint(units)
    _print_receipt(receipt, f"minted {tokens(units)}", {"units": units}, as_json)


@app.command()
def deposit(
    amount: Amount,
    rpc: Rpc = L1_URL,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Deposit tokens into the Vault; the first deposit opens the account."""
    from tallystick.trader.show import tokens

    units = _units(amount)
    wallet = _wallet(rpc, deployment, key_file, password_file)
    receipt = wallet.deposit(units)
    number = wallet.account_number(wallet.account.address)
    text = f"deposited {tokens(units)} to account {number}"
    _print_receipt(receipt, text, {"units": units, "account": number}, as_json)


@app.command()
def force_withdraw(
    amount: Amount,
    rpc: Rpc = L1_URL,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Withdraw through L1: no batch may leave it out once the force delay is over."""
    from tallystick.trader.show import tokens

    units = _units(amount)
    wallet = _wallet(rpc, deployment, key_file, password_file)
    receipt = wallet.force_withdraw(wallet.account_number(wallet.account.address), units)
    _print_receipt(receipt, f"queued the withdrawal of {tokens(units)}", {"units": units}, as_json)


@app.command()
def force_cancel(
    rpc: Rpc = L1_URL,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Cancel all orders of the key's account through L1."""
    wallet = _wallet(rpc, deployment, key_file, password_file)
    receipt = wallet.force_cancel_all(wallet.account_number(wallet.account.address))
    _print_receipt(receipt, "queued the cancelling of all orders", {}, as_json)


@app.command()
def force_close(
    market: Annotated[int, typer.Argument(min=0, max=63, help="Where the position is.")],
    price_ticks: Annotated[int, typer.Argument(min=0, max=(1 << 24) - 1, help="The worst price to take.")],
    lots: Annotated[int, typer.Option(min=0, max=(1 << 32) - 1, help="How much of it; 0: all.")] = 0,
    rpc: Rpc = L1_URL,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Close a position of the key's account against the book through L1; what the book does not take is dropped."""
    wallet = _wallet(rpc, deployment, key_file, password_file)
    receipt = wallet.force_close(wallet.account_number(wallet.account.address), market, price_ticks, lots)
    facts = {"market": market, "price_ticks": price_ticks, "lots": lots}
    _print_receipt(receipt, f"queued the closing of the position in market {market}", facts, as_json)


def _wallet(rpc: str, deployment: Path, key_file: Path | None, password_file: Path | None) -> TraderL1:
    from tallystick.errors import ConfigError, StateError
    from tallystick.l1.client import L1Client
    from tallystick.l1.deployment import load_deployment
    from tallystick.trader.l1 import TraderL1

    if key_file is None:
        raise ConfigError("this needs a key", hint="--key-file FILE, or TALLYSTICK_KEY_FILE")
    account = load_key(key_file, password_file)
    client, record = L1Client(rpc), load_deployment(deployment)
    if (actual := client.chain_id()) != record.chain_id:
        raise StateError("the endpoint is another chain", actual=actual, expected=record.chain_id)
    return TraderL1(client, record, account)


def _units(amount: str) -> int:
    from tallystick.trader.amounts import to_units

    return to_units(amount)


def _address(text: str) -> str:
    from eth_utils import is_address

    from tallystick.errors import BadInput

    if not is_address(text):
        raise BadInput("not an address", hint="0x and 40 hexadecimal digits", address=text)
    return text


def _print_receipt(receipt: Any, text: str, facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({"tx": "0x" + receipt.transaction_hash.hex(), "gas": receipt.gas_used, **facts})
    else:
        print(f"{text} ({receipt.gas_used:,} gas, block {receipt.block_number})")
