// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    NO_BIT,
    clearBit,
    highestBit,
    highestBitBelow,
    lowestBit,
    lowestBitFrom,
    setBit
} from "@tallystick/libraries/Bits.sol";
import {Bitmap, Level, Order, OrderLib, Page} from "@tallystick/libraries/generated/Cells.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {openBitmap, openLevel, openPage} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

// The order book: three levels of occupancy words above a FIFO of pages at each price.

/// @dev What stands for a page that was not opened.
Page constant NO_PAGE = Page.wrap(0);
/// @dev What stands for the best price of an empty book side.
uint256 constant NO_PRICE = 0;

/// @notice The way down to one price of one book side.
/// @dev Orders that wait for a trigger are parked in books of their own, by trigger.
struct Path {
    uint256 market;
    uint256 side;
    uint256 parked;
    uint256 price;
    Bitmap top;
    Bitmap middle;
    Bitmap low;
    Level level;
}

/// @notice The index of the occupancy word over the price: 0 top, 1 middle, 2 low.
function bitmapIndex(Path memory path, uint256 height) pure returns (uint256) {
    uint256 word = path.price >> (24 - 8 * height);
    return path.parked << 25 | path.market << 19 | path.side << 18 | height << 16 | word;
}

/// @notice The index of the price's level cell.
function levelIndex(Path memory path) pure returns (uint256) {
    return path.parked << 31 | path.market << 25 | path.side << 24 | path.price;
}

/// @notice Goes to the parked orders instead: those that fire above their trigger lie lowest first, the
/// others highest.
function park(Path memory path, uint256 flags) pure {
    path.parked = 1;
    path.side = flags & Constants.FLAG_TRIGGER_ABOVE != 0 ? Constants.SELL : Constants.BUY;
}

/// @notice Opens the occupancy words down to the side's best price; false when the side is empty.
/// @dev Best is the highest price of the buyers, the lowest of the sellers.
function openBest(Witness memory w, Path memory path) pure returns (bool) {
    path.price = 0;
    path.top = openBitmap(w, bitmapIndex(path, 0));
    uint256 bit = _bestBit(path.top, path.side);
    if (bit == NO_BIT) return false;
    path.price = bit << 16;
    path.middle = openBitmap(w, bitmapIndex(path, 1));
    path.price |= _bestBit(path.middle, path.side) << 8;
    path.low = openBitmap(w, bitmapIndex(path, 2));
    path.price |= _bestBit(path.low, path.side);
    return true;
}

/// @notice Opens the occupancy words from the path's price to the side's next worse one; false when
/// there is none.
/// @dev Those over the price first, the top last to be asked; then those on the way down to the next, where they
/// differ.
function openNext(Witness memory w, Path memory path) pure returns (bool) {
    path.top = openBitmap(w, bitmapIndex(path, 0));
    path.middle = openBitmap(w, bitmapIndex(path, 1));
    path.low = openBitmap(w, bitmapIndex(path, 2));
    uint256 bit = _worseBit(path.low, path.side, path.price & 255);
    if (bit != NO_BIT) {
        path.price = path.price >> 8 << 8 | bit;
        return true;
    }
    bit = _worseBit(path.middle, path.side, path.price >> 8 & 255);
    if (bit != NO_BIT) {
        path.price = path.price >> 16 << 16 | bit << 8;
    } else {
        bit = _worseBit(path.top, path.side, path.price >> 16);
        if (bit == NO_BIT) return false;
        path.price = bit << 16;
        path.middle = openBitmap(w, bitmapIndex(path, 1));
        path.price |= _bestBit(path.middle, path.side) << 8;
    }
    path.low = openBitmap(w, bitmapIndex(path, 2));
    path.price |= _bestBit(path.low, path.side);
    return true;
}

/// @notice Opens a book side's occupancy words and returns its best price, NO_PRICE when it is empty.
function bestPrice(Witness memory w, uint256 market, uint256 side) pure returns (uint256) {
    Path memory path;
    path.market = market;
    path.side = side;
    return openBest(w, path) ? path.price : NO_PRICE;
}

