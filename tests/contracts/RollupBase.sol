// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Inbox} from "@tallystick/bridge/Inbox.sol";
import {Challenge} from "@tallystick/dispute/Challenge.sol";
import {Edge, IChallenge, Opening} from "@tallystick/interfaces/IChallenge.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {IReferee} from "@tallystick/interfaces/IReferee.sol";
import {IRollup} from "@tallystick/interfaces/IRollup.sol";
import {AssertionId, DisputeId, EdgeId, Node, StateHash} from "@tallystick/interfaces/Types.sol";
import {Registers, RegistersLib} from "@tallystick/libraries/generated/Registers.sol";
import {Rollup} from "@tallystick/rollup/Rollup.sol";
import {Base} from "@tests/Base.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

/// A machine whose steps are written down one by one; where nothing is written it has halted.
contract ScriptedReferee is IReferee {
    error BadWitness(bytes32 actual, bytes32 expected);

    mapping(bytes32 pre => bytes32) public next;
    mapping(bytes32 pre => bool) public runs;

    function script(bytes32 pre, bytes32 post) external {
        (next[pre], runs[pre]) = (post, true);
    }

    function step(bytes32 pre, uint64 batchLimit, bytes calldata witness)
        external
        view
        override
        returns (bytes32 post)
    {
        if (!runs[pre]) return pre;
        bytes32 expected = keccak256(abi.encode(pre, batchLimit));
        require(keccak256(witness) == expected, BadWitness(keccak256(witness), expected));
        return next[pre];
    }
}

