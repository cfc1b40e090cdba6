// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish, recordValues} from "@tallystick/libraries/Machine.sol";
import {Market, Pending, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {ListMarketFields} from "@tallystick/libraries/generated/Fields.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {nothingRests} from "@tallystick/libraries/market/Book.sol";
import {beginSeries, listingStands, nextSeries, writeListing} from "@tallystick/libraries/market/Rules.sol";
import {openMarket, openPending, openPriceCell, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title LIST_MARKET: list a new market, or the next series of a settled one; it takes orders three weeks later
/// @notice For good: its kind, multiplier and expiry never change. Until it is live whoever does not trust it may leave.
/// Of a settled market everything is gone first: its positions, its orders, and here what its cells have kept. A record
/// names the series it begins, so that it is not played again.
/// @dev Rejects: MARKET_EXISTS (it is not settled, or has a position or an order left), BAD_PARAMETERS (another series
/// than the next, or rules that do not stand). Twin: shared/tallystick/machine/steps/list_market.py.
contract ListMarket is Step {
    function _step(Witness memory w, IInbox inbox) internal view override {
        Registers registers = w.registers;
        uint256 number = registers.argMarket();

        // READ
        uint256[] memory values = recordValues(w, inbox);
        Market market = openMarket(w, number);
        Risk risk = openRisk(w);
        Price price = openPriceCell(w, number);
        Pending pending = openPending(w, number);
        bool isFree = nothingRests(w, number) && _isOver(market);
        uint256 series = values[ListMarketFields.MARKET] >> Constants.SERIES_SHIFT;
        uint256 liveMs = registers.clockMs() + Constants.LIST_DELAY_MS;

        // CHECK
        if (!isFree) return finish(registers, Outcome.MARKET_EXISTS);
        if (series != nextSeries(market) || !listingStands(values, liveMs)) {
            return finish(registers, Outcome.BAD_PARAMETERS);
        }

        // APPLY and WRITE
        beginSeries(market, price, pending, risk, number, series);
        writeListing(market, risk, number, values, liveMs);
        finish(registers, Outcome.ACCEPTED);
    }

    /// @dev Whether a market was never listed, or has settled and nobody holds any of it.
    function _isOver(Market market) private pure returns (bool) {
        uint256 status = market.status();
        if (status != 0 && status != Constants.MARKET_SETTLED) return false;
        return market.openInterestLots() == 0 && market.netLots() == 0;
    }
}
