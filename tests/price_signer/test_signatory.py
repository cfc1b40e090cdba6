"""A key that stays behind a signer: what is asked of it, and what is believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from tallystick.errors import BadInput, ConfigError, L1Error
from tallystick.l1.deployment import Deployment
from tallystick.l1.sending.keys import KeyFile, save_key
from tallystick.l1.sending.signer import RemoteKey
from tallystick.ports.system import SystemClock
from tallystick.price_signer.delivery.making import report_record
from tallystick.price_signer.delivery.signatory import Signatory, domain_of, load_signatory, number_in
from tallystick.records.signing import HALF_ORDER, ORDER, packed_signature, recover_signer
from tallystick.state.ordinals import MarketId, SignerNumber, UnixMs
from tallystick.testing.l1_stage import Stage, account
from tests.l1.test_signer import SigningServer

RECORD = report_record(SignerNumber(0), UnixMs(1_800_000_000_000), {MarketId(0): 618_000})
WHO = account("signer 0")


class TypedServer(SigningServer):
    """A signer of typed data, by one of its two names, that signs or says what it is told to."""

    def __init__(self) -> None:
        super().__init__([WHO])
        self.method = "eth_signTypedData_v4"
        self.asked: list[str] = []
        self.data: Callable[[dict[str, Any]], dict[str, Any]] = lambda data: data
        self.give: Callable[[bytes], Any] = lambda signature: "0x" + signature.hex()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == "eth_accounts":
            return super().answer(request)
        self.asked.append(request["method"])
        if request["method"] != self.method:
            return {"error": {"code": -32601, "message": "the method does not exist"}}
        address, text = request["params"]
        assert address == WHO.address
        signed = WHO.sign_typed_data(full_message=self.data(json.loads(text)))
        return {"result": self.give(bytes(signed.signature))}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    stage.close()
    return stage.deployment


@pytest.fixture
def server() -> Iterator[TypedServer]:
    made = TypedServer()
    yield made
    made.close()


@pytest.fixture
def signatory(server: TypedServer, deployment: Deployment) -> Signatory:
    return load_signatory(RemoteKey(url=server.url), deployment, SystemClock())


def signer_of(signatory: Signatory, deployment: Deployment) -> bytes | None:
    return recover_signer(signatory.sign(RECORD), domain_of(deployment))


def by_v(v: int) -> Callable[[bytes], str]:
    return lambda signature: "0x" + (signature[:64] + bytes([signature[64] - 27 + v])).hex()


def high(signature: bytes) -> str:
    """The other signature of the same key: nobody but Ethereum's transactions minds which."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return "0x" + (signature[:32] + s.to_bytes(32, "big") + bytes([27 + 28 - signature[64]])).hex()


@pytest.mark.parametrize("give", [by_v(27), by_v(0), high, lambda each: "0x" + packed_signature(each).hex()])
def test_a_report_is_signed_by_a_key_that_is_elsewhere_in_each_form_wallets_give(
    server: TypedServer, signatory: Signatory, deployment: Deployment, give: Callable[[bytes], Any]
) -> None:
    server.give = give
    assert signer_of(signatory, deployment) == bytes.fromhex(WHO.address[2:])
    assert number_in(signatory.address, deployment) == 0


def test_the_name_that_a_signer_knows_is_found_once(
    server: TypedServer, signatory: Signatory, deployment: Deployment
) -> None:
    server.method = "eth_signTypedData"
    for _ in range(2):
        assert signer_of(signatory, deployment) is not None
    assert server.asked == ["eth_signTypedData_v4", "eth_signTypedData", "eth_signTypedData"]


@pytest.mark.parametrize("change", [{"priceTicks": 1}, {"time": 1}, {"timeMs": 1}])
def test_a_signature_of_another_price_is_not_used(
    server: TypedServer, signatory: Signatory, change: dict[str, Any]
) -> None:
    server.data = lambda data: data | {"message": {name: change.get(name, 7) for name in data["message"]}}
    with pytest.raises(L1Error, match="signed something else"):
        signatory.sign(RECORD)


@pytest.mark.parametrize(
    "given", ["0x", "0x1234", "zz", None, {}, "0x" + "11" * 65, "0x" + "ff" * 64 + "1b", "0x" + "00" * 64]
)
def test_what_is_no_signature_is_not_used(server: TypedServer, signatory: Signatory, given: object) -> None:
    server.give = lambda _: given
    with pytest.raises(L1Error):
        signatory.sign(RECORD)


def test_a_key_that_no_deployment_knows_signs_no_prices(deployment: Deployment, tmp_path: Path) -> None:
    save_key(account("alice"), tmp_path / "alice.key")
    signatory = load_signatory(KeyFile(path=tmp_path / "alice.key"), deployment, SystemClock())
    with pytest.raises(BadInput, match="no price signer"):
        number_in(signatory.address, deployment)
    with pytest.raises(ConfigError):
        load_signatory(KeyFile(path=tmp_path / "missing.key"), deployment, SystemClock())


@pytest.mark.parametrize("length", [0, 63, 66])
def test_a_signature_of_another_length_is_none(length: int) -> None:
    with pytest.raises(BadInput, match="not a signature"):
        packed_signature(bytes(length))


def test_packing_keeps_who_signed(deployment: Deployment) -> None:
    signed = Account.unsafe_sign_hash(b"\x07" * 32, WHO.key)
    packed = packed_signature(bytes(signed.signature))
    assert int.from_bytes(packed[32:], "big") & ((1 << 255) - 1) <= HALF_ORDER
