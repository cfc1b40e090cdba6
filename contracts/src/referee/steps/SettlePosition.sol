// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {exposureOf, worthOf} from "@tallystick/libraries/market/Instrument.sol";
import {NO_SLOT, findPosition} from "@tallystick/libraries/market/Trade.sol";
import {openAccount, openMarket, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title SETTLE_POSITION: turn one position of a settled market into cash
/// @notice The account's value stays what it was. A dated future pays no funding.
/// @dev Rejects: NOT_SETTLED, NO_POSITION. Twin:
/// shared/tallystick/machine/steps/settle_position.py.
contract SettlePosition is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 number = registers.argMarket();

        // READ
        Market market = openMarket(w, number);
        Account account = openAccount(w, registers.argAccount());
        Risk risk = openRisk(w);

        // CHECK
        uint256 slot = findPosition(account, number);
        int256 size = slot == NO_SLOT ? int256(0) : account.positionSizeLots(slot);
        if (market.status() != Constants.MARKET_SETTLED) return finish(registers, Outcome.NOT_SETTLED);
        if (size == 0) return finish(registers, Outcome.NO_POSITION);

        // APPLY
        int256 worth = worthOf(risk, number, exposureOf(risk, number, size));
        account.setCashUnits(SafeCast.toInt64(account.cashUnits() + worth));
        account.setPositionMarket(slot, 0);
        account.setPositionSizeLots(slot, 0);
        account.setPositionFundingIndexPpm(slot, 0);
        market.setNetLots(SafeCast.toInt64(market.netLots() - size));
        // SAFETY: the open interest is the sum of all long positions, this one among them.
        if (size > 0) market.setOpenInterestLots(uint64(market.openInterestLots() - uint256(size)));
        registers.setCashUnits(SafeCast.toInt64(registers.cashUnits() + worth));

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }
}
