"""A dispute about what is in a blob, on a node that nobody here wrote and that holds every blob against its commitment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_account.typed_transactions import base

from tallystick.blobs.archive import Archive
from tallystick.blobs.archive_server import ArchiveServer
from tallystick.blobs.blob_sources import BeaconBlobs, Blobs, BlobSource, NodeBlobs, StoredBlobs
from tallystick.blobs.kzg import hash_of, share_setup
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.party.duties import Mode
from tallystick.ports.system import SystemDisk
from tallystick.rollup.views.assertion_view import Status
from tallystick.schema.names import Outcome, Phase
from tallystick.state.hashing import keccak
from tallystick.state.layout import SOURCE_BLOBS
from tallystick.testing.l1_stage import Told, account, trade_a_little
from tests.anvil.conftest import AnvilStage, until

pytestmark = pytest.mark.anvil

FEES: dict[str, Any] = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9, "maxFeePerBlobGas": 10**10}


class BlobStage(AnvilStage):
    """A stage whose operator posts in blobs."""

    def post_in_blobs(self) -> list[bytes]:
        """Seal the open batch, post the last one in blobs and those before it as they are; return its blobs."""
        self.chain.request("evm_increaseTime", 1)
        self.mine(1)
        self.world.seal()
        published = self.world.published
        number = len(published.headers) - 1
        for before in range(self.posted, number):
            self._post(before)
        blobs = published.move_into_blobs(number)
        header = published.headers[number]
        data = self.client.contract("Inbox", self.place("Inbox")).encode(
            "postBlobs", number, header.time, header.until, header.message_limit
        )
        operator = account("operator")
        fields = FEES | {
            "type": 3,
            "chainId": self.client.chain_id(),
            "nonce": self.client.nonce(bytes.fromhex(operator.address[2:])),
            "gas": 500_000,
            "to": self.place("Inbox"),
            "value": 0,
            "data": data,
        }
        signed = operator.sign_transaction(fields, blobs=blobs)
        raw = bytes(signed.raw_transaction)
        self.chain.send_raw(raw)
        # Its hash is that of the transaction without the blobs that it is sent with.
        sent = keccak(raw[:1] + rlp.encode(rlp.decode(raw[1:])[0]))
        # Anvil 1.7.1 hashes a blob transaction with its blobs into the block's root, which no other node does: unproven.
        until(lambda: self.chain.receipt(sent) is not None)
        receipt = self.chain.receipt(sent)
        assert receipt is not None and receipt.succeeded
        self.posted += 1
        return blobs


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[BlobStage]:
    share_setup(base)
    made = BlobStage(tmp_path, most_blobs=2)
    yield made
    made.close()


def skips_a_chunk(machine: Machine) -> None:
    """Step as the machine does, but take the first chunk in a blob for one that does not follow."""
    registers = machine.state.registers
    opens = registers.phase == Phase.OPEN_CHUNK and registers.batch_source == SOURCE_BLOBS
    if opens and registers.chunk_cursor == 0 and not engine.halted(machine):
        registers.outcome = Outcome.CHUNK_SKIPPED
        registers.chunk_cursor += 1
        return
    engine.step(machine)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("source", ["node", "beacon", "archive"])
def test_a_lie_about_what_is_in_a_blob_loses_to_whoever_has_the_blob(
    stage: BlobStage, tmp_path: Path, source: str
) -> None:
    """With the archive, the party has an empty disk, and no node gives it any blob."""
    trade_a_little(stage)
    blobs = stage.post_in_blobs()
    strangers = Archive(SystemDisk(tmp_path / "stranger"))
    for blob in blobs:
        strangers.put(hash_of(blob), blob)
    server = ArchiveServer(strangers, 0)
    sources: dict[str, BlobSource] = {
        "node": NodeBlobs(stage.chain),
        "beacon": BeaconBlobs(stage.server.url, int),
        "archive": StoredBlobs(server.url),
    }
    own = Archive(SystemDisk(tmp_path / "own"))
    told = Told()
    liar = stage.party("operator", Mode.PROPOSE, Told(), skips_a_chunk, Blobs(strangers, []))
    honest = stage.party("challenger", Mode.RESOLVE, told, blobs=Blobs(own, [sources[source]]))
    try:
        stage.play([liar, honest], honest)
    finally:
        server.close()

    proofs = [facts for facts in told.named("moved") if facts["move"] == "prove"]
    assert [facts["step"] for facts in proofs] == ["OPEN_CHUNK"]
    confirmed = honest.rollup.assertions[honest.rollup.latest_confirmed]
    assert confirmed.state_hash == stage.world.state.hash(), "as whoever ran the records live"
    rejected = [each for each in honest.rollup.assertions.values() if each.status is Status.REJECTED]
    assert [each.proposer.hex() for each in rejected] == [account("operator").address[2:].lower()]
    assert len(own) == len(blobs)
