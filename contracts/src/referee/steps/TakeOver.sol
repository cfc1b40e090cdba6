// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account} from "@tallystick/libraries/generated/Cells.sol";
import {Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {fundOf, isFund} from "@tallystick/libraries/market/Funds.sol";
import {Transfer, bookTakeover, checkLadder, fundTakes} from "@tallystick/libraries/market/Ladder.sol";
import {Case, openCase} from "@tallystick/libraries/market/Liquidation.sol";
import {openAccount} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title TAKE_OVER: the market's insurance fund takes up lots of a position that the book does not
/// @notice Moves the lots that the record names to the market's insurance fund, at the index less the market's fee.
/// @dev Rejects: HEALTHY (also a fund itself), NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, BRAKE, BOOK_FIRST (it
/// does not owe, and no LIQUIDATE has just left something of it), INSURANCE_LIMIT (no lots, or more than are to be
/// closed, the market's cap has room for, the fund may bear of accounts that owe, or its own margin would carry).
/// Twin: shared/tallystick/machine/steps/take_over.py.
contract TakeOver is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Case memory c = openCase(w, registers.argAccount(), registers.argMarket());
        Account fund = openAccount(w, fundOf(c.marketNumber));

        // CHECK
        Transfer memory moved;
        uint8 outcome = isFund(c.number) ? Outcome.HEALTHY : checkLadder(c);
        if (outcome == Outcome.ACCEPTED && !fundTakes(c, fund, registers.argLots(), moved)) {
            outcome = Outcome.INSURANCE_LIMIT;
        }
        if (outcome != Outcome.ACCEPTED) return finish(registers, outcome);

        // APPLY and WRITE
        bookTakeover(c, moved);
        finish(registers, Outcome.ACCEPTED);
    }
}
