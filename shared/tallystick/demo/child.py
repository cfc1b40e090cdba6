"""A `tallystick` command of the demo's, or a rogue operator, which ends when the demo does, however that ends: its standard input is a pipe
whose other end the demo alone holds.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from tallystick.cli import main
from tallystick.testing.rogues.__main__ import main as rogue

STOP_SECONDS = 10.0


def end_with_parent() -> None:
    """Wait for the pipe to close, then stop this process as SIGTERM does, and insist after a while."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, name="parent", daemon=True).start()
    if sys.argv[1:2] == ["rogue"]:
        rogue(sys.argv[2:])
    main()
