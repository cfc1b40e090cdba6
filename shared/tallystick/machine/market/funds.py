"""The insurance funds, one account for each market, and their treasury: nobody owns them, so nobody trades for them."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.state.layout import FIRST_FUND_ACCOUNT, MAX_MARKETS, TREASURY_ACCOUNT


def fund_of(market: i64) -> i64:
    """Return the account of a market's fund."""
    return FIRST_FUND_ACCOUNT + market


def is_fund(account: i64) -> bool:
    """Whether an account is the fund of a market."""
    return FIRST_FUND_ACCOUNT <= account < FIRST_FUND_ACCOUNT + MAX_MARKETS


def is_nobodys(account: i64) -> bool:
    """Whether an account takes money from anybody and never gets an owner: a fund, or the treasury."""
    return account == TREASURY_ACCOUNT or is_fund(account)