/// @notice Opens the occupancy words and the level of a price, from the top down.
function openPrice(Witness memory w, Path memory path, uint256 price) pure {
    path.price = price;
    path.top = openBitmap(w, bitmapIndex(path, 0));
    path.middle = openBitmap(w, bitmapIndex(path, 1));
    path.low = openBitmap(w, bitmapIndex(path, 2));
    path.level = openLevel(w, levelIndex(path));
}

/// @notice Opens the way down to a resting order's price, or to a parked one's trigger.
function openOrderPath(Witness memory w, Order order) pure returns (Path memory path) {
    path.market = order.market();
    path.side = order.side();
    uint256 trigger = order.triggerTicks();
    if (trigger != 0) park(path, order.flags());
    openPrice(w, path, trigger != 0 ? trigger : order.priceTicks());
}

/// @notice Opens the level's tail page when removing its last order from `number` frees a chain;
/// else NO_PAGE.
function openTailToFree(Witness memory w, Path memory path, uint256 number) pure returns (Page) {
    uint256 tail = path.level.tailPage();
    if (path.level.orders() != 1 || tail == number) return NO_PAGE;
    return openPage(w, tail);
}

/// @notice Sets the occupancy bits down to the price.
function occupy(Path memory path) pure {
    path.top.setBits(setBit(path.top.bits(), path.price >> 16));
    path.middle.setBits(setBit(path.middle.bits(), path.price >> 8 & 255));
    path.low.setBits(setBit(path.low.bits(), path.price & 255));
}

/// @notice Clears the price's occupancy bit, and those above words that became empty.
function vacate(Path memory path) pure {
    path.low.setBits(clearBit(path.low.bits(), path.price & 255));
    if (path.low.bits() != 0) return;
    path.middle.setBits(clearBit(path.middle.bits(), path.price >> 8 & 255));
    if (path.middle.bits() != 0) return;
    path.top.setBits(clearBit(path.top.bits(), path.price >> 16));
}

/// @notice Gives the level's empty head page, which is not its tail, to the free list.
function dropHead(Registers registers, Path memory path, Page page) pure {
    uint32 head = path.level.headPage();
    path.level.setHeadPage(page.nextPage());
    page.setNextPage(registers.freePage());
    registers.setFreePage(head);
}

/// @notice Takes an order out of the book.
/// @param slot the order's cell index
/// @param tail what `openTailToFree` returned
function removeOrder(Registers registers, Path memory path, uint256 slot, Order order, Page page, Page tail) pure {
    Level level = path.level;
    // SAFETY: a page has 64 bits, and this leaves fewer of them set.
    page.setBits(uint64(clearBit(page.bits(), slot & 63)));
    level.setOrders(level.orders() - 1);
    clearOrder(order);
    if (level.orders() == 0) {
        Page last = Page.unwrap(tail) == Page.unwrap(NO_PAGE) ? page : tail;
        last.setNextPage(registers.freePage());
        registers.setFreePage(level.headPage());
        level.setHeadPage(0);
        level.setTailPage(0);
        vacate(path);
    } else if (level.headPage() == slot >> 6 && level.tailPage() != slot >> 6 && page.bits() == 0) {
        dropHead(registers, path, page);
    }
}

/// @notice Zeroes an order's cell.
function clearOrder(Order order) pure {
    uint256 ptr = Order.unwrap(order);
    uint256 length = OrderLib.BYTES;
    // SAFETY: calldata behind its end is zeros; writes the cell's own bytes only.
    assembly ("memory-safe") {
        calldatacopy(ptr, calldatasize(), length)
    }
}

/// @dev The best price's bit of a word, NO_BIT when there is none.
function _bestBit(Bitmap bitmap, uint256 side) pure returns (uint256) {
    return side == Constants.BUY ? highestBit(bitmap.bits()) : lowestBit(bitmap.bits());
}

/// @dev The next worse price's bit of a word, NO_BIT when there is none.
function _worseBit(Bitmap bitmap, uint256 side, uint256 bit) pure returns (uint256) {
    return side == Constants.BUY ? highestBitBelow(bitmap.bits(), bit) : lowestBitFrom(bitmap.bits(), bit + 1);
}
