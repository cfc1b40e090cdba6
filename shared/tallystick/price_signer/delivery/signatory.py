"""Who signs prices: a key in a file, or a signer that keeps the key and is handed typed data."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from tallystick.errors import BadInput, L1Error
from tallystick.l1.deployment import Deployment
from tallystick.l1.sending.keys import KeyFile, load_account
from tallystick.l1.sending.signer import RemoteKey, RemoteSigner
from tallystick.ports import Clock
from tallystick.records.codec import Record
from tallystick.records.signing import domain_separator, packed_signature, recover_signer, sign, typed_data
from tallystick.rollup.genesis import Genesis, decode_genesis
from tallystick.state.ordinals import SignerNumber

SIGNER_SECONDS = 2.0
"""A signer that takes longer misses a report; the next one comes at once."""


class Signatory(Protocol):
    """Signs records for one deployment."""

    @property
    def address(self) -> str:
        """Return whose signature it is."""
        ...

    def sign(self, record: Record) -> Record:
        """Return the record, signed. Raises: L1Error when the signer does not answer, or signs something else."""
        ...


class OwnKey:
    """A key of this process."""

    def __init__(self, secret: bytes, address: str, domain: bytes) -> None:
        self._secret, self._domain = secret, domain
        self.address = address

    def sign(self, record: Record) -> Record:
        """Return the record, signed."""
        return sign(record, self._domain, self._secret)


class FarKey:
    """A key behind a JSON-RPC signer, which is believed no signature but the one that was asked for."""

    def __init__(self, signer: RemoteSigner, deployment: Deployment) -> None:
        self._signer = signer
        self._chain_id, self._rollup = deployment.chain_id, "0x" + deployment.addresses.rollup.hex()
        self._domain = domain_of(deployment)
        self.address = signer.address

    def sign(self, record: Record) -> Record:
        """Return the record, signed. Raises: L1Error."""
        given = self._signer.sign_typed_data(typed_data(record, self._chain_id, self._rollup))
        try:
            signed = replace(record, signature=packed_signature(given))
        except BadInput as error:
            raise L1Error("the remote signer gave no signature") from error
        if recover_signer(signed, self._domain) != bytes.fromhex(self.address[2:]):
            raise L1Error("the remote signer signed something else")
        return signed


def domain_of(deployment: Deployment) -> bytes:
    """Return the EIP-712 domain separator of a deployment."""
    return domain_separator(deployment.chain_id, deployment.addresses.rollup.hex())


def load_signatory(key: KeyFile | RemoteKey, deployment: Deployment, clock: Clock) -> Signatory:
    """Return the signer a configuration names. Raises: ConfigError, L1Error."""
    if isinstance(key, RemoteKey):
        return FarKey(RemoteSigner(key, clock=clock, timeout_seconds=SIGNER_SECONDS, retries=0), deployment)
    account = load_account(key)
    return OwnKey(bytes(account.key), account.address, domain_of(deployment))


def number_of(address: str, genesis: Genesis) -> SignerNumber:
    """Return a price signer's number. Raises: BadInput when the deployment knows no such signer."""
    plain = bytes.fromhex(address[2:])
    if plain not in genesis.signers:
        raise BadInput("this key is no price signer of the deployment", key=address)
    return SignerNumber(genesis.signers.index(plain))


def number_in(address: str, deployment: Deployment) -> SignerNumber:
    """Return a price signer's number in a deployment. Raises: BadInput."""
    return number_of(address, decode_genesis(deployment.genesis))
