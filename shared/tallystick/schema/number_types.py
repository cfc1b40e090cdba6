"""Ordinals: numbers that say which one, or when, and are never added to one another. A type for each.

An amount says how much, is multiplied, and ends in its unit. An ordinal is compared: a function takes it by its type, so
that an account is not taken for a market, nor seconds for milliseconds. What is computed from one is a plain number
again, until somebody says what it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.schema.amount_types import amount_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordinal:
    """A type of ordinals.

    Shape: `called` are the names of parameters and fields that hold one wherever they stand. `is_word` says that the
    machine works with it: compiled it is a word of 64 bits, as the handle of a cell is.
    """

    name: str
    doc: str
    called: tuple[str, ...]
    is_word: bool = False


ORDINALS = (
    Ordinal(
        name="BlockNumber",
        doc="A block of L1, by its number",
        called=(
            "block",
            "block_number",
            "deadline_block",
            "decided_block",
            "first_block",
            "head",
            "last_block",
            "next_block",
        ),
    ),
    Ordinal(
        name="AccountId",
        doc="An account, by the number that the Vault has given it",
        is_word=True,
        called=(
            "account",
            "arg_account",
            "arg_candidate",
            "arg_to_account",
            "candidate",
            "fee_account",
            "maker_account",
            "maker_number",
            "nominee_number",
            "taker_account",
            "taker_number",
            "tried_account",
        ),
    ),
    Ordinal(
        name="MarketId",
        doc="A market, by the number that it is listed under",
        is_word=True,
        called=("arg_market", "firing_market", "market", "market_number", "nominated_market", "tried_market"),
    ),
    Ordinal(
        name="BatchNumber",
        doc="A batch, by its number in the Inbox, from 0; a limit is that of the first one beyond",
        called=("batch", "batch_cursor", "batch_limit", "first_batch", "last_batch", "next_limit"),
    ),
    Ordinal(
        name="SignerNumber",
        doc="A price signer, by its place in the genesis",
        is_word=True,
        called=("signer", "signer_number"),
    ),
    Ordinal(
        name="UnixSeconds",
        doc="A moment of L1, in seconds since 1970",
        called=("batch_time", "batch_time_seconds", "batch_until_seconds", "block_timestamp", "head_time", "timestamp"),
    ),
    Ordinal(
        name="UnixMs",
        doc="A moment of the exchange's clock, in milliseconds since 1970; 0 for none",
        is_word=True,
        called=(
            "anchor_ms",
            "arg_time_ms",
            "bear_ms",
            "clock_ms",
            "dead_man_ms",
            "dead_ms",
            "down_jump_ms",
            "down_ms",
            "effective_ms",
            "expiry_ms",
            "forced_ms",
            "fund_ms",
            "held_until_ms",
            "index_ms",
            "last_index_ms",
            "live_ms",
            "now_ms",
            "resumed_ms",
            "sample_ms",
            "settled_ms",
            "since_ms",
            "time_ms",
            "times_ms",
            "topped_ms",
            "tried_ms",
            "up_jump_ms",
            "up_ms",
            "wind_down_ms",
        ),
    ),
    Ordinal(
        name="SignedMarket",
        doc="A market and which series of it, as what is signed names it: market | series << SERIES_SHIFT",
        is_word=True,
        called=("named", "signed", "signed_market"),
    ),
)

BY_NAME = {name: ordinal for ordinal in ORDINALS for name in ordinal.called}
"""The ordinal that each of these names holds, in either language."""


def number_type(name: str) -> str:
    """Return the type of the ordinal or the amount that a name means, empty when it means a plain number."""
    return BY_NAME[name].name if name in BY_NAME else amount_of(name)
