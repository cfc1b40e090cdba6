// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRollup} from "@tallystick/interfaces/IRollup.sol";
import {AssertionId} from "@tallystick/interfaces/Types.sol";
import {RollupBase} from "@tests/RollupBase.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

/// What it takes to end many disputes at once. Each call is a transaction of its own: nothing is
/// warm that would be cold on L1.
///
/// forge-config: default.isolate = true
contract ResolveTest is RollupBase {
    using TraceModel for Trace;

    uint256 private constant GENERATIONS = 20;
    uint256 private constant MOST_GAS = 1 << 24; // EIP-7825

    /// Posts, opens and fights out one generation; a call of its own, so that its memory is its own.
    function fight(AssertionId parent, uint256 number)
        external
        returns (AssertionId id, IRollup.Decision memory found)
    {
        id = post(honest, parent, "honest", number, number == 1 ? PAID : parent);
        AssertionId lie = post(liar, parent, "lie", number);
        Trace memory truth = traceTo(parent, "honest", number, NEVER);
        Trace memory wrong = traceTo(parent, "lie", number, 3);
        teach(truth);
        open(honest, parent, id, truth);
        open(liar, parent, lie, wrong);
        descend(parent, truth, wrong, 3);
        prove(honest, parent, truth, 3);
        found = IRollup.Decision({root: rootOf(parent, truth), openings: pathUp(parent, truth, 3, 1)});
    }

    /// Each generation is fought out to its last step, so each decision updates a whole path.
    function test_twenty_generations_fought_to_the_last_step_are_resolved_in_one_transaction() external {
        IRollup.Decision[] memory decisions = new IRollup.Decision[](GENERATIONS);
        AssertionId[] memory ids = new AssertionId[](GENERATIONS);
        AssertionId parent = rollup.genesis();
        for (uint256 i = 0; i < GENERATIONS; ++i) {
            (ids[i], decisions[i]) = this.fight(parent, i + 1);
            parent = ids[i];
        }
        vm.roll(block.number + PERIOD);

        bytes memory data = abi.encodeCall(IRollup.resolve, (decisions, ids));
        uint256 before = gasleft();
        rollup.resolve(decisions, ids);
        uint256 execution = before - gasleft();
        assertTrue(rollup.latestConfirmed() == parent);
        assertLe(execution + calldataGas(data) + 21_000, MOST_GAS, "one transaction");
    }

    function calldataGas(bytes memory data) private pure returns (uint256 gas) {
        for (uint256 i = 0; i < data.length; ++i) {
            gas += data[i] == 0 ? 4 : 16;
        }
    }
}
