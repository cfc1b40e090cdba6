"""The compiled Rollup and Challenge beside the Python rules: every call is made in both, which must take and refuse the
same ones, log the same events and owe the same money.

`node tests/dispute/compile.js` compiles `contracts.json`: a Challenge for trees of any height, and the counting machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from eth_abi.abi import encode

from tallystick import artifacts
from tallystick.dispute.trace_tree import Prefix
from tallystick.errors import BadInput, DataMismatch
from tallystick.l1.abi import ContractAbi, contract_abi
from tallystick.rollup.views.assertion_view import Status
from tallystick.state.hashing import keccak
from tallystick.testing.generations.counting import Machine
from tallystick.testing.generations.evm_chain import EvmChain, Log, fastest_chain
from tallystick.testing.generations.honest import HONEST
from tallystick.testing.generations.words import ADDRESSES, Words
from tallystick.testing.protocol.challenge_rules import ChallengeRules, Edge, Opening
from tallystick.testing.protocol.protocol import ProtocolRules, Resolution, opening
from tallystick.testing.protocol.protocol_rules import Ground
from tallystick.testing.protocol.rollup_rules import Posted, RollupRules

COMPILED: Final = json.loads(Path(__file__).with_name("contracts.json").read_text(encoding="utf-8"))
CHAIN_ID: Final = 1
STATUS: Final = {Status.PENDING: 1, Status.CONFIRMED: 2, Status.REJECTED: 3}
"""As in IRollup."""
NOT_MODELLED: Final = {"Credited", "CreditWithdrawn"}
"""Events that say nothing which the others do not."""


class Parameter(NamedTuple):
    """One of an event's: its name, its type, and whether it is a topic."""

    name: str
    type: str
    indexed: bool


Event = tuple[str, dict[str, Any]]
Encoded = tuple[str, bytes, int]
"""A contract, calldata, and the wei it carries."""


