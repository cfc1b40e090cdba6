// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {Record, decode} from "@tallystick/libraries/Codec.sol";
import {areWhole, endItems, finish, recallRecord, recordInProgress} from "@tallystick/libraries/Machine.sol";
import {Market, Oracle, Price} from "@tallystick/libraries/generated/Cells.sol";
import {ReportPricesFields} from "@tallystick/libraries/generated/Fields.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {isFresh, reportAge} from "@tallystick/libraries/market/Stages.sol";
import {openMarket, openOracle, openPriceCell} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title REPORT_PRICE: take the next pair of a report as its signer's newest price of a market
/// @notice Each pair has its own outcome and its own work; one that fails does not stop the others.
/// @dev Rejects: MALFORMED (no pairs, or a part of one), NO_MARKET, OUT_OF_RANGE (zero price), STALE_REPORT,
/// OLD_REPORT. Twin: shared/tallystick/machine/steps/report_price.py.
contract ReportPrice is Step {
    function _step(Witness memory w, IInbox inbox) internal view override {
        Registers registers = w.registers;

        // READ
        recallRecord(registers);
        bytes calldata data = recordInProgress(w, inbox);
        (, Record memory record) = decode(data);
        bytes calldata pairs = data[record.blobs[0].start:record.blobs[0].start + record.blobs[0].length];
        if (!areWhole(int256(pairs.length), int256(Constants.REPORT_PAIR_BYTES))) {
            endItems(registers);
            return finish(registers, Outcome.MALFORMED);
        }
        _nextPair(registers, pairs);
        if (registers.argMarket() >= Constants.MAX_MARKETS) return finish(registers, Outcome.NO_MARKET);
        uint256 signer = record.values[ReportPricesFields.SIGNER];
        uint256 timeMs = record.values[ReportPricesFields.TIME_MS];
        Market market = openMarket(w, registers.argMarket());
        Oracle oracle = openOracle(w, registers.argMarket());
        Price price = openPriceCell(w, registers.argMarket());

        // CHECK
        uint8 outcome = _check(registers, market, oracle, price, signer, timeMs);
        if (outcome != Outcome.ACCEPTED) return finish(registers, outcome);

        // APPLY
        oracle.setPricesTicks(signer, registers.argPriceTicks());
        // SAFETY: a field of at most 62 bits.
        oracle.setTimesMs(signer, uint64(timeMs));

        // WRITE
        registers.setPhase(Phase.COMMIT_MEDIAN);
    }

    /// @dev Makes the pair whose turn it is the one in progress; with the last one the record has no more.
    function _nextPair(Registers registers, bytes calldata pairs) private pure {
        uint256 end = uint256(registers.bulkItem()) + Constants.REPORT_PAIR_BYTES;
        registers.setArgMarket(uint8(pairs[end - 4]));
        registers.setArgPriceTicks(uint24(bytes3(pairs[end - 3:end])));
        registers.setWork(uint32(Constants.WORK));
        // SAFETY: an offset inside a record.
        registers.setBulkItem(uint16(end));
        if (end == pairs.length) endItems(registers);
    }

    function _check(Registers registers, Market market, Oracle oracle, Price price, uint256 signer, uint256 timeMs)
        private
        pure
        returns (uint8)
    {
        if (market.status() != Constants.MARKET_LIVE) return Outcome.NO_MARKET;
        if (registers.argPriceTicks() == 0) return Outcome.OUT_OF_RANGE;
        if (!isFresh(registers, timeMs)) return Outcome.STALE_REPORT;
        uint256 last = oracle.timesMs(signer);
        if (last != 0 && timeMs < last + Constants.REPORT_STEP_MS) return Outcome.OLD_REPORT;
        if (timeMs + reportAge(registers) < price.indexMs()) return Outcome.OLD_REPORT;
        return Outcome.ACCEPTED;
    }
}
