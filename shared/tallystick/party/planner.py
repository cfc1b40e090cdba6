"""What an honest party would send now, told instead of sent: for those who make moves by hand."""

from __future__ import annotations

from typing import Final

from tallystick.deploy.deploy import check_deployment
from tallystick.dispute.edge_view import DisputeStatus
from tallystick.dispute.trace_tree import Trace
from tallystick.errors import StateError
from tallystick.l1.client.access import L1
from tallystick.l1.deployment import Deployment
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import Identity, Party
from tallystick.party.strategy.strategy import Due
from tallystick.rollup.views.assertion_view import Assertion
from tallystick.state.ordinals import BlockNumber

NAMES: Final = ("assert", "open", "bisect", "prove", "update", "decide", "confirm", "reject", "settle", "take")
"""What people call the moves that are somebody's: a credit is fetched by its owner alone."""


class Planner:
    """Reads L1 as the party with this address would, in mode resolve, and keeps what that party would do.

    Raises: StateError when the contracts are not the ones this version knows.
    """

    def __init__(self, client: L1, deployment: Deployment, me: bytes = b"") -> None:
        check_deployment(client, deployment)
        self.client = client
        self.deployment = deployment
        self._party = Party(client, deployment, Identity(duties=DUTIES[Mode.RESOLVE]), lambda name, facts: None)
        self.mind = self._party.mind
        self.mind.me = me
        self.rollup, self.challenge, self.inbox = self.mind.rollup, self.mind.challenge, self.mind.inbox

    @property
    def head(self) -> BlockNumber:
        """The block up to which L1 is read."""
        return self.mind.head

    def plans(self) -> list[Due]:
        """Read L1 to its head and return what is due, in the order in which the daemon would send it."""
        while not self._party.read():
            pass
        if self.mind.replayer is None:
            return []
        self.mind.judge()
        return [each for each in self._party.due() if each.name in NAMES]

    def contested(self) -> dict[bytes, DisputeStatus | None]:
        """Return every assertion with several children, and the dispute among them if anybody has opened it."""
        disputes = {each.parent: each for each in self.challenge.disputes.values()}
        return {parent: disputes.get(parent) for parent, found in self.rollup.children.items() if len(found) > 1}

    def is_right(self, assertion: bytes) -> bool | None:
        """Whether the replay bears an assertion out; None when it is not judged."""
        return self.mind.is_right(assertion)

    def true_child(self, parent: bytes) -> Assertion | None:
        """Return the true one of an assertion's children, None while nobody has asserted it."""
        found = (self.rollup.assertions[child] for child in self.rollup.children.get(parent, []))
        return next((each for each in found if self.is_right(each.id)), None)

    def trace(self, mine: Assertion) -> Trace:
        """Return the trace behind a true assertion.

        Raises: StateError while it is being made.
        """
        trace = self.mind.trace(mine)
        if trace is None:
            raise StateError("the trace is not made yet", assertion=mine.id)
        return trace
