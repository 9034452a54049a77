"""The producers' package: one contract, fresh types, and a wheel that needs nothing of this repository."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import jsonschema
import pytest
from lifeline.contract.messages import MESSAGE_SCHEMA
from lifeline.contract.outcomes import OUTCOME_SCHEMA

from local.publish.schema import published
from local.publish.shapes import Reader, kinds
from tests.support.template import ROOT

PRODUCER = ROOT / "producer"
CONTRACT = ROOT / "layers" / "lifeline" / "lifeline" / "contract"


def backend() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_backend", PRODUCER / "build_backend.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return folder / str(backend().build_wheel(str(folder)))


# -- what is published -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", published())
def test_what_is_made_of_the_contract_is_fresh(name: str) -> None:
    assert (ROOT / name).read_text() == published()[name], "run: make schema"


def test_the_types_are_typescript_line_by_line() -> None:
    """No compiler is here; each line is of a form that one was shown (tsc 5, strict)."""
    forms = (
        r"//.*|/\*\*.*|  /\*\*.*| ?\*.*|   \*.*|export (type|interface) \w+.*[;{]|  readonly \w+\??: .+;|\}|"
    )
    wrong = [
        line for line in published()["schema/lifeline.d.ts"].splitlines() if not re.fullmatch(forms, line)
    ]
    assert wrong == []


def test_both_schemas_are_valid_draft_2020_12() -> None:
    for schema in (MESSAGE_SCHEMA, OUTCOME_SCHEMA):
        jsonschema.Draft202012Validator.check_schema(schema)


def test_a_shape_that_no_type_can_say_is_an_error() -> None:
    with pytest.raises(NotImplementedError, match="oneOf"):
        Reader({}).shape("media", {"oneOf": []})
    with pytest.raises(NotImplementedError, match="two different objects"):
        Reader({}).structure(
            "Message",
            {
                "properties": {
                    "image": {
                        "properties": {"media": {"type": "object", "properties": {"id": {}}}},
                        "type": "object",
                    },
                    "media": {"type": "object", "properties": {}},
                }
            },
        )


def test_a_new_kind_brings_its_field_and_others_are_without_it() -> None:
    schema = json.loads(json.dumps(MESSAGE_SCHEMA))
    schema["properties"]["type"]["enum"].append("image")
    schema["properties"]["image"] = {"type": "object", "properties": {"id": {"type": "string"}}}
    schema["allOf"].append(
        {"if": {"properties": {"type": {"const": "image"}}}, "then": {"required": ["image"]}}
    )
    found = {kind.name: (set(kind.required), set(kind.foreign)) for kind in kinds(schema)}
    assert found["image"] == ({"id", "to", "image"}, {"template"})
    assert found["text"] == ({"id", "to", "text"}, {"template", "image"})
    assert found["template"] == ({"id", "to", "template"}, {"image"})


# -- one contract ------------------------------------------------------------------------------------------


def test_the_wheel_has_the_contracts_own_files(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        found = {
            Path(name).name: archive.read(name).decode()
            for name in archive.namelist()
            if name.startswith("lifeline_producer/contract/")
        }
    assert set(found) >= {"__init__.py", "messages.py", "outcomes.py", "schema.py"}
    assert "operator_actions.py" not in found
    for name, text in found.items():
        own = (CONTRACT / name).read_text()
        assert text.replace("lifeline_producer.contract", "lifeline.contract") == own, name
        changed = [
            (here, there)
            for here, there in zip(own.splitlines(), text.splitlines(), strict=True)
            if here != there
        ]
        assert all(here.startswith("from lifeline.contract.") for here, _ in changed), name


def test_the_wheel_names_nothing_of_the_layer(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".py"):
                for node in ast.walk(ast.parse(archive.read(name))):
                    names = (
                        [alias.name for alias in node.names]
                        if isinstance(node, ast.Import)
                        else [str(node.module)]
                        if isinstance(node, ast.ImportFrom)
                        else []
                    )
                    assert not [one for one in names if one.split(".")[0] == "lifeline"], name


def test_the_same_source_gives_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    assert (tmp_path / str(backend().build_wheel(str(tmp_path)))).read_bytes() == wheel.read_bytes()


# -- an environment of its own -----------------------------------------------------------------------------


def closure(*names: str) -> set[str]:
    """Distributions by name, with all that they require here."""
    from packaging.requirements import Requirement

    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for line in metadata.requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def environment(folder: Path, wheel: Path) -> Path:
    """A new environment with the wheel, what it says that it requires, pytest, and nothing else.

    The requirements are those of the project's environment, linked: installing them anew would take a
    registry and a minute.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:  # what an installer does with a wheel of pure Python
        archive.extractall(packages)
        (info,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        told = archive.read(f"{info}/METADATA").decode()
    wanted = re.findall(r"^Requires-Dist: ([A-Za-z0-9-]+)", told, re.MULTILINE)
    assert wanted == ["boto3"], "boto3 only"
    for name in closure(*wanted, "pytest"):
        for file in metadata.files(name) or ():
            top = file.parts[0]
            if top != ".." and not (packages / top).exists():
                (packages / top).symlink_to(Path(str(metadata.distribution(name).locate_file(top))))
    return folder / "bin" / "python"


def run(python: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    return subprocess.run(
        [python, *words], cwd=cwd, env=keep, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture(scope="module")
def away(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of such an environment."""
    return environment(tmp_path_factory.mktemp("away") / "env", wheel)


def test_the_wheel_works_and_passes_its_tests_away_from_the_repository(away: Path, tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    shutil.copytree(PRODUCER / "tests", tests, ignore=shutil.ignore_patterns("__pycache__"))
    layer = run(away, "-c", "import lifeline", cwd=tests)
    assert "No module named 'lifeline'" in layer.stderr, "the layer is not there"
    done = run(away, "-m", "pytest", "-q", "-p", "no:cacheprovider", ".", cwd=tests)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b\d{2,} passed", done.stdout)


FAKED: Final = """
import json, pathlib, sys
import lifeline_producer
fake = lifeline_producer.FakeLifeline()
lifeline_producer.Lifeline.of_stack = lambda *given, **named: fake
names = {}
for block in json.loads(pathlib.Path(sys.argv[1]).read_text()):
    exec(block, names)
print(sorted(draft.id for draft in fake.accepted))
"""


def test_what_the_document_shows_in_python_runs(away: Path, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "producers.md").read_text()
    shown = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(shown) == 3
    readme = re.findall(
        r"^```python\n(.*?)^```$", (PRODUCER / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    (tmp_path / "blocks.json").write_text(json.dumps([*shown, *readme]))
    (tmp_path / "run.py").write_text(FAKED)
    done = run(away, "run.py", "blocks.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "('message.text: is required',)" in done.stdout
    assert "2 sent, 0 failed, 0 tried again" in done.stdout
    assert "clinic7:appointment:8812:reminder" in done.stdout


def test_the_package_says_what_it_is(wheel: Path) -> None:
    project: dict[str, Any] = backend().project()
    assert project["dependencies"] == ["boto3>=1.34"]
    with zipfile.ZipFile(wheel) as archive:
        assert "lifeline_producer/py.typed" in archive.namelist()
        records = archive.read("lifeline_producer-0.1.0.dist-info/RECORD").decode().split()
    assert {line.split(",")[0] for line in records} == set(zipfile.ZipFile(wheel).namelist())
