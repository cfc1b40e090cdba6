"""A gateway's decisions: what waits, what is refused at once, what goes to the sequencer, what goes back to whom.

No socket and no process: who drives it hands in what has come and takes out what is to be sent.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tallystick.errors import BadInput
from tallystick.ports import Clock
from tallystick.shapes.order_entry import packed_replies, packed_reply, requests
from tallystick_operator.gateway.parcels import Batch, checked_frame, packed, told, unpacked_told
from tallystick_operator.gateway.window import Window
from tallystick_operator.intake.allowances import Meters
from tallystick_operator.intake.door import Refused
from tallystick_operator.rates import Allowances

MOST_WAITING: Final = 2_048
"""Records of a gateway that wait for being checked: a tenth of a second's work."""
MOST_FLYING: Final = 4_096
"""Records of a gateway that are with the sequencer."""
MOST_OF_A_CONNECTION: Final = 1_024
"""Records of one connection that wait or are with the sequencer."""
MOST_CONNECTIONS: Final = 4_096
MOST_OF_AN_ADDRESS: Final = 256
"""Connections that a gateway keeps, of all and of one address."""

BUSY: Final = Refused(503, "busy", "too many records are waiting; try again")
CLOSING: Final = Refused(503, "closing", "this gateway is shutting down; connect again")


@dataclass(slots=True)
class _Connection:
    """One client. `held` counts its records that wait or are with the sequencer."""

    address: str
    held: int = 0
    replies: list[bytes] = field(default_factory=list)


class Desk:
    """One gateway. Connections are numbered by whoever drives it, which must never use a number again.

    Records are checked and sent on in the order in which they have come, so those of one connection keep theirs.
    """

    def __init__(self, domain: bytes, clock: Clock, allowances: Allowances | None = None) -> None:
        self.closing = False
        self.meters = Meters(allowances, clock.monotonic)
        self._domain = domain
        self._now = clock.monotonic
        self._connections: dict[int, _Connection] = {}
        self._addresses: Counter[str] = Counter()
        self._waiting: deque[tuple[int, int, bytes]] = deque()
        self._flying: dict[int, list[tuple[int, int]]] = {}
        self._sent_at: dict[int, float] = {}
        self._window = Window(MOST_WAITING + MOST_FLYING)
        self._records_flying = 0
        self._numbers = 0
        self._to_tell: dict[int, None] = {}
        self._spent: set[int] = set()

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is with the sequencer."""
        return not self._waiting and not self._flying

    @property
    def has_work(self) -> bool:
        """Whether something waits that `work` can take."""
        return bool(self._waiting) and self._records_flying < MOST_FLYING

    @property
    def _is_full(self) -> bool:
        """Whether so much waits that more would wait too long."""
        return len(self._waiting) >= MOST_WAITING or len(self._waiting) + self._records_flying >= self._window.most

    def connected(self, connection: int, address: str) -> bool:
        """Take in a new client; return whether it may stay."""
        full = len(self._connections) >= MOST_CONNECTIONS or self._addresses[address] >= MOST_OF_AN_ADDRESS
        if self.closing or full or self.meters.spent(address):
            return False
        self._addresses[address] += 1
        self._connections[connection] = _Connection(address)
        return True

    def gone(self, connection: int) -> None:
        """Take in that a client is gone: what it has not sent on goes no further, what is with the sequencer runs."""
        found = self._connections.pop(connection, None)
        if found is None:
            return
        self._to_tell.pop(connection, None)
        self.meters.gone(connection)
        self._addresses[found.address] -= 1
        if not self._addresses[found.address]:
            del self._addresses[found.address]

    def take(self, connection: int, message: bytes) -> bool:
        """Take in a client's message; return whether the client may stay."""
        client = self._connections.get(connection)
        if client is None:
            return False
        try:
            asked = requests(message)
        except BadInput:
            return False
        limited = self.meters.arrived(connection, client.address, len(message), len(asked))
        for number, data in asked:
            if self.closing:
                self._tell(connection, client, number, CLOSING)
            elif limited is not None:
                self._tell(connection, client, number, limited)
            elif client.held >= MOST_OF_A_CONNECTION or self._is_full:
                self._tell(connection, client, number, BUSY)
            else:
                client.held += 1
                self._waiting.append((connection, number, data))
        return True

    def work(self, most: int) -> bytes:
        """Check as many records as are wanted and may be with the sequencer; return what to send it, or nothing."""
        frames = []
        whose: list[tuple[int, int]] = []
        for _ in range(min(most, len(self._waiting), MOST_FLYING - self._records_flying)):
            connection, number, data = self._waiting.popleft()
            client = self._connections.get(connection)
            if client is None:
                continue
            try:
                frame, steps = checked_frame(data, self._domain)
            except Refused as refused:
                client.held -= 1
                self._tell(connection, client, number, refused)
                self._spend(connection, client)
                continue
            limited = self.meters.signed(frame.signer, steps, len(data), connection, client.address)
            if limited is not None:
                client.held -= 1
                self._tell(connection, client, number, limited)
                continue
            frames.append(frame)
            whose.append((connection, number))
        if not frames:
            return b""
        self._numbers += 1
        self._flying[self._numbers] = whose
        self._sent_at[self._numbers] = self._now()
        self._records_flying += len(whose)
        return packed(Batch(self._numbers, frames))

    def heard(self, message: bytes) -> None:
        """Take in what became of a batch."""
        found = unpacked_told(message)
        whose = self._flying.pop(found.number)
        self._records_flying -= len(whose)
        now = self._now()
        self._window.answered(len(whose), now - self._sent_at.pop(found.number), now)
        for (connection, number), body in zip(whose, found.bodies, strict=True):
            client = self._connections.get(connection)
            if client is not None:
                client.held -= 1
                client.replies.append(packed_reply(number, body))
                self._to_tell[connection] = None

    def outgoing(self) -> Iterator[tuple[int, bytes]]:
        """Yield what goes to whom: all replies of a client as one message."""
        for connection in self._to_tell:
            client = self._connections[connection]
            yield connection, packed_replies(client.replies)
            client.replies = []
        self._to_tell.clear()

    def unwanted(self) -> list[int]:
        """Return the clients that have sent more rubbish than they may, or whose address has, once."""
        spent, self._spent = self._spent, set()
        return sorted(spent)

    def _tell(self, connection: int, client: _Connection, number: int, refused: Refused) -> None:
        client.replies.append(packed_reply(number, told(refused)))
        self._to_tell[connection] = None

    def _spend(self, connection: int, client: _Connection) -> None:
        if not self.meters.spoilt(connection, client.address):
            return
        self._spent.add(connection)
        if self.meters.spent(client.address):
            self._spent |= {number for number, other in self._connections.items() if other.address == client.address}
