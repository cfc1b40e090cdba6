"""What each outcome means to people: one row each, for the operator's answers, the client's texts and the docs."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tallystick.schema.names import Outcome

BAD_REQUEST: Final = 400
"""The record itself is at fault, and will be for ever."""
FORBIDDEN: Final = 403
"""The key at hand may not do it."""
NOT_FOUND: Final = 404
"""What the record names is not there."""
CONFLICT: Final = 409
"""The record does not fit what the exchange is like now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What an outcome means.

    Shape: `text` is a clause that stands behind the outcome's name; `field` is the record's field at fault, empty when it
    is not one alone, and `accepted_field` the one when the record's second signer is at fault; `status` is that of HTTP
    when an operator refuses the record for it.
    """

    text: str
    field: str = ""
    accepted_field: str = ""
    status: int = BAD_REQUEST


_ROWS: Final[dict[Outcome, Row]] = {
    Outcome.ACCEPTED: Row(text="the exchange has done it", status=200),
    Outcome.CHUNK_SKIPPED: Row(text="a chunk that does not go on from the records before it; none of it counts"),
    Outcome.FRAME_BROKEN: Row(text="the rest of a chunk is no records"),
    Outcome.UNKNOWN_RECORD: Row(text="no such kind of record", field="kind"),
    Outcome.MALFORMED: Row(text="not the canonical encoding of a record", field="raw"),
    Outcome.OUT_OF_RANGE: Row(
        text="a number is out of its field's range: an order has a size, and a price unless it is a market order"
    ),
    Outcome.BAD_SIGNATURE: Row(
        text="the signature is no valid low-s EIP-2098 signature of this record",
        field="signature",
        accepted_field="acceptance",
    ),
    Outcome.NO_ACCOUNT: Row(
        text="there is no such account yet; a deposit, or a transfer to the sub-account, opens it",
        field="account",
        accepted_field="taker",
        status=NOT_FOUND,
    ),
    Outcome.NOT_AUTHORISED: Row(
        text="the key may not do this for this account; compare what was signed with /v1/digest",
        field="signature",
        accepted_field="acceptance",
        status=FORBIDDEN,
    ),
    Outcome.AGENT_EXPIRED: Row(
        text="the agent's time is over; the owner approves it again with `trader approve-agent`",
        field="agent",
        accepted_field="taker_agent",
        status=FORBIDDEN,
    ),
    Outcome.AGENT_SCOPE: Row(
        text="the agent may not do this; the owner widens its scope with `trader approve-agent`",
        field="agent",
        accepted_field="taker_agent",
        status=FORBIDDEN,
    ),
    Outcome.NONCE_USED: Row(
        text="the nonce was used already; next_nonce of `trader account --json` was not",
        field="nonce",
        accepted_field="taker_nonce",
        status=CONFLICT,
    ),
    Outcome.NONCE_RANGE: Row(
        text="the nonce is too far from the account's newest; see next_nonce of `trader account --json`",
        field="nonce",
        accepted_field="taker_nonce",
        status=CONFLICT,
    ),
    Outcome.CLOCK_BACKWARDS: Row(text="the clock never goes back", field="clock_ms", status=CONFLICT),
    Outcome.CLOCK_OUT_OF_BOUND: Row(
        text="the clock goes no further than its batch's times", field="clock_ms", status=CONFLICT
    ),
    Outcome.NO_MARKET: Row(
        text="no such market is open; `trader markets` lists them", field="market", status=NOT_FOUND
    ),
    Outcome.NO_MARK: Row(
        text="the market has no price yet; wait for its first report", field="market", status=CONFLICT
    ),
    Outcome.TOO_LARGE: Row(
        text="larger than the largest order of the market (max_lots of `trader markets --json`)", field="lots"
    ),
    Outcome.TOO_SMALL: Row(
        text="worth less than the smallest order of the market (min_order_units of `trader markets --json`);"
        " one that must only reduce may be of any size",
        field="lots",
    ),
    Outcome.EXPIRED: Row(text="its time was over when it came in", field="expiry_ms", status=CONFLICT),
    Outcome.UNFILLED: Row(
        text="nobody in the book takes it, or the rest of it, at this price, or no nearer to the index than half the "
        "maintenance fraction",
        status=CONFLICT,
    ),
    Outcome.NO_POSITION_SLOT: Row(
        text="the account has positions in 16 markets already; close one, or use another sub-account",
        field="market",
        status=CONFLICT,
    ),
    Outcome.POSITION_LIMIT: Row(
        text="the position would be larger than the largest of the market (max_lots of `trader markets --json`)",
        field="lots",
        status=CONFLICT,
    ),
    Outcome.MARGIN: Row(
        text="the account's value does not cover its initial margin; deposit, reduce, or make the order smaller",
        field="lots",
        status=CONFLICT,
    ),
    Outcome.BOOK_FULL: Row(text="the book has no place left", field="market", status=CONFLICT),
    Outcome.NO_SUCH_ORDER: Row(
        text="no such order rests in the book; `trader order-status` says what became of it",
        field="client_id",
        status=NOT_FOUND,
    ),
    Outcome.NOT_WITHDRAWABLE: Row(
        text="more than may be withdrawn; `trader account` says how much that is",
        field="amount_units",
        status=CONFLICT,
    ),
    Outcome.STALE_REPORT: Row(text="the price is too old, or from the future", field="time_ms", status=CONFLICT),
    Outcome.OLD_REPORT: Row(
        text="the signer has a newer report of this market, or one less than a second older, or the index is newer",
        field="time_ms",
        status=CONFLICT,
    ),
    Outcome.MARKET_EXISTS: Row(
        text="the market is listed already; its rules change with `trader change-market`",
        field="market",
        status=CONFLICT,
    ),
    Outcome.BAD_PARAMETERS: Row(text="these rules cannot stand together; docs/machine.md says which can"),
    Outcome.UNKNOWN_MESSAGE: Row(text="no such kind of message, or one that may not come through L1", field="kind"),
    Outcome.OPEN_INTEREST: Row(
        text="the market's open interest is at its limit; only orders that reduce fill", field="lots", status=CONFLICT
    ),
    Outcome.OLD_CHANGE: Row(
        text="the proposal has not the next number; somebody else made one meanwhile", field="change", status=CONFLICT
    ),
    Outcome.NO_CHANGE: Row(text="no change of this market's rules is proposed", field="market", status=NOT_FOUND),
    Outcome.TOO_EARLY: Row(
        text="its time has not come yet; positions of a settled market are paid ten minutes after it has settled",
        status=CONFLICT,
    ),
    Outcome.NO_POSITION: Row(text="the account has no position in this market", field="market", status=NOT_FOUND),
    Outcome.MARKET_EXPIRED: Row(
        text="the market has expired; it waits for its last price and settles", field="market", status=CONFLICT
    ),
    Outcome.NOT_LIVE: Row(
        text="the market is listed and takes orders three weeks later; `trader markets` says when",
        field="market",
        status=CONFLICT,
    ),
    Outcome.NOT_SETTLED: Row(
        text="the market is not settled, and has prices; its positions are closed by trading",
        field="market",
        status=CONFLICT,
    ),
    Outcome.BAD_FLAGS: Row(text="the order's flags contradict each other", field="flags"),
    Outcome.WOULD_CROSS: Row(
        text="a post-only order that would have taken; move its price away from the book",
        field="price_ticks",
        status=CONFLICT,
    ),
    Outcome.SELF_TRADE: Row(
        text="it met an order of the same account; an account trades with others, and a sub-account is another one",
        accepted_field="taker",
    ),
    Outcome.NOTHING_TO_REDUCE: Row(
        text="it must only reduce, and there is not as much on the other side to reduce",
        field="flags",
        accepted_field="reduces",
        status=CONFLICT,
    ),
    Outcome.DEAD_MAN: Row(
        text="the account's dead-man switch has gone off; move it on or disarm it with `trader dead-man`",
        field="account",
        status=CONFLICT,
    ),
    Outcome.NOT_DEAD: Row(text="the order is alive, and its account carries it", field="slot", status=CONFLICT),
    Outcome.HEALTHY: Row(text="the account can carry its position", field="account", status=CONFLICT),
    Outcome.BANKRUPT: Row(
        text="the account is worth less than nothing: the insurance fund is next, `trader take-over`",
        field="account",
        status=CONFLICT,
    ),
    Outcome.BOOK_FIRST: Row(
        text="the book comes first: `trader liquidate`, and this within a second if it leaves too little behind the position",
        field="market",
        status=CONFLICT,
    ),
    Outcome.INSURANCE_LIMIT: Row(
        text="the insurance fund does not take up so many lots of it", field="lots", status=CONFLICT
    ),
    Outcome.INSURANCE_FIRST: Row(
        text="the insurance fund can take it up; `trader take-over` comes first", field="market", status=CONFLICT
    ),
    Outcome.NOT_ELIGIBLE: Row(
        text="the nominee has no position on the other side that could take this one up",
        field="candidate",
        status=CONFLICT,
    ),
    Outcome.OUTRANKED: Row(text="somebody who ranks higher is nominated", field="candidate", status=CONFLICT),
    Outcome.SLICE_WAITS: Row(
        text="the insurance fund has traded just now; the next slice of its position comes five seconds later",
        field="account",
        status=CONFLICT,
    ),
    Outcome.BRAKE: Row(
        text="the index has jumped, and a position that gained by it stays as it is for twenty seconds or a little more",
        field="market",
        status=CONFLICT,
    ),
    Outcome.NO_NOMINATION: Row(
        text="nobody is nominated yet; `trader nominate-adl` comes first", field="account", status=NOT_FOUND
    ),
    Outcome.STALE_INDEX: Row(
        text="the market's prices have stopped; orders can be cancelled, and two who both only reduce can trade through L1",
        field="market",
        status=CONFLICT,
    ),
    Outcome.LIQUIDATIONS_WAIT: Row(
        text="prices of a market it holds have stopped, or come back lately; positions are closed again later",
        field="account",
        status=CONFLICT,
    ),
    Outcome.ALREADY_DUE: Row(
        text="the mark is there already; place the order without a trigger", field="trigger_ticks", status=CONFLICT
    ),
    Outcome.WINDING_DOWN: Row(
        text="the exchange is being wound down; `trader settle-account` has an account counted, and then paid",
        status=CONFLICT,
    ),
    Outcome.NO_CLAIM: Row(
        text="the account has been paid; `trader withdrawals` shows what is to be claimed",
        field="account",
        status=CONFLICT,
    ),
    Outcome.WORK_LIMIT: Row(
        text="it met as many resting orders as one record may; what was filled stands, send the rest again",
        status=CONFLICT,
    ),
    Outcome.TOO_MANY_ORDERS: Row(
        text="the account has 512 orders in the books; cancel some, or use another sub-account",
        field="account",
        status=CONFLICT,
    ),
}
assert _ROWS.keys() == set(Outcome), "every outcome has a row"
ROWS: Final = MappingProxyType(_ROWS)
"""By outcome. This module does not even load while one of them has no row."""


def explain(name: str) -> str:
    """Return an outcome's name in words and what it means; the words alone of one that this version does not know."""
    words = name.lower().replace("_", " ")
    known = Outcome.__members__.get(name)
    return words if known in (None, Outcome.ACCEPTED) else f"{words}: {ROWS[known].text}"
