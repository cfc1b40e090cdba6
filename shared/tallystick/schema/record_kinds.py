"""Record kinds: their numbers, fields, ranges, what is signed, and the registers their fields go to."""

from __future__ import annotations

from tallystick.schema.market_rules import RULES, SIGNED, camel
from tallystick.schema.names import CONSTANTS, Phase, Scope
from tallystick.schema.record_model import NO_SCOPE, Authority, RecordBlob, RecordField, RecordKind, SeriesNamed

SIGNATURE_BYTES = 64
U8_LIMIT = (1 << 8) - 1
U32_LIMIT = (1 << 32) - 1
U62_LIMIT = (1 << 62) - 1


def _n(name: str, limit: int, signed: str = "", *, register: str = "", scope: Scope = NO_SCOPE) -> RecordField:
    return RecordField(name=name, limit=limit, signed=signed, register=register, scope=scope)


def _m(*, began: bool = True) -> RecordField:
    """The market of a signed record, with its series; `began` but for a listing, which begins it."""
    series = SeriesNamed.THIS if began else SeriesNamed.NEXT
    limit = CONSTANTS["MAX_SERIES"][0] << CONSTANTS["SERIES_SHIFT"][0] | CONSTANTS["MAX_MARKETS"][0] - 1
    return RecordField(name="market", limit=limit, signed="market", register="arg_market", series=series)


def _t(name: str, limit: int, accepted: str) -> RecordField:
    return RecordField(name=name, limit=limit, accepted=accepted)


def _a(name: str, signed: str, *, register: str = "") -> RecordField:
    return RecordField(name=name, limit=(1 << 160) - 1, signed=signed, address=True, register=register)


_ACCOUNT = _n("account", U32_LIMIT, "account", register="arg_account")
_NONCE = _n("nonce", U62_LIMIT, "nonce")
_BY_OWNER = (_ACCOUNT, _NONCE)
_BY_OWNER_OR_AGENT = (_ACCOUNT, _n("agent", 15), _NONCE)
_RULE_FIELDS = tuple(_n(name, limit, SIGNED.get(name, camel(name))) for name, limit in RULES.items())

