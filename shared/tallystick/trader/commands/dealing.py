"""Block trades: with one other account, all or nothing, beside the book; and, through L1, whatever the operator does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.commands import App
from tallystick.connection import DEPLOYMENT, L1_URLS, OPERATOR_URL, Json, Key, Password, Record, Rpc, Url
from tallystick.state.ordinals import SignedMarket, UnixMs
from tallystick.trader.commands.trader_options import (
    AccountNumber,
    AgentSlot,
    Market,
    Sub,
    Unchecked,
    check_market,
    open_client,
    open_wallet,
    print_answer,
    print_json,
    print_receipt,
)

if TYPE_CHECKING:
    from tallystick.records.codec import Record as AnyRecord
    from tallystick.trader.client import TraderClient

EPILOG = (
    "Examples: alice sells to whoever comes, bob takes it: `trader block offer 0 sell 20 617985 --out offer.txt "
    "--key-file alice.key`, `trader block accept offer.txt --key-file bob.key`. When the operator ignores them, or prices "
    "have stopped and both only leave: `trader block accept offer.txt --out trade.txt --key-file bob.key`, "
    "`trader block force trade.txt --key-file bob.key`."
)

app = App(
    "trader",
    help="Trade with one other account, all or nothing, beside the book: offer, accept, force through L1.",
    epilog=EPILOG,
)

OfferText = Annotated[str, typer.Argument(help="The offer: its text, a file with it, or - for standard input.")]
TradeText = Annotated[
    str, typer.Argument(help="The accepted offer: its text, a file with it, or - for standard input.")
]
Out = Annotated[Path | None, typer.Option(help="Write it to this file.")]
Nonce = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Its nonce: one offer for several prices has one. With --from-l1 any that the account has not used, "
        "at most 100,000 beyond its newest.",
    ),
]
FromL1 = Annotated[
    bool,
    typer.Option(
        "--from-l1", help="Ask no operator: the account and the time are L1's; a market without a series is series 0."
    ),
]


def offer(
    market: Market,
    side: Annotated[str, typer.Argument(help="buy or sell")],
    lots: Annotated[int, typer.Argument(min=1)],
    price_ticks: Annotated[int, typer.Argument(min=1, max=(1 << 24) - 1, help="The price, in ticks.")],
    to: Annotated[int, typer.Option(min=0, help="Only this account may accept; 0: whoever comes first.")] = 0,
    reduce_only: Annotated[bool, typer.Option("--reduce-only", help="Your position must only get smaller.")] = False,
    taker_reduces: Annotated[
        bool, typer.Option("--taker-reduces", help="The position of who accepts must only get smaller.")
    ] = False,
    good_til: Annotated[
        str, typer.Option(metavar="TIME", help="When it ends: 90s, 30m, 8h, a date, or never.")
    ] = "30m",
    out: Out = None,
    nonce: Nonce = None,
    from_l1: FromL1 = False,
    number: AccountNumber = None,
    sub: Sub = 0,
    agent: AgentSlot = 0,
    operator: Url = OPERATOR_URL,
    rpc: Rpc = L1_URLS,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Sign an offer and print it as one word, or write it to a file: nothing is sent, and it may hang anywhere.

    It ends with its time, when somebody has traded it, or with any other record of its nonce: `trader block offer` again
    with the same --nonce makes another price of it. Whoever accepts pays the taker's fee, you the maker's.
    Examples: `trader block offer 0 sell 20 617985`, `trader block offer 0 buy 5 617000 --to 7 --good-til 8h --out o.txt`.
    """
    from tallystick.records.market_names import signed_market
    from tallystick.state.layout import BLOCK_MAKER_REDUCES, BLOCK_TAKER_REDUCES
    from tallystick.trader.wording import moment_ms, parse_side

    way = parse_side(side)
    reduces = (BLOCK_MAKER_REDUCES if reduce_only else 0) | (BLOCK_TAKER_REDUCES if taker_reduces else 0)
    with _signer(from_l1, nonce, operator, rpc, deployment, key_file, password_file, number, agent, sub) as (
        client,
        now,
    ):
        made = client.offer(
            nonce,
            market=signed_market(market.market, market.series or 0) if from_l1 else client.named(*market),
            side=way,
            lots=lots,
            price_ticks=price_ticks,
            counterparty=to,
            reduces=reduces,
            expiry_ms=moment_ms(good_til, now),
        )
    _hand_out(made, out, as_json)


