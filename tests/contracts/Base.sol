// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// The forge cheatcodes the tests use. Add to it what a test needs.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 privateKey) external pure returns (address);
    function assume(bool condition) external pure;
    function blobhashes(bytes32[] calldata hashes) external;
    function chainId(uint256 newChainId) external;
    function coinbase(address newCoinbase) external;
    function deal(address account, uint256 newBalance) external;
    function etch(address target, bytes calldata newRuntimeBytecode) external;
    function fee(uint256 newBaseFee) external;
    function expectCall(address callee, bytes calldata data) external;
    function expectEmit() external;
    function expectEmit(address emitter) external;
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data) external;
    function expectRevert() external;
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function expectPartialRevert(bytes4 selector) external;
    function getCode(string calldata artifact) external view returns (bytes memory);
    function getRecordedLogs() external returns (Log[] memory);
    function label(address account, string calldata name) external;
    function load(address target, bytes32 slot) external view returns (bytes32);
    function parseJson(string calldata json) external pure returns (bytes memory);
    function parseJson(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);
    function parseJsonBool(string calldata json, string calldata key) external pure returns (bool);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
    function parseJsonBytes32Array(string calldata json, string calldata key) external pure returns (bytes32[] memory);
    function parseJsonBytesArray(string calldata json, string calldata key) external pure returns (bytes[] memory);
    function parseJsonInt(string calldata json, string calldata key) external pure returns (int256);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function parseJsonUintArray(string calldata json, string calldata key) external pure returns (uint256[] memory);
    function prank(address sender) external;
    function prank(address sender, address origin) external;
    function readFile(string calldata path) external view returns (string memory);
    function recordLogs() external;
    function revertToState(uint256 snapshotId) external returns (bool);
    function roll(uint256 newHeight) external;
    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function snapshotState() external returns (uint256);
    function startPrank(address sender) external;
    function stopPrank() external;
    function store(address target, bytes32 slot, bytes32 value) external;
    function toString(address value) external pure returns (string memory);
    function toString(bytes calldata value) external pure returns (string memory);
    function toString(bytes32 value) external pure returns (string memory);
    function toString(int256 value) external pure returns (string memory);
    function toString(uint256 value) external pure returns (string memory);
    function warp(uint256 newTimestamp) external;
}

/// The cheatcodes and assertions every contract test builds on.
///
/// forge knows a failed test by a revert, so each assertion reverts with the two values in it.
abstract contract Base {
    error NotTrue(string what);
    error NotEqualUint(uint256 actual, uint256 expected, string what);
    error NotEqualInt(int256 actual, int256 expected, string what);
    error NotEqualAddress(address actual, address expected, string what);
    error NotEqualBytes32(bytes32 actual, bytes32 expected, string what);
    error NotEqualBytes(bytes actual, bytes expected, string what);
    error NotEqualString(string actual, string expected, string what);
    error NotEqualBool(bool actual, bool expected, string what);
    error Equal(bytes32 value, string what);
    error NotAtMost(uint256 actual, uint256 limit, string what);
    error NotAtLeast(uint256 actual, uint256 limit, string what);
    error EmptyRange(uint256 low, uint256 high);

    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function assertTrue(bool condition) internal pure {
        require(condition, NotTrue(""));
    }

    function assertTrue(bool condition, string memory what) internal pure {
        require(condition, NotTrue(what));
    }

    function assertFalse(bool condition) internal pure {
        require(!condition, NotTrue("expected false"));
    }

    function assertFalse(bool condition, string memory what) internal pure {
        require(!condition, NotTrue(what));
    }

    function assertEq(uint256 actual, uint256 expected) internal pure {
        assertEq(actual, expected, "");
    }

    function assertEq(uint256 actual, uint256 expected, string memory what) internal pure {
        require(actual == expected, NotEqualUint(actual, expected, what));
    }

    function assertEq(int256 actual, int256 expected) internal pure {
        assertEq(actual, expected, "");
    }

    function assertEq(int256 actual, int256 expected, string memory what) internal pure {
        require(actual == expected, NotEqualInt(actual, expected, what));
    }

    function assertEq(address actual, address expected) internal pure {
        assertEq(actual, expected, "");
    }

    function assertEq(address actual, address expected, string memory what) internal pure {
        require(actual == expected, NotEqualAddress(actual, expected, what));
    }

    function assertEq(bytes32 actual, bytes32 expected) internal pure {
        assertEq(actual, expected, "");
    }

    function assertEq(bytes32 actual, bytes32 expected, string memory what) internal pure {
        require(actual == expected, NotEqualBytes32(actual, expected, what));
    }

    function assertEq(bytes memory actual, bytes memory expected) internal pure {
        assertEq(actual, expected, "");
    }

    function assertEq(bytes memory actual, bytes memory expected, string memory what) internal pure {
        require(keccak256(actual) == keccak256(expected), NotEqualBytes(actual, expected, what));
    }

    function assertEq(string memory actual, string memory expected) internal pure {
        require(keccak256(bytes(actual)) == keccak256(bytes(expected)), NotEqualString(actual, expected, ""));
    }

    function assertEq(bool actual, bool expected) internal pure {
        assertEq(actual, expected, "");
    }

    function assertEq(bool actual, bool expected, string memory what) internal pure {
        require(actual == expected, NotEqualBool(actual, expected, what));
    }

    function assertNotEq(bytes32 actual, bytes32 unexpected) internal pure {
        require(actual != unexpected, Equal(actual, ""));
    }

    function assertNotEq(bytes32 actual, bytes32 unexpected, string memory what) internal pure {
        require(actual != unexpected, Equal(actual, what));
    }

    function assertLe(uint256 actual, uint256 limit, string memory what) internal pure {
        require(actual <= limit, NotAtMost(actual, limit, what));
    }

    function assertGe(uint256 actual, uint256 limit, string memory what) internal pure {
        require(actual >= limit, NotAtLeast(actual, limit, what));
    }

    /// Folds a fuzzed `value` into low..high, both included; a value already inside stays.
    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        require(low <= high, EmptyRange(low, high));
        if (value >= low && value <= high) return value;
        uint256 size = high - low + 1; // low..high is not all of uint256 here, so size > 0
        return low + value % size;
    }

    /// An address named after what it plays, labelled so in traces.
    function actor(string memory name) internal returns (address account) {
        account = vm.addr(actorKey(name));
        vm.label(account, name);
    }

    /// The private key of `actor(name)`.
    function actorKey(string memory name) internal pure returns (uint256) {
        return uint256(keccak256(bytes(name))) >> 1;
    }
}
