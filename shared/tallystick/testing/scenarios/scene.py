"""A world with a few more ways to write history, also ones no honest operator would."""

from __future__ import annotations

from tallystick.machine.engine import run
from tallystick.machine.machine import Machine
from tallystick.records.chunks import chunk_header, padded
from tallystick.records.codec import encode
from tallystick.records.signing import make
from tallystick.rollup.genesis import list_at_once
from tallystick.state.layout import FRAME_HEADER_BYTES
from tallystick.state.ordinals import Number
from tallystick.state.state import State
from tallystick.testing.byhand import endow, write_rules
from tallystick.testing.world import World, address, listed, message

RICH = 10**12
"""Units: what an account of a scene is given to begin with."""
ALL_STEPS = 1 << 20


class Scene(World):
    """A world whose history may be cut: a scenario is replayed from `start`, not always from genesis."""

    def __init__(self) -> None:
        super().__init__()
        self.start: State = self.state.copy()

    def machine_at_start(self) -> Machine:
        """Return a machine at the scenario's start over the published history."""
        return Machine(self.start.copy(), self.published, [])

    def cut(self) -> None:
        """Make the state between two batches, as it is now, the scenario's start: it may have been edited by hand."""
        if self._chunker is not None:
            self.seal()
        self.state.commit()
        self.start = self.state.copy()

    def rule(self, market: int, **rules: int) -> None:
        """Write rules into a market's cells by hand, by the names of their fields, and start the scenario over."""
        self.finish()
        write_rules(self.state, market, rules)
        self.cut()
        self.clock()

    def endow(self, units: int, market: int = 0) -> None:
        """Give a market's insurance fund money by hand, and start the scenario over."""
        self.finish()
        endow(self.state, market, units)
        self.cut()
        self.clock()

    def finish(self) -> None:
        """Publish what is not published yet."""
        if self._chunker is not None:
            self.seal()

    def list_market(self, market: int, **more: int) -> None:
        """List a market in the genesis, which the scenario starts with."""
        super().list_market(market, **more)
        list_at_once(self.start, listed(market, **more))

    def open_market(self, market: int, price: int, **rules: int) -> None:
        """List a market in the genesis and report its first price."""
        self.list_market(market, **rules)
        self.report(market, price)

    def trading(self, *accounts: str, price: int = 1000, cash: int = RICH, **rules: int) -> None:
        """Set the clock, open market 0 and fund accounts 1, 2, ... of these names."""
        self.clock()
        self.open_market(0, price, **rules)
        for number, name in enumerate(accounts, start=1):
            self.deposit(name, number, cash)

    def queue(self, kind: int, sender: str, account: Number, amount: int = 0) -> None:
        """Queue a message on L1."""
        self.published.messages.append(message(kind, address(sender), int(account), amount, self.time))

    def last_slot(self) -> int:
        """Return where the newest resting or parked order is."""
        return next(values[2] for name, values in reversed(self.events) if name in ("rested", "parked"))

    def header(self) -> bytes:
        """Return the header the next chunk needs, between two batches."""
        registers = self.state.registers
        return chunk_header(
            registers.record_count,
            registers.record_accumulator,
            registers.promised_count,
            registers.promised_accumulator,
        )

    def clock_record(self, ahead_ms: int = 0) -> bytes:
        """Return an encoded clock record of the open or the next batch, as its frame carries it."""
        return padded(encode(make("clock", clock_ms=self.time * 1000 + ahead_ms)))

    def post(self, *chunks: bytes, messages: int | None = None, ahead_seconds: int = 0) -> None:
        """Publish a batch of any chunks, and run it."""
        self.finish()
        limit = self.state.registers.message_cursor if messages is None else messages
        self.published.publish(list(chunks), self.time, limit, self.time + ahead_seconds)
        self.time += 1 + ahead_seconds
        self.run_published()

    def post_blobs(self, *blobs: bytes) -> None:
        """Publish a batch whose chunks are in blobs, and run it."""
        self.finish()
        self.published.publish_blobs(list(blobs), self.time, self.state.registers.message_cursor)
        self.time += 1
        self.run_published()

    def run_published(self) -> None:
        """Run the batches published by hand."""
        run(self.machine, ALL_STEPS)


def frame(data: bytes) -> bytes:
    """Return bytes in a frame as they are, also where a record would be padded."""
    return len(data).to_bytes(FRAME_HEADER_BYTES, "big") + data
