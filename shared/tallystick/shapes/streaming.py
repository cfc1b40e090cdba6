"""What goes over a stream: what a client asks there, what it is told, and the channels that there are."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from tallystick.shapes.accounts import Account, Fills, Order
from tallystick.shapes.market_data import Level, Market, Trades
from tallystick.shapes.progress import Feed
from tallystick.state.ordinals import AccountId, MarketId, UnixMs

ChannelName = Literal["book", "trades", "market", "clock", "feed", "orders", "fills", "account", "events"]
By = Literal["market", "account", "nothing"]


class Subscribe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op", tag="subscribe"):
    """Ask for a channel. `epoch` and `sequence` are those of the newest message seen of it: what is missing comes then.

    `id` is the client's own number for the request, and stands in the answer, here as everywhere.
    """

    channel: ChannelName
    id: int = 0
    market: MarketId | None = None
    account: AccountId | None = None
    epoch: str = ""
    sequence: int = 0


class Unsubscribe(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op", tag="unsubscribe"
):
    """Give a channel up."""

    channel: ChannelName
    id: int = 0
    market: MarketId | None = None
    account: AccountId | None = None


class Open(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op", tag="open"):
    """Open an account's private channels: `signature` is its owner's, or its agent's, over an OpenStream.

    Units: `until_ms` is the exchange's clock at which they close again.
    """

    account: AccountId
    until_ms: UnixMs
    signature: str
    agent: int = 0
    id: int = 0


class Arm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op", tag="arm"):
    """Hand over a signed record that is sequenced when this connection ends; an empty one takes it back."""

    account: AccountId
    record: str = ""
    id: int = 0


class Ping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op", tag="ping"):
    """Ask for an answer."""

    id: int = 0


Asked = Subscribe | Unsubscribe | Open | Arm | Ping


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="hello"):
    """What a connection begins with. An OpenStream is signed for this `operator` and this `challenge`.

    Units: `clock_ms` is the exchange's clock, 0 as long as it is not known.
    """

    epoch: str
    operator: str
    domain: str
    challenge: str
    clock_ms: UnixMs


class Done(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="done"):
    """A request was carried out. Of a subscription `resumed` tells whether what is missing follows, else a snapshot."""

    id: int
    resumed: bool = False


class Denied(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="denied"):
    """A request was not carried out, or something that was granted has ended: why, and what to do."""

    id: int
    error: str
    message: str
    field: str = ""


class Push(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="push"):
    """What a channel has to tell; `data` has the channel's shape.

    `sequence` grows with the stream and is unique within its `epoch`; `previous` is that of the channel's message before.
    Who has all up to `previous` lacks nothing. `feed` is the number of the newest event in it.
    """

    channel: ChannelName
    market: MarketId | None
    account: AccountId | None
    snapshot: bool
    epoch: str
    sequence: int
    previous: int
    feed: int
    clock_ms: UnixMs
    data: msgspec.Raw


Told = Hello | Done | Denied | Push


class BookPart(msgspec.Struct, frozen=True, kw_only=True):
    """A book, or the prices of it that have changed, each as it is now: one with 0 lots is gone. Best prices first.

    `checksum` is that of the whole book behind this.
    """

    series: int
    bids: list[Level]
    asks: list[Level]
    checksum: int


class ClockPart(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange's clock and how many records it has run. Units: milliseconds."""

    clock_ms: UnixMs
    records: int


class OrdersPart(msgspec.Struct, frozen=True, kw_only=True):
    """An account's resting orders, or those that have changed, known by their slot; those of `gone` slots rest no more."""

    orders: list[Order]
    gone: list[int]


class Opening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenStream for one poll, with a challenge of zeros. Units: as in `Open`."""

    account: AccountId
    until_ms: UnixMs
    signature: str
    agent: int = 0


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel that a poll asks for."""

    channel: ChannelName
    market: MarketId | None = None
    account: AccountId | None = None


class Poll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for what channels have had to tell since `sequence` of `epoch`, both those of the last answer.

    Units: `wait_ms` is how long to wait for something.
    """

    channels: list[Wanted]
    epoch: str = ""
    sequence: int = 0
    wait_ms: int = 0
    opening: Opening | None = None


class Polled(msgspec.Struct, frozen=True, kw_only=True):
    """What channels have told, oldest first, and where to go on. Of a channel that lacks something it is a snapshot.

    Each is a Push: `each` reads them.
    """

    epoch: str
    sequence: int
    messages: list[msgspec.Raw]

    def each(self) -> list[Push]:
        """Return the messages. Raises: msgspec.ValidationError when one is none."""
        return [msgspec.json.decode(message, type=Push) for message in self.messages]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One kind of channel: there is one for each market, each account, or one alone. `data` is what it tells."""

    name: ChannelName
    by: By
    says: str
    data: type[msgspec.Struct]
    private: bool = False


CHANNELS: Final[dict[str, Channel]] = {
    each.name: each
    for each in (
        Channel(name="book", by="market", says="A snapshot, then the prices that change.", data=BookPart),
        Channel(name="trades", by="market", says="The newest fills, then each.", data=Trades),
        Channel(name="market", by="market", says="Rules, prices and state, anew when any changes.", data=Market),
        Channel(name="clock", by="nothing", says="The exchange's clock, while it moves.", data=ClockPart),
        Channel(name="feed", by="nothing", says="Every event from now on.", data=Feed),
        Channel(name="orders", by="account", says="Resting orders, then each change.", data=OrdersPart, private=True),
        Channel(name="fills", by="account", says="The newest fills, then each.", data=Fills, private=True),
        Channel(
            name="account",
            by="account",
            says="Cash, margins and positions, anew when any changes; its orders are left out.",
            data=Account,
            private=True,
        ),
        Channel(name="events", by="account", says="Every event about it from now on.", data=Feed, private=True),
    )
}
STREAM: Final = "/v1/stream"
"""Where the WebSocket is."""
OVER_A_STREAM: Final[tuple[type[Any], ...]] = (Subscribe, Unsubscribe, Open, Arm, Ping, Hello, Done, Denied, Push)
"""What goes over it, either way; what is in a Push is the channel's."""


def checksum_of(side: int, price_ticks: int, lots: int, orders: int) -> int:
    """Return what a price of a book adds to its checksum, which is the sum of all, modulo 2**32. `side` is 0 for bids."""
    return zlib.crc32(f"{side}:{price_ticks}:{lots}:{orders}".encode())
