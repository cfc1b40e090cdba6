"""The campaign of the market rules: each is dropped, and what its row names must miss it.

A rule is dropped as if in both languages at once: the Referee, which would tell any two apart, is not asked. Nor is a rule
found by a machine that only breaks. It keeps its place in a file after every rule.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, Final

import pytest
import typer
from _pytest.runner import runtestprotocol

from tallystick.referee.runner import TwinRunner
from tallystick.testing.campaigns.place_kept import keep_place, no_place, progress_bar
from tallystick.testing.markets.game import play, play_late
from tallystick.testing.markets.mutants import RULES, Rule, dropped
from tallystick.testing.markets.rule_table import TABLE, table

FOUND: Final = "found"
NOTHING: Final = "nothing fails"
BREAKS: Final = (AttributeError, ImportError, NameError, SyntaxError, TypeError)
"""What a machine raises that a change has broken rather than changed."""
FORK: Final = get_context("fork")
"""A rule is dropped in a process of its own, which has everything at hand that this one has, the tests among it."""


class Dropper:
    """A plugin of pytest: of the tests that it collects, each rule has those run that may miss it, up to the first that does."""

    def __init__(self, state: Path, answers: dict[str, str], due: Sequence[Rule], anything: bool) -> None:
        self.state = state
        self.answers = answers
        self.due = due
        self.anything = anything

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Drop every rule that is due, and write down what has missed it."""
        with progress_bar() as progress:
            task = progress.add_task("rules", total=len(self.due))
            for rule in self.due:
                named = [item for item in session.items if self.anything or item.nodeid.partition("[")[0] in rule.tests]
                self.answers[rule.name] = in_a_process(rule, named, not self.anything)
                keep_place(self.state, json.dumps(self.answers, indent=1))
                progress.advance(task)
        return True


def missed_by(rule: Rule, items: Sequence[pytest.Item], histories: bool) -> str:
    """Return what misses a rule that is dropped: the first test that fails, and its histories, of which none may show nothing."""
    found = ""
    silent = redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO())
    with dropped(rule.name), pytest.MonkeyPatch.context() as patch, silent[0], silent[1]:
        patch.setattr(TwinRunner, "check", lambda *_: 0)
        for item in items:
            failed = _failure(item)
            if failed:
                found = failed
                break
        barren = [seed for seed in rule.seeds if histories and not play(seed).faults]
        barren += [seed for seed in rule.late if histories and not play_late(seed).faults]
    if barren:
        return f"history {barren[0]} shows nothing"
    if found or (histories and rule.found_by and not rule.tests):
        return found or FOUND
    return NOTHING


def _failure(item: pytest.Item) -> str:
    """Run a test; return it behind `found` when it fails, and what has broken when that is all that has happened."""
    broken: list[str] = []

    class Seen:
        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(self, call: Any) -> Any:
            if call.excinfo is not None and issubclass(call.excinfo.type, BREAKS):
                broken.append(repr(call.excinfo.value))
            return (yield)

    item.config.pluginmanager.register(Seen())
    failed = any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))
    if broken:
        return f"breaks: {broken[0]}"
    return f"{FOUND} {item.nodeid}" if failed else ""


def _answer(rule: Rule, items: Sequence[pytest.Item], histories: bool, end: Any) -> None:
    end.send(missed_by(rule, items, histories))


def in_a_process(rule: Rule, items: Sequence[pytest.Item], histories: bool) -> str:
    """Try a rule in a process of its own."""
    here, there = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_answer, args=(rule, items, histories, there))
    process.start()
    there.close()
    try:
        answer: str = here.recv()
    except EOFError:
        answer = "the process ended"
    process.join()
    return answer


def read_place(state: Path) -> dict[str, str]:
    """Return what became of each rule that was dropped.

    Raises: BadInput when the file is no campaign's.
    """
    if not state.exists():
        return {}
    try:
        kept = json.loads(state.read_text(encoding="utf-8"))
        return {str(name): str(answer) for name, answer in kept.items()}
    except (ValueError, AttributeError) as error:
        raise no_place() from error


def main(
    state: Annotated[Path, typer.Option(help="Where it keeps its place.")] = Path(".tallystick/rules.json"),
    among: Annotated[list[str] | None, typer.Option(help="Tests that may miss what nothing else has missed.")] = None,
    rule: Annotated[list[str] | None, typer.Option(help="Only these rules.")] = None,
    write: Annotated[bool, typer.Option(help="Only write the table.")] = False,
) -> None:
    """Drop each rule of the markets: the histories and the test that are named for it must miss it.

    Interrupt it at any time: the next run goes on where this one kept its place.
    """
    if write:
        TABLE.write_text(table(), encoding="utf-8")
        return
    answers = read_place(state)
    asked = [RULES[name] for name in rule or RULES]
    if among:
        due = [each for each in asked if not answers.get(each.name, "").startswith(FOUND)]
    else:
        due = [each for each in asked if each.name not in answers]
    files = among or sorted({test.partition("::")[0] for each in due for test in each.tests})
    if due:
        plugins = [Dropper(state, answers, due, bool(among))]
        with redirect_stdout(io.StringIO()):
            pytest.main(["-q", "-p", "no:cacheprovider", *files], plugins=plugins)
    missed = {name: answer for name, answer in answers.items() if not answer.startswith(FOUND)}
    typer.echo(f"{len(answers)} rules dropped, {len(answers) - len(missed)} found")
    for name, answer in missed.items():
        typer.echo(f"  NOT FOUND {name}: {answer}")
    raise typer.Exit(1 if missed else 0)


if __name__ == "__main__":
    typer.run(main)
