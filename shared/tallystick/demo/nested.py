"""The thief of the nested story: she contests generation after generation, and in the last one takes the whole Vault."""

from __future__ import annotations

from typing import Final

from eth_account import Account
from eth_account.signers.local import LocalAccount

from tallystick.demo.exchange import Exchange, plain
from tallystick.demo.story import Story, money
from tallystick.errors import L1Reverted
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import TxQueue
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import Identity, Party
from tallystick.ports.system import SystemClock
from tallystick.rollup.views.assertion_view import Status
from tallystick.state.hashing import keccak
from tallystick.testing.rogues.nest import Lie, Nest, theft

GENERATIONS: Final = 3
PURSE_ETHER: Final = 1_000
BEFORE_RIPE_BLOCKS: Final = 8
"""How short of the whole period the honest side is when she opens her last root: each transaction makes a block here."""
MINE_STEP: Final = 6
GAS_WEI: Final = 10**17
"""More than the honest side's gas of the story, and less than any bond."""


class Thief:
    """Eve: a key of her own, a node of her own, more money than it takes, and no hurry."""

    def __init__(self, exchange: Exchange, story: Story, seed: int) -> None:
        self.exchange = exchange
        self.story = story
        account: LocalAccount = Account.from_key(keccak(f"tallystick demo/{seed}/Eve".encode()))
        self.address = plain(account.address)
        exchange.fund(account.address, PURSE_ETHER)
        self._store = QueueStore(exchange.folder / "queue-eve.sqlite")
        watcher = Identity(duties=DUTIES[Mode.WATCH])
        self.watch = Party(exchange.client, exchange.deployment, watcher, lambda name, facts: None)
        self.nest = Nest(
            watch=self.watch,
            queue=TxQueue(client=exchange.client, account=account, store=self._store, clock=SystemClock()),
        )
        self.lies: list[Lie] = []
        self.truths: list[bytes] = []
        self.struck = False
        self.watch.tick()
        self._seen_block = 0
        self._honest_wei = self._honest_wealth_wei()

    def close(self) -> None:
        """Let go of every file."""
        self.watch.close()
        self._store.close()

    def sees_news(self) -> bool:
        """Whether the operator has asserted something new, up to the newest batch."""
        self.watch.tick()
        mind = self.watch.mind
        newest = [each for each in mind.rollup.assertions.values() if mind.is_true(each.id)][-1]
        fresh = newest.id not in self.truths and newest.parent not in {each.parent.id for each in self.lies}
        return fresh and newest.status is Status.PENDING and newest.limit == self.watch.inbox.batch_count

    def contest(self, *, last: bool) -> None:
        """Post a false assertion beside the newest true one: an idle root in the first generations, in the last the
        emptying of the Vault, with no root yet.
        """
        mind = self.watch.mind
        truth = [each for each in mind.rollup.assertions.values() if mind.is_true(each.id)][-1]
        batch = mind.rollup.assertions[truth.parent].limit
        units = self._vault_units() if last else 1
        lie = self.nest.lie_below(truth.parent, theft(batch, self.address, units))
        self.lies.append(lie)
        self.truths.append(truth.id)
        if last:
            self.story.say(f"[yellow]in this one Eve owns {money(units)}, all that is in the Vault[/yellow]")
        else:
            self.nest.open_root(lie)

    def is_answered(self) -> bool:
        """Whether the honest side has committed itself beside the newest lie."""
        self.watch.tick()
        return bool(self.watch.challenge.roots.get(self.truths[-1]))

    def act(self) -> bool:
        """In every new block, try to be paid for every lie; open and halve the last root as the honest one is all but
        ripe; then let time go on a little. Returns whether she has failed.
        """
        if self.watch.client.head().number != self._seen_block:
            self.nest.grab(self.lies)
            self._seen_block = self.watch.client.head().number
        period = self.watch.deployment.config.challenge_period_blocks
        left = period - BEFORE_RIPE_BLOCKS - self.nest.blocks_of(self.truths[-1])
        if self.struck:
            self.exchange.mine(1)
        elif left > 0:
            self.exchange.mine(min(MINE_STEP, left))
        else:
            self.struck = True
            self._strike()
        return self.struck and self._has_failed()

    def _strike(self) -> None:
        """Open the last root and halve it; where the honest side's moves took the last blocks, it is too late for that."""
        try:
            root = self.nest.open_root(self.lies[-1])
        except L1Reverted:
            self.story.say("[yellow]Eve would open her last root now, but the dispute is decided already[/yellow]")
            return
        self.nest.halve(self.lies[-1], root)
        self.story.say(
            "[yellow]some blocks before the last truth is ripe, Eve opens her root and halves it; behind every move she "
            "tries to decide, settle, confirm[/yellow]"
        )

    def _has_failed(self) -> bool:
        """Whether every lie is rejected, each generation confirmed as it truly is, and no dispute left."""
        rollup, challenge = self.watch.rollup, self.watch.challenge
        fallen = all(rollup.assertions[each.id].status is Status.REJECTED for each in self.lies)
        upheld = all(rollup.assertions[each].status is Status.CONFIRMED for each in self.truths)
        disputes = [challenge.dispute_below(each.parent.id) for each in self.lies]
        return fallen and upheld and all(each is not None and each.settled for each in disputes)

    def is_poorer(self) -> bool:
        """Whether she has lost each of her bonds, is owed nothing, and holds nothing of the Vault's."""
        terms, who = self.exchange.deployment.config, "0x" + self.address.hex()
        roots = sum(len(self.watch.challenge.roots.get(each.id, [])) for each in self.lies)
        bonds = len(self.lies) * terms.assertion_bond_wei + roots * terms.challenge_bond_wei
        owed = sum(int(self.exchange.call(contract, "credit", who)) for contract in ("Rollup", "Challenge"))
        stolen = int(self.exchange.call("TestToken", "balanceOf", who))
        left = self.watch.client.balance_wei(self.address)
        return self.struck and not owed and not stolen and left <= PURSE_ETHER * 10**18 - bonds

    def honest_is_whole(self) -> bool:
        """Whether operator and challenger have all their bonds again, but the operator's that lies on what it asserts."""
        self.watch.tick()
        return self._honest_wealth_wei() >= self._honest_wei - GAS_WEI

    def _honest_wealth_wei(self) -> int:
        """Ether of operator and challenger, and the operator's one bond on its newest assertions."""
        keys, terms = self.exchange.keys, self.exchange.deployment.config
        operator, challenger = plain(keys.operator.address), plain(keys.challenger.address)
        ether = sum(self.watch.client.balance_wei(each) for each in (operator, challenger))
        lying = any(each.bonded == operator for each in self.watch.rollup.assertions.values())
        return ether + lying * terms.assertion_bond_wei

    def _vault_units(self) -> int:
        return int(self.exchange.call("Vault", "depositedUnits")) - int(self.exchange.call("Vault", "claimedUnits"))
