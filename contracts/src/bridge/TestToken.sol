// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A collateral token for development chains
/// @notice Anyone may mint any amount to anyone: it is worth nothing and must never hold value.
contract TestToken is ERC20 {
    constructor() ERC20("Test USD", "tUSD") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Six, as the dollar tokens have.
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
