"""The attacker on many generations on a stage, and an honest party that is awake in every block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tallystick.party.duties import Mode
from tallystick.party.party import Party
from tallystick.rollup.views.assertion_view import Status
from tallystick.testing.l1_stage import Stage, Told
from tallystick.testing.rogues.nest import Nest
from tallystick.testing.world import address

BLOCKS_OF_A_TICK = 8
"""An honest party may land as many transactions in a row before the attacker gives up waiting behind each."""


def nest_on(stage: Stage, name: str = "eve") -> Nest:
    """Return an attacker with money of its own."""
    stage.fund(name)
    return Nest(watch=stage.party("watch", Mode.WATCH, Told()), queue=stage.queue(name))


@dataclass(slots=True, kw_only=True)
class Watched:
    """A party that acts in every block, and when each true assertion was posted and confirmed."""

    stage: Stage
    party: Party
    posted: dict[bytes, int] = field(default_factory=dict[bytes, int])
    confirmed: dict[bytes, int] = field(default_factory=dict[bytes, int])

    def act(self, behind: Callable[[], None] = lambda: None) -> bool:
        """Let the party do everything that it can do now; the attacker acts behind each of its transactions.

        Returns whether it did anything.
        """
        for done in range(BLOCKS_OF_A_TICK):
            before = self.stage.client.head().number
            self.party.tick()
            self._note()
            if self.stage.client.head().number == before:
                return done > 0
            behind()
        return True

    def settle_down(self) -> None:
        """Let the party go on until it has nothing to do but wait."""
        for _ in range(200):
            before = self.stage.client.head().number
            self.act()
            if self.stage.client.head().number == before and not self.party.busy:
                return

    def true_tip(self) -> bytes:
        """Return the newest true assertion."""
        mind = self.party.mind
        return [each for each in mind.rollup.assertions if mind.is_true(each)][-1]

    def slowest(self) -> int:
        """Return the most blocks from a true assertion's posting to its confirmation."""
        return max(self.confirmed[each] - block for each, block in self.posted.items())

    def _note(self) -> None:
        mind = self.party.mind
        for each in mind.rollup.assertions.values():
            if not each.parent or not mind.is_true(each.id):
                continue
            self.posted.setdefault(each.id, each.block)
            if each.status is Status.CONFIRMED:
                self.confirmed.setdefault(each.id, mind.head)


def owed(stage: Stage, name: str) -> int:
    """Return the credit that a name has with both contracts."""
    who = "0x" + address(name).hex()
    return sum(int(stage.call(contract, "credit", who)) for contract in ("Rollup", "Challenge"))
