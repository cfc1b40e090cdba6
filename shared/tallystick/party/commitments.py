"""Whether views of the past are what the contracts commit to.

Everything a party acts on is bound by what the contracts hold at one block: the chain of messages and the hash of each
batch in the Inbox, each assertion with its children in the Rollup, and each edge that descends from a root in the
Challenge, and what a party is owed; a state that an event gives in full has the hash that stands there. Nothing can be left out either: messages,
batches, children and roots are counted there, and an edge that is bisected has two children. So views made from an
untrusted list of events are checked by asking for these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tallystick.dispute.edge_view import ENOUGH, ChallengeView, DisputeStatus
from tallystick.errors import BadInput, DataMismatch, DataMissing
from tallystick.l1.client.access import L1, Contract
from tallystick.rollup.genesis import decode_genesis, genesis_state
from tallystick.rollup.views.assertion_view import Assertion, RollupView, Status
from tallystick.rollup.views.credit_view import CreditView
from tallystick.rollup.views.inbox_view import InboxView
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import BatchNumber, BlockNumber
from tallystick.state.state import state_hash

STATUS: Final = {Status.PENDING: 1, Status.CONFIRMED: 2, Status.REJECTED: 3}
OPEN, BISECTED, PROVEN = 1, 2, 3
"""Progress of an edge, as in IChallenge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What a call must return if the views are right. `fields` picks some of a struct's; none picks all."""

    contract: Contract
    function: str
    arguments: tuple[Any, ...]
    expected: Any
    fields: tuple[str, ...] = ()


def check_commitments(
    client: L1,
    places: Mapping[str, bytes],
    block: BlockNumber,
    *,
    inbox: InboxView,
    rollup: RollupView,
    challenge: ChallengeView,
    credits_: Mapping[str, CreditView] | None = None,
    payee: bytes = b"",
) -> int:
    """Hold the views against the contracts at their addresses, at a block; return how many facts were asked for.

    Of `credits_`, by contract, only what the payee is owed is asked for.

    Raises: DataMismatch naming the first fact that differs; L1Error.
    """
    contracts = {name: client.contract(name, places[name]) for name in ("Inbox", "Rollup", "Challenge")}
    config_hash: bytes = contracts["Challenge"].call("configHash", block=block)
    try:
        facts = [
            *_inbox_facts(contracts["Inbox"], inbox),
            *_rollup_facts(contracts["Rollup"], rollup),
            *_challenge_facts(contracts["Challenge"], config_hash, rollup, challenge),
            *(_credit(contracts[name], view, payee) for name, view in (credits_ or {}).items() if payee),
        ]
    except (DataMissing, KeyError) as error:
        raise DataMismatch("the events do not fit together", reason=str(error)) from error
    calls = [(fact.contract.address, fact.contract.encode(fact.function, *fact.arguments)) for fact in facts]
    for fact, result in zip(facts, client.call_many(calls, block=block), strict=True):
        actual = fact.contract.abi.decode_result(fact.function, len(fact.arguments), result)
        if fact.fields:
            actual = {name: actual[name] for name in fact.fields}
        if actual != fact.expected:
            raise DataMismatch(
                f"the contracts say otherwise than the events: {fact.contract.abi.name}.{fact.function}",
                arguments=fact.arguments,
                events=fact.expected,
                contracts=actual,
            )
    return len(facts)


def _credit(contract: Contract, view: CreditView, payee: bytes) -> Fact:
    who = "0x" + payee.hex()
    return Fact(contract=contract, function="credit", arguments=(who,), expected=view.owed.get(payee, 0))


def _inbox_facts(inbox: Contract, view: InboxView) -> Iterator[Fact]:
    """The numbers of messages and batches, the chain of the messages, and each batch with its chunks."""
    yield Fact(contract=inbox, function="messageCount", arguments=(), expected=view.message_count)
    yield Fact(contract=inbox, function="batchCount", arguments=(), expected=view.batch_count)
    accumulator = view.accumulator
    yield Fact(contract=inbox, function="messageAccumulator", arguments=(view.message_count,), expected=accumulator)
    for index in map(BatchNumber, range(view.batch_count)):
        header = view.batch(index)
        view.chunk(index, 0)
        yield Fact(contract=inbox, function="batchHash", arguments=(index,), expected=keccak(header.pack()))


def _rollup_facts(rollup: Contract, view: RollupView) -> Iterator[Fact]:
    """The latest confirmed assertion, and each assertion with the number and the blocks of its children."""
    yield Fact(contract=rollup, function="latestConfirmed", arguments=(), expected=view.latest_confirmed)
    for each in view.assertions.values():
        if _hash_of_state(view, each) != each.state_hash:
            raise DataMismatch("an assertion's state is not what its hash says", assertion=each.id)
        expected = _assertion(view, each)
        yield Fact(
            contract=rollup, function="assertion", arguments=(each.id,), expected=expected, fields=tuple(expected)
        )


