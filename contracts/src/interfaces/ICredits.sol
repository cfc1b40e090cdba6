// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Money owed in ETH, fetched by whom it is owed to
/// @notice Nothing is ever pushed, so a receiver that reverts or burns gas stops only itself.
interface ICredits {
    /// @notice `payee` may withdraw `amountWei` more than before.
    event Credited(address indexed payee, uint256 amountWei);

    /// @notice `payee` has fetched all it was owed.
    event CreditWithdrawn(address indexed payee, uint256 amountWei);

    /// @notice The caller is owed nothing.
    error NoCredit(address payee);

    /// @notice The caller refused its money; it stays owed.
    error PaymentRefused(address payee, uint256 amountWei);

    /// @notice What `payee` may withdraw, in wei.
    function credit(address payee) external view returns (uint256 amountWei);

    /// @notice Pays the caller all it is owed.
    function withdrawCredit() external;
}
