"""The figures of disputes for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from tallystick.l1.deployment import ROOTS_PER_SECOND

Result = dict[str, Any]
ETHER = 10**18


def show_dispute(console: Console, result: Result) -> None:
    """Print what a dispute took, and beside it what others publish."""
    gas = result["gas"]
    console.print(
        f"machine {result['how']}: {result['trace_steps']:,} steps of {result['orders']:,} orders in "
        f"{result['batches']} batches; traced in {result['trace_seconds']:.1f} s, replayed in "
        f"{result['replay_seconds']:.2f} s, {result['replay_over_live']:.1f} × as fast as they were run live"
    )
    for name, flow in result.get("operator", {}).items():
        console.print(
            f"operator, {name}: {flow['operator_orders_per_second']:,} orders a second through door, sequencer, executor "
            f"and log; replayed at {flow['replay_orders_per_second']:,}, {flow['replay_over_operator']:.1f} × as fast"
        )
    moves = Table("move", "gas", "seconds")
    names = {"open": "openroot", "bisect_first": "", "bisect_median": "bisect", "prove_median": "prove"}
    for name, used in gas.items():
        seconds = result["move_seconds"].get(names.get(name, ""))
        moves.add_row(name, f"{used:,}", "" if seconds is None else f"{seconds:.4f}")
    console.print(moves)
    table = Table("", "moves on a path", "gas a move", "gas of the proof")
    table.add_row("here", "20 + proof", f"{gas['bisect_median']:,}", f"{gas['prove_median']:,}")
    for name, other in result["others"].items():
        proof = f"{other['prove']:,}" if other["prove"] else "not published"
        table.add_row(name, str(other["moves"]), f"{other['bisect']:,}", proof)
    console.print(table)


def show_sybils(console: Console, rows: list[Result]) -> None:
    """Print what so many attackers at once bring about."""
    table = Table(
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
    for row in rows:
        table.add_row(
            str(row["generations"]),
            str(row["attackers"]) + (", censoring" if row["censored"] else ""),
            str(row["decided"]),
            str(row["confirmed"]),
            str(row["blocks"]),
            str(row["moves"]),
            f"{row['gas']:,}",
            f"{row['lost_wei'] / ETHER:.2f}",
            str(row["bonds_in_use"]),
        )
    console.print(table)


def show_capacity(console: Console, sample: Result, heights: dict[str, Result]) -> None:
    """Print what can be asserted at each height, beside what is asked of a deployment and what the dispute allows."""
    console.print(
        f"machine {sample['how']}: {sample['steps']:,} steps traced in {sample['clock_seconds']:.1f} s by {sample['cores']} "
        f"processes, {sample['steps_per_byte']:.2f} steps a byte; {sample['roots_per_second']:,} roots a second of two "
        f"processors; a proof takes {sample['prove_seconds']:.2f} s; {sample['stored_bytes_per_step']:.2f} bytes a step "
        "on disk"
    )
    table = Table("K", "steps a block", "MB a block", "orders/s asserted", "ether locked", "s for a full trace", "MiB")
    for height, row in heights.items():
        table.add_row(
            height,
            f"{row['steps_per_block']:,}",
            f"{row['bytes_per_block'] / 10**6:.2f}",
            f"{row['orders_per_second_asserted']:,}",
            f"{row['bond_ether_locked']:g}",
            f"{row['trace_seconds_full']:,.0f}",
            f"{row['trace_memory_mib']:,}",
        )
    table.add_row("22, asked", "", "7.20", "30,000 or more", "32", "", "1,024 or less")
    table.add_row("22, planned", "4,194,304", "8.00", "", "", f"{(1 << 22) / ROOTS_PER_SECOND:,.0f}", "")
    console.print(table)
    console.print("Seconds and memory of a full trace are extrapolated from the sample, at its roots a second.")
