"""A rogue operator: `python -m tallystick.testing.rogues --lie NAME`, then the options of `tallystick operator run`."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from tallystick.cli import run
from tallystick.testing.rogues.lies import LIES, make_lie


def main(arguments: list[str]) -> None:
    """Run an operator that lies once."""
    parser = argparse.ArgumentParser(
        prog="python -m tallystick.testing.rogues",
        description="An operator that asserts, once, a state in which one step is wrong.",
        epilog="\n".join(["lies:", *(f"  {name}: {lie.description}" for name, lie in LIES.items())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--lie", required=True, metavar="NAME", help="what to lie about")
    parser.add_argument("--lie-after-batch", type=int, metavar="N", help="first batch to lie about")
    own, rest = parser.parse_known_args(arguments)
    run(partial(_run, own.lie, own.lie_after_batch, rest))


def _run(name: str, after_batch: int | None, options: list[str]) -> None:
    from tallystick.testing.rogues.rogue_operator import rogue_operator  # noqa: PLC0415 (--help needs none of it)
    from tallystick_operator.cli import app  # noqa: PLC0415
    from tallystick_operator.config import Config  # noqa: PLC0415
    from tallystick_operator.daemon import serve  # noqa: PLC0415

    make_lie(name, bytes(20))

    def lying(config: Config) -> None:
        serve(rogue_operator(config, name, after_batch))

    app(["run", *options], obj=lying)


if __name__ == "__main__":
    main(sys.argv[1:])
