// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Market, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {fundOf} from "@tallystick/libraries/market/Funds.sol";
import {chargeFunding, exposureOf, settleAt, worthOf} from "@tallystick/libraries/market/Instrument.sol";
import {Health, health} from "@tallystick/libraries/market/Risk.sol";
import {isMarketDead, servedMs} from "@tallystick/libraries/market/Stages.sol";
import {Fill, NO_SLOT, findPosition, holdsNothing, payOut} from "@tallystick/libraries/market/Trade.sol";
import {openAccount, openMarket, openPriceCell, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title SETTLE_POSITION: turn one position of a settled market into cash; settle one that is dead
/// @notice The account's value stays what it was, unless the market's fund covers what it is short of. A live market that
/// is dead is found so, and a day later settles, whoever is named.
/// @dev Rejects: NOT_SETTLED, NO_POSITION, TOO_EARLY (who owes in the market is closed first; or the day is not over).
/// Rounding: funding up. Twin: shared/tallystick/machine/steps/settle_position.py.
contract SettlePosition is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 number = registers.argMarket();

        // READ
        Market market = openMarket(w, number);
        Account account = openAccount(w, registers.argAccount());
        Risk risk = openRisk(w);
        Price price = openPriceCell(w, number);

        // CHECK
        if (market.status() == Constants.MARKET_LIVE && isMarketDead(registers, market, price)) {
            return finish(registers, _bury(registers, market, risk, price));
        }
        uint256 slot = findPosition(account, number);
        int256 size = slot == NO_SLOT ? int256(0) : account.positionSizeLots(slot);
        if (market.status() != Constants.MARKET_SETTLED) return finish(registers, Outcome.NOT_SETTLED);
        if (size == 0) return finish(registers, Outcome.NO_POSITION);
        if (registers.clockMs() - market.settledMs() < Constants.SETTLE_WAIT_MS) {
            return finish(registers, Outcome.TOO_EARLY);
        }

        // APPLY
        int256 worth = worthOf(risk, number, exposureOf(risk, number, size), Constants.LEAN_MARKED);
        Fill memory fill;
        fill.slot = slot;
        payOut(registers, market, account, risk, number, worth, fill);
        if (holdsNothing(account) && registers.argAccount() != fundOf(number)) {
            _cover(w, account, risk, fill.oldCostUnits - worth);
        }

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }

    /// @dev Notes that a market is dead, or settles it when that was a day ago and of the index that is still its last: at
    /// the index of margins, so in a settlement window the last index stands until the expiry, as ever. What the hour has
    /// sampled is charged first. Rejects: TOO_EARLY.
    function _bury(Registers registers, Market market, Risk risk, Price price) private pure returns (uint8) {
        uint256 number = registers.argMarket();
        uint64 found = market.deadMs();
        if (found <= servedMs(market, price) + Constants.DEAD_MARKET_MS) {
            market.setDeadMs(registers.clockMs());
            return Outcome.ACCEPTED;
        }
        if (registers.clockMs() - found < Constants.DEAD_WAIT_MS) return Outcome.TOO_EARLY;
        chargeFunding(price, risk, number);
        settleAt(registers, market, risk, number, risk.marketIndexTicks(number));
        return Outcome.ACCEPTED;
    }

    /// @dev Lets the market's fund pay what the account is short of: no more than it has lost in this market, nor than the
    /// fund can spare. The fund's own margin stays in it, at the worse price.
    function _cover(Witness memory w, Account account, Risk risk, int256 lostUnits) private pure {
        uint256 number = w.registers.argMarket();
        int256 owedUnits = -int256(account.cashUnits());
        if (owedUnits <= 0 || lostUnits <= 0) return;
        Account fund = openAccount(w, fundOf(number));
        Health memory measured = health(w.registers, fund, risk, Constants.LEAN_WORST);
        int256 paidUnits = owedUnits < lostUnits ? owedUnits : lostUnits;
        int256 spare = measured.valueUnits - measured.initialUnits;
        if (spare < paidUnits) paidUnits = spare;
        if (paidUnits <= 0) return;
        fund.setCashUnits(SafeCast.toInt64(fund.cashUnits() - paidUnits));
        account.setCashUnits(SafeCast.toInt64(account.cashUnits() + paidUnits));
    }
}
