"""The compiled BondPool beside the Python rules, over the compiled Rollup and Challenge: every call is made in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from eth_abi.abi import encode

from tallystick import artifacts
from tallystick.errors import BadInput, DataMismatch
from tallystick.l1.abi import contract_abi
from tallystick.party.bonds.bond_pools import Purpose
from tallystick.testing.generations.contracts_twin import Encoded, Twin
from tallystick.testing.generations.counting import Machine
from tallystick.testing.pools.pool_rules import POOLS, Pool, PoolRule, PoolRules
from tallystick.testing.protocol.protocol_rules import Ground

BOND_POOL: Final = "BondPool"


class PoolTwin:
    """The pools of a match in both languages. `code` is init code that takes the place of the BondPool's."""

    def __init__(
        self, ground: Ground, genesis: bytes, machine: Machine, dropped: frozenset[PoolRule], code: bytes = b""
    ) -> None:
        self.chain = Twin(ground, genesis, machine)
        self.rules = PoolRules(self.chain.rules, dropped)
        self.rules.rollup = self.chain.addresses["Rollup"]
        self._machine = machine
        deployed = (code or artifacts.load(BOND_POOL).bytecode) + encode(["address"], [self.rules.rollup])
        self.chain.words.addresses[POOLS] = self.chain.add(BOND_POOL, deployed)

    def make(self, who: str, name: str, *arguments: Any) -> None:
        """Make a call in both.

        Raises: BadInput when both refuse it; DataMismatch when they do not agree.
        """
        encoded: Encoded = getattr(self, f"_encode_{name}")(*arguments)
        self.chain.both(who, name, encoded, lambda: self.rules.make(who, name, *arguments))

    def compare(self) -> None:
        """Raises: DataMismatch when the contract would pay somebody another sum than the rules would."""
        for purpose, pool in self.rules.pools.items():
            for who in pool.members:
                expected, actual = self._due(pool, who), self._paid(purpose, who)
                if actual != expected:
                    raise DataMismatch("the pool owes another sum", who=who, expected=expected, actual=actual)

    def _due(self, pool: Pool, who: str) -> int | None:
        try:
            return self.rules.due(pool, who)
        except BadInput:
            return None

    def _paid(self, purpose: Purpose, who: str) -> int | None:
        try:
            return self.chain.read(BOND_POOL, "dueWei", self._id(purpose), self.chain.words.addresses[who])
        except BadInput:
            return None

    def _encode_join(self, purpose: Purpose, value: int) -> Encoded:
        return self._call("join", purpose.argument(), value=value)

    def _encode_make_post(self, purpose: Purpose, state: bytes, value: int) -> Encoded:
        known = self._machine.states[state]
        return self._call("makePost", self._id(purpose), known.root, known.registers, value=value)

    def _encode_make_root(self, purpose: Purpose, siblings: Sequence[bytes], value: int) -> Encoded:
        return self._call("makeRoot", self._id(purpose), list(siblings), value=value)

    def _encode_collect(self, purpose: Purpose) -> Encoded:
        return self._call("collect", self._id(purpose))

    def _encode_quit(self, purpose: Purpose) -> Encoded:
        return self._call("quit", self._id(purpose))

    def _encode_pay_out(self, purpose: Purpose, member: str) -> Encoded:
        return self._call("payOut", self._id(purpose), self.chain.words.addresses[member])

    def _id(self, purpose: Purpose) -> bytes:
        return purpose.pool(self.rules.rollup)

    def _call(self, function: str, *arguments: Any, value: int = 0) -> Encoded:
        return BOND_POOL, contract_abi(BOND_POOL).encode_call(function, *arguments), value
