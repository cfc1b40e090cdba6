"""The end of the independent ledger: claims, counted and paid, in fractions."""

from __future__ import annotations

from fractions import Fraction

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger_liquidation import FUND, LiquidatingLedger

DAY_MS = 86_400_000


class WindingLedger(LiquidatingLedger):
    """The exchange, and how it ends. Only what a wind-down takes is asked of it once that has begun."""

    def __init__(self, *, governance: str, signers: tuple[str, ...], quorum: int) -> None:
        super().__init__(governance=governance, signers=signers, quorum=quorum)
        self.began_ms = 0
        self.claims: dict[int, int] = {}
        self.paid: set[int] = set()
        self.shares: dict[int, int] | None = None
        self.left = 0

    def settle_account(self, number: int) -> Outcome:
        """Count an account's claim, or pay it."""
        self.records += 1
        if number not in self.accounts or number == FUND:
            return Outcome.NO_ACCOUNT
        if not self.began_ms:
            newest = max((market.index_ms for market in self.markets.values()), default=0)
            if not newest or self.clock_ms - newest < 7 * DAY_MS:
                return Outcome.TOO_EARLY
            self.began_ms = self.clock_ms
        if number in self.paid:
            return Outcome.NO_CLAIM
        worth = max(0, self.worth(self.accounts[number]).value)
        if self.clock_ms < self.began_ms + 7 * DAY_MS:
            if number in self.claims:
                return Outcome.TOO_EARLY
            self.claims[number] = worth
            return Outcome.ACCEPTED
        shares = self._share_out()
        amount = shares[number] if number in shares else min(worth, self.left)
        if number not in shares:
            self.left -= amount
        self.paid.add(number)
        if amount:
            self._pay(number, amount)
        return Outcome.ACCEPTED

    def _share_out(self) -> dict[int, int]:
        """Return what everybody who was counted gets: all of it, or the same part of it as everybody else."""
        if self.shares is None:
            held = self.deposited - sum(amount for _, amount in self.outbox)
            total = sum(self.claims.values())
            part = min(Fraction(1), Fraction(held, total)) if total else Fraction(1)
            self.shares = {number: int(claim * part) for number, claim in self.claims.items()}
            self.left = max(0, held - total)
        return self.shares
