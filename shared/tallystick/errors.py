"""Every error Tallystick raises on purpose.

    TallystickError            1   the base: catch this one
    ├── ConfigError            2   the configuration is missing, unknown or contradicts itself
    ├── BadInput               2   an argument, a file or a request that cannot be what was meant
    │   └── BadEncoding        2   bytes that decode to nothing: a record, a witness, a message
    ├── L1Error                3   the L1 could not be read or written
    │   ├── L1Unreachable      3   no answer: worth another try
    │   └── L1Reverted         3   a contract refused: the same call would be refused again
    ├── DataError              4   data this node must have is missing or contradicts its commitment
    │   ├── DataMissing        4   not there, or not yet
    │   └── DataMismatch       4   there, and not what its hash says
    ├── StateError             5   what this node stored does not fit what the L1 says
    ├── Disputed               6   somebody asserted a state that replaying the inputs refutes
    ├── Unreachable            3   whoever was asked gave no answer, and may have done it or not
    └── Refused                7   whoever was asked said no: nothing has happened

The number is the exit code of a command that ends in that error; 0 is success, and 2 also what the command line itself
refuses. A rejected order is a value with a reject code, never one of these: a command that sent it prints what became
of it and ends with `REJECTED`, 8. A bug is any other exception, and ends with 1.
"""

from __future__ import annotations

from typing import ClassVar, Final

REJECTED: Final = 8
"""The exit code of a command whose record has a place in the sequence, and was rejected by the exchange there."""


class TallystickError(Exception):
    """Something the caller can act on.

    `message` says what happened, `hint` what to do about it, and `data` holds the values by name,
    for logs and for code that decides.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, /, *, hint: str = "", **data: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.data = data

    def __str__(self) -> str:
        values = ", ".join(f"{name}={_shown(value)}" for name, value in self.data.items())
        return f"{self.message} ({values})" if values else self.message


class ConfigError(TallystickError):
    """The configuration is missing, unknown or contradicts itself."""

    exit_code = 2


class BadInput(TallystickError):
    """An argument, a file or a request that cannot be what was meant."""

    exit_code = 2


class BadEncoding(BadInput):
    """Bytes that decode to nothing: a record, a witness, a message."""


class L1Error(TallystickError):
    """The L1 could not be read or written."""

    exit_code = 3


class L1Unreachable(L1Error):
    """No answer from the L1: worth another try."""


class L1Reverted(L1Error):
    """A contract refused: the same call would be refused again."""


class DataError(TallystickError):
    """Data this node must have is missing or contradicts its commitment."""

    exit_code = 4


class DataMissing(DataError):
    """Not there, or not yet."""


class DataMismatch(DataError):
    """There, and not what its hash says."""


class StateError(TallystickError):
    """What this node stored does not fit what the L1 says."""

    exit_code = 5


class Disputed(TallystickError):
    """Somebody asserted a state that replaying the inputs refutes."""

    exit_code = 6


class Unreachable(TallystickError):
    """Whoever was asked gave no answer, and may have done it or not."""

    exit_code = 3


class Refused(TallystickError):
    """Whoever was asked said no: nothing has happened."""

    exit_code = 7


def _shown(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return "0x" + bytes(value).hex()
    return str(value) if isinstance(value, int | str) else repr(value)
