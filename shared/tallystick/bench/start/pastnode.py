"""An endpoint that serves a long, busy past made up from numbers: headers, logs, and what the contracts commit to.

Every header hashes to its hash and names its parent, and its bloom rules nothing out, as on a full chain. Batches,
messages and assertions come at even distances.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from eth_abi.abi import decode, encode

from tallystick.l1.abi import Entry, contract_abi
from tallystick.l1.dev import wire
from tallystick.l1.dev.blocks import Block, Header, Log, header_hash
from tallystick.records.chunks import BatchHeader, chunks_hash
from tallystick.rollup.genesis import Genesis, genesis_state
from tallystick.rollup.views.assertion_view import assertion_id
from tallystick.state.hashing import keccak
from tallystick.state.layout import REGISTERS_BYTES
from tallystick.state.ordinals import BlockNumber, UnixSeconds

PLACES: Final = {name: bytes([0xA0 + at]) * 20 for at, name in enumerate(("Inbox", "Vault", "Rollup", "Challenge"))}
CHAIN_ID: Final = 1
GENESIS_BLOCK: Final = 1
FULL_BLOOM: Final = (1 << 2048) - 1
BATCH_EVERY_BLOCKS: Final = 25
MESSAGE_EVERY_BLOCKS: Final = 10
PERIOD_BLOCKS: Final = 50_400
CHUNK_BYTES: Final = 600
REGISTERS: Final = bytes(REGISTERS_BYTES)
GENESIS: Final = Genesis(
    chain_id=CHAIN_ID,
    rollup=PLACES["Rollup"],
    governance=bytes(20),
    quorum=3,
    signers=tuple(bytes([at]) * 20 for at in range(3)),
)
FIRST: Final = genesis_state(GENESIS).hash()


@dataclass(frozen=True, slots=True)
class Said:
    """One log before it is encoded."""

    contract: str
    event: str
    topics: tuple[bytes, ...]
    values: tuple[Any, ...]


class Past:
    """The chain's content, by block. `blocks` is its length."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self.hashes = bytearray(32)
        for number in range(1, blocks):
            self.hashes += header_hash(self.header(number))
        self.messages = (blocks - 1) // MESSAGE_EVERY_BLOCKS
        self.batches = (blocks - 1) // BATCH_EVERY_BLOCKS
        self.accumulators = [bytes(32)]
        for index in range(self.messages):
            self.accumulators.append(keccak(self.accumulators[-1] + keccak(self.message(index))))
        self.assertions = [assertion_id(bytes(32), self.state_hash(0))]
        for index in range(1, self.batches):
            self.assertions.append(assertion_id(self.assertions[-1], self.state_hash(index)))
        self.places = {id_: at for at, id_ in enumerate(self.assertions)}
        self.abis = {name: contract_abi(name) for name in PLACES}
        self.entries = {
            (PLACES[name], entry.digest[:4]): entry for name, abi in self.abis.items() for entry in abi.functions()
        }

    def hash(self, number: int) -> bytes:
        """Return a block's hash."""
        return bytes(self.hashes[32 * number : 32 * number + 32])

    def header(self, number: int) -> Header:
        """Return a block's header; the hash of the one before is known."""
        root = number.to_bytes(32, "big")
        return Header(
            number=number,
            parent_hash=self.hash(number - 1),
            timestamp=UnixSeconds(1_700_000_000 + 12 * number),
            coinbase=bytes(20),
            state_root=root,
            transactions_root=root,
            receipts_root=root,
            bloom=FULL_BLOOM,
            gas_limit=60_000_000,
            gas_used=30_000_000,
            base_fee_wei=10**9,
            extra_data=b"",
        )

    def message(self, index: int) -> bytes:
        """Return a deposit message."""
        return b"\1" + bytes(20) + index.to_bytes(8, "big") + bytes(8) + (1_700_000_000 + index).to_bytes(8, "big")

    def chunk(self, index: int) -> bytes:
        """Return the one chunk of a batch."""
        return keccak(index.to_bytes(8, "big")) * (CHUNK_BYTES // 32)

    def batch(self, index: int) -> BatchHeader:
        """Return a batch's header."""
        time = 1_700_000_000 + 12 * BATCH_EVERY_BLOCKS * (index + 1)
        return BatchHeader(
            time=UnixSeconds(time),
            until=UnixSeconds(time),
            message_limit=min(self.messages, BATCH_EVERY_BLOCKS * index // MESSAGE_EVERY_BLOCKS),
            source=0,
            poster=bytes(20),
            chunk_count=1,
            chunks_hash=chunks_hash([self.chunk(index)]),
        )

    def state_hash(self, index: int) -> bytes:
        """Return the state an assertion claims."""
        return keccak(index.to_bytes(32, "big") + keccak(REGISTERS)) if index else FIRST

    def posted(self, index: int) -> int:
        """Return the block of an assertion; number 0 is the genesis."""
        return BATCH_EVERY_BLOCKS * (index + 1) if index else GENESIS_BLOCK

    @property
    def confirmed(self) -> int:
        """The number of the latest confirmed assertion."""
        return max(0, (self.blocks - 1 - PERIOD_BLOCKS) // BATCH_EVERY_BLOCKS - 1)

    def said(self, number: int) -> Iterator[Said]:
        """Return what the contracts log in a block."""
        if number == GENESIS_BLOCK:
            yield Said("Rollup", "Genesis", (self.assertions[0],), (FIRST, 1, GENESIS.encode()))
        if number % MESSAGE_EVERY_BLOCKS == 0:
            index = number // MESSAGE_EVERY_BLOCKS - 1
            if index < self.messages:
                place = index.to_bytes(32, "big")
                yield Said("Inbox", "MessageQueued", (place,), (self.message(index), self.accumulators[index + 1]))
        if number % BATCH_EVERY_BLOCKS:
            return
        index = number // BATCH_EVERY_BLOCKS - 1
        if index >= self.batches:
            return
        place = index.to_bytes(32, "big")
        yield Said("Inbox", "ChunkPosted", (place, bytes(32)), (self.chunk(index),))
        batch = self.batch(index)
        facts = (batch.time, batch.until, batch.message_limit, 0, 1, batch.chunks_hash, bytes(20))
        yield Said("Inbox", "BatchPosted", (place,), facts)
        if index >= 1:
            id_, parent = self.assertions[index], self.assertions[index - 1]
            root = index.to_bytes(32, "big")
            claim = (self.state_hash(index), root, index, index + 1, bytes(20), REGISTERS)
            yield Said("Rollup", "AssertionPosted", (id_, parent), claim)
        past = (number - PERIOD_BLOCKS) // BATCH_EVERY_BLOCKS - 1
        if 1 <= past <= self.confirmed:
            yield Said("Rollup", "AssertionConfirmed", (self.assertions[past],), (self.state_hash(past),))

    def answer(self, contract: str, function: str, arguments: tuple[Any, ...]) -> Any:
        """Return what a contract holds."""
        match function:
            case "messageCount":
                return self.messages
            case "batchCount":
                return self.batches
            case "messageAccumulator":
                return self.accumulators[arguments[0]]
            case "batchHash":
                return keccak(self.batch(arguments[0]).pack())
            case "latestConfirmed":
                return self.assertions[self.confirmed]
            case "assertion":
                return self._assertion(self.places[arguments[0]])
            case "configHash":
                return bytes(32)
            case _:
                raise LookupError(f"{contract}.{function}")

    def _assertion(self, index: int) -> tuple[Any, ...]:
        child = index + 1 < self.batches
        confirmed = self.assertions[index + 1] if index + 1 <= self.confirmed else bytes(32)
        return (
            self.assertions[index - 1] if index else bytes(32),
            self.state_hash(index),
            "0x" + "00" * 20,
            index,
            2 if index <= self.confirmed else 1,
            index + 1,
            self.posted(index),
            self.posted(index + 1) if child else 0,
            0,
            int(child),
            confirmed,
        )


class PastNode:
    """Serves a past on this machine."""

    def __init__(self, past: Past) -> None:
        self.past = past
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                many = isinstance(request, list)
                answer = [node.answer(each) for each in request] if many else node.answer(request)
                body = json.dumps(answer, separators=(",", ":")).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the response to one call."""
        result = self._result(request["method"], request["params"])
        return {"jsonrpc": "2.0", "id": request["id"], "result": result}

    def _result(self, method: str, params: list[Any]) -> Any:
        match method:
            case "eth_chainId":
                return wire.quantity(CHAIN_ID)
            case "eth_getBlockByNumber":
                return self._block(params[0])
            case "eth_getLogs":
                first, last = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
                return [log for number in range(first, last + 1) for log in self._logs(number)]
            case "eth_call":
                return self._call(bytes.fromhex(params[0]["to"][2:]), bytes.fromhex(params[0]["input"][2:]))
            case _:
                raise LookupError(method)

    def _block(self, tag: str) -> Any:
        number = self.past.blocks - 1 if tag in ("latest", "safe", "finalized") else int(tag, 16)
        if not 0 < number < self.past.blocks:
            return None
        block = Block(header=self.past.header(number), hash=self.past.hash(number), transactions=(), receipts=())
        return wire.show_block(block, False, CHAIN_ID)

    def _logs(self, number: int) -> Iterator[Any]:
        for place, said in enumerate(self.past.said(number)):
            abi = self.past.abis[said.contract]
            entry = abi.event(said.event)
            types = [each.type for each in entry.inputs if not each.indexed]
            yield wire.show_log(
                Log(
                    address=PLACES[said.contract],
                    topics=(entry.digest, *said.topics),
                    data=encode(types, said.values),
                    block_number=BlockNumber(number),
                    block_hash=self.past.hash(number),
                    block_timestamp=UnixSeconds(0),
                    transaction_hash=bytes(32),
                    transaction_index=0,
                    log_index=place,
                )
            )

    def _call(self, to: bytes, data: bytes) -> str:
        entry: Entry = self.past.entries[to, data[:4]]
        contract = next(name for name, place in PLACES.items() if place == to)
        arguments = decode([each.type for each in entry.inputs], data[4:])
        value = self.past.answer(contract, entry.name, arguments)
        return wire.data(encode([each.type for each in entry.outputs], [value]))


def serve(blocks: int, tell: Any) -> None:
    """Serve a past of some blocks until the process ends; its URL goes through `tell`, a pipe's end."""
    node = PastNode(Past(blocks))
    tell.send(node.url)
    node.http.serve_forever()
