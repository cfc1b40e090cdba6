"""The endpoints of an operator: what is asked where, and what is answered there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tallystick.shapes.accounts import Account, Agents, Fills, Orders, Owner, PlacedOrder, PlacedOrders, Withdrawals
from tallystick.shapes.market_data import Book, FundingHours, Markets, Trades
from tallystick.shapes.progress import Feed, Info
from tallystick.shapes.submitting import Answer, RecordDigest, Results, Submission, SubmissionList

A = TypeVar("A", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[A]):
    """One endpoint.

    Shape: `path` has its parameters in braces, `query` are the names of those behind it; what is posted is a `request`,
    what comes back with status 200 an `answer`, with any other a Refusal.
    """

    path: str
    answer: type[A]
    request: type[msgspec.Struct] | None = None
    query: tuple[str, ...] = ()

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


RECORDS: Final = Endpoint(path="/v1/records", request=Submission, answer=Answer)
RECORD_LIST: Final = Endpoint(path="/v1/records/list", request=SubmissionList, answer=Results)
DIGEST: Final = Endpoint(path="/v1/digest", request=Submission, answer=RecordDigest)
INFO: Final = Endpoint(path="/v1/info", answer=Info)
MARKETS: Final = Endpoint(path="/v1/markets", answer=Markets)
BOOK: Final = Endpoint(path="/v1/book/{market}", answer=Book, query=("depth",))
TRADES: Final = Endpoint(path="/v1/trades/{market}", answer=Trades, query=("limit",))
FUNDING: Final = Endpoint(path="/v1/funding/{market}", answer=FundingHours, query=("limit",))
ACCOUNT: Final = Endpoint(path="/v1/account/{account}", answer=Account)
OWNER: Final = Endpoint(path="/v1/owner/{address}", answer=Owner)
ORDERS: Final = Endpoint(path="/v1/orders/{account}", answer=Orders)
ORDER: Final = Endpoint(path="/v1/order/{account}/{client_id}", answer=PlacedOrder)
HISTORY: Final = Endpoint(path="/v1/history/{account}", answer=PlacedOrders, query=("limit",))
FILLS: Final = Endpoint(path="/v1/fills/{account}", answer=Fills, query=("limit", "after"))
AGENTS: Final = Endpoint(path="/v1/agents/{account}", answer=Agents)
WITHDRAWALS: Final = Endpoint(path="/v1/withdrawals/{account}", answer=Withdrawals)
FEED: Final = Endpoint(path="/v1/feed", answer=Feed, query=("after", "wait_ms", "limit", "account", "market"))

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
)
METRICS: Final = "/v1/metrics"
"""The one endpoint that does not answer in JSON, but as Prometheus reads it."""
