// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Edge, EdgeState, Opening, Progress} from "@tallystick/interfaces/IChallenge.sol";
import {DisputeId, Node} from "@tallystick/interfaces/Types.sol";
import {Base} from "@tests/Base.sol";
import {EdgeHarness} from "@tests/EdgeHarness.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

/// One honest player against any number of chosen lies and any order of moves, on small trees.
///
/// The honest player comes late, knows its own tree and answers whatever is rivalled, each time
/// after a delay.
/// The liars open roots when they like, bisect what they like, make honest moves themselves when
/// that suits them, and prove the leaves that happen to be true. Some of their roots are no trees.
contract EdgeModelTest is Base {
    using TraceModel for Trace;

    uint40 private constant PERIOD = 60;
    uint256 private constant HALT = 105;
    DisputeId private constant DISPUTE = DisputeId.wrap(bytes32(uint256(1)));

    EdgeHarness private harness;
    Trace private truth;
    Trace[] private lies;
    uint256 private chance;
    uint256 private honestMoves;

    function random(uint256 below) private returns (uint256) {
        chance = uint256(keccak256(abi.encode(chance)));
        return chance % below;
    }

    /// The true trace; with a lie it is wrong at `from` and, afterwards, at random again or not.
    function traceOf(uint8 height, uint64 from) private returns (Trace memory trace) {
        uint64 size = uint64(1) << height;
        (trace.height, trace.start) = (height, bytes32(uint256(100)));
        (trace.from, trace.states) = (new uint64[](size), new bytes32[](size));
        for (uint64 i = 0; i < size; ++i) {
            bool wrong = i == from || (i > from && random(2) == 0);
            trace.from[i] = i;
            trace.states[i] = bytes32(wrong ? 900 + random(3) : (101 + i < HALT ? 101 + i : HALT));
        }
    }

    function setUpGame(uint8 height, uint256 liars, uint256 seed) private {
        vm.roll(1000);
        chance = seed;
        honestMoves = 0;
        delete lies;
        harness = new EdgeHarness(HALT);
        truth = traceOf(height, type(uint64).max);
        for (uint256 i = 0; i < liars; ++i) {
            lies.push(traceOf(height, uint64(random(uint256(1) << height))));
        }
    }

    /// The liars are alone for some blocks. Returns how many.
    function beAlone() private returns (uint256 blocks) {
        openLie(0);
        for (uint256 n = random(20); n > 0; --n) {
            moveOfLiar();
            uint256 pause = random(10);
            vm.roll(block.number + pause);
            blocks += pause;
        }
    }

    function openLie(uint256 which) private {
        harness.add(lies[which].edge(DISPUTE, truth.height, 0));
    }

    /// One move of one liar, or none where it is not allowed.
    function moveOfLiar() private {
        uint256 which = random(lies.length);
        if (random(8) == 0) return openLie(which);
        if (random(16) == 0) {
            Edge memory garbage = truth.edge(DISPUTE, truth.height, 0);
            garbage.span = Node.wrap(bytes32(random(3)));
            harness.add(garbage);
            return;
        }
        Trace memory trace = random(6) == 0 ? truth : lies[which];
        uint8 height = uint8(random(uint256(trace.height) + 1));
        uint64 index = uint64(random(uint256(1) << (trace.height - height)));
        if (height == 0) {
            (Node basePrev, Node[] memory siblings) = trace.preProof(index);
            try harness.prove(trace.edge(DISPUTE, 0, index), trace.stateAfter(index), basePrev, siblings) {} catch {}
        } else {
            Opening memory o = trace.opening(DISPUTE, height, index);
            try harness.bisect(o.edge, o.left, o.right) {} catch {}
        }
    }

    /// All the honest moves that are possible now, but none that only the answer to them allows.
    function movesOfHonest() private {
        Edge[] memory due = new Edge[](2 << truth.height);
        uint256 count = 0;
        for (uint8 h = 0; h <= truth.height; ++h) {
            for (uint64 i = 0; i < (uint64(1) << (truth.height - h)); ++i) {
                Edge memory edge = truth.edge(DISPUTE, h, i);
                bool open = harness.state(edge).progress == Progress.OPEN;
                if (open && harness.rivalled(edge)) due[count++] = edge;
            }
        }
        for (uint256 j = 0; j < count; ++j) {
            ++honestMoves;
            Edge memory edge = due[j];
            if (edge.height == 0) {
                (Node basePrev, Node[] memory siblings) = truth.preProof(edge.index);
                harness.prove(edge, truth.stateAfter(edge.index), basePrev, siblings);
            } else {
                Opening memory o = truth.opening(DISPUTE, edge.height, edge.index);
                harness.bisect(o.edge, o.left, o.right);
            }
        }
    }

    /// Updates all of a tree that exists, from the leaves up. Returns the root's total.
    function totalOf(Trace memory trace) private returns (uint256 total) {
        for (uint8 h = 0; h <= trace.height; ++h) {
            for (uint64 i = 0; i < (uint64(1) << (trace.height - h)); ++i) {
                Opening memory o = trace.opening(DISPUTE, h, i);
                EdgeState memory state = harness.state(o.edge);
                if (state.progress == Progress.ABSENT) continue;
                harness.update(o);
                total = harness.state(o.edge).totalBlocks;
            }
        }
        if (harness.state(trace.edge(DISPUTE, trace.height, 0)).progress == Progress.ABSENT) {
            total = 0;
        }
    }

    function play(uint8 height, uint256 liars, uint256 delay, uint256 seed) private {
        setUpGame(height, liars, seed);
        uint256 alone = random(2) == 0 ? beAlone() : 0;
        harness.add(truth.edge(DISPUTE, height, 0));
        // A path has at most `height` bisections and one proof, each late by the delay, and the
        // game ends at most that much after the period.
        uint256 slack = (delay + 1) * (uint256(height) + 2);
        for (uint256 n = 0; n < PERIOD + slack; ++n) {
            for (uint256 j = random(6); j > 0; --j) {
                moveOfLiar();
            }
            if (n % (delay + 1) == 0) movesOfHonest();
            vm.roll(block.number + 1);
        }
        assertGe(totalOf(truth), PERIOD, "the truth has won");
        vm.roll(block.number + PERIOD);
        for (uint256 i = 0; i < lies.length; ++i) {
            if (lies[i].divergence(truth) == uint64(1) << height) continue;
            assertLe(totalOf(lies[i]), alone + slack, "a lie has won time");
        }
        // One path a lie and one more for what is no tree: bisections and proofs at its end.
        assertLe(honestMoves, liars * (uint256(height) + 1) + 1, "honest moves");
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_truth_wins_at_height_2(uint256 seed) external {
        play(2, 1 + seed % 4, seed % 3, seed);
    }

    /// forge-config: default.fuzz.runs = 16
    function testFuzz_truth_wins_at_height_3(uint256 seed) external {
        play(3, 1 + seed % 3, seed % 3, seed);
    }
}
