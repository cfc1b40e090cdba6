"""Whether what was read of L1 is all there is: nobody may be challenged from half of the data."""

from __future__ import annotations

from tallystick.errors import DataMissing, L1Error, L1Reverted, L1Unreachable
from tallystick.party.party import Party
from tallystick.state.ordinals import BlockNumber


def check_complete(party: Party) -> None:
    """Compare the batches, messages and assertions that were read with what the contracts say at the same block.

    Logs are proven against their blocks already, so this finds what a proof cannot: a record that begins too late, or
    events that were not understood. An endpoint that keeps no states of that age cannot be asked, and says so in the
    log: with the newest blocks that does not happen.

    Where L1 has confirmed a lie nothing that stands on it is kept here, so its newest confirmed assertion may be another.

    Raises: DataMissing when something is missing; L1Error when L1 cannot be asked, or moved meanwhile.
    """
    block, hash_ = party.reader.cursor.blocks[-1] if party.reader.cursor.blocks else (party.head, None)
    try:
        wrong = _differences(party, block)
    except (L1Unreachable, L1Reverted):
        raise
    except L1Error as error:
        party.report("data_unchecked", {"block": block, "reason": str(error)})
        return
    if not wrong:
        return
    now = party.client.block(block)
    if now is None or (hash_ is not None and now.hash != hash_):
        raise L1Error("the chain moved while it was compared with what was read", block=block)
    raise DataMissing(
        "what was read of L1 is not all there is",
        hint="is first_block in the deployment record right? take the record that `tallystick l1 deploy` wrote",
        block=block,
        **wrong,
    )


def is_lost(party: Party) -> bool:
    """Whether L1 has confirmed what the own replay refutes."""
    return party.rollup.latest_confirmed in party.mind.lies


def _differences(party: Party, block: BlockNumber) -> dict[str, object]:
    """Return what L1 has and the own views do not, by name; nothing when the contracts are not there yet."""
    at = party.deployment.addresses
    if not party.client.code(at.rollup, block):
        return {}
    inbox = party.client.contract("Inbox", at.inbox)
    rollup = party.client.contract("Rollup", at.rollup)
    said: dict[str, tuple[int | bytes, int | bytes]] = {
        "batches": (inbox.call("batchCount", block=block), party.inbox.batch_count),
        "messages": (inbox.call("messageCount", block=block), party.inbox.message_count),
        "latest_confirmed": (rollup.call("latestConfirmed", block=block), party.rollup.latest_confirmed),
    }
    if is_lost(party):
        del said["latest_confirmed"]
    return {name: f"{_shown(theirs)}, read {_shown(ours)}" for name, (theirs, ours) in said.items() if theirs != ours}


def _shown(value: int | bytes) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
