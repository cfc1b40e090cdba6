"""What is signed: the record that tells the exchange the prices of one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tallystick.records.codec import Record
from tallystick.records.items import pack_pairs
from tallystick.records.signing import make
from tallystick.state.ordinals import MarketId, SignerNumber, UnixMs


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One signer's prices of one moment, signed. Units: milliseconds of L1's time, ticks by market."""

    time_ms: UnixMs
    prices: Mapping[MarketId, int]
    record: Record


def report_record(signer: SignerNumber, time_ms: UnixMs, prices: Mapping[MarketId, int]) -> Record:
    """Return what a signer is to sign: all of its markets under one signature."""
    return make("report_prices", pack_pairs(dict(sorted(prices.items()))), signer=signer, time_ms=time_ms)
