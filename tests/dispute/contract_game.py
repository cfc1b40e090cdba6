"""The game of `rules` played by the compiled Challenge, for trees of small heights, in an EVM in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from eth_abi.abi import encode

from tallystick.dispute.history import Prefix, leaf
from tallystick.dispute.moves import call_for
from tallystick.dispute.player import Bisect, Decide, Move, Opening, OpenRoot, Update
from tallystick.dispute.rules import Game, GameEvent, Rule
from tallystick.dispute.view import ChallengeView, Edge, children
from tallystick.errors import BadInput
from tallystick.l1.abi import ContractAbi, contract_abi
from tallystick.testing.evms import CALLER, PyEvm

SMALL = json.loads(Path(__file__).with_name("Small.json").read_text())
PARENT = b"\x70" * 32
LIMIT = 1
BOND_WEI = 1_000
GRACE_BLOCKS = 5
RICHES_WEI = 10**30
GAS = 10_000_000

Log = tuple[tuple[bytes, ...], bytes]


class Chain(Protocol):
    """An EVM that keeps what transactions did."""

    def deploy(self, code: bytes) -> bytes:
        """Run init code and return the address of what it made."""
        ...

    def transact(self, to: bytes, data: bytes, value_wei: int, block: int) -> list[Log]:
        """Call a contract in a block and return what it logged.

        Raises: BadInput when it reverts.
        """
        ...


class RevmChain:
    """pyrevm's EVM."""

    def __init__(self) -> None:
        import pyrevm

        self._block: Callable[[int], Any] = lambda number: pyrevm.BlockEnv(number=number, gas_limit=1 << 40)
        self._evm: Any = pyrevm.EVM(spec_id="CANCUN", gas_limit=GAS, env=pyrevm.Env(block=self._block(0)))
        self._evm.set_balance(_hex(CALLER), RICHES_WEI)

    def deploy(self, code: bytes) -> bytes:
        """Run init code and return the address of what it made."""
        return bytes.fromhex(self._evm.deploy(_hex(CALLER), code)[2:])

    def transact(self, to: bytes, data: bytes, value_wei: int, block: int) -> list[Log]:
        """Call a contract in a block and return what it logged."""
        self._evm.set_block_env(self._block(block))
        try:
            self._evm.message_call(_hex(CALLER), _hex(to), calldata=data, value=value_wei, gas=GAS)
        except RuntimeError as error:
            raise BadInput(str(error)) from error
        return [(tuple(_bytes(topic) for topic in log.topics), _data(log)) for log in self._evm.result.logs]


class PyEvmChain:
    """py-evm's EVM: slower, and there on every Python."""

    def __init__(self) -> None:
        self._evm = PyEvm()
        self._state: Any = self._evm._state
        self._state.set_balance(CALLER, RICHES_WEI)

    def deploy(self, code: bytes) -> bytes:
        """Run init code and return the address of what it made."""
        return self._evm.deploy(code)

    def transact(self, to: bytes, data: bytes, value_wei: int, block: int) -> list[Log]:
        """Call a contract in a block and return what it logged."""
        self._state.execution_context._block_number = block
        done = self._evm._run(
            origin=CALLER,
            sender=CALLER,
            to=to,
            gas_price=0,
            gas=GAS,
            value=value_wei,
            data=data,
            code=self._state.get_code(to),
        )
        if done.is_error:
            raise BadInput(repr(done.error))
        self._state.lock_changes()
        return [
            (tuple(topic.to_bytes(32, "big") for topic in topics), log) for _, topics, log in done.get_log_entries()
        ]


def fastest_chain() -> Callable[[], Chain]:
    """Return the fastest EVM there is for this Python."""
    return RevmChain if find_spec("pyrevm") else PyEvmChain


