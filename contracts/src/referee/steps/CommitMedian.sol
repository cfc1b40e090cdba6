// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {sequence} from "@tallystick/libraries/Liveness.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Config, Market, Oracle, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {moveBrakes} from "@tallystick/libraries/market/Brake.sol";
import {carryIndex, finalMark, indexOfMargins, settleAt, settlesBy} from "@tallystick/libraries/market/Instrument.sol";
import {isFresh} from "@tallystick/libraries/market/Stages.sol";
import {beginSample, isSampleDue, setMark} from "@tallystick/libraries/orders/Sampling.sol";
import {openConfig, openMarket, openOracle, openPriceCell, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title COMMIT_MEDIAN: make the median of the signers' fresh reports the market's index
/// @notice Fewer than a quorum move nothing. Its time is that of the quorum-th newest, which no single signer can make
/// later. Reports that are signed further apart than REPORT_AGE_MS never meet in a median. The first index at or after a
/// dated future's expiry settles it, at the mean of those that stood in its settlement window. Any other may be a jump,
/// which brakes. What margins, collar and book are measured with is the new one from here on; a sample of the book follows
/// when it is due.
/// @dev Twin: shared/tallystick/machine/steps/commit_median.py.
contract CommitMedian is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Oracle oracle = openOracle(w, registers.argMarket());
        Config config = openConfig(w);
        Price price = openPriceCell(w, registers.argMarket());
        Market market = openMarket(w, registers.argMarket());
        Risk risk = openRisk(w);

        // CHECK
        uint256 quorum = config.quorum();
        (uint256[] memory times, uint256[] memory prices) = _fresh(registers, oracle);
        if (times.length < quorum) return finish(registers, Outcome.ACCEPTED);

        // APPLY
        uint256 newest = _nth(times, times.length - quorum);
        _meeting(times, prices, newest);
        uint256 index = _nth(prices, (prices.length - 1) >> 1);
        uint64 timeMs = _setIndex(registers, market, price, risk, index, newest);
        if (settlesBy(market, timeMs)) {
            _settle(registers, market, price, risk);
            return finish(registers, Outcome.ACCEPTED);
        }
        _follow(registers, market, price, risk);

        // WRITE
        _goOn(registers, market, price);
    }

    /// @dev Times and prices of the reports that are fresh; a signer whose clock runs ahead is passed over alone.
    function _fresh(Registers registers, Oracle oracle)
        private
        pure
        returns (uint256[] memory times, uint256[] memory prices)
    {
        times = new uint256[](Constants.MAX_SIGNERS);
        prices = new uint256[](Constants.MAX_SIGNERS);
        uint256 count;
        for (uint256 signer; signer < Constants.MAX_SIGNERS; ++signer) {
            uint256 timeMs = oracle.timesMs(signer);
            if (timeMs == 0 || !isFresh(registers, timeMs)) continue;
            times[count] = timeMs;
            prices[count++] = oracle.pricesTicks(signer);
        }
        _cut(times, count);
        _cut(prices, count);
    }

    /// @dev Leaves the prices whose reports are at most REPORT_AGE_MS older than the quorum-th newest.
    function _meeting(uint256[] memory times, uint256[] memory prices, uint256 newest) private pure {
        uint256 count;
        for (uint256 i; i < times.length; ++i) {
            if (times[i] + Constants.REPORT_AGE_MS >= newest) prices[count++] = prices[i];
        }
        _cut(prices, count);
    }

    /// @dev The number at a place, counted from 0, when they are in rising order.
    function _nth(uint256[] memory numbers, uint256 place) private pure returns (uint256) {
        for (uint256 i; i < numbers.length; ++i) {
            uint256 below;
            uint256 upTo;
            for (uint256 j; j < numbers.length; ++j) {
                if (numbers[j] < numbers[i]) ++below;
                if (numbers[j] <= numbers[i]) ++upTo;
            }
            if (below <= place && place < upTo) return numbers[i];
        }
        // SAFETY: one of them has the place.
        assert(false);
        return 0;
    }

    /// @dev Writes the index and its time, which is returned.
    /// The time is that of its reports, but not beyond the clock nor before the last index, which is counted until then
    /// where it stood in a settlement window. Behind a halt, what rests has outlived it.
    function _setIndex(Registers registers, Market market, Price price, Risk risk, uint256 indexTicks, uint256 newest)
        private
        pure
        returns (uint64 timeMs)
    {
        uint64 clock = registers.clockMs();
        uint64 last = price.indexMs();
        // SAFETY: a time that was signed has at most 62 bits.
        timeMs = newest < clock ? uint64(newest) : clock;
        if (timeMs < last) timeMs = last;
        uint64 elapsed = last == 0 ? 0 : timeMs - last;
        if (last != 0 && clock > last + Constants.STALE_MS) {
            risk.setMarketResumedSequence(registers.argMarket(), sequence(registers));
        }
        if (elapsed > Constants.LONG_SILENCE_MS) price.setResumedMs(timeMs);
        carryIndex(market, price, indexTicks, timeMs);
        // SAFETY: a reported price.
        price.setIndexTicks(uint32(indexTicks));
        price.setIndexMs(timeMs);
        if (timeMs > registers.lastIndexMs()) registers.setLastIndexMs(timeMs);
    }

    /// @dev Ends a dated future at the mean that has been counted.
    function _settle(Registers registers, Market market, Price price, Risk risk) private pure {
        settleAt(registers, market, risk, registers.argMarket(), finalMark(price.settleSumTicksMs()));
    }

    /// @dev Lets the brakes see what margins will be measured with, and have been until now; it stands in Risk from here on.
    function _follow(Registers registers, Market market, Price price, Risk risk) private pure {
        uint256 number = registers.argMarket();
        uint256 indexTicks = indexOfMargins(market, price.settleSumTicksMs(), price.indexTicks(), price.indexMs());
        moveBrakes(registers, market, risk, number, risk.marketIndexTicks(number), indexTicks);
        // SAFETY: the mean of several prices.
        risk.setMarketIndexTicks(number, uint32(indexTicks));
        risk.setMarketIndexMs(number, price.indexMs());
        setMark(market, risk, price, number);
    }

    /// @dev Samples the book when it is time, else goes on to the mark.
    function _goOn(Registers registers, Market market, Price price) private pure {
        uint8 number = registers.argMarket();
        registers.clearArgs();
        registers.setArgMarket(number);
        if (isSampleDue(registers, price)) beginSample(registers, market, price);
        else registers.setPhase(Phase.UPDATE_MARK);
    }

    function _cut(uint256[] memory list, uint256 count) private pure {
        // SAFETY: only shortens the list.
        assembly ("memory-safe") {
            mstore(list, count)
        }
    }
}
