// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlainLevels} from "./PlainLevels.sol";
import {
    Margins,
    Position,
    Prices,
    gains,
    initialMargin,
    isStale,
    maintenanceMargin,
    measure,
    owed,
    surchargePpm,
    unsigned
} from "./PlainMargin.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {mulDivToZero, mulDivUp, ppmDown, ppmUp} from "@tallystick/libraries/Arith.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";

/// @title A plain order book with margin
/// @notice The yardstick of `tallystick bench machine`: what the exchange asks of a limit order, as a contract that is the
/// exchange itself. No signatures, nobody who signs for its prices, no withdrawals: it must never hold value.
/// @dev Of the machine's rules those that every limit order meets. What an order may have beyond a limit (flags, an expiry,
/// a trigger, a pair) is not here, nor what brings prices, moves brakes, liquidates or settles.
contract PlainBook is PlainLevels {
    /// @dev `held` has a bit for each market in which the account has a position.
    struct Account {
        int128 cash;
        uint32 orders;
        uint64 held;
    }

    struct Rules {
        uint64 live;
        uint64 expiry;
        uint64 maxLots;
        uint64 maxOpenLots;
        uint64 minUnits;
        uint64 surchargeFrom;
        uint64 surchargeTo;
        uint16 takerPpm;
        uint16 makerPpm;
        uint16 rebatePpm;
        bool dated;
    }

    /// @dev Who gained by a jump below or above a price is held until a time; orders up to `resumed` are from before a halt.
    struct Brakes {
        uint32 downTicks;
        uint64 downUntil;
        uint32 upTicks;
        uint64 upUntil;
        uint64 resumed;
    }

    struct Market {
        Prices prices;
        Margins margins;
        Rules rules;
        Brakes brakes;
    }

    struct Totals {
        uint64 openLots;
        int128 fees;
    }

    /// @dev An order on its way through the book, and its market as it finds it.
    struct Taker {
        uint256 account;
        uint256 market;
        uint256 side;
        uint256 price;
        uint256 lots;
        uint256 lowest;
        uint256 highest;
        Prices prices;
        Rules rules;
        Brakes brakes;
    }

    struct Health {
        int256 value;
        int256 initial;
        int256 maintenance;
    }

    /// @dev One side of a fill, as it was and as it would be: nothing is written before both may stand.
    struct Side {
        uint256 number;
        Account account;
        Position position;
        Account accountAfter;
        Position positionAfter;
        uint256 added;
        bool reduces;
    }

    uint256 internal constant MARKETS = 8;

    Market[MARKETS] internal markets;
    Totals[MARKETS] internal totals;
    mapping(uint256 account => Account) internal accounts;
    mapping(uint256 account => Position[MARKETS]) internal positions;
    uint64 public resting;
    uint64 public fills;

    function set(uint256 market, Market calldata given) external {
        markets[market] = given;
    }

    function fund(uint256 first, uint256 count, int128 units) external {
        for (uint256 account = first; account < first + count; account++) {
            accounts[account].cash = units;
        }
    }

    /// @notice Place limit orders, each packed as account, market, side, price, lots in 32, 8, 8, 32 and 48 bits.
    function place(uint256[] calldata packed) external {
        for (uint256 i = 0; i < packed.length; i++) {
            uint256 word = packed[i];
            Taker memory taker;
            taker.account = uint32(word >> 96);
            taker.market = uint8(word >> 88);
            taker.side = uint8(word >> 80);
            taker.price = uint32(word >> 48);
            taker.lots = uint48(word);
            Market storage market = markets[taker.market];
            (taker.prices, taker.rules, taker.brakes) = (market.prices, market.rules, market.brakes);
            if (!_isTaken(taker)) continue;
            _setCollar(taker);
            if (_match(taker) && _isCarried(taker)) _rest(taker);
        }
    }

    /// @dev Whether an order may come in: its market is live and not over, its size in range, and its prices not stale.
    function _isTaken(Taker memory taker) internal view returns (bool) {
        (Prices memory prices, Rules memory rules) = (taker.prices, taker.rules);
        if (rules.expiry != 0 && block.timestamp >= rules.expiry) return false;
        if (rules.live > block.timestamp || prices.mark == 0) return false;
        if (taker.lots == 0 || taker.price == 0 || taker.lots > rules.maxLots) return false;
        if (taker.lots * prices.index * prices.multiplier < rules.minUnits) return false;
        return !isStale(prices);
    }

    /// @dev No fill beyond half the maintenance fraction from the index, of a dated future from the mark.
    function _setCollar(Taker memory taker) internal view {
        uint256 middle = taker.rules.dated ? taker.prices.mark : taker.prices.index;
        uint256 parts = uint256(taker.prices.index) * markets[taker.market].margins.maintenance;
        uint256 width = Math.max(parts / (2 * Constants.PPM), 1);
        taker.lowest = middle > width ? middle - width : 0;
        taker.highest = middle + width;
    }

    /// @dev False when the order ends here.
    function _match(Taker memory taker) internal returns (bool) {
        uint256 side = 1 - taker.side;
        for (uint256 work = 0; work < Constants.WORK; work++) {
            (bool found, uint256 price) = _best(taker.market, side);
            if (!found || (taker.side == BUY ? price > taker.price : price < taker.price)) return true;
            uint256 key = _levelKey(taker.market, side, price);
            uint64 id = levels[key].head;
            Order storage maker = orders[id];
            if (_isOut(taker, side, price, id, maker.account)) {
                _remove(maker.account, taker.market, side, price);
                continue;
            }
            if (taker.side == BUY ? price > taker.highest : price < taker.lowest) return false;
            uint256 lots = Math.min(taker.lots, maker.lots);
            (bool takerStands, bool makerStands) = _trade(taker, maker.account, price, lots);
            if (!takerStands) return false;
            if (makerStands) {
                fills++;
                taker.lots -= lots;
                maker.lots -= uint48(lots);
                levels[key].lots -= uint64(lots);
            }
            if (!makerStands || maker.lots == 0) _remove(maker.account, taker.market, side, price);
            if (taker.lots == 0) return false;
        }
        return false;
    }

    /// @dev Whether a maker is not to be met: the taker's own, one from before a halt, one beyond the collar.
    function _isOut(Taker memory taker, uint256 side, uint256 price, uint64 id, uint256 maker)
        internal
        pure
        returns (bool)
    {
        if (maker == taker.account) return true;
        if (side == BUY ? price > taker.highest : price < taker.lowest) return true;
        if (id > taker.brakes.resumed) return false;
        if (side == BUY) return price > taker.prices.mark && price > taker.prices.index;
        return price < taker.prices.mark && price < taker.prices.index;
    }

    function _trade(Taker memory taker, uint256 maker, uint256 price, uint256 lots)
        internal
        returns (bool takerStands, bool makerStands)
    {
        Side memory takes = _side(taker.account, taker.market);
        Side memory gives = _side(maker, taker.market);
        if (_isHeld(taker, takes.position)) return (false, false);
        if (_isHeld(taker, gives.position)) return (true, false);
        int256 signed = taker.side == BUY ? int256(lots) : -int256(lots);
        int256 quote = signed * int256(price * taker.prices.multiplier);
        (int256 takerFee, int256 makerFee) = _fees(taker.rules, unsigned(quote));
        if (!_apply(taker, takes, signed, quote, takerFee)) return (false, false);
        if (!_apply(taker, gives, -signed, -quote, makerFee)) return (true, false);
        (takerStands, makerStands) = _stand(taker, takes, gives);
        if (makerStands) totals[taker.market].fees += SafeCast.toInt128(takerFee + makerFee);
    }

    /// @dev Asks both sides for their margin, then open interest for its room, and writes both where they may stand.
    function _stand(Taker memory taker, Side memory takes, Side memory gives) internal returns (bool, bool) {
        Totals storage total = totals[taker.market];
        uint256 open = uint256(int256(uint256(total.openLots)) + _grown(takes) + _grown(gives));
        _askSurcharge(taker, takes, open);
        _askSurcharge(taker, gives, open);
        if (!_mayStand(taker.market, takes)) return (false, false);
        if (!_mayStand(taker.market, gives)) return (true, false);
        uint256 most = taker.rules.maxOpenLots;
        if (open > total.openLots && most != 0 && open > most) return (false, false);
        total.openLots = SafeCast.toUint64(open);
        _write(taker.market, takes);
        _write(taker.market, gives);
        return (true, true);
    }

    function _fees(Rules memory rules, uint256 size) internal pure returns (int256 takerFee, int256 makerFee) {
        takerFee = int256(ppmUp(size, rules.takerPpm));
        makerFee = int256(ppmUp(size, rules.makerPpm)) - int256(ppmDown(size, rules.rebatePpm));
    }

    function _side(uint256 number, uint256 market) internal view returns (Side memory side) {
        side.number = number;
        side.account = accounts[number];
        side.position = positions[number][market];
    }

    /// @dev Whether a brake holds a position, so that no fill may change it.
    function _isHeld(Taker memory taker, Position memory position) internal view returns (bool) {
        (Brakes memory brakes, uint256 held) = (taker.brakes, 0);
        if (block.timestamp < brakes.downUntil && taker.prices.index < brakes.downTicks) held = Constants.BRAKED_DOWN;
        if (block.timestamp < brakes.upUntil && taker.prices.index > brakes.upTicks) held |= Constants.BRAKED_UP;
        return held != 0 && gains(held, taker.prices, position);
    }

    /// @dev Works out one side of a fill, the funding of its position settled; false where a limit forbids it.
    function _apply(Taker memory taker, Side memory side, int256 signed, int256 paid, int256 fee)
        internal
        pure
        returns (bool)
    {
        (int256 held, int256 left) = (side.position.lots, side.position.lots + signed);
        int256 cash = side.account.cash - paid - fee - owed(taker.prices, side.position);
        side.reduces = held > 0 ? left >= 0 && left < held : left <= 0 && left > held;
        if (!side.reduces && unsigned(left) > taker.rules.maxLots) return false;
        if (unsigned(cash) > Constants.MAX_CASH_UNITS) return false;
        _moveCost(side, signed, left, paid);
        side.positionAfter.lots = SafeCast.toInt64(left);
        if (left != 0) side.positionAfter.funding = taker.prices.funding;
        uint64 bit = uint64(1 << taker.market);
        uint64 marked = left == 0 ? side.account.held & ~bit : side.account.held | bit;
        side.accountAfter = Account(SafeCast.toInt128(cash), side.account.orders, marked);
        return true;
    }

    /// @dev Reduced, a position keeps the share of its lots in what it has cost; turned round, it has cost its new lots.
    function _moveCost(Side memory side, int256 signed, int256 left, int256 paid) internal pure {
        (int256 cost, int256 extra) = (side.position.cost, side.position.extra);
        (int256 size, int256 sizeAfter) = (int256(unsigned(side.position.lots)), int256(unsigned(left)));
        if (side.reduces) {
            cost = mulDivToZero(cost, sizeAfter, size);
            extra = mulDivUp(extra, sizeAfter, size);
        } else if (sizeAfter == size + int256(unsigned(signed))) {
            cost += paid;
            side.added = unsigned(signed);
        } else {
            cost = mulDivToZero(paid, sizeAfter, int256(unsigned(signed)));
            extra = 0;
            side.added = unsigned(left);
        }
        side.positionAfter.cost = SafeCast.toInt64(cost);
        side.positionAfter.extra = SafeCast.toInt64(extra);
    }

    function _grown(Side memory side) internal pure returns (int256) {
        (int256 held, int256 left) = (side.position.lots, side.positionAfter.lots);
        return (left > 0 ? left : int256(0)) - (held > 0 ? held : int256(0));
    }

    function _askSurcharge(Taker memory taker, Side memory side, uint256 openLots) internal view {
        if (side.added == 0) return;
        side.positionAfter.extra += SafeCast.toInt64(int256(_surcharge(taker, openLots, side.added)));
    }

    /// @dev What open interest asks of added lots beyond their margin.
    function _surcharge(Taker memory taker, uint256 openLots, uint256 added) internal view returns (uint256) {
        Rules memory rules = taker.rules;
        if (rules.surchargeFrom == 0) return 0;
        uint256 lot = uint256(taker.prices.multiplier) * taker.prices.index;
        uint256 initialPpm = markets[taker.market].margins.initial;
        return ppmUp(added * lot, surchargePpm(openLots * lot, rules.surchargeFrom, rules.surchargeTo, initialPpm));
    }

    /// @dev Whether a fill may leave an account like this: above its initial margin, or smaller and no less safe.
    function _mayStand(uint256 market, Side memory side) internal view returns (bool) {
        Health memory later = _health(side.number, side.accountAfter, market, side.positionAfter, side.reduces);
        if (later.value >= later.initial) return true;
        if (!side.reduces) return false;
        Health memory before = _health(side.number, side.account, market, side.position, true);
        return before.value >= 0 && before.value * later.maintenance <= later.value * before.maintenance;
    }

    /// @dev An account at the worse prices, with its position in one market as it is given; `whole` asks for maintenance, too.
    function _health(uint256 number, Account memory account, uint256 changed, Position memory given, bool whole)
        internal
        view
        returns (Health memory health)
    {
        health.value = account.cash;
        uint256 held = account.held;
        for (uint256 id = 0; held != 0; (id, held) = (id + 1, held >> 1)) {
            if (held & 1 == 0) continue;
            Position memory position = id == changed ? given : positions[number][id];
            _add(health, markets[id], position, whole);
        }
    }

    function _add(Health memory health, Market storage market, Position memory position, bool whole) internal view {
        Prices memory prices = market.prices;
        (int256 brings, uint256 notional) = measure(prices, position);
        uint256 initial = initialMargin(market.margins, notional);
        health.value += brings;
        health.initial += int256(isStale(prices) ? 2 * initial : initial) + position.extra;
        if (whole) health.maintenance += int256(maintenanceMargin(market.margins, notional));
    }

    function _write(uint256 market, Side memory side) internal {
        accounts[side.number] = side.accountAfter;
        positions[side.number][market] = side.positionAfter;
    }

    /// @dev Whether the account could bear the order, were it filled whole: its margin, and its loss against the index.
    function _isCarried(Taker memory taker) internal view returns (bool) {
        Account memory account = accounts[taker.account];
        if (resting >= Constants.ORDERS_MOST || account.orders >= Constants.MAX_ORDERS) return false;
        Position memory position = positions[taker.account][taker.market];
        if ((taker.side == BUY ? -int256(position.lots) : int256(position.lots)) >= int256(taker.lots)) return true;
        uint256 exposure = taker.lots * taker.prices.multiplier;
        (uint256 dear, uint256 cheap) = (taker.price, uint256(taker.prices.index));
        if (taker.side != BUY) (dear, cheap) = (cheap, dear);
        uint256 needed = dear > cheap ? (dear - cheap) * exposure : 0;
        needed += initialMargin(markets[taker.market].margins, taker.price * exposure);
        needed += _surcharge(taker, totals[taker.market].openLots + taker.lots, taker.lots);
        Health memory health = _health(taker.account, account, taker.market, position, false);
        return health.value >= health.initial + int256(needed);
    }

    function _rest(Taker memory taker) internal {
        resting++;
        accounts[taker.account].orders++;
        _append(taker.account, taker.market, taker.side, taker.price, taker.lots);
    }

    function _remove(uint256 account, uint256 market, uint256 side, uint256 price) internal {
        resting--;
        accounts[account].orders--;
        _pop(market, side, price);
    }
}
