"""The accounts that a trader names in words: those of one owner, and those that nobody owns."""

from __future__ import annotations

from typing import Final

from tallystick.errors import BadInput
from tallystick.machine.market.funds import fund_of
from tallystick.numbers import NATURAL
from tallystick.state.layout import MAIN_ACCOUNT_MASK, MAX_MARKETS, TREASURY_ACCOUNT
from tallystick.state.ordinals import AccountId, MarketId

FAMILY: Final = {"main": 0, **{str(each): each for each in range(1, 16)}}
"""Words for an owner's accounts, with their numbers in the family."""


def sub_account(account: AccountId, sub: int) -> AccountId:
    """Return the number of a sub-account of the same owner; `sub` 0 is the main account."""
    return AccountId(sub * (MAIN_ACCOUNT_MASK + 1) + (account & MAIN_ACCOUNT_MASK))


def nobodys_account(word: str) -> AccountId:
    """Return the account that a word names of those nobody owns. Raises: BadInput when it names none."""
    kind, _, market = word.partition(":")
    if kind == "fund" and NATURAL.fullmatch(market) and int(market) < MAX_MARKETS:
        return fund_of(MarketId(int(market)))
    if word != "treasury":
        raise BadInput("transfer to main, to a sub-account from 1 to 15, to fund:MARKET or to treasury", to=word)
    return AccountId(TREASURY_ACCOUNT)
