"""How long a party with an empty disk takes to read a long past, and to check it."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tallystick.bench.start.pastnode import CHAIN_ID, GENESIS_BLOCK, PLACES, serve
from tallystick.dispute.edge_view import ChallengeView
from tallystick.l1.client.events import CONTRACTS, ContractReader
from tallystick.l1.client.logstore import LogStore
from tallystick.l1.client.quorum import QuorumClient
from tallystick.party.commitments import check_commitments
from tallystick.ports.system import SystemClock
from tallystick.rollup.views.assertion_view import RollupView
from tallystick.rollup.views.inbox_view import InboxView
from tallystick.state.ordinals import BlockNumber

YEAR_BLOCKS: Final = 365 * 7_200
AIM_HEADERS_PER_SECOND: Final = 750
LINKED_SAMPLE_BLOCKS: Final = 4_000
START_SECONDS: Final = 1_200
Progress = Callable[[str], None]


def measure(blocks: int, progress: Progress) -> dict[str, Any]:
    """Read a made-up past of so many blocks as a party does, from an endpoint in a process of its own.

    Shape: `headers_per_second` are the blocks of the past over all of the time, checks included;
    `linked_headers_per_second` is how fast headers are proven one by one, in the newest of them, for comparison.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    node = context.Process(target=serve, args=(blocks, theirs), daemon=True)
    node.start()
    try:
        progress(f"making {blocks:,} blocks up")
        if not ours.poll(START_SECONDS):
            raise TimeoutError("the endpoint did not start")
        with tempfile.TemporaryDirectory(prefix="tallystick-past-") as folder:
            return _read(str(ours.recv()), blocks, Path(folder), progress)
    finally:
        node.terminate()
        node.join()


def _read(url: str, blocks: int, folder: Path, progress: Progress) -> dict[str, Any]:
    client = QuorumClient([url], chain_id=CHAIN_ID, clock=SystemClock())
    contracts = [client.contract(name, PLACES[name]) for name in CONTRACTS]
    inbox, rollup, challenge = InboxView(), RollupView(), ChallengeView()
    store = LogStore(folder / "events.sqlite", b"bench")
    reader = ContractReader(client, contracts, BlockNumber(GENESIS_BLOCK), store=store, claims=True)
    began = time.perf_counter()
    events = facts = 0
    claimed = False
    checked = 0.0
    for batch in reader.to_head():
        claimed = claimed or batch.claimed
        events += len(batch)
        for view in (inbox, rollup, challenge):
            for event in batch:
                view.apply(event)
        progress(f"read up to block {batch.read_to.number:,}: {events:,} events")
        if batch.claim_ends:
            at = time.perf_counter()
            facts = check_commitments(
                client, PLACES, batch.read_to.number, inbox=inbox, rollup=rollup, challenge=challenge
            )
            reader.accept()
            checked = time.perf_counter() - at
    seconds = time.perf_counter() - began
    store.close()
    rate = blocks / seconds
    return {
        "blocks": blocks,
        "events": events,
        "facts_checked": facts,
        "claimed": claimed,
        "seconds": round(seconds, 1),
        "seconds_checking": round(checked, 1),
        "headers_per_second": round(rate),
        "linked_headers_per_second": round(_linked(client, blocks)),
        "aims": {"headers_per_second": AIM_HEADERS_PER_SECOND},
        "ok": rate >= AIM_HEADERS_PER_SECOND,
    }


def _linked(client: QuorumClient, blocks: int) -> float:
    """Return how many headers a second are proven, each to its hash and to its child."""
    count = min(LINKED_SAMPLE_BLOCKS, blocks - 2)
    began = time.perf_counter()
    client.prove_headers(BlockNumber(blocks - 1 - count), BlockNumber(blocks - 1))
    return count / (time.perf_counter() - began)


def text(result: dict[str, Any]) -> str:
    """Return a result for people."""
    return (
        f"{result['blocks']:,} blocks with {result['events']:,} events in {result['seconds']} s, of which "
        f"{result['seconds_checking']} s to check {result['facts_checked']:,} facts that the contracts commit to\n"
        f"{result['headers_per_second']:,} blocks a second (aim: {AIM_HEADERS_PER_SECOND}); proving every header: "
        f"{result['linked_headers_per_second']:,} a second, without any receipt"
    )
