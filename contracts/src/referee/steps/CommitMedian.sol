// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Config, Market, Oracle, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {finalMark, settlesBy} from "@tallystick/libraries/market/Instrument.sol";
import {nowMs} from "@tallystick/libraries/market/Stages.sol";
import {openConfig, openMarket, openOracle, openPriceCell, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title COMMIT_MEDIAN: make the median of a round's reports the market's index
/// @notice Only reports near their median count. Every further report of the round sets the index
/// again, so that which of them came first does not matter. The first one at or after a dated future's expiry
/// settles it: it becomes the final mark.
/// @dev Rejects: DEVIATING (fewer than a quorum are near). Twin:
/// shared/tallystick/machine/steps/commit_median.py.
contract CommitMedian is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Oracle oracle = openOracle(w, registers.argMarket());
        Config config = openConfig(w);
        Price price = openPriceCell(w, registers.argMarket());
        Market market = openMarket(w, registers.argMarket());

        // CHECK
        uint256[] memory prices = _reported(oracle);
        uint256[] memory near = _nearMedian(prices);
        if (near.length < config.quorum()) return finish(registers, Outcome.DEVIATING);

        // APPLY
        uint256 index = _lowerMedian(near);
        uint64 time = _setIndex(registers, price, index);
        if (settlesBy(market, time)) {
            market.setStatus(uint8(Constants.MARKET_SETTLED));
            Risk risk = openRisk(w);
            risk.setMarketMarkTicks(registers.argMarket(), uint32(finalMark(index)));
            risk.setMarketIndexMs(registers.argMarket(), 0);
            return finish(registers, Outcome.ACCEPTED);
        }

        // WRITE
        registers.setPhase(Phase.UPDATE_MARK);
    }

    function _reported(Oracle oracle) private pure returns (uint256[] memory prices) {
        prices = new uint256[](Constants.MAX_SIGNERS);
        uint256 count;
        for (uint256 i; i < Constants.MAX_SIGNERS; ++i) {
            if (oracle.seen() >> i & 1 == 1) prices[count++] = oracle.prices(i);
        }
        _cut(prices, count);
    }

    /// @dev The smallest price that at least half of the prices do not exceed.
    function _lowerMedian(uint256[] memory prices) private pure returns (uint256 median) {
        median = type(uint256).max;
        for (uint256 i; i < prices.length; ++i) {
            uint256 below;
            for (uint256 j; j < prices.length; ++j) {
                if (prices[j] <= prices[i]) ++below;
            }
            if (2 * below >= prices.length && prices[i] < median) median = prices[i];
        }
    }

    /// @dev The prices that are at most DEVIATION_PPM of the median away from it.
    function _nearMedian(uint256[] memory prices) private pure returns (uint256[] memory near) {
        uint256 middle = _lowerMedian(prices);
        near = new uint256[](prices.length);
        uint256 count;
        for (uint256 i; i < prices.length; ++i) {
            uint256 away = prices[i] > middle ? prices[i] - middle : middle - prices[i];
            if (away * Constants.PPM <= middle * Constants.DEVIATION_PPM) near[count++] = prices[i];
        }
        _cut(near, count);
    }

    /// @dev Writes the index and its time, which is returned; hands on how long ago the last one was, at most BASIS_MS.
    /// The time is the clock, or, for reports that came through L1, when the last of them was queued there.
    function _setIndex(Registers registers, Price price, uint256 index) private pure returns (uint64 time) {
        uint64 clock = registers.clockMs();
        uint64 last = price.indexMs();
        time = nowMs(registers);
        if (time > clock) time = clock;
        if (time < last) time = last;
        uint64 elapsed = last == 0 ? 0 : time - last;
        if (elapsed > Constants.STALE_MS) price.setResumedMs(time);
        // SAFETY: a reported price, and at most BASIS_MS.
        price.setIndexTicks(uint32(index));
        price.setIndexMs(time);
        if (time > registers.lastIndexMs()) registers.setLastIndexMs(time);
        registers.setArgAmount(elapsed < Constants.BASIS_MS ? elapsed : uint64(Constants.BASIS_MS));
    }

    function _cut(uint256[] memory list, uint256 count) private pure {
        // SAFETY: only shortens the list.
        assembly ("memory-safe") {
            mstore(list, count)
        }
    }
}