class Twin:
    """A match's rules in both languages. `code` is init code that takes the place of a contract's, by its name."""

    def __init__(
        self,
        ground: Ground,
        genesis_state: bytes,
        machine: Machine,
        *,
        code: Mapping[str, bytes] | None = None,
        make_chain: Callable[[Iterable[bytes]], EvmChain] | None = None,
    ) -> None:
        self.machine = machine
        self.rules = ProtocolRules(ground, genesis_state)
        self.compared = 0
        self._told: list[Event] = []
        self._batches = 0
        self._chain = (make_chain or fastest_chain())(ADDRESSES.values())
        self.addresses, config_hash = self._deploy(dict(code or {}))
        self.words = Words(self.rules.rollup, machine, config_hash)
        ground.tell = self._hear

    @property
    def ground(self) -> Ground:
        """Block, batches and terms."""
        return self.rules.ground

    @property
    def rollup(self) -> RollupRules:
        """The assertions, as the Python rules have them."""
        return self.rules.rollup

    @property
    def challenge(self) -> ChallengeRules:
        """The disputes, as the Python rules have them."""
        return self.rules.challenge

    def make(self, who: str, name: str, *arguments: object) -> object:
        """Make a call in both.

        Raises: BadInput when both refuse it; DataMismatch when they do not agree.
        """
        encoded = getattr(self, f"_encode_{name}")(*arguments)
        return self.both(who, name, encoded, lambda: self.rules.make(who, name, *arguments))

    def both(self, who: str, name: str, encoded: Encoded, make: Callable[[], object]) -> object:
        """Make a call under the Python rules by `make`, and in the contract as it is encoded.

        Raises: BadInput when both refuse it; DataMismatch when they do not agree.
        """
        self.compared += 1
        contract, data, value_wei = encoded
        self._told.clear()
        refused, result = "", None
        try:
            result = make()
        except BadInput as error:
            refused = str(error)
        try:
            logs = self._transact(who, contract, data, value_wei)
        except BadInput as error:
            if not refused:
                raise DataMismatch("only the contract refuses", call=name, why=str(error)) from error
            raise BadInput(refused) from error
        if refused:
            raise DataMismatch("only the Python rules refuse", call=name, why=refused)
        self._compare(name, logs)
        return result

    def add(self, name: str, code: bytes) -> bytes:
        """Deploy one more contract, whose events are compared as well, and return its address."""
        self.addresses[name] = self._chain.deploy(code)
        return self.addresses[name]

    def read(self, contract: str, function: str, *arguments: Any) -> int:
        """Return the first word that a function returns.

        Raises: BadInput when it reverts.
        """
        data = contract_abi(contract).encode_call(function, *arguments)
        return int.from_bytes(self._chain.read(self.addresses[contract], data)[:32], "big")

    def net(self, who: str) -> int:
        """Return what somebody has gained in all, less what it has paid."""
        return self.rules.net(who)

    def is_conserved(self) -> bool:
        """Whether both contracts hold what they owe, and owe and keep of assertions what the Python rules say they do."""
        for one in self.rollup.posted.values():
            self._compare_assertion(one)
        rules, tills = self.rules, {"Rollup": self.rollup.till, "Challenge": self.challenge.till}
        for contract, till in tills.items():
            for who, address in ADDRESSES.items():
                owed = self.read(contract, "credit", address)
                if owed != till.credit[who]:
                    raise DataMismatch("a contract owes another sum", who=who, expected=till.credit[who], actual=owed)
        for parent, dispute in self.challenge.disputes.items():
            state = self._dispute_state(parent)
            if dispute.settled is not None and state["potWei"] != dispute.pot:
                raise DataMismatch("another pot", expected=dispute.pot, actual=state["potWei"])
        return rules.is_conserved()

    def _compare_assertion(self, one: Posted) -> None:
        """Raises: DataMismatch, when the contract keeps something else of an assertion."""
        data = contract_abi("Rollup").encode_call("assertion", one.id)
        kept = self._chain.read(self.addresses["Rollup"], data)
        first = one.children[0].created if one.children else 0
        expected = (
            one.parent.id if one.parent is not None else bytes(32),
            one.state,
            self.words.addresses[one.bonded] if one.bonded else 0,
            one.limit,
            STATUS[one.status],
            one.next_limit,
            one.created,
            first,
            one.second_child_block,
            len(one.children),
            one.confirmed_child.id if one.confirmed_child is not None else 0,
        )
        for at, value in enumerate(expected):
            number = value if isinstance(value, int) else int.from_bytes(value, "big")
            if int.from_bytes(kept[32 * at : 32 * (at + 1)], "big") != number:
                raise DataMismatch("another assertion", id=one.id, field=at, expected=number)

    def _dispute_state(self, parent: Posted) -> dict[str, Any]:
        abi = contract_abi("Challenge")
        data = abi.encode_call("disputeState", self.words.dispute_id(parent.id))
        state: dict[str, Any] = abi.decode_result(
            "disputeState", 1, self._chain.read(self.addresses["Challenge"], data)
        )
        return state

    def _deploy(self, code: dict[str, bytes]) -> tuple[dict[str, bytes], bytes]:
        chain, terms = self._chain, self.ground.terms
        batches = chain.deploy(_code("Batches"))
        chain.transact(ADDRESSES[HONEST], batches, _abi("Batches").encode_call("plan", self.machine.work), 0, 0)
        referee = chain.deploy(_code("CountingReferee") + encode(["address"], [batches]))
        config = (terms.height, terms.period, terms.root_bond, terms.open_reward, terms.bisect_reward)
        types = ["address", "address", "address", "(uint8,uint40,uint256,uint256,uint256,uint256)"]
        arguments = [chain.address_after(1), batches, referee, (*config, terms.prove_reward)]
        small = code.get("SmallChallenge") or _code("SmallChallenge")
        challenge = chain.deploy(small + encode(types, arguments))
        rollup = chain.deploy(
            (code.get("Rollup") or artifacts.load("Rollup").bytecode)
            + encode(
                ["bytes32", "bytes", "address", "address", "(uint256,uint64)"],
                [self.rollup.genesis.state, b"", batches, challenge, (terms.assertion_bond, terms.interval)],
            )
        )
        config_hash = keccak(encode(["uint256", "address", *types], [CHAIN_ID, challenge, *arguments]))
        return {"Rollup": rollup, "Challenge": challenge, "Batches": batches}, config_hash

    def _transact(self, who: str, contract: str, data: bytes, value_wei: int) -> list[Log]:
        block, count = self.ground.block, self.ground.batch_count
        if count != self._batches:
            self._batches = count
            posted = _abi("Batches").encode_call("post", count)
            self._chain.transact(ADDRESSES[HONEST], self.addresses["Batches"], posted, 0, block)
        return self._chain.transact(ADDRESSES[who], self.addresses[contract], data, value_wei, block)

    # Events

    def _hear(self, contract: str, name: str, args: dict[str, Any]) -> None:
        self._told.append((f"{contract}.{name}", self.words.event(contract, name, args)))

    def _compare(self, call: str, logs: list[Log]) -> None:
        told: list[Event] = []
        for address, topics, data in logs:
            contract = next(name for name, each in self.addresses.items() if each == address)
            name, parameters = _events(contract)[topics[0]]
            if name not in NOT_MODELLED:
                told.append((f"{contract}.{name}", _arguments(parameters, topics, data)))
        expected = sorted(self._told, key=lambda each: each[0])
        actual = sorted(told, key=lambda each: each[0])
        if [name for name, _ in expected] != [name for name, _ in actual]:
            raise DataMismatch("other events", call=call, expected=str(expected), actual=str(actual))
        for (name, wanted), (_, found) in zip(expected, actual, strict=True):
            for key, value in wanted.items():
                if found[key] != value:
                    raise DataMismatch("another value", call=call, event=name, key=key, expected=value)

    # Calls

    def _encode_post(self, parent: Posted, state: bytes, source: Posted | None) -> Encoded:
        known = self.machine.states[state]
        from_ = bytes(32) if source is None else source.id
        data = _encode("Rollup", "post", parent.id, parent.next_limit, known.root, known.registers, from_)
        return "Rollup", data, 0 if source is not None else self.ground.terms.assertion_bond

    def _encode_take(self, one: Posted) -> Encoded:
        return "Rollup", _encode("Rollup", "takeBond", one.id), 0

    def _encode_confirm(self, ones: Iterable[Posted]) -> Encoded:
        return "Rollup", _encode("Rollup", "confirm", [one.id for one in ones]), 0

    def _encode_reject(self, one: Posted) -> Encoded:
        return "Rollup", _encode("Rollup", "reject", one.id), 0

    def _encode_resolve(self, decisions: Iterable[Resolution], ones: Iterable[Posted]) -> Encoded:
        packed = [
            {"root": self._edge(parent, root), "openings": self._openings(parent, openings)}
            for parent, root, openings in decisions
        ]
        return "Rollup", _encode("Rollup", "resolve", packed, [one.id for one in ones]), 0

    def _encode_open_root(self, one: Posted, span: bytes, siblings: Iterable[bytes], _start: bytes = b"") -> Encoded:
        assert one.parent is not None
        data = _encode("Challenge", "openRoot", one.parent.id, one.id, one.limit, span, list(siblings))
        return "Challenge", data, self.ground.terms.root_bond

    def _encode_bisect(self, parent: Posted, edge: Edge, left: bytes, right: bytes) -> Encoded:
        return "Challenge", _encode("Challenge", "bisect", self._edge(parent, edge), left, right), 0

    def _encode_prove(self, parent: Posted, edge: Edge, prefix: Prefix) -> Encoded:
        known = self.machine.states.get(prefix.pre)
        witness = b"" if known is None else known.root + known.registers
        arguments = (prefix.pre, prefix.base_prev, list(prefix.siblings), witness)
        return "Challenge", _encode("Challenge", "prove", self._edge(parent, edge), *arguments), 0

    def _encode_update(self, parent: Posted, openings: Iterable[Opening]) -> Encoded:
        return "Challenge", _encode("Challenge", "update", self._openings(parent, openings)), 0

    def _encode_decide(self, parent: Posted, root: Edge, openings: Iterable[Opening]) -> Encoded:
        data = _encode("Challenge", "decide", self._edge(parent, root), self._openings(parent, openings))
        return "Challenge", data, 0

    def _encode_settle(
        self, parent: Posted, root: Edge, openings: Iterable[Opening], payments: Iterable[Edge]
    ) -> Encoded:
        dispute = self.challenge.disputes[parent]
        paid = self._openings(parent, (opening(dispute, edge) for edge in payments))
        arguments = (self._edge(parent, root), self._openings(parent, openings), paid)
        return "Challenge", _encode("Challenge", "settle", *arguments), 0

    def _edge(self, parent: Posted, edge: Edge) -> dict[str, Any]:
        return {"dispute": self.words.dispute_id(parent.id), **edge._asdict()}

    def _openings(self, parent: Posted, openings: Iterable[Opening]) -> list[dict[str, Any]]:
        return [{"edge": self._edge(parent, edge), "left": left, "right": right} for edge, left, right in openings]


