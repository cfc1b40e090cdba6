"""The compiled Inbox beside the Python rules: every call is made in both, which must take and refuse the same ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eth_abi.abi import encode

from tallystick import artifacts
from tallystick.errors import BadInput, DataMismatch
from tallystick.l1.abi import contract_abi
from tallystick.testing.generations.evm_chain import fastest_chain
from tallystick.testing.inbox.inbox_match import WHO
from tallystick.testing.inbox.inbox_rules import SEQUENCER, Batch, InboxRules

ADDRESSES: Final = {who: bytes([0xA0 + i]) * 20 for i, who in enumerate(WHO)}
VAULT: Final = b"\xdd" * 20
WORDS: Final = ["address", "address", "(uint64,uint64,uint64,uint64,uint64,uint64,uint64)"]


class InboxTwin:
    """An Inbox in both languages. `code` is init code that takes the place of the contract's."""

    def __init__(self, rules: InboxRules, code: bytes = b"") -> None:
        self.rules = rules
        self.compared = 0
        self._abi = contract_abi("Inbox")
        self._chain = fastest_chain()(ADDRESSES.values())
        self._chain.set_second(rules.second)
        terms = rules.terms
        config = (terms.force, terms.takeover, terms.past, terms.future, terms.rate, terms.burst, terms.blobs)
        arguments = encode(WORDS, [ADDRESSES[SEQUENCER], VAULT, config])
        self._address = self._chain.deploy((code or artifacts.load("Inbox").bytecode) + arguments)

    def queue(self, who: str) -> None:
        """Queue a message in both."""
        self.rules.queue(who)
        self._transact(who, self._abi.encode_call("forceCancelAll", 1))

    def post(self, who: str, index: int, time: int, until: int, limit: int, sizes: list[int]) -> Batch:
        """Post a batch in both.

        Raises: BadInput when both refuse it; DataMismatch when they do not agree.
        """
        data = self._abi.encode_call("postBatch", index, time, until, limit, [bytes(size) for size in sizes])
        return self._both(who, data, lambda: self.rules.post(who, index, time, until, limit, sizes))

    def post_blobs(self, who: str, index: int, time: int, until: int, limit: int, count: int) -> Batch:
        """Post a batch in blobs in both. Raises: as `post`."""
        data = self._abi.encode_call("postBlobs", index, time, until, limit)
        self._chain.carry([bytes([1]) + bytes([i]) * 31 for i in range(1, count + 1)])
        try:
            return self._both(who, data, lambda: self.rules.post_blobs(who, index, time, until, limit, count))
        finally:
            self._chain.carry([])

    def _both(self, who: str, data: bytes, post: Callable[[], Batch]) -> Batch:
        self.compared += 1
        refused, batch, index = "", None, len(self.rules.batches)
        try:
            batch = post()
        except BadInput as error:
            refused = str(error)
        try:
            self._transact(who, data)
        except BadInput as error:
            if batch is not None:
                raise DataMismatch("only the contract refuses", why=str(error), index=index) from error
            raise BadInput(refused) from error
        if batch is None:
            raise DataMismatch("only the Python rules refuse", why=refused, index=index)
        self._compare()
        return batch

    def _compare(self) -> None:
        expected = {
            "batchCount": len(self.rules.batches),
            "batchUntil": self.rules.until,
            "messageLimit": self.rules.limit,
            "messageCount": len(self.rules.messages),
            "bucketBytes": self.rules.bucket,
            "takeoverAt": self.rules.takeover_at,
        }
        for name, value in expected.items():
            actual = int.from_bytes(self._chain.read(self._address, self._abi.encode_call(name)), "big")
            if actual != value:
                raise DataMismatch("another value", name=name, expected=value, actual=actual)

    def _transact(self, who: str, data: bytes) -> None:
        self._chain.set_second(self.rules.second)
        self._chain.transact(ADDRESSES[who], self._address, data, 0, self.rules.block)
