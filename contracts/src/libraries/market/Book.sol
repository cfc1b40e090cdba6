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
import {Account, Bitmap, Level, Order, OrderLib, Page} from "@tallystick/libraries/generated/Cells.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {openBitmap, openLevel, openPage} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

// The order book: three levels of occupancy words above a FIFO of pages at each price.

/// @dev What stands for a page that was not opened.
Page constant NO_PAGE = Page.wrap(0);
/// @dev What stands for the best price of an empty book side.
uint256 constant NO_PRICE = 0;

/// @notice The way down to one price of one book.
/// @dev A side's own book has its number. Orders that wait for a trigger are parked in books beside it, by trigger.
struct Path {
    uint256 market;
    uint256 book;
    uint256 priceTicks;
    Bitmap top;
    Bitmap middle;
    Bitmap low;
    Level level;
}

/// @notice The index of the occupancy word over the price: 0 top, 1 middle, 2 low.
function bitmapIndex(Path memory path, uint256 height) pure returns (uint256) {
    uint256 word = path.priceTicks >> (24 - 8 * height);
    return path.book << 24 | path.market << 18 | height << 16 | word;
}

/// @notice The index of the price's level cell.
function levelIndex(Path memory path) pure returns (uint256) {
    return path.book << 30 | path.market << 24 | path.priceTicks;
}

/// @notice Goes to the side's parked orders instead, to those that fire above their trigger or to those that fire
/// below.
function park(Path memory path, uint256 flags) pure {
    uint256 above = flags & Constants.FLAG_TRIGGER_ABOVE != 0 ? Constants.BOOK_ABOVE : 0;
    path.book |= Constants.BOOK_PARKED | above;
}

/// @notice Whether no book of a market holds an order, dead or alive; opens the top occupancy word of each.
function nothingRests(Witness memory w, uint256 market) pure returns (bool) {
    Path memory path;
    path.market = market;
    uint256 occupied;
    for (; path.book < Constants.BOOKS; ++path.book) {
        if (path.book > Constants.SELL && path.book < Constants.BOOK_PARKED) continue;
        occupied |= openBitmap(w, bitmapIndex(path, 0)).bits();
    }
    return occupied == 0;
}

/// @notice Opens the occupancy words down to the book's best price; false when it is empty.
/// @dev Best is the highest price of the buyers, the lowest of the sellers, and of parked orders the trigger nearest to
/// the mark.
function openBest(Witness memory w, Path memory path) pure returns (bool) {
    path.priceTicks = 0;
    path.top = openBitmap(w, bitmapIndex(path, 0));
    uint256 bit = _bestBit(path.top, path.book);
    if (bit == NO_BIT) return false;
    path.priceTicks = bit << 16;
    path.middle = openBitmap(w, bitmapIndex(path, 1));
    path.priceTicks |= _bestBit(path.middle, path.book) << 8;
    path.low = openBitmap(w, bitmapIndex(path, 2));
    path.priceTicks |= _bestBit(path.low, path.book);
    return true;
}

/// @notice Opens the occupancy words from the path's price to the book's next worse one; false when
/// there is none.
/// @dev Those over the price first, the top last to be asked; then those on the way down to the next, where they
/// differ.
function openNext(Witness memory w, Path memory path) pure returns (bool) {
    path.top = openBitmap(w, bitmapIndex(path, 0));
    path.middle = openBitmap(w, bitmapIndex(path, 1));
    path.low = openBitmap(w, bitmapIndex(path, 2));
    uint256 bit = _worseBit(path.low, path.book, path.priceTicks & 255);
    if (bit != NO_BIT) {
        path.priceTicks = path.priceTicks >> 8 << 8 | bit;
        return true;
    }
    bit = _worseBit(path.middle, path.book, path.priceTicks >> 8 & 255);
    if (bit != NO_BIT) {
        path.priceTicks = path.priceTicks >> 16 << 16 | bit << 8;
    } else {
        bit = _worseBit(path.top, path.book, path.priceTicks >> 16);
        if (bit == NO_BIT) return false;
        path.priceTicks = bit << 16;
        path.middle = openBitmap(w, bitmapIndex(path, 1));
        path.priceTicks |= _bestBit(path.middle, path.book) << 8;
    }
    path.low = openBitmap(w, bitmapIndex(path, 2));
    path.priceTicks |= _bestBit(path.low, path.book);
    return true;
}

