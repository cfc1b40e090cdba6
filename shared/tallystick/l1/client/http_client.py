"""Reading and writing L1: a thin, typed layer over web3's HTTP provider.

It speaks JSON-RPC itself and skips web3's formatters, which cost ten times the request. A request
is repeated only when no answer came; what the node refuses is raised at once.
"""

from collections.abc import Callable, Sequence
from typing import Any

import requests
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from tallystick.errors import L1Error, L1Reverted, L1Unreachable
from tallystick.l1.abi import Named, contract_abi, decode_revert
from tallystick.l1.client.access import Claim, Contract
from tallystick.l1.client.values import BlockRef, BlockTag, RawLog, Receipt
from tallystick.ports import Clock
from tallystick.shapes.nesting import is_shallow
from tallystick.state.ordinals import BlockNumber, UnixSeconds
from tallystick.urls import parts_of, shown, without_secrets

DEFAULT_TIMEOUT_SECONDS = 20.0
DEFAULT_RETRIES = 4
FIRST_PAUSE_SECONDS = 0.1
LOG_RANGE_BLOCKS = 5_000
CALLS_A_REQUEST = 200
RETRIED_STATUS = (429, 502, 503, 504)
REVERTED = 3


class L1Client:
    """Asks one endpoint over JSON-RPC and takes it at its word. Raises: L1Unreachable, L1Reverted, L1Error."""

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        retries: int = DEFAULT_RETRIES,
        clock: Clock,
    ) -> None:
        parts = parts_of(url, "an L1 endpoint", "http://host:port; several one by one: --rpc URL --rpc URL")
        self.url = url
        self.endpoint = shown(parts)
        self._retries = retries
        self._clock = clock
        self._provider = HTTPProvider(
            url,
            request_kwargs={"timeout": timeout_seconds},
            exception_retry_configuration=None,
        )
        self._provider.decode_rpc_response = _shallow

    def request(self, method: str, *params: Any) -> Any:
        """The result of a JSON-RPC call.

        Raises: L1Unreachable when no answer came, L1Reverted when a contract refused, L1Error for
        any other refusal.
        """
        response = self._answer(method, lambda: self._provider.make_request(RPCEndpoint(method), list(params)))
        if "error" in response and response["error"] is not None:
            raise self._refusal(method, response["error"])
        return response.get("result")

    def request_many(self, method: str, params: Sequence[Sequence[Any]]) -> list[Any]:
        """The results of several calls of one method, in one request where the endpoint takes batches.

        Raises: as `request`.
        """
        calls = [(RPCEndpoint(method), list(each)) for each in params]
        response = self._answer(method, lambda: self._provider.make_batch_request(calls)) if len(calls) > 1 else {}
        if not isinstance(response, list):
            return [self.request(method, *each) for each in params]
        for each in response:
            if each.get("error") is not None:
                raise self._refusal(method, each["error"])
        if len(response) != len(calls):
            raise L1Error("an answer to another number of calls", method=method, endpoint=self.endpoint)
        return [each.get("result") for each in response]

    def _answer(self, method: str, post: Callable[[], Any]) -> Any:
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(self._retries + 1):
            try:
                return post()
            except (requests.RequestException, ValueError) as error:
                if attempt == self._retries or not _worth_retrying(error):
                    raise L1Unreachable(
                        f"no answer from L1: {type(error).__name__}",
                        hint="is the endpoint up, and is it a JSON-RPC endpoint?",
                        method=method,
                        endpoint=self.endpoint,
                    ) from error
            self._clock.sleep(pause)
            pause *= 2
        raise AssertionError

    def pause(self) -> None:
        """Waits a moment before the endpoint is asked the same again."""
        self._clock.sleep(FIRST_PAUSE_SECONDS)

    # Blocks

    def chain_id(self) -> int:
        """Return the chain's number."""
        return _int(self.request("eth_chainId"))

    def head(self, tag: str = "latest") -> BlockRef:
        """The newest block, or the newest "safe" or "finalized" one."""
        block = self.block(tag)
        if block is None:
            raise L1Error("the endpoint has no such block", tag=tag, endpoint=self.endpoint)
        return block

    def block(self, tag: BlockTag) -> BlockRef | None:
        """Return the block of a height, a hash or a tag, None where there is none."""
        if isinstance(tag, bytes):
            found = self.request("eth_getBlockByHash", _hex(tag), False)
        else:
            found = self.request("eth_getBlockByNumber", _tag(tag), False)
        if found is None:
            return None
        return BlockRef(
            number=BlockNumber(_int(found["number"])),
            hash=_bytes(found["hash"]),
            parent_hash=_bytes(found["parentHash"]),
            timestamp=UnixSeconds(_int(found["timestamp"])),
            base_fee_wei=_int(found.get("baseFeePerGas", "0x0")),
        )

    def raw_block(self, number: int) -> tuple[Any, list[Any]] | None:
        """A block's header and its receipts as the endpoint gives them; None where it does not."""
        try:
            found = self.request("eth_getBlockByNumber", hex(number), False)
            receipts = self.request("eth_getBlockReceipts", hex(number))
        except L1Error:
            return None
        return None if found is None or receipts is None else (found, receipts)

    def logs(
        self,
        addresses: bytes | Sequence[bytes],
        first_block: BlockNumber,
        last_block: BlockNumber,
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
    ) -> list[RawLog]:
        """The logs of the contracts in a range of blocks, both ends included, in chain order.

        Long ranges are asked for in pieces, and in ever shorter ones where the endpoint refuses.
        """
        wanted = [addresses] if isinstance(addresses, bytes) else list(addresses)
        query: dict[str, Any] = {"address": [to_checksum_address(address) for address in wanted]}
        if topics:
            query["topics"] = [
                None if t is None else _hex(t) if isinstance(t, bytes) else [_hex(one) for one in t] for t in topics
            ]
        found: list[RawLog] = []
        at, step = first_block, LOG_RANGE_BLOCKS
        while at <= last_block:
            end = min(at + step - 1, last_block)
            try:
                raw = self.request("eth_getLogs", query | {"fromBlock": hex(at), "toBlock": hex(end)})
            except L1Error as error:
                if isinstance(error, L1Unreachable) or end == at:
                    raise
                step = (end - at + 1) // 2
                continue
            found.extend(map(_log, raw))
            at = BlockNumber(end + 1)
        return found

    def claim(self) -> Claim | None:
        """Whoever tells the past unproven, to be checked by what the contracts commit to; None where nobody is doubted."""
        return None

    # Accounts and calls

    def balance_wei(self, address: bytes, block: BlockTag = "latest") -> int:
        """Return what an address holds after a block. Units: wei."""
        return _int(self.request("eth_getBalance", to_checksum_address(address), _tag(block)))

    def nonce(self, address: bytes, block: BlockTag = "latest") -> int:
        """Return how many transactions an address has sent."""
        return _int(self.request("eth_getTransactionCount", to_checksum_address(address), _tag(block)))

    def code(self, address: bytes, block: BlockTag = "latest") -> bytes:
        """Return an address's runtime code, empty where there is none."""
        return _bytes(self.request("eth_getCode", to_checksum_address(address), _tag(block)))

    def code_hash(self, address: bytes) -> bytes:
        """Keccak of the runtime code, of nothing where there is none."""
        return keccak(self.code(address))

    def call(
        self,
        to: bytes,
        data: bytes,
        *,
        block: BlockTag = "latest",
        sender: bytes | None = None,
        value_wei: int = 0,
        gas: int | None = None,
    ) -> bytes:
        """What the contract returns to a call without a transaction."""
        message = _message(to, data, sender, value_wei) | ({"gas": hex(gas)} if gas else {})
        return _bytes(self.request("eth_call", message, _tag(block)))

    def call_many(self, calls: Sequence[tuple[bytes, bytes]], *, block: BlockTag = "latest") -> list[bytes]:
        """What contracts return to many calls, each an address and its data, at one block."""
        results: list[bytes] = []
        for at in range(0, len(calls), CALLS_A_REQUEST):
            part = [(_message(to, data, None, 0), _tag(block)) for to, data in calls[at : at + CALLS_A_REQUEST]]
            results += map(_bytes, self.request_many("eth_call", part))
        return results

    def estimate_gas(self, to: bytes | None, data: bytes, *, sender: bytes, value_wei: int = 0) -> int:
        """Gas with which the transaction would succeed in the next block.

        What waits for that block counts only where nothing else helps: a transaction that somebody sent with the same
        effect would make this one look cheap, and may never be mined.
        """
        message = _message(to, data, sender, value_wei)
        try:
            return _int(self.request("eth_estimateGas", message, "latest"))
        except L1Reverted:
            return _int(self.request("eth_estimateGas", message, "pending"))

    def contract(self, name: str, address: bytes) -> Contract:
        """A compiled contract at an address."""
        return Contract(client=self, abi=contract_abi(name), address=address)

    # Transactions

    def tip_wei(self) -> int:
        """The priority fee the endpoint suggests."""
        return _int(self.request("eth_maxPriorityFeePerGas"))

    def send_raw(self, raw: bytes) -> bytes:
        """Hands a signed transaction to the endpoint; its hash."""
        return _bytes(self.request("eth_sendRawTransaction", _hex(raw)))

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return what a transaction did, None while it is in no block."""
        found = self.request("eth_getTransactionReceipt", _hex(transaction_hash))
        if found is None or found.get("blockNumber") is None:
            return None
        created = found.get("contractAddress")
        return Receipt(
            transaction_hash=_bytes(found["transactionHash"]),
            block_number=BlockNumber(_int(found["blockNumber"])),
            block_hash=_bytes(found["blockHash"]),
            succeeded=_int(found["status"]) == 1,
            gas_used=_int(found["gasUsed"]),
            price_wei=_int(found["effectiveGasPrice"]),
            contract_address=_bytes(created) if created else None,
            logs=tuple(map(_log, found["logs"])),
        )

    def transaction_input(self, transaction_hash: bytes) -> bytes | None:
        """The calldata of a transaction, mined or waiting; None where the endpoint does not know it."""
        found = self.request("eth_getTransactionByHash", _hex(transaction_hash))
        return None if found is None else _bytes(found["input"])

    def _refusal(self, method: str, error: Any) -> L1Error:
        message, code, data = _error_parts(error)
        # some endpoints put the URL they were asked at into what they say
        message = without_secrets(message)
        if code != REVERTED and not data and "revert" not in message.lower():
            return L1Error(f"L1 refused: {message}", method=method, endpoint=self.endpoint, code=code)
        reason = decode_revert(data) if data else Named(name="Error", args={"message": message})
        return L1Reverted(
            f"reverted: {reason}",
            method=method,
            endpoint=self.endpoint,
            error=reason.name,
            args=dict(reason.args),
        )


def _shallow(raw_response: bytes) -> Any:
    """What a node answered, read as web3 reads it, but for what is nested without end: that would end the process."""
    if not is_shallow(raw_response):
        raise ValueError("the brackets of an answer are nested too deep, or not closed")
    return HTTPProvider.decode_rpc_response(raw_response)


def _worth_retrying(error: Exception) -> bool:
    if isinstance(error, requests.HTTPError):
        return error.response is not None and error.response.status_code in RETRIED_STATUS
    return isinstance(error, requests.ConnectionError | requests.Timeout)


def _error_parts(error: Any) -> tuple[str, int, bytes]:
    """Message, code and revert data of an error, in any of the shapes nodes give it."""
    if not isinstance(error, dict):
        return str(error), 0, b""
    data = error.get("data")
    if isinstance(data, dict):
        data = data.get("data")
    revert = b""
    if isinstance(data, str) and "0x" in data:
        try:
            revert = bytes.fromhex(data[data.index("0x") + 2 :])
        except ValueError:
            revert = b""
    return str(error.get("message", "no reason given")), int(error.get("code", 0)), revert


def _message(to: bytes | None, data: bytes, sender: bytes | None, value_wei: int) -> dict[str, str]:
    message = {"input": _hex(data)}
    if to is not None:
        message["to"] = to_checksum_address(to)
    if sender is not None:
        message["from"] = to_checksum_address(sender)
    if value_wei:
        message["value"] = hex(value_wei)
    return message


def _log(found: Any) -> RawLog:
    return RawLog(
        address=_bytes(found["address"]),
        topics=tuple(_bytes(topic) for topic in found["topics"]),
        data=_bytes(found["data"]),
        block_number=BlockNumber(_int(found["blockNumber"])),
        block_hash=_bytes(found["blockHash"]),
        transaction_hash=_bytes(found["transactionHash"]),
        log_index=_int(found["logIndex"]),
    )


def _tag(tag: BlockTag) -> Any:
    if isinstance(tag, bytes):
        return {"blockHash": _hex(tag)}
    return hex(tag) if isinstance(tag, int) else tag


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value[2:])


def _int(value: str) -> int:
    return int(value, 16)
