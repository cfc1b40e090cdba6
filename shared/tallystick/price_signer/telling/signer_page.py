"""A price signer's page: every source with its price, its age and its distance from the median; every operator; L1."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from tallystick.drawing import Cell, figures, table, words
from tallystick.errors import DataMissing
from tallystick.price_signer.gathering.pricing import Priced
from tallystick.price_signer.situation import Situation

Facts = dict[str, Any]
COLOURS: Final = {"used": "green", "outlier": "red", "old": "yellow", "still": "yellow", "silent": "red"}
LATE_SECONDS: Final = 15.0
"""Facts that are older than this come from no running signer."""


def facts_of(now: Situation) -> Facts:
    """Return a situation as plain JSON. Units: `…_seconds` ago; prices as text, for their digits."""
    return {
        "time": now.time,
        "report_ms": now.time_ms,
        "signer": now.signer,
        "address": now.address,
        "reports": now.reports,
        "signed_seconds": now.at - now.signed_at,
        "sign_trouble": now.sign_trouble,
        "taken_seconds": now.at - now.taken_at,
        "forced_seconds": None if now.forced_at is None else now.at - now.forced_at,
        "l1": {
            "read_seconds": now.at - now.l1.read_at,
            "ahead_seconds": now.l1.ahead_seconds,
            "balance_wei": None if now.l1.balance_wei is None else str(now.l1.balance_wei),
            "trouble": now.l1.trouble,
        },
        "operators": [
            {
                "operator": each.place,
                "taken": each.taken,
                "failed": each.refused,
                "taken_seconds": now.at - each.taken_at,
                "trouble": each.trouble,
                "receipt_signer": each.receipt_signer,
            }
            for each in now.lines
        ],
        "markets": [market_facts(each.priced) for each in now.markets],
    }


def market_facts(priced: Priced) -> Facts:
    """Return a market with its sources as plain JSON."""
    return {
        "market": priced.market,
        "name": priced.name,
        "price": None if priced.price is None else f"{priced.price:f}",
        "price_ticks": priced.ticks,
        "why": priced.why,
        "sources": [
            {
                "source": each.name,
                "standing": str(each.standing),
                "price": None if each.price is None else f"{each.price:f}",
                "age_seconds": each.age,
                "deviation_ppm": each.deviation_ppm,
                "trouble": each.trouble,
            }
            for each in priced.looks
        ],
    }


def read_facts(path: Path) -> Facts:
    """Return what a signer left of itself on disk. Raises: DataMissing when none has."""
    try:
        facts: Facts = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        hint = "--data-dir is that of the running signer"
        raise DataMissing("no price signer has run here", hint=hint, path=str(path)) from error
    return facts


def page(facts: Facts, now: float) -> Group:
    """Return the whole page."""
    age = max(0.0, now - float(facts["time"]))
    parts: list[RenderableType] = []
    if age > LATE_SECONDS:
        parts += [Text(f"This is {int(age)} s old: no signer runs here now.", "red"), ""]
    return Group(*parts, _summary(facts), "", market_table(facts["markets"]), "", _operators(facts))


def market_table(markets: list[Facts]) -> RenderableType:
    """Return all markets, each with its sources below it."""
    rows: list[tuple[Cell, ...]] = []
    for market in markets:
        ticks = market["price_ticks"]
        said = Text(f"{ticks:,} ticks", "bold") if ticks is not None else Text(market["why"], "red")
        rows.append((Text(f"{market['market']} {market['name']}", "bold"), market["price"] or "–", "", "", said))
        rows += [_source(each) for each in market["sources"]]
    return table([words("market, source"), figures("price"), figures("age"), figures("from median"), words()], rows)


def _source(source: Facts) -> tuple[Cell, ...]:
    age, deviation = source["age_seconds"], source["deviation_ppm"]
    standing = Text(source["standing"], COLOURS[source["standing"]])
    if source["trouble"]:
        standing.append(f"  {source['trouble']}", "dim")
    return (
        f"  {source['source']}",
        source["price"] or "–",
        "–" if age is None else f"{age:.1f} s",
        "–" if deviation is None else f"{deviation / 10_000:+.3f} %",
        standing,
    )


def _summary(facts: Facts) -> RenderableType:
    l1 = facts["l1"]
    signed = f"{facts['reports']:,} reports, the last one {facts['signed_seconds']:.0f} s ago"
    forced = facts["forced_seconds"]
    rows: list[tuple[Cell, ...]] = [
        ("signer", f"{facts['signer']}, {facts['address']}"),
        ("signed", Text(f"{signed}: {facts['sign_trouble']}", "red") if facts["sign_trouble"] else signed),
        ("through L1", "never" if forced is None else f"{forced:.0f} s ago"),
        ("L1", f"read {l1['read_seconds']:.0f} s ago, clocks {l1['ahead_seconds']:+.1f} s apart"),
    ]
    if l1["trouble"]:
        rows.append(("", Text(l1["trouble"], "red")))
    if l1["balance_wei"] is not None:
        rows.append(("", f"{int(l1['balance_wei']) / 10**18:.4f} ether for reports through it"))
    return table(["", ""], rows)


def _operators(facts: Facts) -> RenderableType:
    rows: list[tuple[Cell, ...]] = [
        (
            each["operator"],
            f"{each['taken']:,}",
            f"{each['failed']:,}",
            f"{each['taken_seconds']:.0f} s",
            Text(each["trouble"], "red"),
        )
        for each in facts["operators"]
    ]
    return table([words("operator"), figures("taken"), figures("not"), figures("last taken"), words()], rows)
