// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICredits} from "../interfaces/ICredits.sol";

/// @title Pull payments
abstract contract Credits is ICredits {
    /// @inheritdoc ICredits
    mapping(address payee => uint256 amountWei) public override credit;

    /// @inheritdoc ICredits
    function withdrawCredit() external override {
        uint256 amountWei = credit[msg.sender];
        // INVARIANT: nobody withdraws what it is not owed.
        require(amountWei > 0, NoCredit(msg.sender));
        credit[msg.sender] = 0;
        emit CreditWithdrawn(msg.sender, amountWei);
        // SAFETY: the debt is cleared before the call, so calling back in finds nothing owed.
        (bool accepted,) = msg.sender.call{value: amountWei}("");
        // INVARIANT: what did not arrive stays owed.
        require(accepted, PaymentRefused(msg.sender, amountWei));
    }

    /// @dev Owes `payee` another `amountWei`.
    function addCredit(address payee, uint256 amountWei) internal {
        if (amountWei == 0) return;
        credit[payee] += amountWei;
        emit Credited(payee, amountWei);
    }
}
