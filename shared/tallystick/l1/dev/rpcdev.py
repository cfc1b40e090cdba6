"""The methods that no real chain has: mining at will, moving the clock, going back, and a faucet.

Names and parameters are those of other development nodes where these have them.
"""

from collections.abc import Callable

from tallystick.l1.dev.devchain import DevChain
from tallystick.l1.dev.wire import (
    BadParamsError,
    Json,
    Method,
    Params,
    data,
    optional,
    parse_data,
    parse_quantity,
    quantity,
)
from tallystick.state.ordinals import UnixSeconds


def development_methods(chain: DevChain, faucet: Callable[[bytes, int], bytes]) -> dict[str, Method]:
    """The methods by name; `faucet(address, wei)` signs a payment."""
    return _Development(chain, faucet).table()


class _Development:
    def __init__(self, chain: DevChain, faucet: Callable[[bytes, int], bytes]) -> None:
        self.chain = chain
        self._faucet = faucet

    def table(self) -> dict[str, Method]:
        chain = self.chain
        return {
            "evm_mine": self._mine_one,
            "anvil_mine": self._mine_many,
            "evm_increaseTime": lambda p: chain.increase_time(parse_quantity(p.need(0, "seconds"), "seconds")),
            "evm_setNextBlockTimestamp": self._set_timestamp,
            "anvil_setNextBlockBaseFeePerGas": self._set_base_fee,
            "evm_setAutomine": self._set_automine,
            "evm_snapshot": lambda _: quantity(chain.snapshot()),
            "evm_revert": lambda p: chain.revert(parse_quantity(p.need(0, "snapshot"), "snapshot")),
            "anvil_rollback": self._rollback,
            "anvil_reorg": self._reorg,
            "anvil_dropTransaction": self._drop,
            "tallystick_fund": self._fund,
            "tallystick_pool": lambda _: [data(waiting.hash) for waiting in chain.pool],
        }

    def _mine_one(self, p: Params) -> Json:
        options = p.get(0)
        blocks = 1
        if isinstance(options, dict):
            blocks = optional(options.get("blocks"), parse_quantity, "blocks") or 1
            options = options.get("timestamp")
        if options is not None:
            self.chain.set_next_timestamp(UnixSeconds(parse_quantity(options, "timestamp")))
        self.chain.mine(blocks)
        return "0x0"

    def _mine_many(self, p: Params) -> Json:
        blocks = optional(p.get(0), parse_quantity, "blocks")
        interval = optional(p.get(1), parse_quantity, "interval")
        self.chain.mine(1 if blocks is None else blocks, 1 if interval is None else interval)
        return None

    def _set_timestamp(self, p: Params) -> Json:
        self.chain.set_next_timestamp(UnixSeconds(parse_quantity(p.need(0, "timestamp"), "timestamp")))
        return None

    def _set_base_fee(self, p: Params) -> Json:
        self.chain.set_next_base_fee(parse_quantity(p.need(0, "fee"), "fee"))
        return None

    def _set_automine(self, p: Params) -> Json:
        enabled = p.need(0, "enabled")
        if not isinstance(enabled, bool):
            raise BadParamsError("enabled: expected true or false")
        self.chain.auto_mine = enabled
        if enabled:
            self.chain.mine_ready()
        return True

    def _rollback(self, p: Params) -> Json:
        depth = optional(p.get(0), parse_quantity, "depth")
        self.chain.cut(self.chain.head.number - (1 if depth is None else depth))
        return None

    def _reorg(self, p: Params) -> Json:
        """Replaces the last blocks by as many of other hashes, in which there are only the given transactions.

        Shape of the second parameter: pairs of a signed transaction and the place of its block, from 0.
        """
        depth = parse_quantity(p.need(0, "depth"), "depth")
        given = p.get(1) or []
        if not isinstance(given, list) or not all(isinstance(each, list) and len(each) == 2 for each in given):
            raise BadParamsError("transactions: expected pairs of a signed transaction and a block's place")
        placed = [(parse_data(raw, "transaction"), parse_quantity(place, "place")) for raw, place in given]
        self.chain.cut(self.chain.head.number - depth)
        if not placed:
            self.chain.mine(depth)
            return None
        automatic, self.chain.auto_mine = self.chain.auto_mine, False
        try:
            for number in range(depth):
                for raw, place in placed:
                    if place == number:
                        self.chain.submit(raw)
                self.chain.mine(1)
        finally:
            self.chain.auto_mine = automatic
        return None

    def _drop(self, p: Params) -> Json:
        waiting = self.chain.pool.get(p.hash(0))
        if waiting is None:
            return None
        self.chain.pool.remove(waiting)
        return data(waiting.hash)

    def _fund(self, p: Params) -> Json:
        return data(self.chain.submit(self._faucet(p.address(0), parse_quantity(p.need(1, "wei"), "wei"))))
