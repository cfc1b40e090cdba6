"""Whether something fails: how a rule that is dropped, or a line that is broken, is found."""

from __future__ import annotations

from collections.abc import Callable


def fails(run: Callable[[], object]) -> bool:
    """Whether something fails, in whatever way."""
    try:
        run()
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  what pytest raises is no Exception
        return True
    return False
