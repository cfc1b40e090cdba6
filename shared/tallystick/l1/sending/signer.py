"""Who signs transactions: a key in a file, or a signer of its own that this process asks and never sees the key of."""

import json
from dataclasses import dataclass
from typing import Any, Final, Protocol

import rlp
from eth_account import Account
from eth_hash.auto import keccak
from eth_utils.address import is_address, to_checksum_address

from tallystick.errors import BadInput, ConfigError, L1Error, L1Unreachable
from tallystick.l1.client.http_client import DEFAULT_RETRIES, L1Client
from tallystick.l1.sending.keys import KeyFile, load_account
from tallystick.ports import Clock

UNSIGNED_FIELDS: Final = 9
"""Of a dynamic-fee transaction (EIP-1559); the parity and both halves of the signature follow."""
SIGNER_TIMEOUT_SECONDS: Final = 20.0
TYPED_METHODS: Final = ("eth_signTypedData_v4", "eth_signTypedData")
"""What signers call signing typed data: wallets and nodes the first, web3signer the second."""
NO_SUCH_METHOD: Final = -32601


class Signed(Protocol):
    """A signed transaction."""

    @property
    def hash(self) -> Any:
        """Return the transaction's hash."""
        ...

    @property
    def raw_transaction(self) -> Any:
        """Return what is sent."""
        ...


class Signer(Protocol):
    """An account that signs; eth_account's LocalAccount is one."""

    @property
    def address(self) -> str:
        """Return the address that signs."""
        ...

    def sign_transaction(self, transaction_dict: dict[str, Any]) -> Signed:
        """Return the transaction, signed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteKey:
    """A key behind a JSON-RPC signer. The address may be left out where the signer has one account only."""

    url: str
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotelySigned:
    """A transaction that a remote signer signed."""

    hash: bytes
    raw_transaction: bytes


class RemoteSigner:
    """Asks a signer by eth_signTransaction, and takes nothing but what was asked for, signed by the account."""

    def __init__(
        self,
        key: RemoteKey,
        *,
        clock: Clock,
        timeout_seconds: float = SIGNER_TIMEOUT_SECONDS,
        retries: int = DEFAULT_RETRIES,
    ) -> None:
        """Raises: ConfigError, when the signer does not have the account; L1Unreachable, when it does not answer."""
        if key.address and not is_address(key.address):
            raise ConfigError("not an address", address=key.address)
        try:
            self._client = L1Client(key.url, timeout_seconds=timeout_seconds, retries=retries, clock=clock)
        except BadInput as error:
            raise ConfigError("a remote signer is an http or https URL") from error
        accounts = [to_checksum_address(account) for account in self._ask("eth_accounts")]
        wanted = to_checksum_address(key.address) if key.address else ""
        if wanted and wanted not in accounts:
            raise ConfigError("the remote signer does not have this account", address=wanted)
        if not wanted and len(accounts) != 1:
            raise ConfigError("which of the signer's accounts?", hint="give its address", accounts=len(accounts))
        self._address = str(wanted or accounts[0])
        self._typed_method = TYPED_METHODS[0]

    @property
    def address(self) -> str:
        """Return the address that signs."""
        return self._address

    def sign_transaction(self, transaction_dict: dict[str, Any]) -> RemotelySigned:
        """The transaction, signed.

        Raises: L1Error, when the signer refuses, or gives anything but what was asked for; L1Unreachable.
        """
        request = {
            "from": self._address,
            "type": "0x2",
            "chainId": hex(transaction_dict["chainId"]),
            "nonce": hex(transaction_dict["nonce"]),
            "gas": hex(transaction_dict["gas"]),
            "value": hex(transaction_dict["value"]),
            "data": "0x" + transaction_dict["data"].hex(),
            "maxFeePerGas": hex(transaction_dict["maxFeePerGas"]),
            "maxPriorityFeePerGas": hex(transaction_dict["maxPriorityFeePerGas"]),
        }
        if transaction_dict.get("to"):
            request["to"] = to_checksum_address(transaction_dict["to"])
        answer = self._ask("eth_signTransaction", request)
        # web3signer answers with the bytes, geth and clef with an object that has them
        text = answer.get("raw") if isinstance(answer, dict) else answer
        try:
            raw = bytes.fromhex(str(text).removeprefix("0x"))
            signer = to_checksum_address(Account.recover_transaction(raw))
            given = rlp.decode(raw[1:])[:UNSIGNED_FIELDS]
        except Exception as error:  # whatever a decoder makes of another's bytes
            raise L1Error("the remote signer gave no signed transaction", endpoint=self._client.endpoint) from error
        if raw[:1] != b"\2" or given != _unsigned(transaction_dict) or signer != self._address:
            raise L1Error("the remote signer signed something else", endpoint=self._client.endpoint)
        return RemotelySigned(hash=keccak(raw), raw_transaction=raw)

    def sign_typed_data(self, data: dict[str, Any]) -> bytes:
        """Return what the signer gives as the account's signature of typed data (EIP-712); whether it is one, is not checked.

        Raises: L1Error, when the signer refuses, or gives no bytes; L1Unreachable.
        """
        text = json.dumps(data)
        try:
            given = self._ask(self._typed_method, self._address, text)
        except L1Error as error:
            if error.data.get("code") != NO_SUCH_METHOD:
                raise
            given = self._ask(TYPED_METHODS[1], self._address, text)
            self._typed_method = TYPED_METHODS[1]
        try:
            return bytes.fromhex(str(given).removeprefix("0x"))
        except ValueError as error:
            raise L1Error("the remote signer gave no signature", endpoint=self._client.endpoint) from error

    def _ask(self, method: str, *params: Any) -> Any:
        try:
            return self._client.request(method, *params)
        except L1Unreachable as error:
            raise L1Unreachable("no answer from the remote signer", endpoint=self._client.endpoint) from error
        except L1Error as error:
            raise L1Error(
                f"the remote signer refused: {error.message.removeprefix('L1 refused: ')}",
                endpoint=self._client.endpoint,
                code=error.data.get("code", 0),
            ) from error


def load_signer(key: KeyFile | RemoteKey, clock: Clock) -> Signer:
    """The signer a configuration names.

    Raises: as `load_account` and `RemoteSigner`.
    """
    if isinstance(key, RemoteKey):
        return RemoteSigner(key, clock=clock)
    account: Signer = load_account(key)
    return account


def _unsigned(fields: dict[str, Any]) -> list[Any]:
    numbers = [fields[name] for name in ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas")]
    encoded = [value.to_bytes((value.bit_length() + 7) // 8, "big") for value in (*numbers, fields["value"])]
    return [*encoded[:5], bytes(fields.get("to") or b""), encoded[5], bytes(fields["data"]), []]
