// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Pending} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {openAccount, openPending} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title CHANGE_FEE_ACCOUNT: propose the account that fees go to
/// @notice A proposal takes the place of one that is not in force yet, and its delay begins anew.
/// Proposals are numbered, so that none is repeated.
/// @dev Rejects: NO_ACCOUNT (nobody's, but for the treasury), OLD_CHANGE. Twin:
/// shared/tallystick/machine/steps/change_fee_account.py.
contract ChangeFeeAccount is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 number = registers.argAccount();

        // READ
        Account account = openAccount(w, number);
        Pending pending = openPending(w, Constants.FEE_ACCOUNT_PENDING);
        uint256 change = registers.argChange();

        // CHECK
        if (number != Constants.TREASURY_ACCOUNT && account.owner() == address(0)) {
            return finish(registers, Outcome.NO_ACCOUNT);
        }
        if (change != uint256(pending.changes()) + 1) return finish(registers, Outcome.OLD_CHANGE);

        // APPLY
        // SAFETY of every cast: the record's fields are bounded by what the cell's hold, the clock by
        // 2^62.
        pending.setChanges(uint32(change));
        pending.setEffectiveMs(uint64(registers.clockMs() + Constants.CHANGE_DELAY_MS));
        pending.setRules(0, uint64(number));

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }
}
