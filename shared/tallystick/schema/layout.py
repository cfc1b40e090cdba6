"""Cells and registers: every byte of the exchange's state."""

from __future__ import annotations

from tallystick.schema.model import ADDRESS, BITS64, BITS128, BITS256, HASH, I64, U8, U16, U32, U64, Field, Struct, f

MAX_POSITIONS = 16
MAX_MARKETS = 64
MAX_SIGNERS = 16

POSITION = Struct(
    name="Position",
    doc="A position in one market; an empty slot has size 0.",
    fields=(
        f("market", U8, "market id"),
        f("size_lots", I64, "signed size in lots, long is positive"),
    ),
)

ACCOUNT = Struct(
    name="Account",
    tag=1,
    index="account id, given by the Vault",
    doc="A margin account: its owner, cash and positions.",
    fields=(
        f("owner", ADDRESS, "L1 address that owns it; zero when nobody does"),
        f("cash_units", I64, "cash ledger: deposits less withdrawals, fees and what was paid for positions"),
        f("nonce_word", U64, "number of the nonce window's current word, nonce >> 7"),
        f("nonce_current", BITS128, "nonces used in the current word"),
        f("nonce_previous", BITS128, "nonces used in the word before"),
        f("dead_before", U64, "orders with a smaller sequence number are cancelled"),
        Field(name="positions", group=POSITION, count=MAX_POSITIONS, doc="open positions, any slot"),
    ),
)

AGENT = Struct(
    name="Agent",
    tag=2,
    index="account id << 4 | slot (1 to 15)",
    doc="A key that may trade for an account, but never withdraw.",
    fields=(
        f("key", ADDRESS, "the agent's address; zero when revoked"),
        f("scope", U8, "bit 0: place orders, bit 1: cancel orders"),
        f("expiry_ms", U64, "clock at which it ends; 0 for never"),
    ),
)

MARKET = Struct(
    name="Market",
    tag=3,
    index="market id (0 to 63)",
    doc="A market's rules and totals.",
    fields=(
        f("status", U8, "0 not listed, 1 live"),
        f("taker_ppm", U32, "taker fee in millionths of the notional"),
        f("maker_ppm", U32, "maker fee in millionths of the notional"),
        f("max_lots", U64, "largest order and largest position"),
        f("open_interest_lots", U64, "sum of all long positions"),
        f("net_lots", I64, "sum of all positions: 0 after every step"),
    ),
)

RISK_MARKET = Struct(
    name="RiskMarket",
    doc="What a margin check needs of one market.",
    fields=(
        f("mark_ticks", U32, "mark price; 0 until the first one"),
        f("multiplier", U32, "value of one lot at one tick, in units"),
        f("initial_ppm", U32, "initial margin fraction in millionths"),
        f("maintenance_ppm", U32, "maintenance margin fraction in millionths"),
    ),
)

RISK = Struct(
    name="Risk",
    tag=4,
    index="0",
    doc="Marks and margin fractions of all markets, so that a cross-margin check reads two cells.",
    fields=(Field(name="markets", group=RISK_MARKET, count=MAX_MARKETS, doc="by market id"),),
)

BITMAP = Struct(
    name="Bitmap",
    tag=5,
    index="market << 19 | side << 18 | level << 16 | word, level 0 the top",
    doc="256 occupancy bits of one level of a book side.",
    fields=(f("bits", BITS256, "bit i: something rests below child i"),),
)

LEVEL = Struct(
    name="Level",
    tag=6,
    index="market << 25 | side << 24 | price in ticks",
    doc="The orders at one price: a FIFO of pages.",
    fields=(
        f("head_page", U32, "page with the oldest orders"),
        f("tail_page", U32, "page where the next order goes"),
        f("orders", U32, "orders at this price"),
    ),
)

PAGE = Struct(
    name="Page",
    tag=7,
    index="page id, from 1, recycled",
    doc="64 order slots in order of arrival.",
    fields=(
        f("next_page", U32, "next page of the price, or of the free list"),
        f("used", U8, "slots handed out so far"),
        f("bits", BITS64, "slots that hold an order"),
    ),
)

