// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title A plain order book with margin
/// @notice The yardstick of `tallystick bench machine`: the exchange's matching and margin rules as a contract that is
/// the exchange itself. No signatures, no prices from outside, no withdrawals: it must never hold value.
contract PlainBook {
    struct Order {
        uint32 account;
        uint48 lots;
        uint64 next;
    }

    struct Level {
        uint64 head;
        uint64 tail;
    }

    struct Health {
        int256 value;
        int256 initial;
        int256 maintenance;
    }

    struct Taker {
        uint256 account;
        uint256 market;
        uint256 side;
        uint256 price;
        uint256 lots;
    }

    uint256 internal constant MARKETS = 8;
    uint256 internal constant BUY = 0;
    int256 internal constant PPM = 1_000_000;

    int256 public immutable mark;
    int256 public immutable multiplier;
    int256 public immutable initialPpm;
    int256 public immutable maintenancePpm;
    int256 public immutable takerPpm;
    int256 public immutable makerPpm;

    mapping(uint256 account => int256 units) public cash;
    mapping(uint256 account => int64[MARKETS] lots) public positions;
    mapping(uint256 key => uint256 bits) internal bitmaps;
    mapping(uint256 key => Level level) internal levels;
    mapping(uint256 id => Order order) internal orders;
    uint64 public orderCount;
    uint64 public fills;

    constructor(int256 mark_, int256 multiplier_, int256[4] memory ppm) {
        mark = mark_;
        multiplier = multiplier_;
        (initialPpm, maintenancePpm, takerPpm, makerPpm) = (ppm[0], ppm[1], ppm[2], ppm[3]);
    }

    function fund(uint256 first, uint256 count, int256 units) external {
        for (uint256 account = first; account < first + count; account++) {
            cash[account] = units;
        }
    }

    /// @notice Place limit orders, each packed as account, market, side, price, lots in 32, 8, 8, 32 and 48 bits.
    function place(uint256[] calldata packed) external {
        for (uint256 i = 0; i < packed.length; i++) {
            uint256 word = packed[i];
            Taker memory taker = Taker({
                account: uint32(word >> 96),
                market: uint8(word >> 88),
                side: uint8(word >> 80),
                price: uint32(word >> 48),
                lots: uint48(word)
            });
            if (_match(taker) && _canCarry(taker)) _rest(taker);
        }
    }

    /// @dev False when the order ends here.
    function _match(Taker memory taker) internal returns (bool) {
        while (taker.lots > 0) {
            (bool found, uint256 price) = _best(taker.market, 1 - taker.side);
            if (!found || (taker.side == BUY ? price > taker.price : price < taker.price)) return true;
            uint256 key = _levelKey(taker.market, 1 - taker.side, price);
            Order storage maker = orders[levels[key].head];
            if (maker.account == taker.account) {
                _pop(key, taker.market, 1 - taker.side, price);
                continue;
            }
            uint256 lots = Math.min(taker.lots, maker.lots);
            (bool takerStands, bool makerStands) = _trade(taker, maker.account, price, lots);
            if (!takerStands) return false;
            if (makerStands) {
                fills++;
                taker.lots -= lots;
                maker.lots -= uint48(lots);
            }
            if (!makerStands || maker.lots == 0) _pop(key, taker.market, 1 - taker.side, price);
        }
        return false;
    }

    function _trade(Taker memory taker, uint256 maker, uint256 price, uint256 lots)
        internal
        returns (bool takerStands, bool makerStands)
    {
        int256 signed = taker.side == BUY ? int256(lots) : -int256(lots);
        int256 quote = signed * int256(price) * multiplier;
        int256 size = quote < 0 ? -quote : quote;
        if (!_apply(taker.account, taker.market, signed, -quote - _up(size, takerPpm))) return (false, false);
        if (_apply(maker, taker.market, -signed, quote - _up(size, makerPpm))) return (true, true);
        cash[taker.account] += quote + _up(size, takerPpm);
        positions[taker.account][taker.market] -= int64(signed);
        return (true, false);
    }

    /// @dev Undoes itself and returns false when the account may not end like this.
    function _apply(uint256 account, uint256 market, int256 signed, int256 change) internal returns (bool) {
        Health memory before = _health(account);
        int256 held = positions[account][market];
        cash[account] += change;
        positions[account][market] = int64(held + signed);
        Health memory then_ = _health(account);
        if (then_.value >= then_.initial) return true;
        int256 left = held + signed;
        bool reduces = held > 0 ? left >= 0 && left < held : left <= 0 && left > held;
        if (reduces && before.value * then_.maintenance <= then_.value * before.maintenance) return true;
        cash[account] -= change;
        positions[account][market] = int64(held);
        return false;
    }

    function _canCarry(Taker memory taker) internal view returns (bool) {
        int256 size = positions[taker.account][taker.market];
        if ((taker.side == BUY ? -size : size) >= int256(taker.lots)) return true;
        Health memory now_ = _health(taker.account);
        return now_.value >= now_.initial + _up(int256(taker.lots * taker.price) * multiplier, initialPpm);
    }

    function _health(uint256 account) internal view returns (Health memory health) {
        health.value = cash[account];
        int64[MARKETS] storage sizes = positions[account];
        for (uint256 market = 0; market < MARKETS; market++) {
            int256 size = sizes[market];
            if (size == 0) continue;
            int256 worth = size * mark * multiplier;
            health.value += worth;
            int256 exposure = worth < 0 ? -worth : worth;
            health.initial += _up(exposure, initialPpm);
            health.maintenance += _up(exposure, maintenancePpm);
        }
    }

    function _rest(Taker memory taker) internal {
        uint64 id = ++orderCount;
        orders[id] = Order({account: uint32(taker.account), lots: uint48(taker.lots), next: 0});
        Level storage level = levels[_levelKey(taker.market, taker.side, taker.price)];
        if (level.head == 0) {
            level.head = id;
            for (uint256 height = 0; height < 3; height++) {
                uint256 child = taker.price >> (8 * height);
                bitmaps[_bitmapKey(taker.market, taker.side, height, child >> 8)] |= 1 << (child & 255);
            }
        } else {
            orders[level.tail].next = id;
        }
        level.tail = id;
    }

    /// @dev Take the oldest order of a price out of the book.
    function _pop(uint256 key, uint256 market, uint256 side, uint256 price) internal {
        Level storage level = levels[key];
        uint64 head = level.head;
        level.head = orders[head].next;
        delete orders[head];
        if (level.head != 0) return;
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

    function _up(int256 amount, int256 ppm) internal pure returns (int256) {
        return (amount * ppm + PPM - 1) / PPM;
    }
}
