"""An L1 with the contracts, money in the Vault, and a market on which something happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.testing.stage import Stage, trade_a_little


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage whose first batch, with two traders and a withdrawal, is on L1."""
    made = Stage(tmp_path)
    trade_a_little(made)
    made.publish()
    yield made
    made.close()