def _hash_of_state(view: RollupView, assertion: Assertion) -> bytes:
    """Raises: DataMismatch when the bytes of the first state are none."""
    if assertion.id != view.genesis_id:
        return state_hash(assertion.state_root, assertion.registers)
    try:
        return genesis_state(decode_genesis(view.genesis_data)).hash()
    except BadInput as error:
        raise DataMismatch("the first state is none", reason=error.message) from error


def _assertion(view: RollupView, assertion: Assertion) -> dict[str, Any]:
    children = [view.assertions[each] for each in view.children.get(assertion.id, [])]
    blocks = [each.block for each in children[:2]] + [0, 0]
    confirmed = [each.id for each in children if each.status is Status.CONFIRMED]
    return {
        "parent": assertion.parent or bytes(32),
        "stateHash": assertion.state_hash,
        "bonded": assertion.bonded or bytes(20),
        "limit": assertion.limit,
        "status": STATUS[assertion.status],
        "nextLimit": assertion.next_limit,
        "createdBlock": assertion.block,
        "firstChildBlock": blocks[0],
        "secondChildBlock": blocks[1],
        "childCount": len(children),
        "confirmedChild": confirmed[0] if confirmed else bytes(32),
    }


def _challenge_facts(
    challenge: Contract, config_hash: bytes, rollup: RollupView, view: ChallengeView
) -> Iterator[Fact]:
    """The dispute below each assertion with several children, whose its roots are, and what is left open or unpaid of it."""
    contested = {parent for parent, children in rollup.children.items() if len(children) > 1}
    parents = {each.parent for each in view.disputes.values()}
    parents |= {rollup.assertions[assertion].parent for assertion in view.roots}
    if parents - contested:
        raise DataMismatch("there is a dispute where nobody contradicts", parents=sorted(parents - contested))
    for parent, children in rollup.children.items():
        if len(children) < 2:
            continue
        dispute = view.dispute_below(parent)
        id_ = _dispute_id(config_hash, parent, rollup.assertions[parent].next_limit)
        if dispute is not None and dispute.id != id_:
            raise DataMismatch("a dispute has another name than its assertion gives it", dispute=dispute.id)
        roots = [root for child in children for root in view.roots.get(child, [])]
        expected: dict[str, Any] = {
            "exists": dispute is not None,
            "decided": dispute is not None and bool(dispute.winner),
            "settled": dispute is not None and dispute.settled,
            "roots": len(roots),
            "potWei": dispute.pot_wei if dispute is not None else 0,
        }
        yield Fact(
            contract=challenge, function="disputeState", arguments=(id_,), expected=expected, fields=tuple(expected)
        )
        if dispute is not None and dispute.winner:
            yield Fact(
                contract=challenge,
                function="decision",
                arguments=(parent, dispute.limit),
                expected={"decided": True, "winner": dispute.winner},
            )
        for child in children:
            for root in view.roots.get(child, []):
                if view.edges[root].edge.dispute != id_:
                    raise DataMismatch("a root is in another dispute than its assertion", edge=root)
                opened = {"assertion": child}
                yield Fact(
                    contract=challenge, function="rootState", arguments=(root,), expected=opened, fields=("assertion",)
                )
        if dispute is not None and dispute.settled and dispute.settled_edge not in view.roots.get(dispute.winner, []):
            raise DataMismatch("a dispute is settled on what is no root of its winner", dispute=id_)
        if dispute is not None and (not dispute.settled or dispute.pot_wei):
            yield from _edge_facts(challenge, dispute, view)


def _edge_facts(challenge: Contract, dispute: DisputeStatus, view: ChallengeView) -> Iterator[Fact]:
    """Every edge of a dispute, from its roots down: how far it is, since when, and whether it has rivals."""
    waiting = [root for roots in view.roots.values() for root in roots if view.edges[root].edge.dispute == dispute.id]
    known: set[bytes] = set()
    while waiting:
        id_ = waiting.pop()
        if id_ in known:
            continue
        known.add(id_)
        status = view.edges[id_]
        if status.edge.id != id_:
            raise DataMismatch("an edge is not what its name says", edge=id_)
        if status.children is not None:
            if status.edge.height == 0:
                raise DataMismatch("an edge over one step has halves", edge=id_)
            waiting += [child.id for child in view.children(status.edge, *status.children)]
        progress = PROVEN if status.proven else OPEN if status.children is None else BISECTED
        total = ENOUGH if status.proven else status.cached
        expected = {"createdBlock": status.created, "totalBlocks": total, "progress": progress}
        yield Fact(
            contract=challenge, function="edgeState", arguments=(id_,), expected=expected, fields=tuple(expected)
        )
        rivalled = view.rivalled.get(status.edge.context)
        yield Fact(
            contract=challenge,
            function="contextState",
            arguments=(status.edge.context,),
            expected={"exists": True, "rivalled": rivalled is not None, "rivalledBlock": rivalled or 0},
        )


def _dispute_id(config_hash: bytes, parent: bytes, limit: BatchNumber) -> bytes:
    return keccak(config_hash + parent + limit.to_bytes(32, "big"))
