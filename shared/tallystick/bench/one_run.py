"""A measurement in a process of its own: reads one JSON object, answers with one, be it why it cannot."""

from __future__ import annotations

import importlib
import json
import sys

from tallystick.bench.modes import REFUSED
from tallystick.errors import BadInput
from tallystick.native import interpret


def main() -> None:
    """Read what to measure from stdin, measure it, and write the result to stdout."""
    asked = json.load(sys.stdin)
    if asked.pop("interpreted"):
        interpret()
    tasks = importlib.import_module(asked.pop("module"))
    try:
        result = getattr(tasks, asked.pop("task"))(**asked)
    except BadInput as error:
        result = {REFUSED: error.message, "hint": error.hint}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
