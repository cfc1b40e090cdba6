// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Edge, IChallenge, Opening} from "@tallystick/interfaces/IChallenge.sol";
import {IRollup} from "@tallystick/interfaces/IRollup.sol";
import {AssertionId, Node} from "@tallystick/interfaces/Types.sol";
import {Rollup} from "@tallystick/rollup/Rollup.sol";
import {RollupBase} from "@tests/RollupBase.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

/// Confirms the parent and has the child's dispute decided in one transaction, so that nobody gets
/// between: what emptied the first edition's Vault.
contract Bundler {
    function strike(Rollup rollup, AssertionId parent, Edge calldata root, Opening[] calldata openings, AssertionId lie)
        external
    {
        AssertionId[] memory ids = new AssertionId[](2);
        (ids[0], ids[1]) = (parent, lie);
        IRollup.Decision[] memory decisions = new IRollup.Decision[](1);
        decisions[0] = IRollup.Decision({root: root, openings: openings});
        rollup.resolve(decisions, ids);
    }
}

/// Disputes below disputes: generations of assertions, each with a lie beside the truth.
contract NestedTest is RollupBase {
    using TraceModel for Trace;

    uint256 private constant GENERATIONS = 9;

    AssertionId[] private line;
    AssertionId[] private lies;

    function setUp() public override {
        super.setUp();
        line.push(rollup.genesis());
        lies.push(PAID);
    }

    function truthOf(uint256 generation) private view returns (Trace memory) {
        return traceTo(line[generation - 1], "honest", generation, NEVER);
    }

    function lieOf(uint256 generation, uint64 from) private view returns (Trace memory) {
        return traceTo(line[generation - 1], "lie", generation, from);
    }

    /// The next generation: a true assertion and a lie, in one block, and the honest root.
    function generate() private returns (uint256 generation) {
        generation = line.length;
        AssertionId parent = line[generation - 1];
        AssertionId from = generation == 1 ? PAID : parent;
        line.push(post(honest, parent, "honest", generation, from));
        lies.push(post(liar, parent, "lie", generation));
        Trace memory truth = truthOf(generation);
        teach(truth);
        open(honest, parent, line[generation], truth);
    }

    /// An idle rival of the honest root, which is bisected at once, as the strategy has it.
    function addIdleRoot(uint256 generation) private {
        AssertionId parent = line[generation - 1];
        open(liar, parent, lies[generation], lieOf(generation, 0));
        bisect(honest, parent, truthOf(generation), K, 0);
    }

    function decide(uint256 generation) private {
        decide(line[generation - 1], truthOf(generation));
    }

    function asDecision(uint256 generation) private view returns (IRollup.Decision memory decision) {
        decision.openings = pathUp(line[generation - 1], truthOf(generation), 0, K);
        decision.root = decision.openings[0].edge;
    }

    /// P01: the honest root of the deepest generation is ripe while its ancestors still wait, and
    /// that is enough: no parent is asked. A root that comes afterwards comes too late.
    function test_P01_a_liar_that_waits_until_the_honest_root_is_ripe_finds_the_dispute_decided() external {
        for (uint256 k = 1; k <= GENERATIONS; ++k) {
            uint256 generation = generate();
            if (k < GENERATIONS) addIdleRoot(generation);
        }
        AssertionId parent = line[GENERATIONS - 1];
        vm.roll(uint256(rollup.assertion(line[GENERATIONS]).createdBlock) + PERIOD);
        decide(GENERATIONS);

        Trace memory wrong = lieOf(GENERATIONS, 0);
        Node span = wrong.node(K, 0);
        Node[] memory siblings = wrong.lastSiblings();
        uint64 limit = rollup.assertion(parent).nextLimit;
        vm.prank(liar);
        vm.expectPartialRevert(IChallenge.AlreadyDecided.selector);
        challenge.openRoot{value: ROOT_BOND}(parent, lies[GENERATIONS], limit, span, siblings);
        resolveAll();
        assertTrue(rollup.latestConfirmed() == line[GENERATIONS]);
    }

    /// P01: the lie's root comes in the last block in which it still counts, and the honest party
    /// goes on moving, however ripe its paths look; the bundle that took the Vault is refused.
    function test_P01_a_liar_that_comes_just_in_time_earns_nothing_while_the_truth_moves() external {
        for (uint256 k = 1; k <= GENERATIONS; ++k) {
            uint256 generation = generate();
            if (k < GENERATIONS) addIdleRoot(generation);
        }
        AssertionId parent = line[GENERATIONS - 1];
        Trace memory wrong = lieOf(GENERATIONS, 2);
        vm.roll(uint256(rollup.assertion(line[GENERATIONS]).createdBlock) + PERIOD - 1);
        open(liar, parent, lies[GENERATIONS], wrong);
        bisect(liar, parent, wrong, K, 0);
        vm.roll(block.number + 1);
        // One block late, as any party is: all that the lie's left half has ever had.
        for (uint8 h = K; h > 0; --h) {
            bisect(honest, parent, truthOf(GENERATIONS), h, uint64(2) >> h);
            bisect(liar, parent, wrong, h, uint64(2) >> h);
        }
        prove(honest, parent, truthOf(GENERATIONS), 2);
        vm.roll(block.number + 10 * PERIOD);

        Opening[] memory openings = pathUp(parent, wrong, 2, 0);
        Bundler bundler = new Bundler();
        resolveThrough(GENERATIONS - 2);
        vm.expectRevert(abi.encodeWithSelector(IChallenge.PeriodNotOver.selector, 1, PERIOD));
        bundler.strike(rollup, parent, openings[K].edge, openings, lies[GENERATIONS]);

        challenge.update(pathUp(parent, truthOf(GENERATIONS), 2, 0));
        resolveAll();
        assertTrue(rollup.latestConfirmed() == line[GENERATIONS]);
        rollup.reject(lies[GENERATIONS]);
        assertEq(rollup.credit(SINK), BOND);
    }

    /// P01, the money: a false trace to the true state decides with the assertion's head start, and
    /// wins nothing: the honest side goes on after the decision, and its own root is settled on.
    function test_P01_a_false_trace_of_the_true_assertion_takes_no_bond() external {
        AssertionId genesis = line[0];
        line.push(post(honest, genesis, "honest", 1));
        Trace memory truth = truthOf(1);
        teach(truth);
        vm.roll(block.number + PERIOD - 1);
        lies.push(post(liar, genesis, "lie", 1));
        Trace memory wrong = truthOf(1);
        wrong.states[0] = keccak256("a false first step");
        open(honest, genesis, line[1], truth);
        open(liar, genesis, line[1], wrong);
        bisect(liar, genesis, wrong, K, 0);
        vm.roll(block.number + 1);
        challenge.decide(rootOf(genesis, wrong), pathUp(genesis, wrong, 0, K));
        (bool decided, AssertionId winner) = winnerOf(genesis);
        assertTrue(decided && winner == line[1], "by whichever root: the truth has won");
        confirm(line[1]);

        Opening[] memory top = pathUp(genesis, wrong, 0, K);
        vm.expectRevert(abi.encodeWithSelector(IChallenge.PeriodNotOver.selector, 1, PERIOD));
        challenge.settle(top[0].edge, top, noOpenings());
        descend(genesis, truth, wrong, 0);
        prove(honest, genesis, truth, 0);
        vm.roll(block.number + 2 * PERIOD);
        Opening[] memory openings = pathUp(genesis, wrong, 0, 0);
        vm.expectPartialRevert(IChallenge.PeriodNotOver.selector);
        challenge.settle(openings[K].edge, openings, noOpenings());

        challenge.settle(rootOf(genesis, truth), pathUp(genesis, truth, 0, 0), pathDown(genesis, truth, 0));
        assertEq(challenge.credit(honest), ROOT_BOND + OPEN_REWARD + K * BISECT_REWARD + PROVE_REWARD);
        assertEq(challenge.credit(liar), 0);
        assertEq(challenge.credit(SINK), ROOT_BOND / 2);
    }

    /// P02: an idle rival in every generation delays no generation: each is confirmed a period after
    /// it was posted, and nothing adds up.
    function test_P02_idle_rivals_delay_no_generation_by_more_than_a_period() external {
        for (uint256 k = 1; k <= GENERATIONS; ++k) {
            addIdleRoot(generate());
        }
        for (uint256 k = 1; k <= GENERATIONS; ++k) {
            vm.roll(uint256(rollup.assertion(line[k]).createdBlock) + PERIOD);
            IRollup.Decision[] memory decisions = new IRollup.Decision[](1);
            decisions[0] = asDecision(k);
            AssertionId[] memory ids = new AssertionId[](1);
            ids[0] = line[k];
            rollup.resolve(decisions, ids);
            assertTrue(rollup.isConfirmed(line[k]));
        }
    }

    /// Whoever decides or confirms a part of a bundle just before it does not burn the bundle.
    function test_a_bundle_survives_whoever_makes_a_part_of_it_first() external {
        for (uint256 k = 1; k <= GENERATIONS; ++k) {
            addIdleRoot(generate());
        }
        vm.roll(block.number + PERIOD);
        decide(3);
        decide(1);
        confirm(line[1]);
        resolveAll();
        resolveAll();
        assertTrue(rollup.latestConfirmed() == line[GENERATIONS]);
    }

    /// A rival and a bisection in the block of the decision burn no bundle: what the root had before
    /// is enough.
    function test_a_bundle_survives_a_rival_and_a_bisection_of_its_root_just_before_it() external {
        uint256 generation = generate();
        AssertionId parent = line[0];
        Trace memory truth = truthOf(generation);
        vm.roll(block.number + PERIOD);
        IRollup.Decision[] memory decisions = new IRollup.Decision[](1);
        decisions[0] = asDecision(generation);
        (decisions[0].openings[0].left, decisions[0].openings[0].right) = (Node.wrap(0), Node.wrap(0));
        AssertionId[] memory ids = new AssertionId[](1);
        ids[0] = line[generation];
        open(liar, parent, lies[generation], lieOf(generation, 0));
        bisect(liar, parent, truth, K, 0);
        rollup.resolve(decisions, ids);
        assertTrue(rollup.isConfirmed(line[generation]));
    }

    function resolveAll() private {
        resolveThrough(GENERATIONS);
    }

    function resolveThrough(uint256 last) private {
        IRollup.Decision[] memory decisions = new IRollup.Decision[](last);
        AssertionId[] memory ids = new AssertionId[](last);
        for (uint256 k = 1; k <= last; ++k) {
            (decisions[k - 1], ids[k - 1]) = (asDecision(k), line[k]);
        }
        rollup.resolve(decisions, ids);
    }
}
