"""Names say what a thing is, a class's name stands once, and nothing is too long to read."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.support.template import ROOT

LAYER = ROOT / "layers" / "lifeline" / "lifeline"
PLACES = {"layer": LAYER, "cli": ROOT / "cli", "functions": ROOT / "functions"}

VAGUE = frozenset({"found", "told", "listed"})
"""Words that say what was done, not what a thing is. Keys of answers are public and stay."""
MAX_FILE, MAX_FUNCTION = 450, 70

GIVEN = frozenset({"Meta"})
"""Names that a library gives: PynamoDB reads a model's table from its inner class ``Meta``."""


def files(place: str) -> list[tuple[str, str]]:
    """Path within the place, and text."""
    root = PLACES[place]
    return [(path.relative_to(root).as_posix(), path.read_text()) for path in sorted(root.rglob("*.py"))]


def vague(tree: ast.AST) -> Iterator[str]:
    """Vague names that a module gives to functions, classes, parameters, variables and fields."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                pass
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                pass
            case _:
                continue
        if name.strip("_").lower() in VAGUE:
            yield name


def long_functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Functions with more lines than they may have; decorators do not count."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            lines = node.end_lineno - node.lineno + 1
            if lines > MAX_FUNCTION:
                yield node.name, lines


@pytest.mark.parametrize("place", ["layer", "cli"])
def test_a_classs_name_stands_once(place: str) -> None:
    classes: defaultdict[str, list[str]] = defaultdict(list)
    for name, text in files(place):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and node.name not in GIVEN:
                classes[node.name].append(f"{name}:{node.lineno}")
    assert classes
    assert {name: where for name, where in classes.items() if len(where) > 1} == {}


@pytest.mark.parametrize("place", PLACES)
def test_names_say_what_a_thing_is(place: str) -> None:
    vague_names = {name: sorted(set(vague(ast.parse(text)))) for name, text in files(place)}
    assert {name: words for name, words in vague_names.items() if words} == {}


@pytest.mark.parametrize("place", PLACES)
def test_files_can_be_read(place: str) -> None:
    too_long = {name: lines for name, text in files(place) if (lines := len(text.splitlines())) > MAX_FILE}
    assert too_long == {}


@pytest.mark.parametrize("place", PLACES)
def test_functions_can_be_read(place: str) -> None:
    too_long = {
        f"{name}: {function}": lines
        for name, text in files(place)
        for function, lines in long_functions(ast.parse(text))
    }
    assert too_long == {}


def test_the_checks_can_fail() -> None:
    body = "\n".join(f"    x = {number}" for number in range(MAX_FUNCTION))
    tree = ast.parse(f"def listed(_told):\n    self.found = 1\n{body}\n")
    assert set(vague(tree)) == {"listed", "_told", "found"}
    assert [name for name, _ in long_functions(tree)] == ["listed"]
    assert not list(vague(ast.parse('answer["found"] = found["told"]'))), (
        "keys and what is read are not named here"
    )
