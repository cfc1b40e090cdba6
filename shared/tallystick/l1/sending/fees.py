"""What a transaction offers: enough for today, dearer with age, and without regard to cost as its deadline nears."""

from dataclasses import dataclass
from typing import Final

from tallystick.state.ordinals import BlockNumber

GWEI: Final = 10**9
BUMP_PERMILLE: Final = 1_125
"""Nodes take a replacement from 10% more on; the rest is for those that want 12.5%."""
PPM: Final = 1_000_000
URGENT_TIPS: Final = 4
"""At its deadline a transaction offers so many suggested tips more than one."""
BLOCK_SECONDS: Final = 12
REPLACEMENTS_LEFT: Final = 8
"""However late it is, the time that is left has room for so many dearer versions, one a block at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The blocks within which a transaction must land for it to be worth anything."""

    first_block: BlockNumber
    deadline_block: BlockNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """What a version offers. Units: wei for one gas."""

    max_fee_wei: int
    tip_wei: int

    def dearer(self) -> "Fees":
        """The least that nodes take in place of this. Rounding: up."""
        return Fees(
            max_fee_wei=self.max_fee_wei * BUMP_PERMILLE // 1_000 + 1, tip_wei=self.tip_wei * BUMP_PERMILLE // 1_000 + 1
        )

    def within(self, most_wei: int, older: "Fees") -> "Fees | None":
        """Return this offer, or the most that a limit allows of it if nodes take that in place of an older one; else None."""
        least = older.dearer()
        if most_wei < least.max_fee_wei or self.tip_wei < least.tip_wei:
            return None
        return Fees(max_fee_wei=min(self.max_fee_wei, most_wei), tip_wei=min(self.tip_wei, most_wei))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeePolicy:
    """How much, and how often more. `cap_wei` bounds what has no deadline; the cap of what has one grows from there,
    with the square of the time that is gone, up to `urgent_cap_wei`.
    """

    cap_wei: int = 500 * GWEI
    urgent_cap_wei: int = 20_000 * GWEI
    replace_after_seconds: float = 60.0

    def cap_at(self, urgency_ppm: int) -> int:
        """The most that is offered now. Rounding: down."""
        return self.cap_wei + max(0, self.urgent_cap_wei - self.cap_wei) * urgency_ppm**2 // PPM**2

    def patience_seconds(self, window: Window | None, block: BlockNumber) -> float:
        """The age at which a version is replaced."""
        if window is None:
            return self.replace_after_seconds
        left = (window.deadline_block - block) * BLOCK_SECONDS / REPLACEMENTS_LEFT
        return min(self.replace_after_seconds, max(left, BLOCK_SECONDS))

    def price(self, base_fee_wei: int, suggested_tip_wei: int, urgency_ppm: int, older: Fees | None) -> Fees | None:
        """Today's price, at most the cap, and clearly more than the older version's; None when the cap forbids it.

        Rounding: up.
        """
        cap = self.cap_at(urgency_ppm)
        tip = suggested_tip_wei + suggested_tip_wei * URGENT_TIPS * urgency_ppm // PPM
        max_fee = min(2 * base_fee_wei + tip, cap)
        if older is not None:
            least = older.dearer()
            tip, max_fee = max(tip, least.tip_wei), max(max_fee, least.max_fee_wei)
        elif max_fee < base_fee_wei:
            return None
        return Fees(max_fee_wei=max_fee, tip_wei=min(tip, max_fee)) if max_fee <= cap else None


def urgency_ppm(window: Window | None, block: BlockNumber) -> int:
    """How much of its time is gone at a block, in millionths. Rounding: down."""
    if window is None or block <= window.first_block:
        return 0
    span = max(1, window.deadline_block - window.first_block)
    return min(PPM, (block - window.first_block) * PPM // span)


def most_urgent(windows: list[Window | None], block: BlockNumber) -> Window | None:
    """The window of which most is gone, the one that ends first among equals."""
    open_ = [window for window in windows if window is not None]
    return max(open_, key=lambda window: (urgency_ppm(window, block), -window.deadline_block), default=None)
