"""Keccak-256: the fast library where it is installed, eth_hash's choice otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

try:
    import sha3
except ImportError:  # safe-pysha3 has no wheel for this interpreter
    from eth_hash.auto import keccak as _eth_hash

    _make: Callable[[bytes], Any] = _eth_hash.new
else:
    _make = sha3.keccak_256

keccak_256: Final[Callable[[bytes], Any]] = _make
"""Begins a hash; what it returns has a `digest()`. For loops that cannot spare a call more."""


def keccak(data: bytes) -> bytes:
    """Return the Keccak-256 hash."""
    digest: bytes = keccak_256(data).digest()
    return digest