class ContractGame:
    """A `Game` whose every move is a transaction to the Challenge; moves it refuses raise BadInput.

    `variant` names the compiled contract. `head_starts` are the assertions there are; `ends` are their last states.
    """

    def __init__(
        self,
        *,
        height: int,
        start: bytes,
        period: int,
        head_starts: dict[bytes, int],
        ends: dict[bytes, bytes],
        variant: str = "",
        dropped: frozenset[Rule] = frozenset(),
        make_chain: Callable[[], Chain] | None = None,
    ) -> None:
        self.height, self.start, self.block = height, start, 0
        self.view: ChallengeView = _View(broken=Rule.RIGHT_BASE in dropped)
        self.winner = b""
        self._chain = (make_chain or fastest_chain())()
        self._names = {_id(name): name for name in head_starts}
        model = SMALL["model"]
        self._children = self._chain.deploy(bytes.fromhex(model["Children"]["bytecode"]))
        referee = self._chain.deploy(bytes.fromhex(model["HashReferee"]["bytecode"]))
        code = bytes.fromhex(SMALL["challenges"][variant or f"height_{height}"])
        self._challenge = self._chain.deploy(code + _constructor(self._children, referee, period))
        self._setup("setParent", PARENT, start)
        for name, blocks in head_starts.items():
            self._setup("add", _id(name), PARENT, ends[name], blocks)

    def open_root(self, assertion: bytes, state: bytes, span: bytes, siblings: tuple[bytes, ...], start: bytes) -> None:
        """Commit an assertion to a tree. The contract knows the first state and the last one itself."""
        move = OpenRoot(parent=PARENT, assertion=_id(assertion), limit=LIMIT, span=span, siblings=siblings)
        self._make(move, BOND_WEI)

    def bisect(self, edge: Edge, left: bytes, right: bytes) -> None:
        """Open an edge into its children."""
        self._make(Bisect(edge=edge, left=left, right=right))

    def prove(self, edge: Edge, prefix: Prefix) -> None:
        """Run an edge's one step."""
        fields = {"dispute": edge.dispute, "height": edge.height, "index": edge.index, "base": edge.base}
        arguments = (fields | {"span": edge.span}, prefix.pre, prefix.base_prev, list(prefix.siblings), b"")
        self._send(contract_abi("Challenge").encode_call("prove", *arguments))

    def update(self, openings: tuple[Opening, ...]) -> None:
        """Bring totals up to date in the order given."""
        self._make(Update(openings=openings))

    def confirm(self, root: Edge, openings: tuple[Opening, ...] = ()) -> None:
        """Decide the dispute for a root."""
        self._make(Decide(root=root, openings=openings))

    def _make(self, move: Move, value_wei: int = 0) -> None:
        call = call_for(move, value_wei)
        self._send(contract_abi("Challenge").encode_call(call.function, *call.arguments), value_wei)

    def _send(self, data: bytes, value_wei: int = 0) -> None:
        for topics, log in self._chain.transact(self._challenge, data, value_wei, self.block):
            event = contract_abi("Challenge").decode_event(topics, log)
            if event is None:
                continue
            args = dict(event.args)
            if "assertion" in args:
                args["assertion"] = self._names[args["assertion"]]
            if event.name == "DisputeOpened":
                args["parent"] = b""
            if event.name == "RootConfirmed":
                self.winner = args["assertion"]
            self.view.apply(GameEvent(contract="Challenge", name=event.name, args=args, block=self.block))

    def _setup(self, function: str, *arguments: Any) -> None:
        self._chain.transact(self._children, _model_abi("Children").encode_call(function, *arguments), 0, 0)


