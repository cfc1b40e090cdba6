"""How the interpreter of the sequencer's process is set, so that nobody waits for what it does by the way."""

from __future__ import annotations

import gc
import sys
from typing import Final

YOUNG_OBJECTS: Final = 50_000
"""Objects made before the young ones are looked through for cycles, of which an order leaves none: some two thousand orders."""
SWITCH_SECONDS: Final = 0.001
"""How long a thread may keep the interpreter from another one that wants it: what an acknowledgement waits for several times."""


def tune() -> None:
    """Leave out of every collection what is there already, and collect and switch at other times than usual."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
    sys.setswitchinterval(SWITCH_SECONDS)
