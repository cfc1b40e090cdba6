"""Contract code that runs its plain instructions itself, a run of them at a time; py-evm has all others.

py-evm spends some microseconds on every instruction, whatever it does: nine in ten of them push, copy, swap, add,
compare, jump, or touch memory, and can do nothing but change the stack. They are decoded once for all frames with the
same code. A run's gas and the room it takes on the stack are counted before it begins; where either is short, or a jump
leads nowhere, py-evm gets the instructions one by one, so that whatever goes wrong goes wrong there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from eth.vm import opcode_values as op
from eth.vm.code_stream import CodeStream
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from eth.vm.forks.prague.state import PragueState
from eth.vm.memory import Memory

WORD: Final = 32
MASK: Final = (1 << 256) - 1
SIGN: Final = 1 << 255
STACK_MOST: Final = 1_024
RUN_MOST: Final = 64
"""Instructions of a run: where a long one may not be run, each of its instructions begins another one."""
CODES_KEPT: Final = 256
"""Different codes: some forty contracts of a deployment, and what creates them."""

Instruction = Callable[[list[int], "Computation"], None]
Plain = tuple[Instruction, int, int]
"""What an instruction does, how many words it takes from the stack, and how many it gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Plain instructions without a jump among them: what they do to the stack of a frame, and where the next one is.

    Shape: `gas` without that of growing memory; `needs` and `grows` are what the stack must have and may gain meanwhile;
    `cut` is whether it goes on behind the `end`.
    """

    steps: tuple[Instruction, ...]
    gas: int
    needs: int
    grows: int
    end: int
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A code, where one may jump to in it, and the runs that were met so far, by their first instruction."""

    code: bytes
    targets: frozenset[int]
    runs: dict[int, Run] = field(default_factory=dict[int, Run])

    def run(self, first: int) -> Run:
        """Return the run from an instruction on; empty where that is none of the plain ones."""
        found = self.runs.get(first)
        if found is None:
            found = self.runs[first] = _decode(self.code, first)
        return found


class RunningCode(CodeStream):  # type: ignore[misc]  # py-evm says nothing of its types
    """What py-evm asks for the next instruction: it is told of those only that it has to do."""

    program_counter: int

    def __init__(self, code: bytes, frame: Computation, stack: list[Any]) -> None:
        super().__init__(code)
        self._frame = frame
        self._stack = stack

    def __iter__(self) -> Iterator[int]:
        """Do what is plain, and give everything else."""
        program = program_of(self._raw_code_bytes)
        code, targets, size = program.code, program.targets, len(program.code)
        frame, stack = self._frame, self._stack
        meter = frame.get_gas_meter()
        while True:
            at = self.program_counter
            run = program.run(at)
            height = len(stack)
            if run.needs <= height and height + run.grows <= STACK_MOST and run.gas <= meter.gas_remaining:
                meter.gas_remaining -= run.gas
                for step in run.steps:
                    step(stack, frame)
                self.program_counter = at = run.end
                if run.cut:
                    continue
            instruction = code[at] if at < size else op.STOP
            if instruction == op.JUMP and stack and stack[-1] in targets and meter.gas_remaining >= JUMP_GAS:
                meter.gas_remaining -= JUMP_GAS
                self.program_counter = stack.pop()
                continue
            is_branch = instruction == op.JUMPI and len(stack) > 1 and meter.gas_remaining >= JUMPI_GAS
            if is_branch and (not stack[-2] or stack[-1] in targets):
                meter.gas_remaining -= JUMPI_GAS
                target = stack.pop()
                self.program_counter = target if stack.pop() else at + 1
                continue
            self.program_counter = at + 1
            yield instruction
            if stack and isinstance(stack[-1], bytes):
                stack[-1] = int.from_bytes(stack[-1], "big")


class Words(Memory):  # type: ignore[misc]  # py-evm says nothing of its types
    """py-evm's memory, read and written by the word."""

    def load(self, at: int) -> int:
        """Return the word at a place that there is."""
        return int.from_bytes(self._bytes[at : at + WORD], "big")

    def store(self, at: int, word: int) -> None:
        """Write a word at a place that there is."""
        self._bytes[at : at + WORD] = word.to_bytes(WORD, "big")


class Computation(PragueComputation):  # type: ignore[misc]  # py-evm says nothing of its types
    """py-evm's frame, with such code."""

    words: Words
    code: Any

    def __init__(self, state: Any, message: Any, transaction_context: Any) -> None:
        super().__init__(state, message, transaction_context)
        self.words = Words()
        self._memory = self.words
        stack: Any = self._stack
        self.code = RunningCode(message.code, self, stack.values)

    def reach(self, at: int) -> Words:
        """Return the memory with a word at a place, grown and paid for."""
        if at + WORD > len(self.words):
            self.extend_memory(at, WORD)
        return self.words


class State(PragueState):  # type: ignore[misc]  # py-evm says nothing of its types
    """py-evm's, with such frames."""

    computation_class = Computation


@lru_cache(CODES_KEPT)
def program_of(code: bytes) -> Program:
    """Return a code with its jump targets: every JUMPDEST that is not part of a number that is pushed."""
    targets: set[int] = set()
    at = 0
    while at < len(code):
        if code[at] == op.JUMPDEST:
            targets.add(at)
        at += 1 + _pushed(code[at])
    return Program(code=code, targets=frozenset(targets))


