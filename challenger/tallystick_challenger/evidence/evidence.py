"""Making the bundle of one dispute from L1, and saying what a bundle proves."""

from __future__ import annotations

from typing import Any, Final

from tallystick import artifacts
from tallystick.dispute.edge_view import Edge
from tallystick.dispute.trace_tree import Trace
from tallystick.drawing import Page, figures, table
from tallystick.errors import DataMissing
from tallystick.l1.proofs.logproof import LogProof, prove_log
from tallystick.party.planner import Planner
from tallystick.referee.bundle import FORMAT, Accumulator, Bundle, Claim, Header, Origin, Place, Side, Step
from tallystick.referee.judge import Verdict, chunk_of, registers_of
from tallystick.rollup.views.assertion_view import Assertion
from tallystick.schema.names import Phase
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import BatchNumber, BlockNumber
from tallystick_challenger.disputes.dispute_facts import hex_, short

GENESIS_PARENT: Final = bytes(32)


def make_bundle(planner: Planner, parent: bytes, index: int | None = None) -> Bundle:
    """Return the evidence about one leaf of a dispute, the first one by default.

    Raises: DataMissing when the dispute has not come down to a single step on L1.
    """
    mine = planner.true_child(parent)
    if mine is None:
        raise DataMissing("nobody has asserted the true state yet", hint="`challenger dispute move` asserts it")
    trace = planner.trace(mine)
    leaf = _leaf(planner, parent, trace, index)
    proof = trace.prove(leaf.index)
    witness = proof.step.witness
    origin = planner.rollup.assertions[parent]
    claims = [_own(mine, trace, leaf), *_rivals(planner, leaf)]
    config_hash = planner.client.contract("Challenge", _at(planner, "Challenge")).call("configHash")
    named = [planner.rollup.assertions[each] for each in dict.fromkeys(claim.assertion for claim in claims)]
    batches, messages = _inputs(planner, witness, mine.limit)
    return Bundle(
        format=FORMAT,
        machine=artifacts.machine_version(),
        place=Place(
            chain_id=planner.deployment.chain_id,
            rollup=_at(planner, "Rollup"),
            challenge=_at(planner, "Challenge"),
            inbox=_at(planner, "Inbox"),
            config_hash=config_hash,
            height=trace.height,
        ),
        origin=Origin(parent=origin.parent or GENESIS_PARENT, state_hash=origin.state_hash),
        limit=mine.limit,
        sides=tuple(Side(assertion=each.id, state_root=each.state_root, registers=each.registers) for each in named),
        claims=tuple(claims),
        step=Step(
            index=leaf.index,
            pre=proof.pre,
            base_prev=proof.base_prev,
            siblings=proof.siblings,
            witness=witness,
        ),
        batches=batches,
        messages=messages,
        logs=tuple(_logs(planner, leaf, named, claims, witness, batches, messages)),
    )


def verdict_facts(verdict: Verdict) -> dict[str, Any]:
    """Return what a bundle proves."""
    return {
        "dispute": hex_(verdict.dispute),
        "parent": hex_(verdict.parent),
        "step": verdict.index,
        "phase": verdict.phase,
        "pre": hex_(verdict.pre),
        "post": hex_(verdict.post),
        "gas": verdict.gas,
        "claims": [
            {
                "assertion": hex_(each.assertion),
                "root": hex_(each.root),
                "right": each.right,
                "ends_in_assertion": each.ends_in_assertion,
            }
            for each in verdict.claims
        ],
        "on_l1": [
            {"what": what, "block": log.block, "block_hash": hex_(log.block_hash)} for what, log in verdict.on_l1
        ],
        "not_on_l1": list(verdict.not_on_l1),
    }


def verdict_page(facts: dict[str, Any]) -> Page:
    """Return what a bundle proves for a terminal."""
    page: Page = [
        f"Dispute {short(facts['dispute'])} after {short(facts['parent'])}, at step {facts['step']}: {facts['phase']}",
        f"All sides agree on the state before it, {short(facts['pre'])}.",
        f"The Referee, run on its own bytecode, comes to {short(facts['post'])} ({facts['gas']:,} gas).",
        "",
    ]
    for each in facts["claims"]:
        what = "RIGHT at this step" if each["right"] else "WRONG: it claims another state after this step"
        page.append(f"   {short(each['assertion'])} by root {short(each['root'])}: {what}")
    if not any(each["right"] for each in facts["claims"]):
        page.append("   nobody here claims what the step gives: all of them are wrong")
    page += ["", "Proven to be in these blocks; compare their hashes with any node of the chain"]
    rows = [(each["block"], each["block_hash"], each["what"]) for each in facts["on_l1"]]
    page.append(table([figures("block"), "hash", "what"], rows, indent=3) if rows else "   nothing")
    if facts["not_on_l1"]:
        page += ["", "In the bundle without such a proof", *(f"   {each}" for each in facts["not_on_l1"])]
    return page


