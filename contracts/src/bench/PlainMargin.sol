// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ppmUp, wholeUp} from "@tallystick/libraries/Arith.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";

// What a position of the plain book is worth and asks for: each struct is one word of storage. Times are in seconds,
// fractions in millionths, a funding index in millionths of a tick.

/// @notice A position: signed lots, what they have cost, what open interest asked beyond their margin, and the funding
/// index it was settled at.
struct Position {
    int64 lots;
    int64 cost;
    int64 extra;
    int64 funding;
}

/// @notice A market's prices. `braked` is what its brakes hold at this index: BRAKED_DOWN shorts, BRAKED_UP longs.
struct Prices {
    uint32 mark;
    uint32 index;
    uint64 time;
    int64 funding;
    uint32 multiplier;
    uint8 braked;
}

/// @notice A market's margin fractions by tier, and at how many millions of units the second and third begin, 0 for none.
struct Margins {
    uint32 initial;
    uint32 initial2;
    uint32 initial3;
    uint32 maintenance;
    uint32 maintenance2;
    uint32 maintenance3;
    uint32 second;
    uint32 third;
}

uint256 constant STALE = Constants.STALE_MS / 1000;

/// @notice What a position adds to its account's value, and its notional, at the worse of both prices; while a brake holds
/// it, it brings no more than it has cost.
function measure(Prices memory prices, Position memory position) pure returns (int256 brings, uint256 notional) {
    int256 exposure = int256(position.lots) * int256(uint256(prices.multiplier));
    uint256 price = (prices.mark > prices.index) == (exposure > 0) ? prices.index : prices.mark;
    int256 worth = exposure * int256(price);
    notional = unsigned(worth);
    brings = worth - owed(prices, position);
    if (prices.braked == 0 || brings <= position.cost) return (brings, notional);
    if (gains(prices.braked, prices, position)) brings = position.cost;
}

/// @notice The funding that a position owes since it was settled last. Rounding: up.
function owed(Prices memory prices, Position memory position) pure returns (int256) {
    int256 exposure = int256(position.lots) * int256(uint256(prices.multiplier));
    return wholeUp(exposure * (int256(prices.funding) - position.funding));
}

/// @notice Whether a position is of those that brakes hold, and worth more at the index than it has cost.
function gains(uint256 held, Prices memory prices, Position memory position) pure returns (bool) {
    if (position.lots == 0) return false;
    if (held & (position.lots > 0 ? Constants.BRAKED_UP : Constants.BRAKED_DOWN) == 0) return false;
    return int256(position.lots) * int256(uint256(prices.multiplier) * prices.index) > position.cost;
}

/// @notice Whether prices are too old to trade on, or to carry a position with its margin once.
function isStale(Prices memory prices) view returns (bool) {
    return block.timestamp - prices.time > STALE;
}

/// @notice What must stand behind a notional when it is opened. Rounding: up.
function initialMargin(Margins storage margins, uint256 notional) view returns (uint256) {
    uint256 second = uint256(margins.second) * Constants.PPM;
    if (second == 0 || notional <= second) return ppmUp(notional, margins.initial);
    uint256 third = _third(margins, second);
    return _tiered(notional, second, third, margins.initial, margins.initial2, margins.initial3);
}

/// @notice What must stay behind a notional. Rounding: up.
function maintenanceMargin(Margins storage margins, uint256 notional) view returns (uint256) {
    uint256 second = uint256(margins.second) * Constants.PPM;
    if (second == 0 || notional <= second) return ppmUp(notional, margins.maintenance);
    uint256 third = _third(margins, second);
    return _tiered(notional, second, third, margins.maintenance, margins.maintenance2, margins.maintenance3);
}

function _third(Margins storage margins, uint256 second) view returns (uint256) {
    uint256 third = uint256(margins.third) * Constants.PPM;
    return third > second ? third : type(uint256).max;
}

function _tiered(uint256 notional, uint256 second, uint256 third, uint256 ppm, uint256 ppm2, uint256 ppm3)
    pure
    returns (uint256)
{
    uint256 margin = ppmUp(second, ppm);
    if (notional <= third) return margin + ppmUp(notional - second, ppm2);
    return margin + ppmUp(third - second, ppm2) + ppmUp(notional - third, ppm3);
}

/// @notice What open interest of so much worth asks of what is added to it: nothing up to `from`, from `to` on all that
/// initial margin leaves, in between its share. Rounding: up.
function surchargePpm(uint256 worth, uint256 from, uint256 to, uint256 initialPpm) pure returns (uint256) {
    if (from == 0 || worth <= from) return 0;
    uint256 room = Constants.PPM - initialPpm;
    return worth >= to ? room : Math.ceilDiv((worth - from) * room, to - from);
}

function unsigned(int256 amount) pure returns (uint256) {
    return uint256(amount < 0 ? -amount : amount);
}
