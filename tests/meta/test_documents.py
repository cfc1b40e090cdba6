"""The documents hang together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.meta.tree import ROOT, files, shown

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PAGES = [*files(".md", under="docs"), ROOT / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    targets = LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_decisions_are_numbered_without_gap_and_say_context_decision_and_consequence() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequence"], page.name


def test_every_step_has_its_section() -> None:
    page = (ROOT / "docs" / "machine.md").read_text(encoding="utf-8")
    steps = (ROOT / "shared" / "tallystick" / "machine" / "steps").glob("[a-z]*.py")
    assert [step.stem for step in steps if f"\n### {step.stem.upper()}\n" not in page] == []
