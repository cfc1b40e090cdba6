"""Trade: deposit, place and cancel orders, look at the book, withdraw, claim."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tallystick.trader.client import TraderClient
    from tallystick.trader.l1 import TraderL1
    from tallystick.trader.models import Acknowledgement, Book

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

Url = Annotated[str, typer.Option("--operator", envvar="TALLYSTICK_OPERATOR", help="The operator's API.")]
Key = Annotated[
    Path | None, typer.Option("--key-file", envvar="TALLYSTICK_KEY_FILE", help="Key: hex in a file, or a keystore.")
]
Password = Annotated[
    Path | None,
    typer.Option("--password-file", envvar="TALLYSTICK_PASSWORD_FILE", help="Password of the keystore."),
]
AccountNumber = Annotated[
    int | None, typer.Option("--account", help="Account number; that of the key's address if left out.")
]
AgentSlot = Annotated[int, typer.Option("--agent", min=0, max=15, help="Sign as this agent; 0 is the owner.")]
Rpc = Annotated[str, typer.Option("--rpc", envvar="TALLYSTICK_L1_RPC", help="JSON-RPC endpoint of the L1.")]
Record = Annotated[Path, typer.Option("--deployment", envvar="TALLYSTICK_DEPLOYMENT", help="The deployment record.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]
Amount = Annotated[str, typer.Argument(help="Tokens, with up to six decimals.")]

OPERATOR_URL = "http://127.0.0.1:8646"
L1_URL = "http://127.0.0.1:8545"
DEPLOYMENT = Path("deployment.json")


@app.command()
def markets(operator: Url = OPERATOR_URL, as_json: Json = False) -> None:
    """List the markets: marks, margins, fees."""
    with _client(operator) as client:
        found = client.markets()
    if as_json:
        _print_json(found)
        return
    print(
        f"{'market':>6} {'mark':>10} {'bid':>10} {'ask':>10} {'open interest':>14} {'margin':>8} {'taker':>8} {'maker':>8}"
    )
    for each in found:
        bid, ask = each.best_bid_ticks or "-", each.best_ask_ticks or "-"
        margin, taker, maker = (f"{ppm / 10_000:.2f}%" for ppm in (each.initial_ppm, each.taker_ppm, each.maker_ppm))
        row = f"{each.market:>6} {each.mark_ticks:>10} {bid:>10} {ask:>10} {each.open_interest_lots:>14}"
        print(f"{row} {margin:>8} {taker:>8} {maker:>8}")


@app.command()
def book(
    market: Annotated[int, typer.Argument(min=0, max=63)],
    depth: Annotated[int, typer.Option(min=1, max=1000, help="Prices on each side.")] = 10,
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Show a market's book as a ladder, asks above bids."""
    with _client(operator) as client:
        found = client.book(market, depth)
    _print_json(found) if as_json else _print_ladder(found)


