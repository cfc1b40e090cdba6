"""What the exchange's outcomes mean to who sent the record, and what to do about them."""

from __future__ import annotations

from typing import Final

SENTENCES: Final[dict[str, str]] = {
    "NO_ACCOUNT": "there is no such account yet; a deposit or a transfer opens it",
    "NOT_AUTHORISED": "the key may not do this for this account",
    "AGENT_EXPIRED": "the agent's time is over; the owner approves it again with `trader approve-agent`",
    "AGENT_SCOPE": "the agent may not do this; the owner widens its scope with `trader approve-agent`",
    "NONCE_USED": "the nonce was used already",
    "NONCE_RANGE": "the nonce is too far from the account's newest",
    "OUT_OF_RANGE": "a number is out of its range: an order has a size, and a price unless it is a market order",
    "NO_MARKET": "no such market is open; `trader markets` lists them",
    "NO_MARK": "the market has no price yet; wait for its first report",
    "TOO_LARGE": "larger than the largest order of the market (max_lots of `trader markets --json`)",
    "EXPIRED": "its time was over when it came in",
    "UNFILLED": "nobody in the book takes it, or the rest of it, at this price",
    "NO_POSITION_SLOT": "the account has positions in 16 markets already; close one, or use another sub-account",
    "POSITION_LIMIT": "the position would be larger than the largest of the market (max_lots of `trader markets --json`)",
    "MARGIN": "the account's value does not cover its initial margin; deposit, reduce, or make the order smaller",
    "BOOK_FULL": "the book has no place left",
    "NO_SUCH_ORDER": "no such order rests in the book; `trader order-status` says what became of it",
    "NOT_WITHDRAWABLE": "more than may be withdrawn; `trader account` says how much that is",
    "STALE_REPORT": "the price is too old, or from the future",
    "OLD_ROUND": "the round is over: a newer one has begun",
    "DUPLICATE_REPORT": "this signer has reported in this round already",
    "MARKET_EXISTS": "the market is listed already; its rules change with `trader change-market`",
    "BAD_PARAMETERS": "these rules cannot stand together; docs/machine.md says which can",
    "OPEN_INTEREST": "the market's open interest is at its limit; only orders that reduce fill",
    "OLD_CHANGE": "the proposal has not the next number; somebody else made one meanwhile",
    "NO_CHANGE": "no change of this market's rules is proposed",
    "TOO_EARLY": "its time has not come yet",
    "NO_POSITION": "the account has no position in this market",
    "MARKET_EXPIRED": "the market has expired; it waits for its last price and settles",
    "NOT_SETTLED": "the market is not settled; its positions are closed by trading",
    "BAD_FLAGS": "the order's flags contradict each other",
    "WOULD_CROSS": "a post-only order that would have taken; move its price away from the book",
    "SELF_TRADE": "it met an order of the same account, and was cancelled as it asked to be",
    "NOTHING_TO_REDUCE": "a reduce-only order, and there is no position on the other side",
    "DEAD_MAN": "the account's dead-man switch has gone off; move it on or disarm it with `trader dead-man`",
    "NOT_DEAD": "the order is alive",
    "DEVIATING": "the price is too far from the others of its round to count",
    "HEALTHY": "the account can carry its position",
    "BANKRUPT": "the account is worth less than nothing: the insurance fund is next, `trader take-over`",
    "BOOK_CROSSES": "the book would take it; `trader liquidate` comes first",
    "INSURANCE_LIMIT": "the insurance fund takes up no more of this market",
    "INSURANCE_FIRST": "the insurance fund can take it up; `trader take-over` comes first",
    "NOT_ELIGIBLE": "the nominee has no position on the other side that could take this one up",
    "OUTRANKED": "somebody who ranks higher is nominated",
    "STALE_INDEX": "the market's prices have stopped; orders can be cancelled, and nothing else until there are new ones",
    "POST_ONLY_STAGE": "prices have come back just now; for a minute only --post-only orders are taken",
    "LIQUIDATIONS_WAIT": "prices of a market it holds have stopped, or come back lately; positions are closed again later",
    "NOT_FILLABLE": "a fill-or-kill order, and the book has not all of its lots at this price",
    "ALREADY_DUE": "the mark is there already; place the order without a trigger",
    "WINDING_DOWN": "the exchange is being wound down; `trader settle-account` has an account counted, and then paid",
    "NO_CLAIM": "the account has been paid; `trader withdrawals` shows what is to be claimed",
    "NO_NOMINATION": "nobody is nominated yet; `trader nominate-adl` comes first",
}
"""By the outcome's name. One that is not here is shown by its name alone."""


def explain(outcome: str) -> str:
    """Return an outcome's name in words and, where there is one, what it means."""
    name = outcome.lower().replace("_", " ")
    return f"{name}: {SENTENCES[outcome]}" if outcome in SENTENCES else name
