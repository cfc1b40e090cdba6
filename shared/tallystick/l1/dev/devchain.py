"""The development chain: one process, in memory, Ethereum's rules, and a clock that can be moved.

States are kept by root for ever, so that going back (a snapshot, a reorganisation) is cutting a list.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from tallystick.l1.client.access import TRANSACTION_GAS_CAP
from tallystick.l1.dev.blocks import (
    EMPTY_TRIE,
    INITIAL_BASE_FEE_WEI,
    ZERO_ADDRESS,
    ZERO_HASH,
    Block,
    Header,
    Log,
    Receipt,
    Transaction,
    encode_receipt,
    header_hash,
    next_base_fee_wei,
)
from tallystick.l1.dev.evm import (
    BlockContext,
    Call,
    Evm,
    Outcome,
    decode_transaction,
    floor_gas,
    make_receipts,
    previous_hashes,
    trie_root,
)
from tallystick.l1.dev.logindex import LogFilter, LogIndex
from tallystick.l1.dev.mempool import Pool
from tallystick.ports import Clock
from tallystick.state.ordinals import UnixSeconds

DEFAULT_CHAIN_ID = 31337
DEFAULT_BLOCK_GAS_LIMIT = 60_000_000
MAX_MINED_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DevChainConfig:
    """Settings of a development chain. Units: gas; wei."""

    chain_id: int = DEFAULT_CHAIN_ID
    block_gas_limit: int = DEFAULT_BLOCK_GAS_LIMIT
    transaction_gas_cap: int = TRANSACTION_GAS_CAP
    """What would not fit on mainnet must not fit here."""
    auto_mine: bool = True
    balances_wei: dict[bytes, int] = field(default_factory=dict[bytes, int])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    height: int
    pool: Pool
    offset_seconds: float
    next_timestamp: UnixSeconds | None


class DevChain:
    """Not safe for threads by itself: callers hold one lock around it.

    Raises: ValueError from every method whose request cannot be met.
    """

    def __init__(self, config: DevChainConfig, clock: Clock) -> None:
        self.config = config
        self.auto_mine = config.auto_mine
        self.pool = Pool()
        self.logs = LogIndex()
        self._clock = clock
        self._evm = Evm()
        self._offset_seconds = 0.0
        self._next_timestamp: UnixSeconds | None = None
        self._next_base_fee_wei: int | None = None
        self._branch = 0
        self._snapshots: list[_Snapshot | None] = []
        self._found: dict[bytes, tuple[int, int]] = {}
        self._numbers: dict[bytes, int] = {}
        self._blocks: list[Block] = []
        self._hashes: list[bytes] = []
        self._append(self._genesis(), (), ())

    # Reading

    @property
    def head(self) -> Block:
        """Return the newest block."""
        return self._blocks[-1]

    def block(self, number: int) -> Block | None:
        """Return the block of a height, None where there is none."""
        return self._blocks[number] if 0 <= number < len(self._blocks) else None

    def block_of_hash(self, block_hash: bytes) -> Block | None:
        """Return the block of a hash, None where there is none."""
        number = self._numbers.get(block_hash)
        return None if number is None else self._blocks[number]

    def find_transaction(self, transaction_hash: bytes) -> tuple[Block, int] | None:
        """Return a transaction's block and its place in it, None while it is in none."""
        place = self._found.get(transaction_hash)
        return None if place is None else (self._blocks[place[0]], place[1])

    def find_logs(self, wanted: LogFilter) -> list[Log]:
        """Return the logs that are asked for, the oldest first."""
        return self.logs.find(wanted)

    def state(self, block: Block) -> Any:
        """A read-only view of the accounts after the block."""
        return self._evm.open(block.header.state_root, None)

    def pending_nonce(self, address: bytes) -> int:
        """Return the next nonce of an address, behind those that wait."""
        return self.pool.next_nonce(address, self.state(self.head).get_nonce(address))

    def call(self, call: Call, block: Block | None) -> Outcome:
        """Executes the message after `block` and in its context, or in the next block's when it is None."""
        context = self._context(self._next_header() if block is None else block.header)
        root = (block or self.head).header.state_root
        return self._evm.call(root, replace(context, base_fee_wei=0), call)

    def estimate(self, call: Call, block: Block | None) -> tuple[int, Outcome]:
        """Gas enough for the message, at most `call.gas`, and what it does."""
        return self._evm.estimate(lambda gas: self.call(replace(call, gas=gas), block), call.data, call.gas)

    # Writing

    def submit(self, raw: bytes) -> bytes:
        """Takes a signed transaction and, when mining automatically, mines it.

        Raises: ValueError with the words an Ethereum node would use.
        """
        transaction, inner = decode_transaction(raw)
        if transaction.hash in self._found:
            raise ValueError("already known")
        self._check(transaction, inner)
        self.pool.add(transaction, inner)
        if self.auto_mine:
            self.mine_ready()
        return transaction.hash

    def mine_ready(self) -> None:
        """Mines blocks until no waiting transaction can be included."""
        while len(self.pool):
            header = self._next_header()
            if self.pool.best(header.base_fee_wei, header.gas_limit, self.state(self.head).get_nonce) is None:
                return
            self._mine_one(header)

    def mine(self, blocks: int = 1, interval_seconds: int = 1) -> None:
        """Mines blocks; the first takes the waiting transactions, each later one is `interval_seconds` younger."""
        if not 0 <= blocks <= MAX_MINED_AT_ONCE or interval_seconds < 1:
            raise ValueError(f"cannot mine {blocks} blocks {interval_seconds} seconds apart")
        if not blocks:
            return
        self._mine_one(self._next_header())
        for _ in range(blocks - 1):
            parent = self.head
            header = self._child(parent, UnixSeconds(parent.header.timestamp + interval_seconds))
            if len(self.pool):
                self._mine_one(header)
            else:
                self._append(header, (), ())
        if blocks > 1:
            self._offset_seconds += max(0, self.head.header.timestamp - self._now())

    def increase_time(self, seconds: int) -> int:
        """Makes the next block at least this much younger than the head, even where a burst of
        blocks has run ahead of the clock; the seconds the clock is now ahead of the host's.
        """
        if seconds < 0:
            raise ValueError("time does not run backwards")
        ahead = self.head.header.timestamp - self._clock.now()
        self._offset_seconds = max(self._offset_seconds, ahead) + seconds
        return int(self._offset_seconds)

    def set_next_timestamp(self, timestamp: UnixSeconds) -> None:
        """Fixes the next block's time; the clock runs on from there."""
        if timestamp <= self.head.header.timestamp:
            raise ValueError(f"timestamp {timestamp} is not after the head's {self.head.header.timestamp}")
        self._offset_seconds = timestamp - self._clock.now()
        self._next_timestamp = timestamp

    def set_next_base_fee(self, wei: int) -> None:
        """Fixes the next block's base fee; those after it follow from there."""
        self._next_base_fee_wei = wei

    def snapshot(self) -> int:
        """Note what is, to come back to it; return the note's number."""
        self._snapshots.append(
            _Snapshot(
                height=self.head.number,
                pool=self.pool.copy(),
                offset_seconds=self._offset_seconds,
                next_timestamp=self._next_timestamp,
            )
        )
        return len(self._snapshots)

    def revert(self, snapshot_id: int) -> bool:
        """Returns to the snapshot, which is spent with every later one; False when there is none."""
        if not 1 <= snapshot_id <= len(self._snapshots):
            return False
        snapshot = self._snapshots[snapshot_id - 1]
        if snapshot is None:
            return False
        self.cut(snapshot.height)
        del self._snapshots[snapshot_id - 1 :]
        self.pool = snapshot.pool
        self._offset_seconds = snapshot.offset_seconds
        self._next_timestamp = snapshot.next_timestamp
        return True

    def cut(self, height: int) -> None:
        """Drops the blocks above `height` and their transactions; blocks mined from there get other hashes."""
        if not 0 <= height <= self.head.number:
            raise ValueError(f"no block {height} to go back to")
        if height == self.head.number:
            return
        for block in self._blocks[height + 1 :]:
            del self._numbers[block.hash]
            for transaction in block.transactions:
                del self._found[transaction.hash]
        del self._blocks[height + 1 :]
        del self._hashes[height + 1 :]
        self.logs.cut(height)
        self._snapshots = [kept if kept and kept.height <= height else None for kept in self._snapshots]
        self._branch += 1

    # The inside

    def _genesis(self) -> Header:
        return Header(
            number=0,
            parent_hash=ZERO_HASH,
            timestamp=UnixSeconds(int(self._clock.now())),
            coinbase=ZERO_ADDRESS,
            state_root=self._evm.genesis_root(self.config.balances_wei),
            transactions_root=EMPTY_TRIE,
            receipts_root=EMPTY_TRIE,
            bloom=0,
            gas_limit=self.config.block_gas_limit,
            gas_used=0,
            base_fee_wei=INITIAL_BASE_FEE_WEI,
            extra_data=b"",
        )

    def _now(self) -> int:
        return int(self._clock.now() + self._offset_seconds)

    def _next_header(self) -> Header:
        timestamp = self._next_timestamp or max(self.head.header.timestamp + 1, self._now())
        return self._child(self.head, UnixSeconds(timestamp))

    def _child(self, parent: Block, timestamp: UnixSeconds) -> Header:
        return Header(
            number=parent.header.number + 1,
            parent_hash=parent.hash,
            timestamp=timestamp,
            coinbase=ZERO_ADDRESS,
            state_root=parent.header.state_root,
            transactions_root=EMPTY_TRIE,
            receipts_root=EMPTY_TRIE,
            bloom=0,
            gas_limit=self.config.block_gas_limit,
            gas_used=0,
            base_fee_wei=next_base_fee_wei(parent.header)
            if self._next_base_fee_wei is None
            else self._next_base_fee_wei,
            extra_data=self._branch.to_bytes(4, "big") if self._branch else b"",
        )

    def _context(self, header: Header) -> BlockContext:
        return BlockContext(
            chain_id=self.config.chain_id,
            number=header.number,
            timestamp=header.timestamp,
            base_fee_wei=header.base_fee_wei,
            gas_limit=header.gas_limit,
            coinbase=header.coinbase,
            randomness=header.parent_hash,
            previous_hashes=previous_hashes(self._hashes, header.number),
        )

    def _check(self, transaction: Transaction, inner: Any) -> None:
        """The checks of a node's mempool, in its order and words."""
        chain_id = getattr(inner, "chain_id", None)
        if chain_id not in (None, self.config.chain_id):
            raise ValueError(f"invalid chain id: have {chain_id}, want {self.config.chain_id}")
        cap = min(self.config.transaction_gas_cap, self.config.block_gas_limit)
        if transaction.gas > cap:
            raise ValueError(f"transaction gas limit too high: have {transaction.gas}, cap {cap}")
        least = max(inner.intrinsic_gas, floor_gas(transaction.data))
        if transaction.gas < least:
            raise ValueError(f"intrinsic gas too low: have {transaction.gas}, want {least}")
        state = self.state(self.head)
        nonce = state.get_nonce(transaction.sender)
        if transaction.nonce < nonce:
            raise ValueError(f"nonce too low: next nonce {nonce}, tx nonce {transaction.nonce}")
        cost = transaction.value_wei + transaction.gas * transaction.max_fee_wei
        balance = state.get_balance(transaction.sender)
        if balance < cost:
            raise ValueError(f"insufficient funds for gas * price + value: have {balance}, want {cost}")

    def _mine_one(self, header: Header) -> None:
        """Appends the block with every waiting transaction that may go in and fits."""
        if not len(self.pool):
            self._append(header, (), ())
            return
        state = self._evm.open(header.state_root, self._context(header))
        done: list[tuple[Transaction, Outcome]] = []
        gas_used = 0
        while pooled := self.pool.best(header.base_fee_wei, header.gas_limit - gas_used, state.get_nonce):
            self.pool.remove(pooled.transaction)
            try:
                outcome = self._evm.execute(state, pooled.inner)
            except ValueError:
                continue  # its funds went to an earlier transaction: it can never be included as it is
            gas_used += outcome.gas_used
            done.append((pooled.transaction, outcome))
        self.pool.drop_stale(state.get_nonce)
        if not done:
            self._append(header, (), ())
            return
        state.persist()
        receipts = make_receipts(header, done)
        bloom = 0
        for receipt in receipts:
            bloom |= receipt.bloom
        header = replace(
            header,
            state_root=bytes(state.state_root),
            transactions_root=trie_root(tuple(transaction.raw for transaction, _ in done)),
            receipts_root=trie_root(tuple(encode_receipt(receipt) for receipt in receipts)),
            bloom=bloom,
            gas_used=gas_used,
        )
        self._append(header, tuple(transaction for transaction, _ in done), receipts)

    def _append(self, header: Header, transactions: tuple[Transaction, ...], receipts: tuple[Receipt, ...]) -> None:
        block_hash = header_hash(header)
        if receipts:
            receipts = tuple(
                replace(receipt, logs=tuple(replace(log, block_hash=block_hash) for log in receipt.logs))
                for receipt in receipts
            )
        block = Block(header=header, hash=block_hash, transactions=transactions, receipts=receipts)
        self._blocks.append(block)
        self._hashes.append(block_hash)
        self._numbers[block_hash] = header.number
        for index, transaction in enumerate(transactions):
            self._found[transaction.hash] = (header.number, index)
        for receipt in receipts:
            self.logs.append(receipt.logs)
        self._next_timestamp = None
        self._next_base_fee_wei = None
