"""What random trading draws from: names, prices, sizes, flags, rules and rubbish."""

from __future__ import annotations

from hypothesis import strategies as st

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger_market import Market
from tallystick.testing.ledger.ledger_model import INSURANCE_FUNDS

NAMES = {1: "alice", 2: "bob", 3: "carol", 4: "dave", 5: "erin"}
ACCOUNTS = st.integers(1, 5)
# Nobody takes out of erin's account, so that there is always somebody to trade with.
RICH = 5
POORER = st.integers(1, 4)
CANDIDATES = st.one_of(st.integers(0, 6), st.just(INSURANCE_FUNDS[0]))
# No Vault deposits into an account that is nobody's; the machine takes it all the same.
OWN_OR_NOBODYS = st.sampled_from((None, None, None, 0, INSURANCE_FUNDS[0], INSURANCE_FUNDS[1]))
FUNDS = st.sampled_from((20_000, 100_000, 500_000, 3_000_000))
MARKETS = st.integers(0, 2)
SELDOM = st.sampled_from((False, False, False, True))
SIDES = st.integers(0, 1)
PRICES = st.one_of(st.integers(985, 1015), st.sampled_from((1, 255, 256, 1023, 1024, 65_536)))
LOTS = st.one_of(st.integers(1, 12), st.sampled_from((0, 60, 61)))
FLAGS = st.one_of(st.sampled_from((0, 0, 0, 1, 2, 4, 5, 6, 8, 16, 32, 64, 68)), st.integers(0, 127))
JUNK = st.sampled_from(
    (
        (b"\x00", Outcome.UNKNOWN_RECORD),
        (b"\x03\xc0", Outcome.MALFORMED),
        (b"\x01\xca\x89\x01" + bytes(8), Outcome.OUT_OF_RANGE),
    )
)
SIGNERS = tuple(f"signer {i}" for i in range(5))
RULES = (
    Market(100, 50_000, 25_000, 500, 100, 60, liquidation_fee_ppm=5_000, insurance_lots=20, fund_units=3_000),
    Market(
        *(7, 333_333, 111_111, 777, 0, 60),
        rebate_ppm=500,
        liquidation_fee_ppm=1,
        tiers=((1, 400_000, 150_000), (2, 600_000, 200_000)),
        surcharge=(30_000, 600_000),
        quote_lots=20,
        max_open_interest=90,
        min_order_units=14_000,
        fund_units=200,
    ),
    Market(13, 20_000, 13_333, 0, 33, 10, insurance_lots=10, band_ppm=6_666),
)
FUTURE = Market(50, 50_000, 25_000, 500, 100, 60, dated=True)
FIELDS = (
    *("multiplier", "initial_ppm", "maintenance_ppm", "taker_fee_ppm", "maker_fee_ppm", "max_lots"),
    *("rebate_ppm", "liquidation_fee_ppm", "insurance_lots", "fund_units", "band_ppm", "quote_lots"),
    "min_order_units",
)


def fields_of(rules: Market) -> dict[str, int]:
    """Return rules as a listing's fields."""
    fields = {name: int(getattr(rules, name)) for name in FIELDS}
    for number, (begins, initial, maintenance) in enumerate(rules.tiers, start=2):
        names = f"tier{number}_from_millions", f"initial{number}_ppm", f"maintenance{number}_ppm"
        fields |= dict(zip(names, (begins, initial, maintenance), strict=True))
    if any(rules.surcharge):
        fields["surcharge_from_units"], fields["surcharge_to_units"] = rules.surcharge
    if rules.max_open_interest:
        fields["max_open_interest_lots"] = rules.max_open_interest
    return fields
