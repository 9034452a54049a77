"""What docs/producers.md shows, as data."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any, Final

import yaml

from tests.support.template import ROOT, Loader

DOCUMENT: Final = (ROOT / "docs" / "producers.md").read_text()

ITEM: Final = {
    "number": "8812",
    "phone": "+4915112345678",
    "day": "Monday",
    "starts_at": "2030-03-04T08:00:00Z",
}
"""An appointment as the document's table and bus have it."""


def blocks(language: str) -> list[str]:
    """The code blocks in one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


def configured() -> dict[str, dict[str, Any]]:
    """Resources of the document's YAML, by logical id."""
    found: dict[str, dict[str, Any]] = {}
    for block in blocks("yaml"):
        found |= yaml.load(block, Loader)
    return found


def built_wheel(folder: Path) -> Path:
    """The producers' package, built into ``folder``; a wheel of pure Python can be imported as it is."""
    spec = importlib.util.spec_from_file_location("build_backend", ROOT / "producer" / "build_backend.py")
    assert spec
    assert spec.loader
    backend = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
    return folder / str(backend.build_wheel(str(folder)))
