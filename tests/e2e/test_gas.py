"""What each transaction of the road costs, held against a committed snapshot."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import coincurve

from tallystick.demo.double_check import Auditor
from tallystick.l1.client.events import EventReader
from tallystick.party.duties import Mode
from tallystick.records.chunks import PROMISED
from tallystick.rollup.promised_chain import chunk_argument, frames_of, receipt_argument
from tallystick.rollup.views.assertion_view import assertion_id
from tallystick.state.hashing import keccak
from tallystick.state.layout import FLAG_IOC
from tallystick.state.ordinals import BatchNumber
from tallystick.state.state import state_hash
from tallystick.testing.group_signing import sign_group
from tallystick.testing.l1_stage import Stage, Told, trade_a_little
from tallystick.testing.rogues.lies import LIES
from tallystick.testing.world import address
from tallystick.testing.world import key as secret

SNAPSHOT = Path(__file__).parents[2] / "contracts" / "snapshots" / "gas_moves.json"
TOLERANCE = 0.08
"""Timestamps differ by a few non-zero bytes, and deciding stores more totals or fewer by who came first where."""
CAPS = {"deposit_first": 200_000, "deposit": 200_000, "claim": 200_000, "asserted": 200_000, "prove": 3_000_000}


def measure(folder: Path) -> dict[str, int]:
    """Play one whole dispute and return the gas of every kind of transaction, medians where there are several."""
    stage = Stage(folder)
    try:
        trade_a_little(stage)
        found: dict[str, list[int]] = defaultdict(list)
        found["post_batch"].append(stage.publish())
        told = Told()
        liar = stage.party("operator", Mode.PROPOSE, Told(), LIES["worse-fill"](bytes(20)).step)
        honest = stage.party("challenger", Mode.RESOLVE, told)
        stage.play([liar, honest], honest)
        for _ in range(4):
            honest.tick()
        for name, facts in told.events:
            if "gas" in facts:
                found[facts.get("move", name)].append(facts["gas"])
        events = EventReader(stage.client, stage.deployment).poll().events
        for event in events:
            if event.name == "Deposited":
                receipt = stage.client.receipt(event.tx_hash)
                found["deposit" if found["deposit_first"] else "deposit_first"].append(
                    receipt.gas_used if receipt else 0
                )
        proof = Auditor(stage.deployment.config.root_height).audit(events).withdrawal_proof(0)
        found["claim"].append(stage.transact("bob", "claim", "Vault", "claim", *proof))
        found["enqueue_record"].append(
            stage.transact("bob", "record", "Inbox", "enqueueRecord", bytes(range(100, 200)))
        )
        for name, gas in measure_pool(stage, honest.mind.rollup.latest_confirmed).items():
            found[name].append(gas)
        for name, gas in measure_receipts(stage).items():
            found[name].append(gas)
        first = found["bisect"][0]
        return {"bisect_first": first} | {name: int(median(values)) for name, values in sorted(found.items())}
    finally:
        stage.close()


def measure_pool(stage: Stage, parent: bytes) -> dict[str, int]:
    """Post an assertion from a pool of two and a child of it, and return what each call to the pool takes."""
    bond = stage.deployment.config.assertion_bond_wei
    claim, registers = post_of(stage, parent)
    wanted = {"parent": parent, "stateHash": state_hash(*claim), "limit": registers.batch_cursor}
    wanted |= {"root": False, "span": bytes(32)}
    pool = stage.call("BondPool", "poolId", wanted)
    gas = {
        "pool_join_first": stage.transact("alice", "in", "BondPool", "join", wanted, value_wei=bond // 2),
        "pool_join": stage.transact("bob", "in", "BondPool", "join", wanted, value_wei=bond // 2),
        "pool_make_post": stage.transact("alice", "made", "BondPool", "makePost", pool, *claim),
    }
    mine = assertion_id(parent, state_hash(*claim))
    child, registers = post_of(stage, mine)
    stage.transact("bob", "child", "Rollup", "post", mine, registers.batch_cursor, *child, bytes(32), value_wei=bond)
    gas["pool_collect"] = stage.transact("bob", "home", "BondPool", "collect", pool)
    gas["pool_quit"] = stage.transact("bob", "out", "BondPool", "quit", pool)
    return gas


def measure_receipts(stage: Stage) -> dict[str, int]:
    """Break promises of two records in a full chunk, and return what each call to Receipts takes."""
    world, key = stage.world, coincurve.PrivateKey(secret("receipts"))
    signer = keccak(key.public_key.format(compressed=False)[1:])[12:]
    gas = {"receipts_deposit": stage.transact("operator", "bond", "Receipts", "deposit", value_wei=10**18)}
    stage.transact("operator", "key", "Receipts", "setKey", signer)
    stage.begin()
    registers = world.state.registers
    before, first = registers.promised_accumulator, registers.promised_count
    for _ in range(50):
        world.order(1, 0, 0, 600_000, 1, flags=FLAG_IOC)
    stage.publish()
    batch = stage.posted - 1
    chunk = chunk_argument(world.published, BatchNumber(batch), 0)
    hashes = [keccak(data) for data in frames_of(chunk["chunk"]) if data[0] in PROMISED]
    promise = partial(sign_group, key, registers.domain, epoch=0, post_by=1)
    kept = promise(first=first, before=before, record_hashes=hashes[:64])
    broken = promise(first=first, before=before, record_hashes=[*hashes[:15], keccak(b"promised")])[15]
    gas["receipts_claim"] = stage.transact(
        "alice", "claim", "Receipts", "claimMissing", receipt_argument(kept[0]), value_wei=10**17
    )
    gas["receipts_show"] = stage.transact(
        "operator", "show", "Receipts", "showPosted", [kept[0].place], before, hashes[:1], chunk
    )
    calls = {
        "conflict": (receipt_argument(kept[15]), receipt_argument(broken), bytes(32)),
        "contradicted": (receipt_argument(broken), [keccak(b"promised")], chunk),
    }
    contract = stage.client.contract("Receipts", stage.place("Receipts"))
    for function, arguments in calls.items():
        evidence = keccak(contract.encode(function, *arguments))
        committed = keccak(address("alice").rjust(32, b"\0") + evidence)
        gas["receipts_commit"] = stage.transact("alice", f"commit {function}", "Receipts", "commit", committed)
    stage.mine(2)
    for function in ("contradicted", "conflict"):
        gas[f"receipts_{function}"] = stage.transact("alice", function, "Receipts", function, *calls[function])
    return gas


def post_of(stage: Stage, parent: bytes) -> tuple[tuple[bytes, bytes], Any]:
    """Publish a batch and return some state behind it as a child's root and registers, and these unpacked."""
    stage.begin()
    stage.publish()
    stage.mine(1)
    registers = stage.world.state.registers
    assert stage.call("Rollup", "assertion", parent)["nextLimit"] == registers.batch_cursor
    return (bytes(32), registers.pack()), registers


def test_every_transaction_costs_what_the_snapshot_says(tmp_path: Path) -> None:
    """Set TALLYSTICK_WRITE_GAS=1 to write the snapshot anew when a change of it is meant."""
    measured = measure(tmp_path)
    if os.environ.get("TALLYSTICK_WRITE_GAS"):
        SNAPSHOT.write_text(json.dumps(measured, indent=2, sort_keys=True) + "\n")
    expected = json.loads(SNAPSHOT.read_text())

    assert set(measured) == set(expected)
    off = {name: (gas, expected[name]) for name, gas in measured.items() if abs(gas / expected[name] - 1) > TOLERANCE}
    assert not off
    assert not {name: measured[name] for name, cap in CAPS.items() if measured[name] > cap}
