"""The control table: each kind of item, its key and its attributes are made and read in one module each."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import lifeline.domain
import pytest
from lifeline.domain.account import counters
from lifeline.domain.records import KeptRecord

from tests.support.template import ROOT

LAYER: Final = ROOT / "layers" / "lifeline" / "lifeline"
COUNTERS: Final = LAYER / "domain" / "account" / "counters.py"
CONTROL: Final = LAYER / "adapters" / "control"
TABLE: Final = CONTROL / "table.py"
HOMES: Final = {
    "flag": CONTROL / "flags.py",
    "history": CONTROL / "flags.py",
    "setting": CONTROL / "named.py",
    "window": CONTROL / "windows.py",
    "limiter": CONTROL / "limiters.py",
    "probe": CONTROL / "marks.py",
    "plan": CONTROL / "marks.py",
    "stats": CONTROL / "minutes.py",
    "spending": CONTROL / "spending.py",
    "inbound#": LAYER / "adapters" / "inbox.py",
    "pending_voice": LAYER / "adapters" / "inbox.py",
    "voice_person": LAYER / "adapters" / "inbox.py",
    "recording": LAYER / "adapters" / "recordings.py",
    "campaign": LAYER / "adapters" / "campaigns.py",
    "upload": LAYER / "adapters" / "uploads.py",
    "proof": LAYER / "adapters" / "used_proofs.py",
}
"""The kinds (``pk``) and the module that has each."""


def files() -> Iterator[Path]:
    """The command line knows none of it: its requests and answers are words of their own."""
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


def kinds_of_records() -> list[type[KeptRecord]]:
    """Every kind of record that is kept by name, wherever in the domain it stands."""
    found = []
    for module in pkgutil.walk_packages(lifeline.domain.__path__, "lifeline.domain."):
        for value in vars(importlib.import_module(module.name)).values():
            kind = isinstance(value, type) and issubclass(value, KeptRecord) and value is not KeptRecord
            if kind and value.__module__ == module.name:
                found.append(value)
    return found


def outside(homes: dict[str, Path]) -> list[str]:
    """Where a name stands outside its home. One that ends in ``|`` or ``/`` may go on."""
    return [
        f"{path.relative_to(ROOT)}: {text!r}"
        for path in files()
        for text in texts(path)
        for name, home in homes.items()
        if path != home and (text == name or (name.endswith(("|", "/")) and text.startswith(name)))
    ]


def test_counters_are_named_in_one_module() -> None:
    names = {value for name, value in vars(counters).items() if name.isupper() and isinstance(value, str)}
    # Words that mean other things as well: a field of a row, an answer's field, AWS's STS.
    names -= {"-", counters.DRAINED, counters.POSSIBLE, counters.DUPLICATE, counters.REPORTED_SENT}
    assert len(names) > 5
    assert outside(dict.fromkeys(names, COUNTERS)) == []


def test_names_of_counters_are_made_in_one_module() -> None:
    makers = {
        path
        for path in files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("CounterName")
    }
    assert makers == {COUNTERS}


def test_records_are_named_where_they_are_made_and_read() -> None:
    kinds = kinds_of_records()
    assert len(kinds) > 8
    names = [kind.NAME for kind in kinds]
    assert len(set(names)) == len(names)
    assert not [(one, other) for one in names for other in names if one != other and other.startswith(one)], (
        "of two kinds the keys of none begin with the other's name"
    )
    homes = {kind.NAME: LAYER.parent / f"{kind.__module__.replace('.', '/')}.py" for kind in kinds}
    # The function's own name.
    del homes["token_keeper"]
    assert outside(homes) == []


def test_a_record_stands_beside_its_subject() -> None:
    assert {kind.__module__.rpartition(".")[2] for kind in kinds_of_records()} == {"records"}


@pytest.mark.parametrize("kind", kinds_of_records(), ids=lambda kind: kind.NAME)
@pytest.mark.parametrize(
    "item",
    [
        None,
        {},
        [],
        "",
        "x",
        0,
        7.5,
        True,
        [1],
        [{}],
        {"of tomorrow": {"x": [1]}},
        {"at": "x", "of": 3, "": []},
    ],
    ids=str,
)
def test_a_record_of_any_shape_can_be_read(kind: type[KeptRecord], item: Any) -> None:
    found = kind.from_item(item)
    assert kind.from_item(found.to_item()) == found, "what is kept comes back"
    if item in (None, {}, [], ""):
        assert found == kind.from_item(None)


def test_the_kinds_of_items_are_listed() -> None:
    kind = re.compile(r'^_[A-Z_]+: Final = "([a-z_]+)"$', re.MULTILINE)
    key = re.compile(r"_table\.\w+\(\s*(_[A-Z_]+)")
    found: Counter[str] = Counter()
    for path in sorted(CONTROL.glob("*.py")):
        text = path.read_text()
        names = {match[0].split(":")[0]: match[1] for match in kind.finditer(text)}
        found.update({names[used] for used in key.findall(text)})
    assert found == Counter(name for name, home in HOMES.items() if CONTROL in home.parents)


def test_only_their_modules_make_keys_of_the_control_table() -> None:
    homes = {TABLE, *HOMES.values()}
    wrong = [
        f"{path.relative_to(ROOT)}: {text!r}"
        for path in files()
        if path not in homes
        for text in texts(path)
        if re.search(r"^(pk|sk)$|\b(pk|sk) (=|<|>|BETWEEN)|\((pk|sk)[,)]", text)
    ]
    assert wrong == []


def test_a_kind_of_item_stands_in_its_module_alone() -> None:
    # The other names are words that mean other things as well.
    own = {name: HOMES[name] for name in ("pending_voice", "voice_person", "stats", "inbound#")}
    assert outside(own) == []


def test_the_document_names_each_kind_and_its_module() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text().partition("## The control table")[2]
    rows = [line.split(" | ") for line in text.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    told = {
        name.removesuffix("N"): row[-1].strip("` |")
        for row in rows
        for name in re.findall(r"`([^`]+)`", row[0])
        if name not in ("pk", "campaign#ID")
    }
    assert told == {name: str(home.relative_to(LAYER / "adapters")) for name, home in HOMES.items()}


def test_no_module_of_the_table_is_long() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in CONTROL.glob("*.py")}
    assert max(lengths.values()) <= 300, lengths