/// @notice Opens the occupancy words and the level of a price, from the top down.
function openPrice(Witness memory w, Path memory path, uint256 priceTicks) pure {
    path.priceTicks = priceTicks;
    path.top = openBitmap(w, bitmapIndex(path, 0));
    path.middle = openBitmap(w, bitmapIndex(path, 1));
    path.low = openBitmap(w, bitmapIndex(path, 2));
    path.level = openLevel(w, levelIndex(path));
}

/// @notice Opens the way down to a resting order's price, or to a parked one's trigger.
function openOrderPath(Witness memory w, Order order) pure returns (Path memory path) {
    path.market = order.market();
    path.book = order.side();
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
    path.top.setBits(setBit(path.top.bits(), path.priceTicks >> 16));
    path.middle.setBits(setBit(path.middle.bits(), path.priceTicks >> 8 & 255));
    path.low.setBits(setBit(path.low.bits(), path.priceTicks & 255));
}

/// @notice Clears the price's occupancy bit, and those above words that became empty.
function vacate(Path memory path) pure {
    path.low.setBits(clearBit(path.low.bits(), path.priceTicks & 255));
    if (path.low.bits() != 0) return;
    path.middle.setBits(clearBit(path.middle.bits(), path.priceTicks >> 8 & 255));
    if (path.middle.bits() != 0) return;
    path.top.setBits(clearBit(path.top.bits(), path.priceTicks >> 16));
}

/// @notice Gives the level's empty head page, which is not its tail, to the free list.
function dropHead(Registers registers, Path memory path, Page page) pure {
    uint32 head = path.level.headPage();
    path.level.setHeadPage(page.nextPage());
    page.setNextPage(registers.freePage());
    registers.setFreePage(head);
}

/// @notice Counts lots that come to rest at a price. Of what is parked none are counted. Units: lots.
function addLots(Path memory path, uint64 lots) pure {
    if (path.book < Constants.BOOK_PARKED) path.level.setLots(path.level.lots() + lots);
}

/// @notice Counts lots off that rest at a price no more, whatever became of them. Units: lots.
function takeLots(Path memory path, uint64 lots) pure {
    if (path.book < Constants.BOOK_PARKED) path.level.setLots(path.level.lots() - lots);
}

/// @notice Takes an order out of the book, and off the count of its account's and of all.
/// @param slot the order's cell index
/// @param tail what `openTailToFree` returned
function removeOrder(
    Registers registers,
    Path memory path,
    uint256 slot,
    Order order,
    Account owner,
    Page page,
    Page tail
) pure {
    registers.setOrdersTotal(registers.ordersTotal() - 1);
    owner.setOrders(owner.orders() - 1);
    Level level = path.level;
    // SAFETY: a page has 64 bits, and this leaves fewer of them set.
    page.setBits(uint64(clearBit(page.bits(), slot & 63)));
    level.setOrders(level.orders() - 1);
    takeLots(path, order.remainingLots());
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

/// @dev Whether a book's best price is its lowest: that of those who sell, and those that fire above their trigger.
function _rises(uint256 book) pure returns (bool) {
    return book == Constants.SELL || book & Constants.BOOK_ABOVE != 0;
}

/// @dev The best price's bit of a word, NO_BIT when there is none.
function _bestBit(Bitmap bitmap, uint256 book) pure returns (uint256) {
    return _rises(book) ? lowestBit(bitmap.bits()) : highestBit(bitmap.bits());
}

/// @dev The next worse price's bit of a word, NO_BIT when there is none.
function _worseBit(Bitmap bitmap, uint256 book, uint256 bit) pure returns (uint256) {
    return _rises(book) ? lowestBitFrom(bitmap.bits(), bit + 1) : highestBitBelow(bitmap.bits(), bit);
}
