"""The bond behind the operator's receipts: what L1 says of it, and the calls about it, one transaction each."""

from __future__ import annotations

from typing import Any, Final

from rich.console import RenderableType

from tallystick.drawing import Page, spoken, table
from tallystick.errors import StateError
from tallystick.l1.client.access import L1
from tallystick.l1.deployment import Deployment
from tallystick.l1.sending.once import queue_for_once
from tallystick.l1.sending.signer import Signer
from tallystick.numbers import ether
from tallystick.ports import Clock

CONTRACT: Final = "Receipts"


def bond_facts(client: L1, deployment: Deployment, signs: str = "") -> dict[str, Any]:
    """Return what L1 has of the bond; `signs` is who signs receipts by the operator's own word, if it was asked.

    Units: amounts in wei as decimal strings, times in seconds, 0 for never.
    """
    contract = client.contract(CONTRACT, deployment.addresses.receipts)
    operator = deployment.config.sequencer
    key = _address(contract.call("receiptKey"))
    leaving = int(contract.call("leavingAt"))
    facts: dict[str, Any] = {
        "operator": _hex(operator),
        "ether_wei": str(client.balance_wei(operator)),
        "bond_wei": str(contract.call("bondWei")),
        "receipt_key": _hex(key) if any(key) else "",
        "epoch": int(contract.call("epoch")),
        "leaving_at": leaving,
        "free_at": int(contract.call("freeAt")) if leaving else 0,
        "slashed_at": int(contract.call("slashedAt")),
        "open_claims": int(contract.call("openClaims")),
        "answered_claims": int(contract.call("answeredClaims")),
        "credit_wei": str(contract.call("credit", operator)),
        "now": client.head().timestamp,
    }
    if signs:
        time = contract.call("keyTime", bytes.fromhex(signs.removeprefix("0x")))
        facts |= {"signs": signs.lower(), "counts_from": int(time["from"]), "counts_until": int(time["until"])}
    return facts


def bond_page(facts: dict[str, Any]) -> Page:
    """Return them for people."""
    rows = [
        ("operator", f"{facts['operator']}, {ether(facts['ether_wei'])} ether"),
        ("bond", f"{ether(facts['bond_wei'])} ether, epoch {facts['epoch']}"),
        ("receipt key", facts["receipt_key"] or "none: no receipt is bonded before set-key"),
        ("claims", f"{facts['open_claims']} without an answer, {facts['answered_claims']} answered"),
    ]
    if "signs" in facts:
        rows.append(("it signs with", f"{facts['signs']}, {_key_time(facts)}"))
    if facts["leaving_at"]:
        rows.append(("leaving", f"free from {_time(facts['free_at'])} on"))
    if facts["slashed_at"]:
        rows.append(("LOST", f"at {_time(facts['slashed_at'])}"))
    if facts["credit_wei"] != "0":
        rows.append(("to collect", f"{ether(facts['credit_wei'])} ether"))
    return [table(["", ""], rows)]


class Bond:
    """Calls about the bond by one key. Raises: L1Reverted, with the contract's own words, when L1 does not take one."""

    def __init__(self, client: L1, deployment: Deployment, signer: Signer, clock: Clock) -> None:
        self._client = client
        self._contract = client.contract(CONTRACT, deployment.addresses.receipts)
        self._signer = signer
        self._clock = clock

    def deposit(self, amount_wei: int) -> dict[str, Any]:
        """Add to the bond."""
        return self._send("deposit", value_wei=amount_wei)

    def set_key(self, key: bytes) -> dict[str, Any]:
        """Name who signs receipts: the first at once, each later one from a day on."""
        sent = self._send("setKey", key)
        return sent | {"key": _hex(key), "counts_from": int(self._contract.call("keyTime", key)["from"])}

    def raise_epoch(self) -> dict[str, Any]:
        """Begin an epoch."""
        return self._send("raiseEpoch") | {"epoch": int(self._contract.call("epoch"))}

    def leave(self) -> dict[str, Any]:
        """Say that the bond is wanted back; nobody takes receipts of it from then on."""
        return self._send("beginLeaving") | {"free_at": int(self._contract.call("freeAt"))}

    def collect(self) -> dict[str, Any]:
        """Fetch the bond, when it is free, and whatever else is owed. Raises: StateError when nothing is."""
        me = bytes.fromhex(self._signer.address[2:])
        bond, free_at = int(self._contract.call("bondWei")), int(self._contract.call("freeAt"))
        leaving, now = int(self._contract.call("leavingAt")), self._client.head().timestamp
        if bond and leaving and now >= free_at:
            self._send("takeBond")
        owed = int(self._contract.call("credit", me))
        if not owed:
            hint = "`operator bond leave` comes first"
            if leaving:
                hint = f"the bond is free from {_time(free_at)} on" if now < free_at else "it was fetched already"
            raise StateError("nothing is owed to this key", hint=hint, key=self._signer.address)
        return self._send("withdrawCredit") | {"collected_wei": str(owed)}

    def _send(self, function: str, *arguments: Any, value_wei: int = 0) -> dict[str, Any]:
        data = self._contract.encode(function, *arguments)
        with queue_for_once(self._client, self._signer, self._clock) as queue:
            receipt = queue.send(f"bond/{function}", self._contract.address, data, value_wei=value_wei)
        return {"tx": _hex(receipt.transaction_hash), "gas": receipt.gas_used, "block": receipt.block_number}


def sent_page(facts: dict[str, Any]) -> Page:
    """Return what became of a call for people."""
    told: list[RenderableType] = [f"on L1 in block {facts['block']}, {facts['gas']:,} gas, {facts['tx']}"]
    if "counts_from" in facts:
        told.append(f"receipts by {facts['key']} count from {_time(facts['counts_from'])} on")
    if "epoch" in facts:
        told.append(f"epoch {facts['epoch']}")
    if "free_at" in facts:
        told.append(f"the bond is free from {_time(facts['free_at'])} on, if no claim is pending then")
    if "collected_wei" in facts:
        told.append(f"{ether(facts['collected_wei'])} ether came home")
    return told


def _key_time(facts: dict[str, Any]) -> str:
    since, until = facts["counts_from"], facts["counts_until"]
    if not since:
        return "which L1 does not know: give set-key"
    if facts["now"] < since:
        return f"which counts from {_time(since)} on"
    return f"which counts until {_time(until)}" if until else "which counts"


def _time(seconds: int) -> str:
    return spoken(seconds * 1_000)


def _address(given: Any) -> bytes:
    return given if isinstance(given, bytes) else bytes.fromhex(str(given).removeprefix("0x"))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
