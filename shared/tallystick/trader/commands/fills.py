"""What has happened: orders by client id, fills, funding, and the feed of all events."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.connection import OPERATOR_URL, Json, Key, Password, Url
from tallystick.records.market_names import MarketName
from tallystick.state.ordinals import AccountId
from tallystick.trader.commands.trader_options import (
    AccountNumber,
    Market,
    Sub,
    open_client,
    print_json,
    read_market,
    said,
)

Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")]
Of = Annotated[int | None, typer.Argument(min=0, help="Account; the key's own if left out.")]


def order_status(
    client_id: Annotated[int, typer.Argument(min=0, help="The order's client id.")],
    number: AccountNumber = None,
    sub: Sub = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Show what became of the newest order with a client id. Example: `trader order-status 7`."""
    from tallystick.drawing import show
    from tallystick.trader.show import placed_page

    with open_client(operator, key_file, password_file, number, sub=sub) as client:
        found = client.order_status(client_id)
    print_json(found) if as_json else show(*placed_page([found]))


def orders(
    number: Of = None,
    limit: Limit = 20,
    sub: Sub = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """List an account's orders, newest first: open, filled, cancelled and rejected ones."""
    from tallystick.drawing import show
    from tallystick.trader.show import placed_page

    with open_client(operator, key_file, password_file, number, sub=sub) as client:
        found = client.history(limit=limit)
    print_json(found) if as_json else show(*placed_page(found))


def fills(
    number: Of = None,
    limit: Limit = 20,
    after: Annotated[int, typer.Option(min=0, help="Only those behind this number of the feed.")] = 0,
    sub: Sub = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """List an account's fills, newest first."""
    from tallystick.drawing import show
    from tallystick.trader.show import fills_page

    with open_client(operator, key_file, password_file, number, sub=sub) as client:
        found = client.fills(limit=limit, after=after)
    print_json(found) if as_json else show(*fills_page(found))


def funding(market: Market, limit: Limit = 24, operator: Url = OPERATOR_URL, as_json: Json = False) -> None:
    """List a market's funding by the hour, newest first: what longs pay to shorts, below zero the other way."""
    from tallystick.drawing import show
    from tallystick.trader.show import funding_page

    with open_client(operator) as client:
        found = client.funding(said(market), limit)
    print_json(found) if as_json else show(*funding_page(found))


def follow(
    after: Annotated[int | None, typer.Option(min=0, help="Begin behind this number; now if left out.")] = None,
    market: Annotated[
        MarketName | None,
        typer.Option(parser=read_market, metavar="MARKET", help="Only this market's, or one series' of it, as 5.1."),
    ] = None,
    number: AccountNumber = None,
    count: Annotated[int, typer.Option(min=0, help="End after so many events; 0 for never.")] = 0,
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Print events as they happen, one a line; Ctrl-C ends it. With --json one object a line.

    They are pushed over a WebSocket, or polled where there can be none. While the operator is away it is waited for, a
    minute at most; then what happened meanwhile comes first.

    Examples: `trader follow --market 0`, `trader follow --account 7 --json`, `trader follow --after 1200`.
    """
    from itertools import islice

    from tallystick.trader.show import event_text
    from tallystick.trader.stream.happened import events_behind

    with open_client(operator) as client:
        at = client.info().sequence if after is None else after
        of = None if number is None else AccountId(number)
        found = events_behind(client, operator, at, of, market)
        for each in islice(found, count or None):
            print_json(each) if as_json else print(event_text(each), flush=True)
