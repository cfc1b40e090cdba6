// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {switchFired} from "@tallystick/libraries/Liveness.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {hasExpired} from "@tallystick/libraries/market/Instrument.sol";
import {indexStopped, isDue, isSmall} from "@tallystick/libraries/market/Stages.sol";
import {bound, slackPpm} from "@tallystick/libraries/orders/Carried.sol";
import {openAccount, openMarket, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title PLACE_ORDER: check an order against its market before it meets the book
/// @dev Rejects: NO_MARKET, MARKET_EXPIRED, NOT_LIVE, NO_MARK, OUT_OF_RANGE (no size, no price), BAD_FLAGS
/// (flags that contradict each other, one that is none), TOO_LARGE and DEAD_MAN (the account's switch has fired; neither
/// stops a forced close), TOO_SMALL, EXPIRED, STALE_INDEX, ALREADY_DUE. Rounding: the bound of a market order without a price, towards the mark. Twin:
/// shared/tallystick/machine/steps/place_order.py.
contract PlaceOrder is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Market market = openMarket(w, registers.argMarket());
        Risk risk = openRisk(w);
        Account account = openAccount(w, registers.argAccount());

        // CHECK
        uint256 mark = risk.marketMarkTicks(registers.argMarket());
        uint8 outcome = _check(registers, market, risk, account);
        uint256 trigger = registers.argTriggerTicks();
        if (outcome == Outcome.ACCEPTED && indexStopped(registers, risk, registers.argMarket())) {
            outcome = Outcome.STALE_INDEX;
        }
        if (outcome == Outcome.ACCEPTED && trigger != 0 && isDue(trigger, registers.argFlags(), mark)) {
            outcome = Outcome.ALREADY_DUE;
        }
        if (outcome != Outcome.ACCEPTED) return finish(registers, outcome);

        // APPLY
        if (trigger != 0) return registers.setPhase(Phase.REST_ORDER);
        uint16 flags = registers.argFlags();
        if (flags & Constants.FLAG_MARKET != 0) {
            registers.setArgFlags(flags | uint16(Constants.FLAG_IOC));
            if (registers.argPriceTicks() == 0) {
                uint256 slack = slackPpm(market, risk, registers.argMarket());
                // SAFETY: at most MAX_PRICE_TICKS.
                registers.setArgPriceTicks(uint32(bound(registers.argSide(), mark, slack)));
            }
        }
        registers.setPhase(Phase.MATCH_MAKER);

        // WRITE: registers only.
    }

    function _check(Registers registers, Market market, Risk risk, Account account) private pure returns (uint8) {
        uint256 flags = registers.argFlags();
        uint256 markTicks = risk.marketMarkTicks(registers.argMarket());
        if (market.status() != Constants.MARKET_LIVE) return Outcome.NO_MARKET;
        if (hasExpired(market, registers.clockMs())) return Outcome.MARKET_EXPIRED;
        if (market.liveMs() > registers.clockMs()) return Outcome.NOT_LIVE;
        if (markTicks == 0) return Outcome.NO_MARK;
        if (registers.argLots() == 0 || (registers.argPriceTicks() == 0 && flags & Constants.FLAG_MARKET == 0)) {
            return Outcome.OUT_OF_RANGE;
        }
        if (_contradict(flags) || !_mayWait(registers)) return Outcome.BAD_FLAGS;
        // What a forced close says of itself: it only makes a position smaller, whatever the limits are by now.
        bool closes = registers.argCloses() == 1;
        if (!closes && registers.argLots() > market.maxLots()) return Outcome.TOO_LARGE;
        if (_tooSmall(registers, market, risk)) return Outcome.TOO_SMALL;
        if (registers.argTimeMs() != 0 && registers.argTimeMs() <= registers.clockMs()) {
            return Outcome.EXPIRED;
        }
        return !closes && switchFired(registers, account) ? Outcome.DEAD_MAN : Outcome.ACCEPTED;
    }

    /// @dev Whether an order is worth less than one may be; what only reduces, or has waited for its trigger, may be of
    /// any size.
    function _tooSmall(Registers registers, Market market, Risk risk) private pure returns (bool) {
        if (registers.argFlags() & Constants.FLAG_REDUCE_ONLY != 0 || registers.firedTriggerTicks() != 0) return false;
        return isSmall(market, risk, registers.argMarket(), registers.argLots());
    }

    /// @dev Whether an order both takes at once and only posts, names two ways to meet an own order, or a flag
    /// that is none.
    function _contradict(uint256 flags) private pure returns (bool) {
        bool takes = flags & (Constants.FLAG_IOC | Constants.FLAG_MARKET) != 0;
        if (flags & Constants.FLAG_NONE != 0 || (flags & Constants.FLAG_POST_ONLY != 0 && takes)) return true;
        uint256 both = Constants.FLAG_STP_TAKER | Constants.FLAG_STP_BOTH;
        return flags & both == both;
    }

    /// @dev Whether only an order with a trigger names its direction, and only one that fires or does not take has a
    /// pair.
    function _mayWait(Registers registers) private pure returns (bool) {
        if (registers.argTriggerTicks() != 0) return true;
        if (registers.argFlags() & Constants.FLAG_TRIGGER_ABOVE != 0) return false;
        if (registers.firedTriggerTicks() != 0) return true;
        return registers.argPair() == 0 || registers.argFlags() & Constants.FLAG_POST_ONLY != 0;
    }
}
