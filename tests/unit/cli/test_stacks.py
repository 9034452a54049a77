"""The file of stacks: what it fills in, and what it is told when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from lifeline_cli import stacks
from lifeline_cli.errors import CliError
from lifeline_cli.main import run
from lifeline_cli.options import Options

FILE = """
default = "prod"
[stacks.prod]
stack = "lifeline-prod"
region = "eu-west-1"
profile = "on-call"
[stacks.lifeline-dev]
region = "eu-central-1"
"""


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    (tmp_path / "lifeline").mkdir()
    made = tmp_path / "lifeline" / "config.toml"
    made.write_text(FILE)
    return made


def test_the_default_stack_needs_no_option() -> None:
    assert stacks.resolved(Options(as_json=True)) == Options("lifeline-prod", "eu-west-1", "on-call", True)


def test_a_short_name_and_what_the_command_line_says_wins() -> None:
    assert stacks.resolved(Options("lifeline-dev")) == Options("lifeline-dev", "eu-central-1")
    assert stacks.resolved(Options("prod", "us-east-1", "me")) == Options("lifeline-prod", "us-east-1", "me")


def test_a_profile_of_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert stacks.resolved(Options("prod")).profile == "mine"


def test_a_stack_that_the_file_does_not_know_is_taken_as_it_is(file: Path) -> None:
    assert stacks.resolved(Options("other")) == Options("other")
    file.unlink()
    assert stacks.resolved(Options()) == Options()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stacks = 3", "write stacks as [stacks.NAME]"),
        ("[stacks.prod]\nregoin = 'x'", "regoin"),
        ("[stacks.prod]\nregion = 3", "region"),
        ("default = 'gone'\n[stacks.prod]\n", "default 'gone'"),
        ("what = 1", "unknown what"),
        ("not toml", "cannot read"),
    ],
)
def test_a_wrong_file_is_told_with_its_path(
    file: Path, text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(text)
    with pytest.raises(CliError, match=r"config\.toml"):
        stacks.resolved(Options())
    assert run(["panic", "status"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert words in said


def test_the_version_needs_no_stack(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("not toml")
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("lifeline ")
