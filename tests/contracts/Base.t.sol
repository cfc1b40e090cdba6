// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base} from "@tests/Base.sol";

/// The test base itself: an assertion that never fails would pass every other test.
contract BaseTest is Base {
    function assertEqualUint(uint256 a, uint256 b) external pure {
        assertEq(a, b);
    }

    function assertEqualBytes(bytes calldata a, bytes calldata b) external pure {
        assertEq(a, b);
    }

    function assertHolds(bool condition) external pure {
        assertTrue(condition);
    }

    function test_equalValuesPass(uint256 value, bytes calldata data) public view {
        this.assertEqualUint(value, value);
        this.assertEqualBytes(data, data);
        this.assertHolds(true);
    }

    function test_differentNumbersRevertWithBoth(uint256 a, uint256 b) public {
        vm.assume(a != b);
        vm.expectRevert(abi.encodeWithSelector(NotEqualUint.selector, a, b, ""));
        this.assertEqualUint(a, b);
    }

    function test_differentBytesRevertWithBoth(bytes calldata a) public {
        bytes memory b = abi.encodePacked(a, uint8(0));
        vm.expectRevert(abi.encodeWithSelector(NotEqualBytes.selector, a, b, ""));
        this.assertEqualBytes(a, b);
    }

    function test_aFalseConditionReverts() public {
        vm.expectRevert(abi.encodeWithSelector(NotTrue.selector, ""));
        this.assertHolds(false);
    }

    function test_boundStaysInside(uint256 value, uint256 low, uint256 high) public pure {
        if (low > high) (low, high) = (high, low);
        uint256 result = bound(value, low, high);
        assertGe(result, low, "low");
        assertLe(result, high, "high");
    }

    function test_actorSignsWithItsKey() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(actorKey("ann"), bytes32(uint256(1)));
        assertEq(ecrecover(bytes32(uint256(1)), v, r, s), actor("ann"));
    }
}
