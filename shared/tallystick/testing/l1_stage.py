"""A real L1 with the real contracts, for scenarios: traders with money in the Vault, batches in the Inbox, parties."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount

from tallystick.deploy.deploy import deploy, predict, step_names
from tallystick.l1.client.events import EventReader
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.deployment import DeployConfig, Deployment
from tallystick.l1.dev.dev_server import DevServer
from tallystick.l1.dev.devchain import DevChain
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import TxQueue
from tallystick.machine import engine
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import Identity, Party
from tallystick.party.strategy.strategy import duties
from tallystick.ports.system import SystemClock
from tallystick.rollup.genesis import decode_genesis, genesis_state
from tallystick.rollup.views.assertion_view import Status
from tallystick.rollup.views.inbox_view import BlobReader, InboxView
from tallystick.schema.names import Outcome
from tallystick.testing.rogues.liars import lie_on
from tallystick.testing.world import World, address, key, listed, world_genesis

MARKETS: Final[Mapping[int, int]] = MappingProxyType({0: 100})
"""What a stage's genesis lists: a number and a multiplier each."""
PERIOD_BLOCKS = 200
DEPOSIT_UNITS = 10**12
FUND_WEI = 1_000 * 10**18


def account(name: str) -> LocalAccount:
    """Return the L1 account of a name's key."""
    made: LocalAccount = Account.from_key(key(name))
    return made


class Chain(Protocol):
    """A development chain behind a URL."""

    @property
    def url(self) -> str:
        """Return where it answers."""
        ...

    def close(self) -> None:
        """End it."""
        ...