ORDER = Struct(
    name="Order",
    tag=8,
    index="page id << 6 | position",
    doc="A resting order.",
    fields=(
        f("account", U32, "whose it is"),
        f("market", U8, "market id"),
        f("side", U8, "0 buy, 1 sell"),
        f("price_ticks", U32, "limit price"),
        f("remaining_lots", U64, "what is not filled yet; an empty slot has 0"),
        f("client_id", U64, "the trader's own number for it"),
        f("sequence", U64, "number of the record that placed it"),
        f("expiry_ms", U64, "clock at which it ends; 0 for never"),
    ),
)

ORACLE = Struct(
    name="Oracle",
    tag=9,
    index="market id",
    doc="The reports of a market's newest round.",
    fields=(
        f("round", U64, "the newest round"),
        f("seen", U16, "bit i: signer i reported in this round"),
        f("prices", U32, "price in ticks by signer", count=MAX_SIGNERS),
    ),
)

CONFIG = Struct(
    name="Config",
    tag=10,
    index="0",
    doc="Keys that are not accounts.",
    fields=(
        f("governance", ADDRESS, "may list markets, and nothing else"),
        f("quorum", U8, "reports that make a median"),
        f("signers", ADDRESS, "price signers", count=MAX_SIGNERS),
    ),
)

OUTBOX = Struct(
    name="Outbox",
    tag=11,
    index="number of the withdrawal, from 0",
    doc="A withdrawal that L1 pays once.",
    fields=(
        f("recipient", ADDRESS, "whom the Vault pays"),
        f("amount_units", U64, "how much"),
        f("account", U64, "where it came from"),
    ),
)

CELLS = (ACCOUNT, AGENT, MARKET, RISK, BITMAP, LEVEL, PAGE, ORDER, ORACLE, CONFIG, OUTBOX)

REGISTERS = Struct(
    name="Registers",
    doc="Everything a step hands to the next, apart from cells.",
    fields=(
        f("domain", HASH, "EIP-712 domain separator of this deployment"),
        f("phase", U8, "which step comes next"),
        f("outcome", U8, "outcome code of the newest record or message"),
        f("batch_cursor", U64, "next batch, or the one being read"),
        f("batch_time", U64, "declared L1 time of the open batch, seconds"),
        f("batch_message_limit", U64, "messages the open batch consumes through"),
        f("chunk_count", U16, "chunks of the open batch"),
        f("chunk_cursor", U16, "next chunk, or the one being read"),
        f("chunk_offset", U16, "next byte of the open chunk"),
        f("chunk_length", U16, "bytes of the open chunk"),
        f("chunks_hash", HASH, "commitment to the open batch's chunks"),
        f("chunk_hash", HASH, "hash of the open chunk"),
        f("record_count", U64, "records so far"),
        f("record_accumulator", HASH, "hash chain over all records"),
        f("message_cursor", U64, "next L1 message"),
        f("message_target", U64, "messages being consumed through"),
        f("clock_ms", U64, "the exchange's clock"),
        f("free_page", U32, "first page of the free list; 0 for none"),
        f("page_count", U32, "pages ever handed out"),
        f("outbox_count", U64, "withdrawals so far"),
        f("deposited_units", I64, "all deposits"),
        f("withdrawn_units", I64, "all withdrawals"),
        f("fees_units", I64, "fees kept by the exchange"),
        f("cash_units", I64, "sum of every account's cash"),
        f("arg_account", U32, "record in progress: account"),
        f("arg_market", U8, "record in progress: market"),
        f("arg_side", U8, "record in progress: side"),
        f("arg_flags", U8, "record in progress: flags, scope"),
        f("arg_price", U32, "record in progress: price in ticks, multiplier"),
        f("arg_lots", U64, "record in progress: lots left, largest size"),
        f("arg_id", U64, "record in progress: client id, round, initial margin"),
        f("arg_time", U64, "record in progress: expiry, report time, clock, maintenance margin"),
        f("arg_amount", U64, "record in progress: units, taker fee"),
        f("arg_slot", U64, "record in progress: slot, signer, maker fee"),
        f("arg_address", ADDRESS, "record in progress: recipient, agent key"),
    ),
)
