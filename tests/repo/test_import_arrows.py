"""Imports point one way, as docs/architecture.md says."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = "shared"
LAYER = ROOT / "layers" / "lifeline" / "lifeline"

MAY: dict[str, tuple[str, ...]] = {
    "functions": ("lifeline.wiring", "lifeline.use_cases", "lifeline.contract"),
    "domain": ("lifeline.domain", "lifeline.contract", "lifeline.errors"),
    "adapters": ("lifeline.adapters", "lifeline.domain", "lifeline.contract", "lifeline.errors"),
    "use_cases": (
        "lifeline.use_cases",
        "lifeline.domain",
        "lifeline.adapters",
        "lifeline.contract",
        "lifeline.errors",
        "lifeline.settings",
        "lifeline.telemetry",
    ),
    "wiring": (
        "lifeline.wiring",
        "lifeline.use_cases",
        "lifeline.adapters",
        "lifeline.domain",
        "lifeline.contract",
        "lifeline.settings",
        "lifeline.telemetry",
    ),
    "cli": ("lifeline.contract",),
    "contract": ("lifeline.contract",),
}


def files(place: str) -> list[Path]:
    match place:
        case "functions":
            return sorted((ROOT / "functions").glob("*/app.py"))
        case "cli":
            return sorted((ROOT / "cli").rglob("*.py"))
        case _:
            return sorted((LAYER / place).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Every module of the layer that a file imports, with the names it takes from a package."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            if node.module == "lifeline":
                yield from (f"lifeline.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("place", MAY)
def test_imports_point_one_way(place: str) -> None:
    found = files(place)
    assert found, f"no files in {place}"
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in found
        for name in imported(path)
        if name.split(".")[0] == "lifeline"
        and not any(name == allowed or name.startswith(f"{allowed}.") for allowed in MAY[place])
    ]
    assert not wrong, wrong


def sideways(path: Path, subject: str) -> list[str]:
    """What a file of a subject of ``use_cases`` takes from another subject than its own."""
    parts = [name.split(".") for name in imported(path) if name.startswith("lifeline.use_cases.")]
    return [".".join(part) for part in parts if part[2] not in {subject, SHARED}]


def test_jobs_import_no_other_job() -> None:
    """What several work with is in ``use_cases/shared``, which imports none of them."""
    root = LAYER / "use_cases"
    subjects = sorted(path.name for path in root.iterdir() if path.is_dir() and path.name != "__pycache__")
    assert SHARED in subjects
    found = {
        str(path.relative_to(root)): taken
        for subject in subjects
        for path in sorted((root / subject).rglob("*.py"))
        if (taken := sideways(path, subject))
    }
    assert not found


def test_the_check_of_jobs_can_fail(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("from lifeline.use_cases.deliver import Deliver\n")
    assert sideways(bad, "tick") == ["lifeline.use_cases.deliver"]
    assert sideways(bad, "deliver") == []


def test_the_check_can_fail(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("from lifeline import adapters\nfrom lifeline.use_cases.deliver import Deliver\n")
    assert list(imported(bad)) == ["lifeline.adapters", "lifeline.use_cases.deliver"]


def test_the_contract_needs_the_standard_library_only() -> None:
    """The command line loads it first of all, and must not wait for a package."""
    outside = [
        f"{path.name} imports {name}"
        for path in files("contract")
        for name in imported(path)
        if name.split(".")[0] not in {*sys.stdlib_module_names, "lifeline"}
    ]
    assert not outside
