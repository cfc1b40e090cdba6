"""Contracts that are wired as the real ones are and do nothing else."""

import json
from pathlib import Path

from tallystick.artifacts import Artifact

STUBS = json.loads(Path(__file__).with_name("Stubs.json").read_text())
SEQUENCER = bytes.fromhex("00000000000000000000000000000000005e9e0a")
STEPS = ("OpenBatch", "OpenChunk")

FILE = """
[contracts]
sequencer = "0x00000000000000000000000000000000005e9e0a"
challenge_period_blocks = 100

[genesis]
governance = "0x000000000000000000000000000000000000b055"
quorum = 3
signers = [
    "0x0000000000000000000000000000000000000001",
    "0x0000000000000000000000000000000000000002",
    "0x0000000000000000000000000000000000000003",
]
"""


def load_stub(name: str) -> Artifact:
    fields = STUBS.get(name, STUBS["Step"])
    return Artifact(
        contract=name,
        abi=fields["abi"],
        bytecode=bytes.fromhex(fields["bytecode"]),
        deployed_bytecode=bytes.fromhex(fields["deployedBytecode"]),
        immutable_references=tuple((at, size) for at, size in fields["immutableReferences"]),
        code_size=len(fields["deployedBytecode"]) // 2,
    )
