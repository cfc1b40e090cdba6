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


@pytest.mark.parametrize("folder", ["machine/steps"])
def test_every_step_has_its_section(folder: str) -> None:
    page = (ROOT / "docs" / "machine.md").read_text(encoding="utf-8")
    for step in (ROOT / "shared" / "tallystick" / folder).glob("[a-z]*.py"):
        assert f"\n### {step.stem.upper()}\n" in page
