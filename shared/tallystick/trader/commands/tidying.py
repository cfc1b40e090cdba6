"""What anybody may ask for, without a key: closing what cannot be carried, settling, tidying the book."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.connection import OPERATOR_URL, Json, Url
from tallystick.errors import REJECTED
from tallystick.trader.commands.trader_options import Market, open_client, print_answer, print_json

Whose = Annotated[int, typer.Argument(min=0, help="Whose position; 0 is the insurance fund.")]


def liquidate(account: Whose, market: Market, operator: Url = OPERATOR_URL, as_json: Json = False) -> None:
    """Have a position that its account cannot carry sent to the book. Example: `trader liquidate 7 0`.

    What the book does not take: `trader take-over`, then `trader nominate-adl` and `trader deleverage`.
    """
    with open_client(operator) as client:
        answer = client.liquidate(account, market)
    print_answer(answer, as_json)


def take_over(account: Whose, market: Market, operator: Url = OPERATOR_URL, as_json: Json = False) -> None:
    """Have the insurance fund take up a position that the book does not. Example: `trader take-over 7 0`."""
    with open_client(operator) as client:
        answer = client.take_over(account, market)
    print_answer(answer, as_json)


def nominate_adl(
    account: Whose,
    market: Market,
    candidate: Annotated[int, typer.Argument(min=1, help="Whose opposite position takes it up.")],
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Nominate who takes up a position that nobody else takes. Example: `trader nominate-adl 7 0 12`.

    A better nominee takes the place of a worse one until ten seconds are over; then `trader deleverage 7`.
    """
    with open_client(operator) as client:
        answer = client.nominate(account, market, candidate)
    print_answer(answer, as_json)


def deleverage(
    account: Annotated[int, typer.Argument(min=0, help="Whose position.")],
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Have an account's position closed against the nominee's. Example: `trader deleverage 7`."""
    with open_client(operator) as client:
        answer = client.deleverage(account)
    print_answer(answer, as_json)


def settle_position(
    account: Annotated[int, typer.Argument(min=0, help="Whose position.")],
    market: Market,
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Have a position in a settled market turned into cash. Example: `trader settle-position 7 2`."""
    with open_client(operator) as client:
        answer = client.settle_position(account, market)
    print_answer(answer, as_json)


def settle_account(
    accounts: Annotated[list[int], typer.Argument(min=1, help="Whose claims.")],
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Wind the exchange down: have claims counted, and a week later paid. Example: `trader settle-account 1 2 7`.

    Only once no market has had a price for seven days. The first record begins the wind-down; for a week claims are
    counted, and after it the same command has each account paid its share, to be claimed from the Vault.
    """
    from tallystick.trader.show import answer_text

    with open_client(operator) as client:
        answers = [client.settle_account(account) for account in accounts]
    if as_json:
        print_json(answers)
    else:
        print("\n".join(answer_text(answer) for answer in answers))
    if not all(answer.accepted for answer in answers):
        raise typer.Exit(REJECTED)


def clean(
    account: Annotated[int, typer.Argument(min=0, help="Whose dead orders.")],
    slot: Annotated[int | None, typer.Option(min=0, help="Only the one in this slot.")] = None,
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Have an account's dead orders taken out of the book: expired ones, and those cancelled all at once.

    Example: `trader clean 7`. They cannot trade; this only frees their places.
    """
    from tallystick.errors import BadInput
    from tallystick.trader.show import answer_text

    with open_client(operator) as client:
        dead = [each.slot for each in client.orders(account) if each.dead and slot in (None, each.slot)]
        if not dead:
            raise BadInput("the account has no dead order there", hint=f"`trader account {account}` shows its orders")
        answers = [client.clean(each) for each in dead]
    if as_json:
        print_json(answers)
    else:
        print("\n".join(answer_text(answer) for answer in answers))
    if not all(answer.accepted for answer in answers):
        raise typer.Exit(REJECTED)
