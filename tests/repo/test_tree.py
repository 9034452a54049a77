"""The tree itself: nothing of one machine, no secret, no host of a registry, imports that do nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from local import requirements_check
from tests.support.template import ROOT

THIS = Path(__file__).relative_to(ROOT)

FORBIDDEN = {
    "a home folder": re.compile(r"(?<![\w.])/(?:root|home|Users)/\w"),
    "a registry's host": re.compile(r"pypi\.org|pythonhosted\.org|--(?:extra-)?index-url|--find-links"),
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "an access token of Meta": re.compile(r"\bEAA(?!local)[A-Za-z0-9]{40,}"),
    "a key of OpenAI": re.compile(r"\bsk-(?!local|test)[A-Za-z0-9_-]{24,}"),
    "a conflict marker": re.compile(r"^(?:<<<<<<<|>>>>>>>) ", re.MULTILINE),
}
ALLOWED = {THIS, Path("local/requirements_check.py")}
"""Files that name what is forbidden in order to look for it."""


def tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("not a git work tree, so what belongs to the project cannot be listed")
    return [Path(name) for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def texts() -> dict[Path, str]:
    found = {}
    for path in tracked():
        try:
            found[path] = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue
    return found


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_tree_holds_no(what: str) -> None:
    pattern = FORBIDDEN[what]
    found = [
        f"{path}:{text[: match.start()].count(chr(10)) + 1}: {match.group()}"
        for path, text in texts().items()
        if path not in ALLOWED
        for match in pattern.finditer(text)
    ]
    assert not found


def test_requirements_are_pinned_hashed_and_consistent() -> None:
    assert requirements_check.faults() == []


def test_every_dependency_that_ships_is_named_in_its_source() -> None:
    wanted = {
        re.split(r"[\[<>=!~]", line)[0].strip()
        for line in (ROOT / "requirements" / "layer.in").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    }
    assert {
        "boto3",
        "botocore",
        "aws-lambda-powertools",
        "certifi",
        "urllib3",
        "pynamodb",
        "phonenumberslite",
        "tzdata",
    } == wanted


def modules() -> list[str]:
    """Every module that a worker or the command line may import."""
    found = []
    for base in (ROOT / "layers" / "lifeline", ROOT / "cli"):
        for path in sorted(base.rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def test_imports_read_no_environment_and_open_no_connection() -> None:
    program = f"""
import os, socket, sys
sys.dont_write_bytecode = True
sys.path[:0] = {[str(ROOT / "layers" / "lifeline"), str(ROOT / "cli"), str(ROOT)]!r}

def refuse(*_, **__):
    raise AssertionError("a connection during an import")

socket.socket.connect = refuse
socket.create_connection = refuse
import importlib
for name in {modules()!r}:
    importlib.import_module(name)
for name in {[path.parent.name for path in sorted((ROOT / "functions").glob("*/app.py"))]!r}:
    importlib.import_module("functions." + name + ".app")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_command_line_needs_nothing_of_the_layer_but_the_contract() -> None:
    program = f"""
import sys
sys.dont_write_bytecode = True
sys.path[:0] = {[str(ROOT / "layers" / "lifeline"), str(ROOT / "cli")]!r}
import lifeline_cli.main
heavy = {{"pynamodb", "phonenumbers", "aws_lambda_powertools"}} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests" / "support").glob("*.py")), ids=lambda path: path.stem
)
def test_every_helper_of_the_tests_is_used(path: Path) -> None:
    users = [
        other
        for folder in ("tests", "benchmarks")
        for other in (ROOT / folder).rglob("*.py")
        if other != path and re.search(rf"support(?:\.| import .*\b){path.stem}\b", other.read_text())
    ]
    assert users, f"nothing imports tests/support/{path.name}"


def test_make_help_names_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert phony
    explained = set(re.findall(r"^([a-z0-9-]+):.*##", text, re.MULTILINE))
    assert set(phony[1].split()) == explained


def test_setup_compiles_byte_code_so_that_the_first_command_is_quick() -> None:
    """Of what is installed and of ours: else each first start of a command pays for it."""
    recipes = (ROOT / "Makefile").read_text()
    for environment in (".venv", ".venv-sam"):
        recipe = re.search(rf"^{re.escape(environment)}/\.done:.*\n((?:\t.*\n)+)", recipes, re.MULTILINE)
        assert recipe
        installs = re.findall(r"\$\(UV\) pip (?:sync|install) .*", recipe[1])
        assert installs
        assert all("--compile-bytecode" in command for command in installs)
    assert "-m compileall -q layers/lifeline/lifeline cli/lifeline_cli local" in recipes
