"""Record kinds: their numbers, fields, ranges and what is signed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from tallystick.schema.rules import RULES, camel


class Authority(IntEnum):
    """Who must have signed a record."""

    NOBODY = 0
    OWNER = 1
    OWNER_OR_AGENT = 2
    PRICE_SIGNER = 3
    GOVERNANCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordField:
    """One item of a record's list.

    Range: a number up to `limit`, canonical RLP; or `address`, exactly 20 bytes. `signed` is the name under which it
    is in the EIP-712 struct, empty when it is not signed. `accepted` is that of a field only a second signer signs.
    """

    name: str
    limit: int
    signed: str = ""
    address: bool = False
    accepted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBlob:
    """A string of a record's list, up to `limit` bytes. `signed` as in `RecordField`."""

    name: str
    limit: int
    signed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKind:
    """A kind of record: `kind byte || rlp(fields, blobs, a 64-byte EIP-2098 signature when somebody must sign)`.

    `acceptance` names the EIP-712 struct of a second signer, whose signature is the last blob: everything the first one
    has signed, and the fields that are `accepted`.
    """

    name: str
    number: int
    authority: Authority
    primary: str
    fields: tuple[RecordField, ...]
    doc: str
    blobs: tuple[RecordBlob, ...] = ()
    winds_down: bool = False
    """Whether it is taken in a wind-down too: what moves neither money nor positions, and what winds down."""
    acceptance: str = ""
    spares_nonce: bool = False
    """Whether a rejection leaves its nonces unused, also behind FETCH_RECORD: its own step uses them up."""

    @property
    def promised(self) -> bool:
        """Whether it is in the chain of what accounts signed, which an operator's receipts promise."""
        return self.authority in (Authority.OWNER, Authority.OWNER_OR_AGENT)

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


SIGNATURE_BYTES = 64
U8_LIMIT = (1 << 8) - 1
U32_LIMIT = (1 << 32) - 1
U62_LIMIT = (1 << 62) - 1


def _n(name: str, limit: int, signed: str = "") -> RecordField:
    return RecordField(name=name, limit=limit, signed=signed)


def _t(name: str, limit: int, accepted: str) -> RecordField:
    return RecordField(name=name, limit=limit, accepted=accepted)


def _a(name: str, signed: str) -> RecordField:
    return RecordField(name=name, limit=(1 << 160) - 1, signed=signed, address=True)


_RULE_FIELDS = tuple(_n(name, limit, camel(name)) for name, limit in RULES.items())

