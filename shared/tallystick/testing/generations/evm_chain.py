"""An EVM in this process that keeps what transactions did: pyrevm's, or py-evm's where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any, Final, Protocol

import rlp
from eth.vm.message import Message
from eth_typing import Address

from tallystick.errors import BadInput
from tallystick.referee.two_evms import genesis_vm
from tallystick.state.hashing import keccak

DEPLOYER: Final = b"\xde" * 20
RICHES_WEI: Final = 10**30
GAS: Final = 16_000_000

Log = tuple[bytes, tuple[bytes, ...], bytes]
"""Of which contract, the topics and the data."""


class EvmChain(Protocol):
    """Contracts and transactions."""

    def deploy(self, code: bytes) -> bytes:
        """Run init code and return the address of what it made."""
        ...

    def address_after(self, deployments: int) -> bytes:
        """Return the address of the contract that is deployed after so many others."""
        ...

    def transact(self, sender: bytes, to: bytes, data: bytes, value_wei: int, block: int) -> list[Log]:
        """Call a contract in a block and return what was logged.

        Raises: BadInput when it reverts.
        """
        ...

    def set_second(self, second: int) -> None:
        """Set the time of the next block."""
        ...

    def carry(self, versioned_hashes: list[bytes]) -> None:
        """Have the transactions from now on carry blobs of these hashes."""
        ...

    def read(self, to: bytes, data: bytes) -> bytes:
        """Call a contract for what it returns.

        Raises: BadInput when it reverts.
        """
        ...


class RevmChain:
    """pyrevm's EVM."""

    def __init__(self, senders: Iterable[bytes]) -> None:
        import pyrevm  # noqa: PLC0415 (absent on some Pythons)

        self._second = 0
        self._block: Callable[[int], Any] = lambda number: pyrevm.BlockEnv(
            number=number, timestamp=self._second, gas_limit=1 << 40
        )
        self._evm: Any = pyrevm.EVM(spec_id="CANCUN", gas_limit=GAS, env=pyrevm.Env(block=self._block(0)))
        self._deployed = 0
        self._number = 0
        for sender in (DEPLOYER, *senders):
            self._evm.set_balance(_hex(sender), RICHES_WEI)

    def deploy(self, code: bytes) -> bytes:
        """Run init code and return the address of what it made."""
        self._deployed += 1
        try:
            return bytes.fromhex(self._evm.deploy(_hex(DEPLOYER), code)[2:])
        except RuntimeError as error:
            raise BadInput(str(error)) from error

    def set_second(self, second: int) -> None:
        """Set the time of the next block."""
        if second != self._second:
            self._second = second
            self._evm.set_block_env(self._block(self._number))

    def carry(self, versioned_hashes: list[bytes]) -> None:
        """Have the transactions from now on carry blobs of these hashes."""
        import pyrevm  # noqa: PLC0415 (absent on some Pythons)

        hashes = versioned_hashes or None
        self._evm.set_tx_env(pyrevm.TxEnv(blob_hashes=hashes, max_fee_per_blob_gas=1 if hashes else None))

    def address_after(self, deployments: int) -> bytes:
        """Return the address of the contract that is deployed after so many others."""
        return keccak(rlp.encode([DEPLOYER, self._deployed + deployments]))[12:]

    def transact(self, sender: bytes, to: bytes, data: bytes, value_wei: int, block: int) -> list[Log]:
        """Call a contract in a block and return what was logged."""
        if block != self._number:
            self._number = block
            self._evm.set_block_env(self._block(block))
        try:
            self._evm.message_call(_hex(sender), _hex(to), calldata=data, value=value_wei, gas=GAS)
        except RuntimeError as error:
            raise BadInput(str(error)) from error
        return [(_bytes(log.address), tuple(map(_bytes, log.topics)), _data(log)) for log in self._evm.result.logs]

    def read(self, to: bytes, data: bytes) -> bytes:
        """Call a contract for what it returns."""
        try:
            return bytes(self._evm.message_call(_hex(DEPLOYER), _hex(to), calldata=data, gas=GAS, is_static=True))
        except RuntimeError as error:
            raise BadInput(str(error)) from error


class PyEvmChain:
    """py-evm's EVM: slower, and there on every Python."""

    def __init__(self, senders: Iterable[bytes]) -> None:
        vm = genesis_vm()
        self._state: Any = vm.state
        self._execute: Any = vm.execute_bytecode
        self._deployed = 0
        self._carried: list[bytes] = []
        for sender in (DEPLOYER, *senders):
            self._state.set_balance(sender, RICHES_WEI)

    def deploy(self, code: bytes) -> bytes:
        """Run init code and return the address of what it made."""
        address = self.address_after(0)
        self._deployed += 1
        made = self._execute(**_transaction(DEPLOYER, address, b"", 0), code=code)
        made.raise_if_error()
        self._state.set_code(address, made.output)
        return address

    def set_second(self, second: int) -> None:
        """Set the time of the next block."""
        self._state.execution_context._timestamp = second  # noqa: SLF001 (as below)

    def carry(self, versioned_hashes: list[bytes]) -> None:
        """Have the transactions from now on carry blobs of these hashes."""
        self._carried = versioned_hashes

    def address_after(self, deployments: int) -> bytes:
        """Return the address of the contract that is deployed after so many others."""
        return bytes([0xDE]) + (self._deployed + deployments + 1).to_bytes(19, "big")

    def transact(self, sender: bytes, to: bytes, data: bytes, value_wei: int, block: int) -> list[Log]:
        """Call a contract in a block and return what was logged."""
        self._state.execution_context._block_number = block  # noqa: SLF001 (py-evm mines whole blocks otherwise)
        before = self._state.snapshot()
        done = self._run(sender, to, data, value_wei)
        if done.is_error:
            self._state.revert(before)
            raise BadInput(repr(done.error))
        self._state.commit(before)
        self._state.lock_changes()
        return [
            (address, tuple(topic.to_bytes(32, "big") for topic in topics), data)
            for address, topics, data in done.get_log_entries()
        ]

    def read(self, to: bytes, data: bytes) -> bytes:
        """Call a contract for what it returns."""
        done = self._execute(**_transaction(DEPLOYER, to, data, 0), code=self._state.get_code(to))
        if done.is_error:
            raise BadInput(repr(done.error))
        return bytes(done.output)

    def _run(self, sender: bytes, to: bytes, data: bytes, value_wei: int) -> Any:
        """Run a transaction, which may carry blobs: py-evm's own call for bytecode cannot."""
        code = self._state.get_code(to)
        message = Message(gas=GAS, to=Address(to), sender=Address(sender), value=value_wei, data=data, code=code)
        make_context = self._state.get_transaction_context_class()
        context = make_context(gas_price=0, origin=sender, blob_versioned_hashes=self._carried)
        return self._state.computation_class.apply_computation(self._state, message, context)


def _transaction(sender: bytes, to: bytes, data: bytes, value_wei: int) -> dict[str, Any]:
    who = {"origin": sender, "sender": sender, "to": to}
    return {**who, "gas_price": 0, "gas": GAS, "value": value_wei, "data": data}


def fastest_chain() -> Callable[[Iterable[bytes]], EvmChain]:
    """Return the fastest EVM there is for this Python."""
    return RevmChain if find_spec("pyrevm") else PyEvmChain


def _hex(address: bytes) -> str:
    return "0x" + address.hex()


def _bytes(value: Any) -> bytes:
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)


def _data(log: Any) -> bytes:
    data = log.data
    return bytes(data[1]) if isinstance(data, tuple) else bytes(data)
