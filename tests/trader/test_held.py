"""Receipts that a trader keeps: checked when they come, written down, and read again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import coincurve
import msgspec
import pytest

from tallystick import cli
from tallystick.errors import BadEncoding, BadInput, DataMismatch, Disputed
from tallystick.records.chunks import padded
from tallystick.records.codec import Record, encode
from tallystick.records.group_receipts import HORIZON_SECONDS, GroupReceipt
from tallystick.records.receipts import sign_receipt
from tallystick.records.signing import make, sign
from tallystick.shapes.submitting import Answer
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import UnixMs
from tallystick.testing.group_signing import sign_group
from tallystick.testing.l1_stage import Stage, trade_a_little
from tallystick.testing.world import address, key
from tallystick.trader.held import check_answer, keep, kept

DOMAIN = keccak(b"this deployment")
SECRET = coincurve.PrivateKey(key("receipts"))
SIGNER = address("receipts")
NOW = 1_800_000_000


def order(**more: int) -> Record:
    return sign(make("order", account=1, nonce=0, price_ticks=5, lots=1, **more), DOMAIN, key("alice"))


def promise(record: Record, post_by: int = NOW + HORIZON_SECONDS) -> GroupReceipt:
    hashes = [keccak(padded(encode(record)))]
    return sign_group(SECRET, DOMAIN, epoch=0, post_by=post_by, first=0, before=bytes(32), record_hashes=hashes)[0]


def answer(receipt: GroupReceipt | None, signature: bytes = b"", record: Record | None = None) -> Answer:
    hashed = keccak(padded(encode(record))) if record else bytes(32)
    return Answer(
        record_number=0,
        accumulator="0x" + bytes(32).hex(),
        record_hash="0x" + hashed.hex(),
        signature="0x" + signature.hex(),
        outcome="ACCEPTED",
        clock_ms=UnixMs(NOW * 1000),
        fills=[],
        promise="0x" + receipt.pack().hex() if receipt else "",
    )


def test_a_promise_of_the_record_by_the_operators_key_is_taken() -> None:
    assert check_answer(order(), answer(promise(order())), DOMAIN, SIGNER) == promise(order())


def test_what_no_account_signs_needs_a_signature_alone() -> None:
    record = make("sweep")
    receipt = sign_receipt(SECRET, DOMAIN, 0, bytes(32), keccak(padded(encode(record))))
    assert check_answer(record, answer(None, receipt.signature, record), DOMAIN, SIGNER) is None
    with pytest.raises(DataMismatch):
        check_answer(record, answer(None, bytes(64), record), DOMAIN, SIGNER)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (answer(None), "promises nothing"),
        (answer(promise(order(client_id=7))), "another record"),
        (answer(promise(order(), NOW + HORIZON_SECONDS + 1)), "further than the bond"),
        (answer(replace(promise(order()), epoch=1)), "not signed"),
        (msgspec.structs.replace(answer(promise(order())), promise="0x00"), "is no receipt"),
        (msgspec.structs.replace(answer(promise(order())), promise="0xzz"), "is no receipt"),
    ],
)
def test_an_answer_that_promises_something_else_is_refused(given: Answer, why: str) -> None:
    with pytest.raises(DataMismatch, match=why):
        check_answer(order(), given, DOMAIN, SIGNER)


def test_receipts_are_kept_and_read_again_each_once(tmp_path: Path) -> None:
    path = tmp_path / "receipts.txt"
    one, other = promise(order()), promise(order(client_id=7))
    keep(path, [one])
    keep(path, [other, one])
    assert kept(path) == [one, other]


def test_a_file_that_holds_no_receipts_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "receipts.txt"
    with pytest.raises(BadInput):
        kept(path)
    with pytest.raises(BadInput):
        keep(tmp_path, [promise(order())])
    keep(path, [promise(order())])
    for line in ("0x12", "nothing"):
        path.write_text(path.read_text() + line + "\n")
        with pytest.raises(BadEncoding) as caught:
            kept(path)
        assert caught.value.data["line"] == 2
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput):
        kept(path)


def test_the_command_says_what_l1_has_of_each_receipt_and_slashes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, path = Stage(tmp_path), tmp_path / "receipts.txt"
    trade_a_little(stage)
    registers = stage.world.state.registers
    stage.publish()
    stage.transact("operator", "bond", "Receipts", "deposit", value_wei=10**18)
    stage.transact("operator", "key", "Receipts", "setKey", SIGNER)
    receipts = sign_group(
        SECRET,
        registers.domain,
        epoch=0,
        post_by=1,
        first=registers.promised_count,
        before=registers.promised_accumulator,
        record_hashes=[keccak(b"never posted")],
    )
    keep(path, receipts)
    stage.deployment.save(tmp_path / "deployment.json")
    (tmp_path / "alice.key").write_text("0x" + key("alice").hex())
    (tmp_path / "alice.key").chmod(0o600)
    monkeypatch.setenv("TALLYSTICK_L1_RPC", stage.server.url)
    monkeypatch.setenv("TALLYSTICK_DEPLOYMENT", str(tmp_path / "deployment.json"))
    monkeypatch.setenv("TALLYSTICK_KEY_FILE", str(tmp_path / "alice.key"))

    def called(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["tallystick", "trader", "receipts", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), capsys.readouterr().out

    code, text = called("check", str(path), "--json")
    assert code == Disputed.exit_code
    assert [(each["standing"], each["bonded"]) for each in json.loads(text)] == [("missing", True)]
    assert "claimed as missing" in called("slash", str(path))[1]
    stage.chain.request("evm_increaseTime", hex(6 * 3_600))
    stage.mine(1)
    code, text = called("slash", str(path), "--json")
    assert (code, json.loads(text)[0]["did"]) == (0, "slashed: nobody has shown it")
    assert int(stage.call("Receipts", "slashedAt")) > 0
    code, text = called("check", str(path))
    assert (code, "no bond answers for it" in text) == (Disputed.exit_code, True)
    stage.close()
