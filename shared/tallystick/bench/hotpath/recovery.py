"""Recovering signers and nothing else: what bounds single orders before all else."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Final

from tallystick.bench.hotpath.signed_flow import Flow, genesis
from tallystick.records.codec import Record, decode
from tallystick.records.signing import digest, recover
from tallystick.rollup.genesis import genesis_state

SIGNATURES: Final = 2_000
SECONDS: Final = 2.0


def run(_: dict[str, Any]) -> None:
    """Say when it is ready, wait for a line, and say how many it recovers a second."""
    domain = genesis_state(genesis()).registers.domain
    signed: list[tuple[bytes, bytes]] = []
    for _account, data in Flow(domain, range(1, 101), seed=1).singles(SIGNATURES):
        record = decode(data)
        assert isinstance(record, Record)
        signed.append((digest(record, domain), record.signature))
    _tell({"ready": True})
    sys.stdin.readline()
    done, began = 0, time.monotonic()
    while time.monotonic() - began < SECONDS:
        for message, signature in signed[:100]:
            recover(message, signature)
        done += 100
    _tell({"per_second": round(done / (time.monotonic() - began))})


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
