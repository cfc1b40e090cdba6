// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title The orders of the plain book
/// @notice Each side's prices in three levels of occupancy words, a queue of orders at each price, and the lots in it.
abstract contract PlainLevels {
    struct Order {
        uint32 account;
        uint48 lots;
        uint64 next;
    }

    struct Level {
        uint64 head;
        uint64 tail;
        uint64 lots;
    }

    uint256 internal constant BUY = 0;

    mapping(uint256 key => uint256 bits) internal bitmaps;
    mapping(uint256 key => Level) internal levels;
    mapping(uint256 id => Order) internal orders;
    uint64 public orderCount;

    function _append(uint256 account, uint256 market, uint256 side, uint256 price, uint256 lots) internal {
        uint64 id = ++orderCount;
        orders[id] = Order({account: uint32(account), lots: uint48(lots), next: 0});
        Level storage level = levels[_levelKey(market, side, price)];
        if (level.head == 0) {
            level.head = id;
            for (uint256 height = 0; height < 3; height++) {
                uint256 child = price >> (8 * height);
                bitmaps[_bitmapKey(market, side, height, child >> 8)] |= 1 << (child & 255);
            }
        } else {
            orders[level.tail].next = id;
        }
        level.tail = id;
        level.lots += uint64(lots);
    }

    /// @dev Take the oldest order of a price out of the book.
    function _pop(uint256 market, uint256 side, uint256 price) internal {
        Level storage level = levels[_levelKey(market, side, price)];
        uint64 head = level.head;
        Order memory order = orders[head];
        level.head = order.next;
        level.lots -= order.lots;
        delete orders[head];
        if (order.next != 0) return;
        for (uint256 height = 0; height < 3; height++) {
            uint256 child = price >> (8 * height);
            uint256 slot = _bitmapKey(market, side, height, child >> 8);
            bitmaps[slot] &= ~(1 << (child & 255));
            if (bitmaps[slot] != 0) return;
        }
    }

    function _best(uint256 market, uint256 side) internal view returns (bool, uint256 price) {
        for (uint256 height = 3; height > 0; height--) {
            uint256 bits = bitmaps[_bitmapKey(market, side, height - 1, price)];
            if (bits == 0) return (false, 0);
            price = (price << 8) | Math.log2(side == BUY ? bits : bits & (~bits + 1));
        }
        return (true, price);
    }

    function _levelKey(uint256 market, uint256 side, uint256 price) internal pure returns (uint256) {
        return (market << 33) | (side << 32) | price;
    }

    function _bitmapKey(uint256 market, uint256 side, uint256 height, uint256 word) internal pure returns (uint256) {
        return (market << 35) | (side << 34) | (height << 32) | word;
    }
}
