// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// A token like USDT: it returns nothing, and changes an allowance from zero or to zero only. `Tokens.json` holds it.

contract Usdt {
    error AllowanceStands(uint256 amount);
    error TooLittle(uint256 amount);

    mapping(address owner => uint256 amount) public balanceOf;
    mapping(address owner => mapping(address spender => uint256 amount)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        uint256 stands = allowance[msg.sender][spender];
        require(amount == 0 || stands == 0, AllowanceStands(stands));
        allowance[msg.sender][spender] = amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        require(allowance[from][msg.sender] >= amount && balanceOf[from] >= amount, TooLittle(amount));
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

// As much of a Vault as a deposit meets.
contract Taker {
    Usdt public immutable token;

    constructor(Usdt token_) {
        token = token_;
    }

    function deposit(uint256 amount) external {
        token.transferFrom(msg.sender, address(this), amount);
    }
}
