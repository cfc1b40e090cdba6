"""Cells and registers: every byte of the exchange's state."""

from __future__ import annotations

from tallystick.schema.market_rules import RULES
from tallystick.schema.vocabulary import (
    ADDRESS,
    BITS64,
    BITS128,
    BITS256,
    HASH,
    I64,
    U8,
    U16,
    U32,
    U64,
    Field,
    Struct,
    f,
)

MAX_POSITIONS = 16
MAX_MARKETS = 64
MAX_SIGNERS = 16
QUOTERS = 16

POSITION = Struct(
    name="Position",
    doc="A position in one market; an empty slot has size 0.",
    fields=(
        f("market", U8, "market id"),
        f("size_lots", I64, "signed size in lots, long is positive"),
        f("funding_index_ppm", I64, "the market's funding index when the position last paid funding"),
        f("cost_units", I64, "what was paid for its lots, less than nothing for what was received for a short"),
        f("extra_units", I64, "initial margin beyond the market's, asked while its lots were added to open interest"),
    ),
)

ACCOUNT = Struct(
    name="Account",
    tag=1,
    index="account id, given by the Vault",
    key="AccountId",
    doc="A margin account: its owner, cash and positions.",
    fields=(
        f("owner", ADDRESS, "L1 address that owns it; zero when nobody does"),
        f("cash_units", I64, "cash ledger: deposits less withdrawals, fees and what was paid for positions"),
        f("nonce_word", U64, "number of the nonce window's current word, nonce >> 7"),
        f("nonce_current", BITS128, "nonces used in the current word"),
        f("nonce_previous", BITS128, "nonces used in the word before"),
        f("dead_before", U64, "orders with a smaller sequence number are cancelled"),
        f("dead_man_ms", U64, "clock from which all its orders are dead; 0 when the switch is not armed"),
        f("orders", U32, "its orders in all books, dead or alive"),
        f("settled", U8, "its place in a wind-down: 0 nothing yet, 1 its claim is counted, 2 it is paid"),
        f("claim_units", I64, "its claim in a wind-down"),
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
    key="MarketId",
    doc="A market's rules and totals.",
    fields=(
        f("status", U8, "0 not listed, 1 live, 2 settled"),
        f("kind", U8, "0 perpetual, 1 dated future"),
        f("expiry_ms", U64, "clock at which a dated future expires; 0 for a perpetual"),
        f("taker_fee_ppm", U32, "taker fee in millionths of the notional"),
        f("maker_fee_ppm", U32, "maker fee in millionths of the notional"),
        f("rebate_ppm", U32, "maker rebate in millionths of the notional, at most the taker fee"),
        f("liquidation_fee_ppm", U32, "largest liquidation fee in millionths of the notional"),
        f("max_lots", U64, "largest order and largest position"),
        f("max_open_interest_lots", U64, "largest open interest"),
        f("insurance_lots", U64, "largest position the insurance fund may take over"),
        f("fund_units", U64, "what the insurance fund is to be worth: below it, the treasury tops it up"),
        f("topped_ms", U64, "clock of the newest top-up of the fund; 0 before the first one"),
        f("surcharge_from_units", U64, "open interest from which what is added needs more initial margin; 0 for never"),
        f("surcharge_to_units", U64, "open interest at which all of the notional must stand behind what is added"),
        f("band_ppm", U32, "how far the mark may be from the index, at most half the maintenance fraction"),
        f("quote_lots", U64, "lots that a sample of the book looks for on each side; 0 counts as 1"),
        f("min_order_units", U64, "least worth of an order at the index, unless it only reduces or has fired"),
        f("live_ms", U64, "clock from which the market takes orders; 0 for one of the genesis"),
        f("open_interest_lots", U64, "sum of all long positions"),
        f("net_lots", I64, "sum of all positions: 0 after every step of a live market"),
        f("funding_whole_ticks", I64, "sum of size x (funding index of the position, whole ticks)"),
        f("funding_part_ppm", I64, "sum of size x (funding index of the position, millionths of a tick beyond them)"),
        f("fund_ms", U64, "clock of the newest takeover by the market's insurance fund, or fill of its unwinding"),
        f("fund_budget_units", I64, "what the fund's unwinding may lose against the index: half of what it has gained"),
        f("bear_ms", U64, "clock of the first loss of a bankrupt account that the fund's newest bound counts"),
        f("bear_units", U64, "what the fund has borne of bankrupt accounts since then"),
        f("bear_most_units", U64, "what it bears of them at most within BEAR_MS"),
        f("anchor_ticks", U32, "index of margins that jumps are measured from; 0 until the first index"),
        f("anchor_ms", U64, "clock when that began"),
        f("down_ticks", U32, "anchor of the newest fall that brakes, the highest of those whose brake still runs"),
        f("down_ms", U64, "clock until which that brake runs; 0 before the first one"),
        f("down_jump_ms", U64, "clock of that fall"),
        f("up_ticks", U32, "anchor of the newest rise that brakes, the lowest of those whose brake still runs"),
        f("up_ms", U64, "clock until which that brake runs; 0 before the first one"),
        f("up_jump_ms", U64, "clock of that rise"),
        f("settled_ms", U64, "clock when it settled; 0 before"),
        f("dead_ms", U64, "clock when it was first found dead, which counts while its index is older; 0 before"),
        f("series", U16, "how often the id was listed before: what a signed record names beside it"),
    ),
)

RISK_MARKET = Struct(
    name="RiskMarket",
    doc="What a margin check needs of one market.",
    fields=(
        f("mark_ticks", U32, "mark price; 0 until the first one"),
        f("index_ticks", U32, "index of margins that the mark followed last; 0 until the first one"),
        f("multiplier_units", U32, "value of one lot at one tick"),
        f("initial_ppm", U32, "initial margin fraction in millionths"),
        f("initial2_ppm", U32, "initial margin fraction of the notional beyond the second tier's beginning"),
        f("initial3_ppm", U32, "initial margin fraction of the notional beyond the third tier's beginning"),
        f("maintenance_ppm", U32, "maintenance margin fraction in millionths"),
        f("maintenance2_ppm", U32, "maintenance margin fraction beyond the second tier's beginning"),
        f("maintenance3_ppm", U32, "maintenance margin fraction beyond the third tier's beginning"),
        f("tier2_from_millions", U32, "notional at which the second tier begins, in millions of units; 0 for no tiers"),
        f("tier3_from_millions", U32, "notional at which the third tier begins, in millions of units; 0 for none"),
        f("funding_index_ppm", I64, "funding owed per lot and multiplier since listing, in millionths of a tick"),
        f("index_ms", U64, "time of the index the mark followed last; 0 when it is final, or there is none"),
        f("resumed_sequence", U64, "orders placed before it have outlived a halt; 0 while there was none"),
        f(
            "braked",
            U8,
            "at its newest index the brake of a fall held gaining shorts (1), that of a rise gaining longs (2)",
        ),
    ),
)

RISK = Struct(
    name="Risk",
    tag=4,
    index="0",
    doc="Prices and margin fractions of all markets, so that a cross-margin check reads two cells.",
    fields=(Field(name="markets", group=RISK_MARKET, count=MAX_MARKETS, doc="by market id", key="MarketId"),),
)

BITMAP = Struct(
    name="Bitmap",
    tag=5,
    index="book << 24 | market << 18 | level << 16 | word, level 0 the top",
    doc="256 occupancy bits of one level of a book.",
    fields=(f("bits", BITS256, "bit i: something rests below child i"),),
)

LEVEL = Struct(
    name="Level",
    tag=6,
    index="book << 30 | market << 24 | price in ticks",
    doc="The orders at one price of a book, or at one trigger of a parked one: a FIFO of pages.",
    fields=(
        f("head_page", U32, "page with the oldest orders"),
        f("tail_page", U32, "page where the next order goes"),
        f("orders", U32, "orders at this price"),
        f("lots", U64, "what is left of them, dead or alive; of parked orders always 0"),
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
    doc="An order that rests in the book, or is parked until its trigger.",
    fields=(
        f("account", U32, "whose it is"),
        f("market", U8, "market id"),
        f("side", U8, "0 buy, 1 sell"),
        f("price_ticks", U32, "limit price"),
        f("remaining_lots", U64, "what is not filled yet; an empty slot has 0"),
        f("client_id", U64, "the trader's own number for it"),
        f("sequence", U64, "records and messages up to the one that placed it"),
        f("expiry_ms", U64, "clock at which it ends; 0 for never"),
        f("flags", U16, "the order's flags"),
        f("trigger_ticks", U32, "mark at which it fires; 0 for an order in the book"),
        f("pair_slot", U64, "where its one-cancels-other partner is; 0 for none"),
        f("pair_sequence", U64, "the partner's sequence"),
    ),
)

ORACLE = Struct(
    name="Oracle",
    tag=9,
    index="market id",
    key="MarketId",
    doc="Each price signer's newest report of a market.",
    fields=(
        f("prices_ticks", U32, "price in ticks by signer", count=MAX_SIGNERS, key="SignerNumber"),
        f("times_ms", U64, "when the signer signed it; 0 before the first one", count=MAX_SIGNERS, key="SignerNumber"),
    ),
)

CONFIG = Struct(
    name="Config",
    tag=10,
    index="0",
    doc="Keys that are not accounts.",
    fields=(
        f("governance", ADDRESS, "may list markets, propose their rules and the account of the fees, and nothing else"),
        f(
            "fee_account",
            U32,
            "account that fees are swept to, but for the treasury's share; 0 leaves the treasury all",
        ),
        f("quorum", U8, "fresh reports that make a median"),
        f("signers", ADDRESS, "price signers", count=MAX_SIGNERS, key="SignerNumber"),
    ),
)

PRICE = Struct(
    name="Price",
    tag=12,
    index="market id",
    key="MarketId",
    doc="Where a market's mark comes from, and its funding between two ticks.",
    fields=(
        f("index_ticks", U32, "median of the fresh reports; 0 until the first one"),
        f("index_ms", U64, "when it was signed: the quorum-th newest of its reports, at most the clock"),
        f("resumed_ms", U64, "time of the first index after a long silence; 0 when there was none"),
        f("basis_ppm", I64, "moving average of the book's distance from the index, in millionths of a tick"),
        f("premium_sum_ppm", I64, "sum of premiums x milliseconds sampled since the last tick, in millionths"),
        f("premium_ms", U32, "how many milliseconds they are"),
        f("sample_ms", U64, "clock of the newest sample of the book"),
        f("tick_hour", U64, "hour of the newest tick, clock / 3,600,000"),
        f("settle_sum_ticks_ms", I64, "sum of a future's indices over its settlement window, each times its ms"),
        f("quoted", U32, "sample in progress: accounts counted on this side; 0 for none", count=QUOTERS),
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

PENDING = Struct(
    name="Pending",
    tag=13,
    index="market id; 80 for the account of the fees",
    doc="A change that is not in force yet: of a market's rules, or of the account that fees go to.",
    fields=(
        f("changes", U32, "changes proposed so far"),
        f("effective_ms", U64, "clock from which the newest may be put in force; 0 when there is none"),
        f("rules", U64, "the rules it brings, in the order of the record; the account is the first", count=len(RULES)),
    ),
)

DELEVERAGE = Struct(
    name="Deleverage",
    tag=14,
    index="account id of the account whose position is to be closed",
    key="AccountId",
    doc="The nominee for an auto-deleveraging.",
    fields=(
        f("market", U8, "market of the position"),
        f("candidate", U32, "account whose opposite position takes it up; 0 when nobody is nominated"),
        f("since_ms", U64, "clock from which ADL_DELAY_MS runs; of the newest deleveraging when nobody is nominated"),
    ),
)

CELLS = (ACCOUNT, AGENT, MARKET, RISK, BITMAP, LEVEL, PAGE, ORDER, ORACLE, CONFIG, OUTBOX, PRICE, PENDING, DELEVERAGE)

REGISTERS = Struct(
    name="Registers",
    doc="Everything a step hands to the next, apart from cells.",
    fields=(
        f("domain", HASH, "EIP-712 domain separator of this deployment"),
        f("phase", U8, "which step comes next"),
        f("resume", U8, "which step comes when the order in progress ends; 0 for the next message or record"),
        f("outcome", U8, "outcome code of the newest record or message"),
        f("batch_cursor", U64, "next batch, or the one being read"),
        f("batch_time_seconds", U64, "declared L1 time of the open batch's first record, seconds"),
        f("batch_until_seconds", U64, "declared L1 time of its last record, seconds"),
        f("batch_message_limit", U64, "messages the open batch consumes through, before its first record"),
        f("batch_source", U8, "where the open batch's chunks are: 0 calldata, 1 blobs"),
        f("chunk_count", U16, "chunks of the open batch"),
        f("chunk_cursor", U16, "next chunk, or the one being read"),
        f("chunk_offset", U16, "next byte of the open chunk"),
        f("chunk_length", U16, "bytes of the open chunk"),
        f("chunks_hash", HASH, "commitment to the open batch's chunks"),
        f("chunk_hash", HASH, "hash of the open chunk"),
        f("record_count", U64, "records so far"),
        f("record_accumulator", HASH, "hash chain over all records"),
        f("promised_count", U64, "records so far of kinds that accounts sign"),
        f("promised_accumulator", HASH, "hash chain over these"),
        f("message_cursor", U64, "next L1 message"),
        f("forced_ms", U64, "L1 time of the message whose order or record is in progress; 0 for none"),
        f("record_source", U8, "where the record in progress lies: 0 the open chunk, 1 the newest message"),
        f("clock_ms", U64, "the exchange's clock"),
        f("free_page", U32, "first page of the free list; 0 for none"),
        f("page_count", U32, "pages ever handed out"),
        f("orders_total", U32, "orders in all books, dead or alive"),
        f("outbox_count", U64, "withdrawals so far"),
        f("deposited_units", I64, "all deposits"),
        f("withdrawn_units", I64, "all withdrawals"),
        f("fees_units", I64, "fees kept by the exchange"),
        f("cash_units", I64, "sum of every account's cash"),
        f("last_index_ms", U64, "clock of the newest index of any market; 0 until the first one"),
        f("wind_down_ms", U64, "clock at which the wind-down began; 0 while the exchange is open"),
        f("claims_closed", U8, "1 when the claims of a wind-down have been added up for good"),
        f("claims_units", I64, "wind-down: all claims counted"),
        f("pool_units", I64, "wind-down: what these claims share"),
        f("surplus_units", I64, "wind-down: what is left for claims that come late"),
        f("funding_dust_ppm", I64, "what rounding of funding has kept, in millionths of a unit, below one unit"),
        f("firing_market", U8, "market whose triggers are being fired"),
        f("work", U32, "runs that the record in progress, or the order fired, may still make"),
        f("pair_work", U32, "runs left to the triggers of a report while an order that one fired has its own, and 1"),
        f("firing_book", U8, "how many of its parked books that is done with, the last number first"),
        f("fired_trigger_ticks", U32, "trigger of the fired order in progress; 0 when there is none"),
        f("fired_price_ticks", U32, "fired order in progress: its price as it was parked, 0 for a market order's"),
        f("fired_flags", U16, "fired order in progress: its flags as it was parked"),
        f("fired_sequence", U64, "fired order in progress: its sequence as it was parked"),
        f("tried_account", U32, "account of the newest LIQUIDATE that the book has left something of"),
        f("tried_market", U8, "its market"),
        f("tried_ms", U64, "its clock; 0 before the first one"),
        f("bulk_at", U16, "bulk or report in progress: where its record begins in the open chunk or the message"),
        f("bulk_end", U16, "bulk or report in progress: where its record ends; 0 for none"),
        f("bulk_item", U16, "bulk or report in progress: byte at which the next item or pair begins"),
        f("bulk_slot", U16, "bulk in progress: byte at which the next slot begins"),
        f(
            "bulk_half",
            U8,
            "bulk in progress: 1 when a replace's cancel has run, 2 when it only made the order smaller",
        ),
        f("arg_account", U32, "record in progress: account"),
        f("arg_market", U8, "record in progress: market"),
        f("arg_side", U8, "record in progress: side"),
        f("arg_flags", U16, "record in progress: flags, scope"),
        f("arg_price_ticks", U32, "record in progress: price; of a sample the best bid"),
        f("arg_lots", U64, "record in progress: lots left; of a sample the lots it looks for on a side"),
        f(
            "arg_client_id",
            U64,
            "record in progress: client id",
            arg_candidate="nomination in progress: the account that is named",
            arg_sequence="record in progress: orders with a smaller sequence are to be cancelled",
            arg_change="record in progress: number of the proposal",
        ),
        f(
            "arg_time_ms",
            U64,
            "record in progress: expiry, clock",
            arg_ask_ticks="sample that has ended: the best offer",
        ),
        f(
            "arg_amount_units",
            U64,
            "record in progress: amount",
            arg_counted_lots="sample in progress: lots counted on this side",
            arg_closes="order in progress: 1 when it is a forced close",
        ),
        f(
            "arg_order_slot",
            U64,
            "record in progress: where its order rests; of a sample where it goes on at the price, 0 at the next price",
            arg_agent_slot="record in progress: slot of the agent",
            arg_to_account="record in progress: account that the cash goes to",
        ),
        f("arg_address", ADDRESS, "record in progress: recipient, agent key"),
        f("arg_trigger_ticks", U32, "record in progress: trigger price in ticks"),
        f("arg_pair", U64, "record in progress: client id of the one-cancels-other partner"),
        f("arg_pair_slot", U64, "record in progress: where that partner is"),
        f("arg_record_at", U16, "record in progress: where it begins in the open chunk or the message"),
        f("arg_record_end", U16, "record in progress: where it ends"),
    ),
)
