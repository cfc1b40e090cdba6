"""What ether an honest party needs, and what it does when it has no more than that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.l1.sending.fees import Window
from tallystick.l1.sending.queuestore import QueueStore, TxState
from tallystick.l1.sending.sender import SenderConfig, TxQueue
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.hand import Purse
from tallystick.party.party import Identity, Party
from tallystick.party.strategy.strategy import own_bonds
from tallystick.ports.system import SystemClock
from tallystick.rollup.views.assertion_view import Status
from tallystick.state.ordinals import BlockNumber
from tallystick.testing.l1_stage import Stage, Told, account, trade_a_little
from tallystick.testing.rogues.lies import make_lie
from tallystick.testing.world import address
from tests.adversaries.nest import Watched, nest_on

PERIOD = 100
ETHER = 10**18
GAS_WEI = ETHER // 5


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, challenge_period_blocks=PERIOD)
    trade_a_little(made)
    made.publish()
    yield made
    made.close()


def poor(stage: Stage, who: str, mode: Mode, told: Told, wei: int) -> Party:
    """Return a party that owns no more than this."""
    stage.chain.request("tallystick_fund", "0x" + address(who).hex(), hex(wei))
    return Party(
        stage.client,
        stage.deployment,
        Identity(duties=DUTIES[mode]),
        told,
        account=account(who),
        queue_path=stage.folder / f"party-{who}.sqlite",
        purse=Purse(gas=GAS_WEI // 2),
        clock=SystemClock(),
    )


def test_P03_what_cannot_be_paid_holds_up_nothing_that_can(stage: Stage) -> None:
    """A bond above the balance is queued first, an urgent call without one behind it."""
    stage.chain.request("tallystick_fund", "0x" + address("zoe").hex(), hex(ETHER))
    store = QueueStore(stage.folder / "zoe.sqlite")
    queue = TxQueue(
        client=stage.client, account=account("zoe"), store=store, config=SenderConfig(), clock=SystemClock()
    )
    bond = Window(first_block=BlockNumber(0), deadline_block=BlockNumber(50_000))
    queue.enqueue("bond", b"\1" * 20, b"", value_wei=2 * ETHER, window=bond)
    queue.enqueue("batch", b"\3" * 20, b"")
    queue.enqueue("urgent", b"\2" * 20, b"", window=Window(first_block=BlockNumber(0), deadline_block=BlockNumber(10)))
    report = queue.pump()
    entries = {key: queue.get(key) for key in ("bond", "batch", "urgent")}
    assert all(entries.values())
    states = {key: entry.state for key, entry in entries.items() if entry is not None}
    assert states == {"bond": TxState.QUEUED, "batch": TxState.PENDING, "urgent": TxState.PENDING}
    nonces = {key: entry.nonce for key, entry in entries.items() if entry is not None}
    assert nonces["urgent"] == 0 and nonces["batch"] == 1
    assert any("bond: waits" in problem for problem in report.problems)
    store.close()


def test_P03_a_call_that_reverts_holds_up_nothing_and_is_refused_once_all_before_it_are_mined(stage: Stage) -> None:
    """While others are under way a call may need one of them; when they are mined and it still reverts, it is refused."""
    stage.fund("zoe")
    store = QueueStore(stage.folder / "zoe.sqlite")
    queue = TxQueue(
        client=stage.client, account=account("zoe"), store=store, config=SenderConfig(), clock=SystemClock()
    )
    stage.chain.request("evm_setAutomine", False)
    rollup = stage.client.contract("Rollup", stage.place("Rollup"))
    queue.enqueue("first", b"\1" * 20, b"")
    queue.enqueue("futile", stage.place("Rollup"), rollup.encode("reject", bytes(32)))
    queue.enqueue("last", b"\2" * 20, b"")
    queue.pump()

    def state(key: str) -> TxState:
        entry = queue.get(key)
        assert entry is not None
        return entry.state

    assert [state(key) for key in ("first", "futile", "last")] == [TxState.PENDING, TxState.QUEUED, TxState.PENDING]
    stage.mine(1)
    queue.pump()
    assert state("futile") is TxState.REFUSED
    stage.chain.request("evm_setAutomine", True)
    store.close()


def test_P03_a_defender_with_one_bond_and_two_roots_beats_two_lies_with_roots_and_says_what_it_lacks_for_a_third(
    stage: Stage,
) -> None:
    """Three generations are contested, in two of them a false root runs. The money is for two roots: they go where a
    false root runs, whatever was contested first, and moves, decisions and confirmations wait for nothing.
    """
    told = Told()
    config = stage.deployment.config
    wei = config.assertion_bond_wei + 2 * config.challenge_bond_wei + GAS_WEI
    honest = Watched(stage=stage, party=poor(stage, "poor", Mode.PROPOSE, told, wei))
    proposer = honest.party
    for number in range(3):
        if number:
            stage.begin()
            stage.publish()
        honest.settle_down()
    assert [each.id for each in own_bonds(proposer.mind)] == [honest.true_tip()]
    chain = [each for each in proposer.rollup.assertions.values() if each.parent]
    nest = nest_on(stage)
    lies = [nest.lie_below(each.parent, make_lie("random-root", bytes(20), n).step) for n, each in enumerate(chain)]
    for lie in lies[1:]:
        nest.open_root(lie)
    honest.settle_down()
    opened = [facts["assertion"] for facts in told.named("moved") if facts["move"] == "openroot"]
    assert set(opened) == {chain[1].id, chain[2].id}
    assert any("cannot be paid" in facts["problem"] for facts in told.named("l1_problem"))
    for _ in range(40):
        stage.mine(10)
        honest.act()
    assert proposer.rollup.latest_confirmed == chain[-1].id
    assert {each.status for each in proposer.wrong} == {Status.REJECTED}
    proposer.close()


def test_P04_an_asserter_with_one_bond_asserts_any_number_of_generations_and_never_stops(stage: Stage) -> None:
    """Nobody lies. The bond moves on to each new assertion; all are confirmed, and a second bond is never asked for."""
    told = Told()
    operator = poor(stage, "erin", Mode.PROPOSE, told, stage.deployment.config.assertion_bond_wei + GAS_WEI)
    for number in range(8):
        if number:
            stage.begin()
            stage.publish()
        for _ in range(4):
            operator.tick()
    assert len(told.named("asserted")) == 8
    assert len(own_bonds(operator.mind)) == 1
    stage.mine(PERIOD)
    for _ in range(4):
        operator.tick()
    assert {each.status for each in operator.rollup.assertions.values()} == {Status.CONFIRMED}
    assert not told.named("l1_problem") and not told.named("not_taken")
    operator.close()
