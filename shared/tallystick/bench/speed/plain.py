"""The plain Solidity book on revm: deployed, given the machine's markets and accounts, and its orders."""

from __future__ import annotations

from typing import Any, Final

from tallystick import artifacts
from tallystick.bench.workload import Order
from tallystick.state import cells
from tallystick.state.hashing import keccak
from tallystick.state.layout import KIND_DATED
from tallystick.state.ordinals import MarketId
from tallystick.state.state import State

CONTRACT: Final = "PlainBook"
SENDER: Final = "0x" + "11" * 20
PRICES: Final = "(uint32,uint32,uint64,int64,uint32,uint8)"
MARGINS: Final = "(" + ",".join(["uint32"] * 8) + ")"
RULES: Final = "(" + ",".join(["uint64"] * 7 + ["uint16"] * 3 + ["bool"]) + ")"
BRAKES: Final = "(uint32,uint64,uint32,uint64,uint64)"
SET: Final = f"set(uint256,({PRICES},{MARGINS},{RULES},{BRAKES}))"
MOST_FUNDED: Final = 1000
"""Accounts that one call funds."""


class PlainBook:
    """A book of its own. Raises: ImportError where there is no pyrevm."""

    def __init__(self, pyrevm: Any) -> None:
        self._block: Any = pyrevm.BlockEnv
        self._evm: Any = pyrevm.EVM(spec_id="CANCUN", gas_limit=1 << 60)
        self._at: str = self._evm.deploy(SENDER, artifacts.load(CONTRACT).bytecode)

    def follow(self, state: State, markets: int, resumed: int = 0) -> None:
        """Have the clock, rules, prices and brakes of the machine's markets 0, 1, ...

        Shape: `resumed` is how many orders had rested when prices came back from their last halt.
        """
        self._evm.set_block_env(self._block(timestamp=int(state.registers.clock_ms) // 1000))
        for number in range(markets):
            self._evm.message_call(SENDER, self._at, _call(SET, number, *_market(state, MarketId(number)), resumed))

    def fund(self, first: int, count: int, units: int) -> None:
        """Set the cash of so many accounts."""
        for at in range(first, first + count, MOST_FUNDED):
            some = min(MOST_FUNDED, first + count - at)
            self._evm.message_call(SENDER, self._at, _call("fund(uint256,uint256,int128)", at, some, units))

    def send(self, call: bytes) -> None:
        """Send what `placing` has packed."""
        self._evm.message_call(SENDER, self._at, call)

    def ask(self, name: str) -> int:
        """Return one of the book's counts: `fills`, `orderCount`, `resting`."""
        return int.from_bytes(self._evm.message_call(SENDER, self._at, _call(f"{name}()")), "big")


def placing(orders: list[Order]) -> bytes:
    """Pack the call that places orders."""
    words = [
        order.account << 96 | order.market << 88 | order.side << 80 | order.price_ticks << 48 | order.lots
        for order in orders
    ]
    return _call("place(uint256[])", 32, len(words), *words)


def _market(state: State, number: MarketId) -> list[int]:
    """Return what `set` takes of a market, but for its last word."""
    rules, market = state.markets.words, state.markets.known(number)
    marks, risk = state.risk.words, state.risk.known(0)
    prices = [
        cells.risk_market_mark_ticks(marks, risk, number),
        cells.risk_market_index_ticks(marks, risk, number),
        cells.risk_market_index_ms(marks, risk, number) // 1000,
        cells.risk_market_funding_index_ppm(marks, risk, number),
        cells.risk_market_multiplier_units(marks, risk, number),
        cells.risk_market_braked(marks, risk, number),
    ]
    margins = [
        cells.risk_market_initial_ppm(marks, risk, number),
        cells.risk_market_initial2_ppm(marks, risk, number),
        cells.risk_market_initial3_ppm(marks, risk, number),
        cells.risk_market_maintenance_ppm(marks, risk, number),
        cells.risk_market_maintenance2_ppm(marks, risk, number),
        cells.risk_market_maintenance3_ppm(marks, risk, number),
        cells.risk_market_tier2_from_millions(marks, risk, number),
        cells.risk_market_tier3_from_millions(marks, risk, number),
    ]
    venue = [
        cells.market_live_ms(rules, market) // 1000,
        cells.market_expiry_ms(rules, market) // 1000,
        cells.market_max_lots(rules, market),
        cells.market_max_open_interest_lots(rules, market),
        cells.market_min_order_units(rules, market),
        cells.market_surcharge_from_units(rules, market),
        cells.market_surcharge_to_units(rules, market),
        cells.market_taker_fee_ppm(rules, market),
        cells.market_maker_fee_ppm(rules, market),
        cells.market_rebate_ppm(rules, market),
        int(cells.market_kind(rules, market) == KIND_DATED),
    ]
    brakes = [
        cells.market_down_ticks(rules, market),
        cells.market_down_ms(rules, market) // 1000,
        cells.market_up_ticks(rules, market),
        cells.market_up_ms(rules, market) // 1000,
    ]
    return [*prices, *margins, *venue, *brakes]


def _call(signature: str, *words: int) -> bytes:
    head = keccak(signature.encode())[:4]
    return head + b"".join((word % (1 << 256)).to_bytes(32, "big") for word in words)
