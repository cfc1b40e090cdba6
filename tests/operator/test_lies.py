"""Each lie is one wrong step in an otherwise honest history."""

from __future__ import annotations

import pytest

from tallystick.errors import BadInput
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.state.cells import account_cash_units, outbox_recipient
from tallystick.state.state import State
from tallystick.testing.rogues.__main__ import main as rogue
from tallystick.testing.rogues.lies import LIES, Lie, make_lie
from tallystick.testing.world import World, address

THIEF = address("thief")
CONSERVING = sorted(set(LIES) - {"mint-deposit"})


def total_units(state: State) -> int:
    """Return what the state owes: every account's cash, the fees, and all withdrawals."""
    cash = sum(account_cash_units(state.accounts.words, account) for _, account in state.accounts.every())
    return cash + state.registers.fees_units + state.registers.withdrawn_units


def busy_world() -> World:
    """A history in which every lie has more than one occasion."""
    world = World()
    world.clock()
    world.list_market(0)
    world.report(0, 618_000)
    for account, name in ((1, "alice"), (2, "bob"), (3, "carol")):
        world.deposit(name, account, 10**12)
    world.seal()
    for account in (1, 2, 1, 2):
        world.order(account, 0, 1, 618_010, 5, client_id=account)
    world.order(3, 0, 0, 618_010, 12, client_id=7)
    world.withdraw(1, 1_000)
    world.seal()
    world.order(3, 0, 0, 618_020, 4, client_id=8)
    world.withdraw(2, 2_000)
    world.deposit("alice", 1, 500)
    world.seal()
    return world


def wrong_steps(world: World, lie: Lie) -> tuple[list[int], Machine]:
    """Step through the lying history and return which steps an honest machine would have ended elsewhere."""
    machine = world.fresh()
    found: list[int] = []
    at = 0
    while not engine.halted(machine):
        honest = Machine(machine.state.copy(), machine.inputs)
        engine.step(honest)
        lie.step(machine)
        if machine.state.hash() != honest.state.hash():
            found.append(at)
        at += 1
    return found, machine


@pytest.mark.parametrize("name", LIES)
def test_a_lie_makes_exactly_one_step_wrong(name: str) -> None:
    lie = make_lie(name, THIEF)
    world = busy_world()
    found, machine = wrong_steps(world, lie)
    assert len(found) == 1
    assert lie.told is not None
    assert machine.state.registers.batch_cursor == world.published.batch_limit


@pytest.mark.parametrize("name", LIES)
def test_stepping_through_the_history_again_tells_the_same_lie(name: str) -> None:
    world = busy_world()
    lie = make_lie(name, THIEF)
    first, one = wrong_steps(world, lie)
    again, other = wrong_steps(world, lie)
    assert first == again
    assert one.state.hash() == other.state.hash() != world.state.hash()


@pytest.mark.parametrize("name", LIES)
def test_a_lie_waits_for_its_batch(name: str) -> None:
    lie = make_lie(name, THIEF, after_batch=1)
    found, _ = wrong_steps(busy_world(), lie)
    assert len(found) == 1
    assert lie.told is not None
    assert lie.told.batch >= 1


@pytest.mark.parametrize("name", LIES)
def test_without_an_occasion_the_history_stays_honest(name: str) -> None:
    world = World()
    world.clock()
    world.seal()
    lie = make_lie(name, THIEF, after_batch=1)
    found, machine = wrong_steps(world, lie)
    assert not found
    assert lie.told is None
    assert machine.state.hash() == world.state.hash()


@pytest.mark.parametrize("name", CONSERVING)
def test_a_conserving_lie_keeps_what_is_owed(name: str) -> None:
    _, machine = wrong_steps(busy_world(), make_lie(name, THIEF))
    assert total_units(machine.state) == machine.state.registers.deposited_units == 3 * 10**12 + 500


def test_minting_owes_more_than_was_deposited() -> None:
    world = busy_world()
    _, machine = wrong_steps(world, make_lie("mint-deposit", THIEF))
    assert total_units(machine.state) == machine.state.registers.deposited_units
    assert total_units(machine.state) == total_units(world.state) + 10**12


def test_a_stolen_withdrawal_pays_the_thief() -> None:
    _, machine = wrong_steps(busy_world(), make_lie("steal-withdrawal", THIEF))
    state = machine.state
    assert outbox_recipient(state.outbox.words, state.outbox.known(0)) == THIEF


def test_an_unknown_lie_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(BadInput) as caught:
        make_lie("white", THIEF)
    assert "random-root" in caught.value.hint


def test_the_rogue_lists_every_lie_and_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        rogue(["--help"])
    lines = capsys.readouterr().out.splitlines()
    for name, lie in LIES.items():
        assert f"  {name}: {lie.description}" in lines


def test_the_rogue_refuses_an_unknown_lie(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        rogue(["--lie", "white", "--key-file", "k"])
    assert caught.value.code == BadInput.exit_code
    assert "random-root" in capsys.readouterr().err