def _pushed(instruction: int) -> int:
    """Return how many bytes behind an instruction belong to it."""
    return instruction - op.PUSH0 if op.PUSH0 < instruction <= op.PUSH32 else 0


def _gas(instruction: int) -> int:
    """Return what an instruction costs at the least, as py-evm has it."""
    known: Any = PRAGUE_OPCODES[instruction]
    return int(known.gas_cost)


def _decode(code: bytes, first: int) -> Run:
    steps: list[Instruction] = []
    gas = height = lowest = highest = 0
    at = first
    while at < len(code) and len(steps) < RUN_MOST:
        plain = _plain(code, at)
        if plain is None:
            break
        step, takes, gives = plain
        gas += _gas(code[at])
        lowest = min(lowest, height - takes)
        height += gives - takes
        highest = max(highest, height)
        steps.append(step)
        at += 1 + _pushed(code[at])
    return Run(steps=tuple(steps), gas=gas, needs=-lowest, grows=highest, end=at, cut=len(steps) == RUN_MOST)


# The plain instructions


def _plain(code: bytes, at: int) -> Plain | None:
    """Return what is to be done at a place, None where that is py-evm's."""
    instruction = code[at]
    if op.PUSH0 <= instruction <= op.PUSH32:
        size = _pushed(instruction)
        return _push(int.from_bytes(code[at + 1 : at + 1 + size].ljust(size, b"\0"), "big"))
    if op.DUP1 <= instruction <= op.DUP16:
        return _dup(instruction - op.DUP1 + 1)
    if op.SWAP1 <= instruction <= op.SWAP16:
        return _swap(instruction - op.SWAP1 + 2)
    return PLAIN.get(instruction)


def _push(number: int) -> Plain:
    return (lambda stack, _frame: stack.append(number)), 0, 1


def _dup(depth: int) -> Plain:
    return (lambda stack, _frame: stack.append(stack[-depth])), depth, depth + 1


def _swap(depth: int) -> Plain:
    def step(stack: list[int], _frame: Computation) -> None:
        stack[-1], stack[-depth] = stack[-depth], stack[-1]

    return step, depth, depth


def _pop(stack: list[int], _frame: Computation) -> None:
    stack.pop()


def _nothing(_stack: list[int], _frame: Computation) -> None:
    """JUMPDEST."""


def _load(stack: list[int], frame: Computation) -> None:
    stack[-1] = frame.reach(stack[-1]).load(stack[-1])


def _store(stack: list[int], frame: Computation) -> None:
    at = stack.pop()
    frame.reach(at).store(at, stack.pop())


def _call_data(stack: list[int], frame: Computation) -> None:
    data = frame.msg.data_as_bytes
    stack[-1] = int.from_bytes(data[stack[-1] : stack[-1] + WORD].ljust(WORD, b"\0"), "big")


def _of_one(result: Callable[[int], int]) -> Plain:
    def step(stack: list[int], _frame: Computation) -> None:
        stack[-1] = result(stack[-1])

    return step, 1, 1


def _of_two(result: Callable[[int, int], int]) -> Plain:
    def step(stack: list[int], _frame: Computation) -> None:
        top = stack.pop()
        stack[-1] = result(top, stack[-1])

    return step, 2, 1


def _signed(word: int) -> int:
    return word - ((word & SIGN) << 1)


JUMP_GAS: Final = _gas(op.JUMP)
JUMPI_GAS: Final = _gas(op.JUMPI)
PLAIN: Final[dict[int, Plain]] = {
    op.ADD: _of_two(lambda a, b: (a + b) & MASK),
    op.MUL: _of_two(lambda a, b: (a * b) & MASK),
    op.SUB: _of_two(lambda a, b: (a - b) & MASK),
    op.DIV: _of_two(lambda a, b: a // b if b else 0),
    op.MOD: _of_two(lambda a, b: a % b if b else 0),
    op.LT: _of_two(lambda a, b: 1 if a < b else 0),
    op.GT: _of_two(lambda a, b: 1 if a > b else 0),
    op.SLT: _of_two(lambda a, b: 1 if _signed(a) < _signed(b) else 0),
    op.SGT: _of_two(lambda a, b: 1 if _signed(a) > _signed(b) else 0),
    op.EQ: _of_two(lambda a, b: 1 if a == b else 0),
    op.ISZERO: _of_one(lambda a: 0 if a else 1),
    op.AND: _of_two(lambda a, b: a & b),
    op.OR: _of_two(lambda a, b: a | b),
    op.XOR: _of_two(lambda a, b: a ^ b),
    op.NOT: _of_one(lambda a: MASK ^ a),
    op.BYTE: _of_two(lambda at, b: (b >> 8 * (WORD - 1 - at)) & 0xFF if at < WORD else 0),
    op.SHL: _of_two(lambda bits, b: (b << bits) & MASK if bits < 256 else 0),
    op.SHR: _of_two(lambda bits, b: b >> bits if bits < 256 else 0),
    op.SAR: _of_two(lambda bits, b: (_signed(b) >> min(bits, 256)) & MASK),
    op.POP: (_pop, 1, 0),
    op.JUMPDEST: (_nothing, 0, 0),
    op.MLOAD: (_load, 1, 1),
    op.MSTORE: (_store, 2, 0),
    op.CALLDATALOAD: (_call_data, 1, 1),
}
