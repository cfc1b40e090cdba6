"""What a contract owes, as its events give it."""

from __future__ import annotations

from tallystick.rollup.views.fold import ChainEvent, View


class CreditView(View):
    """The credits of one contract. Units: wei. `newest` is the block of a payee's newest credit."""

    def reset(self) -> None:
        """Forget everything."""
        self.owed: dict[bytes, int] = {}
        self.newest: dict[bytes, int] = {}

    def on_Credited(self, event: ChainEvent) -> None:
        """Somebody is owed more."""
        payee = event.args["payee"]
        self.owed[payee] = self.owed.get(payee, 0) + event.args["amountWei"]
        self.newest[payee] = event.block

    def on_CreditWithdrawn(self, event: ChainEvent) -> None:
        """Somebody has fetched everything."""
        self.owed[event.args["payee"]] = 0
