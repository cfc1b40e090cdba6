// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {openMarket, openOracle, openRisk} from "@tallystick/libraries/State.sol";
import {Witness} from "@tallystick/libraries/Witness.sol";
import {Market, Oracle, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";

/// @title COMMIT_MEDIAN: make the median of a round's reports the market's mark
/// @notice Every further report of the round moves it again, so that which of them came first does
/// not matter.
/// @dev Twin: shared/tallystick/machine/steps/commit_median.py.
contract CommitMedian is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Oracle oracle = openOracle(w, registers.argMarket());
        Risk risk = openRisk(w);
        Market market = openMarket(w, registers.argMarket());

        // CHECK: nothing; the report that led here was checked.

        // APPLY
        risk.setMarketMarkTicks(registers.argMarket(), _lowerMedian(oracle));
        if (market.kind() == Constants.KIND_DATED && market.expiryMs() <= registers.clockMs()) {
            market.setStatus(uint8(Constants.MARKET_SETTLED));
        }

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }

    /// @dev The smallest reported price that at least half of the reported prices do not exceed.
    function _lowerMedian(Oracle oracle) private pure returns (uint32 median) {
        uint32[] memory prices = new uint32[](Constants.MAX_SIGNERS);
        uint256 count;
        for (uint256 i; i < Constants.MAX_SIGNERS; ++i) {
            if (oracle.seen() >> i & 1 == 1) prices[count++] = oracle.prices(i);
        }
        median = type(uint32).max;
        for (uint256 i; i < count; ++i) {
            uint256 below;
            for (uint256 j; j < count; ++j) {
                if (prices[j] <= prices[i]) ++below;
            }
            if (2 * below >= count && prices[i] < median) median = prices[i];
        }
    }
}
