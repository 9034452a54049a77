"""Every link of every document leads to a file, and to a heading in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.runbook import anchors
from tests.support.template import ROOT

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def documents() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [ROOT / name for name in done.stdout.split()]


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_its_links_lead_somewhere(path: Path) -> None:
    dead = []
    for link in (one or other for one, other in LINK.findall(CODE.sub("", path.read_text()))):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name) if name else path
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target.read_text())
        ):
            dead.append(link)
    assert dead == []


def test_the_site_has_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    entries = [
        line
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", index, re.M | re.S)
        for line in block.split()
    ]
    listed = {
        path.resolve()
        for entry in entries
        if not entry.startswith(":")
        for path in (ROOT / "docs").glob(f"{entry}.md")
    }
    pages = {path.resolve() for path in (ROOT / "docs").rglob("*.md")} - {ROOT / "docs" / "index.md"}
    assert pages - listed == set()


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_a_page_of_the_site_links_to_no_page_outside_of_it(path: Path) -> None:
    """``make docs`` knows no such page and fails; files of other kinds it offers as they are."""
    links = [
        one or other
        for one, other in LINK.findall(CODE.sub("", path.read_text()))
        if "://" not in (one or other)
    ]
    pages = [
        (path.parent / link.partition("#")[0]).resolve()
        for link in links
        if link.partition("#")[0].endswith(".md")
    ]
    assert [page for page in pages if not page.is_relative_to(ROOT / "docs")] == []
