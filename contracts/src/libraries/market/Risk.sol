// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {initialMargin, maintenanceMargin} from "./Margin.sol";
import {ppmUp, productsAtMost} from "@tallystick/libraries/Arith.sol";
import {Account, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {exposureOf, owedSince, weightOf, worthOf} from "@tallystick/libraries/market/Instrument.sol";

// Cross-margin: what an account is worth and what it must hold.

/// @notice An account against the marks. Units: all in units.
struct Health {
    int256 value;
    int256 initial;
    int256 maintenance;
    uint256 notional;
}

/// @notice Measures an account, with the funding it has not settled yet. Rounding: margin
/// requirements and funding up, position by position.
function health(Account account, Risk risk) pure returns (Health memory measured) {
    measured.value = account.cashUnits();
    uint256 initial;
    uint256 maintenance;
    for (uint256 slot; slot < Constants.MAX_POSITIONS; ++slot) {
        int256 size = account.positionSizeLots(slot);
        if (size == 0) continue;
        uint256 market = account.positionMarket(slot);
        int256 exposure = exposureOf(risk, market, size);
        int256 worth = worthOf(risk, market, exposure);
        measured.value += worth - owedSince(risk, market, exposure, account.positionFundingIndexPpm(slot));
        uint256 weight = weightOf(worth);
        measured.notional += weight;
        initial += initialMargin(risk, market, weight);
        maintenance += maintenanceMargin(risk, market, weight);
    }
    // SAFETY: 16 times twice 128 + 32 bits.
    measured.initial = int256(initial);
    measured.maintenance = int256(maintenance);
}

/// @notice Whether a trade may leave an account like this.
/// @dev Either it ends at or above the initial margin, or it only reduces a position and the ratio
/// of value to maintenance margin gets no worse.
function mayChange(Health memory before, Health memory later, bool reduces) pure returns (bool) {
    if (later.value >= later.initial) return true;
    return reduces && productsAtMost(before.value, later.maintenance, later.value, before.maintenance);
}

/// @notice What may leave an account. Rounding: down.
/// @dev Beyond the initial margin, a share of the notional stays, so that unrealised profit cannot
/// be withdrawn and pyramided. Never more than the Vault still holds, so that every withdrawal
/// granted can be paid (I5).
function withdrawable(Registers registers, Health memory measured) pure returns (uint256) {
    int256 buffer = int256(ppmUp(measured.notional, Constants.WITHDRAW_BUFFER_PPM));
    int256 free = measured.value - (measured.initial >= buffer ? measured.initial : buffer);
    int256 held = int256(registers.depositedUnits()) - registers.withdrawnUnits();
    if (held < free) free = held;
    return free > 0 ? uint256(free) : 0;
}
