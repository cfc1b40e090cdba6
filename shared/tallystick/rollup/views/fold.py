"""What every view of L1 has in common: it is a fold over events, so a reorganisation is a shorter fold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from tallystick.state.ordinals import BlockNumber


class ChainEvent(Protocol):
    """An event of one of the contracts, as `tallystick.l1.client.events` reads it."""

    @property
    def contract(self) -> str:
        """Whose event it is, by the contract's compiled name."""
        ...

    @property
    def name(self) -> str:
        """The event's name."""
        ...

    @property
    def args(self) -> dict[str, Any]:
        """Its arguments; addresses and hashes are bytes."""
        ...

    @property
    def block(self) -> BlockNumber:
        """The block it is in."""
        ...


class View:
    """A fold over events. Subclasses set up `reset` and handle an event `X` in `on_X`."""

    def __init__(self) -> None:
        self._events: list[ChainEvent] = []
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        raise TypeError("a view says what it starts from")

    def apply(self, event: ChainEvent) -> None:
        """Take in the next event; one that is none of this view's business is passed over."""
        handler = getattr(self, f"on_{event.name}", None)
        if handler is not None:
            handler(event)
            self._events.append(event)

    def rollback(self, block: BlockNumber) -> None:
        """Undo every event above a block."""
        kept = [event for event in self._events if event.block <= block]
        if len(kept) == len(self._events):
            return
        self._events = []
        self.reset()
        for event in kept:
            self.apply(event)

    def drop(self, is_unwanted: Callable[[ChainEvent], bool]) -> None:
        """Undo the events that are unwanted, in their order, and only these."""
        kept = [event for event in self._events if not is_unwanted(event)]
        self._events = []
        self.reset()
        for event in kept:
            self.apply(event)
