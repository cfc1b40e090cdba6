"""The bond of an operator's receipts, and the claims against it, as the events of `Receipts` give them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tallystick.rollup.views.fold import ChainEvent, View
from tallystick.state.ordinals import BatchNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A claim that is not over. `count`, `answer` and `batch` are those of its answer, None while it has none."""

    place: bytes
    number: int
    accumulator: bytes
    record_hash: bytes
    count: int | None = None
    answer: bytes | None = None
    batch: BatchNumber | None = None


class ReceiptsView(View):
    """What the operator has to know of its bond."""

    def reset(self) -> None:
        """Forget everything."""
        self.epoch = 0
        self.slashed = False
        self.claims: dict[bytes, Claimed] = {}

    def on_EpochRaised(self, event: ChainEvent) -> None:
        """The operator begins anew."""
        self.epoch = event.args["epoch"]

    def on_Slashed(self, event: ChainEvent) -> None:
        """The bond is lost: no answer helps any more."""
        self.slashed = True
        self.claims.clear()

    def on_ClaimOpened(self, event: ChainEvent) -> None:
        """Somebody says that a record is missing."""
        args = event.args
        self.claims[args["place"]] = Claimed(
            place=args["place"],
            number=args["number"],
            accumulator=args["accumulator"],
            record_hash=args["recordHash"],
        )

    def on_ClaimAnswered(self, event: ChainEvent) -> None:
        """Somebody shows it."""
        args = event.args
        known = self.claims.get(args["place"])
        if known is not None:
            self.claims[known.place] = replace(known, count=args["count"], answer=args["answer"], batch=args["batch"])

    def on_ClaimClosed(self, event: ChainEvent) -> None:
        """The claim is over."""
        self.claims.pop(event.args["place"], None)
