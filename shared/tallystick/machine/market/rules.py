"""A market's rules: whether they may stand, and where they are kept."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import products_at_most
from tallystick.state.layout import (
    MARKET_BAND_PPM,
    MARKET_INSURANCE_LOTS,
    MARKET_LIQUIDATION_FEE_PPM,
    MARKET_MAKER_FEE_PPM,
    MARKET_MAX_LOTS,
    MARKET_MAX_OPEN_INTEREST_LOTS,
    MARKET_MOVE_PPM,
    MARKET_REBATE_PPM,
    MARKET_SURCHARGE_FROM_UNITS,
    MARKET_SURCHARGE_TO_UNITS,
    MARKET_TAKER_FEE_PPM,
    MAX_EXPOSURE,
    MAX_OPEN_EXPOSURE,
    MAX_OPEN_INTEREST_LOTS,
    RISK_RISKMARKET_INITIAL2_PPM,
    RISK_RISKMARKET_INITIAL3_PPM,
    RISK_RISKMARKET_INITIAL_PPM,
    RISK_RISKMARKET_MAINTENANCE2_PPM,
    RISK_RISKMARKET_MAINTENANCE3_PPM,
    RISK_RISKMARKET_MAINTENANCE_PPM,
    RISK_RISKMARKET_TIER2_FROM_MILLIONS,
    RISK_RISKMARKET_TIER3_FROM_MILLIONS,
    RISK_RISKMARKET_WORDS,
    RULE_BAND_PPM,
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
    RULE_MOVE_PPM,
    RULE_REBATE_PPM,
    RULE_SURCHARGE_FROM_UNITS,
    RULE_SURCHARGE_TO_UNITS,
    RULE_TAKER_FEE_PPM,
    RULE_TIER2_FROM_MILLIONS,
    RULE_TIER3_FROM_MILLIONS,
    RULES,
)
from tallystick.state.state import State

IN_MARKET = (
    (RULE_TAKER_FEE_PPM, MARKET_TAKER_FEE_PPM),
    (RULE_MAKER_FEE_PPM, MARKET_MAKER_FEE_PPM),
    (RULE_REBATE_PPM, MARKET_REBATE_PPM),
    (RULE_LIQUIDATION_FEE_PPM, MARKET_LIQUIDATION_FEE_PPM),
    (RULE_MAX_LOTS, MARKET_MAX_LOTS),
    (RULE_MAX_OPEN_INTEREST_LOTS, MARKET_MAX_OPEN_INTEREST_LOTS),
    (RULE_INSURANCE_LOTS, MARKET_INSURANCE_LOTS),
    (RULE_SURCHARGE_FROM_UNITS, MARKET_SURCHARGE_FROM_UNITS),
    (RULE_SURCHARGE_TO_UNITS, MARKET_SURCHARGE_TO_UNITS),
    (RULE_BAND_PPM, MARKET_BAND_PPM),
    (RULE_MOVE_PPM, MARKET_MOVE_PPM),
)
"""(place among the rules, field of the market's cell)"""

IN_RISK = (
    (RULE_INITIAL_PPM, RISK_RISKMARKET_INITIAL_PPM),
    (RULE_INITIAL2_PPM, RISK_RISKMARKET_INITIAL2_PPM),
    (RULE_INITIAL3_PPM, RISK_RISKMARKET_INITIAL3_PPM),
    (RULE_MAINTENANCE_PPM, RISK_RISKMARKET_MAINTENANCE_PPM),
    (RULE_MAINTENANCE2_PPM, RISK_RISKMARKET_MAINTENANCE2_PPM),
    (RULE_MAINTENANCE3_PPM, RISK_RISKMARKET_MAINTENANCE3_PPM),
    (RULE_TIER2_FROM_MILLIONS, RISK_RISKMARKET_TIER2_FROM_MILLIONS),
    (RULE_TIER3_FROM_MILLIONS, RISK_RISKMARKET_TIER3_FROM_MILLIONS),
)
"""(place among the rules, field of the market's part of the risk cell)"""


def rules_stand(rules: list[int], multiplier: i64) -> bool:
    """Whether rules make sense together and leave every product of the machine within 64 bits.

    Shape: `rules` in the order of the schema.
    """
    return (
        _margins_stand(rules) and _caps_stand(rules, multiplier) and rules[RULE_REBATE_PPM] <= rules[RULE_TAKER_FEE_PPM]
    )


def _margins_stand(rules: list[int]) -> bool:
    """Whether every tier asks for some margin, initial no less than maintenance, and no less than the tier before."""
    tier2, tier3 = rules[RULE_TIER2_FROM_MILLIONS], rules[RULE_TIER3_FROM_MILLIONS]
    initial, initial2, initial3 = rules[RULE_INITIAL_PPM], rules[RULE_INITIAL2_PPM], rules[RULE_INITIAL3_PPM]
    kept, kept2, kept3 = rules[RULE_MAINTENANCE_PPM], rules[RULE_MAINTENANCE2_PPM], rules[RULE_MAINTENANCE3_PPM]
    if not 0 < kept <= initial:
        return False
    if tier2 == 0:
        return tier3 == 0 and initial2 == 0 and initial3 == 0 and kept2 == 0 and kept3 == 0
    if initial2 < initial or kept2 < kept or initial2 < kept2:
        return False
    if tier3 == 0:
        return initial3 == 0 and kept3 == 0
    return tier3 > tier2 and initial3 >= initial2 and kept3 >= kept2 and initial3 >= kept3


def _caps_stand(rules: list[int], multiplier: i64) -> bool:
    """Whether sizes and open interest are bounded, the insurance fund's share, the surcharge and the bands sound."""
    max_lots, most = rules[RULE_MAX_LOTS], rules[RULE_MAX_OPEN_INTEREST_LOTS]
    if multiplier == 0 or max_lots == 0 or not products_at_most(max_lots, multiplier, MAX_EXPOSURE, 1):
        return False
    if most == 0 or most > MAX_OPEN_INTEREST_LOTS or not products_at_most(most, multiplier, MAX_OPEN_EXPOSURE, 1):
        return False
    if rules[RULE_INSURANCE_LOTS] > max_lots:
        return False
    if rules[RULE_BAND_PPM] == 0 or rules[RULE_MOVE_PPM] == 0:
        return False
    begins, ends = rules[RULE_SURCHARGE_FROM_UNITS], rules[RULE_SURCHARGE_TO_UNITS]
    return begins < ends if begins > 0 else ends == 0


def write_rules(state: State, number: i64, market: i64, risk: i64, rules: list[int]) -> None:
    """Put rules that may stand in force.

    Shape: `market` and `risk` are word offsets of the opened cells, `number` is the market's.
    """
    entry = risk + number * RISK_RISKMARKET_WORDS
    for place, field in IN_MARKET:
        state.markets.words[market + field] = rules[place]
    for place, field in IN_RISK:
        state.risk.words[entry + field] = rules[place]
    state.markets.mark(number)
    state.risk.mark(0)


def rules_in_force(state: State, market: i64, entry: i64) -> list[int]:
    """Return a market's rules in the order of the schema.

    Shape: `market` and `entry` are word offsets of the market's cell and of its part of the risk cell.
    """
    rules = [0] * RULES
    for place, field in IN_MARKET:
        rules[place] = state.markets.words[market + field]
    for place, field in IN_RISK:
        rules[place] = state.risk.words[entry + field]
    return rules
