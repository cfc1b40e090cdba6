"""A market's rules: whether they may stand, and where they are kept."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import products_at_most
from tallystick.machine.market.instrument import term_stands
from tallystick.state.cells import (
    Market,
    Risk,
    market_band_ppm,
    market_fund_units,
    market_insurance_lots,
    market_liquidation_fee_ppm,
    market_maker_fee_ppm,
    market_max_lots,
    market_max_open_interest_lots,
    market_min_order_units,
    market_quote_lots,
    market_rebate_ppm,
    market_series,
    market_status,
    market_surcharge_from_units,
    market_surcharge_to_units,
    market_taker_fee_ppm,
    risk_market_initial2_ppm,
    risk_market_initial3_ppm,
    risk_market_initial_ppm,
    risk_market_maintenance2_ppm,
    risk_market_maintenance3_ppm,
    risk_market_maintenance_ppm,
    risk_market_tier2_from_millions,
    risk_market_tier3_from_millions,
    set_market_band_ppm,
    set_market_expiry_ms,
    set_market_fund_units,
    set_market_insurance_lots,
    set_market_kind,
    set_market_liquidation_fee_ppm,
    set_market_live_ms,
    set_market_maker_fee_ppm,
    set_market_max_lots,
    set_market_max_open_interest_lots,
    set_market_min_order_units,
    set_market_quote_lots,
    set_market_rebate_ppm,
    set_market_series,
    set_market_status,
    set_market_surcharge_from_units,
    set_market_surcharge_to_units,
    set_market_taker_fee_ppm,
    set_risk_market_braked,
    set_risk_market_funding_index_ppm,
    set_risk_market_index_ms,
    set_risk_market_index_ticks,
    set_risk_market_initial2_ppm,
    set_risk_market_initial3_ppm,
    set_risk_market_initial_ppm,
    set_risk_market_maintenance2_ppm,
    set_risk_market_maintenance3_ppm,
    set_risk_market_maintenance_ppm,
    set_risk_market_mark_ticks,
    set_risk_market_multiplier_units,
    set_risk_market_resumed_sequence,
    set_risk_market_tier2_from_millions,
    set_risk_market_tier3_from_millions,
)
from tallystick.state.fields import ListMarketFields
from tallystick.state.layout import (
    MARKET_LIVE,
    MAX_CASH_UNITS,
    MAX_EXPOSURE,
    MAX_OPEN_EXPOSURE,
    MAX_OPEN_INTEREST_LOTS,
    MIN_INITIAL_PPM,
    MIN_MAINTENANCE_PPM,
    RULE_BAND_PPM,
    RULE_FUND_UNITS,
    RULE_INITIAL2_PPM,
    RULE_INITIAL3_PPM,
    RULE_INITIAL_PPM,
    RULE_INSURANCE_LOTS,
    RULE_LIQUIDATION_FEE_PPM,
    RULE_MAINTENANCE2_PPM,
    RULE_MAINTENANCE3_PPM,
    RULE_MAINTENANCE_PPM,
    RULE_MAKER_FEE_PPM,
    RULE_MAX_LOTS,
    RULE_MAX_OPEN_INTEREST_LOTS,
    RULE_MIN_ORDER_UNITS,
    RULE_QUOTE_LOTS,
    RULE_REBATE_PPM,
    RULE_SURCHARGE_FROM_UNITS,
    RULE_SURCHARGE_TO_UNITS,
    RULE_TAKER_FEE_PPM,
    RULE_TIER2_FROM_MILLIONS,
    RULE_TIER3_FROM_MILLIONS,
    RULES,
)
from tallystick.state.ordinals import MarketId, Number, UnixMs
from tallystick.state.quantities import Lots, Ppm, TickPpm, Ticks, Units, UnitsPerTick
from tallystick.state.state import State


def listing_stands(values: list[int], live_ms: UnixMs) -> bool:
    """Whether a market may be listed that takes orders from `live_ms` on; a dated future does so before it expires.

    Shape: `values` as in the record of a listing.
    """
    kind: i64 = values[ListMarketFields.KIND]
    expiry_ms = UnixMs(values[ListMarketFields.EXPIRY_MS])
    multiplier_units: i64 = values[ListMarketFields.MULTIPLIER]
    return term_stands(kind, expiry_ms, live_ms) and rules_stand(
        values[ListMarketFields.FIRST_RULE :], multiplier_units
    )


def rules_stand(rules: list[int], multiplier_units: i64) -> bool:
    """Whether rules make sense together and leave every product of the machine within 64 bits.

    Shape: `rules` in the order of the schema.
    """
    return (
        _margins_stand(rules)
        and _caps_stand(rules, multiplier_units)
        and rules[RULE_REBATE_PPM] <= rules[RULE_TAKER_FEE_PPM]
    )


def _margins_stand(rules: list[int]) -> bool:
    """Whether the margins are no smaller than they may be, in every tier apart, and no less than in the one before.

    The band is at most half the smallest maintenance margin.
    """
    tier2, tier3 = rules[RULE_TIER2_FROM_MILLIONS], rules[RULE_TIER3_FROM_MILLIONS]
    initial, initial2, initial3 = rules[RULE_INITIAL_PPM], rules[RULE_INITIAL2_PPM], rules[RULE_INITIAL3_PPM]
    kept, kept2, kept3 = rules[RULE_MAINTENANCE_PPM], rules[RULE_MAINTENANCE2_PPM], rules[RULE_MAINTENANCE3_PPM]
    if initial < MIN_INITIAL_PPM or kept < MIN_MAINTENANCE_PPM or not _apart(initial, kept):
        return False
    if rules[RULE_BAND_PPM] == 0 or 2 * rules[RULE_BAND_PPM] > kept:
        return False
    if tier2 == 0:
        return tier3 == 0 and initial2 == 0 and initial3 == 0 and kept2 == 0 and kept3 == 0
    if initial2 < initial or kept2 < kept or not _apart(initial2, kept2):
        return False
    if tier3 == 0:
        return initial3 == 0 and kept3 == 0
    return tier3 > tier2 and initial3 >= initial2 and kept3 >= kept2 and _apart(initial3, kept3)


def _apart(initial_ppm: i64, maintenance_ppm: i64) -> bool:
    """Whether a third of the initial margin at least is lost before a liquidation begins."""
    return 3 * maintenance_ppm <= 2 * initial_ppm


def _caps_stand(rules: list[int], multiplier_units: i64) -> bool:
    """Whether sizes and open interest are bounded, the insurance fund's share and the surcharge sound."""
    max_lots, most = rules[RULE_MAX_LOTS], rules[RULE_MAX_OPEN_INTEREST_LOTS]
    if multiplier_units == 0 or max_lots == 0 or not products_at_most(max_lots, multiplier_units, MAX_EXPOSURE, 1):
        return False
    if most == 0 or most > MAX_OPEN_INTEREST_LOTS or not products_at_most(most, multiplier_units, MAX_OPEN_EXPOSURE, 1):
        return False
    if rules[RULE_INSURANCE_LOTS] > max_lots:
        return False
    if rules[RULE_FUND_UNITS] > MAX_CASH_UNITS:
        return False
    begins, ends = rules[RULE_SURCHARGE_FROM_UNITS], rules[RULE_SURCHARGE_TO_UNITS]
    return begins < ends if begins > 0 else ends == 0


