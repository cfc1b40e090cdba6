// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {checkKey} from "@tallystick/libraries/Admission.sol";
import {ppmUp} from "@tallystick/libraries/Arith.sol";
import {Record, decode} from "@tallystick/libraries/Codec.sol";
import {finish, recordInProgress} from "@tallystick/libraries/Machine.sol";
import {useNonce} from "@tallystick/libraries/Nonces.sol";
import {recoverAcceptance} from "@tallystick/libraries/Signing.sol";
import {Account, Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {BlockTradeFields} from "@tallystick/libraries/generated/Fields.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {RecordKinds} from "@tallystick/libraries/generated/RecordKinds.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {isHeld} from "@tallystick/libraries/market/Brake.sol";
import {hasExpired} from "@tallystick/libraries/market/Instrument.sol";
import {beyondCollar, indexStopped} from "@tallystick/libraries/market/Stages.sol";
import {
    Fill,
    Terms,
    applyFill,
    askSurcharge,
    feeOfMaker,
    mayLeave,
    mayStand,
    moveTotals,
    openLotsAfter,
    reducible,
    setTerms,
    undoFill
} from "@tallystick/libraries/market/Trade.sol";
import {openAccount, openAgent, openMarket, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title BLOCK_TRADE: one fill between two accounts that have both signed it; it meets no book
/// @notice Exchanges lots for the price both have signed, all of them or none. The nonces of both are used
/// only by that. While prices have stopped it takes a record that came through L1, and both sides must only
/// reduce: two who want to leave do so whatever a sequencer does, at any price that makes neither less safe.
/// @dev Rejects: SELF_TRADE, NOT_AUTHORISED (the offer is to somebody else), BAD_SIGNATURE and what `checkKey`
/// says of who accepts, NO_MARKET, MARKET_EXPIRED, NOT_LIVE, NO_MARK, OUT_OF_RANGE (no size, no price),
/// TOO_LARGE, EXPIRED, STALE_INDEX, UNFILLED (beyond the collar), NOTHING_TO_REDUCE (a side that must only reduce would not),
/// BRAKE (a brake holds what either has), NO_POSITION_SLOT, POSITION_LIMIT, MARGIN, OPEN_INTEREST. Rounding: fees up, the maker's rebate down. Twin:
/// shared/tallystick/machine/steps/block_trade.py.
contract BlockTrade is Step {
    /// @dev A block trade: what its record says, its cells, both fills. `maker` offers, `taker` accepts.
    struct Block {
        Registers registers;
        Record record;
        uint256 number;
        uint256 side;
        uint256 lots;
        uint256 priceTicks;
        Market market;
        Risk risk;
        Account maker;
        Account taker;
        Terms terms;
        int256 makerFeeUnits;
        int256 takerFeeUnits;
        Fill makerFill;
        Fill takerFill;
    }

    function _step(Witness memory w, IInbox inbox) internal view override {
        // READ
        bytes calldata data = recordInProgress(w, inbox);
        Block memory b;
        _read(w, b, data);

        // CHECK
        uint8 outcome = _authenticate(w, b, data);
        if (outcome == Outcome.ACCEPTED) outcome = _check(b);
        if (outcome == Outcome.ACCEPTED) outcome = _trade(b);
        if (outcome != Outcome.ACCEPTED) return finish(b.registers, outcome);

        // APPLY and WRITE
        useNonce(b.maker, b.record.values[BlockTradeFields.NONCE]);
        useNonce(b.taker, b.record.values[BlockTradeFields.TAKER_NONCE]);
        finish(b.registers, Outcome.ACCEPTED);
    }

    function _read(Witness memory w, Block memory b, bytes calldata data) private pure {
        (, b.record) = decode(data);
        uint256[] memory values = b.record.values;
        b.registers = w.registers;
        b.number = b.registers.argMarket();
        b.side = values[BlockTradeFields.SIDE];
        b.lots = values[BlockTradeFields.LOTS];
        b.priceTicks = values[BlockTradeFields.PRICE_TICKS];
        b.market = openMarket(w, b.number);
        b.risk = openRisk(w);
        b.maker = openAccount(w, values[BlockTradeFields.ACCOUNT]);
        b.taker = openAccount(w, values[BlockTradeFields.TAKER]);
        uint256 slot = values[BlockTradeFields.TAKER_AGENT];
        if (slot != 0) openAgent(w, values[BlockTradeFields.TAKER] << 4 | slot);
    }

    /// @dev Whether who accepts may, as FETCH_RECORD asks it of who offers.
    function _authenticate(Witness memory w, Block memory b, bytes calldata data) private pure returns (uint8) {
        uint256[] memory values = b.record.values;
        uint256 taker = values[BlockTradeFields.TAKER];
        uint256 counterparty = values[BlockTradeFields.COUNTERPARTY];
        if (values[BlockTradeFields.ACCOUNT] == taker) return Outcome.SELF_TRADE;
        if (counterparty != 0 && counterparty != taker) return Outcome.NOT_AUTHORISED;
        address signer = recoverAcceptance(b.record, data, b.registers.domain());
        if (signer == address(0)) return Outcome.BAD_SIGNATURE;
        uint256 slot = values[BlockTradeFields.TAKER_AGENT];
        return checkKey(w, taker, slot, values[BlockTradeFields.TAKER_NONCE], RecordKinds.scope(b.record.kind), signer);
    }

    /// @dev What can be said before the fill is tried.
    function _check(Block memory b) private pure returns (uint8) {
        uint64 clock = b.registers.clockMs();
        if (b.market.status() != Constants.MARKET_LIVE) return Outcome.NO_MARKET;
        if (hasExpired(b.market, clock)) return Outcome.MARKET_EXPIRED;
        if (b.market.liveMs() > clock) return Outcome.NOT_LIVE;
        if (b.risk.marketMarkTicks(b.number) == 0) return Outcome.NO_MARK;
        if (b.lots == 0 || b.priceTicks == 0) return Outcome.OUT_OF_RANGE;
        if (b.lots > b.market.maxLots()) return Outcome.TOO_LARGE;
        uint256 expiry = b.record.values[BlockTradeFields.EXPIRY_MS];
        if (expiry != 0 && expiry <= clock) return Outcome.EXPIRED;
        bool makerReduces = reducible(b.maker, b.number, b.side) >= b.lots;
        bool takerReduces = reducible(b.taker, b.number, 1 - b.side) >= b.lots;
        if (indexStopped(b.registers, b.risk, b.number)) {
            if (b.registers.forcedMs() == 0 || !makerReduces || !takerReduces) return Outcome.STALE_INDEX;
        } else if (_beyondCollar(b)) {
            return Outcome.UNFILLED;
        }
        uint256 must = b.record.values[BlockTradeFields.REDUCES];
        bool makerFails = must & Constants.BLOCK_MAKER_REDUCES != 0 && !makerReduces;
        bool takerFails = must & Constants.BLOCK_TAKER_REDUCES != 0 && !takerReduces;
        if (makerFails || takerFails) return Outcome.NOTHING_TO_REDUCE;
        bool held = isHeld(b.registers, b.market, b.risk, b.number, b.maker);
        held = held || isHeld(b.registers, b.market, b.risk, b.number, b.taker);
        return held ? Outcome.BRAKE : Outcome.ACCEPTED;
    }

    /// @dev Whether the price would cost either side more than a fill may.
    function _beyondCollar(Block memory b) private pure returns (bool) {
        return beyondCollar(b.market, b.risk, b.number, Constants.BUY, b.priceTicks)
            || beyondCollar(b.market, b.risk, b.number, Constants.SELL, b.priceTicks);
    }

    /// @dev Applies both sides and checks limits, both margins and open interest; undoes both where they
    /// may not stand.
    function _trade(Block memory b) private pure returns (uint8) {
        _setTerms(b);
        uint8 outcome = applyFill(b.maker, b.risk, b.terms, b.side, b.makerFeeUnits, b.makerFill);
        if (outcome != Outcome.ACCEPTED) return outcome;
        outcome = applyFill(b.taker, b.risk, b.terms, 1 - b.side, b.takerFeeUnits, b.takerFill);
        if (outcome != Outcome.ACCEPTED) {
            undoFill(b.maker, b.terms, b.makerFill);
            return outcome;
        }
        int256 lots = openLotsAfter(b.market, b.takerFill, b.makerFill);
        askSurcharge(b.market, b.maker, b.risk, b.terms, lots, b.makerFill);
        askSurcharge(b.market, b.taker, b.risk, b.terms, lots, b.takerFill);
        bool stands = _may(b, b.maker, b.makerFill) && _may(b, b.taker, b.takerFill);
        outcome = stands ? moveTotals(b.registers, b.market, b.takerFill, b.makerFill) : Outcome.MARGIN;
        if (outcome != Outcome.ACCEPTED) {
            undoFill(b.taker, b.terms, b.takerFill);
            undoFill(b.maker, b.terms, b.makerFill);
            return outcome;
        }
        b.registers.setFeesUnits(SafeCast.toInt64(b.registers.feesUnits() + b.takerFeeUnits + b.makerFeeUnits));
        return Outcome.ACCEPTED;
    }

    /// @dev Whether a side may stand as it is now; while prices have stopped the collar is no bound, and it may be no less
    /// safe.
    function _may(Block memory b, Account account, Fill memory fill) private pure returns (bool) {
        if (indexStopped(b.registers, b.risk, b.number)) {
            return mayLeave(b.registers, account, b.risk, b.terms, fill);
        }
        return mayStand(b.registers, account, b.risk, b.terms, fill);
    }

    /// @dev What both sides exchange, and what each pays for it.
    function _setTerms(Block memory b) private pure {
        // SAFETY: 64 + 24 + 32 bits.
        uint256 quoteUnits = b.lots * b.priceTicks * b.risk.marketMultiplierUnits(b.number);
        b.makerFeeUnits = feeOfMaker(b.market, quoteUnits);
        b.takerFeeUnits = int256(ppmUp(quoteUnits, b.market.takerFeePpm()));
        setTerms(b.market, b.terms, b.number, b.lots, int256(quoteUnits));
    }
}
