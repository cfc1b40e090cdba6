"""The vocabulary records are declared in: their fields, who must have signed them, which step they begin with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from tallystick.schema.names import Phase, Scope

NO_SCOPE = Scope(0)


class Authority(IntEnum):
    """Who must have signed a record."""

    NOBODY = 0
    OWNER = 1
    OWNER_OR_AGENT = 2
    PRICE_SIGNER = 3
    GOVERNANCE = 4


LEADING: dict[Authority, tuple[str, ...]] = {
    Authority.OWNER: ("account", "nonce"),
    Authority.OWNER_OR_AGENT: ("account", "agent", "nonce"),
    Authority.PRICE_SIGNER: ("signer",),
}
"""The fields that a kind begins with, so that whoever checks its signature finds who signed at one place."""


class SeriesNamed(IntEnum):
    """What series a market's field names beside the market, if any."""

    NONE = 0
    THIS = 1
    """The one that is listed: another is refused with the record."""
    NEXT = 2
    """One that the record begins: its own step asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordField:
    """One item of a record's list.

    Range: a number up to `limit`, canonical RLP; or `address`, exactly 20 bytes. `signed` is the name under which it
    is in the EIP-712 struct, empty when it is not signed. `accepted` is that of a field only a second signer signs.
    `register` holds it while the record is in progress, empty when its step reads the record itself. `scope` is what an
    agent must be allowed to do besides, when it is not 0. A field with a `series` is market | series << SERIES_SHIFT; its
    register holds the market alone.
    """

    name: str
    limit: int
    signed: str = ""
    address: bool = False
    accepted: str = ""
    register: str = ""
    scope: Scope = NO_SCOPE
    series: SeriesNamed = SeriesNamed.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBlob:
    """A string of a record's list, up to `limit` bytes. `signed` as in `RecordField`."""

    name: str
    limit: int
    signed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKind:
    """A kind of record: `kind byte || rlp(fields, blobs, a 64-byte EIP-2098 signature when somebody must sign)`.

    `phase` is the step it begins with once it is admitted, `scope` what an agent must be allowed to do to sign it.
    `acceptance` names the EIP-712 struct of a second signer, whose signature is the last blob: everything the first one
    has signed, and the fields that are `accepted`.
    """

    name: str
    number: int
    authority: Authority
    phase: Phase
    fields: tuple[RecordField, ...]
    doc: str
    primary: str = ""
    scope: Scope = NO_SCOPE
    blobs: tuple[RecordBlob, ...] = ()
    winds_down: bool = False
    """Whether it is taken in a wind-down too: what moves neither money nor positions, and what winds down."""
    constants: tuple[tuple[str, int], ...] = ()
    """(register, value) for what it sets beside its fields: two kinds that lead to one step differ by it."""
    acceptance: str = ""
    spares_nonce: bool = False
    """Whether a rejection leaves its nonces unused, also behind FETCH_RECORD: its own step uses them up."""
    operators_own: bool = False
    """Whether the operator alone writes it: nobody hands it in, and it is no message of L1."""

    def __post_init__(self) -> None:
        """Raises: ValueError when what is declared of the kind does not go together."""
        leading = LEADING.get(self.authority, ())
        if tuple(field.name for field in self.fields[: len(leading)]) != leading:
            raise ValueError(f"{self.name}: what {self.authority.name} signs begins with {', '.join(leading)}")
        if bool(self.scope) != (self.authority is Authority.OWNER_OR_AGENT):
            raise ValueError(f"{self.name}: a scope is for what an agent may sign, and for nothing else")
        if any(bool(field.series) != (field.name == "market" and bool(self.authority)) for field in self.fields):
            raise ValueError(f"{self.name}: who signs a record names a market with its series, and nobody else does")
        if bool(self.primary) != (self.authority is not Authority.NOBODY):
            raise ValueError(f"{self.name}: what somebody signs has an EIP-712 type, and nothing else has")

    @property
    def promised(self) -> bool:
        """Whether it is in the chain of what accounts signed, which an operator's receipts promise."""
        return self.authority in (Authority.OWNER, Authority.OWNER_OR_AGENT)

    @property
    def names_series(self) -> bool:
        """Whether it is of one series of a market alone, the one that is listed."""
        return any(field.series is SeriesNamed.THIS for field in self.fields)

    @property
    def market_at(self) -> int:
        """The place of the market that it names with a series, 0 when it names none."""
        return next((place for place, field in enumerate(self.fields) if field.series), 0)

    @property
    def encoded_type(self) -> str:
        """The EIP-712 `encodeType` of its signed struct."""
        parts = [f"{'address' if x.address else 'uint64'} {x.signed}" for x in self.fields if x.signed]
        parts += [f"bytes {x.signed}" for x in self.blobs if x.signed]
        return f"{self.primary}({','.join(parts)})"

    @property
    def encoded_acceptance(self) -> str:
        """The EIP-712 `encodeType` of the struct a second signer signs."""
        names = [x.signed or x.accepted for x in self.fields if x.signed or x.accepted]
        return f"{self.acceptance}({','.join(f'uint64 {name}' for name in names)})"
