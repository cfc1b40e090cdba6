"""The pools a party has ever put money into, as L1's events tell it: without its disk it knows them again."""

from __future__ import annotations

from tallystick.party.bonds.bond_pools import Purpose
from tallystick.rollup.views.fold import ChainEvent, View
from tallystick.state.ordinals import BatchNumber


class PoolView(View):
    """What pools there are for, and which of them `me` has joined; the contract says what is left in them."""

    def __init__(self, me: bytes) -> None:
        self._me = me
        super().__init__()

    def reset(self) -> None:
        """Forget everything."""
        self._purposes: dict[bytes, Purpose] = {}
        self.joined: dict[bytes, Purpose] = {}

    def apply(self, event: ChainEvent) -> None:
        """Take in the next event; what others put in or got is passed over."""
        if event.contract == "BondPool" and event.args.get("member", self._me) == self._me:
            super().apply(event)

    def on_PoolOpened(self, event: ChainEvent) -> None:
        """Note what a pool is for."""
        args = event.args
        self._purposes[args["pool"]] = Purpose(
            parent=args["parent"],
            state_hash=args["stateHash"],
            limit=BatchNumber(args["limit"]),
            root=args["root"],
            span=args["span"],
        )

    def on_Joined(self, event: ChainEvent) -> None:
        """Note that the own key has joined a pool."""
        pool = event.args["pool"]
        self.joined[pool] = self._purposes[pool]
