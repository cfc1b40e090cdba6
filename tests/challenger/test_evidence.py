"""A dispute in a file: what it proves offline, and that nothing in it can be changed unnoticed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tallystick.errors import BadEncoding, BadInput, DataError, DataMismatch, DataMissing
from tallystick.party.duties import Mode
from tallystick.party.party import Party
from tallystick.referee.bundle import Bundle, decode, encode
from tallystick.referee.judge import Verdict, judge
from tallystick.referee.two_evms import PyEvm
from tallystick.schema.names import Phase
from tallystick.testing.l1_stage import Stage, Told
from tallystick.testing.rogues.lies import LIES
from tallystick_challenger.cli import app
from tests.adversaries.operator_state import LieAt, add, afterwards

ROUNDS = 60


def lie_at(phase: Phase) -> Any:
    """A lie about what one kind of step does."""
    return LieAt(phase=phase, tamper=afterwards(lambda m: add(m.state.accounts, 1, 0, 1))).step


def down_to_one_step(stage: Stage, step: Any) -> Party:
    """Play until a leaf is disputed and not proven yet; return the liar."""
    liar = stage.party("operator", Mode.PROPOSE, Told(), step)
    honest = stage.party("challenger", Mode.DEFEND, Told())
    for _ in range(ROUNDS):
        liar.tick()
        honest.tick()
        leaves = [each for each in honest.challenge.edges.values() if each.edge.height == 0]
        if any(honest.challenge.is_rivalled(each.edge) for each in leaves):
            return liar
    raise AssertionError("the dispute did not come down")


def command(stage: Stage, folder: Path, name: str, *more: str) -> Result:
    l1 = ["--deployment", str(folder / "deployment.json"), "--rpc", stage.server.url]
    return CliRunner().invoke(app, [name, *more, *(l1 if name == "export" else [])])


def exported(stage: Stage, folder: Path) -> Bundle:
    path = folder / "dispute.json"
    result = command(stage, folder, "export", "--out", str(path))
    assert result.exit_code == 0, repr(result.exception)
    return decode(path.read_bytes())


def test_a_bundle_says_offline_who_is_right_and_what_is_on_l1(stage: Stage, tmp_path: Path) -> None:
    liar = down_to_one_step(stage, LIES["worse-fill"](bytes(20)).step)
    bundle = exported(stage, tmp_path)
    lie = next(each.id for each in liar.rollup.assertions.values() if each.proposer == liar.queue.address)  # type: ignore[union-attr]
    other = command(stage, tmp_path, "export", "--step", str(bundle.step.index + 1))
    assert isinstance(other.exception, DataMissing)
    stage.server.close()
    shown = command(stage, tmp_path, "check-bundle", str(tmp_path / "dispute.json"), "--json")
    assert shown.exit_code == 0, repr(shown.exception)
    facts = json.loads(shown.stdout)
    assert facts["phase"] == "MATCH_MAKER"
    assert {each["assertion"]: each["right"] for each in facts["claims"]}["0x" + lie.hex()] is False
    assert [each["right"] for each in facts["claims"]] == [True, False]
    assert facts["claims"][0]["ends_in_assertion"]
    # two assertions, two roots, two leaves; a maker's match reads no chunk
    assert len(facts["on_l1"]) == 6 and facts["not_on_l1"] == []
    page = command(stage, tmp_path, "check-bundle", str(tmp_path / "dispute.json")).stdout
    assert "RIGHT at this step" in page and "WRONG" in page
    assert judge(bundle, PyEvm).post == judge(bundle).post


@pytest.mark.parametrize(
    ("phase", "on_l1"),
    [
        (Phase.OPEN_BATCH, "batch 0"),
        (Phase.OPEN_CHUNK, "the chunk that the step reads"),
        (Phase.CONSUME_MESSAGE, "message 0"),
        (Phase.FETCH_RECORD, "the chunk that the step reads"),
    ],
)
def test_a_step_that_reads_l1_is_judged_with_what_it_read(
    stage: Stage, tmp_path: Path, phase: Phase, on_l1: str
) -> None:
    down_to_one_step(stage, lie_at(phase))
    verdict = judge(exported(stage, tmp_path))
    assert verdict.phase == phase.name
    assert [each.right for each in verdict.claims] == [True, False]
    assert on_l1 in dict(verdict.on_l1) and verdict.not_on_l1 == ()


def test_a_bundle_can_still_be_made_when_all_is_settled(stage: Stage, tmp_path: Path) -> None:
    liar = down_to_one_step(stage, LIES["mint-deposit"](bytes(20)).step)
    honest = stage.party("second", Mode.RESOLVE, Told())
    stage.play([liar, honest], honest)
    assert [each.right for each in judge(exported(stage, tmp_path)).claims] == [True, False]


def test_before_one_step_is_disputed_there_is_nothing_to_judge(stage: Stage, tmp_path: Path) -> None:
    stage.party("operator", Mode.PROPOSE, Told(), LIES["worse-fill"](bytes(20)).step).tick()
    assert isinstance(command(stage, tmp_path, "export").exception, DataMissing)
    stage.party("challenger", Mode.DEFEND, Told()).tick()
    assert isinstance(command(stage, tmp_path, "export").exception, DataMissing)


def flipped(value: Any) -> Iterator[Any]:
    """Every value that differs from this one in one bit of one of its parts."""
    if isinstance(value, str) and value.startswith("0x") and len(value) > 2:
        for at in {0, (len(value) - 2) // 4, len(value) // 2 - 2}:
            data = bytearray.fromhex(value[2:])
            data[at] ^= 1
            yield "0x" + data.hex()
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, list):
        for at, each in enumerate(value):
            for other in flipped(each):
                yield [*value[:at], other, *value[at + 1 :]]
        if value:
            yield value[:-1]
    elif isinstance(value, dict):
        for key, each in value.items():
            for other in flipped(each):
                yield value | {key: other}


def blocks(verdict: Verdict) -> set[bytes]:
    return {log.block_hash for _, log in verdict.on_l1}


def test_nothing_in_a_bundle_can_be_changed_unnoticed(stage: Stage, tmp_path: Path) -> None:
    down_to_one_step(stage, lie_at(Phase.OPEN_CHUNK))
    bundle = exported(stage, tmp_path)
    fields = json.loads(encode(bundle))
    honest = judge(bundle)
    tried = 0
    for key, value in fields.items():
        for other in flipped(value):
            tried += 1
            changed = json.dumps(fields | {key: other}).encode()
            try:
                verdict = judge(decode(changed))
            except (DataError, BadInput):
                continue
            if key == "place":
                # the chain's number stands for people; with another place nothing is proven to be there
                assert other | {"chain_id": value["chain_id"]} == value, other
            elif key == "logs":
                # a proof less is a thing less that is on L1; another header is another block, which L1 lacks
                assert len(verdict.on_l1) < len(honest.on_l1) or blocks(verdict) - blocks(honest), other
            else:
                raise AssertionError(f"{key} was changed and nobody noticed")
    assert tried > 200


@pytest.mark.parametrize(
    "junk",
    [b"", b"junk", b"[]", b"{}", b'{"format": 1}', b'{"format": 2}', b'{"format": 1, "place": "0xzz"}', b"\xff\xfe"],
)
def test_what_is_no_bundle_is_refused_with_a_sentence(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "junk.json"
    path.write_bytes(junk)
    result = CliRunner().invoke(app, ["check-bundle", str(path)])
    assert isinstance(result.exception, BadEncoding)


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    assert isinstance(CliRunner().invoke(app, ["check-bundle", str(tmp_path / "none")]).exception, BadInput)


def test_a_bundle_of_another_machine_is_refused(stage: Stage, tmp_path: Path) -> None:
    down_to_one_step(stage, LIES["worse-fill"](bytes(20)).step)
    fields = json.loads(encode(exported(stage, tmp_path)))
    with pytest.raises(BadInput, match="another machine"):
        judge(decode(json.dumps(fields | {"machine": "older"}).encode()))


def test_a_witness_the_referee_refuses_ends_in_data_mismatch(stage: Stage, tmp_path: Path) -> None:
    down_to_one_step(stage, LIES["worse-fill"](bytes(20)).step)
    fields = json.loads(encode(exported(stage, tmp_path)))
    fields["step"]["witness"] += "00"
    with pytest.raises(DataMismatch, match="refuses the witness"):
        judge(decode(json.dumps(fields).encode()))