def next_series(state: State, market: Market) -> i64:
    """Return the series that a listing of this market would begin: 0 of an id that never was listed."""
    rules = state.markets.words
    return market_series(rules, market) + 1 if market_status(rules, market) != 0 else 0


def begin_series(state: State, number: MarketId, market: Market, risk: Risk, series: i64) -> None:
    """Leave nothing of the series before but its signers' times, which keep its queued reports old.

    What of the market's entry in Risk a listing does not write goes with it.
    """
    marks = state.risk.words
    state.markets.clear(number)
    state.prices.clear(number)
    state.pendings.clear(number)
    set_market_series(state.markets.words, market, series)
    set_risk_market_mark_ticks(marks, risk, number, Ticks(0))
    set_risk_market_index_ticks(marks, risk, number, Ticks(0))
    set_risk_market_funding_index_ppm(marks, risk, number, TickPpm(0))
    set_risk_market_index_ms(marks, risk, number, UnixMs(0))
    set_risk_market_resumed_sequence(marks, risk, number, 0)
    set_risk_market_braked(marks, risk, number, 0)


def write_listing(
    state: State, number: MarketId, market: Market, risk: Risk, values: list[int], live_ms: UnixMs
) -> None:
    """List a market that may be as the market `number`, whose kind, multiplier and expiry never change."""
    set_market_status(state.markets.words, market, MARKET_LIVE)
    set_market_kind(state.markets.words, market, values[ListMarketFields.KIND])
    set_market_expiry_ms(state.markets.words, market, UnixMs(values[ListMarketFields.EXPIRY_MS]))
    set_market_live_ms(state.markets.words, market, live_ms)
    set_risk_market_multiplier_units(state.risk.words, risk, number, UnitsPerTick(values[ListMarketFields.MULTIPLIER]))
    write_rules(state, number, market, risk, values[ListMarketFields.FIRST_RULE :])


