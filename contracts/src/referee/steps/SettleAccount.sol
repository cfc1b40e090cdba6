// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {settleClaim} from "@tallystick/libraries/Winding.sol";
import {Account, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {openAccount, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title SETTLE_ACCOUNT: wind the exchange down, one account at a time
/// @notice Counts or pays an account's claim; the first one begins the wind-down, when there has been no
/// index for long.
/// @dev Rejects: NO_ACCOUNT, TOO_EARLY, NO_CLAIM. Twin:
/// shared/tallystick/machine/steps/settle_account.py.
contract SettleAccount is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 number = registers.argAccount();

        // READ
        Account account = openAccount(w, number);
        Risk risk = openRisk(w);

        // CHECK
        if (account.owner() == address(0)) return finish(registers, Outcome.NO_ACCOUNT);
        if (registers.windDownMs() == 0) {
            uint64 last = registers.lastIndexMs();
            if (last == 0 || registers.clockMs() - last < Constants.WIND_DOWN_MS) {
                return finish(registers, Outcome.TOO_EARLY);
            }
            registers.setWindDownMs(registers.clockMs());
        }

        // APPLY and WRITE
        finish(registers, settleClaim(w, number, account, risk));
    }
}
