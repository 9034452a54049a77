"""The tests themselves: typed, on shared ground, and none that inherits from another's module."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import FIRST, TESTS
from tests.support.template import ROOT

IGNORED_AT_MOST = 29
"""Lines of the tests that mypy is told to overlook: values that are wrong on purpose."""
FILES = sorted(TESTS.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{item.name}" for item in node.names)
        elif isinstance(node, ast.Import):
            yield from (item.name for item in node.names)


def test_few_lines_of_the_tests_are_hidden_from_mypy() -> None:
    mark = "type: " + "ignore"
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in FILES
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if mark in line
    ]
    assert len(found) <= IGNORED_AT_MOST, found
    assert re.search(r"mypy .*\btests\b", (ROOT / "Makefile").read_text()), "mypy reads the tests"


def test_nobody_imports_from_another_tests_module() -> None:
    found = {
        str(path.relative_to(ROOT)): names
        for path in FILES
        if (names := [name for name in imported(path) if re.search(r"\btests\.(.*\.)?test_", name)])
    }
    assert not found, "what two tests need lives in tests/support"


def test_support_imports_nothing_from_tests() -> None:
    found = {
        path.name: names
        for path in FILES
        if path.parent.name == "support"
        and path.parent.parent == TESTS
        and (
            names := [
                name
                for name in imported(path)
                if name.startswith("tests.") and not name.startswith("tests.support")
            ]
        )
    }
    assert not found


@pytest.mark.parametrize("name", FIRST)
def test_what_begins_first_is_there(name: str) -> None:
    assert (TESTS / name).exists()


def rows() -> list[tuple[str, str]]:
    """Change and file, of the table in CONTRIBUTING.md."""
    text = (
        (ROOT / "CONTRIBUTING.md").read_text().partition("## What a change touches")[2].partition("\n## ")[0]
    )
    table = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| ")][1:]
    return [
        (change.strip(), file)
        for change, files in table
        for file in re.findall(r"`([\w.*-]+/[\w./*-]*|\w+\.yaml)`", files)
    ]


@pytest.mark.parametrize(("change", "file"), rows())
def test_a_file_that_a_change_touches_is_there(change: str, file: str) -> None:
    path = re.sub(r"^L/", "layers/lifeline/lifeline/", file)
    assert list(ROOT.glob(path.rstrip("/"))), f"{change}: {file}"


def test_each_usual_change_has_its_files() -> None:
    changes = " ".join(change for change, _ in rows())
    for word in (
        "message",
        "way",
        "cause",
        "scope",
        "command",
        "function",
        "setting",
        "counter",
        "alarm",
        "simulator",
    ):
        assert word in changes
