"""What anybody may ask for, without a key: closing what cannot be carried, settling, tidying the book."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.connection import OPERATOR_URL, Json, Url
from tallystick.errors import REJECTED
from tallystick.numbers import NATURAL
from tallystick.state.layout import CLEAN_SLOTS, MAIN_ACCOUNT_MASK
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.trader.commands.trader_options import Market, open_client, present, print_answer, print_json

if TYPE_CHECKING:
    from tallystick.shapes.submitting import Answer
    from tallystick.trader.client import TraderClient

SUB_ACCOUNTS = range(1, 16)

FUND = "fund"


def _account_or_fund(text: str) -> str:
    if text != FUND and not NATURAL.fullmatch(text):
        raise typer.BadParameter(f"an account's number, or {FUND} for the market's insurance fund: {text!r}")
    return text


Whose = Annotated[
    str,
    typer.Argument(
        callback=_account_or_fund, help="Whose position: an account, or fund for the market's insurance fund."
    ),
]


def liquidate(account: Whose, market: Market, operator: Url = OPERATOR_URL, as_json: Json = False) -> None:
    """Have a position that its account cannot carry sent to the book. Example: `trader liquidate 7 0`.

    What the book does not take: `trader take-over`, then `trader nominate-adl` and `trader deleverage`.
    """
    with open_client(operator) as client:
        number = present(client, market)
        answer = client.liquidate(whose(account, number), number)
    print_answer(answer, as_json)


def take_over(
    account: Whose,
    market: Market,
    lots: Annotated[int, typer.Argument(min=1, help="How many lots of it; no more than suffice.")],
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Have the market's insurance fund take up lots of a position that the book does not. Example: `trader take-over 7 0 25`."""
    with open_client(operator) as client:
        number = present(client, market)
        answer = client.take_over(whose(account, number), number, lots)
    print_answer(answer, as_json)


def nominate_adl(
    account: Whose,
    market: Market,
    candidate: Annotated[int, typer.Argument(min=1, help="Whose opposite position takes it up.")],
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Nominate who takes up a position that nobody else takes. Example: `trader nominate-adl 7 0 12`.

    A better nominee takes the place of a worse one until five seconds are over; then `trader deleverage 7`.
    """
    with open_client(operator) as client:
        number = present(client, market)
        answer = client.nominate(whose(account, number), number, AccountId(candidate))
    print_answer(answer, as_json)


def deleverage(
    account: Annotated[int, typer.Argument(min=0, help="Whose position.")],
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Have an account's position closed against the nominee's. Example: `trader deleverage 7`."""
    with open_client(operator) as client:
        answer = client.deleverage(AccountId(account))
    print_answer(answer, as_json)


def settle_position(
    account: Annotated[int, typer.Argument(min=0, help="Whose position.")],
    market: Market,
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Have a position in a settled market turned into cash. Example: `trader settle-position 7 2`."""
    with open_client(operator) as client:
        answer = client.settle_position(AccountId(account), present(client, market))
    print_answer(answer, as_json)


def settle_account(
    accounts: Annotated[
        list[int] | None, typer.Argument(min=1, help="Whose claims; each with its sub-accounts.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Those of all accounts there are.")] = False,
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Wind the exchange down: have claims counted, and a week later paid. Example: `trader settle-account --all`.

    Only once no market has had a price for seven days. The first record begins the wind-down; for a week claims are
    counted, and after it the same command has each account paid its share, to be claimed from the Vault. What is refused
    for one account is told, and the others go on.
    """
    from tallystick.errors import BadInput, Refused
    from tallystick.trader.show import answer_text

    if everybody == bool(accounts):
        raise BadInput("say once whose claims", hint="numbers of accounts, or --all")
    answers: list[Answer] = []
    refusals: list[Refused] = []
    with open_client(operator) as client:
        for number in with_subs(client, accounts or count(1)):
            try:
                answer = client.settle_account(number)
            except Refused as refusal:
                refusals.append(refusal)
                typer.echo(f"account {number}: {refusal}", err=True)
                continue
            answers.append(answer)
            if not as_json:
                print(f"account {number}, {answer_text(answer)}", flush=True)
    if as_json:
        print_json(answers)
    if refusals:
        raise refusals[0] if not answers else Refused("some of the accounts were refused", refused=len(refusals))
    if not all(answer.accepted for answer in answers):
        raise typer.Exit(REJECTED)


def whose(account: str, market: MarketId) -> AccountId:
    """Return the account that an argument names, which has been checked."""
    from tallystick.machine.market.funds import fund_of

    return fund_of(market) if account == FUND else AccountId(int(account))


def with_subs(client: TraderClient, accounts: Iterable[int]) -> Iterator[AccountId]:
    """Yield accounts, each followed by its sub-accounts; a count goes up to the last account there is."""
    from tallystick.trader.family import sub_account

    for number in map(AccountId, accounts):
        if isinstance(accounts, count) and not exists(client, number):
            return
        yield number
        if number <= MAIN_ACCOUNT_MASK:
            yield from (sub for at in SUB_ACCOUNTS if exists(client, sub := sub_account(number, at)))


def exists(client: TraderClient, number: AccountId) -> bool:
    """Return whether the operator knows an account. Raises: Refused when it says something else."""
    from tallystick.transport import OperatorRefused

    try:
        client.account(number)
    except OperatorRefused as refusal:
        if refusal.code != "no_account":
            raise
        return False
    return True


def clean(
    account: Annotated[int, typer.Argument(min=0, help="Whose dead orders.")],
    slot: Annotated[int | None, typer.Option(min=0, help="Only the one in this slot, dead or not.")] = None,
    operator: Url = OPERATOR_URL,
    as_json: Json = False,
) -> None:
    """Have an account's dead orders taken out of the book: expired ones, and those cancelled all at once.

    Example: `trader clean 7`. They cannot trade; this only frees their places, which the operator does by itself sooner or
    later. Where none is left there is nothing to do. An order that is named by its slot is also taken out when its account
    has too little margin for it, or its market is over.
    """
    from tallystick.errors import BadInput
    from tallystick.trader.show import answer_text

    with open_client(operator) as client:
        orders = client.orders(AccountId(account))
        dead = [each.slot for each in orders if (each.dead if slot is None else each.slot == slot)]
        if slot is not None and not dead:
            raise BadInput("no order is in that slot", hint=f"`trader account {account}` shows its orders")
        answers = [client.clean(*dead[at : at + CLEAN_SLOTS]) for at in range(0, len(dead), CLEAN_SLOTS)]
    if as_json:
        print_json(answers)
    else:
        print("\n".join(answer_text(answer) for answer in answers) or "no dead orders: nothing to do")
    if not all(answer.accepted for answer in answers):
        raise typer.Exit(REJECTED)
