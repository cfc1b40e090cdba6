"""An operator that lies once: it publishes honest data and asserts a state in which one step is wrong.

From then on it asserts nothing and plays the dispute as far as a liar can.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tallystick.errors import StateError
from tallystick.l1.client.events import EventReader
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.deployment import load_deployment
from tallystick.l1.sending.keys import KeyFile, load_account
from tallystick.party.strategy.known import Due, Known
from tallystick.ports.system import SystemClock
from tallystick.rollup.views.assertion_view import RollupView
from tallystick.testing.rogues.liars import lie_on
from tallystick.testing.rogues.lies import Lie, make_lie
from tallystick_operator.config import Config
from tallystick_operator.daemon import Operator


class LieMemory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rogue must remember over a restart to tell the same lie again."""

    name: str
    after_batch: int


class LiesOnce:
    """The strategy of a rogue: once its lie is posted it says so and proposes nothing more."""

    def __init__(self, lie: Lie) -> None:
        self.lie = lie
        self.report: Callable[..., object] = lambda event, **facts: None
        self._lied = False

    def __call__(self, known: Known) -> list[Due]:
        """Return the calls that are due."""
        self._lied = self._lied or self._has_posted(known)
        return lie_on(known, proposes=not self._lied)

    def _has_posted(self, known: Known) -> bool:
        told = self.lie.told
        if told is None:
            return False
        for assertion in known.rollup.assertions.values():
            if assertion.proposer == known.me and assertion.limit > told.batch and known.is_true(assertion.id):
                facts: dict[str, Any] = {"name": self.lie.name, "assertion": assertion.id, "step": told.phase.name}
                self.report("lied", **facts, batch=told.batch, record=told.record, what=told.what)
                return True
        return False


def rogue_operator(config: Config, name: str, after_batch: int | None = None) -> Operator:
    """Return an operator that tells a lie, without `after_batch` about what has not been asserted yet.

    Raises: BadInput when there is no lie of that name; ConfigError, StateError, L1Error.
    """
    lie = recall_lie(
        name,
        _asserter(config),
        Path(config.data_dir),
        (lambda: _asserted_batches(config)) if after_batch is None else lambda: after_batch,
    )
    strategy = LiesOnce(lie)
    operator = Operator(config, step=lie.step, strategy=strategy)
    strategy.report = operator.journal.write
    return operator


def recall_lie(name: str, thief: bytes, data_dir: Path, after_batch: Callable[[], int]) -> Lie:
    """Return the lie to tell; where it may begin is fixed the first time and kept in the data directory.

    Raises: StateError when another lie was begun there, or what is kept there is damaged; BadInput when there is none of
    that name.
    """
    path = data_dir / "lie.json"
    if path.exists():
        try:
            memory = msgspec.json.decode(path.read_bytes(), type=LieMemory)
        except (OSError, msgspec.DecodeError) as error:
            raise StateError("the memory of the lie is damaged", path=str(path)) from error
        if memory.name != name:
            raise StateError("another lie was begun in this data directory", begun=memory.name, wanted=name)
        return make_lie(memory.name, thief, memory.after_batch)
    lie = make_lie(name, thief, after_batch())
    data_dir.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(LieMemory(name=name, after_batch=lie.after_batch)))
    return lie


def _asserter(config: Config) -> bytes:
    """Return the address that asserts, to which a theft pays."""
    if config.signer_url and not config.assert_key_file:
        return bytes.fromhex(config.signer_address[2:])
    key, password = (
        (config.assert_key_file, config.assert_password_file)
        if config.assert_key_file
        else (config.key_file, config.password_file)
    )
    account = load_account(KeyFile(path=Path(key), password_path=Path(password) if password else None))
    return bytes.fromhex(account.address[2:])


def _asserted_batches(config: Config) -> int:
    """Return the number of batches that some assertion already speaks of."""
    deployment = load_deployment(Path(config.deployment))
    client = QuorumClient(config.rpc, quorum=config.quorum or None, chain_id=deployment.chain_id, clock=SystemClock())
    view = RollupView()
    for batch in EventReader(client, deployment, contracts=("Rollup",)).to_head():
        for event in batch:
            view.apply(event)
    return max((each.limit for each in view.assertions.values()), default=0)
