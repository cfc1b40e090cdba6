// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {mulDivDown} from "./Arith.sol";
import {appendWithdrawal} from "./Outbox.sol";
import {Account, Risk} from "./generated/Cells.sol";
import {Constants, Outcome} from "./generated/Names.sol";
import {Registers} from "./generated/Registers.sol";
import {health} from "@tallystick/libraries/market/Risk.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

// Winding down: what an account has a claim to, and what is paid of it.

/// @notice Counts an account's claim, or pays it once the time for counting is over. Rounding: payments
/// down; what is left stays in the Vault.
/// @dev Rejects: NO_CLAIM (it has been paid), TOO_EARLY (it is counted, and others may still come).
function settleClaim(Witness memory w, uint256 number, Account account, Risk risk) pure returns (uint8) {
    Registers registers = w.registers;
    if (account.settled() == Constants.CLAIM_PAID) return Outcome.NO_CLAIM;
    if (registers.clockMs() - registers.windDownMs() >= Constants.CLAIM_MS) {
        _closeClaims(registers);
        _pay(w, number, account, risk);
        return Outcome.ACCEPTED;
    }
    if (account.settled() == Constants.CLAIM_COUNTED) return Outcome.TOO_EARLY;
    _count(registers, account, risk);
    return Outcome.ACCEPTED;
}

/// @dev What an account is worth at the last marks, at least nothing.
function _worth(Registers registers, Account account, Risk risk) pure returns (int256) {
    int256 valueUnits = health(registers, account, risk, Constants.LEAN_MARKED).valueUnits;
    return valueUnits > 0 ? valueUnits : int256(0);
}

function _least(int256 a, int256 b) pure returns (int256) {
    return a < b ? a : b;
}

function _held(Registers registers) pure returns (int256) {
    return int256(registers.depositedUnits()) - registers.withdrawnUnits();
}

/// @dev Adds an account's claim to all others. None is larger than all that can ever be deposited.
function _count(Registers registers, Account account, Risk risk) pure {
    int256 claimUnits = _least(_worth(registers, account, risk), int256(Constants.MAX_DEPOSITED_UNITS));
    claimUnits = _least(claimUnits, int256(Constants.MAX_AMOUNT) - registers.claimsUnits());
    // SAFETY of both casts: at most MAX_AMOUNT.
    registers.setClaimsUnits(int64(registers.claimsUnits() + claimUnits));
    account.setClaimUnits(int64(claimUnits));
    account.setSettled(uint8(Constants.CLAIM_COUNTED));
}

/// @dev Divides what is held between the claims that were counted and those that come late, once.
function _closeClaims(Registers registers) pure {
    if (registers.claimsClosed() != 0) return;
    int256 heldUnits = _held(registers);
    int256 poolUnits = _least(heldUnits, registers.claimsUnits());
    registers.setClaimsClosed(1);
    // SAFETY of both casts: the Vault holds less than 2^63.
    registers.setPoolUnits(int64(poolUnits));
    registers.setSurplusUnits(int64(heldUnits - poolUnits));
}

/// @dev Pays an account its share of the pool, or, when it comes late, of what the others have left.
function _pay(Witness memory w, uint256 number, Account account, Risk risk) pure {
    Registers registers = w.registers;
    int256 paidUnits;
    if (account.settled() == Constants.CLAIM_COUNTED) {
        int256 claimsUnits = registers.claimsUnits();
        if (claimsUnits != 0) paidUnits = mulDivDown(account.claimUnits(), registers.poolUnits(), claimsUnits);
    } else {
        paidUnits = _least(_worth(registers, account, risk), registers.surplusUnits());
        // SAFETY: gets smaller, and stays at 0 or above.
        registers.setSurplusUnits(int64(registers.surplusUnits() - paidUnits));
    }
    account.setSettled(uint8(Constants.CLAIM_PAID));
    if (paidUnits != 0) appendWithdrawal(w, number, account, account.owner(), uint256(paidUnits));
}
