"""Asserts what was published, confirms it, and defends it: a party at the rollup like any other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

from tallystick.dispute.traces.disktraces import DiskTraces
from tallystick.dispute.traces.schedule import Bounds
from tallystick.dispute.traces.traceprocess import Process, cores
from tallystick.journal import Journal
from tallystick.l1.client.access import L1
from tallystick.l1.client.logstore import LogStore
from tallystick.l1.deployment import Deployment
from tallystick.l1.sending.sender import TxQueue
from tallystick.machine import engine
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.hand import Purse
from tallystick.party.party import Identity, Party
from tallystick.party.strategy.strategy import Step, Strategy, duties
from tallystick.rollup.views.assertion_view import Status
from tallystick.shapes.accounts import WithdrawalProof
from tallystick.state.cells import outbox_recipient
from tallystick.state.hashing import keccak
from tallystick.state.layout import TAG_OUTBOX
from tallystick.state.state import State, cell_key
from tallystick_operator.noticeboard import Board, Proven

GAS_WEI: Final = 10**17
"""What no bond touches: the same key may pay for batches and for moves, which hold up no bond."""


class Asserter:
    """Runs a party and offers proofs of withdrawals against what it knows to be true."""

    def __init__(
        self,
        *,
        client: L1,
        deployment: Deployment,
        queue: TxQueue,
        board: Board,
        journal: Journal,
        traces: Path,
        trace_bytes: int,
        store: LogStore | None = None,
        step: Step = engine.step,
        strategy: Strategy = duties,
    ) -> None:
        self._board = board
        self._journal = journal
        self._proven: set[bytes] = set()
        self._closed: set[bytes] = set()
        identity = Identity(duties=DUTIES[Mode.PROPOSE], step=step, strategy=strategy)
        purse = Purse(gas=GAS_WEI, reserve=deployment.config.challenge_bond_wei)
        bounds = Bounds(cores=cores(), memory_bytes=trace_bytes)
        # the processes that make traces for the disk know the true step alone
        self.party = Party(
            client,
            deployment,
            identity,
            self._report,
            queue=queue,
            purse=purse,
            store=store,
            traces=None
            if step is not engine.step
            else lambda mind: DiskTraces(traces, mind.source, self._report, bounds, Process),
        )

    def close(self) -> None:
        """End what is being made."""
        self.party.close()

    def tick(self) -> bool:
        """Do what can be done now; return whether L1 has been read to its head."""
        complete = self.party.tick()
        if complete and self.party.replayer is not None:
            self._offer_proofs()
            rollup = self.party.rollup
            statuses = Counter(each.status for each in rollup.assertions.values())
            waiting = [each for each in rollup.assertions.values() if each.status is Status.PENDING]
            self._board.set_l1(
                assertions_posted=len(rollup.assertions) - 1,
                assertions_confirmed=statuses[Status.CONFIRMED] - 1,
                disputes=len({each.parent for each in waiting if rollup.rivals(each)}),
                latest_confirmed="0x" + rollup.latest_confirmed.hex(),
            )
        return complete

    def _report(self, event: str, facts: dict[str, Any]) -> None:
        self._journal.write(event, **facts)

    def _offer_proofs(self) -> None:
        """Prove each withdrawal against the oldest posted assertion that holds it."""
        replayer, rollup = self.party.replayer, self.party.rollup
        assert replayer is not None
        for assertion in rollup.assertions.values():
            if assertion.status is Status.CONFIRMED and assertion.id not in self._closed:
                self._closed.add(assertion.id)
                self._board.confirm(assertion.id)
            elif assertion.status is Status.REJECTED and assertion.id not in self._closed:
                self._closed.add(assertion.id)
                self._board.forget_assertion(assertion.id)
                if self.party.queue and assertion.proposer == self.party.queue.address:
                    bond = self.party.deployment.config.assertion_bond_wei
                    self._journal.write("bond_lost", alarm=True, assertion=assertion.id, bond_wei=bond)
            state = replayer.states.get(assertion.id)
            if state is None or assertion.id in self._proven or assertion.id == rollup.genesis_id:
                continue
            self._proven.add(assertion.id)
            known = self._board.proven_count()
            proofs = {
                index: _prove(state, index, assertion.id, assertion.state_root, keccak(assertion.registers))
                for index in range(known, state.registers.outbox_count)
            }
            self._board.add_proofs(proofs)


def _prove(state: State, index: int, assertion: bytes, root: bytes, registers_hash: bytes) -> Proven:
    recipient = outbox_recipient(state.outbox.words, state.outbox.known(index))
    return Proven(
        assertion=assertion,
        recipient=recipient,
        proof=WithdrawalProof(
            assertion="0x" + assertion.hex(),
            state_root="0x" + root.hex(),
            registers_hash="0x" + registers_hash.hex(),
            proof="0x" + state.tree.proof(cell_key(TAG_OUTBOX, index)).hex(),
        ),
    )
