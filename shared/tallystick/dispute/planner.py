"""What an honest party would send now, told instead of sent: for those who make moves by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tallystick.dispute.history import History
from tallystick.dispute.moves import Call
from tallystick.dispute.party import Identity, Party
from tallystick.dispute.view import DisputeStatus
from tallystick.l1.client import L1Client
from tallystick.l1.deploy import check_deployment
from tallystick.l1.deployment import Deployment
from tallystick.l1.fees import Window
from tallystick.rollup.assertion_view import Assertion
from tallystick.rollup.duties import DUTIES, Mode
from tallystick.rollup.replay import Replayer

NAMES: Final = {
    "asserted": "assert",
    "openroot": "open",
    "bisect": "bisect",
    "prove": "prove",
    "update": "update",
    "decide": "decide",
    "confirmed": "confirm",
    "rejected": "reject",
    "settled": "settle",
}
"""What people call a move, by the event that would tell of it, or the name of the dispute's move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A move that is due: `name` for people, `parent` whose children it is about, `facts` as the log would tell them."""

    name: str
    parent: bytes
    contract: str
    call: Call
    facts: dict[str, Any]


class Planner(Party):
    """A party that sends nothing and keeps its plans: the very calls that the daemon would make in mode resolve.

    Raises: StateError when the contracts are not the ones this version knows.
    """

    def __init__(self, client: L1Client, deployment: Deployment) -> None:
        check_deployment(client, deployment)
        super().__init__(client, deployment, Identity(duties=DUTIES[Mode.RESOLVE]), lambda name, facts: None)
        self._plans: list[Plan] = []

    def plans(self) -> list[Plan]:
        """Read L1 to its head and return what is due, in the order in which the daemon would send it."""
        while not self.read():
            pass
        self._plans = []
        if self.replayer is not None:
            self._judge()
            self._act()
        return self._plans

    def contested(self) -> dict[bytes, DisputeStatus | None]:
        """Return every assertion with several children, and the dispute among them if anybody has opened it."""
        disputes = {each.parent: each for each in self.challenge.disputes.values()}
        return {parent: disputes.get(parent) for parent, found in self.rollup.children.items() if len(found) > 1}

    def is_right(self, assertion: bytes) -> bool | None:
        """Whether the replay bears an assertion out; None when it stands on a wrong one."""
        if assertion in self._wrong:
            return False
        return True if self.replayer is not None and self.replayer.knows(assertion) else None

    def true_child(self, parent: bytes) -> Assertion | None:
        """Return the true one of an assertion's children, None while nobody has asserted it."""
        found = (self.rollup.assertions[child] for child in self.rollup.children.get(parent, []))
        return next((each for each in found if self.is_right(each.id)), None)

    def trace(self, mine: Assertion) -> History:
        """Return the trace behind a true assertion, made on first use."""
        return self._history(mine)

    def _history(self, mine: Assertion) -> History:
        assert self.replayer is not None
        if mine.parent in self.replayer.states:
            return super()._history(mine)
        # its start was dropped, as the dispute is over: only a replay of its own still leads there
        path = [self.rollup.assertions[mine.parent]]
        while path[-1].id != self.rollup.genesis_id:
            path.append(self.rollup.assertions[path[-1].parent])
        height = self.deployment.config.root_height
        replayer = Replayer(self.rollup.genesis_data, self.rollup.genesis_id, self.inbox, height=height)
        for before in path[:0:-1]:
            replayer.expected(before)
        return History(replayer.state(mine.parent), self.inbox.limited(mine.limit), height=height)

    def _send(self, contract: str, call: Call, event: str, facts: dict[str, Any], window: Window | None = None) -> None:
        del window
        if event == "asserted":
            parent: bytes = call.arguments[0]
        else:
            parent = self.rollup.assertions[facts["assertion"]].parent
        name = NAMES[facts.get("move", event)]
        self._plans.append(Plan(name=name, parent=parent, contract=contract, call=call, facts=facts))

    def _withdraw_credits(self) -> None:
        """Credits are nobody's move."""
