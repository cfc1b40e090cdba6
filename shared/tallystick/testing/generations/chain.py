"""What a match is played under: the Python rules, or the compiled contracts beside them."""

from __future__ import annotations

from typing import Protocol

from tallystick.dispute.challenge_rules import ChallengeRules
from tallystick.dispute.rollup_rules import RollupRules
from tallystick.dispute.rules import Ground


class Chain(Protocol):
    """Takes calls, and shows what came of them."""

    @property
    def ground(self) -> Ground:
        """Block, batches and terms."""
        ...

    @property
    def rollup(self) -> RollupRules:
        """The assertions."""
        ...

    @property
    def challenge(self) -> ChallengeRules:
        """The disputes."""
        ...

    def make(self, who: str, name: str, *arguments: object) -> object:
        """Make a call.

        Raises: BadInput when it is refused.
        """
        ...

    def net(self, who: str) -> int:
        """Return what somebody has gained in all, less what it has paid. Units: wei."""
        ...

    def is_conserved(self) -> bool:
        """Whether both contracts hold what they owe, to the wei."""
        ...
