"""The built layer: what ships, and that nothing else does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.build import BUILT, SAM, build
from tests.support.template import ROOT

LIMIT = 250 * 1024 * 1024
"""Bytes of a function and its layers, unpacked (Lambda quotas)."""


@pytest.fixture(scope="module")
def layer() -> Path:
    """The folder that becomes ``/opt/python``; built once per set of inputs."""
    if not SAM.exists():
        pytest.skip(f"{SAM.relative_to(ROOT)} is missing; make setup installs it")
    build(say=False)
    return BUILT / "LifelineLayer" / "python"


def required() -> set[str]:
    text = (ROOT / "layers" / "lifeline" / "requirements.txt").read_text()
    return {re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def test_the_package_lies_where_lambda_looks(layer: Path) -> None:
    assert (layer / "lifeline" / "__init__.py").is_file()
    assert not (layer / "python").exists()


def test_the_source_is_all_there_and_nothing_else(layer: Path) -> None:
    def tree(root: Path) -> set[str]:
        return {
            str(path.relative_to(root))
            for path in root.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    source = ROOT / "layers" / "lifeline" / "lifeline"
    assert tree(layer / "lifeline") == tree(source)
    assert {path.suffix for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"} == {".py"}


def test_what_ships_is_what_the_requirements_name(layer: Path) -> None:
    shipped = {
        re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower()
        for path in layer.iterdir()
        if path.name.endswith(".dist-info")
    }
    # A universal file also names packages of other platforms and versions.
    assert shipped <= required()
    assert {"boto3", "aws-lambda-powertools", "requests", "pynamodb", "phonenumberslite"} <= shipped
    for name in ("tests", "test", "README.md", "docs"):
        assert not (layer / name).exists(), f"/opt/python/{name} would shadow others"


def test_every_module_is_compiled(layer: Path) -> None:
    missing = [
        str(path.relative_to(layer))
        for path in (layer / "lifeline").rglob("*.py")
        if not list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))
    ]
    assert not missing, "without byte code every cold start compiles them"


def test_byte_code_is_never_checked_against_its_source(layer: Path) -> None:
    (compiled,) = (layer / "lifeline" / "contract" / "__pycache__").glob("messages.*.pyc")
    # PEP 552: flags 0b01 is hash-based and unchecked; the unpacked file's time says nothing.
    assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 0b01


def test_it_fits_into_lambda(layer: Path) -> None:
    size = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    assert size < LIMIT / 2, f"{size / 1e6:.0f} MB"


def test_each_function_ships_its_file_only(layer: Path) -> None:
    for folder in (ROOT / "functions").iterdir():
        name = "".join(word.capitalize() for word in folder.name.split("_")) + "Function"
        assert {path.name for path in (BUILT / name).iterdir()} == {"app.py"}
