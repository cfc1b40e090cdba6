"""Transactions that wait for a block: by sender and nonce, one for each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tallystick.l1.dev.blocks import Transaction

REPLACEMENT_BUMP_PERCENT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """A transaction that waits, and when it came."""

    transaction: Transaction
    inner: Any
    arrival: int


class Pool:
    """The transactions that wait for a block, by sender and nonce."""

    def __init__(self) -> None:
        self._by_sender: dict[bytes, dict[int, Pooled]] = {}
        self._by_hash: dict[bytes, Pooled] = {}
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._by_hash)

    def __iter__(self) -> Iterator[Transaction]:
        return iter([pooled.transaction for pooled in self._by_hash.values()])

    def copy(self) -> "Pool":
        """Return a pool of the same transactions that changes on its own."""
        other = Pool()
        other._by_sender = {sender: dict(queue) for sender, queue in self._by_sender.items()}
        other._by_hash = dict(self._by_hash)
        other._arrivals = self._arrivals
        return other

    def get(self, transaction_hash: bytes) -> Transaction | None:
        """Return a transaction that waits, None where there is none of that hash."""
        pooled = self._by_hash.get(transaction_hash)
        return pooled.transaction if pooled else None

    def add(self, transaction: Transaction, inner: Any) -> None:
        """Takes the transaction in, in place of one of the same sender and nonce that pays clearly less.

        Raises: ValueError, when it is known or does not pay enough to replace.
        """
        if transaction.hash in self._by_hash:
            raise ValueError("already known")
        queue = self._by_sender.setdefault(transaction.sender, {})
        old = queue.get(transaction.nonce)
        if old is not None:
            if not _outbids(transaction, old.transaction):
                raise ValueError("replacement transaction underpriced")
            del self._by_hash[old.transaction.hash]
        pooled = Pooled(transaction=transaction, inner=inner, arrival=self._arrivals)
        self._arrivals += 1
        queue[transaction.nonce] = pooled
        self._by_hash[transaction.hash] = pooled

    def remove(self, transaction: Transaction) -> None:
        """Take a transaction out. Raises: KeyError when it does not wait here."""
        queue = self._by_sender[transaction.sender]
        del queue[transaction.nonce]
        del self._by_hash[transaction.hash]
        if not queue:
            del self._by_sender[transaction.sender]

    def next_nonce(self, sender: bytes, nonce: int) -> int:
        """The nonce after the unbroken run of waiting transactions that starts at `nonce`."""
        queue = self._by_sender.get(sender, {})
        while nonce in queue:
            nonce += 1
        return nonce

    def best(self, base_fee_wei: int, gas: int, nonce_of: Callable[[bytes], int]) -> Pooled | None:
        """The best-paying transaction that may be included now: the next of its sender, affordable, and fitting."""
        best: Pooled | None = None
        best_rank = (0, 0)
        for sender, queue in self._by_sender.items():
            pooled = queue.get(nonce_of(sender))
            if pooled is None:
                continue
            transaction = pooled.transaction
            if transaction.max_fee_wei < base_fee_wei or transaction.gas > gas:
                continue
            rank = (transaction.price_wei(base_fee_wei), -pooled.arrival)
            if best is None or rank > best_rank:
                best, best_rank = pooled, rank
        return best

    def drop_stale(self, nonce_of: Callable[[bytes], int]) -> None:
        """Forgets transactions whose nonce has been used."""
        for transaction in list(self):
            if transaction.nonce < nonce_of(transaction.sender):
                self.remove(transaction)


def _outbids(new: Transaction, old: Transaction) -> bool:
    return all(
        offered * 100 >= given * (100 + REPLACEMENT_BUMP_PERCENT)
        for offered, given in (
            (new.max_fee_wei, old.max_fee_wei),
            (new.priority_fee_wei, old.priority_fee_wei),
        )
    )
