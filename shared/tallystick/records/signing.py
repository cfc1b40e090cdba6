"""EIP-712: what a trader signs, and who signed it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

import coincurve
from eth_account import Account

from tallystick.errors import BadInput
from tallystick.records.codec import BY_NAME, Record
from tallystick.records.parsing import digest_of, struct_digest
from tallystick.schema.record_kinds import DOMAIN_NAME, DOMAIN_VERSION, RECORDS, SIGNATURE_BYTES
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import Number

HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
KEYS_REMEMBERED: Final = 1 << 16
"""Public keys whose addresses are remembered. No signature is ever held against a key that was expected: that would pass
over the parity bit, by which the contract recovers another signer."""
ORDER: Final = 2 * HALF_ORDER + 1
_ACCEPTANCE_HASHES: Final = {
    kind.number: keccak(kind.encoded_acceptance.encode()) for kind in RECORDS if kind.acceptance
}
_DOMAIN_TYPE: Final = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")


def domain_separator(chain_id: int, rollup: str) -> bytes:
    """Return the EIP-712 domain separator of a deployment, which its state carries from genesis."""
    return keccak(
        _DOMAIN_TYPE
        + keccak(DOMAIN_NAME.encode())
        + keccak(DOMAIN_VERSION.encode())
        + chain_id.to_bytes(32, "big")
        + bytes(12)
        + bytes.fromhex(rollup.removeprefix("0x"))
    )


def digest(record: Record, domain: bytes) -> bytes:
    """Return the 32 bytes that a record's signature signs."""
    return digest_of(record.kind.number, record.values, record.blobs, domain)


def acceptance_digest(record: Record, domain: bytes) -> bytes:
    """Return the 32 bytes that the second signer of a record signs."""
    kind = record.kind
    fields = [bool(field.signed or field.accepted) for field in kind.fields]
    return _digest(record, domain, _ACCEPTANCE_HASHES[kind.number], fields)


def _digest(record: Record, domain: bytes, type_hash: bytes, fields: list[bool]) -> bytes:
    """Return the digest of the fields that are part of the struct."""
    values = [value for value, taken in zip(record.values, fields, strict=True) if taken]
    return struct_digest(type_hash, values, [], domain)


def recover_signer(record: Record, domain: bytes) -> bytes | None:
    """Return who signed, or None when it is no valid EIP-2098 signature with a low s."""
    return recover(digest(record, domain), record.signature)


def recover_acceptance(record: Record, domain: bytes) -> bytes | None:
    """Return who signed as the second, in the last string of the record; None as in `recover_signer`."""
    acceptance = record.blobs[-1]
    if len(acceptance) != SIGNATURE_BYTES:
        return None
    return recover(acceptance_digest(record, domain), acceptance)


def recover(message: bytes, signature: bytes) -> bytes | None:
    """Return the 20-byte signer of an EIP-2098 signature, or None when it is no valid low-s signature."""
    packed = int.from_bytes(signature[32:], "big")
    parity = packed >> 255
    s = packed & ((1 << 255) - 1)
    if s > HALF_ORDER:
        return None
    full = signature[:32] + s.to_bytes(32, "big") + bytes([parity])
    try:
        key = coincurve.PublicKey.from_signature_and_message(full, message, hasher=None)
    except Exception:  # noqa: BLE001 -- coincurve raises a bare Exception for values no key can have made
        return None
    return _address(key.format(compressed=False))


@lru_cache(maxsize=KEYS_REMEMBERED)
def _address(public: bytes) -> bytes:
    """Return the address of a public key that has been recovered."""
    return keccak(public[1:])[12:]


