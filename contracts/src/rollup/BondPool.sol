// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, IBondPool, PoolId} from "../interfaces/IBondPool.sol";
import {Award, DisputeState, Edge, IChallenge, Progress} from "../interfaces/IChallenge.sol";
import {IRollup} from "../interfaces/IRollup.sol";
import {AssertionId, EdgeId, Node, StateHash} from "../interfaces/Types.sol";
import {TraceTree} from "../libraries/proof/TraceTree.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title BondPool
/// @notice No owner, no pause, no upgrade: the Rollup is fixed by the constructor.
/// @dev It pays nobody but members, and calls nothing else but the Rollup and its Challenge, whose credits to this
/// contract it can tell apart by itself: an assertion's bond is fetched in the call that frees it, and what a root
/// brings follows from what is stored of its dispute.
contract BondPool is IBondPool, ReentrancyGuardTransient {
    /// @inheritdoc IBondPool
    address public immutable override rollup;
    /// @inheritdoc IBondPool
    address public immutable override challenge;
    /// @inheritdoc IBondPool
    uint256 public immutable override assertionBondWei;
    /// @inheritdoc IBondPool
    uint256 public immutable override rootBondWei;

    mapping(PoolId => Pool) private _pools;
    mapping(PoolId => mapping(address => Member)) private _members;

    /// @param rollup_ the Rollup whose assertions and disputes are paid for
    constructor(address rollup_) {
        rollup = rollup_;
        challenge = IRollup(rollup_).challenge();
        assertionBondWei = IRollup(rollup_).assertionBondWei();
        rootBondWei = IChallenge(challenge).bondWei();
    }

    /// @dev Takes credits in.
    receive() external payable {
        // INVARIANT: whatever else is here is somebody's stake.
        require(msg.sender == rollup || msg.sender == challenge, NotPaying(msg.sender));
    }

    /// @inheritdoc IBondPool
    function join(Call calldata call) external payable override nonReentrant returns (PoolId id) {
        // INVARIANT: a member has a stake.
        require(msg.value > 0, NothingPaid());
        // INVARIANT: one call has one pool.
        require(call.root || Node.unwrap(call.span) == 0, SpanOfPost(call.span));
        id = poolId(call);
        Pool storage entered = _pools[id];
        // INVARIANT: nobody pays for what others have made,
        require(!entered.made, AlreadyMade(id));
        // INVARIANT: nor for what cannot be made.
        require(possible(call), PoolVoid(id));
        if (!entered.opened) {
            (entered.opened, entered.call) = (true, call);
            emit PoolOpened(id, call.parent, call.stateHash, call.limit, call.root, call.span);
        }
        add(id, entered);
    }

    /// @dev Counts what the caller has sent.
    function add(PoolId id, Pool storage entered) private {
        entered.stakesWei += msg.value;
        _members[id][msg.sender].stakeWei += msg.value;
        emit Joined(id, msg.sender, msg.value);
    }

    /// @inheritdoc IBondPool
    function makePost(PoolId id, bytes32 stateRoot, bytes calldata registers) external payable override nonReentrant {
        Call memory call = spend(id, false);
        StateHash actual = StateHash.wrap(keccak256(abi.encode(stateRoot, keccak256(registers))));
        // INVARIANT: the members paid for this state.
        require(actual == call.stateHash, WrongState(actual, call.stateHash));
        IRollup(rollup).post{value: assertionBondWei}(
            call.parent, call.limit, stateRoot, registers, AssertionId.wrap(bytes32(0))
        );
    }

    /// @inheritdoc IBondPool
    function makeRoot(PoolId id, Node[] calldata siblings) external payable override nonReentrant {
        Call memory call = spend(id, true);
        IChallenge(challenge).openRoot{value: rootBondWei}(
            call.parent, assertionOf(call), call.limit, call.span, siblings
        );
    }

    /// @dev Takes the sum out of a pool: from here on its members and their stakes are fixed.
    function spend(PoolId id, bool root) private returns (Call memory call) {
        Pool storage made = _pools[id];
        call = made.call;
        // INVARIANT: one bond a pool.
        require(!made.made, AlreadyMade(id));
        // INVARIANT: what is made is what the pool is for.
        require(made.opened, UnknownPool(id));
        require(call.root == root, WrongKind(id));
        // INVARIANT: no bond goes where it is lost, or where it is not needed.
        require(possible(call), PoolVoid(id));
        if (msg.value > 0) add(id, made);
        uint256 bondWei = sumWei(call);
        uint256 stakesWei = made.stakesWei;
        // INVARIANT: a bond is paid by its members alone.
        require(stakesWei >= bondWei, TooLittle(stakesWei, bondWei));
        made.made = true;
        (made.spareStakesWei, made.bondStakesWei) = (stakesWei, stakesWei);
        made.spareWei = stakesWei - bondWei;
        emit Made(id, bondWei, stakesWei - bondWei);
    }

    /// @inheritdoc IBondPool
    function collect(PoolId id) external override nonReentrant {
        Pool storage made = _pools[id];
        // INVARIANT: only what was paid comes back,
        require(made.made, NotMade(id));
        // INVARIANT: and once.
        require(!made.home, AlreadyHome(id));
        Call memory call = made.call;
        uint256 amountWei = assertionBondWei;
        made.home = true;
        if (call.root) {
            amountWei = rootReturn(id, call);
            // Other pools' roots may have been credited at the same time: it is kept here for all.
            if (IChallenge(challenge).credit(address(this)) > 0) IChallenge(challenge).withdrawCredit();
        } else {
            IRollup(rollup).takeBond(assertionOf(call));
            IRollup(rollup).withdrawCredit();
        }
        made.bondWei = amountWei;
        emit Collected(id, amountWei);
    }

    /// @dev What the Challenge has credited for a root: its bond and the reward for opening it, or nothing.
    function rootReturn(PoolId id, Call memory call) private view returns (uint256) {
        DisputeState memory dispute =
            IChallenge(challenge).disputeState(IChallenge(challenge).disputeId(call.parent, call.limit));
        // INVARIANT: no share is paid before it is known.
        require(dispute.settled, NotSettled(id));
        if (IChallenge(challenge).edgeState(rootOf(call)).award == Award.NONE) return 0;
        // The opener is repaid first, from half of what the other roots lost; rounded down as there.
        uint256 potWei = (dispute.roots - 1) * rootBondWei / 2;
        uint256 rewardWei = IChallenge(challenge).openRewardWei();
        return rootBondWei + (rewardWei < potWei ? rewardWei : potWei);
    }

    /// @inheritdoc IBondPool
    function quit(PoolId id) external override nonReentrant {
        pay(id, msg.sender);
    }

    /// @inheritdoc IBondPool
    function payOut(PoolId id, address who) external override nonReentrant {
        // INVARIANT: nobody is put out of a pool that may still be needed.
        require(_pools[id].made || !possible(_pools[id].call), MayStillBeMade(id));
        pay(id, who);
    }

    /// @dev Pays a member all that is there for it.
    function pay(PoolId id, address who) private {
        Pool storage left = _pools[id];
        Member storage leaving = _members[id][who];
        uint256 amountWei = dueWei(id, who);
        uint256 stakeWei = leaving.stakeWei;
        // INVARIANT: nobody is paid what it has no stake in, or twice. A part too small for a wei is fetched as
        // well: else it would hold back the others' dust.
        require(stakeWei > 0 || (left.home && leaving.shareWei > 0), NothingDue(id, who));
        leaving.stakeWei = 0;
        if (!left.made) {
            left.stakesWei -= stakeWei;
        } else {
            if (stakeWei > 0) {
                left.spareWei -= partOf(left.spareWei, stakeWei, left.spareStakesWei);
                left.spareStakesWei -= stakeWei;
                leaving.shareWei = stakeWei;
            }
            if (left.home) {
                uint256 shareWei = leaving.shareWei;
                leaving.shareWei = 0;
                left.bondWei -= partOf(left.bondWei, shareWei, left.bondStakesWei);
                left.bondStakesWei -= shareWei;
            }
        }
        emit Paid(id, who, amountWei);
        // SAFETY: all is written before the call, and nothing here can be called from it.
        (bool accepted,) = who.call{value: amountWei}("");
        // INVARIANT: what did not arrive stays the member's, and stops nobody else.
        require(accepted, PaymentRefused(who, amountWei));
    }

    /// @inheritdoc IBondPool
    function dueWei(PoolId id, address who) public view override returns (uint256 amountWei) {
        Pool storage asked = _pools[id];
        Member storage one = _members[id][who];
        uint256 stakeWei = one.stakeWei;
        if (!asked.made) return stakeWei;
        amountWei = partOf(asked.spareWei, stakeWei, asked.spareStakesWei);
        if (asked.home) amountWei += partOf(asked.bondWei, stakeWei + one.shareWei, asked.bondStakesWei);
    }

    /// @dev A stake's part of what the stakes that are left share.
    /// Rounding: down, so the last one finds what the others left: nothing stays behind.
    function partOf(uint256 amountWei, uint256 stakeWei, uint256 stakesWei) private pure returns (uint256) {
        return stakeWei == 0 ? 0 : Math.mulDiv(amountWei, stakeWei, stakesWei);
    }

    /// @dev Whether the call can be made, now or later. A parent may be still to come.
    function possible(Call memory call) private view returns (bool) {
        IRollup.Assertion memory origin = IRollup(rollup).assertion(call.parent);
        if (origin.status == IRollup.Status.REJECTED || AssertionId.unwrap(origin.confirmedChild) != 0) return false;
        if (origin.status != IRollup.Status.NONE && origin.nextLimit != call.limit) return false;
        (bool decided,) = IChallenge(challenge).decision(call.parent, call.limit);
        if (decided) return false;
        IRollup.Status exact = IRollup(rollup).assertion(assertionOf(call)).status;
        if (call.root) {
            if (exact == IRollup.Status.REJECTED || origin.status == IRollup.Status.NONE) return false;
            return IChallenge(challenge).edgeState(rootOf(call)).progress == Progress.ABSENT;
        }
        if (exact != IRollup.Status.NONE) return false;
        uint256 period = IRollup(rollup).challengePeriodBlocks();
        return origin.childCount != 1 || block.number < origin.firstChildBlock + period;
    }

    /// @dev The edge that the call would open; its parent exists.
    function rootOf(Call memory call) private view returns (EdgeId) {
        return IChallenge(challenge)
            .edgeId(
                Edge({
                dispute: IChallenge(challenge).disputeId(call.parent, call.limit),
                height: IChallenge(challenge).rootHeight(),
                index: 0,
                base: TraceTree.leaf(StateHash.unwrap(IRollup(rollup).stateHashOf(call.parent))),
                span: call.span
            })
            );
    }

    /// @dev The assertion that the call is about.
    function assertionOf(Call memory call) private view returns (AssertionId) {
        return IRollup(rollup).assertionId(call.parent, call.stateHash);
    }

    /// @inheritdoc IBondPool
    function status(PoolId id) external view override returns (Status) {
        Pool storage asked = _pools[id];
        if (asked.made) return asked.home ? Status.HOME : Status.MADE;
        return possible(asked.call) ? Status.GATHERING : Status.VOID;
    }

    /// @inheritdoc IBondPool
    function poolId(Call calldata call) public view override returns (PoolId) {
        return PoolId.wrap(keccak256(abi.encode(rollup, call)));
    }

    /// @inheritdoc IBondPool
    function sumWei(Call memory call) public view override returns (uint256) {
        return call.root ? rootBondWei : assertionBondWei;
    }

    /// @inheritdoc IBondPool
    function pool(PoolId id) external view override returns (Pool memory) {
        return _pools[id];
    }

    /// @inheritdoc IBondPool
    function member(PoolId id, address who) external view override returns (Member memory) {
        return _members[id][who];
    }
}
