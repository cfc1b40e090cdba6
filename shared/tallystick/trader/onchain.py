"""A trader's own transactions on L1: deposits, claims, and what it can force when the operator will not."""

from __future__ import annotations

from typing import Any

from eth_account.signers.local import LocalAccount

from tallystick.drawing import spoken
from tallystick.errors import BadInput, DataMissing
from tallystick.l1.client.access import L1
from tallystick.l1.client.values import Receipt
from tallystick.l1.deployment import Deployment
from tallystick.l1.sending.once import queue_for_once
from tallystick.ports import Clock
from tallystick.records.codec import Record
from tallystick.records.signing import domain_separator
from tallystick.rollup.claims import Claim, claim_arguments
from tallystick.shapes.accounts import Withdrawal
from tallystick.state.layout import MAIN_ACCOUNT_MASK
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.trader.offers import signers


class TraderL1:
    """One account's transactions. `send` is one function so that each call ends in a receipt or an error."""

    def __init__(self, client: L1, deployment: Deployment, account: LocalAccount, clock: Clock) -> None:
        self.client = client
        self.deployment = deployment
        self.account = account
        self._clock = clock

    def account_number(self, owner: str) -> AccountId:
        """Return the Vault's account number of an owner, 0 when it has none."""
        return AccountId(int(self._contract("Vault").call("accountOf", owner)))

    def own_number(self) -> AccountId:
        """Return the key's own account number. Raises: DataMissing when it has none."""
        number = self.account_number(self.account.address)
        if not number:
            raise DataMissing(
                "this key has no account", hint="the first `trader deposit` opens it", key=self.account.address
            )
        return number

    def balance_atoms(self, owner: str) -> int:
        """Return an owner's token balance on L1."""
        return int(self._contract("TestToken").call("balanceOf", owner))

    def mint(self, units: int) -> Receipt:
        """Mint test tokens to the account; only a test token lets anyone do that."""
        atoms = units * self.deployment.config.atoms_per_unit
        return self._send("TestToken", "mint", self.account.address, atoms)

    def deposit(self, units: int) -> Receipt:
        """Deposit to the account's own trading account, approving the Vault first where it must be.

        Raises: BadInput when the balance is short.
        """
        atoms = units * self.deployment.config.atoms_per_unit
        held = self.balance_atoms(self.account.address)
        if held < atoms:
            raise BadInput("the L1 account does not hold that much", holds_atoms=held, needs_atoms=atoms)
        vault = "0x" + self.deployment.addresses.vault.hex()
        allowed = int(self._contract("TestToken").call("allowance", self.account.address, vault))
        if allowed < atoms:
            if allowed:
                # what a broken-off deposit has left: some tokens, USDT among them, change an allowance from zero only
                self._send("TestToken", "approve", vault, 0)
            self._send("TestToken", "approve", vault, atoms)
        return self._send("Vault", "deposit", atoms)

    def claim(self, claim: Claim) -> Receipt:
        """Have the Vault pay a withdrawal to its recipient."""
        return self._send("Vault", "claim", *claim_arguments(claim))

    def force_withdraw(self, account: AccountId, units: int) -> Receipt:
        """Queue a withdrawal on L1 that the next batches must take in."""
        return self._send("Inbox", "forceWithdraw", account, units)

    def force_cancel_all(self, account: AccountId) -> Receipt:
        """Queue on L1 the cancelling of all orders of an account."""
        return self._send("Inbox", "forceCancelAll", account)

    def force_close(self, account: AccountId, market: MarketId, price_ticks: int, lots: int) -> Receipt:
        """Queue on L1 the closing of a position, or of `lots` of it, at the price or better."""
        return self._send("Inbox", "forceClose", account, market, price_ticks, lots)

    def enqueue_record(self, record: bytes) -> Receipt:
        """Queue a record on L1, which the next batches must take in."""
        return self._send("Inbox", "enqueueRecord", record)

    def domain(self) -> bytes:
        """Return the EIP-712 domain separator of the deployment."""
        return domain_separator(self.deployment.chain_id, self.deployment.addresses.rollup.hex())

    def check_block(self, record: Record) -> int:
        """Check that a block trade is worth its gas, and return the force delay in seconds.

        Raises: BadInput when a signature is missing or not an owner's, or it ends before a batch must take it in.
        """
        named = ("account", "agent"), ("taker", "taker_agent")
        for signer, (account, agent) in zip(signers(record, self.domain()), named, strict=True):
            number = record.value(account) & MAIN_ACCOUNT_MASK
            if record.value(agent) == 0 and self.account_number("0x" + signer.hex()) != number:
                raise BadInput("it is not signed by the owner of this account", account=record.value(account))
        delay = self.deployment.config.force_delay_seconds
        ends, now = record.value("expiry_ms"), self.client.head().timestamp
        if 0 < ends <= (now + delay) * 1_000:
            raise BadInput(
                "it may end before a batch must take it in; let the offer live longer",
                hint="`trader block offer … --good-til 30m` makes a new one",
                ends=spoken(ends),
                force_delay_seconds=delay,
            )
        return delay

    def _contract(self, name: str) -> Any:
        address = self.deployment.addresses.all().get(name, self.deployment.addresses.token)
        return self.client.contract(name, address)

    def _send(self, contract: str, function: str, *arguments: Any) -> Receipt:
        target = self._contract(contract)
        with queue_for_once(self.client, self.account, self._clock) as queue:
            return queue.send(function, target.address, target.encode(function, *arguments))


def claim_from_operator(withdrawal: Withdrawal) -> Claim:
    """Return the claim in an operator's answer.

    Raises: DataMissing when L1 would not pay it yet.
    """
    given = withdrawal.claim
    if given is None:
        raise DataMissing(
            "the withdrawal cannot be claimed",
            hint="once it is, `trader withdrawals` says claimable; that takes the challenge period",
            index=withdrawal.index,
            status=withdrawal.status,
        )
    return Claim(
        assertion=bytes.fromhex(given.assertion[2:]),
        state_root=bytes.fromhex(given.state_root[2:]),
        registers_hash=bytes.fromhex(given.registers_hash[2:]),
        index=withdrawal.index,
        recipient=bytes.fromhex(withdrawal.recipient[2:]),
        amount_units=withdrawal.amount_units,
        account=withdrawal.account,
        proof=bytes.fromhex(given.proof[2:]),
    )
