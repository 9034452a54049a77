"""Wheels in an environment of their own, away from the repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path


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


def environment(folder: Path, wheel: Path, requires: set[str], also: Iterable[str] = ()) -> Path:
    """A new environment with the wheel, what it says that it requires, ``also``, and nothing else.

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
    assert set(wanted) == requires
    for name in closure(*wanted, *also):
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
