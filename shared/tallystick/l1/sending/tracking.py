"""What becomes of signed transactions: mined, final, thrown out by a reorganisation, or overtaken by another's nonce."""

from tallystick.errors import L1Error, L1Unreachable
from tallystick.l1.client.access import L1
from tallystick.l1.client.values import BlockRef, Receipt
from tallystick.l1.sending.queuestore import QueueStore, TxEntry, TxState


class Follower:
    """Follows the entries of one account's queue. An entry is final when its block has `confirmations` blocks."""

    def __init__(self, client: L1, store: QueueStore, address: bytes, confirmations: int) -> None:
        self._client = client
        self._store = store
        self._address = address
        self._confirmations = confirmations

    def look_for_receipt(self, entry: TxEntry, used: int, head: BlockRef) -> None:
        """`used` is the account's nonce: no version of an entry with that nonce or a later one is mined."""
        if entry.nonce is None or entry.nonce >= used:
            if entry.state is TxState.OVERTAKEN:
                self._store.set_unmined(entry)
            return
        receipt = self._find_receipt(entry)
        if receipt is None and self._nonce_lost(entry.nonce, head):
            receipt = self._find_receipt(entry)  # it may have been mined between the questions
            if receipt is None:
                self._store.requeue(entry)
                return
        if receipt is not None:
            self._set_mined(entry, receipt)
        elif entry.state is TxState.PENDING:
            self._store.set_overtaken(entry, head.number)

    def _find_receipt(self, entry: TxEntry) -> Receipt | None:
        receipts = (self._client.receipt(attempt.hash) for attempt in self._store.attempts(entry))
        return next((receipt for receipt in receipts if receipt is not None), None)

    def _nonce_lost(self, nonce: int, head: BlockRef) -> bool:
        """Whether another transaction took the nonce, so deep that ours can never be mined."""
        depth = head.number - self._confirmations + 1
        return depth >= 0 and self._client.nonce(self._address, depth) > nonce

    def stands(self, entry: TxEntry, head: BlockRef, known: dict[int, bytes | None]) -> bool:
        """Whether the entry's block is where it was, and young: then there is no need to ask for its receipt again."""
        number = entry.block_number
        if number is None or head.number - number + 1 >= self._confirmations:
            return False
        if number not in known:
            block = self._client.block(number)
            known[number] = block.hash if block else None
        return known[number] == entry.block_hash

    def settle(self, entry: TxEntry, head: BlockRef) -> None:
        """A mined entry ends with its confirmations, follows its transaction, or waits again."""
        receipt = self._client.receipt(entry.mined_hash or b"")
        if receipt is None:
            self._store.set_unmined(entry)
            return
        if receipt.block_hash != entry.block_hash:
            self._set_mined(entry, receipt)
        if head.number - receipt.block_number + 1 < self._confirmations:
            return
        canonical = self._client.block(receipt.block_number)
        if canonical is None or canonical.hash != receipt.block_hash:
            return  # the endpoint is between two branches: ask again
        if receipt.succeeded:
            self._store.set_ended(entry, TxState.DONE, "")
        else:
            self._store.set_ended(entry, TxState.REVERTED, self._why_reverted(entry, receipt))

    def _set_mined(self, entry: TxEntry, receipt: Receipt) -> None:
        self._store.set_mined(
            entry,
            receipt.transaction_hash,
            receipt.block_number,
            receipt.block_hash,
            receipt.succeeded,
            "" if receipt.succeeded else self._why_reverted(entry, receipt),
        )

    def _why_reverted(self, entry: TxEntry, receipt: Receipt) -> str:
        """The reason, found by repeating the call on the state before its block."""
        if entry.to is None:
            return "the deployment reverted"
        try:
            self._client.call(
                entry.to,
                entry.data,
                block=receipt.block_number - 1,
                sender=self._address,
                value_wei=entry.value_wei,
            )
        except L1Unreachable:
            raise
        except L1Error as error:
            return error.message.removeprefix("reverted: ")
        return "out of gas, or undone by a transaction of the same block"
