"""The producers' package: one contract, fresh types, and a wheel that needs nothing of this repository."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
import zipfile
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
from tests.support.wheels import environment, run

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
    with pytest.raises(NotImplementedError, match="anyOf"):
        Reader({}).shape("media", {"anyOf": []})
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
    schema["properties"]["type"]["enum"].append("fax")
    schema["properties"]["fax"] = {"type": "object", "properties": {"id": {"type": "string"}}}
    for rule in schema["allOf"]:
        if "type" in rule["if"].get("properties", {}):
            rule["then"]["properties"]["fax"] = False
    others = {"image": False, "reply_to": False}
    schema["allOf"].append(
        {
            "if": {"properties": {"type": {"const": "fax"}}},
            "then": {"required": ["fax"], "properties": others},
        }
    )
    kinds_by_name = {kind.name: kind for kind in kinds(schema)}
    assert kinds_by_name["fax"].required == {"id", "fax"}
    assert kinds_by_name["fax"].foreign == {"image", "reply_to"}
    assert kinds_by_name["text"].required == {"id", "text"}
    assert {"fax", "image", "template"} <= kinds_by_name["text"].foreign
    assert not {"text", "preview_url", "reply_to"} & kinds_by_name["text"].foreign


def test_branches_become_a_union_and_an_object_of_any_keys_a_map() -> None:
    reader = Reader({})
    branch = {"type": "object", "properties": {"type": {"const": "a"}}}
    union = reader.shape("part", {"oneOf": [{**branch, "title": "A"}, {**branch, "title": "B"}]})
    assert [part.what for part in union.parts] == ["A", "B"]
    assert set(reader.structures) == {"A", "B"}
    choice = {"type": "object", "properties": {}, "oneOf": [{"required": ["id"]}, {"required": ["link"]}]}
    assert reader.shape("medium", choice).what == "Medium"
    values = reader.shape("x", {"type": "object", "additionalProperties": {"type": "string"}})
    assert (values.what, values.parts[0].what) == ("map", "string")


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


@pytest.fixture(scope="module")
def away(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of such an environment."""
    return environment(tmp_path_factory.mktemp("away") / "env", wheel, requires={"boto3"}, also={"pytest"})


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
