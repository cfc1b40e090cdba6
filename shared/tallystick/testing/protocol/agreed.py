"""What shows that a state is the last agreed one, or a root's last, by its siblings alone."""

from __future__ import annotations

from collections.abc import Iterable

from tallystick.dispute.trace_tree import Prefix, leaf, node


def is_agreed(index: int, base: bytes, prefix: Prefix) -> bool:
    """Whether a prefix shows the state before the leaf of a number, whose agreed part is `base`."""
    zeros = (index & -index).bit_length() - 1 if index else 0
    if len(prefix.siblings) != zeros:
        return False
    shown = leaf(prefix.pre)
    if index:
        shown = node(prefix.base_prev, fold(shown, prefix.siblings))
    return shown == base


def fold(last: bytes, siblings: Iterable[bytes]) -> bytes:
    """Return the root over a last leaf and the left siblings on its path, from the leaf up."""
    for sibling in siblings:
        last = node(sibling, last)
    return last
