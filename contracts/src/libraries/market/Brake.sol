// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {exposureOf, worthOf} from "@tallystick/libraries/market/Instrument.sol";

// The brake: behind a jump of the index, who gained by it stays until the ladder has been at those who lost.

/// @notice Looks whether the index of margins jumps by this move, and says in Risk what the brakes hold from now on.
/// Units: ticks, `oldTicks` 0 when there was no index.
/// @dev A jump is more than half the maintenance fraction within BRAKE_WINDOW_MS: what a position near its initial margin
/// may not survive.
function moveBrakes(Registers registers, Market market, Risk risk, uint256 number, uint256 oldTicks, uint256 newTicks)
    pure {
    uint64 clock = registers.clockMs();
    if (oldTicks == 0) return _anchor(market, newTicks, clock);
    if (clock >= market.anchorMs() + Constants.BRAKE_WINDOW_MS) _anchor(market, oldTicks, clock);
    uint256 anchorTicks = market.anchorTicks();
    uint256 jumpTicks = anchorTicks >= newTicks ? anchorTicks - newTicks : newTicks - anchorTicks;
    if (2 * Constants.PPM * jumpTicks > anchorTicks * risk.marketMaintenancePpm(number)) {
        if (newTicks < anchorTicks) _brakeFall(market, anchorTicks, clock);
        else _brakeRise(market, anchorTicks, clock);
        _anchor(market, newTicks, clock);
    }
    // SAFETY: two bits.
    risk.setMarketBraked(number, uint8(_heldSides(registers, market, newTicks)));
}

/// @dev Measures jumps from here on.
function _anchor(Market market, uint256 anchorTicks, uint64 clock) pure {
    // SAFETY: a price.
    market.setAnchorTicks(uint32(anchorTicks));
    market.setAnchorMs(clock);
}

/// @dev Holds shorts that gain; while a brake runs, by the higher of both anchors and the longer of both times.
function _brakeFall(Market market, uint256 anchorTicks, uint64 clock) pure {
    uint64 until = market.downMs();
    uint256 downTicks = market.downTicks();
    if (clock >= until || downTicks < anchorTicks) downTicks = anchorTicks;
    uint64 longer = clock + uint64(Constants.BRAKE_MS);
    // SAFETY: a price.
    market.setDownTicks(uint32(downTicks));
    market.setDownMs(until >= longer ? until : longer);
    market.setDownJumpMs(clock);
}

/// @dev Holds longs that gain; while a brake runs, by the lower of both anchors and the longer of both times.
function _brakeRise(Market market, uint256 anchorTicks, uint64 clock) pure {
    uint64 until = market.upMs();
    uint256 upTicks = market.upTicks();
    if (clock >= until || upTicks > anchorTicks) upTicks = anchorTicks;
    uint64 longer = clock + uint64(Constants.BRAKE_MS);
    // SAFETY: a price.
    market.setUpTicks(uint32(upTicks));
    market.setUpMs(until >= longer ? until : longer);
    market.setUpJumpMs(clock);
}

/// @dev Which positions the brakes hold at an index if they gain: BRAKED_DOWN shorts, BRAKED_UP longs.
function _heldSides(Registers registers, Market market, uint256 indexTicks) pure returns (uint256 held) {
    uint64 clock = registers.clockMs();
    if (clock < market.downMs() && indexTicks < market.downTicks()) held |= Constants.BRAKED_DOWN;
    if (clock < market.upMs() && indexTicks > market.upTicks()) held |= Constants.BRAKED_UP;
}

/// @notice Whether a brake of either side runs, wherever the index is by now.
function brakeRuns(Registers registers, Market market) pure returns (bool) {
    uint64 clock = registers.clockMs();
    return clock < market.downMs() || clock < market.upMs();
}

/// @notice Whether triggers of a side wait, whosever they are: those that would close positions which a brake holds.
function sideWaits(Registers registers, Market market, Risk risk, uint256 number, uint256 side) pure returns (bool) {
    uint256 held = _heldSides(registers, market, risk.marketIndexTicks(number));
    return held & (side == Constants.BUY ? Constants.BRAKED_DOWN : Constants.BRAKED_UP) != 0;
}

/// @notice Whether a brake holds an account's position, so that no fill may change it.
function isHeld(Registers registers, Market market, Risk risk, uint256 number, Account account) pure returns (bool) {
    uint256 held = _heldSides(registers, market, risk.marketIndexTicks(number));
    if (held == 0) return false;
    for (uint256 slot; slot < Constants.MAX_POSITIONS; ++slot) {
        int256 sizeLots = account.positionSizeLots(slot);
        if (sizeLots != 0 && account.positionMarket(slot) == number) {
            return _gains(risk, number, sizeLots, account.positionCostUnits(slot), held);
        }
    }
    return false;
}

/// @notice Whether a position is of those that have lost by a jump: on the other side of what a brake holds.
/// @dev It goes by what Risk says, as health does.
function hasJumped(Risk risk, uint256 number, int256 sizeLots) pure returns (bool) {
    return risk.marketBraked(number) & (sizeLots > 0 ? Constants.BRAKED_DOWN : Constants.BRAKED_UP) != 0;
}

/// @notice What a position counts for at the worse price: what it brings, but no more than its cost while a brake holds
/// it. Units: units.
/// @dev A gain that may yet be deleveraged carries nothing. It goes by what Risk says, for health opens no Market.
function countedWorth(Account account, Risk risk, uint256 slot, int256 bringsUnits) pure returns (int256) {
    uint256 number = account.positionMarket(slot);
    uint256 held = risk.marketBraked(number);
    int256 costUnits = account.positionCostUnits(slot);
    if (held == 0 || bringsUnits <= costUnits) return bringsUnits;
    return _gains(risk, number, account.positionSizeLots(slot), costUnits, held) ? costUnits : bringsUnits;
}

/// @dev Whether a position is of those held and worth more at the index than it has cost, fees and funding aside.
function _gains(Risk risk, uint256 number, int256 sizeLots, int256 costUnits, uint256 held) pure returns (bool) {
    if (held & (sizeLots > 0 ? Constants.BRAKED_UP : Constants.BRAKED_DOWN) == 0) return false;
    return worthOf(risk, number, exposureOf(risk, number, sizeLots), Constants.LEAN_INDEX) > costUnits;
}

/// @notice Lets the brakes that run last on behind the deleveraging of who owes more than he has, so long behind their
/// jump at most.
/// @dev Else one loser and many winners outlast them.
function prolongBrakes(Registers registers, Market market) pure {
    uint64 clock = registers.clockMs();
    uint64 longer = clock + uint64(Constants.BRAKE_MORE_MS);
    uint64 down = market.downMs();
    uint64 up = market.upMs();
    if (clock < down) {
        uint64 most = market.downJumpMs() + uint64(Constants.BRAKE_MOST_MS);
        if (longer < most) most = longer;
        if (down < most) market.setDownMs(most);
    }
    if (clock < up) {
        uint64 most = market.upJumpMs() + uint64(Constants.BRAKE_MOST_MS);
        if (longer < most) most = longer;
        if (up < most) market.setUpMs(most);
    }
}
