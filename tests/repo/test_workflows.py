"""What runs on the repository's service: its commands exist, and it may do little."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.template import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in yaml.safe_load(path.read_text())["jobs"].values() for step in job["steps"]]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_there_is_one_for_changes_and_one_for_releases() -> None:
    assert [path.stem for path in WORKFLOWS] == ["ci", "release"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_make_target_and_script_exists(path: Path) -> None:
    commands = " ; ".join(step.get("run", "") for step in steps(path))
    assert ".ci/run" in commands
    assert (ROOT / ".ci" / "run").exists()
    named = {
        word
        for line in re.findall(r"\bmake ([^\n;]+)", commands)
        for word in line.split()
        if "=" not in word and word.isidentifier()
    }
    assert named
    assert named <= targets()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_it_may_read_and_only_the_release_may_write(path: Path) -> None:
    told = yaml.safe_load(path.read_text())
    assert told["permissions"] == {"contents": "read"}
    writers = [name for name, job in told["jobs"].items() if "permissions" in job]
    assert writers == (["release"] if path.stem == "release" else [])
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False


def test_the_changelogs_newest_section_is_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    (newest, *_) = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest.rstrip(",") == version
