"""py-evm's Prague rules, used as a function: a state root, a block's context and a transaction in; an outcome out.

py-evm's own chain and eth-tester above it re-read and re-validate every block; the chain here keeps its
blocks itself and asks py-evm only to execute.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import rlp
from eth.db import get_db_backend
from eth.exceptions import PyEVMError, Revert
from eth.precompiles import point_evaluation
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague.state import PragueState
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth.vm.spoof import SpoofTransaction
from eth_hash.auto import keccak
from eth_typing import Address, Hash32
from eth_typing import BlockNumber as EthBlockNumber
from eth_utils.exceptions import ValidationError
from trie.hexary import HexaryTrie

from tallystick.blobs.kzg import share_setup
from tallystick.l1.dev.blocks import (
    EMPTY_TRIE,
    ZERO_ADDRESS,
    ZERO_HASH,
    Header,
    Log,
    Receipt,
    Transaction,
    bloom_of,
)
from tallystick.l1.dev.interpreter import State
from tallystick.state.ordinals import BlockNumber, UnixSeconds

share_setup(point_evaluation)

FLOOR_GAS_PER_TOKEN = 10
TOKENS_PER_NONZERO_BYTE = 4
TRANSACTION_GAS = 21_000
BLOCK_HASHES = 256
BLOB_TYPES = (3,)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockContext:
    """What a transaction can see of its block."""

    chain_id: int
    number: int
    timestamp: UnixSeconds
    base_fee_wei: int
    gas_limit: int
    coinbase: bytes
    randomness: bytes
    previous_hashes: Iterable[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A message executed without a signature and forgotten."""

    sender: bytes
    to: bytes | None
    data: bytes
    value_wei: int
    gas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What executing a transaction did. `error` is None on success, "execution reverted", or the EVM's fault."""

    gas_used: int
    gas_refunded: int
    output: bytes
    error: str | None
    reverted: bool
    contract_address: bytes | None
    logs: tuple[tuple[bytes, tuple[bytes, ...], bytes], ...]


def floor_gas(data: bytes) -> int:
    """The least a transaction with this calldata pays (EIP-7623)."""
    zeros = data.count(0)
    tokens = zeros + (len(data) - zeros) * TOKENS_PER_NONZERO_BYTE
    return TRANSACTION_GAS + FLOOR_GAS_PER_TOKEN * tokens


def trie_root(items: tuple[bytes, ...]) -> bytes:
    """The root that a header gives for the encodings of its transactions or receipts."""
    if not items:
        return EMPTY_TRIE
    trie = HexaryTrie({})
    for index, item in enumerate(items):
        trie[rlp.encode(index)] = item
    return bytes(trie.root_hash)


def decode_transaction(raw: bytes) -> tuple[Transaction, Any]:
    """The transaction and py-evm's object for it.

    Raises: ValueError, when it is malformed, of an unsupported type or wrongly signed.
    """
    if raw[:1] and raw[0] in BLOB_TYPES:
        raise ValueError("transaction type not supported: this chain carries no blobs")
    try:
        inner = PragueTransactionBuilder.decode(raw)
        inner.validate()
        sender = inner.sender
    except (
        PyEVMError,
        ValidationError,
        rlp.RLPException,
        ValueError,
        TypeError,
        IndexError,
    ) as error:
        raise ValueError(f"invalid transaction: {error}") from error
    kind = getattr(inner, "type_id", None) or 0
    legacy = kind < 2
    return Transaction(
        hash=keccak(raw),
        raw=raw,
        type=kind,
        sender=bytes(sender),
        nonce=inner.nonce,
        to=bytes(inner.to) or None,
        gas=inner.gas,
        value_wei=inner.value,
        data=bytes(inner.data),
        max_fee_wei=inner.gas_price if legacy else inner.max_fee_per_gas,
        priority_fee_wei=inner.gas_price if legacy else inner.max_priority_fee_per_gas,
        y_parity=inner.y_parity,
        r=inner.r,
        s=inner.s,
        access_list=tuple((bytes(a), tuple(slots)) for a, slots in getattr(inner, "access_list", ()) or ())
        if kind
        else (),
    ), inner


