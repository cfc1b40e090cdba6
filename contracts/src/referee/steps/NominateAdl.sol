// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Deleverage} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {
    Case,
    FUND,
    Transfer,
    candidateTakes,
    lastResort,
    openCase,
    outranks,
    undoTransfer
} from "@tallystick/libraries/market/Liquidation.sol";
import {health} from "@tallystick/libraries/market/Risk.sol";
import {openAccount, openDeleverage} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title NOMINATE_ADL: name the account whose opposite position is to take up one that nobody else takes
/// @notice A candidate that ranks above the nominee takes its place while the delay runs.
/// @dev Rejects: HEALTHY (also the fund itself), NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, BOOK_CROSSES, INSURANCE_FIRST
/// (the fund can take over), NOT_ELIGIBLE (the candidate has no opposite position or cannot bear the
/// loss), OUTRANKED (the nominee is leveraged at least as much, its delay is over, or it is for another
/// market). Twin: shared/tallystick/machine/steps/nominate_adl.py.
contract NominateAdl is Step {
    /// @dev The cells of a nomination.
    struct Contest {
        Account fund;
        Account candidate;
        Deleverage nomination;
        uint256 nomineeNumber;
        Account nominee;
        uint256 waited;
    }

    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint64 number = registers.argId();

        // READ
        Case memory c = openCase(w, registers.argAccount(), registers.argMarket());
        Contest memory contest;
        contest.fund = openAccount(w, FUND);
        contest.candidate = openAccount(w, number);
        contest.nomination = openDeleverage(w, c.number);
        contest.nomineeNumber = contest.nomination.candidate();
        contest.nominee = openAccount(w, contest.nomineeNumber);

        // CHECK
        Transfer memory moved;
        uint8 outcome = lastResort(w, c, contest.fund, moved);
        if (outcome == Outcome.ACCEPTED) {
            if (candidateTakes(c, number, contest.candidate, moved)) undoTransfer(c, contest.candidate, moved);
            else outcome = Outcome.NOT_ELIGIBLE;
        }
        contest.waited = registers.clockMs() - contest.nomination.sinceMs();
        bool stands = contest.nomineeNumber != 0 && contest.waited < Constants.ADL_LAPSE_MS;
        if (outcome == Outcome.ACCEPTED && stands && !_replaces(c, contest)) outcome = Outcome.OUTRANKED;
        if (outcome != Outcome.ACCEPTED) return finish(registers, outcome);

        // APPLY
        contest.nomination.setMarket(registers.argMarket());
        // SAFETY: the record's field has 32 bits.
        contest.nomination.setCandidate(uint32(number));
        if (!stands) contest.nomination.setSinceMs(registers.clockMs());

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }

    /// @dev Whether a candidate may take the nominee's place: in time, in the same market, and ranked
    /// above it.
    function _replaces(Case memory c, Contest memory contest) private pure returns (bool) {
        if (contest.nomination.market() != c.marketNumber) return false;
        if (contest.waited >= Constants.ADL_DELAY_MS) return false;
        Transfer memory moved;
        if (!candidateTakes(c, contest.nomineeNumber, contest.nominee, moved)) return true;
        undoTransfer(c, contest.nominee, moved);
        return outranks(health(contest.candidate, c.risk), health(contest.nominee, c.risk));
    }
}
