"""Orders: place them, cancel them, and the switch that cancels them when nobody is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.connection import OPERATOR_URL, Json, Key, Password, Url
from tallystick.state.ordinals import NEVER, MarketId, UnixMs
from tallystick.trader.commands.trader_options import AccountNumber, AgentSlot, Market, Sub, open_client, print_answer

if TYPE_CHECKING:
    from tallystick.trader.client import TraderClient


def _ticks(help_text: str) -> Any:
    return typer.Option(min=1, metavar="TICKS", help=help_text)


AtMarket = Annotated[
    bool,
    typer.Option(
        "--market", help="Fill at once; no worse than PRICE_TICKS or --slippage, and never far from the index."
    ),
]
SelfTrade = Annotated[
    str, typer.Option(metavar="WAY", help="On meeting an own order: cancel-maker, cancel-taker or cancel-both.")
]
GoodTil = Annotated[
    str | None, typer.Option(metavar="TIME", help="When it ends: 90s, 15m, 8h, 30d, or 2030-01-31T12:00:00Z.")
]


def order(
    market: Market,
    side: Annotated[str, typer.Argument(help="buy or sell")],
    lots: Annotated[int, typer.Argument(min=1)],
    price_ticks: Annotated[
        int | None, typer.Argument(min=1, help="Limit price in ticks; for a market order the worst one.")
    ] = None,
    client_id: Annotated[int, typer.Option(min=0, help="Your number for it, to cancel and find it by.")] = 0,
    stop: Annotated[int | None, _ticks("Wait until the mark has moved against you to here.")] = None,
    take_profit: Annotated[int | None, _ticks("Wait until the mark has moved for you to here.")] = None,
    oco: Annotated[
        int, typer.Option(min=0, metavar="CLIENT_ID", help="What one of the two fills, the other loses.")
    ] = 0,
    ioc: Annotated[bool, typer.Option("--ioc", help="Cancel what does not fill at once.")] = False,
    post_only: Annotated[bool, typer.Option("--post-only", help="Reject it rather than take.")] = False,
    reduce_only: Annotated[bool, typer.Option("--reduce-only", help="Never turn or enlarge the position.")] = False,
    at_market: AtMarket = False,
    slippage: Annotated[str | None, typer.Option(metavar="PERCENT", help="How far from the mark at most.")] = None,
    self_trade: SelfTrade = "cancel-maker",
    good_til: GoodTil = None,
    expiry_ms: Annotated[int, typer.Option(min=0, help="The same as the exchange's clock; 0 for never.")] = 0,
    number: AccountNumber = None,
    sub: Sub = 0,
    agent: AgentSlot = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Place an order. Exit code 8 when nothing of it was accepted.

    Examples: `trader order 0 buy 5 617990 --client-id 7 --post-only`, `trader order 0 sell 5 --market --slippage 0.2`,
    `trader order 0 sell 5 620000 --reduce-only --good-til 8h`, and with isolated margin `--sub 1`. To guard a position:
    `trader order 0 sell 5 --market --reduce-only --take-profit 640000 --client-id 8`, then
    `trader order 0 sell 5 --market --reduce-only --stop 600000 --oco 8`.
    """
    from tallystick.errors import BadInput
    from tallystick.trader.wording import order_flags, parse_side, trigger_of

    wanted = {"ioc": ioc, "post-only": post_only, "reduce-only": reduce_only, "market": at_market}
    wanted[self_trade] = True
    way = parse_side(side)
    trigger, direction = trigger_of(way, stop, take_profit)
    flags = direction | order_flags([word for word, is_wanted in wanted.items() if is_wanted])
    if good_til is not None and expiry_ms:
        raise BadInput("say when it ends once", hint="--good-til or --expiry-ms")
    if slippage is not None and (not at_market or price_ticks is not None or trigger):
        raise BadInput("slippage is for a market order of now that names no price", hint="--market --slippage 0.5")
    if price_ticks is None and not at_market:
        raise BadInput("a limit order needs a price", hint="a price in ticks behind the lots, or --market")
    with open_client(operator, key_file, password_file, number, agent, sub) as client:
        price = price_ticks or _worst_price(client, market.market, way, slippage)
        ends = _moment(client, good_til) if good_til is not None else UnixMs(expiry_ms)
        answer = client.order(
            market.market,
            way,
            price,
            lots,
            client_id=client_id,
            flags=flags,
            expiry_ms=ends,
            trigger_ticks=trigger,
            pair=oco,
            series=market.series,
        )
    print_answer(answer, as_json)


def cancel(
    client_id: Annotated[int, typer.Argument(min=0, help="The order's client id.")],
    number: AccountNumber = None,
    sub: Sub = 0,
    agent: AgentSlot = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Cancel the oldest resting order with a client id."""
    with open_client(operator, key_file, password_file, number, agent, sub) as client:
        answer = client.cancel(client_id)
    print_answer(answer, as_json)


def cancel_all(
    before: Annotated[
        int | None, typer.Option(min=0, metavar="SEQUENCE", help="Only orders with a smaller sequence number.")
    ] = None,
    number: AccountNumber = None,
    sub: Sub = 0,
    agent: AgentSlot = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Cancel every order the account has placed so far, in all markets; with --before the older ones of them.

    They are dead at once; the book loses them when somebody touches them. `trader account` shows each order's sequence
    number. If the operator does not answer: `trader force-cancel`, through L1.
    """
    with open_client(operator, key_file, password_file, number, agent, sub) as client:
        answer = client.cancel_all(before)
    print_answer(answer, as_json)


def dead_man(
    time: Annotated[str, typer.Argument(help="When it goes off: 90s, 15m, 2030-01-31T12:00:00Z; off disarms it.")],
    number: AccountNumber = None,
    sub: Sub = 0,
    agent: AgentSlot = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Have all orders of the account die at a time, unless you move it on before: for when your line breaks.

    Examples: `trader dead-man 60s`, again every half minute, and `trader dead-man off`. Once it has gone off nothing
    can be placed until it is moved on or disarmed.
    """
    with open_client(operator, key_file, password_file, number, agent, sub) as client:
        answer = client.dead_man(NEVER if time == "off" else _moment(client, time))
    print_answer(answer, as_json)


def _moment(client: TraderClient, text: str) -> UnixMs:
    from tallystick.trader.wording import clock_ms, moment_ms

    return moment_ms(text, clock_ms(client.info()))


def _worst_price(client: TraderClient, market: MarketId, side: int, slippage: str | None) -> int:
    """Return a market order's bound; 0 leaves it to the market's rules."""
    from tallystick.errors import BadInput
    from tallystick.trader.wording import bound_ticks

    if slippage is None:
        return 0
    mark = next((each.mark_ticks for each in client.markets() if each.market == market), None)
    if mark is None:
        raise BadInput("there is no such market", hint="`trader markets` lists them", market=market)
    return bound_ticks(mark, side, slippage)