def _leaf(planner: Planner, parent: bytes, trace: Trace, index: int | None) -> Edge:
    """Return the own leaf that has a rival on L1."""
    dispute = planner.contested()[parent]
    found = [
        each.edge
        for each in planner.challenge.edges.values()
        if dispute is not None
        and each.edge.dispute == dispute.id
        and each.edge.height == 0
        and planner.challenge.is_rivalled(each.edge)
        and trace.span(0, each.edge.index) == each.edge.span
        and trace.base(0, each.edge.index) == each.edge.base
        and index in (None, each.edge.index)
    ]
    if not found:
        raise DataMissing(
            "the dispute has not come down to this one step" if index is not None else "no single step is disputed yet",
            hint="only what both sides have committed to on L1 can be judged; `challenger dispute show` tells how far "
            "it has come",
        )
    return min(found, key=lambda edge: edge.index)


def _own(mine: Assertion, trace: Trace, leaf: Edge) -> Claim:
    openings: list[tuple[bytes, bytes]] = []
    for height in range(trace.height - 1, -1, -1):
        left = leaf.index >> (height + 1) << 1
        openings.append((trace.span(height, left), trace.span(height, left + 1)))
    return Claim(
        assertion=mine.id,
        span=trace.span(trace.height, 0),
        siblings=trace.last_leaf_siblings(),
        openings=tuple(openings),
    )


def _rivals(planner: Planner, leaf: Edge) -> list[Claim]:
    """Return one claim for every other span in the leaf's place: the way down from a root that leads there."""
    view = planner.challenge
    above: dict[bytes, bytes] = {}
    for status in view.edges.values():
        if status.edge.dispute == leaf.dispute and status.children is not None:
            for child in view.children(status.edge, *status.children):
                above.setdefault(child.id, status.edge.id)
    assertions = {root: assertion for assertion, roots in view.roots.items() for root in roots}
    claims: list[Claim] = []
    for status in view.edges.values():
        if status.edge.context != leaf.context or status.edge.span == leaf.span:
            continue
        at, openings = status.edge.id, list[tuple[bytes, bytes]]()
        while at in above:
            at = above[at]
            openings.append(view.edges[at].children or (b"", b""))
        span = view.edges[at].edge.span
        claims.append(Claim(assertion=assertions[at], span=span, siblings=(), openings=tuple(openings[::-1])))
    return claims


def _inputs(planner: Planner, witness: bytes, limit: BatchNumber) -> tuple[tuple[Header, ...], tuple[Accumulator, ...]]:
    """Return what the step asks the Inbox for."""
    registers = registers_of(witness)
    if registers.phase == Phase.OPEN_BATCH and registers.batch_cursor < limit:
        header = planner.inbox.batch(registers.batch_cursor)
        return (
            Header(
                index=registers.batch_cursor,
                time=header.time,
                until=header.until,
                message_limit=header.message_limit,
                source=header.source,
                poster=header.poster,
                chunk_count=header.chunk_count,
                chunks_hash=header.chunks_hash,
            ),
        ), ()
    if registers.phase == Phase.CONSUME_MESSAGE and registers.message_cursor < planner.inbox.message_count:
        chain = [bytes(32)]
        for message in planner.inbox.messages[: registers.message_cursor + 1]:
            chain.append(keccak(chain[-1] + keccak(message)))
        counts = (registers.message_cursor, registers.message_cursor + 1)
        return (), tuple(Accumulator(count=count, value=chain[count]) for count in counts)
    return (), ()


def _logs(
    planner: Planner,
    leaf: Edge,
    named: list[Assertion],
    claims: list[Claim],
    witness: bytes,
    batches: tuple[Header, ...],
    messages: tuple[Accumulator, ...],
) -> list[LogProof]:
    """Return the proofs of everything a bundle speaks of, as far as the endpoint gives them."""
    view, height = planner.challenge, planner.deployment.config.root_height
    wanted: list[tuple[str, str, int, dict[str, Any]]] = [
        ("Rollup", "AssertionPosted", each.block, {"id": each.id}) for each in named
    ]
    spans = {claim.span for claim in claims}
    for status in view.edges.values():
        if status.edge.dispute == leaf.dispute and status.edge.height == height and status.edge.span in spans:
            wanted.append(("Challenge", "RootOpened", status.created, {"edge": status.edge.id}))
        if status.edge.context == leaf.context:
            wanted.append(("Challenge", "EdgeAdded", status.created, {"edge": status.edge.id}))
    blocks = planner.inbox.posted_blocks
    wanted += [("Inbox", "BatchPosted", blocks[each.index], {"index": each.index}) for each in batches]
    data = chunk_of(witness)
    if data:
        wanted.append(("Inbox", "ChunkPosted", blocks[registers_of(witness).batch_cursor], {"data": data}))
    known = {each.value for each in messages if each.count}
    if known:
        inbox = planner.client.contract("Inbox", _at(planner, "Inbox"))
        queued = inbox.events(planner.deployment.first_block, planner.head, "MessageQueued")
        wanted += [
            ("Inbox", "MessageQueued", each.log.block_number, {"index": each.args["index"]})
            for each in queued
            if each.args["accumulator"] in known
        ]
    found: list[LogProof] = []
    for name, event_name, block, facts in wanted:
        contract = planner.client.contract(name, _at(planner, name))
        proof = prove_log(contract, BlockNumber(block), event_name, facts)
        found += [proof] if proof is not None else []
    return found


def _at(planner: Planner, contract: str) -> bytes:
    return planner.deployment.addresses.all()[contract]