RECORDS: tuple[RecordKind, ...] = (
    RecordKind(
        name="clock",
        number=1,
        authority=Authority.NOBODY,
        primary="",
        winds_down=True,
        doc="Move the clock.",
        fields=(_n("clock_ms", U62_LIMIT),),
    ),
    RecordKind(
        name="order",
        number=3,
        authority=Authority.OWNER_OR_AGENT,
        primary="Order",
        doc="Place a limit order; `agent` 0 means the owner signed.",
        fields=(
            _n("account", U32_LIMIT, "account"),
            _n("agent", 15),
            _n("nonce", U62_LIMIT, "nonce"),
            _n("market", 63, "market"),
            _n("side", 1, "side"),
            _n("flags", 127, "flags"),
            _n("price_ticks", (1 << 24) - 1, "priceTicks"),
            _n("lots", U62_LIMIT, "lots"),
            _n("client_id", U62_LIMIT, "clientId"),
            _n("expiry_ms", U62_LIMIT, "expiryMs"),
        ),
    ),
    RecordKind(
        name="cancel",
        number=4,
        authority=Authority.OWNER_OR_AGENT,
        primary="Cancel",
        winds_down=True,
        doc="Cancel the resting order with this client id; `slot`, where it rests, is filled in by the operator.",
        fields=(
            _n("account", U32_LIMIT, "account"),
            _n("agent", 15),
            _n("nonce", U62_LIMIT, "nonce"),
            _n("client_id", U62_LIMIT, "clientId"),
            _n("slot", (1 << 36) - 1),
        ),
    ),
    RecordKind(
        name="withdraw",
        number=5,
        authority=Authority.OWNER,
        primary="Withdraw",
        doc="Withdraw to an L1 address.",
        fields=(
            _n("account", U32_LIMIT, "account"),
            _n("nonce", U62_LIMIT, "nonce"),
            _n("amount_units", U62_LIMIT, "amountUnits"),
            _a("recipient", "recipient"),
        ),
    ),
    RecordKind(
        name="approve_agent",
        number=6,
        authority=Authority.OWNER,
        primary="ApproveAgent",
        winds_down=True,
        doc="Let a key trade for the account; the zero address revokes the slot.",
        fields=(
            _n("account", U32_LIMIT, "account"),
            _n("nonce", U62_LIMIT, "nonce"),
            _n("slot", 15, "slot"),
            _a("key", "key"),
            _n("scope", 3, "scope"),
            _n("expiry_ms", U62_LIMIT, "expiryMs"),
        ),
    ),
    RecordKind(
        name="report_price",
        number=7,
        authority=Authority.PRICE_SIGNER,
        primary="PriceReport",
        doc="One signer's price of one market's round.",
        fields=(
            _n("market", 63, "market"),
            _n("signer", 15),
            _n("round", U62_LIMIT, "round"),
            _n("price_ticks", (1 << 24) - 1, "priceTicks"),
            _n("time_ms", U62_LIMIT, "timeMs"),
        ),
    ),
    RecordKind(
        name="list_market",
        number=8,
        authority=Authority.GOVERNANCE,
        primary="ListMarket",
        doc="List a new market: what never changes, then its rules.",
        fields=(
            _n("market", 63, "market"),
            _n("kind", 1, "kind"),
            _n("multiplier", U32_LIMIT, "multiplier"),
            _n("expiry_ms", U62_LIMIT, "expiryMs"),
            *_RULE_FIELDS,
        ),
    ),
    RecordKind(
        name="change_market",
        number=9,
        authority=Authority.GOVERNANCE,
        primary="ChangeMarket",
        doc="Propose a listed market's next rules; `change` is the number of proposals for it before, and one.",
        fields=(_n("market", 63, "market"), _n("change", U32_LIMIT, "change"), *_RULE_FIELDS),
    ),
    RecordKind(
        name="apply_change",
        number=10,
        authority=Authority.NOBODY,
        primary="",
        doc="Put a market's proposed rules in force when their time has come.",
        fields=(_n("market", 63),),
    ),
    RecordKind(
        name="settle_position",
        number=11,
        authority=Authority.NOBODY,
        primary="",
        doc="Turn an account's position in a settled market into cash.",
        fields=(_n("account", U32_LIMIT), _n("market", 63)),
    ),
    RecordKind(
        name="transfer",
        number=12,
        authority=Authority.OWNER,
        primary="Transfer",
        doc="Move cash to another account of the same owner, or into the insurance fund, which is account 0.",
        fields=(
            _n("account", U32_LIMIT, "account"),
            _n("nonce", U62_LIMIT, "nonce"),
            _n("to", U32_LIMIT, "to"),
            _n("amount_units", U62_LIMIT, "amountUnits"),
        ),
    ),
    RecordKind(
        name="bulk",
        number=13,
        authority=Authority.OWNER_OR_AGENT,
        primary="Bulk",
        doc="Place, cancel and replace orders under one signature; the operator fills in `slots`, 5 bytes a cancel or replace.",
        fields=(
            _n("account", U32_LIMIT, "account"),
            _n("agent", 15),
            _n("nonce", U62_LIMIT, "nonce"),
            _n("expiry_ms", U62_LIMIT, "expiryMs"),
        ),
        blobs=(RecordBlob(name="items", limit=3800, signed="items"), RecordBlob(name="slots", limit=1000)),
    ),
    RecordKind(
        name="cancel_all",
        number=14,
        authority=Authority.OWNER_OR_AGENT,
        primary="CancelAll",
        winds_down=True,
        doc="Cancel every order the account has placed so far.",
        fields=(
            _n("account", U32_LIMIT, "account"),
            _n("agent", 15),
            _n("nonce", U62_LIMIT, "nonce"),
        ),
    ),
    RecordKind(
        name="dead_man",
        number=15,
        authority=Authority.OWNER_OR_AGENT,
        primary="DeadMan",
        winds_down=True,
        doc="Arm the dead-man switch: from `time_ms` on all the account's orders are dead; 0 disarms it.",
        fields=(
            _n("account", U32_LIMIT, "account"),
            _n("agent", 15),
            _n("nonce", U62_LIMIT, "nonce"),
            _n("time_ms", U62_LIMIT, "timeMs"),
        ),
    ),
    RecordKind(
        name="clean",
        number=16,
        authority=Authority.NOBODY,
        primary="",
        winds_down=True,
        doc="Take a dead order out of the book.",
        fields=(_n("slot", (1 << 36) - 1),),
    ),
    RecordKind(
        name="liquidate",
        number=17,
        authority=Authority.NOBODY,
        primary="",
        doc="Send a position that its account cannot carry to the book; anybody may.",
        fields=(_n("account", U32_LIMIT), _n("market", 63)),
    ),
    RecordKind(
        name="take_over",
        number=18,
        authority=Authority.NOBODY,
        primary="",
        doc="Let the insurance fund take up a position that the book does not; anybody may.",
        fields=(_n("account", U32_LIMIT), _n("market", 63)),
    ),
    RecordKind(
        name="nominate_adl",
        number=19,
        authority=Authority.NOBODY,
        primary="",
        doc="Name the account whose opposite position is to take up one that nobody else takes; anybody may.",
        fields=(_n("account", U32_LIMIT), _n("market", 63), _n("candidate", U32_LIMIT)),
    ),
    RecordKind(
        name="deleverage",
        number=20,
        authority=Authority.NOBODY,
        primary="",
        doc="Close an account's position against the nominee's; anybody may.",
        fields=(_n("account", U32_LIMIT),),
    ),
    RecordKind(
        name="conditional",
        number=21,
        authority=Authority.OWNER_OR_AGENT,
        primary="ConditionalOrder",
        doc="Place an order that waits for a mark, or dies with another (`pair`, its client id); the operator fills in `pair_slot`.",
        fields=(
            _n("account", U32_LIMIT, "account"),
            _n("agent", 15),
            _n("nonce", U62_LIMIT, "nonce"),
            _n("market", 63, "market"),
            _n("side", 1, "side"),
            _n("flags", U8_LIMIT, "flags"),
            _n("price_ticks", (1 << 24) - 1, "priceTicks"),
            _n("lots", U62_LIMIT, "lots"),
            _n("client_id", U62_LIMIT, "clientId"),
            _n("expiry_ms", U62_LIMIT, "expiryMs"),
            _n("trigger_ticks", (1 << 24) - 1, "triggerTicks"),
            _n("pair", U62_LIMIT, "pair"),
            _n("pair_slot", (1 << 36) - 1),
        ),
    ),
    RecordKind(
        name="settle_account",
        number=22,
        authority=Authority.NOBODY,
        primary="",
        winds_down=True,
        doc="Wind down: count what an account is worth, and once all are counted, pay it; anybody may.",
        fields=(_n("account", U32_LIMIT),),
    ),
    RecordKind(
        name="block_trade",
        number=23,
        authority=Authority.OWNER_OR_AGENT,
        primary="BlockOffer",
        acceptance="BlockAccept",
        spares_nonce=True,
        doc="Trade with one other account, all or nothing and beside the book; `account` offers, `taker` accepts.",
        fields=(
            _n("account", U32_LIMIT, "account"),
            _n("agent", 15),
            _n("nonce", U62_LIMIT, "nonce"),
            _n("expiry_ms", U62_LIMIT, "expiryMs"),
            _n("market", 63, "market"),
            _n("side", 1, "side"),
            _n("lots", U62_LIMIT, "lots"),
            _n("price_ticks", (1 << 24) - 1, "priceTicks"),
            _n("counterparty", U32_LIMIT, "counterparty"),
            _n("reduces", 3, "reduces"),
            _t("taker", U32_LIMIT, "taker"),
            _n("taker_agent", 15),
            _t("taker_nonce", U62_LIMIT, "takerNonce"),
        ),
        blobs=(RecordBlob(name="acceptance", limit=SIGNATURE_BYTES),),
    ),
)

DOMAIN_NAME = "Tallystick"
DOMAIN_VERSION = "1"
