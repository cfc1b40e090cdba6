"""The development chain's JSON-RPC methods, without the transport: requests in, responses out, never an exception."""

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from eth_hash.auto import keccak

from tallystick import __version__
from tallystick.l1.dev import wire
from tallystick.l1.dev.blocks import ZERO_ADDRESS, Block, next_base_fee_wei
from tallystick.l1.dev.devchain import DevChain
from tallystick.l1.dev.evm import Call, Outcome
from tallystick.l1.dev.logindex import LogFilter
from tallystick.l1.dev.rpcdev import development_methods
from tallystick.l1.dev.wire import (
    BadParamsError,
    Json,
    Method,
    Params,
    data,
    optional,
    parse_data,
    parse_object,
    parse_quantity,
    quantity,
)
from tallystick.state.ordinals import BlockNumber

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
REVERTED = 3

MAX_BATCH = 1_000
MAX_NESTING = 64
MAX_LOGS = 100_000
MAX_FEE_HISTORY = 1_024
SUGGESTED_TIP_WEI = 10**9
ERROR_SELECTOR = keccak(b"Error(string)")[:4]


class RpcError(Exception):
    """An error that the caller gets to see."""

    def __init__(self, code: int, message: str, data: Json = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Rpc:
    """One chain, entered by one caller at a time: `alone` sees to it.

    `faucet(address, wei)` returns a signed transaction that sends from the faucet.
    """

    def __init__(
        self, chain: DevChain, faucet: Callable[[bytes, int], bytes], alone: AbstractContextManager[object]
    ) -> None:
        self.chain = chain
        self.alone = alone
        self._methods = self._table() | development_methods(chain, faucet)

    def handle(self, body: bytes) -> bytes | None:
        """The response to a request or a batch; None when nothing in it wants one."""
        try:
            _check_nesting(body)
            request = json.loads(body)
        except ValueError as error:
            return _encode(_failure(None, RpcError(PARSE_ERROR, f"parse error: {error}")))
        if isinstance(request, list):
            if not 1 <= len(request) <= MAX_BATCH:
                return _encode(_failure(None, RpcError(INVALID_REQUEST, f"a batch has 1 to {MAX_BATCH} requests")))
            answers = [answer for answer in map(self._answer, request) if answer is not None]
            return _encode(answers) if answers else None
        answer = self._answer(request)
        return None if answer is None else _encode(answer)

    def _answer(self, request: Json) -> Json:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _failure(None, RpcError(INVALID_REQUEST, "a request is an object with a method"))
        call_id = request.get("id")
        params = request.get("params", [])
        try:
            if not isinstance(params, list):
                raise RpcError(INVALID_PARAMS, "params must be an array")
            result = self._call(request["method"], params)
        except RpcError as error:
            return _failure(call_id, error)
        return None if "id" not in request else {"jsonrpc": "2.0", "id": call_id, "result": result}

    def _call(self, method: str, params: list[Json]) -> Json:
        function = self._methods.get(method)
        if function is None:
            raise RpcError(METHOD_NOT_FOUND, f"the method {method} does not exist")
        try:
            with self.alone:
                return function(Params(params))
        except BadParamsError as error:
            raise RpcError(INVALID_PARAMS, f"{method}: {error}") from error
        except ValueError as error:
            raise RpcError(SERVER_ERROR, str(error)) from error
        except RpcError:
            raise
        except Exception as error:
            # the server's boundary: a fault is answered, it does not take the chain down
            raise RpcError(INTERNAL_ERROR, f"{method}: {type(error).__name__}: {error}") from error

    def _table(self) -> dict[str, Method]:
        chain = self.chain
        config = chain.config
        return {
            "web3_clientVersion": lambda _: f"tallystick-l1/{__version__}",
            "web3_sha3": lambda p: data(keccak(parse_data(p.need(0, "data"), "data"))),
            "net_version": lambda _: str(config.chain_id),
            "net_listening": lambda _: True,
            "eth_chainId": lambda _: quantity(config.chain_id),
            "eth_syncing": lambda _: False,
            "eth_mining": lambda _: False,
            "eth_accounts": lambda _: [],
            "eth_blockNumber": lambda _: quantity(chain.head.number),
            "eth_gasPrice": lambda _: quantity(next_base_fee_wei(chain.head.header) + SUGGESTED_TIP_WEI),
            "eth_maxPriorityFeePerGas": lambda _: quantity(SUGGESTED_TIP_WEI),
            "eth_blobBaseFee": lambda _: "0x1",
            "eth_feeHistory": self._fee_history,
            "eth_getBalance": lambda p: quantity(self._account(p, 1).get_balance(p.address(0))),
            "eth_getCode": lambda p: data(self._account(p, 1).get_code(p.address(0))),
            "eth_getStorageAt": self._storage,
            "eth_getTransactionCount": self._transaction_count,
            "eth_getBlockByNumber": lambda p: self._show_block(self._block(p.need(0, "block")), p.get(1)),
            "eth_getBlockByHash": lambda p: self._show_block(chain.block_of_hash(p.hash(0)), p.get(1)),
            "eth_getBlockTransactionCountByNumber": self._count_in_block,
            "eth_getBlockReceipts": self._block_receipts,
            "eth_getTransactionByHash": self._transaction,
            "eth_getRawTransactionByHash": self._raw_transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getLogs": self._logs,
            "eth_call": self._eth_call,
            "eth_estimateGas": self._estimate,
            "eth_sendRawTransaction": lambda p: data(chain.submit(parse_data(p.need(0, "transaction"), "transaction"))),
        }

    # Blocks and accounts

    def _block(self, tag: Json) -> Block | None:
        """The block a tag, a number or an EIP-1898 object means; "pending" is the head."""
        if tag is None or tag in ("latest", "safe", "finalized", "pending"):
            return self.chain.head
        if tag == "earliest":
            return self.chain.block(0)
        if isinstance(tag, dict):
            if "blockHash" in tag:
                return self.chain.block_of_hash(parse_data(tag["blockHash"], "blockHash", 32))
            tag = tag.get("blockNumber")
        return self.chain.block(parse_quantity(tag, "block"))

    def _known_block(self, tag: Json) -> Block:
        block = self._block(tag)
        if block is None:
            raise RpcError(SERVER_ERROR, "header not found")
        return block

    def _account(self, p: Params, tag_at: int) -> Any:
        return self.chain.state(self._known_block(p.get(tag_at)))

    def _show_block(self, block: Block | None, full: Json) -> Json:
        return None if block is None else wire.show_block(block, full is True, self.chain.config.chain_id)

    def _count_in_block(self, p: Params) -> Json:
        block = self._block(p.need(0, "block"))
        return None if block is None else quantity(len(block.transactions))

    def _block_receipts(self, p: Params) -> Json:
        block = self._block(p.need(0, "block"))
        return None if block is None else [wire.show_receipt(block, receipt) for receipt in block.receipts]

    def _storage(self, p: Params) -> Json:
        slot = parse_quantity(p.need(1, "slot"), "slot")
        return data(self._account(p, 2).get_storage(p.address(0), slot).to_bytes(32, "big"))

    def _transaction_count(self, p: Params) -> Json:
        if p.get(1) == "pending":
            return quantity(self.chain.pending_nonce(p.address(0)))
        return quantity(self._account(p, 1).get_nonce(p.address(0)))

    def _fee_history(self, p: Params) -> Json:
        count = min(parse_quantity(p.need(0, "blockCount"), "blockCount"), MAX_FEE_HISTORY)
        newest = self._known_block(p.get(1))
        percentiles = p.get(2) or []
        first = max(0, newest.number - count + 1)
        headers = [block.header for at in range(first, newest.number + 1) if (block := self.chain.block(at))]
        return {
            "oldestBlock": quantity(first),
            "baseFeePerGas": [quantity(h.base_fee_wei) for h in headers] + [quantity(next_base_fee_wei(newest.header))],
            "gasUsedRatio": [h.gas_used / h.gas_limit for h in headers],
            "reward": [[quantity(SUGGESTED_TIP_WEI)] * len(percentiles) for _ in headers] if percentiles else None,
        }

    # Transactions and logs

    def _transaction(self, p: Params) -> Json:
        chain_id = self.chain.config.chain_id
        place = self.chain.find_transaction(p.hash(0))
        if place is None:
            waiting = self.chain.pool.get(p.hash(0))
            return None if waiting is None else wire.show_transaction(waiting, None, None, chain_id)
        block, index = place
        return wire.show_transaction(block.transactions[index], block, index, chain_id)

    def _raw_transaction(self, p: Params) -> Json:
        place = self.chain.find_transaction(p.hash(0))
        found = self.chain.pool.get(p.hash(0)) if place is None else place[0].transactions[place[1]]
        return None if found is None else wire.data(found.raw)

    def _receipt(self, p: Params) -> Json:
        place = self.chain.find_transaction(p.hash(0))
        return None if place is None else wire.show_receipt(place[0], place[0].receipts[place[1]])

    def _logs(self, p: Params) -> Json:
        wanted = parse_object(p.need(0, "filter"), "filter")
        if "blockHash" in wanted:
            block = self._known_block({"blockHash": wanted["blockHash"]})
            first = last = block.number
        else:
            first = self._range_end(wanted.get("fromBlock"))
            last = self._range_end(wanted.get("toBlock"))
        if first > last:
            raise RpcError(INVALID_PARAMS, f"invalid block range: {first} to {last}")
        found = self.chain.find_logs(
            LogFilter(
                first_block=BlockNumber(first),
                last_block=BlockNumber(last),
                addresses=_addresses(wanted.get("address")),
                topics=_topics(wanted.get("topics")),
            )
        )
        if len(found) > MAX_LOGS:
            raise RpcError(-32005, f"query returns more than {MAX_LOGS} results")
        return [wire.show_log(log) for log in found]

    def _range_end(self, tag: Json) -> int:
        """A number may lie above the head here."""
        if isinstance(tag, int) or (isinstance(tag, str) and tag.startswith("0x")):
            return parse_quantity(tag, "block")
        return self._known_block(tag).number

    # Execution

    def _message(self, p: Params) -> Call:
        message = parse_object(p.need(0, "transaction"), "transaction")
        cap = min(self.chain.config.transaction_gas_cap, self.chain.config.block_gas_limit)
        given = message.get("input", message.get("data"))
        return Call(
            sender=optional(message.get("from"), parse_data, "from", 20) or ZERO_ADDRESS,
            to=optional(message.get("to") or None, parse_data, "to", 20),
            data=optional(given, parse_data, "data") or b"",
            value_wei=optional(message.get("value"), parse_quantity, "value") or 0,
            gas=min(
                optional(message.get("gas"), parse_quantity, "gas") or cap,
                self.chain.config.block_gas_limit,
            ),
        )

    def _context_block(self, tag: Json) -> Block | None:
        return None if tag == "pending" else self._known_block(tag)

    def _eth_call(self, p: Params) -> Json:
        outcome = self.chain.call(self._message(p), self._context_block(p.get(1)))
        _raise_if_failed(outcome)
        return data(outcome.output)

    def _estimate(self, p: Params) -> Json:
        tag = p.get(1) or "pending"  # the transaction will be in the next block, and sees its number and time
        gas, outcome = self.chain.estimate(self._message(p), self._context_block(tag))
        _raise_if_failed(outcome)
        return quantity(gas)


def _check_nesting(body: bytes) -> None:
    """py-evm lifts Python's recursion limit so far that a deeply nested text would end the process."""
    depth = 0
    for bracket in re.finditer(rb"[][{}]", body):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_NESTING:
            raise ValueError("nested too deeply")


def _addresses(value: Json) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    values = value if isinstance(value, list) else [value]
    return frozenset(parse_data(address, "address", 20) for address in values)


def _topics(value: Json) -> tuple[frozenset[bytes] | None, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > 4:
        raise BadParamsError("topics: expected an array of at most 4")
    wanted: list[frozenset[bytes] | None] = []
    for option in value:
        options = option if isinstance(option, list) else [option]
        matches_all = option is None or not options or None in options
        wanted.append(None if matches_all else frozenset(parse_data(topic, "topic", 32) for topic in options))
    while wanted and wanted[-1] is None and not value[len(wanted) - 1]:
        wanted.pop()
    return tuple(wanted)


def _raise_if_failed(outcome: Outcome) -> None:
    if outcome.error is None:
        return
    if not outcome.reverted:
        raise RpcError(SERVER_ERROR, outcome.error)
    message = outcome.error
    if outcome.output[:4] == ERROR_SELECTOR and len(outcome.output) >= 68:
        size = int.from_bytes(outcome.output[36:68], "big")
        message += ": " + outcome.output[68 : 68 + size].decode(errors="replace")
    raise RpcError(REVERTED, message, data(outcome.output))


def _failure(call_id: Json, error: RpcError) -> Json:
    shown: dict[str, Json] = {"code": error.code, "message": error.message}
    if error.data is not None:
        shown["data"] = error.data
    return {"jsonrpc": "2.0", "id": call_id, "error": shown}


def _encode(answer: Json) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()
