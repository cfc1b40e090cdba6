"""Answers as text for people. Units: money in tokens, six decimals."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from tallystick.amounts import SIDES, tokens
from tallystick.drawing import Cell, Page, Title, counted, figures, spoken, table
from tallystick.records.market_names import market_name
from tallystick.schema.outcomes import explain
from tallystick.shapes.accounts import Account, AccountFill, Agent, Order, PlacedOrder, Position, Withdrawal
from tallystick.shapes.market_data import Book, Funding, Market, Trade
from tallystick.shapes.progress import FeedEvent
from tallystick.shapes.submitting import Answer, ItemResult

BAR_CELLS = 30
LADDER_COLUMNS = 36
"""What a ladder takes beside its bars."""
COLUMNS = ("market", "mark", "bid", "ask", "open interest", "margin", "taker", "maker")


def markets_page(markets: Sequence[Market]) -> Page:
    """Return a table of markets."""
    if not markets:
        return ["no markets yet: governance lists them with `tallystick trader list-market`"]
    rows = [
        (
            _name(each),
            each.mark_ticks,
            each.best_bid_ticks or "-",
            each.best_ask_ticks or "-",
            each.open_interest_lots,
            *(f"{ppm / 10_000:.2f}%" for ppm in (each.initial_ppm, each.taker_fee_ppm, each.maker_fee_ppm)),
            f"listed, live {spoken(each.live_ms)}" if each.status == "listed" else each.status,
        )
        for each in markets
    ]
    return [table([*map(figures, COLUMNS), "status"], rows)]


def ladder_page(book: Book, columns: int) -> Page:
    """Return a book as a ladder, asks above bids, with bars as long as the sizes are large. Units: `columns` in all."""
    most = max((level.lots for level in (*book.asks, *book.bids)), default=1)
    longest = min(BAR_CELLS, max(1, columns - LADDER_COLUMNS))
    rows: list[tuple[Cell, ...]] = []
    for side, levels in (("ask", book.asks[::-1]), ("bid", book.bids)):
        for level in levels:
            bar = Text("█" * max(1, level.lots * longest // most), "red" if side == "ask" else "green")
            rows.append((level.price_ticks, level.lots, level.orders, side, bar))
        if side == "ask":
            rows.append((book.mark_ticks, "mark", "", "", ""))
    return [table([figures("price"), figures("lots"), figures("orders"), "", ""], rows)]


def trades_page(trades: Sequence[Trade]) -> Page:
    """Return a table of a market's fills."""
    if not trades:
        return ["no trades yet"]
    rows = [
        (spoken(each.clock_ms), SIDES[each.side], each.lots, each.price_ticks, each.taker, each.maker)
        for each in trades
    ]
    titles: list[Title] = ["time", "side", figures("lots"), figures("price"), figures("taker"), figures("maker")]
    return [table(titles, rows)]


def account_page(account: Account) -> Page:
    """Return an account with its positions and orders."""
    names = ("cash", "value", "initial", "maintenance", "free", "spare", "gain", "withdrawable")
    page: Page = [
        f"account {account.account} of {account.owner}, next nonce {account.next_nonce}",
        table(["", figures()], [(name, tokens(getattr(account, name + "_units"))) for name in names], indent=2),
    ]
    if account.dead_man_ms:
        page.append(f"  dead-man switch goes off at {spoken(account.dead_man_ms)}")
    if account.positions:
        rows = [
            (
                *(
                    _name(each),
                    f"{each.size_lots:+}",
                    each.mark_ticks,
                    tokens(each.worth_units),
                    tokens(each.cost_units),
                ),
                f"held until {spoken(each.held_until_ms)}" if each.held_until_ms else "",
            )
            for each in account.positions
        ]
        titles: list[Title] = [*map(figures, ("market", "position, lots", "mark", "worth", "cost")), ""]
        page += ["", table(titles, rows, indent=2)]
    if account.orders:
        resting = [(each.client_id, each.sequence, _name(each), _resting(each)) for each in account.orders]
        page += ["", table([*map(figures, ("order", "sequence", "market")), "what"], resting, indent=2)]
    return page


def _name(each: Market | Position | Order | PlacedOrder | AccountFill) -> str:
    return market_name(each.market, each.series)


def _resting(order: Order) -> str:
    price = f"at {order.price_ticks}" if order.price_ticks else "at market"
    said = f"{SIDES[order.side]} {order.remaining_lots} {price}"
    if order.trigger_ticks:
        said += f", once the mark is {order.trigger_ticks} or {'above' if order.above else 'below'}"
    if order.pair:
        said += f", or order {order.pair}"
    return said + (", dead" if order.dead else "")