RECORDS: tuple[RecordKind, ...] = (
    RecordKind(
        name="clock",
        number=1,
        authority=Authority.NOBODY,
        phase=Phase.SET_CLOCK,
        operators_own=True,
        winds_down=True,
        doc="Move the clock.",
        fields=(_n("clock_ms", U62_LIMIT, register="arg_time_ms"),),
    ),
    RecordKind(
        name="order",
        number=3,
        authority=Authority.OWNER_OR_AGENT,
        scope=Scope.PLACE,
        phase=Phase.PLACE_ORDER,
        primary="Order",
        doc="Place a limit order; `agent` 0 means the owner signed.",
        fields=(
            *_BY_OWNER_OR_AGENT,
            _m(),
            _n("side", 1, "side", register="arg_side"),
            _n("flags", 127, "flags", register="arg_flags"),
            _n("price_ticks", (1 << 24) - 1, "priceTicks", register="arg_price_ticks"),
            _n("lots", U62_LIMIT, "lots", register="arg_lots"),
            _n("client_id", U62_LIMIT, "clientId", register="arg_client_id"),
            _n("expiry_ms", U62_LIMIT, "expiryMs", register="arg_time_ms"),
        ),
    ),
    RecordKind(
        name="cancel",
        number=4,
        authority=Authority.OWNER_OR_AGENT,
        scope=Scope.CANCEL,
        phase=Phase.CANCEL_ORDER,
        primary="Cancel",
        winds_down=True,
        doc="Cancel the resting order with this client id; `slot`, where it rests, is filled in by the operator.",
        fields=(
            *_BY_OWNER_OR_AGENT,
            _n("client_id", U62_LIMIT, "clientId", register="arg_client_id"),
            _n("slot", (1 << 36) - 1, register="arg_order_slot"),
        ),
    ),
    RecordKind(
        name="withdraw",
        number=5,
        authority=Authority.OWNER,
        phase=Phase.WITHDRAW,
        primary="Withdraw",
        doc="Withdraw to an L1 address.",
        fields=(
            *_BY_OWNER,
            _n("amount_units", U62_LIMIT, "amountUnits", register="arg_amount_units"),
            _a("recipient", "recipient", register="arg_address"),
        ),
    ),
    RecordKind(
        name="approve_agent",
        number=6,
        authority=Authority.OWNER,
        phase=Phase.APPROVE_AGENT,
        primary="ApproveAgent",
        winds_down=True,
        doc="Let a key trade for the account; the zero address revokes the slot.",
        fields=(
            *_BY_OWNER,
            _n("slot", 15, "slot", register="arg_agent_slot"),
            _a("key", "key", register="arg_address"),
            _n("scope", 3, "scope", register="arg_flags"),
            _n("expiry_ms", U62_LIMIT, "expiryMs", register="arg_time_ms"),
        ),
    ),
    RecordKind(
        name="report_prices",
        number=7,
        authority=Authority.PRICE_SIGNER,
        phase=Phase.REPORT_PRICE,
        primary="PriceReports",
        doc="One signer's prices of a moment: of each market 4 bytes, its number 1 and its price 3.",
        fields=(_n("signer", 15), _n("time_ms", U62_LIMIT, "timeMs")),
        blobs=(
            RecordBlob(
                name="pairs", limit=CONSTANTS["MAX_MARKETS"][0] * CONSTANTS["REPORT_PAIR_BYTES"][0], signed="pairs"
            ),
        ),
    ),
    RecordKind(
        name="list_market",
        number=8,
        authority=Authority.GOVERNANCE,
        phase=Phase.LIST_MARKET,
        primary="ListMarket",
        doc="List a new market, or the next series of a settled one: what never changes, then its rules.",
        fields=(
            _m(began=False),
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
        phase=Phase.CHANGE_MARKET,
        primary="ChangeMarket",
        doc="Propose a listed market's next rules; `change` is the number of proposals for it before, and one.",
        fields=(_m(), _n("change", U32_LIMIT, "change"), *_RULE_FIELDS),
    ),
    RecordKind(
        name="apply_change",
        number=10,
        authority=Authority.NOBODY,
        phase=Phase.APPLY_CHANGE,
        doc="Put a market's proposed rules, or the proposed account of the fees, in force when their time has come.",
        fields=(_n("pending", CONSTANTS["FEE_ACCOUNT_PENDING"][0], register="arg_market"),),
    ),
    RecordKind(
        name="settle_position",
        number=11,
        authority=Authority.NOBODY,
        phase=Phase.SETTLE_POSITION,
        doc="Turn an account's position in a settled market into cash.",
        fields=(_n("account", U32_LIMIT, register="arg_account"), _n("market", 63, register="arg_market")),
    ),
    RecordKind(
        name="transfer",
        number=12,
        authority=Authority.OWNER,
        phase=Phase.TRANSFER,
        primary="Transfer",
        doc="Move cash to another account of the same owner, or into the insurance fund of a market or the treasury.",
        fields=(
            *_BY_OWNER,
            _n("to", U32_LIMIT, "to", register="arg_to_account"),
            _n("amount_units", U62_LIMIT, "amountUnits", register="arg_amount_units"),
        ),
    ),
    RecordKind(
        name="bulk",
        number=13,
        authority=Authority.OWNER_OR_AGENT,
        scope=Scope.PLACE | Scope.CANCEL,
        phase=Phase.NEXT_ITEM,
        primary="Bulk",
        doc="Place, cancel and replace orders under one signature; the operator fills in `slots`, 5 bytes a cancel or replace.",
        fields=(
            *_BY_OWNER_OR_AGENT,
            _n("expiry_ms", U62_LIMIT, "expiryMs"),
        ),
        blobs=(RecordBlob(name="items", limit=3800, signed="items"), RecordBlob(name="slots", limit=1000)),
    ),
    RecordKind(
        name="cancel_all",
        number=14,
        authority=Authority.OWNER_OR_AGENT,
        scope=Scope.CANCEL,
        phase=Phase.CANCEL_ALL,
        primary="CancelAll",
        winds_down=True,
        doc="Cancel every order the account has placed so far.",
        constants=(("arg_sequence", U62_LIMIT),),
        fields=_BY_OWNER_OR_AGENT,
    ),
    RecordKind(
        name="dead_man",
        number=15,
        authority=Authority.OWNER_OR_AGENT,
        scope=Scope.CANCEL,
        phase=Phase.SET_DEAD_MAN,
        primary="DeadMan",
        winds_down=True,
        doc="Arm the dead-man switch: from `time_ms` on all the account's orders are dead; 0 disarms it.",
        fields=(
            *_BY_OWNER_OR_AGENT,
            _n("time_ms", U62_LIMIT, "timeMs", register="arg_time_ms"),
        ),
    ),
    RecordKind(
        name="clean",
        number=16,
        authority=Authority.NOBODY,
        phase=Phase.CLEAN_ORDER,
        winds_down=True,
        doc="Take orders that are dead, or not carried, out of the book: 5 bytes for the slot of each.",
        fields=(),
        blobs=(RecordBlob(name="slots", limit=CONSTANTS["CLEAN_SLOTS"][0] * CONSTANTS["ITEM_SLOT_BYTES"][0]),),
    ),
    RecordKind(
        name="liquidate",
        number=17,
        authority=Authority.NOBODY,
        phase=Phase.LIQUIDATE,
        doc="Send a position that its account cannot carry to the book; anybody may.",
        fields=(_n("account", U32_LIMIT, register="arg_account"), _n("market", 63, register="arg_market")),
    ),
    RecordKind(
        name="take_over",
        number=18,
        authority=Authority.NOBODY,
        phase=Phase.TAKE_OVER,
        doc="Let the market's insurance fund take up lots of a position that the book does not; anybody may.",
        fields=(
            _n("account", U32_LIMIT, register="arg_account"),
            _n("market", 63, register="arg_market"),
            _n("lots", U62_LIMIT, register="arg_lots"),
        ),
    ),
    RecordKind(
        name="nominate_adl",
        number=19,
        authority=Authority.NOBODY,
        phase=Phase.NOMINATE_ADL,
        doc="Name the account whose opposite position is to take up one that nobody else takes; anybody may.",
        fields=(
            _n("account", U32_LIMIT, register="arg_account"),
            _n("market", 63, register="arg_market"),
            _n("candidate", U32_LIMIT, register="arg_candidate"),
        ),
    ),
    RecordKind(
        name="deleverage",
        number=20,
        authority=Authority.NOBODY,
        phase=Phase.DELEVERAGE,
        doc="Close an account's position against the nominee's; anybody may.",
        fields=(_n("account", U32_LIMIT, register="arg_account"),),
    ),
    RecordKind(
        name="conditional",
        number=21,
        authority=Authority.OWNER_OR_AGENT,
        scope=Scope.PLACE,
        phase=Phase.PLACE_ORDER,
        primary="ConditionalOrder",
        doc="Place an order that waits for a mark, or dies with another (`pair`, its client id); the operator fills in `pair_slot`.",
        fields=(
            *_BY_OWNER_OR_AGENT,
            _m(),
            _n("side", 1, "side", register="arg_side"),
            _n("flags", U8_LIMIT, "flags", register="arg_flags"),
            _n("price_ticks", (1 << 24) - 1, "priceTicks", register="arg_price_ticks"),
            _n("lots", U62_LIMIT, "lots", register="arg_lots"),
            _n("client_id", U62_LIMIT, "clientId", register="arg_client_id"),
            _n("expiry_ms", U62_LIMIT, "expiryMs", register="arg_time_ms"),
            _n("trigger_ticks", (1 << 24) - 1, "triggerTicks", register="arg_trigger_ticks"),
            # To name a pair is to cancel it, when the new order ends.
            _n("pair", U62_LIMIT, "pair", register="arg_pair", scope=Scope.CANCEL),
            _n("pair_slot", (1 << 36) - 1, register="arg_pair_slot"),
        ),
    ),
    RecordKind(
        name="settle_account",
        number=22,
        authority=Authority.NOBODY,
        phase=Phase.SETTLE_ACCOUNT,
        winds_down=True,
        doc="Wind down: count what an account is worth, and once all are counted, pay it; anybody may.",
        fields=(_n("account", U32_LIMIT, register="arg_account"),),
    ),
    RecordKind(
        name="block_trade",
        number=23,
        authority=Authority.OWNER_OR_AGENT,
        scope=Scope.PLACE,
        phase=Phase.BLOCK_TRADE,
        primary="BlockOffer",
        acceptance="BlockAccept",
        spares_nonce=True,
        doc="Trade with one other account, all or nothing and beside the book; `account` offers, `taker` accepts.",
        fields=(
            *_BY_OWNER_OR_AGENT,
            _n("expiry_ms", U62_LIMIT, "expiryMs"),
            _m(),
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
    RecordKind(
        name="cancel_before",
        number=25,  # 24 is in a recorded history, where it is no kind.
        authority=Authority.OWNER_OR_AGENT,
        scope=Scope.CANCEL,
        phase=Phase.CANCEL_ALL,
        primary="CancelBefore",
        winds_down=True,
        doc="Cancel the orders with a smaller sequence number, of those the account has placed so far.",
        fields=(*_BY_OWNER_OR_AGENT, _n("sequence", U62_LIMIT, "sequence", register="arg_sequence")),
    ),
    RecordKind(
        name="sweep",
        number=26,
        authority=Authority.NOBODY,
        phase=Phase.SWEEP,
        doc="Pay the fees kept so far to the treasury and to the account of the fees; anybody may.",
        fields=(),
    ),
    RecordKind(
        name="top_up",
        number=27,
        authority=Authority.NOBODY,
        phase=Phase.TOP_UP,
        doc="Bring the insurance fund of a market back to what it is to be worth, out of the treasury; anybody may.",
        fields=(_n("market", 63, register="arg_market"),),
    ),
    RecordKind(
        name="change_fee_account",
        number=29,
        authority=Authority.GOVERNANCE,
        phase=Phase.CHANGE_FEE_ACCOUNT,
        primary="ChangeFeeAccount",
        doc="Propose the account that fees go to; `change` is the number of proposals for it before, and one.",
        fields=(
            _n("account", U32_LIMIT, "account", register="arg_account"),
            _n("change", U32_LIMIT, "change", register="arg_change"),
        ),
    ),
    RecordKind(
        name="delist",
        number=30,
        authority=Authority.GOVERNANCE,
        phase=Phase.DELIST,
        primary="Delist",
        doc="Let a perpetual expire in a week, as a dated future does.",
        fields=(_m(),),
    ),
)

DOMAIN_NAME = "Tallystick"
DOMAIN_VERSION = "1"
