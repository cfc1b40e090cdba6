// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, Agent} from "./generated/Cells.sol";
import {Outcome} from "./generated/Names.sol";
import {Registers} from "./generated/Registers.sol";

// Who may act for an account: its owner's key, or an agent's within its time and scope.

/// @dev In the place of an agent: the owner has signed.
Agent constant NO_AGENT = Agent.wrap(0);

/// @notice Whether a key may act for an account, as its owner or as the agent it names; `needed` is the
/// scope asked of one.
/// @dev Rejects: NO_ACCOUNT, NOT_AUTHORISED, AGENT_EXPIRED, AGENT_SCOPE. Twin:
/// shared/tallystick/machine/authority.py.
function checkKey(Registers registers, Account account, Agent agent, uint256 needed, address signer)
    pure
    returns (uint8)
{
    address owner = account.owner();
    if (owner == address(0)) return Outcome.NO_ACCOUNT;
    if (Agent.unwrap(agent) == Agent.unwrap(NO_AGENT)) {
        return signer == owner ? Outcome.ACCEPTED : Outcome.NOT_AUTHORISED;
    }
    if (agent.key() != signer) return Outcome.NOT_AUTHORISED;
    uint64 expiry = agent.expiryMs();
    if (expiry != 0 && expiry <= registers.clockMs()) return Outcome.AGENT_EXPIRED;
    return agent.scope() & needed == needed ? Outcome.ACCEPTED : Outcome.AGENT_SCOPE;
}
