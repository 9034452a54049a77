"""What is known of a scope or a cause stands in its row, and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest
from lifeline.contract.scopes import SCOPES, TEMPLATE_PREFIX
from lifeline.domain.failure.causes import Cause

from tests.support.template import ROOT

LAYER: Final = "layers/lifeline/lifeline"
PLACES: Final = (LAYER, "functions", "cli", "local")
SCOPE_ROWS: Final = f"{LAYER}/contract/scopes.py"
CAUSE_ROWS: Final = f"{LAYER}/domain/failure/causes.py"

_PRODUCT: Final = "Meta's word for the product, in what is sent to it or comes from it"
_WAY: Final = "the way, not the scope: how a person is reached"
SCOPE_WORDS: Final = {
    f"{LAYER}/adapters/whatsapp.py": _PRODUCT,
    f"{LAYER}/domain/message/kinds.py": _PRODUCT,
    f"{LAYER}/use_cases/operate/whatsapp_test.py": _PRODUCT,
    f"{LAYER}/use_cases/panic/probe.py": _PRODUCT,
    "local/simulators": _PRODUCT,
    f"{LAYER}/domain/message/row.py": _WAY,
    "cli/lifeline_cli/main.py": "the name of a group of commands",
    "local/demo.py": "the story that it tells is of this channel, seen from outside",
}
"""Files and folders in which a scope's name may be written out, and why."""

_KINDS: Final = "the simulator's own kinds of faults (public), as tests switch them on"
CAUSE_WORDS: Final = {
    "cli/lifeline_cli/errors.py": "the command line's own code for a stack that does not answer",
    "cli/lifeline_cli/render.py": "the command line's own code for a stack that does not answer",
    f"{LAYER}/domain/failure/rules.py": "the name of one of Meta's errors",
    f"{LAYER}/use_cases/operate/whatsapp_test.py": "the code of a refusal: the operator's number, not a send",
    "local/simulators": _KINDS,
    "local/demo.py": "the story that it tells is of this cause, seen from outside",
}
"""Where a cause's name may stand written out, and why. Everyday words are not looked for."""
EVERYDAY: Final = frozenset({"auth", "account", "silent", "operator", "alarm"})

CAUSE_TABLES: Final[dict[str, str]] = {}
"""Where causes may stand together outside of their registry, and why: nowhere."""


def sources() -> list[Path]:
    return sorted(path for place in PLACES for path in (ROOT / place).rglob("*.py"))


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text of the code with its line; what only explains (an expression by itself) is left out."""
    explains = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explains:
            yield node.lineno, node.value


def is_cause(node: ast.AST) -> bool:
    """``Cause.X``."""
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Cause"
        and node.attr.isupper()
    )


def tables(tree: ast.Module) -> Iterator[int]:
    """Lines on which causes are gathered: keys of a mapping, members of a collection, cases of a match."""
    for node in ast.walk(tree):
        match node:
            case ast.Dict(keys=keys) if any(key is not None and is_cause(key) for key in keys):
                yield node.lineno
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
                if sum(map(is_cause, parts)) > 1:
                    yield node.lineno
            case ast.match_case(pattern=pattern) if any(
                isinstance(part, ast.MatchValue) and is_cause(part.value) for part in ast.walk(pattern)
            ):
                yield pattern.lineno


def where(path: Path) -> str:
    return str(path.relative_to(ROOT))


def outside(places: Iterable[str]) -> Iterator[Path]:
    """Sources that are none of these files, and in none of these folders."""
    excused = {ROOT / place for place in places}
    return (path for path in sources() if not excused & {path, *path.parents})


def inside(place: str) -> list[Path]:
    path = ROOT / place
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def is_scope_name(text: str) -> bool:
    return text in SCOPES or TEMPLATE_PREFIX in text


def test_a_scope_is_named_in_its_registry_only() -> None:
    wrong = {
        f"{where(path)}:{line} says {text!r}"
        for path in outside({SCOPE_ROWS, *SCOPE_WORDS})
        for line, text in texts(ast.parse(path.read_text()))
        if is_scope_name(text)
    }
    assert wrong == set()


def test_a_cause_is_named_by_its_member() -> None:
    names = set(Cause) - EVERYDAY
    wrong = {
        f"{where(path)}:{line} says {text!r}"
        for path in outside({CAUSE_ROWS, SCOPE_ROWS, *CAUSE_WORDS})
        for line, text in texts(ast.parse(path.read_text()))
        if text in names
    }
    assert wrong == set()


def test_what_follows_from_a_cause_stands_in_its_row() -> None:
    wrong = {
        f"{where(path)}:{line}"
        for path in outside({CAUSE_ROWS, *CAUSE_TABLES})
        for line in tables(ast.parse(path.read_text()))
    }
    assert wrong == set()


def texts_in(place: str) -> Iterator[str]:
    return (text for path in inside(place) for _, text in texts(ast.parse(path.read_text())))


@pytest.mark.parametrize("place", SCOPE_WORDS)
def test_an_exception_for_scopes_is_needed(place: str) -> None:
    assert any(map(is_scope_name, texts_in(place)))


@pytest.mark.parametrize("place", CAUSE_WORDS)
def test_an_exception_for_causes_is_needed(place: str) -> None:
    assert (set(Cause) - EVERYDAY) & set(texts_in(place))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("T = {Cause.AUTH: 1}", 1),
        ("x in (Cause.AUTH, Cause.ACCOUNT)", 1),
        ("T = frozenset({Cause.AUTH, Cause.ACCOUNT})", 1),
        ("match x:\n    case Cause.AUTH | Cause.ACCOUNT: ...", 2),
    ],
)
def test_the_check_can_fail(text: str, line: int) -> None:
    assert list(tables(ast.parse(text))) == [line]
    assert list(texts(ast.parse('"""whatsapp"""\nx = "whatsapp"'))) == [(2, "whatsapp")]


def test_one_cause_by_itself_is_no_table() -> None:
    assert list(tables(ast.parse("if x is Cause.AUTH: y = {'cause': Cause.AUTH}"))) == []