def accept(
    offered: OfferText,
    out: Out = None,
    nonce: Nonce = None,
    from_l1: FromL1 = False,
    number: AccountNumber = None,
    sub: Sub = 0,
    agent: AgentSlot = 0,
    operator: Url = OPERATOR_URL,
    rpc: Rpc = L1_URLS,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Accept an offer and send it to the operator; with --out write it to a file instead, for `trader block force`.

    All of it trades at the price it names, or nothing. Look at it first: `trader block show OFFER`. Exit code 8 when the
    exchange rejected it; neither side's nonce is used then, and it may be sent again. Examples:
    `trader block accept offer.txt`, `trader block accept 0x17f8… --sub 1`, `trader block accept offer.txt --out trade.txt`.
    """
    from tallystick.errors import BadInput
    from tallystick.ports.system import SystemChance
    from tallystick.trader.offers import apart, from_text, terms_text, to_accept
    from tallystick.transport import OperatorRefused

    found = from_text(offered)
    if from_l1 and out is None:
        raise BadInput(
            "without the operator there is nobody to send it to", hint="--out FILE, then `trader block force`"
        )
    with _signer(from_l1, nonce, operator, rpc, deployment, key_file, password_file, number, agent, sub) as (
        client,
        now,
    ):
        to_accept(found, client.number, now)
        if out is not None:
            hangs = nonce if nonce is not None else apart(client.fresh_nonce(), SystemChance())
            _hand_out(client.accept(found, hangs), out, as_json)
            return
        trade = client.accept(found, nonce)
        try:
            answer = client.send(trade)
        except OperatorRefused as refused:
            if refused.code == "stale_index":
                refused.hint = "two who both only reduce leave through L1: --out FILE, then `trader block force FILE`"
            raise
    if not as_json:
        print(terms_text(trade))
    print_answer(answer, as_json)


def force(
    trade: TradeText,
    unchecked: Unchecked = False,
    operator: Url = OPERATOR_URL,
    rpc: Rpc = L1_URLS,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Put an accepted offer through L1: no batch may leave it out once the force delay is over. Anybody may.

    It trades as if the operator had taken it; while prices have stopped only if both sides only reduce, and then at any
    price. Whatever the operator does with its copy, neither nonce is used before it trades. Example:
    `trader block force trade.txt --key-file bob.key`.
    """
    from tallystick.records.codec import encode
    from tallystick.records.market_names import read_signed
    from tallystick.trader.offers import from_text, terms_text

    found = from_text(trade)
    wallet = open_wallet(rpc, deployment, key_file, password_file)
    delay = wallet.check_block(found)
    if not unchecked:
        check_market(operator, read_signed(SignedMarket(found.value("market"))))
    receipt = wallet.enqueue_record(encode(found))
    text = f"{terms_text(found)}\nqueued on L1; a batch must take it in within {delay} seconds"
    print_receipt(receipt, text, {"force_delay_seconds": delay}, as_json)


def show(offered: OfferText, as_json: Json = False) -> None:
    """Say what an offer, or an accepted one, says. Example: `trader block show offer.txt`."""
    from tallystick.trader.offers import from_text, terms_text

    found = from_text(offered)
    print_json(_fields(found)) if as_json else print(terms_text(found))


for command in (offer, accept, force, show):
    app.command()(command)


@contextmanager
def _signer(
    from_l1: bool,
    nonce: int | None,
    operator: str,
    rpc: list[str],
    deployment: Path,
    key_file: Path | None,
    password_file: Path | None,
    number: int | None,
    agent: int,
    sub: int,
) -> Iterator[tuple[TraderClient, UnixMs]]:
    """A client that can sign, and the exchange's time: by the operator's word, or by L1's alone."""
    from tallystick.errors import BadInput
    from tallystick.trader.wording import clock_ms

    if not from_l1:
        with open_client(operator, key_file, password_file, number, agent, sub) as client:
            yield client, clock_ms(client.info())
        return
    if nonce is None:
        raise BadInput(
            "without the operator nobody says which nonces are used", hint="--nonce N: your newest and a hundred more"
        )
    wallet = open_wallet(rpc, deployment, key_file, password_file)
    mine = wallet.account_number(wallet.account.address) if number is None else number
    with open_client(operator, key_file, password_file, int(mine), agent, sub, wallet.domain()) as client:
        yield client, UnixMs(wallet.client.head().timestamp * 1_000)


def _hand_out(record: AnyRecord, out: Path | None, as_json: bool) -> None:
    """Write a record to a file, or print it alone on standard output; what it says goes to standard error."""
    from tallystick.trader.offers import terms_text, to_text

    if out is not None:
        out.write_text(to_text(record) + "\n", encoding="utf-8")
    if as_json:
        print_json(_fields(record))
        return
    if out is None:
        print(to_text(record))
    typer.echo(terms_text(record) + (f"\nwritten to {out}" if out is not None else ""), err=True)


def _fields(record: AnyRecord) -> dict[str, Any]:
    from tallystick.trader.offers import to_text

    values = {field.name: value for field, value in zip(record.kind.fields, record.values, strict=True)}
    return {"record": to_text(record), "accepted": bool(record.blobs[0]), **values}
