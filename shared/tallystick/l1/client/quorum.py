"""Reading L1 without trusting any one endpoint.

The head is what a quorum of the endpoints agree on. Everything below it is checked against hashes: headers hash to
their hash and name their parent, logs and receipts rebuild the root in their header, transactions theirs. What cannot
be checked so (an account's nonce, code, the result of a call) is what a quorum answers at one and the same block.

An endpoint that fails rests, one that lies is not asked for a while; both are named to `report`, and the next is asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from eth_hash.auto import keccak

from tallystick.errors import BadInput, DataMismatch, L1Error
from tallystick.l1.abi import contract_abi
from tallystick.l1.client import questions
from tallystick.l1.client.access import TRANSACTION_GAS_CAP, Contract
from tallystick.l1.client.consult import Asker
from tallystick.l1.client.endpoints import Endpoint, Endpoints, Report, Unusable
from tallystick.l1.client.http_client import (
    CALLS_A_REQUEST,
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT_SECONDS,
    FIRST_PAUSE_SECONDS,
    L1Client,
)
from tallystick.l1.client.kept import Kept
from tallystick.l1.client.retold import EndpointClaim
from tallystick.l1.client.values import BlockRef, BlockTag, RawLog, Receipt
from tallystick.l1.proofs.headers import ProvenHeader, prove_header
from tallystick.l1.proofs.proven import ProvenReceipt, prove_receipts
from tallystick.ports import Clock
from tallystick.state.ordinals import BlockNumber

HEADER_BATCH: Final = 100
LINKED_BLOCKS: Final = 2_000
"""Blocks whose headers are held at a time; the last of each such piece is agreed on by the quorum."""
MOST_LAG_BLOCKS: Final = 16
"""An endpoint this far from the others has a stale head, or an invented one."""
AGREED_WITHIN_BLOCKS: Final = (0, 1, 2, 4, 8, 16, 32, 64, 128)
"""How far below their heads the endpoints' common block is looked for."""
HEADERS_KEPT: Final = 512
BLOCKS_KEPT: Final = 8
TAGS: Final = frozenset(("latest", "safe", "finalized"))


def _far_apart(found: Sequence[int]) -> bool:
    """Whether of rising amounts the last one is more than twice the first."""
    return found[-1] > 2 * found[0]


def _silent(_endpoint: str, _problem: str) -> None:
    """Tells nobody."""


def _calls(calls: Sequence[tuple[bytes, bytes]], block: BlockTag) -> Callable[[L1Client], tuple[bytes, ...]]:
    return lambda client: tuple(client.call_many(calls, block=block))


