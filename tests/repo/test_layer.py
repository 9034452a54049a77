"""The built layer: what ships, and that nothing else does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.build import BUILT, SAM, SERVICES, build
from tests.support.template import ROOT

LIMIT = 250 * 1024 * 1024
"""Bytes of a function and its layers, unpacked (Lambda quotas)."""
USE = """
import importlib, importlib.util, pathlib, pkgutil, sys
layer, functions, services = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3].split()
sys.path.insert(0, layer)
import boto3, lifeline, phonenumbers, zoneinfo
for app in functions.glob("*/app.py"):
    spec = importlib.util.spec_from_file_location("app", app)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
for found in pkgutil.walk_packages(lifeline.__path__, "lifeline."):
    importlib.import_module(found.name)
for name in services:
    client = boto3.client(name, "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    assert client.meta.endpoint_url.startswith("https://")
for region in phonenumbers.SUPPORTED_REGIONS:
    assert phonenumbers.is_valid_number(phonenumbers.example_number(region)), region
strange = [
    name for name, module in sys.modules.items()
    if "site-packages" in str(getattr(module, "__file__", ""))
]
assert not strange, strange
"""
"""Loads and makes all that functions may, with nothing but the layer and Python's own library."""


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
    assert {"boto3", "aws-lambda-powertools", "urllib3", "certifi", "pynamodb", "phonenumberslite"} <= shipped
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


def test_it_is_as_small_as_what_runs(layer: Path) -> None:
    files = [path for path in layer.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    assert size < 22e6, f"{size / 1e6:.1f} MB: local/build.py says what is left out"
    assert len(files) < 2800, "each worker of the local AWS unpacks them all"
    described = {path.name for path in (layer / "botocore" / "data").iterdir() if path.is_dir()}
    assert described == SERVICES


def test_everything_runs_on_what_is_left_of_it(layer: Path) -> None:
    command = [sys.executable, "-I", "-S", "-c", USE, str(layer), str(ROOT / "functions")]
    done = subprocess.run(
        [*command, " ".join(sorted(SERVICES))],
        env={"AWS_DEFAULT_REGION": "eu-west-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr[-2000:]


def test_the_services_described_are_those_that_are_called() -> None:
    called = {
        name
        for path in (ROOT / "layers" / "lifeline" / "lifeline").rglob("*.py")
        for name in re.findall(r"\b(?:_client|_late|client)\(\s*\"([\w-]+)\"", path.read_text())
    }
    assert called == SERVICES


def test_each_function_ships_its_file_only(layer: Path) -> None:
    for folder in (ROOT / "functions").iterdir():
        name = "".join(word.capitalize() for word in folder.name.split("_")) + "Function"
        assert {path.name for path in (BUILT / name).iterdir()} == {"app.py"}
