// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// Contracts that are wired as the real ones are and do nothing else. `Stubs.json` holds them.

contract TestToken {}

contract Step {}

contract Inbox {
    error WrongSequencer(address actual);

    struct Config {
        uint64 forceDelaySeconds;
        uint64 takeoverDelaySeconds;
        uint64 pastBoundSeconds;
        uint64 futureBoundSeconds;
        uint64 rateBytes;
        uint64 burstBytes;
        uint64 mostBlobs;
    }

    address public immutable sequencer;
    address public immutable vault;
    Config public config;

    constructor(address sequencer_, address vault_, Config memory config_) {
        require(sequencer_ != address(0), WrongSequencer(sequencer_));
        sequencer = sequencer_;
        vault = vault_;
        config = config_;
    }
}

contract Vault {
    address public immutable token;
    address public immutable rollup;

    constructor(address token_, Inbox inbox, address rollup_, uint256 atomsPerUnit) {
        require(inbox.vault() == address(this) && atomsPerUnit > 0);
        token = token_;
        rollup = rollup_;
    }
}

contract Referee {
    address[] public steps;

    constructor(Inbox inbox, address[] memory steps_) {
        require(inbox.vault() != address(0));
        steps = steps_;
    }
}

contract Challenge {
    struct Config {
        uint8 rootHeight;
        uint40 challengePeriodBlocks;
        uint256 bondWei;
        uint256 openRewardWei;
        uint256 bisectRewardWei;
        uint256 proveRewardWei;
    }

    address public immutable rollup;
    Config public config;

    constructor(address rollup_, Inbox inbox, Referee referee, Config memory config_) {
        require(inbox.vault() != address(0) && referee.steps(0) != address(0));
        rollup = rollup_;
        config = config_;
    }
}

contract Rollup {
    struct Config {
        uint256 assertionBondWei;
        uint64 minIntervalBlocks;
    }

    event Genesis(bytes32 stateHash, bytes data);

    Config public config;

    constructor(
        bytes32 genesisStateHash,
        bytes memory genesis_,
        address inbox,
        Challenge challenge,
        Config memory config_
    ) {
        require(inbox != address(0) && challenge.rollup() == address(this));
        config = config_;
        emit Genesis(genesisStateHash, genesis_);
    }
}

contract BondPool {
    address public immutable rollup;

    constructor(address rollup_) {
        require(rollup_.code.length > 0);
        rollup = rollup_;
    }
}

contract Receipts {
    address public immutable inbox;
    address public immutable rollup;

    constructor(address inbox_, address rollup_) {
        require(inbox_.code.length > 0 && rollup_.code.length > 0);
        inbox = inbox_;
        rollup = rollup_;
    }
}

/// States that count as confirmed because somebody says so.
contract ConfirmedStates {
    address public immutable inbox;
    mapping(bytes32 id => bytes32) public stateHashOf;

    constructor(address inbox_) {
        inbox = inbox_;
    }

    function confirm(bytes32 id, bytes32 stateHash) external {
        stateHashOf[id] = stateHash;
    }

    function balanceOf(address who) external view returns (uint256) {
        return who.balance;
    }

    function isConfirmed(bytes32 id) external view returns (bool) {
        return stateHashOf[id] != 0;
    }
}
