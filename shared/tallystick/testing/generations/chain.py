"""What a match is played under: the Python rules, or the compiled contracts beside them."""

from __future__ import annotations

from typing import Protocol

from tallystick.testing.protocol.challenge_rules import ChallengeRules
from tallystick.testing.protocol.protocol_rules import Ground
from tallystick.testing.protocol.rollup_rules import RollupRules


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
