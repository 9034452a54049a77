"""What people install without the repository: the command line as a wheel."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.template import ROOT
from tests.support.wheels import environment, run


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (found,) = folder.glob("lifeline-*.whl")
    return found


def test_it_carries_the_command_line_and_the_contract_and_nothing_that_runs_in_aws(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if name.endswith(".py")}
    own = {path.relative_to(ROOT / "cli").as_posix() for path in (ROOT / "cli").rglob("*.py")}
    layer = ROOT / "layers" / "lifeline"
    shared = {path.relative_to(layer).as_posix() for path in (layer / "lifeline" / "contract").rglob("*.py")}
    assert found == own | shared | {"lifeline/__init__.py"}


def test_it_asks_for_what_the_pinned_command_line_asks_for(wheel: Path) -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = (ROOT / "requirements" / "cli.in").read_text()
    assert {line for line in told if not line.startswith("boto3")} == {
        line for line in pinned.splitlines() if line.startswith(("rich", "typer"))
    }


def test_lifeline_starts_from_the_wheel_away_from_the_repository(wheel: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "env", wheel, requires={"boto3", "rich", "typer"})
    done = run(python, "-c", "from lifeline_cli.main import run; run()", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for group in ("panic", "queue", "whatsapp", "status"):
        assert group in done.stdout
    with zipfile.ZipFile(wheel) as archive:
        (script,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "lifeline = lifeline_cli.main:run" in archive.read(script).decode()
