"""A log whose frames go into a stream first: what is acknowledged is there, and the files beside it are a copy.

Messages of a stream are numbered without a gap, and one is put behind the newest that its writer knows, or not at all. Who
begins to lead puts a FENCE there: whoever led before has not seen it, so nothing of that one's is taken any more, whatever
it believes of its lease. What it had begun and not finished counts for nothing.

Shape of a message: what it is (1 byte), the term of who leads (8), the place in the log in front of it (8); then, of a
FENCE, the chain of that place (16), the address that signs receipts (20) and who leads (8); of a PIECE, part of a frame,
of a LAST, the rest of it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Final, Protocol

from tallystick.errors import DataMismatch, DataMissing, StateError
from tallystick_operator.storage.framing import CHAIN_BYTES, Place, chain_in, first_place, framed, unframed
from tallystick_operator.storage.logfiles import LogFile, LogFiles

_HEAD: Final = struct.Struct(">BQQ")
SIGNER_BYTES: Final = 20
NAME_BYTES: Final = 8
_FENCE: Final = struct.Struct(f">{CHAIN_BYTES}s{SIGNER_BYTES}s{NAME_BYTES}s")
PIECE_BYTES: Final = 512 << 10
"""Of a frame in one message: a server takes a mebibyte unless it is told otherwise."""
AT_ONCE: Final = 256
"""Messages read before anything else is done."""


class Stream(Protocol):
    """Messages numbered from 1. Every call may raise an OSError."""

    def first(self) -> int:
        """Return the number of the oldest message at hand, 1 where there has been none."""
        ...

    def last(self) -> int:
        """Return the number of the newest message, 0 without one."""
        ...

    def read(self, since: int, most: int) -> list[bytes]:
        """Return up to so many messages behind a number, in their order."""
        ...

    def put(self, data: bytes, behind: int) -> bool:
        """Put a message right behind another; return whether it stands there. Raises: OSError when that is unknown."""
        ...


class Overtaken(OSError):
    """Somebody else leads, or may."""


class Part(IntEnum):
    """What a message is."""

    FENCE = 1
    PIECE = 2
    LAST = 3


class StreamedLog:
    """The frames of a log in a stream, and a copy of them in files. It follows until it leads.

    `holds` says whether the lease on leading is held still. `term` counts who has led, `signer` is the address with which
    the newest one signs receipts, empty of none. `cut_bytes` were torn off the copy when it was opened.
    """

    def __init__(
        self, stream: Stream, copy: LogFiles, genesis_state_hash: bytes, holds: Callable[[], bool], name: bytes
    ) -> None:
        """Find where in the stream the copy ends.

        Raises: DataMismatch when they are not of one log; DataMissing when the stream begins behind the copy; OSError.
        """
        self._stream = stream
        self.copy = copy
        self._holds = holds
        self._name = name
        self.leads = False
        self.term = 0
        self.signer = b""
        self.cut_bytes = copy.cut_bytes
        self._number = 0
        self._pieces: list[bytes] = []
        self.end = first_place(genesis_state_hash)
        self._find()

    @property
    def files(self) -> list[LogFile]:
        """The files of the copy."""
        return self.copy.files

    @property
    def first(self) -> Place:
        """Where the copy begins."""
        return self.copy.first

    def follow(self) -> bool:
        """Take in what is new in the stream, and have it in the copy; return whether that is all there is.

        Raises: DataMismatch when it does not follow what is here; OSError.
        """
        messages = self._stream.read(self._number, AT_ONCE)
        for message in messages:
            self._take(message)
        return len(messages) < AT_ONCE

    def lead(self, signer: bytes) -> bool:
        """Put a fence behind all there is; return whether it stands: from then on nobody else appends.

        What the copy has and the stream has lost is put back. Raises: as `follow`, and Overtaken.
        """
        while not self.follow():
            pass
        fence = _HEAD.pack(Part.FENCE, self.term + 1, self.end.at)
        fence += _FENCE.pack(self.end.chain, signer, self._name)
        if not self._stream.put(fence, self._number):
            return False
        self._take(fence)
        self.leads = True
        for payload, behind in self.copy.payloads(self.end):
            self._put(framed(payload, self.end)[0])
            self.end = behind
        return True

    def append(self, payload: bytes) -> Place:
        """Put one frame into the stream, and into the copy when it is there; return the place behind it.

        Raises: Overtaken when somebody else leads; OSError.
        """
        frame, behind = framed(payload, self.end)
        self._put(frame)
        self.copy.append(payload)
        self.end = behind
        return behind

    def confirm(self) -> None:
        """See that what is in the stream may be told. Raises: Overtaken when the lease has run out."""
        if not self.leads or not self._holds():
            raise Overtaken("the lease has run out, and another operator may lead")

    def payloads(self, since: Place) -> Iterator[tuple[bytes, Place]]:
        """Yield every frame behind a place that is in the stream, with the place behind it.

        Raises: DataMismatch, DataMissing, as files do.
        """
        end = self.end
        for payload, behind in self.copy.payloads(since):
            if behind.at > end.at:
                return
            yield payload, behind

    def leads_through(self, place: Place) -> bool:
        """Whether a place is one of this log's, as far as the frame behind it tells."""
        return place.at <= self.end.at and self.copy.leads_through(place)

    def close(self) -> None:
        """Close the copy."""
        self.leads = False
        self.copy.close()

    def _put(self, frame: bytes) -> None:
        if not self.leads:
            raise Overtaken("this operator does not lead")
        pieces = [frame[at : at + PIECE_BYTES] for at in range(0, len(frame), PIECE_BYTES)]
        for number, piece in enumerate(pieces, start=1):
            part = Part.LAST if number == len(pieces) else Part.PIECE
            if not self._stream.put(_HEAD.pack(part, self.term, self.end.at) + piece, self._number):
                self.leads = False
                raise Overtaken("another operator leads now")
            self._number += 1

    def _take(self, message: bytes) -> None:
        """Take in the message behind the newest known one. Raises: DataMismatch."""
        part, term, body = self._read(message)
        if part is Part.FENCE:
            chain, self.signer, _ = _FENCE.unpack(body)
            if chain != self.end.chain or term <= self.term:
                raise self._mismatch()
            self.term, self.leads = term, False
            self._pieces.clear()
        elif term != self.term:
            raise self._mismatch()
        else:
            self._pieces.append(body)
        if part is Part.LAST:
            found = unframed(b"".join(self._pieces), self.end)
            self._pieces.clear()
            if found is None:
                raise self._mismatch()
            self._keep(*found)
        self._number += 1

    def _read(self, message: bytes) -> tuple[Part, int, bytes]:
        try:
            part, term, at = _HEAD.unpack_from(message)
            part = Part(part)
        except (struct.error, ValueError):
            raise StateError("the stream holds something else than this version's log") from None
        if at != self.end.at:
            raise self._mismatch()
        return part, term, message[_HEAD.size :]

    def _keep(self, payload: bytes, behind: Place) -> None:
        if behind.at <= self.copy.end.at:
            if not self.copy.leads_through(behind):
                raise self._mismatch()
        else:
            self.copy.append(payload)
        self.end = behind

    def _find(self) -> None:
        """Go to where the copy ends, or the stream where that is shorter."""
        first, last = self._stream.first(), self._stream.last()
        low, high = first, last + 1
        while low < high:
            middle = (low + high) // 2
            if self._head(middle)[2] >= self.copy.end.at:
                high = middle
            else:
                low = middle + 1
        if low == 1:
            return
        if low == first:
            raise DataMissing(
                "the stream begins later than the copy of it ends",
                hint="restore a backup of another operator's directory here, or bring the messages back",
                stream_begins_at=self._head(first)[2] if last >= first else 0,
                copy_ends_at=self.copy.end.at,
            )
        number = low - 1
        while number > first and self._head(number)[0] == Part.PIECE:  # of a frame that is not whole
            number -= 1
        self._number, self.term = number, self._head(number)[1]
        self.end = self._behind(number, first)
        if not self.copy.leads_through(self.end):
            raise self._mismatch()
        fence = self._fence(first, number)
        self.signer = _FENCE.unpack(self._one(fence)[_HEAD.size :])[1] if fence else b""

    def _behind(self, number: int, first: int) -> Place:
        """Return the place behind a message that is no PIECE."""
        message = self._one(number)
        part, term, at = _HEAD.unpack_from(message)
        if part == Part.FENCE:
            return Place(at=at, chain=_FENCE.unpack(message[_HEAD.size :])[0])
        size = len(message) - _HEAD.size
        while number > first and self._head(number - 1) == (Part.PIECE, term, at):
            number -= 1
            message = self._one(number)
            size += len(message) - _HEAD.size
        return Place(at=at + size, chain=chain_in(message[_HEAD.size :]))

    def _fence(self, low: int, high: int) -> int:
        """Return the number of the fence of this term, which stands at or before a message; 0 when it is not at hand."""
        while low < high:
            middle = (low + high) // 2
            if self._head(middle)[1] >= self.term:
                high = middle
            else:
                low = middle + 1
        return low if self._head(low)[:2] == (Part.FENCE, self.term) else 0

    def _head(self, number: int) -> tuple[int, int, int]:
        part, term, at = _HEAD.unpack_from(self._one(number))
        return part, term, at

    def _one(self, number: int) -> bytes:
        found = self._stream.read(number - 1, 1)
        if not found or len(found[0]) < _HEAD.size:
            raise StateError("the stream holds something else than this version's log", message=number)
        return found[0]

    def _mismatch(self) -> DataMismatch:
        return DataMismatch(
            "the stream and this directory's copy of the log are not of one history",
            hint="another deployment's stream, or one that was lost: see the runbook on failover",
            message=self._number + 1,
            copy_ends_at=self.copy.end.at,
        )
