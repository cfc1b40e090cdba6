"""The figures of disputes for people."""

from __future__ import annotations

from typing import Any

from tallystick.drawing import Cell, Page, Title, figures, table
from tallystick.l1.deployment import ROOTS_PER_SECOND

Result = dict[str, Any]
ETHER = 10**18


def dispute_page(result: Result) -> Page:
    """Return what a dispute took, and beside it what others publish."""
    gas = result["gas"]
    said = (
        f"machine {result['how']}: {result['trace_steps']:,} steps of {result['orders']:,} orders in "
        f"{result['batches']} batches; traced in {result['trace_seconds']:.1f} s, replayed in "
        f"{result['replay_seconds']:.2f} s, {result['replay_over_live']:.1f} × as fast as they were run live"
    )
    page: Page = [said]
    for name, flow in result.get("operator", {}).items():
        page.append(
            f"operator, {name}: {flow['operator_orders_per_second']:,} orders a second through door, sequencer, executor "
            f"and log; replayed at {flow['replay_orders_per_second']:,}, {flow['replay_over_operator']:.1f} × as fast"
        )
    moves: list[tuple[Cell, ...]] = []
    names = {"open": "openroot", "bisect_first": "", "bisect_median": "bisect", "prove_median": "prove"}
    for name, used in gas.items():
        seconds = result["move_seconds"].get(names.get(name, ""))
        moves.append((name, f"{used:,}", "" if seconds is None else f"{seconds:.4f}"))
    page += [table(["move", figures("gas"), figures("seconds")], moves), ""]
    others: list[tuple[Cell, ...]] = [
        ("here", "20 + proof", f"{gas['bisect_median']:,}", f"{gas['prove_median']:,}"),
    ]
    for name, other in result["others"].items():
        proof = f"{other['prove']:,}" if other["prove"] else "not published"
        others.append((name, str(other["moves"]), f"{other['bisect']:,}", proof))
    titles: list[Title] = ["", figures("moves on a path"), figures("gas a move"), figures("gas of the proof")]
    return [*page, table(titles, others)]


def sybils_page(rows: list[Result]) -> Page:
    """Return what so many attackers at once bring about."""
    titles = (
        "generations",
        "attackers of each",
        "blocks to the decision",
        "posting to confirmation",
        "to the end",
        "honest moves",
        "honest gas",
        "bonds lost, ether",
        "in use",
    )
    lines = [
        (
            row["generations"],
            str(row["attackers"]) + (", censoring" if row["censored"] else ""),
            row["decided"],
            row["confirmed"],
            row["blocks"],
            row["moves"],
            f"{row['gas']:,}",
            f"{row['lost_wei'] / ETHER:.2f}",
            row["bonds_in_use"],
        )
        for row in rows
    ]
    return [table([*map(figures, titles)], lines)]


def capacity_page(sample: Result, heights: dict[str, Result]) -> Page:
    """Return what can be asserted at each height, beside what is asked of a deployment and what the dispute allows."""
    said = (
        f"machine {sample['how']}: {sample['steps']:,} steps traced in {sample['clock_seconds']:.1f} s by {sample['cores']} "
        f"processes, {sample['steps_per_byte']:.2f} steps a byte; {sample['roots_per_second']:,} roots a second of two "
        f"processors; a proof takes {sample['prove_seconds']:.2f} s; {sample['stored_bytes_per_step']:.2f} bytes a step "
        "on disk"
    )
    titles = ("K", "steps a block", "MB a block", "orders/s asserted", "ether locked", "s for a full trace", "MiB")
    rows: list[tuple[Cell, ...]] = [
        (
            height,
            f"{row['steps_per_block']:,}",
            f"{row['bytes_per_block'] / 10**6:.2f}",
            f"{row['orders_per_second_asserted']:,}",
            f"{row['bond_ether_locked']:g}",
            f"{row['trace_seconds_full']:,.0f}",
            f"{row['trace_memory_mib']:,}",
        )
        for height, row in heights.items()
    ]
    rows.append(("22, asked", "", "7.20", "30,000 or more", "32", "", "1,024 or less"))
    rows.append(("22, planned", "4,194,304", "8.00", "", "", f"{(1 << 22) / ROOTS_PER_SECOND:,.0f}", ""))
    note = "Seconds and memory of a full trace are extrapolated from the sample, at its roots a second."
    return [said, table([*map(figures, titles)], rows), note]
