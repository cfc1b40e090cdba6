"""A signature is recovered once: the live machine and a restart take the signer that was found, a replay finds it anew."""

from __future__ import annotations

import pytest

from tallystick.machine import admission
from tallystick.records import signing
from tallystick.records.codec import encode
from tallystick.records.signing import make
from tallystick_operator.intake.door import Refused, check_bytes
from tallystick_operator.sequencer.record_log import SIGNER_BYTES, Entry, EntryKind, RecordLog, record_entry
from tests.operator.rig import MakeRig, Rig

BUY, SELL = 0, 1


def test_the_live_machine_and_a_restart_recover_no_signature_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = [rig.checked(rig.order(1, BUY, 617_000, 5, client_id=1)), rig.checked(rig.order(2, SELL, 617_000, 2))]

    def never(record: object, domain: bytes) -> bytes:
        raise AssertionError("recovered again")

    monkeypatch.setattr(admission, "recover_signer", never)
    answers = rig.core.process(checked)
    assert [getattr(each, "outcome", each) for each in answers] == ["ACCEPTED", "ACCEPTED"]
    before = rig.core.executor.state.hash()
    rig.log.close()
    monkeypatch.setattr(signing, "recover", never)
    assert rig.open().executor.state.hash() == before


def test_a_replay_of_what_was_published_comes_to_the_same_state_from_the_bytes_alone(rig: Rig) -> None:
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=1))
    rig.accept(rig.signed("cancel", "alice", account=1, nonce=rig.next_nonce(1), client_id=1))
    rig.core.seal_now()
    assert rig.replayed().state.hash() == rig.core.executor.state.hash()


def test_a_log_without_signers_is_read_as_ever(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.set_up()
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=1))
    before = rig.core.executor.state.hash()
    older = [Entry(kind=EntryKind.RECORD, body=each.record) if each.record else each for each in rig.log.entries()]
    assert older != list(rig.log.entries())
    rig.log.close()
    path = rig.log.path
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()
    with RecordLog(path, rig.log.genesis) as log:
        log.append(older)
    assert rig.open().executor.state.hash() == before


def test_an_entry_tells_its_record_and_its_signer() -> None:
    signed, unsigned = record_entry(b"\x02\xc0", b"s" * SIGNER_BYTES), record_entry(b"\x02\xc0", None)
    assert (signed.record, signed.signer) == (b"\x02\xc0", b"s" * SIGNER_BYTES)
    assert (unsigned.record, unsigned.signer) == (b"\x02\xc0", None)
    assert Entry(kind=EntryKind.LOSE, body=b"\x02").record == b""


def test_bytes_as_they_come_are_checked_like_fields(rig: Rig) -> None:
    record = rig.order(1, BUY, 617_000, 5)
    found = check_bytes(encode(record), rig.core.domain)
    assert found == rig.checked(record)
    for data, code in (
        (b"\x10\xc0", "malformed"),
        (b"\x7f", "unknown_record"),
        (encode(make("clock", clock_ms=1)), "operator_only"),
        (encode(record)[:-64] + b"\xff" * 64, "bad_signature"),
    ):
        with pytest.raises(Refused) as refused:
            check_bytes(data, rig.core.domain)
        assert refused.value.code == code


def test_a_cancel_is_known_by_what_was_signed_whatever_slot_stands_in_it(rig: Rig) -> None:
    cancel = rig.signed("cancel", "alice", account=1, nonce=7, client_id=1)
    other = rig.signed("cancel", "alice", account=1, nonce=7, client_id=1, slot=9)
    plain, filled = rig.checked(cancel), rig.checked(other)
    assert plain.key == filled.key and plain.hashed != filled.hashed
    assert plain.filled(other) == filled
