// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Constants} from "@tallystick/libraries/generated/Names.sol";

// The insurance funds, one account for each market, and their treasury: nobody owns them, so nobody trades for them.

/// @notice The account of a market's fund.
function fundOf(uint256 market) pure returns (uint256) {
    return Constants.FIRST_FUND_ACCOUNT + market;
}

/// @notice Whether an account is the fund of a market.
function isFund(uint256 account) pure returns (bool) {
    return account >= Constants.FIRST_FUND_ACCOUNT && account < Constants.FIRST_FUND_ACCOUNT + Constants.MAX_MARKETS;
}

/// @notice Whether an account takes money from anybody and never gets an owner: a fund, or the treasury.
function isNobodys(uint256 account) pure returns (bool) {
    return account == Constants.TREASURY_ACCOUNT || isFund(account);
}
