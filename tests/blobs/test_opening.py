"""The step that opens a chunk in a blob: both EVMs take its witness, and no witness that was tampered with."""

from __future__ import annotations

import random
from functools import cache

import pytest

from tallystick.blobs.kzg import MODULUS, prove_chunk
from tallystick.proof.tracer import StepProof
from tallystick.records.blob_chunks import pack_blob
from tallystick.referee.judge import registers_of
from tallystick.referee.runner import TwinRunner
from tallystick.referee.two_evms import PyEvm
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import SOURCE_BLOBS
from tallystick.state.ordinals import BatchNumber
from tallystick.testing import scenarios
from tallystick.testing.mutations import INPUT_AT

MOST_GAS = 10_000_000
HASHES_BYTES, COMMITMENT_BYTES, PROVEN_BYTES = 64, 48, 80


@cache
def openings() -> tuple[list[tuple[StepProof, Outcome | None]], TwinRunner]:
    """The steps that open chunks of blobs: the first, one that is void, and the first of the second blob."""
    played = scenarios.play("in_blobs")
    found: list[tuple[StepProof, Outcome | None]] = []
    for proof, outcome in played.steps():
        registers = registers_of(proof.witness)
        if proof.phase == Phase.OPEN_CHUNK and registers.batch_source == SOURCE_BLOBS and len(proof.witness) > 2000:
            found.append((proof, outcome))
    return found, TwinRunner(played.scene.published)


def limit() -> int:
    return len(openings()[1].published.headers)


def refuses(proof: StepProof, witness: bytes) -> bool:
    assert witness != proof.witness
    return openings()[1].call(proof.pre_hash, limit(), witness).returned is None


def parts(proof: StepProof) -> tuple[bytes, bytes, bytes]:
    """The witness before the input, the input, and what is behind it."""
    start = INPUT_AT + 2
    length = int.from_bytes(proof.witness[INPUT_AT:start], "big")
    return proof.witness[:start], proof.witness[start : start + length], proof.witness[start + length :]


def test_the_scenario_has_a_chunk_that_is_opened_one_that_is_void_and_one_of_the_second_blob() -> None:
    assert [outcome for _, outcome in openings()[0]] == [None, Outcome.CHUNK_SKIPPED, None]
    assert [registers_of(proof.witness).chunk_cursor for proof, _ in openings()[0]] == [0, 1, 64]


@pytest.mark.parametrize("at", range(3))
def test_the_referee_opens_it_with_gas_that_a_transaction_has(at: int) -> None:
    proof, _ = openings()[0][at]
    assert openings()[1].check(proof, limit()) < MOST_GAS


def test_a_second_evm_says_the_same_and_takes_the_same_gas() -> None:
    proof, _ = openings()[0][0]
    runner = openings()[1]
    assert TwinRunner(runner.published, PyEvm).check(proof, limit()) == runner.check(proof, limit())


@pytest.mark.parametrize("at", range(3))
def test_one_flipped_bit_of_hash_commitment_element_or_proof_is_refused(at: int) -> None:
    proof, _ = openings()[0][at]
    head, data, tail = parts(proof)
    chance = random.Random(at)
    first = HASHES_BYTES + COMMITMENT_BYTES
    places = [0, 31, 32, 63, HASHES_BYTES, HASHES_BYTES + 47, first, first + 31, first + 32, len(data) - 1]
    for place in (*places, *(chance.randrange(len(data)) for _ in range(10))):
        flipped = bytearray(data)
        flipped[place] ^= 1 << chance.randrange(8)
        assert refuses(proof, head + bytes(flipped) + tail), f"byte {place} of the input"


def test_an_element_that_is_the_same_by_the_modulus_is_refused() -> None:
    proof, _ = openings()[0][0]
    head, data, tail = parts(proof)
    place = HASHES_BYTES + COMMITMENT_BYTES + 63 * PROVEN_BYTES
    element = int.from_bytes(data[place : place + 32], "big") + MODULUS
    assert refuses(proof, head + data[:place] + element.to_bytes(32, "big") + data[place + 32 :] + tail)


def test_elements_in_another_order_another_chunk_or_another_blobs_chunk_are_refused() -> None:
    proof, _ = openings()[0][0]
    head, data, tail = parts(proof)
    first = HASHES_BYTES + COMMITMENT_BYTES
    one, two = data[first : first + PROVEN_BYTES], data[first + PROVEN_BYTES : first + 2 * PROVEN_BYTES]
    assert refuses(proof, head + data[:first] + two + one + data[first + 2 * PROVEN_BYTES :] + tail)
    for other in (1, 2):
        assert refuses(proof, head + parts(openings()[0][other][0])[1] + tail)


def test_another_blob_that_is_well_proven_is_refused() -> None:
    proof, _ = openings()[0][0]
    head, data, tail = parts(proof)
    other = prove_chunk([pack_blob([b"another"])], 0)
    assert refuses(proof, head + data[:HASHES_BYTES] + other[32:] + tail)
    assert refuses(proof, head + other[:32] + data[32:HASHES_BYTES] + other[32:] + tail)


def test_an_input_that_is_shorter_or_longer_is_refused() -> None:
    proof, _ = openings()[0][0]
    head, data, tail = parts(proof)
    for changed in (data[:-1], data + b"\0", data[:-PROVEN_BYTES], data + data[-PROVEN_BYTES:], data[32:], b""):
        assert refuses(proof, head[:-2] + len(changed).to_bytes(2, "big") + changed + tail)


def test_what_calldata_would_prove_is_refused_for_a_batch_in_blobs() -> None:
    proof, _ = openings()[0][0]
    head, data, tail = parts(proof)
    chunk = openings()[1].published.chunk(BatchNumber(limit() - 1), 0)  # type: ignore[attr-defined]
    changed = data[:HASHES_BYTES] + chunk
    assert refuses(proof, head[:-2] + len(changed).to_bytes(2, "big") + changed + tail)
