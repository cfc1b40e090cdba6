"""The market and the account as they are now."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.connection import OPERATOR_URL, Json, Key, Password, Url
from tallystick.trader.commands.trader_options import Market, Sub, open_client, print_json, said


def markets(operator: Url = OPERATOR_URL, as_json: Json = False) -> None:
    """List the markets: marks, margins, fees; with --json all their rules and the change that is proposed."""
    from tallystick.drawing import show
    from tallystick.trader.show import markets_page

    with open_client(operator) as client:
        found = client.markets()
    print_json(found) if as_json else show(*markets_page(found))


def book(
    market: Market,
    depth: Annotated[int, typer.Option(min=1, max=1000, help="Prices on each side.")] = 10,
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Show a market's book as a ladder, asks above bids."""
    from tallystick.drawing import show, width
    from tallystick.trader.show import ladder_page

    with open_client(operator) as client:
        found = client.book(said(market), depth)
    print_json(found) if as_json else show(*ladder_page(found, width()))


def trades(
    market: Market,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """List a market's newest fills."""
    from tallystick.drawing import show
    from tallystick.trader.show import trades_page

    with open_client(operator) as client:
        found = client.trades(said(market), limit)
    print_json(found) if as_json else show(*trades_page(found))


def account(
    number: Annotated[int | None, typer.Argument(min=0, help="Account; the key's own if left out.")] = None,
    sub: Sub = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Show an account: cash, margins, positions, resting orders."""
    from tallystick.drawing import show
    from tallystick.trader.show import account_page

    with open_client(operator, key_file, password_file, number, sub=sub) as client:
        found = client.account()
    print_json(found) if as_json else show(*account_page(found))
