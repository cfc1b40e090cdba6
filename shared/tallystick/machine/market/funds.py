"""The insurance funds, one account for each market, and their treasury: nobody owns them, so nobody trades for them."""

from __future__ import annotations

from tallystick.state.layout import FIRST_FUND_ACCOUNT, MAX_MARKETS, TREASURY_ACCOUNT
from tallystick.state.ordinals import AccountId, MarketId


def fund_of(market: MarketId) -> AccountId:
    """Return the account of a market's fund."""
    return AccountId(FIRST_FUND_ACCOUNT + market)


def is_fund(account: AccountId) -> bool:
    """Whether an account is the fund of a market."""
    return FIRST_FUND_ACCOUNT <= account < FIRST_FUND_ACCOUNT + MAX_MARKETS


def is_nobodys(account: AccountId) -> bool:
    """Whether an account takes money from anybody and never gets an owner: a fund, or the treasury."""
    return account == TREASURY_ACCOUNT or is_fund(account)