@dataclass(slots=True, kw_only=True)
class Told:
    """What a party reported."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, name: str, facts: dict[str, Any]) -> None:
        """Note an event."""
        self.events.append((name, facts))

    def named(self, name: str) -> list[dict[str, Any]]:
        """Return the facts of every event of a name."""
        return [facts for told, facts in self.events if told == name]


@dataclass(slots=True, kw_only=True)
class _Deployed:
    """An L1 as it was when the contracts had been deployed."""

    chain: DevChain
    deployment: Deployment


_DEPLOYED: Final[dict[str, _Deployed]] = {}
"""What was deployed on a stage before, by its terms: deploying takes a second, a copy does not."""


class Stage:
    """An L1 in memory with the contracts deployed, and a `world` that trades on them.

    `markets` are those of the genesis, a multiplier each; `terms` are those of the deployment that differ from a stage's own.
    """

    def __init__(self, folder: Path, *, markets: Mapping[int, int] = MARKETS, **terms: Any) -> None:
        self.folder = folder
        self._markets = tuple(listed(market, multiplier=multiplier) for market, multiplier in markets.items())
        self._terms = repr((self._markets, sorted(terms.items())))
        self.server = self.start_chain()
        self.client = QuorumClient([self.server.url], clock=SystemClock())
        self.chain = L1Client(self.server.url, clock=SystemClock())
        self.queues: dict[str, TxQueue] = {}
        self._open: list[QueueStore | Party] = []
        self.deployment = self._deployed(terms)
        self.world = World(decode_genesis(self.deployment.genesis))
        self.reader = EventReader(self.client, self.deployment)
        self.inbox = InboxView()
        self.posted = 0

    def _deployed(self, terms: dict[str, Any]) -> Deployment:
        known = _DEPLOYED.get(self._terms)
        if not isinstance(self.server, DevServer):
            return self._deploy(terms)
        if known is None:
            made = self._deploy(terms)
            known = _DEPLOYED[self._terms] = _Deployed(chain=deepcopy(self.server.chain), deployment=made)
        return known.deployment

    def _deploy(self, terms: dict[str, Any]) -> Deployment:
        for name in ("deployer", "operator", "challenger"):
            self.fund(name)
        own: dict[str, Any] = {
            "sequencer": address("operator"),
            "challenge_period_blocks": PERIOD_BLOCKS,
            "root_height": 20,
            "min_interval_blocks": 1,
            "answer_blocks": 2,
            "censored_blocks": 0,
            "roots_per_second": 28_000,
        }
        config = DeployConfig(**(own | terms))
        steps = step_names()
        prediction = predict(self.client, address("deployer"), config, steps)
        genesis = world_genesis(self.client.chain_id(), prediction.addresses.rollup, self._markets)
        return deploy(
            self.client,
            account("deployer"),
            genesis_state_hash=genesis_state(genesis).hash(),
            genesis=genesis.encode(),
            config=config,
            steps=steps,
            prediction=prediction,
        )

    def start_chain(self) -> Chain:
        """Return the L1 to play on, running; one on which the same was deployed before goes on from there."""
        known = _DEPLOYED.get(self._terms)
        return DevServer(chain=deepcopy(known.chain) if known else None).start()

    def close(self) -> None:
        """Stop the L1 and let go of every file."""
        for each in self._open:
            each.close()
        self.server.close()

    def fund(self, name: str) -> None:
        """Give a name's address ether."""
        self.chain.request("tallystick_fund", "0x" + address(name).hex(), hex(FUND_WEI))

    def mine(self, blocks: int) -> None:
        """Let L1 go on by some blocks."""
        self.chain.request("anvil_mine", hex(blocks), hex(1))

    def pool(self) -> list[str]:
        """Return the hashes of the transactions that wait for a block."""
        return list(self.chain.request("tallystick_pool"))

    def transact(self, who: str, what: str, contract: str, function: str, *arguments: Any, value_wei: int = 0) -> int:
        """Send a transaction of a name and return its gas."""
        target = self.place(contract)
        data = self.client.contract(contract, target).encode(function, *arguments)
        return self.queue(who).send(what, target, data, value_wei=value_wei).gas_used

    def queue(self, who: str) -> TxQueue:
        """Return the queue of what a name sends by itself."""
        if who not in self.queues:
            store = QueueStore(self.folder / f"{who}.sqlite")
            self._open.append(store)
            self.queues[who] = TxQueue(client=self.client, account=account(who), store=store, clock=SystemClock())
        return self.queues[who]

    def call(self, contract: str, function: str, *arguments: Any) -> Any:
        """Ask a contract."""
        return self.client.contract(contract, self.place(contract)).call(function, *arguments)

    def place(self, contract: str) -> bytes:
        """Return a contract's address."""
        return self.deployment.addresses.all().get(contract, self.deployment.addresses.token)

    def deposit(self, name: str, units: int = DEPOSIT_UNITS) -> int:
        """Lock a name's money in the Vault and return its account; the message waits in the Inbox."""
        self.fund(name)
        owner = "0x" + address(name).hex()
        count = len(self.world.published.messages)
        self.transact(name, f"mint {count}", "TestToken", "mint", owner, units)
        self.transact(name, f"approve {count}", "TestToken", "approve", self.place("Vault"), units)
        self.transact(name, f"deposit {count}", "Vault", "deposit", units)
        number = int(self.call("Vault", "accountOf", owner))
        self.world.owners.setdefault(number, name)
        self.read_messages()
        return number

    def read_messages(self) -> None:
        """Take the Inbox's messages into the world's inputs, instead of those that a reorganisation took back."""
        batch = self.reader.poll()
        if batch.rolled_back_to is not None:
            self.inbox.rollback(batch.rolled_back_to)
        for event in batch:
            self.inbox.apply(event)
        self.world.published.messages[:] = self.inbox.messages

    def consume(self) -> Outcome:
        """Have the machine consume what messages wait, in a batch of their own that is no older than they are."""
        registers = self.world.state.registers
        if registers.message_cursor == len(self.world.published.messages):
            return Outcome(registers.outcome)
        self.world.time = max(self.world.time, self.client.head().timestamp)
        return self.world.consume()

    def begin(self) -> None:
        """Open the next batch at L1's time, so that the Inbox takes it, with the messages that wait, and set the clock."""
        self.consume()
        self.world.time = max(self.world.time, self.client.head().timestamp)
        self.world.clock()

    def publish(self) -> int:
        """Seal the open batch, post all that are sealed, and return the gas."""
        self.world.seal()
        return sum(self._post(number) for number in range(self.posted, len(self.world.published.headers)))

    def next_batch(self) -> tuple[Any, ...]:
        """Take the world's next sealed batch, as arguments of `postBatch`."""
        number = self.posted
        header = self.world.published.headers[number]
        self.posted += 1
        return number, header.time, header.until, header.message_limit, self.world.published.chunks[number]

    def _post(self, number: int) -> int:
        return self.transact("operator", f"batch {number}", "Inbox", "postBatch", *self.next_batch())

    def party(
        self, who: str, mode: Mode, told: Told, step: Any = engine.step, blobs: BlobReader | None = None
    ) -> Party:
        """Return a party; one with a step of its own is a liar, which cannot prove."""
        self.fund(who)
        strategy = duties if step is engine.step else lie_on
        identity = Identity(duties=DUTIES[mode], step=step, strategy=strategy)
        path = self.folder / f"party-{who}.sqlite"
        party = Party(
            self.client,
            self.deployment,
            identity,
            told,
            account=account(who),
            queue_path=path,
            clock=SystemClock(),
            blobs=blobs,
        )
        self._open.append(party)
        return party

    def play(self, parties: list[Party], judge: Party, rounds: int = 400, mine: int = 10) -> None:
        """Let the parties act in turn until the judge sees every dispute settled and every loser rejected.

        Blocks are mined only when nobody has anything left to do but wait.
        """
        for _ in range(rounds):
            before = self.client.head().number
            for party in parties:
                party.tick()
            if finished(judge):
                return
            if self.client.head().number == before:
                self.mine(mine)
        raise AssertionError(f"the dispute did not end within {rounds} rounds")


def finished(party: Party) -> bool:
    """Whether a party sees at least one dispute, all of them settled, and no losing assertion left."""
    disputes = party.challenge.disputes.values()
    settled = bool(disputes) and all(dispute.settled for dispute in disputes)
    contested = {dispute.parent for dispute in disputes}
    pending = [
        each for each in party.rollup.assertions.values() if each.parent in contested and each.status is Status.PENDING
    ]
    return settled and not pending


def trade_a_little(stage: Stage) -> None:
    """Open a market, let two traders trade on it, and withdraw: something for every lie. The batch stays open."""
    trade_between(stage, stage.deposit("alice"), stage.deposit("bob"))


def trade_between(stage: Stage, first: int, second: int) -> None:
    """Trade a little between two accounts whose deposits are on L1."""
    world = stage.world
    stage.begin()
    world.report(0, 618_000)
    world.order(first, 0, 0, 617_990, 50, client_id=7)
    world.order(first, 0, 0, 617_990, 50, client_id=8)
    world.order(second, 0, 1, 617_980, 20, client_id=9)
    world.withdraw(first, 10**9)
