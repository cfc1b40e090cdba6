"""The status page, for a terminal: what L1 has decided, what waits for its time, what is disputed."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from tallystick.drawing import Cell, table
from tallystick_challenger.status.status_facts import BAR_CELLS, bar, short

Facts = dict[str, Any]
NEWEST: Final = 5
"""Of what is decided so many are shown; the older ones are counted."""
COLOURS: Final = {"confirmed": "green", "pending": "yellow", "rejected": "red"}
LATE_SECONDS: Final = 120
"""An older head is not L1's pace."""
WIDE_COLUMNS: Final = 110
NARROW_BAR_CELLS: Final = 10
MINUTE: Final = 60
HOUR: Final = 3600


class Board:
    """Draws the facts of `pages.status_facts`. With `whole` everything that is decided is listed.

    Below `WIDE_COLUMNS` columns clocks are shown without their proposers, which `--json` has: the due block must fit.
    """

    def __init__(self, facts: Facts, *, now: float, whole: bool = False, columns: int = WIDE_COLUMNS) -> None:
        self.facts = facts
        self.now = now
        self.whole = whole
        self.wide = columns >= WIDE_COLUMNS
        self.period = int(facts["period_blocks"])
        self.height = int(facts["root_height"])
        self.assertions: dict[str, Facts] = {each["assertion"]: each for each in facts["assertions"]}

    def page(self) -> Group:
        """Return the whole page."""
        parts: list[RenderableType] = [self._summary()]
        waiting = [each for each in self.facts["forecasts"] if not each["dispute"]]
        if waiting:
            parts += ["", _title("Waiting for their time"), self._clocks(waiting)]
        for dispute in self.facts["disputes"]:
            if self.whole or not dispute["settled"]:
                parts += ["", *self._dispute(dispute)]
        return Group(*parts, "", *self._decided())

    def _summary(self) -> RenderableType:
        facts, assertions = self.facts, self.assertions.values()
        count = Counter(each["status"] for each in assertions)
        asserted = max((each["limit"] for each in assertions if each["status"] != "rejected"), default=0)
        confirmed = self.assertions[facts["latest_confirmed"]]["limit"]
        unsettled = sum(1 for each in facts["disputes"] if not each["settled"])
        age = max(0, round(self.now - facts["head_time"]))
        age_style = "red" if age > LATE_SECONDS else "dim"
        rows: list[tuple[Cell, ...]] = [
            ("rollup", f"{facts['rollup']}, chain {facts['chain_id']}"),
            ("L1", Text.assemble(f"block {facts['head']}, ", (f"{_duration(age)} old", age_style))),
            ("published", f"{facts['batches']} batches, {facts['messages']} messages"),
        ]
        for word, reached, colour in (("asserted", asserted, "yellow"), ("confirmed", confirmed, "green")):
            rows.append((word, Text.assemble((bar(reached, facts["batches"]), colour), f" {reached} batches")))
        rows.append(("assertions", ", ".join(f"{count[name]} {name}" for name in COLOURS if count[name])))
        open_ones = (f"{unsettled} not settled", "bold red") if unsettled else ("none is open", "green")
        rows.append(("disputes", Text(*open_ones)))
        return table(["", ""], rows)

    def _clocks(self, forecasts: list[Facts]) -> RenderableType:
        """A row for each side of these forecasts; who wins unless somebody moves is green."""
        rows: list[list[Cell]] = []
        for forecast in forecasts:
            for side in forecast["sides"]:
                assertion = self.assertions[side["assertion"]]
                alone = len(forecast["sides"]) == 1
                colour = "yellow" if alone else "green" if side["assertion"] == forecast["winner"] else "red"
                cells = BAR_CELLS if self.wide else NARROW_BAR_CELLS
                clock = Text.assemble((bar(side["blocks"], self.period, cells), colour), f" {side['blocks']}")
                due = "clock stands" if side["due_block"] is None else f"whole at block {side['due_block']}"
                said = "proven" if side["proven"] else assertion["status"] if assertion["status"] != "pending" else due
                proposer = [_proposer(assertion)] if self.wide else []
                rows.append([*self._names(assertion), clock, said, *proposer])
        titles = ("assertion", "batches", f"clock of {self.period} blocks", "", "proposer")
        return table(titles[: 5 if self.wide else 4], rows, indent=2)

    def _dispute(self, dispute: Facts) -> list[RenderableType]:
        depth = self.height - dispute["lowest_height"]
        lines: list[RenderableType] = [
            _title(f"Dispute {short(dispute['dispute'])}, after {short(dispute['parent'])}"),
            f"  {bar(depth, self.height)} {depth} of {self.height} levels down, {dispute['edges']} edges",
        ]
        forecast = next((each for each in self.facts["forecasts"] if each["dispute"] == dispute["dispute"]), None)
        if forecast is not None:
            lines.append(self._clocks([forecast]))
        winner = dispute["winner"] or (forecast["winner"] if forecast is not None else None)
        if not winner:
            lines.append("  nobody wins without another move")
        elif dispute["winner"]:
            end = "settled" if dispute["settled"] else f"decided in block {dispute['decided_block']}"
            lines.append(Text.assemble("  won by ", (short(winner), "green"), f", {end}"))
        elif forecast is not None:
            end = f" wins unless somebody moves; may be confirmed from block {forecast['final_block']}"
            lines.append(Text.assemble("  ", (short(winner), "green"), end))
        return lines

    def _decided(self) -> list[RenderableType]:
        decided = [each for each in self.assertions.values() if each["status"] != "pending" and each["parent"]]
        if not decided:
            return ["Nothing is decided yet."]
        shown = decided if self.whole else decided[-NEWEST:]
        rows: list[list[Cell]] = [
            [
                *self._names(each),
                Text(each["status"], COLOURS[each["status"]]),
                f"block {each['block']}",
                _proposer(each),
            ]
            for each in reversed(shown)
        ]
        lines: list[RenderableType] = [
            _title("Decided"),
            table(("assertion", "batches", "", "", "proposer"), rows, indent=2),
        ]
        if len(shown) < len(decided):
            lines.append(Text(f"  and {len(decided) - len(shown)} older ones: --all lists them", "dim"))
        return lines

    def _names(self, assertion: Facts) -> tuple[str, str]:
        first = self.assertions[assertion["parent"]]["limit"]
        last = assertion["limit"] - 1
        batches = f"{first} to {last}" if first < last else f"{last}" if first == last else "none"
        return short(assertion["assertion"]), batches


def _title(words: str) -> Text:
    return Text(words, "bold")


def _proposer(assertion: Facts) -> str:
    proposer: str = assertion["proposer"]
    return f"{proposer[:8]}…{proposer[-4:]}"


def _duration(seconds: int) -> str:
    if seconds < 2 * MINUTE:
        return f"{seconds} s"
    return f"{seconds // MINUTE} min" if seconds < 2 * HOUR else f"{seconds // HOUR} h"
