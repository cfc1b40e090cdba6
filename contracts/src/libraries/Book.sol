// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {bitsBelow, bitsFrom, highestBit, lowestBit} from "./Arith.sol";
import {openBitmap, openLevel, openPage} from "./State.sol";
import {Witness} from "./Witness.sol";
import {Bitmap, Level, Order, OrderLib, Page} from "./generated/Cells.sol";
import {Constants} from "./generated/Names.sol";
import {Registers} from "./generated/Registers.sol";

// The order book: three levels of occupancy words above a FIFO of pages at each price.

/// @dev What stands for a page that was not opened.
Page constant NO_PAGE = Page.wrap(0);

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
    if (path.top.bits() == 0) return false;
    path.price = _best(path, path.top) << 16;
    path.middle = openBitmap(w, bitmapIndex(path, 1));
    path.price |= _best(path, path.middle) << 8;
    path.low = openBitmap(w, bitmapIndex(path, 2));
    path.price |= _best(path, path.low);
    return true;
}

/// @notice Opens the occupancy words from the path's price to the side's next worse one; false when
/// there is none.
/// @dev Those over the price first; then those on the way down to the next, where they differ.
function openNext(Witness memory w, Path memory path) pure returns (bool) {
    uint256 price = path.price;
    path.top = openBitmap(w, bitmapIndex(path, 0));
    path.middle = openBitmap(w, bitmapIndex(path, 1));
    path.low = openBitmap(w, bitmapIndex(path, 2));
    uint256 bits = _worse(path, path.low, price & 255);
    if (bits != 0) {
        path.price = price >> 8 << 8 | _bestBit(path, bits);
        return true;
    }
    bits = _worse(path, path.middle, price >> 8 & 255);
    if (bits != 0) {
        path.price = price >> 16 << 16 | _bestBit(path, bits) << 8;
    } else {
        bits = _worse(path, path.top, price >> 16);
        if (bits == 0) return false;
        path.price = _bestBit(path, bits) << 16;
        path.middle = openBitmap(w, bitmapIndex(path, 1));
        path.price |= _best(path, path.middle) << 8;
    }
    path.low = openBitmap(w, bitmapIndex(path, 2));
    path.price |= _best(path, path.low);
    return true;
}

/// @notice Opens a book side's occupancy words and returns its best price, 0 when it is empty.
function bestPrice(Witness memory w, uint256 market, uint256 side) pure returns (uint256) {
    Path memory path;
    path.market = market;
    path.side = side;
    return openBest(w, path) ? path.price : 0;
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
    _setBit(path.top, path.price >> 16);
    _setBit(path.middle, path.price >> 8 & 255);
    _setBit(path.low, path.price & 255);
}

/// @notice Clears the price's occupancy bit, and those above words that became empty.
function vacate(Path memory path) pure {
    _clearBit(path.low, path.price & 255);
    if (path.low.bits() != 0) return;
    _clearBit(path.middle, path.price >> 8 & 255);
    if (path.middle.bits() != 0) return;
    _clearBit(path.top, path.price >> 16);
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
    page.setBits(page.bits() & ~(uint64(1) << uint64(slot & 63)));
    level.setOrders(level.orders() - 1);
    clearOrder(order);
    if (level.orders() == 0) {
        Page last = Page.unwrap(tail) == Page.unwrap(NO_PAGE) ? page : tail;
        last.setNextPage(registers.freePage());
        registers.setFreePage(level.headPage());
        level.setHeadPage(0);
        level.setTailPage(0);
        vacate(path);
    } else if (level.headPage() == slot >> 6 && level.tailPage() != slot >> 6) {
        if (page.bits() == 0) dropHead(registers, path, page);
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

function _best(Path memory path, Bitmap bitmap) pure returns (uint256) {
    return _bestBit(path, bitmap.bits());
}

function _bestBit(Path memory path, uint256 bits) pure returns (uint256) {
    return path.side == Constants.BUY ? highestBit(bits) : lowestBit(bits);
}

/// @dev The word's bits that stand for worse prices than a bit.
function _worse(Path memory path, Bitmap bitmap, uint256 bit) pure returns (uint256) {
    return path.side == Constants.BUY ? bitsBelow(bitmap.bits(), bit) : bitsFrom(bitmap.bits(), bit + 1);
}

function _setBit(Bitmap bitmap, uint256 bit) pure {
    bitmap.setBits(bitmap.bits() | 1 << bit);
}

function _clearBit(Bitmap bitmap, uint256 bit) pure {
    bitmap.setBits(bitmap.bits() & ~(1 << bit));
}
