// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What the tests of the L1 layer talk to. `Probe.json` holds its ABI and bytecode.
contract Probe {
    struct Pair {
        uint64 number;
        address owner;
    }

    event Noted(uint256 indexed number, address indexed sender, bytes data);
    event Paired(Pair pair, uint64[] list);

    error TooLow(uint256 actual, uint256 least);

    uint256 public total;
    Pair private _pair;

    constructor(uint256 first) {
        total = first;
    }

    function note(uint256 number, bytes calldata data) external payable {
        require(number >= 10, TooLow(number, 10));
        total += number;
        emit Noted(number, msg.sender, data);
    }

    function setPair(Pair calldata pair, uint64[] calldata list) external {
        _pair = pair;
        emit Paired(pair, list);
    }

    function getPair() external view returns (Pair memory) {
        return _pair;
    }

    function onlyAfter(uint256 number, uint256 time) external {
        require(block.number >= number && block.timestamp >= time, "too early");
        total += 1;
    }

    function oldHash(uint256 number) external view returns (bytes32) {
        return blockhash(number);
    }

    function burnGas(uint256 rounds) external {
        for (uint256 i = 0; i < rounds; ++i) {
            total = uint256(keccak256(abi.encode(total, i)));
        }
    }

    function divide(uint256 a, uint256 b) external pure returns (uint256, uint256) {
        return (a / b, a % b);
    }
}