def write_rules(state: State, number: MarketId, market: Market, risk: Risk, rules: list[int]) -> None:
    """Put rules that may stand in force for the market `number`."""
    totals = state.markets.words
    marks = state.risk.words
    set_market_taker_fee_ppm(totals, market, Ppm(rules[RULE_TAKER_FEE_PPM]))
    set_market_maker_fee_ppm(totals, market, Ppm(rules[RULE_MAKER_FEE_PPM]))
    set_market_rebate_ppm(totals, market, Ppm(rules[RULE_REBATE_PPM]))
    set_market_liquidation_fee_ppm(totals, market, Ppm(rules[RULE_LIQUIDATION_FEE_PPM]))
    set_market_max_lots(totals, market, Lots(rules[RULE_MAX_LOTS]))
    set_market_max_open_interest_lots(totals, market, Lots(rules[RULE_MAX_OPEN_INTEREST_LOTS]))
    set_market_insurance_lots(totals, market, Lots(rules[RULE_INSURANCE_LOTS]))
    set_market_fund_units(totals, market, Units(rules[RULE_FUND_UNITS]))
    set_market_surcharge_from_units(totals, market, Units(rules[RULE_SURCHARGE_FROM_UNITS]))
    set_market_surcharge_to_units(totals, market, Units(rules[RULE_SURCHARGE_TO_UNITS]))
    set_market_band_ppm(totals, market, Ppm(rules[RULE_BAND_PPM]))
    set_market_quote_lots(totals, market, Lots(rules[RULE_QUOTE_LOTS]))
    set_market_min_order_units(totals, market, Units(rules[RULE_MIN_ORDER_UNITS]))
    set_risk_market_initial_ppm(marks, risk, number, Ppm(rules[RULE_INITIAL_PPM]))
    set_risk_market_initial2_ppm(marks, risk, number, Ppm(rules[RULE_INITIAL2_PPM]))
    set_risk_market_initial3_ppm(marks, risk, number, Ppm(rules[RULE_INITIAL3_PPM]))
    set_risk_market_maintenance_ppm(marks, risk, number, Ppm(rules[RULE_MAINTENANCE_PPM]))
    set_risk_market_maintenance2_ppm(marks, risk, number, Ppm(rules[RULE_MAINTENANCE2_PPM]))
    set_risk_market_maintenance3_ppm(marks, risk, number, Ppm(rules[RULE_MAINTENANCE3_PPM]))
    set_risk_market_tier2_from_millions(marks, risk, number, rules[RULE_TIER2_FROM_MILLIONS])
    set_risk_market_tier3_from_millions(marks, risk, number, rules[RULE_TIER3_FROM_MILLIONS])
    state.markets.mark(number)
    state.risk.mark(0)


def rules_in_force(state: State, number: MarketId, market: Market, risk: Risk) -> list[Number]:
    """Return the rules of the market `number` in the order of the schema."""
    totals = state.markets.words
    marks = state.risk.words
    rules: list[Number] = [0] * RULES
    rules[RULE_TAKER_FEE_PPM] = market_taker_fee_ppm(totals, market)
    rules[RULE_MAKER_FEE_PPM] = market_maker_fee_ppm(totals, market)
    rules[RULE_REBATE_PPM] = market_rebate_ppm(totals, market)
    rules[RULE_LIQUIDATION_FEE_PPM] = market_liquidation_fee_ppm(totals, market)
    rules[RULE_MAX_LOTS] = market_max_lots(totals, market)
    rules[RULE_MAX_OPEN_INTEREST_LOTS] = market_max_open_interest_lots(totals, market)
    rules[RULE_INSURANCE_LOTS] = market_insurance_lots(totals, market)
    rules[RULE_FUND_UNITS] = market_fund_units(totals, market)
    rules[RULE_SURCHARGE_FROM_UNITS] = market_surcharge_from_units(totals, market)
    rules[RULE_SURCHARGE_TO_UNITS] = market_surcharge_to_units(totals, market)
    rules[RULE_BAND_PPM] = market_band_ppm(totals, market)
    rules[RULE_QUOTE_LOTS] = market_quote_lots(totals, market)
    rules[RULE_MIN_ORDER_UNITS] = market_min_order_units(totals, market)
    rules[RULE_INITIAL_PPM] = risk_market_initial_ppm(marks, risk, number)
    rules[RULE_INITIAL2_PPM] = risk_market_initial2_ppm(marks, risk, number)
    rules[RULE_INITIAL3_PPM] = risk_market_initial3_ppm(marks, risk, number)
    rules[RULE_MAINTENANCE_PPM] = risk_market_maintenance_ppm(marks, risk, number)
    rules[RULE_MAINTENANCE2_PPM] = risk_market_maintenance2_ppm(marks, risk, number)
    rules[RULE_MAINTENANCE3_PPM] = risk_market_maintenance3_ppm(marks, risk, number)
    rules[RULE_TIER2_FROM_MILLIONS] = risk_market_tier2_from_millions(marks, risk, number)
    rules[RULE_TIER3_FROM_MILLIONS] = risk_market_tier3_from_millions(marks, risk, number)
    return rules
