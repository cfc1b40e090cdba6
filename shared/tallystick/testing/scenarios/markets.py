"""The clock, markets and their prices."""

from __future__ import annotations

from tallystick.records.chunks import framed
from tallystick.records.items import pack_pairs
from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.schema.record_kinds import SIGNATURE_BYTES
from tallystick.state.layout import (
    CLOCK_BEHIND_MS,
    KIND_DATED,
    LIST_DELAY_MS,
    LONG_SILENCE_MS,
    MAX_BATCH_SECONDS,
    MAX_EXPOSURE,
    MAX_MARKETS,
    MAX_OPEN_EXPOSURE,
    MAX_OPEN_INTEREST_LOTS,
    MAX_PRICE_TICKS,
    MIN_INITIAL_PPM,
    MIN_MAINTENANCE_PPM,
    REPORT_AGE_MS,
    REPORT_AHEAD_MS,
    REPORT_PAIR_BYTES,
    REPORT_STEP_MS,
)
from tallystick.state.ordinals import MarketId
from tallystick.testing.scenarios.refused_records import to_rlp
from tallystick.testing.scenarios.scene import Scene, frame


def clocks(scene: Scene) -> None:
    """Clocks at, inside and beyond their bounds, and batches that raise the clock, or find it high enough."""
    declared, raised = scene.time * 1000, scene.time * 1000 - CLOCK_BEHIND_MS

    def clock(time: int) -> Outcome:
        return scene.send(make("clock", clock_ms=time))

    assert clock(0) is Outcome.CLOCK_BACKWARDS
    assert clock(raised - 1) is Outcome.CLOCK_BACKWARDS
    assert clock(raised) is Outcome.ACCEPTED
    assert clock(declared) is Outcome.ACCEPTED
    assert clock(declared) is Outcome.ACCEPTED
    assert clock(declared - 1) is Outcome.CLOCK_BACKWARDS
    assert clock(declared + MAX_BATCH_SECONDS * 1000 + 1) is Outcome.CLOCK_OUT_OF_BOUND
    assert clock((1 << 62) - 1) is Outcome.CLOCK_OUT_OF_BOUND
    assert clock(declared + MAX_BATCH_SECONDS * 1000) is Outcome.ACCEPTED
    scene.seal()
    for behind in (0, 1, CLOCK_BEHIND_MS // 1000, CLOCK_BEHIND_MS // 1000 + 1, 3600):
        scene.time = scene.state.registers.clock_ms // 1000 + behind
        scene.post(scene.header() + framed(b"\x01\xc0"))
    for ahead_ms in (2000, 1999, 2001):
        scene.post(scene.header() + frame(scene.clock_record(ahead_ms)), ahead_seconds=2)
    scene.clock()


def impossible_times(scene: Scene) -> None:
    """A batch declared in the far future, and one at the beginning of time."""
    for time in (1 << 52, 0):
        scene.time = time
        header = scene.header()
        record = b"\x01\xc7\x86" + (1_700_000_000_000).to_bytes(6, "big")
        scene.published.publish([header + framed(record)], time, 0)
        scene.run_published()


TIERS = {
    "tier2_from_millions": 3,
    "initial2_ppm": 60_000,
    "maintenance2_ppm": 30_000,
    "tier3_from_millions": 4,
    "initial3_ppm": 80_000,
    "maintenance3_ppm": 40_000,
}


def listings(scene: Scene) -> None:
    """Listings at and beyond every limit, and twice."""
    refused = (
        {"multiplier": 0},
        {"max_lots": 0},
        {"multiplier": 1, "max_lots": MAX_EXPOSURE + 1},
        {"multiplier": MAX_EXPOSURE + 1, "max_lots": 1},
        {"multiplier": 3, "max_lots": MAX_EXPOSURE // 3 + 1},
        {"maintenance_ppm": 0},
        {"maintenance_ppm": MIN_MAINTENANCE_PPM - 1},
        {"initial_ppm": MIN_INITIAL_PPM - 1, "maintenance_ppm": MIN_MAINTENANCE_PPM},
        {"initial_ppm": 30_000, "maintenance_ppm": 20_001},
        {"initial_ppm": 0, "maintenance_ppm": 0},
        {"expiry_ms": 1},
        {"kind": KIND_DATED},
        {"kind": KIND_DATED, "expiry_ms": scene.state.registers.clock_ms + LIST_DELAY_MS},
        {"initial2_ppm": 60_000},
        {"tier3_from_millions": 5},
        {**TIERS, "initial2_ppm": 49_999},
        {**TIERS, "maintenance2_ppm": 24_999},
        {**TIERS, "maintenance2_ppm": 40_001},
        {**TIERS, "tier3_from_millions": 0},
        {**TIERS, "tier3_from_millions": 3},
        {**TIERS, "initial3_ppm": 59_999},
        {**TIERS, "maintenance3_ppm": 29_999},
        {**TIERS, "maintenance3_ppm": 53_334},
        {"max_open_interest_lots": 0},
        {"multiplier": 1, "max_open_interest_lots": MAX_OPEN_INTEREST_LOTS + 1},
        {"multiplier": 3, "max_open_interest_lots": MAX_OPEN_EXPOSURE // 3 + 1},
        {"insurance_lots": 1_000_001},
        {"surcharge_from_units": 5, "surcharge_to_units": 5},
        {"surcharge_to_units": 5},
        {"band_ppm": 0},
        {"rebate_ppm": 501},
    )
    for rules in refused:
        assert scene.list_by_record(0, **rules) is Outcome.BAD_PARAMETERS
    largest = {"initial_ppm": 10**6, "maintenance_ppm": 666_666, "taker_fee_ppm": 10**6, "maker_fee_ppm": 10**6}
    assert scene.list_by_record(0, multiplier=MAX_EXPOSURE, max_lots=1, **largest) is Outcome.ACCEPTED
    assert scene.list_by_record(0) is Outcome.MARKET_EXISTS
    assert scene.list_by_record(0, multiplier=0) is Outcome.MARKET_EXISTS
    least = {
        "initial_ppm": MIN_INITIAL_PPM,
        "maintenance_ppm": MIN_MAINTENANCE_PPM,
        "taker_fee_ppm": 0,
        "maker_fee_ppm": 0,
    }
    assert scene.list_by_record(63, multiplier=1, max_lots=MAX_EXPOSURE, **least) is Outcome.ACCEPTED
    dated = {"kind": KIND_DATED, "expiry_ms": scene.state.registers.clock_ms + LIST_DELAY_MS + 1}
    most = {"rebate_ppm": 500, "insurance_lots": 1_000_000, "surcharge_from_units": 1, "surcharge_to_units": 2}
    assert scene.list_by_record(1, **TIERS, **dated, **most) is Outcome.ACCEPTED


def reports(scene: Scene) -> None:
    """Reports that are early, late, old, of nothing; signers who see a quorum grow, one whose clock runs ahead."""
    scene.clock()

    def report(signer: int, price: int, ahead: int = 0, market: int = 0) -> Outcome:
        return scene.prices({market: price}, signer, ahead)

    assert report(0, 5) is Outcome.NO_MARKET
    scene.list_by_record(0)
    assert report(0, 0) is Outcome.OUT_OF_RANGE
    assert report(0, 5, -REPORT_AGE_MS - 1) is Outcome.STALE_REPORT
    assert report(0, 5, REPORT_AHEAD_MS + 1) is Outcome.STALE_REPORT
    assert report(0, 5, -REPORT_AGE_MS) is Outcome.ACCEPTED
    assert report(0, 6, REPORT_STEP_MS - REPORT_AGE_MS - 1) is Outcome.OLD_REPORT
    assert report(0, 7, REPORT_STEP_MS - REPORT_AGE_MS) is Outcome.ACCEPTED
    for signer, price in ((1, 9), (2, 8), (3, 100), (4, 1)):
        assert report(signer, price, -3 * signer) is Outcome.ACCEPTED
    assert report(0, 7, REPORT_AHEAD_MS) is Outcome.ACCEPTED
    assert report(0, 7) is Outcome.OLD_REPORT
    scene.later(REPORT_AGE_MS // 2)
    for signer, price in ((1, 9), (2, 1), (4, MAX_PRICE_TICKS)):
        assert report(signer, price) is Outcome.ACCEPTED
    scene.later(REPORT_AGE_MS)
    assert report(3, 9, -REPORT_AGE_MS) is Outcome.ACCEPTED
    scene.later(LONG_SILENCE_MS + 1)
    for signer in (1, 2, 4):
        assert report(signer, 7) is Outcome.ACCEPTED


def many_prices(scene: Scene) -> None:
    """Reports of all markets at once, of none, of parts of a pair; of markets that are not there, one named twice."""
    scene.clock()
    for market in (0, 1, 63):
        scene.list_market(market)
    time = int(scene.state.registers.clock_ms)
    for pairs in (b"", bytes(3), bytes(5), bytes(255)):
        assert scene.send(scene.reported(pairs, 0, time)) is Outcome.MALFORMED
    every = {market: 1000 + market for market in range(MAX_MARKETS)}
    longest = MAX_MARKETS * REPORT_PAIR_BYTES
    for length in (longest + 1, longest + REPORT_PAIR_BYTES):
        longer = to_rlp([b"", time.to_bytes(6, "big"), bytes(length), bytes(SIGNATURE_BYTES)])
        assert scene.send(b"\x07" + longer) is Outcome.OUT_OF_RANGE
    for signer in range(3):
        assert scene.prices(every, signer) is Outcome.ACCEPTED
    twice = (
        pack_pairs({MarketId(0): 990, MarketId(1): 991})
        + pack_pairs({MarketId(0): 992, MarketId(63): 993})
        + bytes([255, 0, 0, 1])
    )
    scene.later(3_000)
    for signer in range(3):
        time = int(scene.state.registers.clock_ms)
        assert scene.send(scene.reported(twice, signer, time)) is Outcome.NO_MARKET
    scene.later(3_000)
    for signer in range(3):
        assert scene.prices({0: 0, 2: 5, 1: 1001}, signer) is Outcome.ACCEPTED
    scene.deposit("alice", 1, 10**9)
    scene.deposit("bob", 2, 10**9)
    for market in (0, 1):
        scene.order(1, market, 0, 995, 3)
        scene.conditional(2, market, 1, 900, 1, 980)
        scene.conditional(2, market, 1, 900, 1, 981)
    scene.later(3_000)
    for signer in range(3):
        assert scene.prices({0: 975, 1: 970, 5: 1}, signer) is Outcome.NO_MARKET


SCENARIOS = (clocks, impossible_times, listings, reports, many_prices)
