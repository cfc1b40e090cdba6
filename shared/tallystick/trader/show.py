"""Answers as text for people. Units: money in tokens, six decimals."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.schema.outcomes import explain
from tallystick.trader.models import (
    Account,
    AccountFill,
    Acknowledgement,
    Agent,
    Book,
    Funding,
    Happening,
    Market,
    Order,
    PlacedOrder,
    Trade,
    Withdrawal,
)
from tallystick.trader.terms import spoken

SIDES = ("buy", "sell")
BAR_WIDTH = 30
COLUMNS = ("market", "mark", "bid", "ask", "open interest", "margin", "taker", "maker", "status")


def tokens(units: int) -> str:
    """Return an amount of units as tokens."""
    sign = "-" if units < 0 else ""
    return f"{sign}{abs(units) // 1_000_000:,}.{abs(units) % 1_000_000:06d}"


def markets_text(markets: Sequence[Market]) -> str:
    """Return a table of markets."""
    if not markets:
        return "no markets yet: governance lists them with `tallystick trader list-market`"
    rows: list[tuple[object, ...]] = [COLUMNS]
    for each in markets:
        rates = (f"{ppm / 10_000:.2f}%" for ppm in (each.initial_ppm, each.taker_ppm, each.maker_ppm))
        bid, ask = each.best_bid_ticks or "-", each.best_ask_ticks or "-"
        rows.append((each.market, each.mark_ticks, bid, ask, each.open_interest_lots, *rates, each.status))
    return "\n".join(
        " ".join(f"{cell:>{max(len(name), 9)}}" for cell, name in zip(row, COLUMNS, strict=True)) for row in rows
    )


def ladder_text(book: Book) -> str:
    """Return a book as a ladder, asks above bids, with bars as long as the sizes are large."""
    most = max((level.lots for level in (*book.asks, *book.bids)), default=1)
    lines = [f"{'price':>10} {'lots':>10} {'orders':>6}"]
    for side, levels in (("ask", book.asks[::-1]), ("bid", book.bids)):
        for level in levels:
            bar = "█" * max(1, level.lots * BAR_WIDTH // most)
            lines.append(f"{level.price_ticks:>10} {level.lots:>10} {level.orders:>6} {side} {bar}")
        if side == "ask":
            lines.append(f"{book.mark_ticks:>10} {'mark':>10}")
    return "\n".join(lines)


def trades_text(trades: Sequence[Trade]) -> str:
    """Return fills, one a line."""
    lines = [] if trades else ["no trades yet"]
    for each in trades:
        what = f"{SIDES[each.side]:<4} {each.lots:>8} at {each.price_ticks:>9}"
        lines.append(f"{spoken(each.clock_ms)} {what}  {each.taker} from {each.maker}")
    return "\n".join(lines)


def account_text(account: Account) -> str:
    """Return an account with its positions and orders."""
    lines = [f"account {account.account} of {account.owner}, next nonce {account.next_nonce}"]
    names = ("cash", "value", "initial", "maintenance", "withdrawable")
    lines += [f"  {name:<13} {tokens(getattr(account, name + '_units')):>22}" for name in names]
    if account.dead_man_ms:
        lines.append(f"  dead-man switch goes off at {spoken(account.dead_man_ms)}")
    for position in account.positions:
        place = f"{position.size_lots:>+12} lots at {position.mark_ticks}"
        lines.append(f"  market {position.market:<3} {place}, worth {tokens(position.worth_units)}")
    for order in account.orders:
        lines.append(f"  order {order.client_id:<6} market {order.market} {_resting(order)}")
    return "\n".join(lines)


def _resting(order: Order) -> str:
    price = f"at {order.price_ticks}" if order.price_ticks else "at market"
    said = f"{SIDES[order.side]} {order.remaining_lots} {price}"
    if order.trigger_ticks:
        said += f", once the mark is {order.trigger_ticks} or {'above' if order.above else 'below'}"
    if order.pair:
        said += f", or order {order.pair}"
    return said + (", dead" if order.dead else "")


def placed_text(orders: Sequence[PlacedOrder]) -> str:
    """Return orders and what became of them, one a line."""
    lines = [] if orders else ["no orders yet"]
    for each in orders:
        price = f"at {each.price_ticks}" if each.price_ticks else "at market"
        what = f"{SIDES[each.side]} {each.lots} {price}"
        why = "" if each.outcome in ("ACCEPTED", "") else f" ({explain(each.outcome)})"
        how = f"{each.status}, {each.filled_lots} filled, {each.remaining_lots} rest{why}"
        lines.append(f"order {each.client_id:<6} record {each.record_number:<8} market {each.market} {what}: {how}")
    return "\n".join(lines)


def fills_text(fills: Sequence[AccountFill]) -> str:
    """Return an account's fills, one a line."""
    lines = [] if fills else ["no fills yet"]
    for each in fills:
        what = f"{SIDES[each.side]:<4} {each.lots:>8} at {each.price_ticks:>9}"
        of = "a block trade" if each.block else f"order {each.client_id}"
        who = f"{each.role} of {of}, against account {each.counterparty}"
        lines.append(f"{each.sequence:>8} {spoken(each.clock_ms)} market {each.market} {what}  {who}")
    return "\n".join(lines)


def funding_text(hours: Sequence[Funding]) -> str:
    """Return hours of funding, one a line."""
    if not hours:
        return "no funding yet: it is charged by the hour"
    return "\n".join(
        f"{spoken(each.clock_ms)} {each.rate_ppm / 10_000:>+9.4f}% of {each.index_ticks} ticks" for each in hours
    )


def agents_text(agents: Sequence[Agent]) -> str:
    """Return an account's agents, one a line."""
    lines = [] if agents else ["no agents: `trader approve-agent` lets a key trade for the account"]
    for each in agents:
        until = "is over" if each.expired else f"until {spoken(each.expiry_ms)}"
        lines.append(f"agent {each.slot:<3} {each.address} may {_scope(each.scope)}, {until}")
    return "\n".join(lines)


def event_text(event: Happening) -> str:
    """Return one event as a line."""
    values = ", ".join(f"{name} {value}" for name, value in event.values.items())
    return f"{event.sequence:>8} {spoken(event.clock_ms)} record {event.record:<8} {event.event:<13} {values}"


def _scope(scope: str) -> str:
    return "place and cancel" if scope == "both" else scope


def withdrawals_text(withdrawals: Sequence[Withdrawal]) -> str:
    """Return withdrawals, one a line."""
    if not withdrawals:
        return "no withdrawals"
    return "\n".join(
        f"{each.index:>6} {tokens(each.amount_units):>22} to {each.recipient}  {each.status}" for each in withdrawals
    )


def answer_text(answer: Acknowledgement) -> str:
    """Return what became of a record."""
    again = ", as answered before: this record was sent already" if answer.repeated else ""
    lines = [f"record {answer.record_number}: {explain(answer.outcome)}{again}"]
    lines += [f"  filled {fill.lots} lots at {fill.price_ticks} with account {fill.maker}" for fill in answer.fills]
    if answer.resting_lots:
        lines.append(f"  {answer.resting_lots} lots rest, until they fill, fire or end")
    if answer.withdrawal is not None:
        lines.append(f"  withdrawal {answer.withdrawal}: claim it once its state is confirmed")
    return "\n".join(lines)