@cache
def _events(contract: str) -> dict[bytes, tuple[str, list[Parameter]]]:
    """Return a contract's events by their topics. The general decoder would take a third of a match's time."""
    return {
        contract_abi(contract).topic(each["name"]): (
            each["name"],
            [Parameter(given["name"], given["type"], given["indexed"]) for given in each["inputs"]],
        )
        for each in artifacts.load(contract).abi
        if each["type"] == "event"
    }


def _arguments(parameters: list[Parameter], topics: tuple[bytes, ...], data: bytes) -> dict[str, Any]:
    indexed, at = iter(topics[1:]), 0
    found: dict[str, Any] = {}
    for name, type_, is_indexed in parameters:
        if is_indexed:
            word = next(indexed)
        else:
            word = data[at : at + 32]
            at += 32
        if type_ == "address":
            found[name] = word[12:]
        elif type_ == "bytes32":
            found[name] = word
        else:
            found[name] = int.from_bytes(word, "big")
        if type_ == "bytes":
            start = found[name] + 32
            found[name] = data[start : start + int.from_bytes(data[start - 32 : start], "big")]
    return found


def _encode(contract: str, function: str, *arguments: Any) -> bytes:
    return contract_abi(contract).encode_call(function, *arguments)


@cache
def _abi(name: str) -> ContractAbi:
    return ContractAbi(name, COMPILED["model"][name]["abi"])


@cache
def _code(name: str) -> bytes:
    return bytes.fromhex(COMPILED["model"][name]["bytecode"])
