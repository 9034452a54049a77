"""Every text that people read: documents, template, strings of the code, the command line's help."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml

from tests.support.template import ROOT, Loader, strings

DOCUMENTS: Final = (
    "*.md",
    "docs/**/*.md",
    "local/**/*.md",
    "producer/**/*.md",
    "benchmarks/**/*.md",
    "examples/**/*.md",
)
HISTORY: Final = frozenset({"CHANGELOG.md"})
"""What was said once and stays."""
YAML: Final = ("template.yaml", "docs/notifications/*.yaml")
CODE: Final = ("layers/lifeline", "functions", "cli", "local", "producer/src", "examples", "benchmarks")
HELP: Final = "cli/"
"""Where docstrings are the help that the command line prints."""

_DOCUMENTED: Final = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _files(*patterns: str) -> Iterator[tuple[str, Path]]:
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if not any(part.startswith(".") or part == "build" for part in Path(name).parts):
                yield name, path


def texts() -> Iterator[tuple[str, str]]:
    """Place and text: a document as a whole, a string of template or code each. Line breaks are blanks."""
    for name, path in _files(*DOCUMENTS):
        if name not in HISTORY:
            yield name, joined(path.read_text())
    for name, path in _files(*YAML):
        for text in strings(yaml.load(path.read_text(), Loader)):
            yield name, joined(text)
    for folder in CODE:
        for name, path in _files(f"{folder}/**/*.py"):
            for line, text in spoken(path.read_text(), docstrings=name.startswith(HELP)):
                yield f"{name}:{line}", joined(text)


def joined(text: str) -> str:
    """The text as one line."""
    return re.sub(r"\s+", " ", text)


def spoken(source: str, *, docstrings: bool) -> Iterator[tuple[int, str]]:
    """Line and text of each string of a module, ``{}`` in place of values; docstrings of functions if asked.

    A string that is a statement documents a name, so it counts as a docstring.
    """
    tree = ast.parse(source)
    quiet: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            quiet.update(map(id, node.values))
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, _DOCUMENTED):
            for index, line in enumerate(node.body):
                if isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant):
                    help_text = docstrings and index == 0 and isinstance(node, ast.FunctionDef)
                    quiet.update(() if help_text else [id(line.value)])
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in quiet:
            yield node.lineno, node.value
