"""What a challenger does again and again: look at L1, do what can be done, tell it, and say when to look next."""

from __future__ import annotations

from typing import Final

from tallystick.errors import L1Error
from tallystick.l1.client.quorum import QuorumClient
from tallystick.party.party import Party
from tallystick_challenger.telling.alerts import Funds
from tallystick_challenger.telling.teller import Teller
from tallystick_challenger.watching.complete import check_complete, is_lost
from tallystick_challenger.watching.defence import defence_wei

LONGEST_PAUSE_SECONDS: Final = 30.0
BUSY_SECONDS: Final = 0.2
"""Between looks while a transaction is under way."""
FUNDS_BLOCKS: Final = 25
"""Between looks at the own balance, or at what is confirmed upon a lie."""


def disagreements(party: Party) -> int:
    """Return how often the endpoints contradicted each other."""
    return party.client.disagreements if isinstance(party.client, QuorumClient) else 0


class Accountant:
    """Looks now and then whether the account could still pay for so many disputes at once."""

    def __init__(self, party: Party, teller: Teller, rivals: int) -> None:
        self._party = party
        self._teller = teller
        self._rivals = rivals
        self._next_block = 0

    def check(self) -> None:
        """Tell the balance, and say so when it could not.

        Raises: L1Error.
        """
        party = self._party
        if party.queue is None or party.busy or party.head < self._next_block:
            return
        balance = party.client.balance_wei(party.queue.address)
        self._next_block = party.head + FUNDS_BLOCKS
        needed = defence_wei(party.deployment.config, self._rivals)
        if balance < needed:
            self._teller.report("funds_low", {"balance_wei": balance, "needed_wei": needed})
        self._teller.funds(Funds(address=party.queue.signer, balance=balance, needed=needed, rivals=self._rivals))


class Aftermath:
    """Once L1 has confirmed a lie, tells now and then what it confirms upon it: nothing of that is judged or kept."""

    def __init__(self, party: Party, teller: Teller) -> None:
        self._party = party
        self._teller = teller
        self._next_block = 0
        self._told = b""

    def check(self) -> None:
        """Tell what is confirmed by now, if it is another assertion than at the last look.

        Raises: L1Error.
        """
        party = self._party
        if not is_lost(party) or party.head < self._next_block:
            return
        self._next_block = party.head + FUNDS_BLOCKS
        rollup = party.client.contract("Rollup", party.deployment.addresses.rollup)
        newest: bytes = rollup.call("latestConfirmed")
        if newest not in (self._told, party.rollup.latest_confirmed):
            self._told = newest
            self._teller.report("confirmed_on_lie", {"assertion": newest, "lie": party.rollup.latest_confirmed})


class Watch:
    """One challenger at work. It never waits: each look returns how long to wait until the next."""

    def __init__(self, party: Party, teller: Teller, *, poll_seconds: float, rivals: int) -> None:
        self._party = party
        self._teller = teller
        self._poll_seconds = poll_seconds
        self._accountant = Accountant(party, teller, rivals)
        self._aftermath = Aftermath(party, teller)
        self._failures = 0
        self._caught_up = False

    def look(self) -> float:
        """Do all that can be done now, and outlive an L1 that does not answer. Units: seconds until the next look.

        Raises: StateError, DataError, ConfigError when it refuses to go on.
        """
        try:
            pause = self._look()
        except L1Error as error:
            pause = min(self._poll_seconds * 2**self._failures, LONGEST_PAUSE_SECONDS)
            self._failures += 1
            self._teller.unavailable(str(error), pause, disagreements(self._party))
        else:
            self._failures = 0
        return pause

    def _look(self) -> float:
        party, teller = self._party, self._teller
        complete = party.tick()
        if complete and not self._caught_up:
            check_complete(party)
            self._caught_up = party.replayer is not None
            if self._caught_up:
                teller.report("caught_up", {"block": party.head, "batches": party.inbox.batch_count})
        teller.looked(party, complete, disagreements(party))
        if not complete:
            return 0.0
        self._accountant.check()
        self._aftermath.check()
        return min(BUSY_SECONDS, self._poll_seconds) if party.busy else self._poll_seconds
