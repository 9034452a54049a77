"""Names of counters and of records in the control table are made and read in one module each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from lifeline.domain import records
from lifeline.domain.account import counters

from tests.support.template import ROOT

LAYER = ROOT / "layers" / "lifeline" / "lifeline"
COUNTERS = LAYER / "domain" / "account" / "counters.py"
RECORDS = LAYER / "domain" / "records.py"
STORE = LAYER / "adapters" / "control.py"


def files() -> Iterator[Path]:
    """The command line knows neither: its requests and answers are words of their own."""
    for folder in (LAYER, ROOT / "functions"):
        yield from sorted(folder.rglob("*.py"))


def texts(path: Path) -> Iterator[str]:
    """Every text of a file's code, also the parts of f-strings; docstrings are left out."""
    tree = ast.parse(path.read_text())
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def constants(module: object) -> set[str]:
    """The texts that a module's constants hold, also the private ones."""
    return {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


@pytest.mark.parametrize(
    ("home", "names"),
    [
        # Words that mean other things as well: a field of a row, an answer's field.
        (COUNTERS, constants(counters) - {"-", counters.DRAINED, counters.POSSIBLE, counters.DUPLICATE}),
        # The function's own name.
        (RECORDS, constants(records) - {records.KEEPER_RECORD}),
    ],
    ids=["counters", "records"],
)
def test_names_stand_in_one_module(home: Path, names: set[str]) -> None:
    assert len(names) > 5
    wrong = [
        f"{path.relative_to(ROOT)}: {text!r}"
        for path in files()
        if path != home
        for text in texts(path)
        if any(text == name or (name.endswith(("|", "/")) and text.startswith(name)) for name in names)
    ]
    assert wrong == []


def test_records_are_asked_for_by_their_names() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in files()
        if path != STORE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("setting", "settings", "put_setting")
        and any(isinstance(argument, ast.Constant | ast.JoinedStr) for argument in node.args[:1])
    ]
    assert wrong == []
