"""Inside ``use_cases/`` subjects take only each other's classes, which are passed in as collaborators."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.template import ROOT

USE_CASES = ROOT / "layers" / "lifeline" / "lifeline" / "use_cases"
PACKAGE = "lifeline.use_cases"


def subject(module: str) -> str:
    """``lifeline.use_cases.panic.probe`` is of ``panic``; a file of no folder serves all: ``""``."""
    parts = module.removeprefix(f"{PACKAGE}.").split(".")
    return parts[0] if (USE_CASES / parts[0]).is_dir() else ""


def sideways(path: Path) -> Iterator[tuple[str, str]]:
    """What a file imports of other subjects, as (module, name)."""
    mine = path.relative_to(USE_CASES).parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{PACKAGE}."):
            other = subject(node.module)
            if other and other != (mine[0] if len(mine) > 1 else ""):
                yield from ((node.module, name.name) for name in node.names)


def is_class(module: str, name: str) -> bool:
    path = USE_CASES.joinpath(*module.removeprefix(f"{PACKAGE}.").split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return True
        if isinstance(node, ast.ImportFrom) and node.module and any(a.name == name for a in node.names):
            return is_class(node.module, name)
    return False


def test_subjects_share_no_constants() -> None:
    wrong = [
        f"{path.relative_to(USE_CASES)} takes {name} of {module}: what two need lives in the domain"
        for path in sorted(USE_CASES.rglob("*.py"))
        for module, name in sideways(path)
        if not is_class(module, name)
    ]
    assert wrong == []


def test_the_check_can_fail() -> None:
    assert is_class("lifeline.use_cases.panic.probe", "Probe")
    assert is_class("lifeline.use_cases.webhook", "Webhook"), "through the package"
    assert not is_class("lifeline.use_cases.panic.probe", "PROBE_TEXT")
