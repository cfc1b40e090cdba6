"""Regenerate every generated file, or with `--check` say which of them differ and fail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tallystick.schema.targets import arguments_target, cells_target, docs_target, python_target, solidity_target

ROOT = Path(__file__).resolve().parents[3]
GENERATED = Path("contracts/src/libraries/generated")
TARGETS: dict[Path, Callable[[], str]] = {
    Path("shared/tallystick/state/layout.py"): python_target.render,
    Path("shared/tallystick/state/codes.py"): python_target.render_codes,
    Path("shared/tallystick/state/ordinals.py"): python_target.render_ordinals,
    Path("shared/tallystick/state/quantities.py"): python_target.render_amounts,
    Path("shared/tallystick/state/fields.py"): arguments_target.render_python_fields,
    Path("shared/tallystick/state/arguments.py"): arguments_target.render_python,
    Path("shared/tallystick/state/cells.py"): cells_target.render,
    GENERATED / "Cells.sol": solidity_target.render_cells,
    GENERATED / "Registers.sol": solidity_target.render_registers,
    GENERATED / "Names.sol": solidity_target.render_names,
    GENERATED / "RecordKinds.sol": solidity_target.render_records,
    GENERATED / "Fields.sol": arguments_target.render_solidity_fields,
    GENERATED / "Arguments.sol": arguments_target.render_solidity,
    Path("docs/tables/state.md"): docs_target.render_state,
    Path("docs/tables/names.md"): docs_target.render_names,
    Path("docs/tables/records.md"): docs_target.render_records,
}


def main(arguments: list[str]) -> int:
    """Return 0, or 1 when `--check` found a difference."""
    check = arguments == ["--check"]
    differ = 0
    for path, render in TARGETS.items():
        target = ROOT / path
        text = render()
        if check and (not target.exists() or target.read_text() != text):
            print(f"{path} differs from the schema: run `python -m tallystick.schema`", file=sys.stderr)
            differ = 1
        elif not check:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    return differ


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
