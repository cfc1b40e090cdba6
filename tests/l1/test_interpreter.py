"""Plain instructions that are run many at a time do what py-evm does with one after the other, whatever the code."""

from __future__ import annotations

from typing import Any

import pytest
from eth.vm import opcode_values as op
from eth.vm.forks.prague.state import PragueState
from hypothesis import given
from hypothesis import strategies as some

from tallystick.l1.dev.evm import BlockContext, Call, Evm, Outcome
from tallystick.l1.dev.interpreter import PLAIN, STACK_MOST, State
from tallystick.state.ordinals import UnixSeconds
from tallystick.testing.world import address

HERE, CALLER = address("code"), address("caller")
CONTEXT = BlockContext(
    chain_id=1,
    number=7,
    timestamp=UnixSeconds(7),
    base_fee_wei=0,
    gas_limit=10**8,
    coinbase=bytes(20),
    randomness=bytes(32),
    previous_hashes=(),
)
GAS = 60_000
OF_TWO = sorted(code for code, (_, takes, gives) in PLAIN.items() if takes == 2 and gives == 1)
OF_ONE = (op.ISZERO, op.NOT)
RETURN_MEMORY = bytes([op.MSIZE, op.PUSH0, op.RETURN])
OTHERS = (
    *(op.SHA3, op.GAS, op.SLOAD, op.SSTORE, op.MSIZE, op.PC, op.ADDRESS, op.CALLDATASIZE, op.CALLDATACOPY, op.MSTORE8),
    *(op.ADDMOD, op.SDIV, op.SIGNEXTEND, op.LOG0, op.STATICCALL, op.RETURN, op.REVERT, op.STOP, 0x0C),
)
"""What is left to py-evm, and one instruction that there is not."""
WORDS = some.one_of(
    some.integers(0, 300),
    some.integers((1 << 255) - 2, (1 << 255) + 2),
    some.integers((1 << 256) - 70, (1 << 256) - 1),
    some.integers(0, (1 << 256) - 1),
)


def push(word: int, size: int = 32) -> bytes:
    return bytes([op.PUSH0 + size]) + word.to_bytes(size, "big")


def run(rules: Any, code: bytes, data: bytes, gas: int) -> Outcome:
    evm = Evm(rules)
    state = evm.open(evm.genesis_root({CALLER: 10**18}), None)
    state.set_code(HERE, code)
    state.persist()
    call = Call(sender=CALLER, to=HERE, data=data, value_wei=0, gas=gas)
    return evm.call(bytes(state.state_root), CONTEXT, call)


def same(code: bytes, data: bytes = b"", gas: int = GAS) -> Outcome:
    """Check that both do the same, down to the kind of a fault, and return it."""
    (plain, one_by_one) = (run(rules, code, data, gas) for rules in (State, PragueState))
    assert (plain.gas_used, plain.gas_refunded) == (one_by_one.gas_used, one_by_one.gas_refunded)
    assert (plain.output, plain.logs) == (one_by_one.output, one_by_one.logs)
    assert (plain.error or "").partition(":")[0] == (one_by_one.error or "").partition(":")[0]
    return plain


@given(top=WORDS, below=WORDS)
def test_every_plain_operation_on_words_gives_what_it_gives_there(top: int, below: int) -> None:
    code = b""
    for place, operation in enumerate(OF_TWO):
        code += push(below) + push(top) + bytes([operation]) + push(32 * place, 2) + bytes([op.MSTORE])
    for place, operation in enumerate(OF_ONE, len(OF_TWO)):
        code += push(top) + bytes([operation]) + push(32 * place, 2) + bytes([op.MSTORE])
    assert len(same(code + RETURN_MEMORY).output) == 32 * (len(OF_TWO) + len(OF_ONE))


INSTRUCTIONS = some.one_of(
    some.sampled_from(sorted(PLAIN)).map(lambda each: bytes([each])),
    some.integers(0, 200).map(lambda word: push(word, 1)),
    WORDS.map(push),
    some.integers(op.DUP1, op.DUP1 + 5).map(lambda each: bytes([each])),
    some.integers(op.SWAP1, op.SWAP1 + 5).map(lambda each: bytes([each])),
    some.integers(0, 200).map(lambda place: push(place, 1) + bytes([op.JUMP])),
    some.integers(0, 200).map(lambda place: push(place, 1) + bytes([op.JUMPI])),
    some.sampled_from(OTHERS).map(lambda each: bytes([each])),
)


@given(
    start=some.lists(WORDS, max_size=8),
    body=some.lists(INSTRUCTIONS, max_size=40),
    data=some.binary(max_size=70),
    gas=some.integers(25_000, 70_000),
)
def test_any_code_ends_as_it_ends_there(start: list[int], body: list[bytes], data: bytes, gas: int) -> None:
    same(b"".join(map(push, start)) + b"".join(body) + RETURN_MEMORY, data, gas)


LOOP = push(3, 1) + bytes([op.JUMPDEST, op.PUSH1, 1, op.SWAP1, op.SUB, op.DUP1, op.PUSH1, 2, op.JUMPI, op.STOP])


def test_too_little_gas_ends_a_loop_where_it_ends_there() -> None:
    for gas in range(21_000, 21_110):
        assert (same(LOOP, gas=gas).error is None) == (gas >= 21_003 + 3 * 26)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (bytes([op.PUSH0]) * STACK_MOST, ""),
        (bytes([op.PUSH0]) * (STACK_MOST + 1), "full stack"),
        (push(1, 1) + bytes([op.ADD]), "insufficient stack"),
        (bytes([op.POP]), "insufficient stack"),
        (bytes([op.JUMP]), "insufficient stack"),
        (push(1, 1) + bytes([op.JUMPI]), "insufficient stack"),
        (push(3, 1) + bytes([op.JUMP, op.STOP]), "invalid jump destination"),
        (push(4, 1) + bytes([op.JUMP, op.PUSH1, op.JUMPDEST]), "invalid instruction"),
        (push(1 << 200) + bytes([op.JUMP]), "invalid jump destination"),
        (push(0) + push(1 << 200) + bytes([op.MSTORE]), "out of gas"),
        (push(1 << 200) + bytes([op.MLOAD]), "out of gas"),
        (push((1 << 256) - 1) + bytes([op.CALLDATALOAD]) + RETURN_MEMORY, ""),
        (bytes([op.PUSH0 + 32, 1]), ""),
        (push(0) + push(1 << 200) + bytes([op.JUMPI]), ""),
    ],
)
def test_what_goes_wrong_goes_wrong_as_it_does_there(code: bytes, fault: str) -> None:
    assert (same(code).error or "").startswith(fault)
