// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {ones, setBit} from "@tallystick/libraries/Bits.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Config, Market, Oracle} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {nowMs} from "@tallystick/libraries/market/Stages.sol";
import {openConfig, openMarket, openOracle} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title REPORT_PRICE: take one signer's price into a market's round
/// @notice A newer round discards the older one; a quorum makes a median. A round's number is at most
/// its report's time in milliseconds, so that no signer can use the numbers up.
/// @dev Rejects: NO_MARKET, OUT_OF_RANGE (zero price, round beyond its time), STALE_REPORT, OLD_ROUND,
/// DUPLICATE_REPORT. Twin: shared/tallystick/machine/steps/report_price.py.
contract ReportPrice is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Market market = openMarket(w, registers.argMarket());
        Config config = openConfig(w);
        Oracle oracle = openOracle(w, registers.argMarket());

        // CHECK
        uint8 outcome = _check(registers, market, oracle);
        if (outcome != Outcome.ACCEPTED) return finish(registers, outcome);

        // APPLY
        uint256 signer = registers.argSlot();
        if (registers.argId() > oracle.round()) {
            oracle.setRound(registers.argId());
            oracle.setSeen(0);
            for (uint256 i; i < Constants.MAX_SIGNERS; ++i) {
                oracle.setPrices(i, 0);
            }
        }
        // SAFETY: there are 16 signers.
        oracle.setSeen(uint16(setBit(oracle.seen(), signer)));
        oracle.setPrices(signer, registers.argPriceTicks());

        // WRITE
        if (ones(oracle.seen()) >= config.quorum()) registers.setPhase(Phase.COMMIT_MEDIAN);
        else finish(registers, Outcome.ACCEPTED);
    }

    function _check(Registers registers, Market market, Oracle oracle) private pure returns (uint8) {
        uint256 time = registers.argTimeMs();
        uint256 current = nowMs(registers);
        uint256 newest = oracle.round();
        if (market.status() != Constants.MARKET_LIVE) return Outcome.NO_MARKET;
        if (registers.argPriceTicks() == 0 || registers.argId() > time) return Outcome.OUT_OF_RANGE;
        if (time + Constants.REPORT_AGE_MS < current || time > current + Constants.REPORT_AHEAD_MS) {
            return Outcome.STALE_REPORT;
        }
        if (registers.argId() < newest) return Outcome.OLD_ROUND;
        if (registers.argId() == newest && oracle.seen() >> registers.argSlot() & 1 == 1) {
            return Outcome.DUPLICATE_REPORT;
        }
        return Outcome.ACCEPTED;
    }
}
