"""Where a replay begins: at the newest snapshot that L1 confirms, or at genesis."""

from __future__ import annotations

from collections.abc import Callable

from tallystick.errors import StateError
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.rollup.genesis import decode_genesis, genesis_state
from tallystick.rollup.replay import Replayer
from tallystick.rollup.snapshots.snapshotstore import SnapshotStore
from tallystick.rollup.views.assertion_view import RollupView
from tallystick.rollup.views.inbox_view import InboxView
from tallystick.state.state import State


def first_state(rollup: RollupView, recorded: bytes) -> State:
    """Return the state at genesis.

    Raises: StateError when it is not the one the deployment record promises.
    """
    state = genesis_state(decode_genesis(rollup.genesis_data))
    computed = state.hash()
    known = rollup.assertions[rollup.genesis_id].state_hash
    if not computed == known == recorded:
        raise StateError(
            "the Rollup does not begin with the deployment record's genesis",
            on_chain=known,
            recorded=recorded,
            computed=computed,
        )
    return state


def begin(
    rollup: RollupView,
    inbox: InboxView,
    recorded: bytes,
    *,
    height: int,
    step: Callable[[Machine], None] = engine.step,
    snapshots: SnapshotStore | None = None,
) -> Replayer:
    """Return the replayer of a rollup, as far on as a snapshot allows.

    Raises: StateError when the genesis is not the one the deployment record promises.
    """
    first_state(rollup, recorded)
    replayer = Replayer(rollup.genesis_data, rollup.genesis_id, inbox, height=height, step=step)
    found = snapshots.newest(rollup) if snapshots is not None and step is engine.step else None
    if found is not None:
        assertion, state = found
        replayer.resume(rollup, assertion.id, state)
    return replayer
