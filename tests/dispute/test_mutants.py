"""Rollup and Challenge with one line each broken: the model's matches tell every one of them from what is deployed.

`node tests/dispute/mutants.js` compiles them; Killers.json names the match in which each was found, and whether a vandal
plays along in it.
"""

from __future__ import annotations

import base64
import json
import zlib
from functools import partial
from pathlib import Path

import pytest

from tallystick.errors import BadInput, DataMismatch
from tallystick.testing.generations.match import Match, python_rules
from tallystick.testing.generations.twin import Twin
from tallystick.testing.generations.vandal import vandalised

HERE = Path(__file__).parent
MUTANTS = json.loads((HERE / "Mutants.json").read_text(encoding="utf-8"))
KILLERS = json.loads((HERE / "Killers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("mutant", KILLERS)
def test_a_broken_line_is_found_in_a_match(mutant: str) -> None:
    seed, with_vandal = KILLERS[mutant]
    code = {name: zlib.decompress(base64.b64decode(each)) for name, each in MUTANTS[mutant].items()}
    make = partial(Twin, code=code)
    with pytest.raises((DataMismatch, BadInput)):
        if with_vandal:
            vandalised(seed, make=make)
        else:
            Match(seed, make=make).play()


def test_vandals_do_not_harm_anybody() -> None:
    for seed in range(60):
        assert vandalised(seed, make=python_rules)[0].faults == [], f"seed {seed}"


def test_the_contracts_refuse_what_the_rules_refuse_to_vandals() -> None:
    for seed in range(6):
        assert vandalised(seed, make=Twin)[0].faults == [], f"seed {seed}"
