"""Two EVMs behind one interface, for calls that leave nothing behind: pyrevm, which is fast, and py-evm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, Final, Protocol

from tallystick.blobs.kzg import share_setup

CALLER: Final = bytes.fromhex("c0" * 20)
GAS_LIMIT: Final = 30_000_000
INTRINSIC_GAS: Final = 21_000
"""Units: gas, as the two below (EIP-2028)."""
ZERO_BYTE_GAS: Final = 4
BYTE_GAS: Final = 16

Storage = dict[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A deployed contract."""

    address: bytes
    code: bytes
    storage: Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call returned.

    Shape: `returned` is None when it reverted; `reason` is then the EVM's word for why. Units: `gas` of a whole
    transaction that does nothing but the call: intrinsic gas and calldata included, every address and slot cold.
    """

    returned: bytes | None
    gas: int
    reason: str = ""


class Evm(Protocol):
    """An EVM with the rules of Cancun, empty when made."""

    def deploy(self, code: bytes) -> bytes:
        """Run init code and return the address of what it made."""
        ...

    def read(self, address: bytes, slots: list[int]) -> Account:
        """Return a contract with these slots of its storage."""
        ...

    def put(self, account: Account) -> None:
        """Put a contract where it was deployed elsewhere."""
        ...

    def call(self, to: bytes, data: bytes) -> Answer:
        """Call a contract as the first transaction of a block."""
        ...


class Revm:
    """pyrevm's EVM."""

    def __init__(self) -> None:
        pyrevm = _pyrevm()
        block = pyrevm.BlockEnv(gas_limit=GAS_LIMIT)
        self._evm = pyrevm.EVM(spec_id="CANCUN", gas_limit=GAS_LIMIT, env=pyrevm.Env(block=block))

    def deploy(self, code: bytes) -> bytes:
        """Run init code and return the address of what it made."""
        return bytes.fromhex(self._evm.deploy(_hex(CALLER), code)[2:])

    def read(self, address: bytes, slots: list[int]) -> Account:
        """Return a contract with these slots of its storage."""
        storage = {slot: self._evm.storage(_hex(address), slot) for slot in slots}
        return Account(address=address, code=bytes(self._evm.get_code(_hex(address))), storage=storage)

    def put(self, account: Account) -> None:
        """Put a contract where it was deployed elsewhere."""
        address = _hex(account.address)
        for slot, value in account.storage.items():
            # Writing a slot of a loaded account also warms it; going back unloads the account, and the value stays.
            before = self._evm.snapshot()
            self._evm.insert_account_storage(address, slot, value)
            self._evm.revert(before)
        self._evm.insert_account_info(address, _revm_info(account.code))

    def call(self, to: bytes, data: bytes) -> Answer:
        """Call a contract as the first transaction of a block."""
        try:
            returned = self._evm.message_call(_hex(CALLER), _hex(to), calldata=data, gas=GAS_LIMIT)
        except RuntimeError as error:
            return Answer(returned=None, gas=0, reason=str(error))
        return Answer(returned=bytes(returned), gas=self._evm.result.gas_used)


class PyEvm:
    """py-evm's EVM."""

    def __init__(self) -> None:
        vm = genesis_vm()
        self._state, self._run = vm.state, vm.execute_bytecode
        self._deployed = 0

    def deploy(self, code: bytes) -> bytes:
        """Run init code and return the address of what it made."""
        self._deployed += 1
        address = bytes([0xDE]) + self._deployed.to_bytes(19, "big")
        made = self._run(**self._transaction(address, b""), code=code)
        made.raise_if_error()
        self._state.set_code(address, made.output)
        return address

    def read(self, address: bytes, slots: list[int]) -> Account:
        """Return a contract with these slots of its storage."""
        storage = {slot: self._state.get_storage(address, slot) for slot in slots}
        return Account(address=address, code=self._state.get_code(address), storage=storage)

    def put(self, account: Account) -> None:
        """Put a contract where it was deployed elsewhere."""
        self._state.set_code(account.address, account.code)
        self._state.set_nonce(account.address, 1)
        for slot, value in account.storage.items():
            self._state.set_storage(account.address, slot, value)
        # What is put was there before the transaction: no slot is warm, or counts as just written.
        self._state.persist()
        self._state.lock_changes()

    def call(self, to: bytes, data: bytes) -> Answer:
        """Call a contract as the first transaction of a block."""
        for address in (CALLER, to):
            self._state.mark_address_warm(address)
        done = self._run(**self._transaction(to, data), code=self._state.get_code(to))
        zeros = data.count(0)
        gas = INTRINSIC_GAS + ZERO_BYTE_GAS * zeros + BYTE_GAS * (len(data) - zeros) + done.get_gas_used()
        if done.is_error:
            return Answer(returned=None, gas=gas, reason=repr(done.error))
        return Answer(returned=done.output, gas=gas)

    def _transaction(self, to: bytes, data: bytes) -> dict[str, Any]:
        who = {"origin": CALLER, "sender": CALLER, "to": to}
        return {**who, "gas_price": 0, "gas": GAS_LIMIT, "value": 0, "data": data}


def fastest() -> Callable[[], Evm]:
    """Return the fastest EVM there is for this Python: pyrevm has no wheels for the newest ones."""
    return Revm if find_spec("pyrevm") else PyEvm


@cache
def _pyrevm() -> Any:
    import pyrevm  # noqa: PLC0415 (absent on some Pythons)

    return pyrevm


@cache
def _revm_info(code: bytes) -> Any:
    """Return what pyrevm holds of a contract beside its storage: made once, for making it hashes the code."""
    return _pyrevm().AccountInfo(nonce=1, code=code)


def genesis_vm() -> Any:
    """Return py-evm's machine at an empty chain's first block, with the rules of Cancun."""
    from eth.chains.base import MiningChain  # noqa: PLC0415 (slow to import, and only a second opinion)
    from eth.constants import BLANK_ROOT_HASH, ZERO_ADDRESS, ZERO_HASH32  # noqa: PLC0415
    from eth.db.atomic import AtomicDB  # noqa: PLC0415
    from eth.precompiles import point_evaluation  # noqa: PLC0415
    from eth.vm.forks.cancun import CancunVM  # noqa: PLC0415

    share_setup(point_evaluation)
    chain = MiningChain.configure(__name__="Chain", vm_configuration=((0, CancunVM),), chain_id=1)
    genesis: dict[str, Any] = {
        "coinbase": ZERO_ADDRESS,
        "difficulty": 0,
        "extra_data": b"",
        "gas_limit": GAS_LIMIT,
        "mix_hash": ZERO_HASH32,
        "nonce": bytes(8),
        "receipt_root": BLANK_ROOT_HASH,
        "timestamp": 1,
        "transaction_root": BLANK_ROOT_HASH,
    }
    return chain.from_genesis(AtomicDB(), genesis).get_vm()


def _hex(address: bytes) -> str:
    return "0x" + address.hex()
