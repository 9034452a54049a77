"""Hold the compiled requirements against their sources; ``--write`` compiles them anew.

The check needs no network: every requirement of an ``.in`` file must be satisfied by exactly one pinned and
hashed entry of its ``.txt`` file, shared packages must have one version everywhere, and no file may name
a host.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "requirements"
LAYER = ROOT / "layers" / "lifeline" / "requirements.txt"
COMPILED = {
    "layer": LAYER,
    "dev": FOLDER / "dev.txt",
    "cli": FOLDER / "cli.txt",
    "sam": FOLDER / "sam.txt",
    "lint": FOLDER / "lint.txt",
    "docs": FOLDER / "docs.txt",
    "bench": FOLDER / "bench.txt",
    "tools": FOLDER / "tools.txt",
}
ONE_VERSION = ("layer", "cli", "dev")

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*])?==([^\s;\\]+)", re.MULTILINE)
_NAME = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*])?\s*([=<>!~].*)?$")


def pins(path: Path) -> dict[str, str]:
    """Pinned versions by normalised name."""
    return {normal(name): version for name, version in _PIN.findall(path.read_text())}


def faults() -> list[str]:
    """Everything that is wrong, one sentence each."""
    found: list[str] = []
    for name, path in COMPILED.items():
        if not path.exists():
            found.append(f"{path.name} for {name}.in is missing; run: make requirements")
            continue
        text = path.read_text()
        if "://" in text or "--index-url" in text or "--find-links" in text:
            found.append(f"{path.name} names a host")
        entries = re.split(r"\n(?=[A-Za-z0-9])", text)
        found += [
            f"{path.name}: {e.split()[0]} has no hash" for e in entries if "==" in e and "--hash" not in e
        ]
        have = pins(path)
        for package, exact in wanted(FOLDER / f"{name}.in"):
            if package not in have:
                found.append(f"{path.name} lacks {package}; run: make requirements")
            elif exact and have[package] != exact:
                found.append(f"{path.name} has {package} {have[package]}, {name}.in says {exact}")
    versions: dict[str, tuple[str, str]] = {}
    for name in ONE_VERSION:
        for package, version in pins(COMPILED[name]).items():
            first = versions.setdefault(package, (name, version))
            if first[1] != version:
                found.append(f"{package} is {version} in {name} and {first[1]} in {first[0]}")
    return found


def wanted(source: Path) -> list[tuple[str, str | None]]:
    """Normalised names that an ``.in`` file asks for, each with its version where it names exactly one."""
    result: list[tuple[str, str | None]] = []
    for line in source.read_text().splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("-r "):
            result += wanted(source.parent / line[3:].strip())
        elif line and (match := _NAME.match(line)):
            exact = re.fullmatch(r"==([^,]+)", (match[2] or "").strip())
            result.append((normal(match[1]), exact[1] if exact else None))
    return result


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def write() -> None:
    """Compile all files with the pinned uv."""
    uv = ROOT / ".venv-tools" / "bin" / "uv"
    options = (
        "--universal --generate-hashes --no-header --no-annotate --no-emit-index-url --python-version 3.11"
    )
    for name, path in COMPILED.items():
        constraint = {"cli": ["-c", str(COMPILED["dev"])], "dev": ["-c", str(LAYER)]}.get(name, [])
        subprocess.run(
            [
                str(uv),
                "pip",
                "compile",
                "-q",
                *options.split(),
                *constraint,
                f"requirements/{name}.in",
                "-o",
                path,
            ],
            cwd=ROOT,
            check=True,
        )


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    problems = faults()
    print("\n".join(problems) or "requirements: pinned, hashed, consistent")
    sys.exit(1 if problems else 0)