def packed_signature(given: bytes) -> bytes:
    """Return a signature as records have it (EIP-2098, low s), of one that wallets give: r, s and v, 27 or 28, 0 or 1.

    Raises: BadInput when it is none.
    """
    if len(given) == SIGNATURE_BYTES:
        return given
    s, v = int.from_bytes(given[32:64], "big"), given[-1] if given else 0
    if len(given) != SIGNATURE_BYTES + 1 or v not in (0, 1, 27, 28) or not 0 < s < ORDER:
        raise BadInput("not a signature", bytes=len(given))
    parity = v % 27
    if s > HALF_ORDER:
        s, parity = ORDER - s, 1 - parity
    return given[:32] + (s | parity << 255).to_bytes(32, "big")


def sign(record: Record, domain: bytes, key: bytes) -> Record:
    """Return the record with `key`'s signature."""
    return replace(record, signature=signature_over(digest(record, domain), key))


def accept(record: Record, domain: bytes, key: bytes) -> Record:
    """Return the record with `key`'s signature as the second signer's."""
    return replace(record, blobs=(*record.blobs[:-1], signature_over(acceptance_digest(record, domain), key)))


def signature_over(message: bytes, key: bytes) -> bytes:
    """Return `key`'s signature over 32 bytes, as EIP-2098 has it."""
    return signed_by(coincurve.PrivateKey(key), message)


def signed_by(key: coincurve.PrivateKey, message: bytes) -> bytes:
    """Return the same of a key that signs often: to make one of its bytes takes as long as to sign."""
    signed: bytes = key.sign_recoverable(message, hasher=None)
    packed = int.from_bytes(signed[32:64], "big") | signed[64] << 255
    return signed[:32] + packed.to_bytes(32, "big")


def make(kind: str, /, *blobs: bytes, **values: Number) -> Record:
    """Return an unsigned record of a kind by field names; fields left out are 0, blobs left out at the end empty."""
    spec = BY_NAME[kind]
    names = [field.name for field in spec.fields]
    unknown = set(values) - set(names)
    if unknown:
        raise TypeError(f"{kind} has no field {', '.join(sorted(unknown))}; it has {', '.join(names)}")
    strings = (*blobs, *(b"" for _ in spec.blobs[len(blobs) :]))
    return Record(kind=spec, values=tuple(int(values.get(name, 0)) for name in names), blobs=strings)


def typed_data(record: Record, chain_id: int, rollup: str) -> dict[str, object]:
    """Return what a wallet's `eth_signTypedData_v4` takes for this record."""
    values: dict[str, object] = {
        x.signed: "0x" + v.to_bytes(20, "big").hex() if x.address else v
        for x, v in zip(record.kind.fields, record.values, strict=True)
        if x.signed
    }
    values |= {x.signed: "0x" + v.hex() for x, v in zip(record.kind.blobs, record.blobs, strict=True) if x.signed}
    members = [(x.signed, "address" if x.address else "uint64") for x in record.kind.fields if x.signed]
    members += [(x.signed, "bytes") for x in record.kind.blobs if x.signed]
    return _typed(record.kind.primary, members, values, chain_id, rollup)


def acceptance_typed_data(record: Record, chain_id: int, rollup: str) -> dict[str, object]:
    """Return what the wallet of this record's second signer takes."""
    values: dict[str, object] = {
        x.signed or x.accepted: v
        for x, v in zip(record.kind.fields, record.values, strict=True)
        if x.signed or x.accepted
    }
    members = [(name, "uint64") for name in values]
    return _typed(record.kind.acceptance, members, values, chain_id, rollup)


def _typed(
    primary: str, members: list[tuple[str, str]], values: dict[str, object], chain_id: int, rollup: str
) -> dict[str, object]:
    return {
        "domain": {"name": DOMAIN_NAME, "version": DOMAIN_VERSION, "chainId": chain_id, "verifyingContract": rollup},
        "primaryType": primary,
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            primary: [{"name": name, "type": kind} for name, kind in members],
        },
        "message": values,
    }


def address_of(key: bytes) -> str:
    """Return the checksummed address of a private key."""
    address: str = Account.from_key(key).address
    return address
