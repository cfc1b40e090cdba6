"""Constants, phases, outcome codes and what an agent may do."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from tallystick.schema.market_rules import RULES


class Phase(IntEnum):
    """Which step comes next; each has one step file of the same name in either language."""

    OPEN_BATCH = 0
    OPEN_CHUNK = 1
    FETCH_RECORD = 2
    CONSUME_MESSAGE = 3
    SET_CLOCK = 4
    PLACE_ORDER = 5
    MATCH_MAKER = 6
    REST_ORDER = 7
    CANCEL_ORDER = 8
    WITHDRAW = 9
    APPROVE_AGENT = 10
    REPORT_PRICE = 11
    COMMIT_MEDIAN = 12
    LIST_MARKET = 13
    CHANGE_MARKET = 14
    APPLY_CHANGE = 15
    SETTLE_POSITION = 16
    TRANSFER = 17
    NEXT_ITEM = 18
    CANCEL_ALL = 19
    SET_DEAD_MAN = 20
    CLEAN_ORDER = 21
    UPDATE_MARK = 22
    QUOTE = 23
    LIQUIDATE = 24
    TAKE_OVER = 25
    NOMINATE_ADL = 26
    DELEVERAGE = 27
    FIRE_TRIGGER = 28
    SETTLE_ACCOUNT = 29
    BLOCK_TRADE = 30
    SWEEP = 31
    TOP_UP = 32
    CHANGE_FEE_ACCOUNT = 33
    DELIST = 34


class Outcome(IntEnum):
    """What became of a record or a message; every rejection is a value, never an exception."""

    ACCEPTED = 0
    CHUNK_SKIPPED = 1
    FRAME_BROKEN = 2
    UNKNOWN_RECORD = 3
    MALFORMED = 4
    OUT_OF_RANGE = 5
    BAD_SIGNATURE = 6
    NO_ACCOUNT = 7
    NOT_AUTHORISED = 8
    AGENT_EXPIRED = 9
    AGENT_SCOPE = 10
    NONCE_USED = 11
    NONCE_RANGE = 12
    CLOCK_BACKWARDS = 13
    CLOCK_OUT_OF_BOUND = 14
    NO_MARKET = 16
    NO_MARK = 17
    TOO_LARGE = 18
    EXPIRED = 19
    UNFILLED = 20
    NO_POSITION_SLOT = 21
    POSITION_LIMIT = 22
    MARGIN = 23
    BOOK_FULL = 24
    NO_SUCH_ORDER = 25
    NOT_WITHDRAWABLE = 26
    STALE_REPORT = 27
    OLD_REPORT = 28
    MARKET_EXISTS = 30
    BAD_PARAMETERS = 31
    UNKNOWN_MESSAGE = 32
    OPEN_INTEREST = 33
    OLD_CHANGE = 34
    NO_CHANGE = 35
    TOO_EARLY = 36
    NO_POSITION = 37
    MARKET_EXPIRED = 38
    NOT_SETTLED = 39
    BAD_FLAGS = 40
    WOULD_CROSS = 41
    SELF_TRADE = 42
    NOTHING_TO_REDUCE = 43
    DEAD_MAN = 44
    NOT_DEAD = 45
    HEALTHY = 47
    BANKRUPT = 48
    BOOK_FIRST = 49
    INSURANCE_LIMIT = 50
    INSURANCE_FIRST = 51
    NOT_ELIGIBLE = 52
    OUTRANKED = 53
    NO_NOMINATION = 54
    STALE_INDEX = 55
    LIQUIDATIONS_WAIT = 57
    ALREADY_DUE = 59
    WINDING_DOWN = 60
    NO_CLAIM = 61
    WORK_LIMIT = 62
    TOO_MANY_ORDERS = 63
    NOT_LIVE = 64
    TOO_SMALL = 65
    SLICE_WAITS = 67
    BRAKE = 68


class Scope(IntFlag):
    """What an agent may do for its account."""

    PLACE = 1
    CANCEL = 2


# name -> (value, what it is and where it comes from)
CONSTANTS: dict[str, tuple[int, str]] = {
    "TREE_DEPTH": (40, "bits of a cell key: 4 of tag, 36 of index"),
    "INDEX_BITS": (36, "bits of a cell's index"),
    "MAX_CHUNK_BYTES": (4096, "a step proof carries one chunk: 64 kgas of calldata at most"),
    "MAX_CHUNKS": (32, "chunks of one batch: about one 128 KiB transaction"),
    "SOURCE_CALLDATA": (0, "a batch's chunks are in the calldata it was posted with, and in the Inbox's log"),
    "SOURCE_BLOBS": (1, "a batch's chunks are in blobs of the transaction it was posted with"),
    "ELEMENT_BYTES": (31, "free bytes of a blob's field element, behind a first byte of 0"),
    "CHUNK_ELEMENTS": (64, "elements of a chunk in a blob: OPEN_CHUNK proves each, 53 kgas with its calldata"),
    "BLOB_CHUNKS": (64, "chunks of a blob: it has 4,096 elements"),
    "BLOB_CHUNK_BITS": (6, "bits of a chunk's number within its blob"),
    "MAX_BLOBS": (6, "blobs of one batch: what a transaction may carry since EIP-7594"),
    "CHUNK_HEADER_BYTES": (80, "number (8) and accumulator (32) of the records so far, then of the promised ones"),
    "FRAME_HEADER_BYTES": (2, "length of the record that follows"),
    "MIN_FRAME_BYTES": (
        12,
        "a shorter record is followed by zeros: no frame leads to more than 3 steps unpaid in 14 bytes",
    ),
    "WORK_PPM": (
        400_000,
        "steps that a byte of a batch leads to at most, in millionths: an order of a bulk is 20 bytes, 4 steps and 2 for its removal",
    ),
    "WORK": (
        1_024,
        "runs of MATCH_MAKER that a record, a fired order or a report's triggers may make: makers an order meets",
    ),
    "MAX_ORDERS": (512, "orders of one account in all books, dead or alive: more wait in its sub-accounts"),
    "ORDERS_MOST": (
        1 << 23,
        "orders in all books: what they owe of steps when no byte comes any more is six times this",
    ),
    "QUEUE_STEPS": (750_000, "steps that the L1 messages of a block of 100M gas lead to: bulks of 600 bytes"),
    "SAMPLE_STEPS": (
        215_000,
        "steps of a block that time bounds: 64 markets sampled with 2 x 257 every 5 s, 16 x 64 reports of 11 a second",
    ),
    "MAX_ACCOUNT": ((1 << 32) - 1, "largest account id"),
    "MAIN_ACCOUNT_MASK": ((1 << 28) - 1, "bits of an account id that the Vault gives; above them, which sub-account"),
    "TREASURY_ACCOUNT": (0, "the treasury of the insurance funds: nobody owns it, anybody may transfer to it"),
    "FIRST_FUND_ACCOUNT": (
        (1 << 28) - 64,
        "the insurance fund of market 0, that of market m is m further: as the treasury; the Vault gives the numbers below",
    ),
    "TREASURY_SHARE": (5, "a sweep of the fees leaves the treasury the fifth part of them"),
    "TOP_UP_MS": (86_400_000, "a day: the treasury tops a market's fund up once in it at most"),
    "FEE_ACCOUNT_PENDING": (80, "the Pending cell of the account that fees go to; behind those of 80 markets at most"),
    "MESSAGE_BYTES": (45, "kind, sender, account, amount, time"),
    "MAX_FORCED_BYTES": (600, "largest record in a message: a bulk of 25 orders, at some 50,000 gas"),
    "MESSAGE_DEPOSIT": (1, "kind: credit an account"),
    "MESSAGE_FORCE_WITHDRAW": (2, "kind: the owner withdraws without the operator"),
    "MESSAGE_FORCE_CANCEL_ALL": (3, "kind: the owner cancels all orders without the operator"),
    "MESSAGE_FORCE_CLOSE": (4, "kind: the owner closes a position, amount = market << 56 | price << 32 | lots"),
    "MESSAGE_RECORD": (5, "kind: any record but a clock's, whose bytes follow"),
    "MIN_INITIAL_PPM": (20_000, "least initial margin fraction of a market: 50 times the margin at most"),
    "MIN_MAINTENANCE_PPM": (10_000, "least maintenance margin fraction of a market"),
    "LIST_DELAY_MS": (1_814_400_000, "21 days from a listing to a market's first order, as before a change of rules"),
    "CHANGE_DELAY_MS": (
        1_814_400_000,
        "21 days before a change of rules counts: longer than an exit through L1, disputed or not",
    ),
    "CLOCK_BEHIND_MS": (10_000, "a batch raises the clock to its first record's time, less this"),
    "MAX_BATCH_SECONDS": (60, "largest distance between the times of a batch's first and last record"),
    "REPORT_AGE_MS": (
        15_000,
        "a price report may be this much older than the clock: reports 3 s apart, a batch each 12",
    ),
    "FORCED_AGE_MS": (
        60_000,
        "one that came through L1 may be this much older than its message: five times a slot of 12 s",
    ),
    "REPORT_AHEAD_MS": (5_000, "a price report may be this much newer than the clock, or its message"),
    "REPORT_STEP_MS": (1_000, "a signer's reports of a market are this far apart: steps that no byte has paid for"),
    "REPORT_PAIR_BYTES": (4, "a market's price in a report: market 1, price 3"),
    "PPM": (1_000_000, "denominator of fractions"),
    "WITHDRAW_BUFFER_PPM": (100_000, "share of the notional that stays when an account withdraws"),
    "MIN_SLACK_PPM": (10_000, "a market order that names no price may trade this far from the mark at least"),
    "MAX_PRICE_TICKS": ((1 << 24) - 1, "a book side has 2^24 price levels"),
    "MAX_MARKETS": (64, "markets of the risk cell"),
    "SERIES_SHIFT": (
        6,
        "a signed record names market | series << 6, in 16 bits: an unused order of one series is none of the next",
    ),
    "MAX_SERIES": (1023, "last series of a market: what 16 bits hold beside it"),
    "MAX_POSITIONS": (16, "positions of an account"),
    "MAX_SIGNERS": (16, "price signers"),
    "MAX_EXPOSURE": (1 << 30, "largest max_lots x multiplier: a position's value stays below 2^54 units"),
    "MAX_CASH_UNITS": (1 << 60, "an account's cash stays within this in either direction"),
    "STALE_MS": (30_000, "an index older than this is stale, nobody trades on it: ten reports that did not come"),
    "LONG_SILENCE_MS": (300_000, "after a longer silence of prices holders are given time, and makers come first"),
    "LIQUIDATION_WAIT_MS": (
        60_000,
        "once prices are back from it, nobody is liquidated for so long: margin can be added",
    ),
    "WIND_DOWN_MS": (604_800_000, "7 days without an index: the exchange has stopped for good, and may be wound down"),
    "CLAIM_MS": (604_800_000, "7 days in which what accounts are worth is counted, before anything is paid"),
    "BASIS_MS": (150_000, "time over which the basis is averaged: Hyperliquid's 150 seconds"),
    "SETTLE_WINDOW_MS": (
        1_800_000,
        "half an hour: a dated future settles at the mean of the index over it, so its last minute counts for a thirtieth",
    ),
    "SETTLE_WAIT_MS": (
        600_000,
        "once a market has settled, who owes there is closed for so long before anybody is paid",
    ),
    "DEAD_MARKET_MS": (
        259_200_000,
        "3 days: a market without an index for so long, while others had one, has no signers any more",
    ),
    "DEAD_WAIT_MS": (86_400_000, "a day after it was found dead a market settles, unless an index has come"),
    "DELIST_DELAY_MS": (604_800_000, "7 days between the delisting of a perpetual and its expiry"),
    "SAMPLE_MS": (5_000, "the book is sampled for the mark and the funding once in so long"),
    "SAMPLE_MOST_MS": (10_000, "a sample counts for the time since the one before, but for no longer than this"),
    "SAMPLE_WORK": (256, "orders and prices that a sample looks at on each side of a book"),
    "QUOTERS": (16, "accounts whose orders are enough for a side of a sample: each has a part of it at least"),
    "HOUR_MS": (3_600_000, "funding ticks in every hour"),
    "INTEREST_PPM": (100, "interest in the funding of eight hours: the 0.01 % that most venues use"),
    "INTEREST_CLAMP_PPM": (500, "how far interest may pull the premium: 0.05 %, as most venues have it"),
    "FUNDING_HOURS": (8, "an hour pays an eighth of the premium"),
    "FUNDING_RATE_PPM": (40_000, "largest rate of an hour, 4 %, as Hyperliquid has it"),
    "MAX_FUNDING_INDEX_PPM": (
        (1 << 27) * 1_000_000,
        "a funding index saturates here: 16 positions owe below 2^62 units",
    ),
    "MAX_DEPOSITED_UNITS": (1 << 58, "the Vault takes no more than this in all"),
    "MAX_AMOUNT": ((1 << 62) - 1, "largest 64-bit number a record may carry, so that sums fit an i64"),
    "PAGE_SLOTS": (64, "orders of one page"),
    "MAX_PAGES": ((1 << 30) - 1, "an order's index is page << 6 | position, below 2^36"),
    "NONCE_WORD_SHIFT": (7, "a nonce is in the window's word nonce >> 7"),
    "NONCE_WORD_BITS": (1 << 7, "nonces in one word of the window"),
    "NONCE_JUMP_WORDS": (1024, "how far ahead of the window a nonce may be, in words"),
    "SCOPE_PLACE": (Scope.PLACE.value, "agent scope: place orders"),
    "SCOPE_CANCEL": (Scope.CANCEL.value, "agent scope: cancel orders"),
    "ITEM_PLACE": (0, "bulk item: an order"),
    "ITEM_CANCEL": (1, "bulk item: cancel the order with a client id"),
    "ITEM_REPLACE": (2, "bulk item: cancel the order with a client id, then place this one under the same"),
    "HALF_CANCELLED": (1, "how far a replace has come: the cancel has run, the order is placed next"),
    "HALF_KEPT": (2, "how far a replace has come: the order keeps its place, and nothing is placed"),
    "ITEM_SIDE_SHIFT": (2, "where the side is in an item's first byte"),
    "ITEM_MOST": (6, "largest first byte of an item: a replace that sells"),
    "CLEAN_SLOTS": (64, "orders that one record may take out of the book when they are dead"),
    "MAX_SLOT": ((1 << 36) - 1, "largest index of a resting order"),
    "ITEM_BYTES": (
        20,
        "an order of a bulk: what and side 1, market and series 2, flags 2, price 3, lots 4, client id 8",
    ),
    "ITEM_CANCEL_BYTES": (9, "a cancel of a bulk: what 1, client id 8"),
    "ITEM_SLOT_BYTES": (5, "where the order of a cancel or replace rests"),
    "FLAG_IOC": (1, "order flag: cancel what does not fill at once"),
    "FLAG_POST_ONLY": (2, "order flag: cancel it rather than take"),
    "FLAG_REDUCE_ONLY": (4, "order flag: never more than what brings the position to zero"),
    "FLAG_NONE": (8, "order flag that is none: an order that carries it is refused"),
    "FLAG_STP_TAKER": (16, "order flag: meeting an own order cancels this one, not that one"),
    "FLAG_STP_BOTH": (32, "order flag: meeting an own order cancels both"),
    "FLAG_MARKET": (64, "order flag: as IOC; without a price it is bounded around the mark"),
    "FLAG_TRIGGER_ABOVE": (128, "order flag: its trigger fires when the mark is at or above it, else at or below"),
    "FLAG_LIQUIDATION": (256, "order flag, never in a signed record: closes a position against its owner's will"),
    "BLOCK_MAKER_REDUCES": (1, "block trade: who offers must only reduce a position"),
    "BLOCK_TAKER_REDUCES": (2, "block trade: who accepts must only reduce a position"),
    "BEAR_MS": (120_000, "what an insurance fund bears of bankrupt accounts is bounded for so long after the first"),
    "BEAR_PPM": (100_000, "share of its value that it bears in that time: who won what they lost bears the rest"),
    "BRAKE_WINDOW_MS": (10_000, "a jump is what the index of margins moves within so long"),
    "BRAKE_MS": (
        20_000,
        "a jump holds those who gained by it for so long: a nomination, and fifteen deleveragings that follow it",
    ),
    "BRAKE_MORE_MS": (3_000, "a deleveraging of who owes more than he has makes a brake last so long behind it"),
    "BRAKE_MOST_MS": (120_000, "but no longer than this behind its jump"),
    "BRAKED_DOWN": (1, "bit of what a brake holds: shorts that gain, since the index has fallen"),
    "BRAKED_UP": (2, "bit of what a brake holds: longs that gain, since the index has risen"),
    "TRIED_MS": (
        1_000,
        "a position is the book's first: for so long after a LIQUIDATE that left some of it, it is the fund's",
    ),
    "SLICES": (16, "an insurance fund unwinds this part of what it may hold at once"),
    "SLICE_MS": (5_000, "time between two slices of an insurance fund's unwinding"),
    "SLIP_MS": (10_000, "time in which an insurance fund comes down by a step from the index, while nobody meets it"),
    "SLIP_PPM_STEP": (100, "a step by which an insurance fund sells worse than the index, or buys"),
    "SLIP_PPM_MOST": (10_000, "all of these steps together"),
    "ADL_DELAY_MS": (5_000, "better candidates for a deleveraging may come this long after the first"),
    "ADL_NEXT_MS": (1_000, "and so long after the first behind a deleveraging of the same position"),
    "ADL_LAPSE_MS": (60_000, "a nomination that is older is over: ranks are of the marks of their time"),
    "BUY": (0, "side, and the number of the book of those who buy"),
    "SELL": (1, "side, and the number of the book of those who sell"),
    "BOOK_ABOVE": (2, "bit of a parked book's number: it fires when the mark is at or above the trigger"),
    "BOOK_PARKED": (4, "bit of a book's number: its orders wait for a trigger; their side is the lowest bit"),
    "BOOKS": (8, "books of a market, of which 2 and 3 are none"),
    "LEAN_WORST": (0, "how a position is measured: at mark or index, whichever is worse for its owner"),
    "LEAN_BEST": (1, "how a position is measured: at mark or index, whichever is better for its owner"),
    "LEAN_INDEX": (2, "how a position is measured: at the index"),
    "LEAN_MARKED": (3, "how a position is measured: at the mark"),
    "MARKET_LIVE": (1, "market status"),
    "MARKET_SETTLED": (2, "market status: its mark is final, its positions turn into cash"),
    "CLAIM_COUNTED": (1, "account's place in a wind-down: its claim has been counted"),
    "CLAIM_PAID": (2, "account's place in a wind-down: it has been paid"),
    "KIND_PERPETUAL": (0, "market kind: pays funding, never expires"),
    "KIND_DATED": (1, "market kind: settles at its expiry"),
    "MAX_OPEN_EXPOSURE": (1 << 32, "largest open interest x multiplier: all markets' values together stay below 2^62"),
    "MAX_OPEN_INTEREST_LOTS": (1 << 31, "largest open interest: its funding stays below 2^62"),
    "RULES": (len(RULES), "rules of a market that may change"),
    **{f"RULE_{name.upper()}": (place, "its place among a market's rules") for place, name in enumerate(RULES)},
}
