// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Deleverage as Nomination} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {prolongBrakes} from "@tallystick/libraries/market/Brake.sol";
import {fundOf} from "@tallystick/libraries/market/Funds.sol";
import {Transfer, bookTransfer, candidateTakes, lastResort} from "@tallystick/libraries/market/Ladder.sol";
import {Case, bankrupt, brakeSpares, openCase} from "@tallystick/libraries/market/Liquidation.sol";
import {openAccount, openDeleverage} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title DELEVERAGE: the nominee's opposite position takes up one that nobody else takes
/// @notice Closes both, as far as both reach and the nominee can bear; the nomination is over. Any other outcome leaves
/// the nomination as it is.
/// @dev Rejects: NO_NOMINATION, TOO_EARLY (better candidates may still come), EXPIRED (it has lapsed),
/// NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, HEALTHY, BOOK_FIRST, INSURANCE_FIRST, BRAKE, NOT_ELIGIBLE, as in NOMINATE_ADL.
/// Twin: shared/tallystick/machine/steps/deleverage.py.
contract Deleverage is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        uint256 number = registers.argAccount();
        Nomination nomination = openDeleverage(w, number);
        uint256 nominee = nomination.candidate();
        uint256 waited = registers.clockMs() - nomination.sinceMs();

        // CHECK
        uint8 outcome = Outcome.ACCEPTED;
        if (nominee == 0) outcome = Outcome.NO_NOMINATION;
        else if (waited < Constants.ADL_DELAY_MS) outcome = Outcome.TOO_EARLY;
        else if (waited >= Constants.ADL_LAPSE_MS) outcome = Outcome.EXPIRED;
        if (outcome != Outcome.ACCEPTED) return finish(registers, outcome);
        Case memory c = openCase(w, number, nomination.market());
        Account fund = openAccount(w, fundOf(c.marketNumber));
        Account candidate = openAccount(w, nominee);
        Transfer memory moved;
        outcome = lastResort(c, fund, moved);
        if (outcome == Outcome.ACCEPTED && brakeSpares(c, candidate)) outcome = Outcome.BRAKE;
        if (outcome == Outcome.ACCEPTED && !candidateTakes(c, nominee, candidate, moved)) {
            outcome = Outcome.NOT_ELIGIBLE;
        }
        if (outcome != Outcome.ACCEPTED) return finish(registers, outcome);

        // APPLY and WRITE
        nomination.setCandidate(0);
        nomination.setSinceMs(registers.clockMs());
        if (bankrupt(c)) prolongBrakes(registers, c.market);
        bookTransfer(c, moved);
        finish(registers, Outcome.ACCEPTED);
    }
}
