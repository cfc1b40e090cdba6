// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {MILLION, clamp, divDown, divToZero, mulDivToZero, periodsDown} from "@tallystick/libraries/Arith.sol";
import {Market, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {NO_PRICE} from "@tallystick/libraries/market/Book.sol";
import {chargeFunding, paysFunding} from "@tallystick/libraries/market/Instrument.sol";
import {basisBoundPpm} from "@tallystick/libraries/orders/Carried.sol";
import {isSampleDue, setMark} from "@tallystick/libraries/orders/Sampling.sol";
import {openMarket, openPriceCell, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title UPDATE_MARK: take the sample of the book that was due, and let the mark follow the index as far from it as the
/// book is
/// @notice The basis moves towards the book and its premium counts; in a new hour the samples of the one before are charged
/// for first. Hours without a sample charge nothing.
/// @dev Rounding: moves, premiums, averages and rates to zero. Twin: shared/tallystick/machine/steps/update_mark.py.
contract UpdateMark is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 number = registers.argMarket();

        // READ
        Market market = openMarket(w, number);
        Risk risk = openRisk(w);
        Price price = openPriceCell(w, number);

        // CHECK: nothing; the reports that led here were checked.

        // APPLY
        if (isSampleDue(registers, price)) _takeSample(registers, market, risk, price);
        setMark(market, risk, price, number);

        // WRITE
        registers.setWork(uint32(Constants.WORK));
        registers.setPhase(Phase.FIRE_TRIGGER);
    }

    /// @dev Counts the prices found for the time since the sample before, at most SAMPLE_MOST_MS. Where a side has none,
    /// the book is where the index is.
    function _takeSample(Registers registers, Market market, Risk risk, Price price) private pure {
        uint256 indexTicks = risk.marketIndexTicks(registers.argMarket());
        int256 boundPpm = int256(basisBoundPpm(market, risk, registers.argMarket()));
        (uint256 bidTicks, uint256 askTicks) = (registers.argPriceTicks(), registers.argAskTicks());
        if (bidTicks == NO_PRICE || askTicks == NO_PRICE) (bidTicks, askTicks) = (indexTicks, indexTicks);
        uint256 waited = registers.clockMs() - price.sampleMs();
        if (waited > Constants.SAMPLE_MOST_MS) waited = Constants.SAMPLE_MOST_MS;
        _moveBasis(price, int256(indexTicks), int256(bidTicks + askTicks), boundPpm, int256(waited));
        if (paysFunding(market)) {
            _tick(registers, risk, price);
            int256 sumPpm =
                price.premiumSumPpm() + clamp(_premium(indexTicks, bidTicks, askTicks), boundPpm) * int256(waited);
            price.setPremiumSumPpm(SafeCast.toInt64(sumPpm));
            price.setPremiumMs(SafeCast.toUint32(price.premiumMs() + waited));
        }
        price.setSampleMs(registers.clockMs());
    }

    /// @dev Moves the basis towards the book's middle, half of `bothTicks`.
    function _moveBasis(Price price, int256 indexTicks, int256 bothTicks, int256 boundPpm, int256 waited) private pure {
        int256 basisPpm = price.basisPpm();
        int256 distancePpm = clamp(divDown(bothTicks * MILLION, 2) - indexTicks * MILLION, indexTicks * boundPpm);
        basisPpm += mulDivToZero(distancePpm - basisPpm, waited, int256(Constants.BASIS_MS));
        price.setBasisPpm(SafeCast.toInt64(basisPpm));
    }

    /// @dev In a new hour charges for what was sampled before it, if anything was.
    function _tick(Registers registers, Risk risk, Price price) private pure {
        uint64 hour = periodsDown(registers.clockMs(), Constants.HOUR_MS);
        if (hour <= price.tickHour()) return;
        chargeFunding(price, risk, registers.argMarket());
        price.setTickHour(hour);
    }

    /// @dev How far the book is beyond the index, in millionths of it: below 0 when sellers are.
    function _premium(uint256 index, uint256 bid, uint256 ask) private pure returns (int256) {
        int256 beyond = bid > index ? int256(bid - index) : int256(0);
        if (ask < index) beyond -= int256(index - ask);
        return divToZero(beyond * MILLION, int256(index));
    }
}