def placed_page(orders: Sequence[PlacedOrder]) -> Page:
    """Return a table of orders and of what became of them."""
    if not orders:
        return ["no orders yet"]
    rows: list[tuple[Cell, ...]] = []
    for each in orders:
        price = f"at {each.price_ticks}" if each.price_ticks else "at market"
        why = "" if each.outcome in ("ACCEPTED", "") else f" ({explain(each.outcome)})"
        how = f"{each.status}, {each.filled_lots} filled, {each.remaining_lots} rest{why}"
        rows.append((each.client_id, each.record_number, _name(each), f"{SIDES[each.side]} {each.lots} {price}", how))
    return [table([figures("order"), figures("record"), figures("market"), "what", "what became of it"], rows)]


def fills_page(fills: Sequence[AccountFill]) -> Page:
    """Return a table of an account's fills."""
    if not fills:
        return ["no fills yet"]
    rows: list[tuple[Cell, ...]] = []
    for each in fills:
        of = "a block trade" if each.block else f"order {each.client_id}"
        who = f"{each.role} of {of}, against account {each.counterparty}"
        what = (_name(each), SIDES[each.side], each.lots, each.price_ticks)
        rows.append((each.sequence, spoken(each.clock_ms), *what, who))
    titles: list[Title] = [figures("event"), "time", figures("market"), "side", figures("lots"), figures("price"), "as"]
    return [table(titles, rows)]


def funding_page(hours: Sequence[Funding]) -> Page:
    """Return a table of hours of funding."""
    if not hours:
        return ["no funding yet: it is charged by the hour"]
    rows = [(spoken(each.clock_ms), f"{each.rate_ppm / 10_000:+.4f}%", each.index_ticks) for each in hours]
    return [table(["time", figures("rate"), figures("of ticks")], rows)]


def agents_page(agents: Sequence[Agent]) -> Page:
    """Return a table of an account's agents."""
    if not agents:
        return ["no agents: `trader approve-agent` lets a key trade for the account"]
    rows: list[tuple[Cell, ...]] = []
    for each in agents:
        until = "is over" if each.expired else f"until {spoken(each.expiry_ms)}" if each.expiry_ms else "for good"
        rows.append((each.slot, each.address, f"may {_scope(each.scope)}, {until}"))
    return [table([figures("agent"), "address", "what"], rows)]


def event_text(event: FeedEvent) -> str:
    """Return one event as a line: they come one by one, so no table can know how wide they will be."""
    values = ", ".join(f"{name} {value}" for name, value in event.values.items())
    return f"{event.sequence:>8} {spoken(event.clock_ms)} record {event.record:<8} {event.event:<13} {values}"


def _scope(scope: str) -> str:
    return "place and cancel" if scope == "both" else scope


def withdrawals_page(withdrawals: Sequence[Withdrawal]) -> Page:
    """Return a table of withdrawals."""
    if not withdrawals:
        return ["no withdrawals"]
    rows = [(each.index, tokens(each.amount_units), each.recipient, each.status) for each in withdrawals]
    return [table([figures("number"), figures("tokens"), "to", "status"], rows)]


def bulk_page(items: Sequence[str], results: Sequence[ItemResult]) -> Page:
    """Return a table of a bulk's items, as they were given, and of what became of them."""
    rows: list[tuple[Cell, ...]] = []
    for text, result in zip(items, results, strict=False):
        filled = sum(fill.lots for fill in result.fills)
        rows.append((text, f"{explain(result.outcome)}, {filled} lots filled, {result.resting_lots} rest"))
    return [table(["", ""], rows)]


def answer_text(answer: Answer) -> str:
    """Return what became of a record."""
    again = ", as answered before: this record was sent already" if answer.repeated else ""
    lines = [f"record {answer.record_number}: {explain(answer.outcome)}{again}"]
    lines += [
        f"  filled {counted(fill.lots, 'lot')} at {fill.price_ticks} with account {fill.maker}" for fill in answer.fills
    ]
    if answer.resting_lots:
        rests = (
            "1 lot rests, until it fills, fires or ends"
            if answer.resting_lots == 1
            else f"{answer.resting_lots} lots rest, until they fill, fire or end"
        )
        lines.append(f"  {rests}")
    if answer.withdrawal is not None:
        lines.append(f"  withdrawal {answer.withdrawal}: claim it once its state is confirmed")
    return "\n".join(lines)
