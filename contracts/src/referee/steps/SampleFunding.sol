// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {MILLION, clamp, divToZero, periodsDown} from "@tallystick/libraries/Arith.sol";
import {Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {NO_PRICE, bestPrice} from "@tallystick/libraries/market/Book.sol";
import {fundingIndex} from "@tallystick/libraries/market/Instrument.sol";
import {openPriceCell, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title SAMPLE_FUNDING: sample the premium once a minute, tick the funding index once an hour
/// @notice In a new hour the samples of the one before are charged for first. Hours without a sample
/// charge nothing.
/// @dev Rounding: premiums, averages and rates to zero. Twin:
/// shared/tallystick/machine/steps/sample_funding.py.
contract SampleFunding is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 number = registers.argMarket();

        // READ
        Risk risk = openRisk(w);
        Price price = openPriceCell(w, number);
        uint256 bid = bestPrice(w, number, Constants.BUY);
        uint256 ask = bestPrice(w, number, Constants.SELL);

        // CHECK: nothing; UPDATE_MARK has found that a sample is due.

        // APPLY
        uint64 hour = periodsDown(registers.clockMs(), Constants.HOUR_MS);
        if (hour > price.tickHour()) {
            if (price.premiumCount() != 0) _tick(price, risk, number);
            price.setTickHour(hour);
        }
        int256 sum = price.premiumSumPpm() + _premium(price.indexTicks(), bid, ask);
        price.setPremiumSumPpm(SafeCast.toInt64(sum));
        price.setPremiumCount(price.premiumCount() + 1);
        price.setSampleMinute(periodsDown(registers.clockMs(), Constants.MINUTE_MS));

        // WRITE
        registers.setPhase(Phase.FIRE_TRIGGER);
    }

    /// @dev How far the book is beyond the index, in millionths of it: below 0 when sellers are.
    function _premium(uint256 index, uint256 bid, uint256 ask) private pure returns (int256) {
        int256 beyond = bid > index ? int256(bid - index) : int256(0);
        if (ask != NO_PRICE && ask < index) beyond -= int256(index - ask);
        return divToZero(beyond * MILLION, int256(index));
    }

    /// @dev Charges for the samples since the last tick, and begins anew.
    function _tick(Price price, Risk risk, uint256 number) private pure {
        int256 average = divToZero(price.premiumSumPpm(), int256(uint256(price.premiumCount())));
        int256 rate = _hourlyRate(average, risk.marketInitialPpm(number), risk.marketMaintenancePpm(number));
        int256 charged = fundingIndex(risk, number) + rate * int256(uint256(price.indexTicks()));
        risk.setMarketFundingIndexPpm(number, SafeCast.toInt64(clamp(charged, int256(Constants.MAX_FUNDING_INDEX_PPM))));
        price.setPremiumSumPpm(0);
        price.setPremiumCount(0);
    }

    /// @dev An hour's rate from its average premium, in millionths of the index: at most what lies
    /// between the two margins.
    function _hourlyRate(int256 average, uint256 initialPpm, uint256 maintenancePpm) private pure returns (int256) {
        int256 interest = clamp(int256(Constants.INTEREST_PPM) - average, int256(Constants.INTEREST_CLAMP_PPM));
        int256 rate = divToZero(average + interest, int256(Constants.FUNDING_HOURS));
        uint256 between = initialPpm - maintenancePpm;
        return clamp(rate, int256(between < Constants.FUNDING_RATE_PPM ? between : Constants.FUNDING_RATE_PPM));
    }
}
