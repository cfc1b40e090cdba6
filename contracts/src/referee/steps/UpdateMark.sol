// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {
    MILLION,
    clamp,
    divDown,
    medianOf,
    mulDivDown,
    mulDivUp,
    periodsDown,
    ppmDown,
    wholeDown
} from "@tallystick/libraries/Arith.sol";
import {Market, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {NO_PRICE, bestPrice} from "@tallystick/libraries/market/Book.sol";
import {exposureOf, paysFunding, weightOf, worthOf} from "@tallystick/libraries/market/Instrument.sol";
import {openMarket, openPriceCell, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title UPDATE_MARK: move the mark after the index, as far as the book and the bounds let it
/// @notice The mark is the median of the index, the index and its usual distance from the book, and
/// the book's middle. Then what open interest adds to the initial margin is set.
/// @dev Rounding: the basis and the middle down, the surcharge up. Twin:
/// shared/tallystick/machine/steps/update_mark.py.
contract UpdateMark is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 number = registers.argMarket();

        // READ
        Market market = openMarket(w, number);
        Risk risk = openRisk(w);
        Price price = openPriceCell(w, number);
        uint256 bid = bestPrice(w, number, Constants.BUY);
        uint256 ask = bestPrice(w, number, Constants.SELL);

        // CHECK: nothing; the reports that led here were checked.

        // APPLY
        int256 mark = _fair(registers, market, price, bid, ask);
        mark = _bounded(registers, price, mark, risk.marketMarkTicks(number), market);
        // SAFETY: between two prices.
        risk.setMarketMarkTicks(number, uint32(uint256(mark)));
        risk.setMarketIndexMs(number, price.indexMs());
        risk.setMarketResumedMs(number, price.resumedMs());
        risk.setMarketSurchargePpm(number, _surcharge(market, risk, number));

        // WRITE
        bool due = periodsDown(registers.clockMs(), Constants.MINUTE_MS) > price.sampleMinute();
        if (due && paysFunding(market)) registers.setPhase(Phase.SAMPLE_FUNDING);
        else registers.setPhase(Phase.FIRE_TRIGGER);
    }

    /// @dev Averages the basis in and returns the median of three prices; the index alone when a book
    /// side is empty.
    function _fair(Registers registers, Market market, Price price, uint256 bid, uint256 ask)
        private
        pure
        returns (int256)
    {
        int256 index = int256(uint256(price.indexTicks()));
        if (bid == NO_PRICE || ask == NO_PRICE) return index;
        int256 both = int256(bid + ask);
        int256 elapsed = int256(uint256(registers.argAmount()));
        int256 basis = price.basisPpm();
        int256 distance = divDown(both * MILLION, 2) - index * MILLION;
        basis += mulDivDown(distance - basis, elapsed, int256(Constants.BASIS_MS));
        basis = clamp(basis, index * int256(uint256(market.bandPpm())));
        price.setBasisPpm(SafeCast.toInt64(basis));
        return medianOf(index, index + wholeDown(basis), divDown(both, 2));
    }

    /// @dev A mark no further from where it stood when the window for its moves began than it may: a
    /// tick at least. However many rounds and reports there are within a window, together they move it
    /// no further.
    function _bounded(Registers registers, Price price, int256 mark, uint32 last, Market market)
        private
        pure
        returns (int256)
    {
        uint64 clock = registers.clockMs();
        if (last == 0 || clock - price.anchorMs() >= Constants.MOVE_MS) {
            // SAFETY: between two prices.
            price.setAnchorTicks(last == 0 ? uint32(uint256(mark)) : last);
            price.setAnchorMs(clock);
        }
        int256 anchor = int256(uint256(price.anchorTicks()));
        int256 most = int256(ppmDown(price.anchorTicks(), market.movePpm()));
        return anchor + clamp(mark - anchor, most > 0 ? most : int256(1));
    }

    /// @dev What open interest adds to the initial margin fraction: from nothing up to all of the
    /// notional.
    function _surcharge(Market market, Risk risk, uint256 number) private pure returns (uint32) {
        uint256 begins = market.surchargeFromUnits();
        uint256 ends = market.surchargeToUnits();
        int256 exposure = exposureOf(risk, number, int256(uint256(market.openInterestLots())));
        uint256 worth = weightOf(worthOf(risk, number, exposure));
        if (begins == 0 || worth <= begins) return 0;
        uint256 room = Constants.PPM - risk.marketInitialPpm(number);
        if (worth >= ends) return uint32(room);
        // SAFETY of both casts: at most all of the notional.
        return uint32(uint256(mulDivUp(int256(worth - begins), int256(room), int256(ends - begins))));
    }
}
