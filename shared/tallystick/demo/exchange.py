"""The demo's exchange: keys, contracts and processes, and what one asks of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from eth_account import Account
from eth_account.signers.local import LocalAccount

from tallystick.demo.processes import Child, start
from tallystick.deploy.deploy import deploy, predict, step_names
from tallystick.errors import StateError
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.deployment import DeployConfig, Deployment
from tallystick.l1.sending.keys import save_key
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import TxQueue
from tallystick.ports.system import SystemClock
from tallystick.records.codec import Record, encode
from tallystick.records.market_terms import listing
from tallystick.rollup.genesis import Genesis, genesis_state
from tallystick.shapes.routes import RECORD_LIST, Endpoint
from tallystick.shapes.submitting import Answer, Refusal, Submission, SubmissionList
from tallystick.state.hashing import keccak
from tallystick.transport import OperatorUnreachable, Transport

BTC, ETH = 0, 1
LISTED = tuple(
    listing(
        {
            "market": market,
            "multiplier": 100,
            "taker_fee_ppm": 450,
            "max_lots": 5_000_000,
            "max_open_interest_lots": 40_000_000,
            "insurance_lots": 100_000,
            "liquidation_fee_ppm": 5_000,
        }
    )
    for market in (BTC, ETH)
)
READY_SECONDS = 60.0
CHALLENGE_PERIOD_BLOCKS = 240
BULK = 100
"""Records of one request."""
A = TypeVar("A", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Who signs what: one key a role."""

    deployer: LocalAccount
    operator: LocalAccount
    challenger: LocalAccount
    governance: bytes
    signers: tuple[bytes, ...]


def make_keys(seed: int) -> Keys:
    """Return the demo's keys, which everybody can compute."""

    def secret(name: str) -> bytes:
        return keccak(f"tallystick demo/{seed}/{name}".encode())

    return Keys(
        deployer=Account.from_key(secret("deployer")),
        operator=Account.from_key(secret("operator")),
        challenger=Account.from_key(secret("challenger")),
        governance=secret("governance"),
        signers=tuple(secret(f"price signer {i}") for i in range(5)),
    )


def plain(address: str) -> bytes:
    """Return the 20 bytes of an address."""
    return bytes.fromhex(address[2:])


