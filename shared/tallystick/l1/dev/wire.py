"""JSON-RPC's encodings: hexadecimal quantities and data in, blocks, receipts and logs out."""

from collections.abc import Callable
from typing import Any

from eth_utils.address import to_checksum_address

from tallystick.l1.dev.blocks import (
    EMPTY_REQUESTS,
    EMPTY_TRIE,
    EMPTY_UNCLES,
    ZERO_HASH,
    Block,
    Log,
    Receipt,
    Transaction,
)

Json = Any


class BadParamsError(ValueError):
    """The parameters of a request do not have the required shape."""


def data(value: bytes) -> str:
    """Return bytes as JSON-RPC has them."""
    return "0x" + value.hex()


def quantity(value: int) -> str:
    """Return a number as JSON-RPC has it, without leading zeros."""
    return hex(value)


def parse_quantity(value: Json, name: str) -> int:
    """A hexadecimal quantity, or a plain number where a caller sends one."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.startswith("0x") and 2 < len(value) <= 66:
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise BadParamsError(f"{name}: expected a 0x quantity, got {_show(value)}")


def parse_data(value: Json, name: str, length: int | None = None) -> bytes:
    """Return the bytes of a parameter. Raises: BadParamsError when it is none, or of another length."""
    if isinstance(value, str) and value.startswith("0x"):
        try:
            parsed = bytes.fromhex(value[2:])
        except ValueError:
            parsed = None
        if parsed is not None and (length is None or len(parsed) == length):
            return parsed
    size = "0x data" if length is None else f"{length} bytes of 0x data"
    raise BadParamsError(f"{name}: expected {size}, got {_show(value)}")


def parse_object(value: Json, name: str) -> dict[str, Json]:
    """Return a parameter that is an object. Raises: BadParamsError when it is none."""
    if not isinstance(value, dict):
        raise BadParamsError(f"{name}: expected an object, got {_show(value)}")
    return value


def optional(value: Json, parse: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a parameter means, None where it is left out. Raises: as `parse`."""
    return None if value is None else parse(value, *arguments)


class Params:
    """The parameters of a request, by position."""

    def __init__(self, values: list[Json]) -> None:
        self._values = values

    def get(self, index: int) -> Json:
        """Return a parameter, None where it is left out."""
        return self._values[index] if index < len(self._values) else None

    def need(self, index: int, name: str) -> Json:
        """Return a parameter. Raises: BadParamsError when it is left out."""
        value = self.get(index)
        if value is None:
            raise BadParamsError(f"missing parameter {index}: {name}")
        return value

    def address(self, index: int) -> bytes:
        """Return a parameter that is an address. Shape: 20 bytes. Raises: BadParamsError."""
        return parse_data(self.need(index, "address"), "address", 20)

    def hash(self, index: int) -> bytes:
        """Return a parameter that is a hash. Shape: 32 bytes. Raises: BadParamsError."""
        return parse_data(self.need(index, "hash"), "hash", 32)


Method = Callable[[Params], Json]


def show_log(log: Log) -> Json:
    """Return a log as JSON-RPC has it."""
    return {
        "address": to_checksum_address(log.address),
        "topics": [data(topic) for topic in log.topics],
        "data": data(log.data),
        "blockNumber": quantity(log.block_number),
        "blockHash": data(log.block_hash),
        "blockTimestamp": quantity(log.block_timestamp),
        "transactionHash": data(log.transaction_hash),
        "transactionIndex": quantity(log.transaction_index),
        "logIndex": quantity(log.log_index),
        "removed": False,
    }


def show_receipt(block: Block, receipt: Receipt) -> Json:
    """Return a receipt as JSON-RPC has it."""
    return {
        "type": quantity(receipt.transaction_type),
        "status": quantity(receipt.status),
        "transactionHash": data(receipt.transaction_hash),
        "transactionIndex": quantity(receipt.transaction_index),
        "blockHash": data(block.hash),
        "blockNumber": quantity(block.number),
        "from": to_checksum_address(receipt.sender),
        "to": _address(receipt.to),
        "contractAddress": _address(receipt.contract_address),
        "gasUsed": quantity(receipt.gas_used),
        "cumulativeGasUsed": quantity(receipt.cumulative_gas_used),
        "effectiveGasPrice": quantity(receipt.effective_gas_price_wei),
        "logsBloom": data(receipt.bloom.to_bytes(256, "big")),
        "logs": [show_log(log) for log in receipt.logs],
    }


def show_transaction(transaction: Transaction, block: Block | None, index: int | None, chain_id: int) -> Json:
    """Return a transaction as JSON-RPC has it; one that waits has no block."""
    base_fee = block.header.base_fee_wei if block else 0
    shown: dict[str, Json] = {
        "type": quantity(transaction.type),
        "hash": data(transaction.hash),
        "nonce": quantity(transaction.nonce),
        "blockHash": data(block.hash) if block else None,
        "blockNumber": quantity(block.number) if block else None,
        "transactionIndex": None if index is None else quantity(index),
        "from": to_checksum_address(transaction.sender),
        "to": _address(transaction.to),
        "value": quantity(transaction.value_wei),
        "gas": quantity(transaction.gas),
        "gasPrice": quantity(transaction.price_wei(base_fee) if block else transaction.max_fee_wei),
        "input": data(transaction.data),
        "chainId": quantity(chain_id),
        "v": quantity(transaction.y_parity),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
    }
    if transaction.type:
        shown["yParity"] = quantity(transaction.y_parity)
        shown["accessList"] = [
            {
                "address": to_checksum_address(address),
                "storageKeys": [data(slot.to_bytes(32, "big")) for slot in slots],
            }
            for address, slots in transaction.access_list
        ]
    else:
        shown["v"] = quantity(chain_id * 2 + 35 + transaction.y_parity)
    if transaction.type >= 2:
        shown["maxFeePerGas"] = quantity(transaction.max_fee_wei)
        shown["maxPriorityFeePerGas"] = quantity(transaction.priority_fee_wei)
    return shown


def show_block(block: Block, full: bool, chain_id: int) -> Json:
    """Return a block as JSON-RPC has it, its transactions as hashes unless they are wanted in full."""
    header = block.header
    return {
        "number": quantity(header.number),
        "hash": data(block.hash),
        "parentHash": data(header.parent_hash),
        "timestamp": quantity(header.timestamp),
        "miner": to_checksum_address(header.coinbase),
        "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transactions_root),
        "receiptsRoot": data(header.receipts_root),
        "logsBloom": data(header.bloom.to_bytes(256, "big")),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "baseFeePerGas": quantity(header.base_fee_wei),
        "extraData": data(header.extra_data),
        "mixHash": data(header.parent_hash),
        "nonce": data(bytes(8)),
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "sha3Uncles": data(EMPTY_UNCLES),
        "uncles": [],
        "withdrawals": [],
        "withdrawalsRoot": data(EMPTY_TRIE),
        "blobGasUsed": "0x0",
        "excessBlobGas": "0x0",
        "parentBeaconBlockRoot": data(ZERO_HASH),
        "requestsHash": data(EMPTY_REQUESTS),
        "size": quantity(600 + sum(len(transaction.raw) for transaction in block.transactions)),
        "transactions": [
            show_transaction(transaction, block, index, chain_id) if full else data(transaction.hash)
            for index, transaction in enumerate(block.transactions)
        ],
    }


def _address(address: bytes | None) -> str | None:
    return None if address is None else to_checksum_address(address)


def _show(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
