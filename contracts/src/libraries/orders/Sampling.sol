// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MILLION, clamp, divToZero, mulDivUp} from "@tallystick/libraries/Arith.sol";
import {Market, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {fadingBasis} from "@tallystick/libraries/market/Instrument.sol";
import {isStale} from "@tallystick/libraries/market/Stages.sol";
import {basisBoundPpm} from "@tallystick/libraries/orders/Carried.sol";

// Samples of a book: when one is due, how it begins, and the mark that an index and the book's usual distance make.

/// @notice Lets a market's mark be as far from its index of margins as its basis, at most the bound (I16).
/// @dev In a settlement window the basis fades: what settles has none. Rounding: to the index.
function setMark(Market market, Risk risk, Price price, uint256 number) pure {
    int256 indexTicks = int256(uint256(risk.marketIndexTicks(number)));
    int256 basisPpm = clamp(price.basisPpm(), indexTicks * int256(basisBoundPpm(market, risk, number)));
    int256 markTicks = indexTicks + divToZero(fadingBasis(market, basisPpm, price.indexMs()), MILLION);
    int256 mostTicks = int256(Constants.MAX_PRICE_TICKS);
    if (markTicks > mostTicks) markTicks = mostTicks;
    // SAFETY: a price.
    risk.setMarketMarkTicks(number, markTicks > 1 ? uint32(uint256(markTicks)) : 1);
}

/// @notice Whether the newest sample of the book is SAMPLE_MS old, and the index is not stale.
function isSampleDue(Registers registers, Price price) pure returns (bool) {
    uint256 due = price.sampleMs() + Constants.SAMPLE_MS;
    return registers.clockMs() >= due && !isStale(registers, price);
}

/// @notice Looks through the buyers next, for as many lots as a quote of this market has.
function beginSample(Registers registers, Market market, Price price) pure {
    uint64 lots = market.quoteLots();
    registers.setArgLots(lots > 1 ? lots : 1);
    registers.setWork(uint32(Constants.SAMPLE_WORK));
    registers.setPhase(Phase.QUOTE);
    forgetQuoted(price);
}

/// @notice Lets no account have counted.
function forgetQuoted(Price price) pure {
    for (uint256 place; place < Constants.QUOTERS; ++place) {
        price.setQuoted(place, 0);
    }
}

/// @notice The fewest lots that count, so that as many orders as are remembered suffice. Units: lots. Rounding: up.
function leastLots(Registers registers) pure returns (uint256) {
    return uint256(mulDivUp(int256(uint256(registers.argLots())), 1, int256(Constants.QUOTERS)));
}