@app.command()
def trades(
    market: Annotated[int, typer.Argument(min=0, max=63)],
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """List a market's newest fills."""
    with _client(operator) as client:
        found = client.trades(market, limit)
    if as_json:
        _print_json(found)
        return
    for each in found:
        side = "sell" if each.side else "buy"
        print(f"{each.clock_ms:>14} {side:<4} {each.lots:>8} at {each.price_ticks:>9}  {each.taker} from {each.maker}")


@app.command()
def account(
    number: Annotated[int | None, typer.Argument(help="Account; the key's own if left out.")] = None,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Show an account: cash, margins, positions, resting orders."""
    with _client(operator, key_file, password_file) as client:
        found = client.account(number)
    if as_json:
        _print_json(found)
        return
    print(f"account {found.account} of {found.owner}, next nonce {found.next_nonce}")
    for name in ("cash", "value", "initial", "maintenance", "withdrawable"):
        print(f"  {name:<13} {_tokens(getattr(found, name + '_units')):>22}")
    for position in found.positions:
        worth = _tokens(position.worth_units)
        print(f"  market {position.market:<3} {position.size_lots:>+12} lots at {position.mark_ticks}, worth {worth}")
    for order in found.orders:
        side = "sell" if order.side else "buy"
        dead = ", dead" if order.dead else ""
        rest = f"{order.remaining_lots} at {order.price_ticks}"
        print(f"  order {order.client_id:<6} market {order.market} {side} {rest}{dead}")


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
    with _client(operator, key_file, password_file, number, agent) as client:
        answer = client.order(
            market, int(side == "sell"), price_ticks, lots, client_id=client_id, ioc=ioc, expiry_ms=expiry_ms
        )
    _print_answer(answer, as_json)


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
    with _client(operator, key_file, password_file, number, agent) as client:
        answer = client.cancel(client_id)
    _print_answer(answer, as_json)


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
    with _client(operator, key_file, password_file) as client:
        answer = client.approve_agent(slot, _address(address), scope, expiry_ms)
    _print_answer(answer, as_json)


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
    with _client(operator, key_file, password_file) as client:
        answer = client.withdraw(_units(amount), _address(to) if to else "")
    _print_answer(answer, as_json)


@app.command()
def withdrawals(
    number: Annotated[int | None, typer.Argument(help="Account; the key's own if left out.")] = None,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """List an account's withdrawals and how far they are."""
    with _client(operator, key_file, password_file) as client:
        found = client.withdrawals(number)
    if as_json:
        _print_json(found)
        return
    for each in found:
        print(f"{each.index:>6} {_tokens(each.amount_units):>22} to {each.recipient}  {each.status}")


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

    wallet = _wallet(rpc, deployment, key_file, password_file)
    if from_l1:
        found = claim_from_l1(wallet.client, wallet.deployment, index)
    else:
        with _client(operator, key_file, password_file, number) as client:
            given = {each.index: each for each in client.withdrawals()}
        if index not in given:
            raise DataMissing("the account has no such withdrawal", hint="--from-l1 asks no operator", index=index)
        found = claim_from_operator(given[index])
    receipt = wallet.claim(found)
    facts = {"index": index, "units": found.amount_units, "recipient": "0x" + found.recipient.hex()}
    _print_receipt(receipt, f"paid {_tokens(found.amount_units)} to {facts['recipient']}", facts, as_json)


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
    units = _units(amount)
    receipt = _wallet(rpc, deployment, key_file, password_file).mint(units)
    _print_receipt(receipt, f"minted {_tokens(units)}", {"units": units}, as_json)


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
    units = _units(amount)
    wallet = _wallet(rpc, deployment, key_file, password_file)
    receipt = wallet.deposit(units)
    number = wallet.account_number(wallet.account.address)
    text = f"deposited {_tokens(units)} to account {number}"
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
    units = _units(amount)
    wallet = _wallet(rpc, deployment, key_file, password_file)
    receipt = wallet.force_withdraw(wallet.account_number(wallet.account.address), units)
    _print_receipt(receipt, f"queued the withdrawal of {_tokens(units)}", {"units": units}, as_json)


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


@contextmanager
def _client(
    url: str, key_file: Path | None = None, password_file: Path | None = None, number: int | None = None, agent: int = 0
) -> Iterator[TraderClient]:
    from tallystick.errors import BadInput
    from tallystick.trader.client import TraderClient

    if agent and number is None:
        raise BadInput("an agent says for whom it trades", hint="--account NUMBER")
    key = bytes(_load(key_file, password_file).key) if key_file else None
    client = TraderClient(url, key, account=number, agent=agent)
    try:
        yield client
    finally:
        client.close()


def _wallet(rpc: str, deployment: Path, key_file: Path | None, password_file: Path | None) -> TraderL1:
    from tallystick.errors import ConfigError
    from tallystick.l1.client import L1Client
    from tallystick.l1.deployment import load_deployment
    from tallystick.trader.l1 import TraderL1

    if key_file is None:
        raise ConfigError("this needs a key", hint="--key-file FILE, or TALLYSTICK_KEY_FILE")
    return TraderL1(L1Client(rpc), load_deployment(deployment), _load(key_file, password_file))


def _load(key_file: Path, password_file: Path | None) -> Any:
    from tallystick.l1.keys import KeyFile, load_account

    return load_account(KeyFile(path=key_file, password_path=password_file))


def _units(amount: str) -> int:
    """Return an amount of tokens in units. Raises: BadInput when it is none, or finer than a unit."""
    from decimal import Decimal, InvalidOperation

    from tallystick.errors import BadInput
    from tallystick.state.layout import MAX_AMOUNT

    try:
        units = Decimal(amount) * 1_000_000
    except InvalidOperation:
        units = Decimal("NaN")
    if not units.is_finite() or units != int(units) or not 0 < units <= MAX_AMOUNT:
        raise BadInput("an amount is a positive number with up to six decimals", amount=amount)
    return int(units)


def _address(text: str) -> str:
    from eth_utils import is_address

    from tallystick.errors import BadInput

    if not is_address(text):
        raise BadInput("not an address", hint="0x and 40 hexadecimal digits", address=text)
    return text


def _tokens(units: int) -> str:
    sign = "-" if units < 0 else ""
    return f"{sign}{abs(units) // 1_000_000:,}.{abs(units) % 1_000_000:06d}"


def _print_json(value: Any) -> None:
    import msgspec

    print(msgspec.json.encode(value).decode())


def _print_answer(answer: Acknowledgement, as_json: bool) -> None:
    """Print what became of a record; one that the exchange rejected ends the command with exit code 2."""
    if as_json:
        _print_json(answer)
    else:
        print(f"record {answer.record_number}: {answer.outcome.lower().replace('_', ' ')}")
        for fill in answer.fills:
            print(f"  filled {fill.lots} lots at {fill.price_ticks} with account {fill.maker}")
        if answer.resting_lots:
            print(f"  {answer.resting_lots} lots rest in the book")
        if answer.withdrawal is not None:
            print(f"  withdrawal {answer.withdrawal}: claim it once its state is confirmed")
    if not answer.accepted and not (answer.outcome == "UNFILLED" and answer.fills):
        raise typer.Exit(2)


def _print_receipt(receipt: Any, text: str, facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _print_json({"tx": "0x" + receipt.transaction_hash.hex(), "gas": receipt.gas_used, **facts})
    else:
        print(f"{text} ({receipt.gas_used:,} gas, block {receipt.block_number})")


def _print_ladder(found: Book) -> None:
    """Print asks above bids, with bars as long as the sizes are large."""
    most = max((level.lots for level in (*found.asks, *found.bids)), default=1)
    print(f"{'price':>10} {'lots':>10} {'orders':>6}")
    for side, levels in (("ask", found.asks[::-1]), ("bid", found.bids)):
        for level in levels:
            bar = "█" * max(1, level.lots * 30 // most)
            print(f"{level.price_ticks:>10} {level.lots:>10} {level.orders:>6} {side} {bar}")
        if side == "ask":
            print(f"{found.mark_ticks:>10} {'mark':>10}")