/// All L1 contracts but the Vault, with a machine of four steps, players and their moves.
abstract contract RollupBase is Base {
    using TraceModel for Trace;

    uint40 internal constant PERIOD = 1000;
    uint64 internal constant INTERVAL = 10;
    uint256 internal constant BOND = 20 ether;
    uint256 internal constant ROOT_BOND = 2 ether;
    uint256 internal constant OPEN_REWARD = 0.05 ether;
    uint256 internal constant BISECT_REWARD = 0.02 ether;
    uint256 internal constant PROVE_REWARD = 0.1 ether;
    uint8 internal constant K = 22;
    uint64 internal constant STEPS = 4;
    uint64 internal constant NEVER = type(uint64).max;

    address internal constant SINK = 0x000000000000000000000000000000000000dEaD;
    AssertionId internal constant PAID = AssertionId.wrap(bytes32(0));

    address internal sequencer;
    address internal honest;
    address internal liar;
    Inbox internal inbox;
    ScriptedReferee internal referee;
    Challenge internal challenge;
    Rollup internal rollup;
    StateHash internal start;

    function setUp() public virtual {
        vm.roll(100_000);
        vm.warp(1_800_000_000);
        sequencer = actor("sequencer");
        (honest, liar) = (actor("honest"), actor("liar"));
        vm.deal(honest, 10_000 ether);
        vm.deal(liar, 10_000 ether);
        start = stateHash("genesis", 0);
        deployRollup(actor("vault"));
    }

    function deployRollup(address vault) internal {
        inbox = new Inbox(sequencer, vault, inboxConfig());
        referee = new ScriptedReferee();
        uint256 nonce = creations();
        challenge = new Challenge(createAddress(nonce + 1), address(inbox), address(referee), challengeConfig());
        rollup = new Rollup(start, "genesis data", address(inbox), address(challenge), rollupConfig());
    }

    function inboxConfig() internal pure returns (IInbox.Config memory) {
        return IInbox.Config({
            forceDelaySeconds: 15 minutes,
            takeoverDelaySeconds: 2 days,
            pastBoundSeconds: 5 minutes,
            futureBoundSeconds: 12 seconds,
            rateBytes: 8_000_000,
            burstBytes: 16_000_000,
            mostBlobs: 0
        });
    }

    function challengeConfig() internal pure returns (IChallenge.Config memory) {
        return IChallenge.Config({
            rootHeight: K,
            challengePeriodBlocks: PERIOD,
            bondWei: ROOT_BOND,
            openRewardWei: OPEN_REWARD,
            bisectRewardWei: BISECT_REWARD,
            proveRewardWei: PROVE_REWARD
        });
    }

    function rollupConfig() internal pure returns (IRollup.Config memory) {
        return IRollup.Config({assertionBondWei: BOND, minIntervalBlocks: INTERVAL});
    }

    /// Contracts this one has created, plus one: the nonce of its next creation.
    function creations() internal virtual returns (uint256) {
        return 3;
    }

    function createAddress(uint256 nonce) internal view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes2(0xd694), address(this), uint8(nonce))))));
    }

    /// Those of a machine that has read every batch there can be.
    function registersOf(uint256 number) internal pure returns (bytes memory registers) {
        registers = registersAt(number, 0, type(uint64).max);
    }

    /// The state that `number` names, in this phase and at this batch.
    function registersAt(uint256 number, uint8 phase, uint64 batchCursor)
        internal
        pure
        returns (bytes memory registers)
    {
        registers = new bytes(RegistersLib.BYTES);
        Registers packed;
        // The bytes begin behind their length.
        assembly ("memory-safe") {
            packed := add(registers, 32)
        }
        packed.setDomain(bytes32(number));
        packed.setPhase(phase);
        packed.setBatchCursor(batchCursor);
    }

    function stateHash(string memory name, uint256 number) internal pure returns (StateHash) {
        return StateHash.wrap(keccak256(abi.encode(keccak256(bytes(name)), keccak256(registersOf(number)))));
    }

    function postBatch() internal {
        bytes[] memory chunks = new bytes[](1);
        chunks[0] = new bytes(100);
        uint64 index = inbox.batchCount();
        uint64 limit = inbox.messageCount();
        // What was queued in this second waits for the next.
        if (limit > 0 && inbox.messageTime(limit - 1) == block.timestamp) vm.warp(block.timestamp + 1);
        vm.prank(sequencer);
        inbox.postBatch(index, uint64(block.timestamp), uint64(block.timestamp), limit, chunks);
    }

    /// Posts (`name`, `number`) as the state after `parent`, with a batch and time if it needs one.
    function post(address poster, AssertionId parent, string memory name, uint256 number)
        internal
        returns (AssertionId)
    {
        return post(poster, parent, name, number, PAID);
    }

    /// The same, with the bond that lies on `from`.
    function post(address poster, AssertionId parent, string memory name, uint256 number, AssertionId from)
        internal
        returns (AssertionId)
    {
        uint64 limit = makeReady(parent);
        uint256 valueWei = from == PAID ? BOND : 0;
        vm.prank(poster);
        return rollup.post{value: valueWei}(parent, limit, keccak256(bytes(name)), registersOf(number), from);
    }

    /// Lets batches and time pass until `parent` may have children, and returns their limit.
    function makeReady(AssertionId parent) internal returns (uint64 limit) {
        IRollup.Assertion memory origin = rollup.assertion(parent);
        limit = origin.nextLimit;
        while (inbox.batchCount() < limit) {
            postBatch();
        }
        if (limit > origin.limit && block.number < origin.createdBlock + INTERVAL) {
            vm.roll(origin.createdBlock + INTERVAL);
        }
    }

    function confirm(AssertionId id) internal {
        AssertionId[] memory ids = new AssertionId[](1);
        ids[0] = id;
        rollup.confirm(ids);
    }

    function expectConfirmRevert(AssertionId id, bytes4 selector) internal {
        AssertionId[] memory ids = new AssertionId[](1);
        ids[0] = id;
        vm.expectPartialRevert(selector);
        rollup.confirm(ids);
    }

    /// A trace from `parent` over made-up states, which halts after `STEPS` steps. From leaf `from`
    /// on, in the steps or in the padding, it is a lie that ends in (`name`, `number`).
    function traceTo(AssertionId parent, string memory name, uint256 number, uint64 from)
        internal
        view
        returns (Trace memory trace)
    {
        trace.height = K;
        trace.start = StateHash.unwrap(rollup.stateHashOf(parent));
        uint256 runs = from < STEPS || from == NEVER ? STEPS : STEPS + 1;
        (trace.from, trace.states) = (new uint64[](runs), new bytes32[](runs));
        for (uint64 i = 0; i < runs; ++i) {
            bool lies = i == STEPS || i >= from;
            string memory who = lies ? name : "honest";
            trace.from[i] = i == STEPS ? from : i;
            trace.states[i] = i >= STEPS - 1
                ? StateHash.unwrap(stateHash(who, number))
                : keccak256(abi.encode(parent, who, number, i));
        }
    }

    /// Writes the true trace into the referee.
    function teach(Trace memory trace) internal {
        bytes32 pre = trace.start;
        for (uint256 i = 0; i < STEPS; ++i) {
            referee.script(pre, trace.states[i]);
            pre = trace.states[i];
        }
    }

    function disputeOf(AssertionId parent) internal view returns (DisputeId) {
        return challenge.disputeId(parent, rollup.assertion(parent).nextLimit);
    }

    function open(address mover, AssertionId parent, AssertionId id, Trace memory trace) internal returns (EdgeId) {
        uint64 limit = rollup.assertion(parent).nextLimit;
        Node span = trace.node(K, 0);
        Node[] memory siblings = trace.lastSiblings();
        vm.prank(mover);
        return challenge.openRoot{value: ROOT_BOND}(parent, id, limit, span, siblings);
    }

    function bisect(address mover, AssertionId parent, Trace memory trace, uint8 height, uint64 index) internal {
        Opening memory o = trace.opening(disputeOf(parent), height, index);
        vm.prank(mover);
        challenge.bisect(o.edge, o.left, o.right);
    }

    /// Both bisect down to leaf `index`.
    function descend(AssertionId parent, Trace memory right, Trace memory wrong, uint64 index) internal {
        for (uint8 h = K; h > 0; --h) {
            bisect(honest, parent, right, h, index >> h);
            bisect(liar, parent, wrong, h, index >> h);
        }
    }

    function witnessOf(bytes32 pre, AssertionId parent) internal view returns (bytes memory) {
        return abi.encode(pre, rollup.assertion(parent).nextLimit);
    }

    function prove(address mover, AssertionId parent, Trace memory trace, uint64 index) internal {
        (Node basePrev, Node[] memory siblings) = trace.preProof(index);
        bytes32 pre = trace.stateAfter(index);
        bytes memory witness = witnessOf(pre, parent);
        Edge memory edge = trace.edge(disputeOf(parent), 0, index);
        vm.prank(mover);
        challenge.prove(edge, pre, basePrev, siblings, witness);
    }

    /// The openings on the path to leaf `index` from height `low` up.
    function pathUp(AssertionId parent, Trace memory trace, uint64 index, uint8 low)
        internal
        view
        returns (Opening[] memory openings)
    {
        DisputeId dispute = disputeOf(parent);
        openings = new Opening[](uint256(K - low) + 1);
        for (uint8 h = low; h <= K; ++h) {
            openings[h - low] = trace.opening(dispute, h, index >> h);
        }
    }

    /// The openings on the path to leaf `index` from the root down.
    function pathDown(AssertionId parent, Trace memory trace, uint64 index)
        internal
        view
        returns (Opening[] memory openings)
    {
        DisputeId dispute = disputeOf(parent);
        openings = new Opening[](uint256(K) + 1);
        for (uint8 h = 0; h <= K; ++h) {
            openings[K - h] = trace.opening(dispute, h, index >> h);
        }
    }

    function rootOf(AssertionId parent, Trace memory trace) internal view returns (Edge memory) {
        return trace.edge(disputeOf(parent), K, 0);
    }

    /// Decides for a trace by the openings on the path to leaf `index`.
    function decide(AssertionId parent, Trace memory trace, uint64 index) internal {
        challenge.decide(rootOf(parent, trace), pathUp(parent, trace, index, 0));
    }

    /// Decides for a trace whose root alone has the time.
    function decide(AssertionId parent, Trace memory trace) internal {
        challenge.decide(rootOf(parent, trace), pathUp(parent, trace, 0, K));
    }

    function winnerOf(AssertionId parent) internal view returns (bool decided, AssertionId winner) {
        return challenge.decision(parent, rollup.assertion(parent).nextLimit);
    }

    function noOpenings() internal pure returns (Opening[] memory) {
        return new Opening[](0);
    }
}
