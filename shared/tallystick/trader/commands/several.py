"""Several accounts and several orders: transfers to sub-accounts, and bulks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.connection import OPERATOR_URL, Json, Key, Password, Url
from tallystick.state.ordinals import AccountId, MarketId, SignedMarket, UnixMs
from tallystick.trader.commands.trader_options import AccountNumber, AgentSlot, Sub, open_client, present, print_answer

if TYPE_CHECKING:
    from tallystick.records.items import Item
    from tallystick.records.market_names import MarketName

SIDES = ("buy", "sell")


def transfer(
    to: Annotated[str, typer.Argument(help="main, a sub-account's number from 1 to 15, fund:MARKET or treasury.")],
    amount: Annotated[str, typer.Argument(help="Tokens, with up to six decimals.")],
    number: AccountNumber = None,
    sub: Sub = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Move cash to another account of the key, or give it to the insurance fund of a market, or to their treasury.

    The first transfer to a sub-account opens it; what it trades, it backs with its own cash alone. Example:
    `trader transfer 1 250`, `trader order 0 buy 5 617990 --sub 1`, and back with `trader transfer main 250 --sub 1`.
    """
    from tallystick.amounts import to_units
    from tallystick.trader.family import FAMILY, nobodys_account, sub_account

    own = FAMILY.get(to)
    nobodys = nobodys_account(to) if own is None else AccountId(0)
    with open_client(operator, key_file, password_file, number, sub=sub) as client:
        target = nobodys if own is None else sub_account(client.number, own)
        answer = client.transfer(target, to_units(amount))
    print_answer(answer, as_json)
    if not as_json:
        print(f"to account {target}")


def bulk(
    items: Annotated[
        list[str],
        typer.Argument(
            help="place:MARKET:SIDE:LOTS:PRICE:CLIENT_ID[:FLAGS], replace: with the same, or cancel:CLIENT_ID. "
            "Flags are words joined by +: post-only, ioc, reduce-only, market, cancel-taker, cancel-both."
        ),
    ],
    expiry_ms: Annotated[int, typer.Option(min=0, help="Clock at which its orders end; 0 for never.")] = 0,
    number: AccountNumber = None,
    sub: Sub = 0,
    agent: AgentSlot = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Place, cancel and replace orders under one signature.

    A replace that makes an order smaller and changes nothing else amends it: it keeps its place in the queue, its pair
    and its sequence number. Any other is a cancel and a new order behind those that are there.

    Example: `trader bulk cancel:7 replace:0:buy:5:617980:8 place:0:sell:5:618020:9:post-only`.
    """
    parsed = [_item(text) for text in items]
    with open_client(operator, key_file, password_file, number, agent, sub) as client:
        for _, market in parsed:
            present(client, market)
        answer = client.bulk([item for item, _ in parsed], expiry_ms=UnixMs(expiry_ms))
    print_answer(answer, as_json)
    if not as_json:
        from tallystick.drawing import show
        from tallystick.trader.show import bulk_page

        show(*bulk_page(items, answer.items))


def _item(text: str) -> tuple[Item, MarketName]:
    """Return the item a word describes, and its market; of a cancel any. Raises: BadInput when it is none."""
    from tallystick.errors import BadInput
    from tallystick.numbers import NATURAL
    from tallystick.records.items import ITEM_CANCEL, ITEM_PLACE, ITEM_REPLACE, Item
    from tallystick.records.market_names import MarketName, parse_market
    from tallystick.trader.wording import order_flags

    hint = "place:MARKET:SIDE:LOTS:PRICE:CLIENT_ID[:FLAGS], replace: with the same, or cancel:CLIENT_ID"
    word, *parts = text.split(":")
    if len(parts) == 6 and not NATURAL.fullmatch(parts[5]):
        parts[5] = str(order_flags(parts[5].split("+")))
    market = MarketName(MarketId(0))
    if word in ("place", "replace") and parts:
        market = parse_market(parts[0])
        parts[0] = str(market.market)
    numbers = [str(SIDES.index(part)) if part in SIDES and at == 1 else part for at, part in enumerate(parts)]
    if not all(NATURAL.fullmatch(part) for part in numbers):
        raise BadInput("not an item", hint=hint, item=text)
    values = [int(part) for part in numbers]
    if word == "cancel" and len(values) == 1:
        return Item(what=ITEM_CANCEL, client_id=values[0]), market
    if word not in ("place", "replace") or len(values) not in (5, 6):
        raise BadInput("not an item", hint=hint, item=text)
    _, side, lots, price, client_id, flags = (*values, 0)[:6]
    what = ITEM_PLACE if word == "place" else ITEM_REPLACE
    named = SignedMarket(int(market.market))
    item = Item(what=what, client_id=client_id, market=named, side=side, flags=flags, price_ticks=price, lots=lots)
    return item, market
