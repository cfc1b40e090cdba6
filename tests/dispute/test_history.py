"""The tree over a trace, against a slow and obvious one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eth_hash.auto import keccak as reference
from hypothesis import given
from hypothesis import strategies as st

from tallystick.dispute.trace_tree import History, Trace
from tallystick.errors import StateError
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.schema.names import Phase
from tallystick.state.quantities import Units
from tallystick.testing.world import World

HEIGHT = 20


def hash_of(*parts: bytes) -> bytes:
    return bytes(reference(b"".join(parts)))


def slow_nodes(states: list[bytes], height: int) -> dict[tuple[int, int], bytes]:
    """Every node of the whole tree, padding included."""
    padded = (states[1:] + [states[-1]] * 2**height)[: 2**height]
    nodes = {(0, i): hash_of(b"\0", state) for i, state in enumerate(padded)}
    for h in range(1, height + 1):
        for i in range(2 ** (height - h)):
            nodes[h, i] = hash_of(nodes[h - 1, 2 * i], nodes[h - 1, 2 * i + 1])
    return nodes


def made_up(count: int) -> list[bytes]:
    return [hash_of(b"state", i.to_bytes(4, "big")) for i in range(count)]


@given(height=st.integers(1, 5), data=st.data())
def test_every_node_is_that_of_the_whole_tree(height: int, data: st.DataObject) -> None:
    states = made_up(data.draw(st.integers(1, 2**height + 1)))
    nodes = slow_nodes(states, height)
    trace = Trace(states, height)
    assert all(trace.span(*at) == expected for at, expected in nodes.items())


@given(height=st.integers(1, 5), data=st.data())
def test_the_last_leaf_is_proven_by_exactly_one_sibling_a_level(height: int, data: st.DataObject) -> None:
    trace = Trace(made_up(data.draw(st.integers(1, 2**height + 1))), height)
    node = hash_of(b"\0", trace.last_state)
    for sibling in trace.last_leaf_siblings():
        node = hash_of(sibling, node)
    assert node == trace.span(height, 0)
    assert len(trace.last_leaf_siblings()) == height


@given(height=st.integers(1, 5), data=st.data())
def test_a_leafs_prefix_leads_to_the_base_that_bisection_gives_it(height: int, data: st.DataObject) -> None:
    states = made_up(data.draw(st.integers(1, 2**height + 1)))
    index = data.draw(st.integers(0, 2**height - 1))
    nodes = slow_nodes(states, height)
    base = hash_of(b"\0", states[0])
    for h in range(height - 1, -1, -1):
        if index >> h & 1:
            base = hash_of(base, nodes[h, (index >> h) - 1])
    trace = Trace(states, height)
    assert trace.base(0, index) == base

    prefix = trace.prefix(index)
    node = hash_of(b"\0", prefix.pre)
    for sibling in prefix.siblings:
        node = hash_of(sibling, node)
    assert (hash_of(prefix.base_prev, node) if index else node) == base
    assert len(prefix.siblings) == (len(bin(index)) - len(bin(index).rstrip("0")) if index else 0)


def test_a_bare_trace_proves_nothing() -> None:
    with pytest.raises(StateError):
        Trace(made_up(3), 2).prove(0)


@pytest.fixture(scope="module")
def world() -> World:
    made = World()
    made.clock()
    made.list_market(0)
    made.report(0, 618_000)
    made.deposit("alice", 1, 10**12)
    made.seal()
    return made


def states_one_by_one(world: World) -> list[bytes]:
    machine = world.fresh()
    states = [machine.state.hash()]
    while not engine.halted(machine):
        engine.step(machine)
        states.append(machine.state.hash())
    return states


def test_a_history_holds_the_state_after_each_step_and_stands_still_at_the_end(world: World) -> None:
    machine = world.fresh()
    history = History(machine.state, machine.inputs, height=HEIGHT)
    assert history.states == states_one_by_one(world)
    assert history.last_state == world.state.hash()
    assert machine.state.hash() == history.states[0], "the start is left as it was"
    last = 2**HEIGHT - 1
    assert history.span(0, last) == hash_of(b"\0", history.last_state)


def test_a_trace_longer_than_the_tree_ends_with_the_tree(world: World) -> None:
    machine = world.fresh()
    history = History(machine.state, machine.inputs, height=3)
    assert history.states == states_one_by_one(world)[:9]


@pytest.mark.parametrize("index", [0, 1, 6, 2 ** (HEIGHT - 1), 2**HEIGHT - 1])
def test_a_proof_starts_from_the_state_before_its_leaf(world: World, index: int) -> None:
    machine = world.fresh()
    history = History(machine.state, machine.inputs, height=HEIGHT)
    proof = history.prove(index)
    assert proof.pre == proof.step.pre_hash == history.prefix(index).pre
    assert hash_of(b"\0", proof.step.post_hash) == history.span(0, index)


def tampered(at: int) -> Callable[[Machine], None]:
    """A step function that is wrong once: it adds a fee at step number `at`."""
    done = [0]

    def step(machine: Machine) -> None:
        engine.step(machine)
        if done[0] == at:
            machine.state.registers.fees_units = Units(machine.state.registers.fees_units + 1)
        done[0] += 1

    return step


def test_a_liars_step_makes_a_liars_history_from_that_step_on(world: World) -> None:
    machine = world.fresh()
    honest = History(machine.state, machine.inputs, height=HEIGHT)
    liar = History(machine.state, machine.inputs, height=HEIGHT, step=tampered(4))
    assert liar.states[:5] == honest.states[:5]
    assert liar.states[5] != honest.states[5]
    assert liar.prove(4).step.phase in set(map(int, Phase))
    assert liar.prove(4).step.post_hash == honest.states[5], "the proof is the machine's own, whoever makes it"
