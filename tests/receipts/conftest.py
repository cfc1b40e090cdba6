"""A court before which nothing has happened yet."""

from __future__ import annotations

import pytest

from tests.receipts.court import Court, bonded, clock, record


@pytest.fixture
def court() -> Court:
    made = bonded()
    made.post([record(0), clock(made.second), record(1)])
    return made
