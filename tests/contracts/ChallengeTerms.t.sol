// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Challenge} from "@tallystick/dispute/Challenge.sol";
import {IChallenge} from "@tallystick/interfaces/IChallenge.sol";
import {AssertionId, DisputeId} from "@tallystick/interfaces/Types.sol";
import {RollupBase} from "@tests/RollupBase.sol";

/// What a Challenge's constructor refuses, and what names its disputes.
contract ChallengeTermsTest is RollupBase {
    function expectRefused(IChallenge.Config memory config, bytes memory reason) private {
        vm.expectRevert(reason);
        new Challenge(address(rollup), address(inbox), address(referee), config);
    }

    function test_heights_out_of_bounds_are_refused() external {
        IChallenge.Config memory config = challengeConfig();
        config.rootHeight = 15;
        expectRefused(config, abi.encodeWithSelector(IChallenge.RootHeight.selector, 15, 16, 28));
        config.rootHeight = 29;
        expectRefused(config, abi.encodeWithSelector(IChallenge.RootHeight.selector, 29, 16, 28));
        for (uint8 height = 16; height <= 28; height += 12) {
            config.rootHeight = height;
            Challenge made = new Challenge(address(rollup), address(inbox), address(referee), config);
            assertEq(uint256(made.rootHeight()), height);
        }
    }

    function test_periods_in_which_nobody_could_answer_are_refused() external {
        IChallenge.Config memory config = challengeConfig();
        uint256 most = uint256(type(uint40).max) - 1;
        config.challengePeriodBlocks = K + 3;
        expectRefused(config, abi.encodeWithSelector(IChallenge.ChallengePeriod.selector, K + 3, K + 4, most));
        config.challengePeriodBlocks = K + 4;
        new Challenge(address(rollup), address(inbox), address(referee), config);
        config.challengePeriodBlocks = type(uint40).max;
        expectRefused(config, abi.encodeWithSelector(IChallenge.ChallengePeriod.selector, most + 1, K + 4, most));
    }

    function test_roots_that_cost_nothing_are_refused() external {
        IChallenge.Config memory config = challengeConfig();
        (config.openRewardWei, config.bisectRewardWei, config.proveRewardWei) = (0, 0, 0);
        config.bondWei = 1;
        new Challenge(address(rollup), address(inbox), address(referee), config);
        config.bondWei = 0;
        expectRefused(config, abi.encodeWithSelector(IChallenge.NoBond.selector));
    }

    function test_rewards_above_half_a_bond_are_refused() external {
        IChallenge.Config memory config = challengeConfig();
        config.openRewardWei = ROOT_BOND / 2 - K * BISECT_REWARD - PROVE_REWARD;
        new Challenge(address(rollup), address(inbox), address(referee), config);
        config.openRewardWei += 1;
        expectRefused(
            config, abi.encodeWithSelector(IChallenge.RewardsExceedBond.selector, ROOT_BOND / 2 + 1, ROOT_BOND / 2)
        );
    }

    function test_config_hash_pins_the_deployment_and_every_number() external {
        AssertionId genesis = rollup.genesis();
        bytes32[5] memory seen;
        IChallenge.Config memory config = challengeConfig();
        seen[0] = challenge.configHash();
        seen[1] = new Challenge(address(rollup), address(inbox), address(referee), config).configHash();
        address self = createAddress(7);
        config.rootHeight -= 1;
        seen[2] = new Challenge(address(rollup), address(inbox), address(referee), config).configHash();
        (config.rootHeight, config.challengePeriodBlocks) = (K, PERIOD + 1);
        seen[3] = new Challenge(address(rollup), address(inbox), address(referee), config).configHash();
        assertEq(seen[3], keccak256(abi.encode(block.chainid, self, rollup, inbox, referee, config)));
        (config.challengePeriodBlocks, config.bondWei) = (PERIOD, ROOT_BOND + 1);
        seen[4] = new Challenge(address(rollup), address(inbox), address(referee), config).configHash();
        for (uint256 i = 0; i < 5; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                assertNotEq(seen[i], seen[j]);
            }
        }
        assertEq(DisputeId.unwrap(challenge.disputeId(genesis, 1)), keccak256(abi.encode(seen[0], genesis, 1)));
    }
}
