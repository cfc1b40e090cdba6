"""An L1 with the contracts, on which a little was traded and published, and the record of it for commands and daemons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.testing.l1_stage import Stage, trade_a_little


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage whose first batch is on L1 and whose record is `deployment.json`."""
    made = Stage(tmp_path)
    trade_a_little(made)
    made.publish()
    made.deployment.save(tmp_path / "deployment.json")
    yield made
    made.close()
