"""A process of the measurement: reads from stdin, as a line of JSON, what it is to be, and is that."""

from __future__ import annotations

import importlib
import json
import sys

from tallystick.native import interpret


def main() -> None:
    """Be the module that is named, interpreted where that is asked for."""
    asked = json.loads(sys.stdin.readline())
    if asked.pop("interpreted"):
        interpret()
    importlib.import_module(asked.pop("module")).run(asked)


if __name__ == "__main__":
    main()
