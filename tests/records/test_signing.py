"""What is signed and who signed it, against eth_account and eth_keys."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys import keys
from eth_keys.exceptions import BadSignature, ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.records.codec import BY_NAME, Record
from tallystick.records.signing import (
    HALF_ORDER,
    accept,
    acceptance_digest,
    acceptance_typed_data,
    address_of,
    digest,
    domain_separator,
    make,
    recover,
    sign,
    typed_data,
)
from tallystick.schema.record_kinds import RECORDS
from tallystick.schema.record_model import RecordKind
from tallystick.state.hashing import keccak

settings.register_profile("signing", max_examples=40, deadline=None, derandomize=False)
SIGNING = settings.get_profile("signing")
SIGNED = [kind for kind in RECORDS if kind.primary]
CHAIN = 1337
ROLLUP = Account.from_key(keccak(b"rollup")).address
DOMAIN = domain_separator(CHAIN, ROLLUP)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
FIELD = 2**256 - 2**32 - 977
KEYS = st.integers(1, ORDER - 1).map(lambda secret: secret.to_bytes(32, "big"))


def unsigned(kind: RecordKind) -> st.SearchStrategy[Record]:
    values = st.tuples(*(st.integers(0, field.limit) for field in kind.fields))
    blobs = st.tuples(*(st.binary(max_size=80) for _ in kind.blobs))
    return st.builds(lambda v, b: Record(kind=kind, values=v, blobs=b), values, blobs)


ANY = st.sampled_from(SIGNED).flatmap(unsigned)


def compact(r: int, s: int, parity: int) -> bytes:
    return r.to_bytes(32, "big") + (s | parity << 255).to_bytes(32, "big")


def reference(message: bytes, signature: bytes) -> bytes | None:
    """Recover with eth_keys, as ecrecover and the low-s rule would."""
    r = int.from_bytes(signature[:32], "big")
    packed = int.from_bytes(signature[32:], "big")
    s = packed & ((1 << 255) - 1)
    if not (0 < r < ORDER and 0 < s <= HALF_ORDER):
        return None
    try:
        found = keys.Signature(vrs=(packed >> 255, r, s)).recover_public_key_from_msg_hash(message)
    except (BadSignature, ValidationError):
        return None
    signer: bytes = found.to_canonical_address()
    return signer


@pytest.mark.parametrize("kind", SIGNED, ids=lambda kind: kind.name)
def test_a_records_digest_is_what_eth_signTypedData_v4_hashes(kind: RecordKind) -> None:  # noqa: N802
    @SIGNING
    @given(unsigned(kind))
    def check(record: Record) -> None:
        signable = encode_typed_data(full_message=typed_data(record, CHAIN, ROLLUP))
        whole = keccak(b"\x19" + signable.version + signable.header + signable.body)
        assert digest(record, DOMAIN) == whole
        assert signable.header == DOMAIN

    check()


@SIGNING
@given(ANY, KEYS)
def test_the_signer_recovered_is_the_one_eth_account_recovers(record: Record, key: bytes) -> None:
    signed = sign(record, DOMAIN, key)
    signable = encode_typed_data(full_message=typed_data(record, CHAIN, ROLLUP))
    signer = recover(digest(signed, DOMAIN), signed.signature)
    packed = int.from_bytes(signed.signature[32:], "big")
    vrs = (
        27 + (packed >> 255),
        int.from_bytes(signed.signature[:32], "big"),
        packed & ((1 << 255) - 1),
    )
    assert signer is not None
    assert Account.recover_message(signable, vrs=vrs) == address_of(key)
    assert "0x" + signer.hex() == address_of(key).lower()


@SIGNING
@given(ANY, KEYS)
def test_a_wallets_signature_is_accepted_in_compact_form(record: Record, key: bytes) -> None:
    signable = encode_typed_data(full_message=typed_data(record, CHAIN, ROLLUP))
    theirs = Account.sign_message(signable, key)
    signature = compact(theirs.r, theirs.s, theirs.v - 27)
    assert recover(digest(record, DOMAIN), signature) == bytes.fromhex(address_of(key)[2:])


@SIGNING
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_any_bytes_recover_to_what_eth_keys_recovers(message: bytes, signature: bytes) -> None:
    """I11."""
    assert recover(message, signature) == reference(message, signature)


@pytest.mark.parametrize("parity", [0, 1])
@pytest.mark.parametrize("s", [0, 1, HALF_ORDER, HALF_ORDER + 1, ORDER - 1, ORDER, 2**255 - 1])
@pytest.mark.parametrize("r", [0, 1, 2, 3, 4, 5, ORDER - 1, ORDER, ORDER + 1, FIELD - 1, FIELD, 2**256 - 1])
def test_the_edges_of_r_and_s_recover_to_what_eth_keys_recovers(r: int, s: int, parity: int) -> None:
    message = keccak(b"edge")
    signature = compact(r, s, parity)
    assert recover(message, signature) == reference(message, signature)


def test_half_the_order_is_half_the_order() -> None:
    assert HALF_ORDER == ORDER // 2


@SIGNING
@given(ANY, KEYS)
def test_the_high_s_twin_of_a_signature_has_no_compact_form(record: Record, key: bytes) -> None:
    """I11."""
    signed = sign(record, DOMAIN, key)
    s = int.from_bytes(signed.signature[32:], "big") & ((1 << 255) - 1)
    assert 0 < s <= HALF_ORDER
    # The parity bit sits where the twin needs its highest one.
    assert ORDER - s >= 2**255
    assert recover(digest(signed, DOMAIN), signed.signature) is not None


@pytest.mark.parametrize("s", [HALF_ORDER + 1, HALF_ORDER + 2, 2**255 - 1])
def test_a_high_s_that_fits_the_compact_form_is_nobodys(s: int) -> None:
    """I11."""
    message = keccak(b"high")
    for parity in (0, 1):
        assert recover(message, compact(1, s, parity)) is None
        assert recover(message, compact(1, HALF_ORDER, parity)) is not None


@pytest.mark.parametrize(
    "domain",
    [
        domain_separator(CHAIN + 1, ROLLUP),
        domain_separator(CHAIN, Account.from_key(keccak(b"other rollup")).address),
    ],
    ids=["another chain", "another rollup"],
)
def test_under_another_domain_a_signature_names_somebody_else(domain: bytes) -> None:
    key = keccak(b"trader")
    signed = sign(make("order", account=1, lots=5), DOMAIN, key)
    assert recover(digest(signed, domain), signed.signature) != bytes.fromhex(address_of(key)[2:])


@pytest.mark.parametrize("kind", SIGNED, ids=lambda kind: kind.name)
def test_a_change_of_any_signed_field_changes_the_digest_and_of_others_does_not(
    kind: RecordKind,
) -> None:
    plain = make(kind.name)
    for field in kind.fields:
        changed = make(kind.name, **{field.name: 1})
        assert (digest(changed, DOMAIN) != digest(plain, DOMAIN)) is bool(field.signed)


def test_kinds_with_equal_values_have_different_digests() -> None:
    assert len({digest(make(kind.name), DOMAIN) for kind in SIGNED}) == len(SIGNED)


def test_an_unknown_field_name_is_named_in_the_error() -> None:
    with pytest.raises(TypeError, match="clock has no field clocks_ms"):
        make("clock", clocks_ms=1)


def test_the_unsigned_fields_are_those_the_operator_fills_in_or_that_a_key_check_binds() -> None:
    left_out = {(kind.name, field.name) for kind in SIGNED for field in kind.fields if not field.signed}
    assert left_out == {
        ("order", "agent"),
        ("conditional", "agent"),
        ("conditional", "pair_slot"),
        ("cancel", "agent"),
        ("cancel", "slot"),
        ("cancel_all", "agent"),
        ("cancel_before", "agent"),
        ("dead_man", "agent"),
        ("report_prices", "signer"),
        ("bulk", "agent"),
        ("block_trade", "agent"),
        ("block_trade", "taker"),
        ("block_trade", "taker_agent"),
        ("block_trade", "taker_nonce"),
    }
    assert not any(field.signed for name in ("clock", "clean") for field in BY_NAME[name].fields)


# The second signer of a block trade


BLOCK = BY_NAME["block_trade"]


def test_an_acceptances_digest_is_what_eth_signTypedData_v4_hashes() -> None:  # noqa: N802
    @SIGNING
    @given(unsigned(BLOCK), KEYS)
    def check(record: Record, key: bytes) -> None:
        signable = encode_typed_data(full_message=acceptance_typed_data(record, CHAIN, ROLLUP))
        whole = keccak(b"\x19" + signable.version + signable.header + signable.body)
        assert acceptance_digest(record, DOMAIN) == whole
        accepted = accept(record, DOMAIN, key)
        assert recover(whole, accepted.blobs[0]) == bytes.fromhex(address_of(key)[2:])
        assert replace(accepted, blobs=record.blobs) == record

    check()


def test_a_change_of_any_field_but_the_two_agents_changes_the_acceptances_digest() -> None:
    plain = acceptance_digest(make("block_trade"), DOMAIN)
    same = {
        field.name
        for field in BLOCK.fields
        if acceptance_digest(make("block_trade", **{field.name: 1}), DOMAIN) == plain
    }
    assert same == {"agent", "taker_agent"}
    assert plain != digest(make("block_trade"), DOMAIN)
