"""What opens an account's private channels: an EIP-712 message that is no record, and for one operator alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallystick.records.signing import signature_over
from tallystick.schema.record_kinds import DOMAIN_NAME, DOMAIN_VERSION
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import AccountId, UnixMs

MEMBERS: Final = (
    ("account", "uint64"),
    ("agent", "uint64"),
    ("untilMs", "uint64"),
    ("operator", "address"),
    ("challenge", "bytes32"),
)
PRIMARY: Final = "OpenStream"
NO_CHALLENGE: Final = bytes(32)
"""What a poll signs, which has no connection to be bound to."""
_TYPE_HASH: Final = keccak(f"{PRIMARY}({','.join(f'{kind} {name}' for name, kind in MEMBERS)})".encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStream:
    """Who wants to read what, of whom, until when.

    Shape: `operator` is the 20 bytes of the address that signs receipts, `challenge` 32 bytes that the operator has
    chosen for this connection. Units: `until_ms` by the exchange's clock.
    """

    account: AccountId
    agent: int
    until_ms: UnixMs
    operator: bytes
    challenge: bytes = NO_CHALLENGE

    def digest(self, domain: bytes) -> bytes:
        """Return the 32 bytes that are signed, in a deployment's domain."""
        numbers = [int(each).to_bytes(32, "big") for each in (self.account, self.agent, self.until_ms)]
        struct = keccak(b"".join([_TYPE_HASH, *numbers, bytes(12) + self.operator, self.challenge]))
        return keccak(b"\x19\x01" + domain + struct)

    def signature(self, domain: bytes, key: bytes) -> str:
        """Return `key`'s signature in hex, as `Open` and `Opening` take it."""
        return "0x" + signature_over(self.digest(domain), key).hex()

    def typed_data(self, chain_id: int, rollup: str) -> dict[str, object]:
        """Return what a wallet's `eth_signTypedData_v4` takes for it."""
        return {
            "domain": {
                "name": DOMAIN_NAME,
                "version": DOMAIN_VERSION,
                "chainId": chain_id,
                "verifyingContract": rollup,
            },
            "primaryType": PRIMARY,
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                PRIMARY: [{"name": name, "type": kind} for name, kind in MEMBERS],
            },
            "message": {
                "account": self.account,
                "agent": self.agent,
                "untilMs": self.until_ms,
                "operator": "0x" + self.operator.hex(),
                "challenge": "0x" + self.challenge.hex(),
            },
        }
