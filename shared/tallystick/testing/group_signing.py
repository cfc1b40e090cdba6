"""Receipts of a group as their holders have them, signed by whoever plays the operator."""

from __future__ import annotations

from typing import Any

import coincurve

from tallystick.records.group_receipts import GroupReceipt, sign_packed, unpack_receipt


def sign_group(key: coincurve.PrivateKey, domain: bytes, **group: Any) -> list[GroupReceipt]:
    """Return what `sign_packed` packs of the same group. Raises: BadInput, as that does."""
    return [unpack_receipt(each) for each in sign_packed(key, domain, **group)]
