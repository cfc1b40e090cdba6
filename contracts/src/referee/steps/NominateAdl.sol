// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Deleverage} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {fundOf} from "@tallystick/libraries/market/Funds.sol";
import {Transfer, couldTake, lastResort, outranks, rankOf, weighsMore} from "@tallystick/libraries/market/Ladder.sol";
import {Case, brakeSpares, openCase} from "@tallystick/libraries/market/Liquidation.sol";
import {openAccount, openDeleverage} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title NOMINATE_ADL: name the account whose opposite position is to take up one that nobody else takes
/// @notice A candidate that ranks above the nominee takes its place while the delay runs. A nominee that cannot take
/// anything up any more gives way to any, and the delay goes on. In another market the nomination goes over to the
/// position that weighs more, and the delay begins anew. Behind a deleveraging of the same position only ADL_NEXT_MS of
/// it are left.
/// @dev Rejects: NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, HEALTHY, BOOK_FIRST, INSURANCE_FIRST (the fund
/// can take over), BRAKE (it holds the account's position or the candidate's), NOT_ELIGIBLE (the candidate has no opposite
/// position, or bears the loss of no lot), OUTRANKED (the
/// nominee ranks as high, its delay is over, or its market weighs as much). Twin:
/// shared/tallystick/machine/steps/nominate_adl.py.
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
        uint64 number = registers.argCandidate();

        // READ
        Case memory c = openCase(w, registers.argAccount(), registers.argMarket());
        Contest memory contest;
        contest.fund = openAccount(w, fundOf(c.marketNumber));
        contest.candidate = openAccount(w, number);
        contest.nomination = openDeleverage(w, c.number);
        contest.nomineeNumber = contest.nomination.candidate();
        contest.nominee = openAccount(w, contest.nomineeNumber);

        // CHECK
        Transfer memory moved;
        uint8 outcome = lastResort(c, contest.fund, moved);
        if (outcome == Outcome.ACCEPTED && brakeSpares(c, contest.candidate)) outcome = Outcome.BRAKE;
        if (outcome == Outcome.ACCEPTED && !couldTake(c, number, contest.candidate, moved)) {
            outcome = Outcome.NOT_ELIGIBLE;
        }
        bool same = contest.nomination.market() == c.marketNumber;
        contest.waited = registers.clockMs() - contest.nomination.sinceMs();
        bool runs = contest.waited < Constants.ADL_LAPSE_MS;
        bool stands = contest.nomineeNumber != 0 && runs;
        if (outcome == Outcome.ACCEPTED && stands) {
            bool goesOver = same ? _replaces(c, contest) : weighsMore(c, contest.nomination.market());
            if (!goesOver) outcome = Outcome.OUTRANKED;
        }
        if (outcome != Outcome.ACCEPTED) return finish(registers, outcome);

        // APPLY
        contest.nomination.setMarket(registers.argMarket());
        // SAFETY: the record's field has 32 bits, and the delays have less than the clock.
        contest.nomination.setCandidate(uint32(number));
        if (!(stands && same)) {
            uint256 begun = same && runs ? Constants.ADL_DELAY_MS - Constants.ADL_NEXT_MS : 0;
            contest.nomination.setSinceMs(registers.clockMs() - uint64(begun));
        }

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }

    /// @dev Whether a candidate may take the nominee's place: in time and ranked above it, or at once when that one
    /// cannot take.
    function _replaces(Case memory c, Contest memory contest) private pure returns (bool) {
        Transfer memory moved;
        if (!couldTake(c, contest.nomineeNumber, contest.nominee, moved)) return true;
        if (contest.waited >= Constants.ADL_DELAY_MS) return false;
        return outranks(rankOf(c, contest.candidate), rankOf(c, contest.nominee));
    }
}
