"""What a party does of what anybody may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """How far a party goes."""

    WATCH = "watch"
    DEFEND = "defend"
    RESOLVE = "resolve"
    PROPOSE = "propose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """`dispute`: assert the truth and play when somebody lies. `settle`: confirm, reject, settle. `propose`: assert
    whenever there is something to assert.
    """

    dispute: bool
    settle: bool
    propose: bool


DUTIES = {
    Mode.WATCH: Duties(dispute=False, settle=False, propose=False),
    Mode.DEFEND: Duties(dispute=True, settle=False, propose=False),
    Mode.RESOLVE: Duties(dispute=True, settle=True, propose=False),
    Mode.PROPOSE: Duties(dispute=True, settle=True, propose=True),
}
