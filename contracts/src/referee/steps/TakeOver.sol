// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account} from "@tallystick/libraries/generated/Cells.sol";
import {Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {
    Case,
    FUND,
    Transfer,
    bankrupt,
    bookCrosses,
    bookTransfer,
    checkCase,
    fundTakes,
    openCase
} from "@tallystick/libraries/market/Liquidation.sol";
import {openAccount} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title TAKE_OVER: the insurance fund takes up a position that the book does not
/// @dev Rejects: HEALTHY (also the fund itself), NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, BOOK_CROSSES (somebody bids the
/// zero price or better), INSURANCE_LIMIT (no room below the market's cap, or the fund's own margin
/// would not carry it). Twin: shared/tallystick/machine/steps/take_over.py.
contract TakeOver is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Case memory c = openCase(w, registers.argAccount(), registers.argMarket());
        Account fund = openAccount(w, FUND);

        // CHECK
        uint8 outcome = c.number == FUND ? Outcome.HEALTHY : checkCase(registers, c);
        if (outcome == Outcome.ACCEPTED && !bankrupt(c) && bookCrosses(w, c)) outcome = Outcome.BOOK_CROSSES;
        Transfer memory moved;
        if (outcome == Outcome.ACCEPTED && !fundTakes(c, fund, moved)) outcome = Outcome.INSURANCE_LIMIT;
        if (outcome != Outcome.ACCEPTED) return finish(registers, outcome);

        // APPLY and WRITE
        bookTransfer(registers, c, moved);
        finish(registers, Outcome.ACCEPTED);
    }
}
