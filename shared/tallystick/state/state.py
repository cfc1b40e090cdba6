"""The whole state: one table a tag, the registers, the tree."""

from __future__ import annotations

from collections.abc import Iterator

from mypy_extensions import i64

from tallystick.state import cells, layout
from tallystick.state.hashing import keccak
from tallystick.state.layout import INDEX_BITS, Registers
from tallystick.state.table import Room, Table, Watcher
from tallystick.state.tree import SparseTree


class State:
    """Cells and registers of the exchange, with the commitment kept beside them."""

    def __init__(self) -> None:
        self.registers = Registers()
        self.room = Room()
        self.accounts = cells.Accounts(layout.TAG_ACCOUNT, self.room)
        self.agents = cells.Agents(layout.TAG_AGENT, self.room)
        self.markets = cells.Markets(layout.TAG_MARKET, self.room)
        self.risk = cells.Risks(layout.TAG_RISK, self.room)
        self.bitmaps = cells.Bitmaps(layout.TAG_BITMAP, self.room)
        self.levels = cells.Levels(layout.TAG_LEVEL, self.room)
        self.pages = cells.Pages(layout.TAG_PAGE, self.room)
        self.orders = cells.Orders(layout.TAG_ORDER, self.room)
        self.oracles = cells.Oracles(layout.TAG_ORACLE, self.room)
        self.config = cells.Configs(layout.TAG_CONFIG, self.room)
        self.outbox = cells.Outboxes(layout.TAG_OUTBOX, self.room)
        self.prices = cells.Prices(layout.TAG_PRICE, self.room)
        self.pendings = cells.Pendings(layout.TAG_PENDING, self.room)
        self.deleverages = cells.Deleverages(layout.TAG_DELEVERAGE, self.room)
        self.tables: tuple[Table, ...] = (
            self.accounts,
            self.agents,
            self.markets,
            self.risk,
            self.bitmaps,
            self.levels,
            self.pages,
            self.orders,
            self.oracles,
            self.config,
            self.outbox,
            self.prices,
            self.pendings,
            self.deleverages,
        )
        self.tree = SparseTree()

    def table(self, tag: i64) -> Table:
        """Return the table of a cell tag."""
        return self.tables[tag - 1]

    def make_room(self) -> None:
        """See to it that no table moves within the next step."""
        if self.room.short:
            for table in self.tables:
                table.reserve()
            self.room.short = False

    def watch(self, watcher: Watcher | None) -> None:
        """Have every opened cell reported, or stop that."""
        for table in self.tables:
            table.watcher = watcher

    def commit(self) -> bytes:
        """Hash what changed since the last call and return the tree's root."""
        leaves: dict[int, bytes] = {}
        for table in self.tables:
            if table.dirty_count:
                for index in table.dirty():
                    leaves[cell_key(table.tag, index)] = table.pack(index)
                table.settle()
        if leaves:
            self.tree.update(leaves)
        return self.tree.root

    @property
    def dirty(self) -> int:
        """How many cells have changed since they were hashed."""
        return sum(int(table.dirty_count) for table in self.tables)

    def commit_some(self, most: int) -> None:
        """Hash so many of the cells that changed, so that the next commit has less to do.

        What is changed again later is hashed again then: this is for whoever cannot wait for all of them at once.
        """
        leaves: dict[int, bytes] = {}
        for table in self.tables:
            if table.dirty_count and len(leaves) < most:
                for index in table.settle_newest(most - len(leaves)):
                    leaves[cell_key(table.tag, index)] = table.pack(index)
        if leaves:
            self.tree.update(leaves)

    def hash(self) -> bytes:
        """Return the state hash: keccak(tree root, keccak(packed registers))."""
        return state_hash(self.commit(), self.registers.pack())

    def cells(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield (tag, index, packed value) of every cell that is not empty, in key order."""
        for table in self.tables:
            for index in sorted(table.indices()):
                packed = table.pack(index)
                if packed:
                    yield table.tag, index, packed

    def copy(self) -> State:
        """Return an independent copy."""
        other = State()
        other.registers.load(self.registers.pack())
        for mine, theirs in zip(self.tables, other.tables, strict=True):
            theirs.copy_from(mine)
        other.tree = self.tree.copy()
        return other


def cell_key(tag: i64, index: i64) -> i64:
    """Return the 40-bit key of a cell."""
    return tag << INDEX_BITS | index


def state_hash(root: bytes, packed_registers: bytes) -> bytes:
    """Return the state hash of a tree root and packed registers."""
    return keccak(root + keccak(packed_registers))
