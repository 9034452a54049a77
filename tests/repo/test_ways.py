"""A way to reach a person is one row: nothing else of the layer and the command line names one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from lifeline.contract.ways import PARK, WAYS, Way
from lifeline.settings import Settings
from lifeline.wiring.adapters import Adapters

from tests.support.dashboard import shown
from tests.support.template import ROOT

LAYER = "layers/lifeline/lifeline"
CONSTANTS = {way.name.upper() for way in WAYS}
"""What the registry calls its rows."""
MAY = {
    f"{LAYER}/contract/ways.py": "the registry",
    f"{LAYER}/wiring/adapters.py": "who takes each way",
    f"{LAYER}/adapters/notices.py": "SNS's name of the protocol by which operators get mail",
    f"{LAYER}/wiring/texts.py": "who takes one way, and what it may cost",
    f"{LAYER}/adapters/push.py": "the adapter of one way",
    f"{LAYER}/contract/kinds.py": "a contact that is sent has emails",
    f"{LAYER}/domain/fallback/words.py": "reads the emails of a contact that is sent",
    f"{LAYER}/domain/fallback/feedback.py": "parses events of SES and of SNS, each about its own way",
    f"{LAYER}/settings.py": "the group of settings of a way that costs",
    f"{LAYER}/domain/fallback/policy.py": "says of park that it comes last",
    f"{LAYER}/domain/incident/readiness.py": "judges SNS's devices and SES's account",
    f"{LAYER}/use_cases/operate/ready.py": "asks SNS for its devices and SES for its account",
}
"""Files that may name a way, each with its reason."""
_WORDS = sorted({PARK, *(word for way in WAYS for word in (way.name, way.status, way.field))})
WORD = re.compile(rf"\b({'|'.join(_WORDS)})\b")


def names(tree: ast.Module) -> Iterator[str]:
    """Where a module names a way: in a text, by its constant, or by an attribute made of one.

    Docstrings may.
    """
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    attributes = {word for way in WAYS for word in (way.status, way.field, f"{way.name}_refused")}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in prose and WORD.search(text):
                yield f"{node.lineno}: {text!r}"
            case ast.Attribute(attr=name) if name in attributes:
                yield f"{node.lineno}: .{name}"
            case ast.ImportFrom(module="lifeline.contract.ways", names=taken):
                yield from (f"{node.lineno}: {item.name}" for item in taken if item.name in CONSTANTS)


def named() -> dict[str, list[str]]:
    """By file of production, where it names a way."""
    found = {}
    for place in (LAYER, "functions", "cli"):
        for path in sorted((ROOT / place).rglob("*.py")):
            found[str(path.relative_to(ROOT))] = [*names(ast.parse(path.read_text()))]
    return {path: lines for path, lines in found.items() if lines}


def test_only_the_registry_and_what_serves_one_way_names_it() -> None:
    assert {path: lines for path, lines in named().items() if path not in MAY} == {}


def test_each_exception_is_needed() -> None:
    assert set(MAY) <= set(named())


@pytest.mark.parametrize(
    "text",
    [
        'way == "push"',
        'f"{n} by email"',
        "row.status is Status.PUSHED",
        "contact.push_endpoint",
        "from lifeline.contract.ways import WAYS, EMAIL",
    ],
)
def test_the_check_can_fail(text: str) -> None:
    assert list(names(ast.parse(text)))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_way_is_shown_and_told_of(way: Way) -> None:
    seen = [(name, *dimensions.values()) for _, name, dimensions in shown()]
    assert ("Fallbacks", way.name) in seen
    assert ("FallbackFailures", way.name) in seen
    assert ("Outcomes", way.status) in seen
    producers = (ROOT / "docs" / "producers.md").read_text()
    assert f"`{way.status}`" in producers
    assert way.field in producers


def test_each_way_has_a_courier() -> None:
    channels = {way.name: object() for way in WAYS}
    adapters = Adapters("sender", {"settings": Settings(), **channels})
    assert dict(adapters.couriers) == channels