class QuorumClient:
    """A client of several endpoints, one included. `quorum` is how many must agree: by default more than half.

    `chain_id` is what every endpoint must be; without it, what the quorum says. With `max_head_age_seconds` a head
    older than that by the wall clock is an error. Safe for threads.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        quorum: int | None = None,
        chain_id: int | None = None,
        report: Report = _silent,
        max_head_age_seconds: float | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        retries: int | None = None,
        clock: Clock,
    ) -> None:
        if not urls or len(set(urls)) != len(urls):
            raise BadInput("one or more L1 endpoints are wanted, each once", endpoints=len(urls))
        self.quorum = len(urls) // 2 + 1 if quorum is None else quorum
        if not 1 <= self.quorum <= len(urls):
            raise BadInput("the quorum is between 1 and the number of endpoints", quorum=self.quorum)
        # where there is another endpoint to ask, waiting for this one is the worse choice
        tries = (DEFAULT_RETRIES if len(urls) == 1 else 0) if retries is None else retries
        self._clock = clock
        clients = [L1Client(url, timeout_seconds=timeout_seconds, retries=tries, clock=clock) for url in urls]
        self.endpoint = ", ".join(client.endpoint for client in clients)
        self._ask = Asker(Endpoints(clients, report=report, clock=clock), self.quorum, chain_id)
        self._several = len(urls) > 1
        self._max_head_age = max_head_age_seconds
        self._headers: Kept[ProvenHeader] = Kept(HEADERS_KEPT)
        self._receipts: Kept[list[ProvenReceipt]] = Kept(BLOCKS_KEPT)
        self._hashes: Kept[list[bytes]] = Kept(BLOCKS_KEPT)

    def pause(self) -> None:
        """Waits a moment before the same is asked again."""
        self._clock.sleep(FIRST_PAUSE_SECONDS)

    @property
    def disagreements(self) -> int:
        """How often an endpoint was caught with a false answer, or one other than the quorum's."""
        return self._ask.endpoints.disagreements

    # Blocks

    def chain_id(self) -> int:
        """Return the chain's number. Raises: StateError when the endpoints are of several chains."""
        return self._ask.chain_id()

    def head(self, tag: str = "latest") -> BlockRef:
        """The newest block, or the newest "safe" or "finalized" one, that a quorum of the endpoints has.

        Raises: L1Unreachable, when too few answer; L1Error, when they do not agree, or the head is too old.
        """
        header = self._agreed_head(tag)
        age = self._clock.now() - header.ref.timestamp
        if self._max_head_age is not None and age > self._max_head_age:
            raise L1Error("L1's newest block is old", age_seconds=int(age), endpoint=self.endpoint)
        return header.ref

    def block(self, tag: BlockTag) -> BlockRef | None:
        """Return the block of a height, a hash or a tag that is proven, None where there is none."""
        if isinstance(tag, bytes):
            header = self._ask.first(questions.header(tag))
        elif isinstance(tag, int):
            header = self._header_at(tag)
        else:
            return self.head(tag)
        return None if header is None else header.ref

    def _agreed_head(self, tag: str) -> ProvenHeader:
        heads: list[tuple[Endpoint, ProvenHeader]] = []
        for endpoint in self._ask.ready():
            header = self._ask.attempt(endpoint, questions.header(tag))
            if header is not None:
                heads.append((endpoint, header))
        if len(heads) < self.quorum:
            raise self._ask.too_few("the head", len(heads))
        highest = sorted((header.ref.number for _, header in heads), reverse=True)[self.quorum - 1]
        for back in AGREED_WITHIN_BLOCKS:
            agreed = self._agreed_below(heads, highest - back)
            if agreed is not None:
                return self._keep(agreed)
        self._ask.endpoints.disagreements += 1
        raise L1Error(
            "the endpoints follow different chains",
            heads={endpoint.name: header.ref.hash.hex() for endpoint, header in heads},
        )

    def _agreed_below(self, heads: list[tuple[Endpoint, ProvenHeader]], number: int) -> ProvenHeader | None:
        """The header of this number that a quorum has; those that differ from it are named."""
        votes: dict[bytes, list[Endpoint]] = {}
        headers: dict[bytes, ProvenHeader] = {}
        for endpoint, head in heads:
            header: ProvenHeader | None = head
            if head.ref.number != number:
                header = (
                    self._ask.attempt(endpoint, questions.header(number)) if 0 <= number < head.ref.number else None
                )
            if header is not None:
                votes.setdefault(header.ref.hash, []).append(endpoint)
                headers[header.ref.hash] = header
        best = max(votes, key=lambda each: len(votes[each]), default=b"")
        if len(votes.get(best, ())) < self.quorum:
            return None
        for endpoint, head in heads:
            if abs(head.ref.number - number) > MOST_LAG_BLOCKS:
                what = "its head is stale" if head.ref.number < number else "its head is above what the others have"
                self._ask.endpoints.differs(endpoint, what)
            elif endpoint in votes[best]:
                self._ask.endpoints.clear(endpoint)
            elif any(endpoint in each for each in votes.values()):
                self._ask.endpoints.differs(endpoint, "it has another block than the others")
        return headers[best]

    def _header_at(self, number: int) -> ProvenHeader | None:
        header = self._ask.agree(
            questions.header(number), f"block {number}", key=lambda found: found and found.ref.hash
        )
        return header and self._keep(header)

    def _keep(self, header: ProvenHeader) -> ProvenHeader:
        return self._headers.put(header.ref.hash, header)

    # Logs and receipts

    def logs(
        self,
        addresses: bytes | Sequence[bytes],
        first_block: BlockNumber,
        last_block: BlockNumber,
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
    ) -> list[RawLog]:
        """The logs of the contracts in a range of blocks of the quorum's chain, in order: all of them, and no other.

        Raises: L1Error, when no endpoint can prove them.
        """
        wanted = [addresses] if isinstance(addresses, bytes) else list(addresses)
        found: list[RawLog] = []
        before: ProvenHeader | None = None
        for first in range(first_block, last_block + 1, LINKED_BLOCKS):
            headers = self.prove_headers(BlockNumber(first), BlockNumber(min(first + LINKED_BLOCKS - 1, last_block)))
            if before is not None and headers[0].ref.parent_hash != before.ref.hash:
                raise L1Error("the chain moved while it was read", endpoint=self.endpoint)
            for header in headers:
                if header.may_hold(wanted):
                    found += [log for receipt in self._receipts_of(header) for log in receipt.logs]
            before = headers[-1]
        return [log for log in found if log.address in wanted and questions.matches(log, topics)]

    def claim(self) -> EndpointClaim | None:
        """The word of a usable endpoint for the logs of the past, the one that failed to tell them least often.

        None when all refuse to: then every block is proven. Raises: L1Unreachable, when none is usable.
        """
        if all(endpoint.refuses_claims for endpoint in self._ask.endpoints.all):
            return None
        telling = [endpoint for endpoint in self._ask.ready() if not endpoint.refuses_claims]
        if not telling:
            raise self._ask.too_few("the past", 0)
        return EndpointClaim(self._ask.endpoints, min(telling, key=lambda endpoint: endpoint.failed_claims))

    def raw_block(self, number: int) -> tuple[Any, list[Any]] | None:
        """A block of the quorum's chain and its receipts as an endpoint gives them, proven; None where none does."""
        header = self._header_at(number)

        def ask(client: L1Client) -> tuple[Any, list[Any]]:
            found = client.raw_block(number)
            if header is None or found is None:
                raise L1Error("the endpoint does not give a block's receipts", endpoint=client.endpoint, block=number)
            if prove_header(found[0]).ref.hash != header.ref.hash:
                raise L1Error("the endpoint follows another branch", endpoint=client.endpoint, block=number)
            prove_receipts(header, found[1])
            return found

        try:
            return self._ask.first(ask)
        except L1Error:
            return None

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """The receipt of a transaction in a block of the quorum's chain, proven; None when no endpoint has one."""
        answered = 0
        refusal: L1Error | None = None
        for endpoint in self._ask.ready():
            try:
                found = self._ask.endpoints.ask(endpoint, lambda client: self._prove_receipt(client, transaction_hash))
            except Unusable:
                continue
            except L1Error as error:
                refusal = error
                continue
            if found is not None:
                return found
            answered += 1
        if answered < self.quorum:
            raise refusal or self._ask.too_few("a receipt", answered)
        return None

    def _prove_receipt(self, client: L1Client, transaction_hash: bytes) -> Receipt | None:
        found = client.receipt(transaction_hash)
        header = None if found is None else self._header_at(found.block_number)
        if found is None or header is None or header.ref.hash != found.block_hash:
            return None
        hash_ = header.ref.hash
        hashes = self._hashes.get(hash_) or self._hashes.put(hash_, questions.transactions(header)(client))
        if transaction_hash not in hashes:
            raise DataMismatch("a receipt of a transaction that is not in its block", transaction=transaction_hash)
        proven = self._receipts_of(header)[hashes.index(transaction_hash)]
        logs = tuple(replace(log, transaction_hash=transaction_hash) for log in proven.logs)
        return replace(found, succeeded=proven.succeeded, gas_used=proven.gas_used, logs=logs)

    def prove_headers(self, first_block: BlockNumber, last_block: BlockNumber) -> list[ProvenHeader]:
        """The headers of a range of blocks, both ends included, the last agreed on and each the parent of the next.

        Raises: L1Error.
        """
        end = self._header_at(last_block)
        if end is None:
            raise L1Error("the endpoints lack a block below their head", endpoint=self.endpoint)
        return self._linked(first_block, end)

    def _linked(self, first: int, end: ProvenHeader) -> list[ProvenHeader]:
        """The headers from a number up to this one, each the parent of the next."""
        chain = [end]
        while chain[-1].ref.number > first:
            top = chain[-1]
            known = self._headers.get(top.ref.parent_hash)
            if known is not None:
                chain.append(known)
                continue
            lowest = max(first, top.ref.number - HEADER_BATCH)
            chain += [self._keep(each) for each in self._ask.first(questions.ancestors(top, lowest))]
        return chain[::-1]

    def _receipts_of(self, header: ProvenHeader) -> list[ProvenReceipt]:
        known = self._receipts.get(header.ref.hash)
        if known is not None:
            return known
        return self._receipts.put(header.ref.hash, self._ask.first(questions.receipts(header)))

    def _pin(self, block: BlockTag) -> BlockTag:
        """One block for all endpoints, where there are several."""
        return self.head(block).number if self._several and block in TAGS else block

    # Accounts and calls: what a quorum says of one block

    def balance_wei(self, address: bytes, block: BlockTag = "latest") -> int:
        """Return what a quorum says that an address holds. Units: wei."""
        at = self._pin(block)
        return self._ask.agree(lambda client: client.balance_wei(address, at), "a balance")

    def nonce(self, address: bytes, block: BlockTag = "latest") -> int:
        """Return how many transactions of an address a quorum counts; of pending ones any endpoint tells."""
        if block == "pending":
            return self._ask.first(lambda client: client.nonce(address, block))
        at = self._pin(block)
        return self._ask.agree(lambda client: client.nonce(address, at), "a nonce")

    def code(self, address: bytes, block: BlockTag = "latest") -> bytes:
        """Return an address's runtime code, as a quorum has it."""
        at = self._pin(block)
        return self._ask.agree(lambda client: client.code(address, at), "a contract's code")

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
        """Return what a quorum says that a call returns. Raises: L1Reverted."""
        at = self._pin(block)
        return self._ask.agree(
            lambda client: client.call(to, data, block=at, sender=sender, value_wei=value_wei, gas=gas), "a call"
        )

    def call_many(self, calls: Sequence[tuple[bytes, bytes]], *, block: BlockTag = "latest") -> list[bytes]:
        """Return what many calls return, all after one block. Shape: results in the order of the calls."""
        at = self._pin(block)
        results: list[bytes] = []
        for first in range(0, len(calls), CALLS_A_REQUEST):
            part = calls[first : first + CALLS_A_REQUEST]
            results += self._ask.agree(_calls(part, at), "calls")
        return results

    def estimate_gas(self, to: bytes | None, data: bytes, *, sender: bytes, value_wei: int = 0) -> int:
        """The most that a quorum of the endpoints estimates, or what most of all do where one is far off. That it would
        revert is believed only of a quorum.
        """

        def estimate(client: L1Client) -> int:
            return client.estimate_gas(to, data, sender=sender, value_wei=value_wei)

        found = self._amounts(estimate, "an estimate of gas")
        return min(found[len(found) // 2] if _far_apart(found) else found[-1], TRANSACTION_GAS_CAP)

    def code_hash(self, address: bytes) -> bytes:
        """Keccak of the runtime code, of nothing where there is none."""
        return keccak(self.code(address))

    def contract(self, name: str, address: bytes) -> Contract:
        """A compiled contract at an address."""
        return Contract(client=self, abi=contract_abi(name), address=address)

    # Transactions

    def tip_wei(self) -> int:
        """The median of what the endpoints suggest, the lower one of two."""
        tips = self._amounts(lambda client: client.tip_wei(), "a tip")
        return tips[(len(tips) - 1) // 2]

    def _amounts(self, question: Callable[[L1Client], int], what: str) -> list[int]:
        """What cannot be proven, and differs a little among honest endpoints, the smallest first: a quorum's answers, or
        everybody's where one is far from another, which may be a lie.

        Raises: as `Asker.several`.
        """
        found = sorted(self._ask.several(question, what))
        if _far_apart(found):
            found = max(found, sorted(self._ask.everybody(question)[0]), key=len)
        return found

    def send_raw(self, raw: bytes) -> bytes:
        """Hands a signed transaction to every endpoint; its hash, when one takes it."""
        taken, refusal = self._ask.everybody(lambda client: client.send_raw(raw))
        if not taken:
            raise refusal or self._ask.too_few("sending", 0)
        return keccak(raw)

    def transaction_input(self, transaction_hash: bytes) -> bytes | None:
        """The calldata of a transaction that all usable endpoints know; None when one of them does not."""
        found, _ = self._ask.everybody(lambda client: client.transaction_input(transaction_hash))
        return None if not found or None in found else found[0]
