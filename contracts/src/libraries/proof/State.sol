// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    Account,
    AccountLib,
    Agent,
    AgentLib,
    Bitmap,
    BitmapLib,
    Config,
    ConfigLib,
    Deleverage,
    DeleverageLib,
    Level,
    LevelLib,
    Market,
    MarketLib,
    Oracle,
    OracleLib,
    Order,
    OrderLib,
    Outbox,
    OutboxLib,
    Page,
    PageLib,
    Pending,
    PendingLib,
    Price,
    PriceLib,
    Risk,
    RiskLib
} from "@tallystick/libraries/generated/Cells.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

// The tables of the state: each function opens a cell of one tag by its index.

function openAccount(Witness memory w, uint256 number) pure returns (Account) {
    return Account.wrap(w.open(AccountLib.TAG, number, AccountLib.BYTES));
}

function openAgent(Witness memory w, uint256 index) pure returns (Agent) {
    return Agent.wrap(w.open(AgentLib.TAG, index, AgentLib.BYTES));
}

function openMarket(Witness memory w, uint256 number) pure returns (Market) {
    return Market.wrap(w.open(MarketLib.TAG, number, MarketLib.BYTES));
}

function openRisk(Witness memory w) pure returns (Risk) {
    return Risk.wrap(w.open(RiskLib.TAG, 0, RiskLib.BYTES));
}

function openBitmap(Witness memory w, uint256 index) pure returns (Bitmap) {
    return Bitmap.wrap(w.open(BitmapLib.TAG, index, BitmapLib.BYTES));
}

function openLevel(Witness memory w, uint256 index) pure returns (Level) {
    return Level.wrap(w.open(LevelLib.TAG, index, LevelLib.BYTES));
}

function openPage(Witness memory w, uint256 number) pure returns (Page) {
    return Page.wrap(w.open(PageLib.TAG, number, PageLib.BYTES));
}

function openOrder(Witness memory w, uint256 slot) pure returns (Order) {
    return Order.wrap(w.open(OrderLib.TAG, slot, OrderLib.BYTES));
}

function openOracle(Witness memory w, uint256 market) pure returns (Oracle) {
    return Oracle.wrap(w.open(OracleLib.TAG, market, OracleLib.BYTES));
}

function openConfig(Witness memory w) pure returns (Config) {
    return Config.wrap(w.open(ConfigLib.TAG, 0, ConfigLib.BYTES));
}

function openDeleverage(Witness memory w, uint256 account) pure returns (Deleverage) {
    return Deleverage.wrap(w.open(DeleverageLib.TAG, account, DeleverageLib.BYTES));
}

function openOutbox(Witness memory w, uint256 number) pure returns (Outbox) {
    return Outbox.wrap(w.open(OutboxLib.TAG, number, OutboxLib.BYTES));
}

function openPending(Witness memory w, uint256 market) pure returns (Pending) {
    return Pending.wrap(w.open(PendingLib.TAG, market, PendingLib.BYTES));
}

function openPriceCell(Witness memory w, uint256 market) pure returns (Price) {
    return Price.wrap(w.open(PriceLib.TAG, market, PriceLib.BYTES));
}