class Exchange:
    """Everything the demo started, and the calls it makes."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.folder = folder
        self.keys = keys
        self.children: list[Child] = []
        self.l1_url = ""
        self.api_url = ""
        self.client: L1Client
        self.deployment: Deployment
        self._queues: dict[str, TxQueue] = {}

    def start_l1(self) -> None:
        """Start the embedded L1 and give the roles ether."""
        child = self._start("l1", ["l1", "dev", "--port", "0", "--json"])
        self.l1_url = str(child.ready_line(READY_SECONDS)["url"])
        self.client = L1Client(self.l1_url, clock=SystemClock())
        for account in (self.keys.deployer, self.keys.operator, self.keys.challenger):
            self.fund(account.address, 1_000)

    def fund(self, address: str, ether: int) -> None:
        """Give an address ether."""
        self.client.request("tallystick_fund", address, hex(ether * 10**18))

    def deploy(self) -> None:
        """Deploy the contracts and write the record every node needs."""
        from tallystick.records.signing import address_of

        config = DeployConfig(
            sequencer=plain(self.keys.operator.address),
            challenge_period_blocks=CHALLENGE_PERIOD_BLOCKS,
            root_height=20,
            min_interval_blocks=1,
            answer_blocks=2,
            censored_blocks=0,
        )
        steps = step_names()
        prediction = predict(self.client, plain(self.keys.deployer.address), config, steps)
        genesis = Genesis(
            chain_id=self.client.chain_id(),
            rollup=prediction.addresses.rollup,
            governance=plain(address_of(self.keys.governance)),
            quorum=3,
            signers=tuple(plain(address_of(each)) for each in self.keys.signers),
            markets=LISTED,
        )
        self.deployment = deploy(
            self.client,
            self.keys.deployer,
            genesis_state_hash=genesis_state(genesis).hash(),
            genesis=genesis.encode(),
            config=config,
            steps=steps,
            prediction=prediction,
        )
        self.deployment.save(self.record_path)

    @property
    def record_path(self) -> Path:
        """Where the deployment record is."""
        return self.folder / "deployment.json"

    def start_operator(self, lie: str = "") -> Child:
        """Start the operator, honest or not, on the data folder it had before."""
        key_file = self._key_file("operator", self.keys.operator)
        arguments = ["rogue", "--lie", lie] if lie else ["operator", "run"]
        arguments += ["--rpc", self.l1_url, "--deployment", str(self.record_path)]
        arguments += [
            "--data-dir",
            str(self.folder / "operator"),
            "--key-file",
            str(key_file),
            "--port",
            "0",
            "--gateways",
            "0",
        ]
        arguments += ["--batch-seconds", "1", "--quiet-seconds", "1", "--confirmations", "0", "--json-log"]
        child = self._start("operator", arguments, "rogue" if lie else "")
        self.api_url = str(child.ready_line(READY_SECONDS)["url"])
        return child

    def start_challenger(self) -> Child:
        """Start the watchtower; it shares nothing with the operator but L1."""
        key_file = self._key_file("challenger", self.keys.challenger)
        arguments = ["challenger", "run", "--mode", "resolve", "--rpc", self.l1_url, "--poll", "0.3"]
        arguments += ["--deployment", str(self.record_path), "--data-dir", str(self.folder / "challenger")]
        return self._start("challenger", [*arguments, "--key-file", str(key_file)])

    def stop(self) -> None:
        """Stop every process, the newest first."""
        for child in reversed(self.children):
            child.stop()
        self.children.clear()

    def check(self) -> None:
        """Raises: StateError when a process has stopped by itself."""
        for child in self.children:
            child.check()

    def mine(self, blocks: int) -> None:
        """Let L1 go on by some blocks."""
        self.client.request("anvil_mine", hex(blocks), hex(1))

    def transact(
        self, account: LocalAccount, what: str, contract: str, address: bytes, function: str, *args: Any
    ) -> int:
        """Send a transaction, once for each name in `what`, and return its gas."""
        queue = self._queues.get(account.address)
        if queue is None:
            store = QueueStore(self.folder / f"queue-{account.address}.sqlite")
            queue = self._queues[account.address] = TxQueue(
                client=self.client, account=account, store=store, clock=SystemClock()
            )
        data = self.client.contract(contract, address).encode(function, *args)
        return queue.send(what, address, data).gas_used

    def call(self, contract: str, function: str, *args: Any) -> Any:
        """Ask one of the contracts."""
        address = self.deployment.addresses.all().get(contract, self.deployment.addresses.token)
        return self.client.contract(contract, address).call(function, *args)

    def vault_holds(self, owed_units: int) -> bool:
        """Whether the Vault's tokens are its deposits less what it paid, and cover all that is owed."""
        held = int(self.call("TestToken", "balanceOf", "0x" + self.deployment.addresses.vault.hex()))
        claimed = int(self.call("Vault", "claimedUnits"))
        deposited = int(self.call("Vault", "depositedUnits"))
        return held == deposited - claimed and held >= owed_units - claimed

    def ask(self, endpoint: Endpoint[A], body: msgspec.Struct | None = None, /, **parameters: int) -> A:
        """Ask the operator.

        Raises: OperatorRefused when it refuses, StateError when a process has stopped, OperatorUnreachable.
        """
        try:
            with Transport(self.api_url) as transport:
                return transport.ask(endpoint, body, **parameters)
        except OperatorUnreachable:
            self.check()
            raise

    def send(self, records: list[Record]) -> list[Answer | Refusal]:
        """Hand records to the operator and return what it says of each."""
        said: list[Answer | Refusal] = []
        for at in range(0, len(records), BULK):
            encoded: list[Submission | str] = ["0x" + encode(record).hex() for record in records[at : at + BULK]]
            said += self.ask(RECORD_LIST, SubmissionList(records=encoded)).each()
        return said

    def wait(self, until: Callable[[], bool], what: str, seconds: float, mine: int = 0) -> None:
        """Wait for something, mining blocks meanwhile when asked to.

        Raises: StateError when it does not come in time.
        """
        end = time.monotonic() + seconds
        while not until():
            self.check()
            if time.monotonic() > end:
                raise StateError(f"waited {seconds:.0f} seconds in vain for {what}: see the logs in {self.folder}")
            if mine:
                self.mine(mine)
            time.sleep(0.15)

    def _start(self, name: str, arguments: list[str], log: str = "") -> Child:
        child = start(name, arguments, self.folder / "logs" / f"{log or name}.log")
        self.children.append(child)
        return child

    def _key_file(self, name: str, account: LocalAccount) -> Path:
        path = self.folder / f"{name}.key"
        if not path.exists():
            save_key(account, path)
        return path
