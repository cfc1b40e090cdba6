"""Who may act for an account: its owner's key, or an agent's within its time and scope."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tallystick.machine.arith import read_address
from tallystick.state.codes import Outcome
from tallystick.state.layout import ACCOUNT_OWNER, AGENT_EXPIRY_MS, AGENT_KEY, AGENT_SCOPE
from tallystick.state.state import State

NOBODY: Final = bytes(20)
NO_AGENT: Final = -1
"""In the place of an agent's offset: the owner has signed."""


def check_key(state: State, account: i64, agent: i64, needed: i64, signer: bytes) -> i64:
    """Whether a key may act for an account, as its owner or as the agent it names; `needed` is the scope asked of one.

    Shape: `account` and `agent` are word offsets. Rejects: NO_ACCOUNT, NOT_AUTHORISED, AGENT_EXPIRED, AGENT_SCOPE. Twin:
    contracts/src/libraries/Authority.sol.
    """
    owner = read_address(state.accounts.words, account + ACCOUNT_OWNER)
    if owner == NOBODY:
        return Outcome.NO_ACCOUNT
    if agent == NO_AGENT:
        return Outcome.ACCEPTED if signer == owner else Outcome.NOT_AUTHORISED
    words = state.agents.words
    if read_address(words, agent + AGENT_KEY) != signer:
        return Outcome.NOT_AUTHORISED
    expiry = words[agent + AGENT_EXPIRY_MS]
    if expiry != 0 and expiry <= state.registers.clock_ms:
        return Outcome.AGENT_EXPIRED
    return Outcome.ACCEPTED if words[agent + AGENT_SCOPE] & needed == needed else Outcome.AGENT_SCOPE