class TwinGame:
    """The same moves in the Python rules and in the contract, which must take and refuse the same ones.

    What players see are the contract's events.
    """

    def __init__(self, contract: ContractGame, rules: Game) -> None:
        self.contract, self.rules = contract, rules
        self.compared = 0

    @property
    def block(self) -> int:
        """The block in which moves are made."""
        return self.contract.block

    @block.setter
    def block(self, number: int) -> None:
        self.contract.block = self.rules.block = number

    @property
    def view(self) -> ChallengeView:
        """What the contract's events show."""
        return self.contract.view

    @property
    def winner(self) -> bytes:
        """Who has won, in both."""
        assert self.contract.winner == self.rules.winner
        return self.contract.winner

    def open_root(self, assertion: bytes, state: bytes, span: bytes, siblings: tuple[bytes, ...], start: bytes) -> None:
        """Commit an assertion to a tree."""
        arguments = (assertion, state, span, siblings, start)
        self._both(lambda: self.contract.open_root(*arguments), lambda: self.rules.open_root(*arguments))

    def bisect(self, edge: Edge, left: bytes, right: bytes) -> None:
        """Open an edge into its children."""
        self._both(lambda: self.contract.bisect(edge, left, right), lambda: self.rules.bisect(_own(edge), left, right))

    def prove(self, edge: Edge, prefix: Prefix) -> None:
        """Run an edge's one step."""
        self._both(lambda: self.contract.prove(edge, prefix), lambda: self.rules.prove(_own(edge), prefix))

    def update(self, openings: tuple[Opening, ...]) -> None:
        """Bring totals up to date in the order given."""
        self._both(lambda: self.contract.update(openings), lambda: self.rules.update(_owned(openings)))

    def confirm(self, root: Edge, openings: tuple[Opening, ...] = ()) -> None:
        """Decide the dispute for a root."""
        self._both(
            lambda: self.contract.confirm(root, openings), lambda: self.rules.confirm(_own(root), _owned(openings))
        )

    def _both(self, contract: Callable[[], None], rules: Callable[[], object]) -> None:
        self.compared += 1
        refused, missed = _refusal(contract), _refusal(rules)
        assert bool(refused) == bool(missed), f"the contract: {refused or 'takes it'}; the rules: {missed or 'take it'}"
        if missed:
            raise BadInput(missed)


class _View(ChallengeView):
    """What a contract's events show, whose rule for right children may be dropped."""

    def __init__(self, *, broken: bool) -> None:
        super().__init__()
        self._broken = broken

    def children(self, edge: Edge, left: bytes, right: bytes) -> tuple[Edge, Edge]:
        """Return an edge's two children."""
        first, second = children(edge, left, right)
        return first, replace(second, base=edge.base) if self._broken else second


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeFacts:
    """What both sides must know of an edge, whatever the dispute is called."""

    height: int
    index: int
    base: bytes
    span: bytes
    created: int
    bisected: bool
    proven: bool
    rivalled: bool


def facts_of(view: ChallengeView) -> set[EdgeFacts]:
    """Return what a view knows of its edges."""
    return {
        EdgeFacts(
            height=each.edge.height,
            index=each.edge.index,
            base=each.edge.base,
            span=each.edge.span,
            created=each.created,
            bisected=each.children is not None,
            proven=each.proven,
            rivalled=view.is_rivalled(each.edge),
        )
        for each in view.edges.values()
    }


def _refusal(move: Callable[[], object]) -> str:
    try:
        move()
    except BadInput as error:
        return str(error) or "refused"
    return ""


def _own(edge: Edge) -> Edge:
    return replace(edge, dispute=bytes(32))


def _owned(openings: tuple[Opening, ...]) -> tuple[Opening, ...]:
    return tuple(replace(each, edge=_own(each.edge)) for each in openings)


def _id(name: bytes) -> bytes:
    return leaf(name)


def _constructor(rollup: bytes, referee: bytes, period: int) -> bytes:
    config = (period, GRACE_BLOCKS, BOND_WEI, 1, 1, 1, bytes(20))
    arguments: bytes = encode(
        ["address", "address", "(uint40,uint40,uint256,uint256,uint256,uint256,address)"], [rollup, referee, config]
    )
    return arguments


@cache
def _model_abi(name: str) -> ContractAbi:
    return ContractAbi(name, SMALL["model"][name]["abi"])


def _hex(address: bytes) -> str:
    return "0x" + address.hex()


def _bytes(topic: Any) -> bytes:
    return bytes.fromhex(topic.removeprefix("0x")) if isinstance(topic, str) else bytes(topic)


def _data(log: Any) -> bytes:
    data = log.data
    return bytes(data[1]) if isinstance(data, tuple) else bytes(data)
