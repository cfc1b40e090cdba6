"""The clock, markets and their prices."""

from __future__ import annotations

from tallystick.records.chunks import framed
from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    CLOCK_BEHIND_MS,
    KIND_DATED,
    MAX_BATCH_SECONDS,
    MAX_EXPOSURE,
    MAX_OPEN_EXPOSURE,
    MAX_OPEN_INTEREST_LOTS,
    REPORT_AGE_MS,
    REPORT_AHEAD_MS,
)
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
        {"initial_ppm": 10, "maintenance_ppm": 11},
        {"initial_ppm": 0, "maintenance_ppm": 0},
        {"expiry_ms": 1},
        {"kind": KIND_DATED},
        {"kind": KIND_DATED, "expiry_ms": scene.state.registers.clock_ms},
        {"initial2_ppm": 60_000},
        {"tier3_from_millions": 5},
        {**TIERS, "initial2_ppm": 49_999},
        {**TIERS, "maintenance2_ppm": 24_999},
        {**TIERS, "maintenance2_ppm": 60_001},
        {**TIERS, "tier3_from_millions": 0},
        {**TIERS, "tier3_from_millions": 3},
        {**TIERS, "initial3_ppm": 59_999},
        {**TIERS, "maintenance3_ppm": 29_999},
        {**TIERS, "maintenance3_ppm": 80_001},
        {"max_open_interest_lots": 0},
        {"multiplier": 1, "max_open_interest_lots": MAX_OPEN_INTEREST_LOTS + 1},
        {"multiplier": 3, "max_open_interest_lots": MAX_OPEN_EXPOSURE // 3 + 1},
        {"insurance_lots": 1_000_001},
        {"surcharge_from_units": 5, "surcharge_to_units": 5},
        {"surcharge_to_units": 5},
        {"band_ppm": 0},
        {"move_ppm": 0},
        {"rebate_ppm": 501},
    )
    for rules in refused:
        assert scene.list_market(0, **rules) is Outcome.BAD_PARAMETERS
    largest = {"initial_ppm": 10**6, "maintenance_ppm": 10**6, "taker_fee_ppm": 10**6, "maker_fee_ppm": 10**6}
    assert scene.list_market(0, multiplier=MAX_EXPOSURE, max_lots=1, **largest) is Outcome.ACCEPTED
    assert scene.list_market(0) is Outcome.MARKET_EXISTS
    assert scene.list_market(0, multiplier=0) is Outcome.MARKET_EXISTS
    least = {"initial_ppm": 1, "maintenance_ppm": 1, "taker_fee_ppm": 0, "maker_fee_ppm": 0}
    assert scene.list_market(63, multiplier=1, max_lots=MAX_EXPOSURE, **least) is Outcome.ACCEPTED
    dated = {"kind": KIND_DATED, "expiry_ms": scene.state.registers.clock_ms + 1}
    most = {"rebate_ppm": 500, "insurance_lots": 1_000_000, "surcharge_from_units": 1, "surcharge_to_units": 2}
    assert scene.list_market(1, **TIERS, **dated, **most) is Outcome.ACCEPTED


def reports(scene: Scene) -> None:
    """Reports that are early, late, old, doubled, of nothing; rounds that grow beyond their quorum or are left behind."""
    scene.clock()

    def report(signer: int, round_: int, price: int, market: int = 0, ahead: int = 0) -> Outcome:
        time = scene.state.registers.clock_ms + ahead
        values = {"market": market, "signer": signer, "round": round_, "price_ticks": price, "time_ms": time}
        return scene.send(scene.signed("report_price", f"signer {signer}", **values))

    assert report(0, 1, 5) is Outcome.NO_MARKET
    scene.list_market(0)
    assert report(0, 1, 0) is Outcome.OUT_OF_RANGE
    assert report(0, 1, 5, ahead=-REPORT_AGE_MS - 1) is Outcome.STALE_REPORT
    assert report(0, 1, 5, ahead=REPORT_AHEAD_MS + 1) is Outcome.STALE_REPORT
    assert report(0, 0, 5, ahead=REPORT_AHEAD_MS) is Outcome.ACCEPTED
    assert report(0, 0, 6) is Outcome.DUPLICATE_REPORT
    assert report(0, 1, 7, ahead=-REPORT_AGE_MS) is Outcome.ACCEPTED
    assert report(1, 1, 9) is Outcome.ACCEPTED
    assert report(2, 1, 8) is Outcome.DEVIATING
    assert report(3, 1, 8) is Outcome.DEVIATING
    assert report(4, 1, 8) is Outcome.ACCEPTED
    assert report(1, 1, 9) is Outcome.DUPLICATE_REPORT
    assert report(1, 0, 9) is Outcome.OLD_ROUND
    assert report(1, 4, 100) is Outcome.ACCEPTED
    assert report(2, 3, 100) is Outcome.OLD_ROUND
    assert report(2, 5, 100) is Outcome.ACCEPTED
    newest = scene.state.registers.clock_ms
    assert report(3, newest + 1, 1) is Outcome.OUT_OF_RANGE
    assert report(3, newest - 10, 1, ahead=-11) is Outcome.OUT_OF_RANGE
    assert report(3, (1 << 62) - 1, 1) is Outcome.OUT_OF_RANGE
    assert report(3, newest, 1) is Outcome.ACCEPTED
    assert report(4, newest - 1, 1) is Outcome.OLD_ROUND
    assert report(0, newest, 1) is Outcome.ACCEPTED
    assert report(4, newest, 9) is Outcome.DEVIATING
    for signer in (1, 2):
        assert report(signer, newest, 1) is Outcome.ACCEPTED


SCENARIOS = (clocks, impossible_times, listings, reports)
