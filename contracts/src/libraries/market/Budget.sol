// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {isFund} from "./Funds.sol";
import {liquidates} from "./Liquidation.sol";
import {Fill, Terms} from "./Trade.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {clamp} from "@tallystick/libraries/Arith.sol";
import {Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {exposureOf, worthOf} from "@tallystick/libraries/market/Instrument.sol";

// What a fund has gained against the index since it holds a position: that much its unwinding may lose.

/// @notice Books what a fill of a fund's unwinding has brought against the index, and that it has traded now.
function bookSlice(Registers registers, Market market, Risk risk, Terms memory terms, Fill memory fill) pure {
    if (!liquidates(registers) || !isFund(registers.argAccount())) return;
    int256 exposure = exposureOf(risk, terms.market, terms.lots);
    int256 gainUnits = terms.quoteUnits - worthOf(risk, terms.market, exposure, Constants.LEAN_INDEX);
    addToBudget(market, registers.argSide() == Constants.SELL ? gainUnits : -gainUnits, fill);
    market.setFundMs(registers.clockMs());
}

/// @notice Adds what a fund has gained against the index to what its unwinding may lose; nothing while it holds
/// nothing.
/// @dev It begins anew where its position has turned. It stays within what cash stays within.
function addToBudget(Market market, int256 gainUnits, Fill memory fill) pure {
    bool turned = (fill.oldLots > 0 && 0 > fill.newLots) || (fill.oldLots < 0 && 0 < fill.newLots);
    int256 keptUnits = fill.oldLots == 0 || turned ? int256(0) : market.fundBudgetUnits();
    int256 budgetUnits = fill.newLots == 0 ? int256(0) : clamp(keptUnits + gainUnits, int256(Constants.MAX_CASH_UNITS));
    market.setFundBudgetUnits(SafeCast.toInt64(budgetUnits));
}
