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
    int256 value = health(registers, account, risk, Constants.LEAN_MARKED).valueUnits;
    return value > 0 ? value : int256(0);
}

function _least(int256 a, int256 b) pure returns (int256) {
    return a < b ? a : b;
}

function _held(Registers registers) pure returns (int256) {
    return int256(registers.depositedUnits()) - registers.withdrawnUnits();
}

/// @dev Adds an account's claim to all others. None is larger than all that can ever be deposited.
function _count(Registers registers, Account account, Risk risk) pure {
    int256 claim = _least(_worth(registers, account, risk), int256(Constants.MAX_DEPOSITED_UNITS));
    claim = _least(claim, int256(Constants.MAX_AMOUNT) - registers.claimsUnits());
    // SAFETY of both casts: at most MAX_AMOUNT.
    registers.setClaimsUnits(int64(registers.claimsUnits() + claim));
    account.setClaimUnits(int64(claim));
    account.setSettled(uint8(Constants.CLAIM_COUNTED));
}

/// @dev Divides what is held between the claims that were counted and those that come late, once.
function _closeClaims(Registers registers) pure {
    if (registers.claimsClosed() != 0) return;
    int256 held = _held(registers);
    int256 pool = _least(held, registers.claimsUnits());
    registers.setClaimsClosed(1);
    // SAFETY of both casts: the Vault holds less than 2^63.
    registers.setPoolUnits(int64(pool));
    registers.setSurplusUnits(int64(held - pool));
}

/// @dev Pays an account its share of the pool, or, when it comes late, of what the others have left.
function _pay(Witness memory w, uint256 number, Account account, Risk risk) pure {
    Registers registers = w.registers;
    int256 paid;
    if (account.settled() == Constants.CLAIM_COUNTED) {
        int256 claims = registers.claimsUnits();
        if (claims != 0) paid = mulDivDown(account.claimUnits(), registers.poolUnits(), claims);
    } else {
        paid = _least(_worth(registers, account, risk), registers.surplusUnits());
        // SAFETY: gets smaller, and stays at 0 or above.
        registers.setSurplusUnits(int64(registers.surplusUnits() - paid));
    }
    account.setSettled(uint8(Constants.CLAIM_PAID));
    if (paid != 0) appendWithdrawal(w, number, account, account.owner(), uint256(paid));
}
