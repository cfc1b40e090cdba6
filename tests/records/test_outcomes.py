"""The table of outcomes: each has its row, which names fields that records have and a status that fits."""

from __future__ import annotations

from tallystick.records.codec import BY_NAME
from tallystick.schema.names import Outcome
from tallystick.schema.outcomes import ROWS


def test_every_outcome_says_what_it_means_and_names_fields_that_there_are() -> None:
    fields = {field.name for kind in BY_NAME.values() for field in kind.fields}
    fields |= {blob.name for kind in BY_NAME.values() for blob in kind.blobs} | {"", "kind", "raw", "signature"}
    for outcome in Outcome:
        row = ROWS[outcome]
        assert row.text and not row.text.endswith("."), outcome
        assert {row.field, row.accepted_field} <= fields, outcome
        assert (row.status == 200) == (outcome is Outcome.ACCEPTED), outcome
        assert row.status in (200, 400, 403, 404, 409), outcome
