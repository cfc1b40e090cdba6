// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Deleverage as Nomination} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {
    Case,
    FUND,
    Transfer,
    bookTransfer,
    candidateTakes,
    lastResort,
    openCase
} from "@tallystick/libraries/market/Liquidation.sol";
import {openAccount, openDeleverage} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title DELEVERAGE: the nominee's opposite position takes up one that nobody else takes
/// @notice Closes both at the zero price, as far as both reach; the nomination is over.
/// @dev Rejects: NO_NOMINATION, TOO_EARLY (better candidates may still come). With any other outcome the
/// nomination is over as well: EXPIRED (it has lapsed), NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, HEALTHY, BOOK_CROSSES,
/// INSURANCE_FIRST, NOT_ELIGIBLE, as in NOMINATE_ADL. Twin: shared/tallystick/machine/steps/deleverage.py.
contract Deleverage is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        uint256 number = registers.argAccount();
        Nomination nomination = openDeleverage(w, number);
        uint256 nominee = nomination.candidate();

        // CHECK
        if (nominee == 0) return finish(registers, Outcome.NO_NOMINATION);
        uint256 waited = registers.clockMs() - nomination.sinceMs();
        if (waited < Constants.ADL_DELAY_MS) return finish(registers, Outcome.TOO_EARLY);
        Case memory c = openCase(w, number, nomination.market());
        Account fund = openAccount(w, FUND);
        Account candidate = openAccount(w, nominee);
        Transfer memory moved;
        uint8 outcome = Outcome.EXPIRED;
        if (waited < Constants.ADL_LAPSE_MS) outcome = lastResort(w, c, fund, moved);
        if (outcome == Outcome.ACCEPTED && !candidateTakes(c, nominee, candidate, moved)) {
            outcome = Outcome.NOT_ELIGIBLE;
        }

        // APPLY and WRITE
        nomination.setCandidate(0);
        nomination.setMarket(0);
        nomination.setSinceMs(0);
        if (outcome == Outcome.ACCEPTED) bookTransfer(registers, c, moved);
        finish(registers, outcome);
    }
}
