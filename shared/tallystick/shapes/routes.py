"""The endpoints of an operator: what is asked where, and what is answered there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tallystick.shapes.accounts import Account, Agents, Fills, Orders, Owner, PlacedOrder, PlacedOrders, Withdrawals
from tallystick.shapes.market_data import Book, FundingHours, Markets, Trades
from tallystick.shapes.progress import Feed, Health, Info, Ready
from tallystick.shapes.streaming import Poll, Polled
from tallystick.shapes.submitting import Answer, RecordDigest, Results, Submission, SubmissionList
from tallystick.state.layout import MAX_AMOUNT

A = TypeVar("A", bound=msgspec.Struct)
VERSION: Final = "/v1"
"""What every path begins with. Within a version keys are added to answers, and paths; nothing is taken away or means
anything else."""
MAX_ID: Final = (1 << 32) - 1
MAX_LIMIT: Final = 1_000
MAX_WAIT_MS: Final = 30_000
"""Longest poll: shorter than what proxies usually cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What stands in a path, or behind it: then `default` counts where it is left out, None for none.

    Shape: a whole number from 0 to `most`; where there is a `pattern`, a text that matches it.
    """

    says: str
    most: int = MAX_ID
    default: int | None = None
    pattern: str = ""


MARKET: Final = r"^[0-9]+(\.[0-9]+)?$"
"""A market's number, with a point and a series behind it where it is not the one that is listed now."""
PLACES: Final[Mapping[str, Parameter]] = MappingProxyType(
    {
        "market": Parameter(says="A market, such as 5 for what it is now, or 5.1 for its series 1.", pattern=MARKET),
        "account": Parameter(says="An account's number."),
        "client_id": Parameter(says="The number that its owner gave an order.", most=MAX_AMOUNT),
        "address": Parameter(says="An address, 20 bytes in hex.", pattern="^(0x)?[0-9a-fA-F]{40}$"),
    }
)
"""What stands in paths."""
LIMIT: Final = Parameter(says="How many at most, the newest first.", most=MAX_LIMIT, default=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[A]):
    """One endpoint.

    Shape: `path` has its parameters in braces, `query` are those behind it, by name; what is posted is a `request`,
    what comes back with status 200 an `answer`, with any other a Refusal.
    """

    path: str
    says: str
    answer: type[A]
    request: type[msgspec.Struct] | None = None
    query: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """POST where something is given, else GET."""
        return "GET" if self.request is None else "POST"

    def filled(self, parameters: dict[str, Any]) -> str:
        """Return the path with parameters in place, those that are None left out.

        Raises: TypeError when one of the path is missing, or one is none of this endpoint's.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        places = re.findall(r"{(\w+)}", self.path)
        if not set(places) <= set(given) <= {*places, *self.query}:
            raise TypeError(f"{self.path} takes {places} and {list(self.query)}, not {list(given)}")
        path = self.path.format(**{name: quote(str(given.pop(name)), safe="") for name in places})
        return f"{path}?{urlencode(given)}" if given else path


RECORDS: Final = Endpoint(
    path="/v1/records",
    says="Sequence a record: what became of it, with the receipt for its place.",
    request=Submission,
    answer=Answer,
)
RECORD_LIST: Final = Endpoint(
    path="/v1/records/list",
    says="Sequence several records in this order; one that is refused does not stop those behind it.",
    request=SubmissionList,
    answer=Results,
)
DIGEST: Final = Endpoint(
    path="/v1/digest",
    says="What has to be signed of a record: its EIP-712 digest and typed data.",
    request=Submission,
    answer=RecordDigest,
)
HEALTH: Final = Endpoint(
    path="/v1/health", says="Whether the operator is alive; else it must be started anew.", answer=Health
)
READY: Final = Endpoint(
    path="/v1/ready", says="Whether it takes records and tells what is so; else why not, all reasons.", answer=Ready
)
INFO: Final = Endpoint(path="/v1/info", says="Which exchange this is, and how far all of it has come.", answer=Info)
MARKETS: Final = Endpoint(path="/v1/markets", says="Every market: rules, prices, what state it is in.", answer=Markets)
BOOK: Final = Endpoint(
    path="/v1/book/{market}",
    says="The best prices of either side that hold an order somebody can fill.",
    answer=Book,
    query={"depth": Parameter(says="Prices of each side at most.", most=MAX_LIMIT, default=20)},
)
TRADES: Final = Endpoint(
    path="/v1/trades/{market}", says="A market's newest fills.", answer=Trades, query={"limit": LIMIT}
)
FUNDING: Final = Endpoint(
    path="/v1/funding/{market}", says="A market's funding by the hour.", answer=FundingHours, query={"limit": LIMIT}
)
ACCOUNT: Final = Endpoint(
    path="/v1/account/{account}", says="An account: cash, margins, positions, orders.", answer=Account
)
OWNER: Final = Endpoint(path="/v1/owner/{address}", says="The account that an address owns.", answer=Owner)
ORDERS: Final = Endpoint(
    path="/v1/orders/{account}", says="An account's resting orders, the oldest first.", answer=Orders
)
ORDER: Final = Endpoint(
    path="/v1/order/{account}/{client_id}",
    says="An account's newest order with a client id, and what became of it.",
    answer=PlacedOrder,
)
HISTORY: Final = Endpoint(
    path="/v1/history/{account}",
    says="The orders an account has placed, whatever became of them.",
    answer=PlacedOrders,
    query={"limit": LIMIT},
)
FILLS: Final = Endpoint(
    path="/v1/fills/{account}",
    says="An account's fills, from its side.",
    answer=Fills,
    query={
        "limit": LIMIT,
        "after": Parameter(says="Only those behind this number of the feed.", most=MAX_AMOUNT, default=0),
    },
)
AGENTS: Final = Endpoint(path="/v1/agents/{account}", says="The keys that may trade for an account.", answer=Agents)
WITHDRAWALS: Final = Endpoint(
    path="/v1/withdrawals/{account}",
    says="An account's withdrawals, with the proof of those that can be claimed.",
    answer=Withdrawals,
)
FEED: Final = Endpoint(
    path="/v1/feed",
    says="The events behind a number, the oldest first; an answer may wait for the first of them.",
    answer=Feed,
    query={
        "after": Parameter(says="Behind which number; from now on where it is left out.", most=MAX_AMOUNT),
        "wait_ms": Parameter(says="How long to wait for the first.", most=MAX_WAIT_MS, default=0),
        "limit": Parameter(says="How many at most, and one at least.", most=MAX_LIMIT, default=100),
        "account": Parameter(says="Only those that concern this account."),
        "market": Parameter(says="Only those that concern this market.", pattern=MARKET),
    },
)
POLL: Final = Endpoint(
    path="/v1/stream/poll",
    says="What channels of the stream have told since the last answer, for who cannot keep a WebSocket.",
    request=Poll,
    answer=Polled,
)

ENDPOINTS: Final[tuple[Endpoint[Any], ...]] = (
    RECORDS,
    RECORD_LIST,
    DIGEST,
    INFO,
    MARKETS,
    BOOK,
    TRADES,
    FUNDING,
    ACCOUNT,
    OWNER,
    ORDERS,
    ORDER,
    HISTORY,
    FILLS,
    AGENTS,
    WITHDRAWALS,
    FEED,
    POLL,
    HEALTH,
    READY,
)
METRICS: Final = "/v1/metrics"
"""The one endpoint that does not answer in JSON, but as Prometheus reads it."""
OPENAPI: Final = "/v1/openapi.json"
"""Where all of this is described for programs that write clients."""
