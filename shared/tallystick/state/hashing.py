"""Keccak-256: the fast library where it is installed, eth_hash's choice otherwise."""

from __future__ import annotations

try:
    import sha3
except ImportError:  # safe-pysha3 has no wheel for this interpreter
    from eth_hash.auto import keccak as _keccak

    def keccak(data: bytes) -> bytes:
        """Return the Keccak-256 hash."""
        return bytes(_keccak(data))

else:

    def keccak(data: bytes) -> bytes:
        """Return the Keccak-256 hash."""
        digest: bytes = sha3.keccak_256(data).digest()
        return digest