class Evm:
    """The store of states (by root, never forgotten) and the execution of transactions over them, by py-evm's `rules`."""

    def __init__(self, rules: type[PragueState] = State) -> None:
        self._db = get_db_backend()
        self._rules = rules

    def genesis_root(self, balances: Mapping[bytes, int]) -> bytes:
        """Return the state root of accounts that hold so much. Units: wei."""
        state = self.open(EMPTY_TRIE, None)
        for address, wei in balances.items():
            state.set_balance(address, wei)
        state.persist()
        return bytes(state.state_root)

    def open(self, root: bytes, context: BlockContext | None) -> Any:
        """A state to read from or to execute on; discarded unless `persist()` is called on it."""
        given = context or BlockContext(
            chain_id=0,
            number=0,
            timestamp=UnixSeconds(0),
            base_fee_wei=0,
            gas_limit=0,
            coinbase=ZERO_ADDRESS,
            randomness=bytes(32),
            previous_hashes=(),
        )
        return self._rules(
            self._db,
            ExecutionContext(
                coinbase=Address(given.coinbase),
                timestamp=given.timestamp,
                block_number=EthBlockNumber(given.number),
                difficulty=0,
                mix_hash=Hash32(given.randomness),
                gas_limit=given.gas_limit,
                prev_hashes=map(Hash32, islice(given.previous_hashes, BLOCK_HASHES)),
                chain_id=given.chain_id,
                base_fee_per_gas=given.base_fee_wei,
                excess_blob_gas=0,
            ),
            Hash32(root),
        )

    def execute(self, state: Any, inner: Any) -> Outcome:
        """Runs a signed transaction on the state and keeps its effects there.

        Raises: ValueError, when the transaction may not be included in this block (nothing is changed then).
        """
        state.lock_changes()
        try:
            computation = state.apply_transaction(inner)
        except ValidationError as error:
            raise ValueError(str(error)) from error
        return _outcome(inner, computation)

    def call(self, root: bytes, context: BlockContext, call: Call) -> Outcome:
        """Runs a message on a throw-away copy of the state; gas is free.

        Raises: ValueError, when the gas does not even cover the message itself.
        """
        state = self.open(root, context)
        inner = self._unsigned(state, context, call)
        if call.gas < inner.intrinsic_gas:
            raise ValueError(f"intrinsic gas too low: have {call.gas}, want {inner.intrinsic_gas}")
        if call.value_wei > state.get_balance(call.sender):
            raise ValueError("insufficient funds for transfer")
        executor = state.get_transaction_executor()
        message = executor.build_evm_message(inner)
        computation = executor.build_computation(message, inner)
        executor.finalize_computation(inner, computation)
        return _outcome(inner, computation)

    def estimate(self, run: Callable[[int], Outcome], data: bytes, cap: int) -> tuple[int, Outcome]:
        """Gas with which the call succeeds, and the outcome with all the gas.

        Shape: the gas it used, plus what refunds and the 1/64 withheld at each level of calls may need,
        checked by one more run; a binary search only where that guess fails.
        """
        best = run(cap)
        if best.error is not None:
            return cap, best
        spent = best.gas_used + best.gas_refunded
        guess = min(max(spent, floor_gas(data)), cap)
        if run(guess).error is None:
            return guess, best
        low, high = guess, min(guess * 64 // 63 + 5_000, cap)
        if run(high).error is not None:
            low, high = high, cap
        while high - low > max(high // 100, 500):
            middle = (low + high) // 2
            if run(middle).error is None:
                high = middle
            else:
                low = middle
        return high, best

    def _unsigned(self, state: Any, context: BlockContext, call: Call) -> Any:
        unsigned = PragueTransactionBuilder.new_unsigned_dynamic_fee_transaction(
            chain_id=context.chain_id,
            nonce=state.get_nonce(call.sender),
            max_priority_fee_per_gas=0,
            max_fee_per_gas=0,
            gas=call.gas,
            to=Address(call.to or b""),
            value=call.value_wei,
            data=call.data,
            access_list=(),
        )
        return SpoofTransaction(unsigned, from_=call.sender)


def previous_hashes(hashes: list[bytes], number: int) -> Iterator[bytes]:
    """Hashes of the blocks before `number`, nearest first."""
    for at in range(number - 1, max(number - 1 - BLOCK_HASHES, -1), -1):
        yield hashes[at]


def _outcome(inner: Any, computation: Any) -> Outcome:
    spent = inner.gas - computation.get_gas_remaining()
    refunded = min(computation.get_gas_refund(), spent // 5)
    error: str | None = None
    reverted = False
    if computation.is_error:
        reverted = isinstance(computation.error, Revert)
        error = "execution reverted" if reverted else _fault(computation.error)
    created = inner.to == b"" and not computation.is_error
    return Outcome(
        gas_used=max(spent - refunded, floor_gas(bytes(inner.data))),
        gas_refunded=refunded,
        output=bytes(computation.output) if error is None or reverted else b"",
        error=error,
        reverted=reverted,
        contract_address=bytes(computation.msg.storage_address) if created else None,
        logs=tuple(
            (bytes(address), tuple(topic.to_bytes(32, "big") for topic in topics), bytes(data))
            for address, topics, data in computation.get_log_entries()
        ),
    )


def _fault(error: BaseException) -> str:
    name = type(error).__name__
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return f"{words}: {error}" if str(error) else words


def make_receipts(header: Header, done: list[tuple[Transaction, Outcome]]) -> tuple[Receipt, ...]:
    """The receipts of a block in the making: their logs lack only the block's hash, which depends on them."""
    receipts: list[Receipt] = []
    cumulative = 0
    log_index = 0
    for index, (transaction, outcome) in enumerate(done):
        cumulative += outcome.gas_used
        logs = tuple(
            Log(
                address=address,
                topics=topics,
                data=data,
                block_number=BlockNumber(header.number),
                block_hash=ZERO_HASH,
                block_timestamp=header.timestamp,
                transaction_hash=transaction.hash,
                transaction_index=index,
                log_index=log_index + position,
            )
            for position, (address, topics, data) in enumerate(outcome.logs)
        )
        log_index += len(logs)
        receipts.append(
            Receipt(
                transaction_hash=transaction.hash,
                transaction_index=index,
                sender=transaction.sender,
                to=transaction.to,
                contract_address=outcome.contract_address,
                status=0 if outcome.error else 1,
                gas_used=outcome.gas_used,
                cumulative_gas_used=cumulative,
                effective_gas_price_wei=transaction.price_wei(header.base_fee_wei),
                transaction_type=transaction.type,
                bloom=bloom_of(tuple((log.address, log.topics) for log in logs)),
                logs=logs,
            )
        )
    return tuple(receipts)
