"""Bills of materials (CycloneDX) and the list of licences, in ``out/``: what the layer, the command line and
the development environment are made of.

cyclonedx-py reads the project's environment, without the network; each bill keeps exactly what one compiled
requirements file pins, and is held against the specification's schema.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tomllib
import uuid
from pathlib import Path
from typing import Any

from local.requirements_check import COMPILED, FOLDER, normal, wanted

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "out"
SCANNERS = ROOT / ".venv-lint" / "bin"
SPECIFICATION = "1.6"
PARTS = ("layer", "cli", "dev")
VALIDATE = f"""
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V{SPECIFICATION.replace(".", "_")}).validate_str(sys.stdin.read())
sys.exit(str(error.data.message) if error else 0)
"""
"""Run by the scanners' Python: the schema comes with cyclonedx-python-lib, which nothing else needs."""

Bill = dict[str, Any]
"""A CycloneDX document."""

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*])?==([^\s;\\]+)[ \t]*(;)?", re.MULTILINE)


class SbomError(Exception):
    """A bill could not be made; the text says why and what to do next."""


def scan() -> Bill:
    """Everything that is installed in the project's environment.

    Raises:
        SbomError: The scanner is missing or failed.
    """
    tool = SCANNERS / "cyclonedx-py"
    if not tool.exists():
        raise SbomError("cyclonedx-py is not installed; run: make sbom")
    options = ("--PEP-639", "--sv", SPECIFICATION, "--of", "JSON")
    done = subprocess.run(
        [str(tool), "environment", *options, sys.executable], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SbomError(f"cyclonedx-py failed: {done.stderr.strip()}")
    found: Bill = json.loads(done.stdout)
    return found


def bill(part: str, installed: Bill, requirements: str, direct: set[str], project: dict[str, str]) -> Bill:
    """The bill of one part: of what is installed, exactly what its compiled requirements pin.

    Args:
        part: What it is of, such as ``layer``.
        installed: What :func:`scan` found.
        requirements: Text of the compiled file. What it pins for other platforms only may be missing.
        direct: Normalised names of what the part asks for itself.
        project: ``name``, ``version`` and ``license`` (SPDX) of the project.

    Raises:
        SbomError: A package is missing, is there in another version, or says no licence.
    """
    have = {normal(item["name"]): item for item in installed["components"]}
    kept: list[dict[str, Any]] = []
    for name, version, marker in sorted(_PINNED.findall(requirements)):
        item = have.get(normal(name))
        if item is None and marker:
            continue
        if item is None or item["version"] != version:
            there = item["version"] if item else "not there"
            raise SbomError(f"{name} {version} is pinned for {part}, installed is: {there}; run: make setup")
        if not licence(item):
            raise SbomError(f"{name} {version} says no licence; look it up before it is used")
        kept.append(item)
    refs = {item["bom-ref"] for item in kept}
    root = f"{project['name']}-{part}"
    asked = sorted(item["bom-ref"] for item in kept if normal(item["name"]) in direct)
    dependencies: list[dict[str, Any]] = [{"ref": root, "dependsOn": asked}]
    for item in installed["dependencies"]:
        if item["ref"] in refs:
            needs = [ref for ref in item.get("dependsOn", ()) if ref in refs]
            dependencies.append({"ref": item["ref"], **({"dependsOn": needs} if needs else {})})
    component = {
        "type": "application",
        "bom-ref": root,
        "name": root,
        "version": project["version"],
        "licenses": [{"license": {"id": project["license"]}}],
    }
    return {
        **installed,
        "serialNumber": uuid.uuid4().urn,
        "metadata": {**installed["metadata"], "component": component},
        "components": kept,
        "dependencies": dependencies,
    }


def licence(component: dict[str, Any]) -> str:
    """SPDX ids or expressions where the package says them, else its own words; empty if it says nothing."""
    spdx: list[str] = []
    classified: list[str] = []
    declared: list[str] = []
    for entry in component.get("licenses", ()):
        one = entry.get("license", entry)
        if "expression" in one or "id" in one:
            spdx.append(one.get("expression") or one["id"])
        elif one["name"].startswith("License :: "):
            classified.append(one["name"].split(" :: ")[-1])
        else:
            declared.append(one.get("text", {}).get("content", one["name"]).strip().splitlines()[0])
    return "; ".join(dict.fromkeys(spdx or classified or declared))


def licences(bills: dict[str, Bill]) -> list[tuple[str, str, str, str]]:
    """Package, version, licence and the parts that it is in, by name."""
    parts: dict[tuple[str, str, str], list[str]] = {}
    for part, document in bills.items():
        for item in document["components"]:
            parts.setdefault((normal(item["name"]), item["version"], licence(item)), []).append(part)
    return [(*key, " ".join(found)) for key, found in sorted(parts.items())]


def validate(document: Bill) -> None:
    """Hold a bill against the schema of the specification.

    Raises:
        SbomError: It breaks the schema.
    """
    command = [str(SCANNERS / "python"), "-c", VALIDATE]
    done = subprocess.run(command, input=json.dumps(document), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SbomError(f"no valid CycloneDX {SPECIFICATION}: {done.stderr.strip()[-1000:]}")


def bills() -> dict[str, Bill]:
    """The valid bill of each part.

    Raises:
        SbomError: As :func:`scan`, :func:`bill` and :func:`validate`.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installed = scan()
    made: dict[str, Bill] = {}
    for part in PARTS:
        direct = {name for name, _ in wanted(FOLDER / f"{part}.in")}
        made[part] = bill(part, installed, COMPILED[part].read_text(), direct, project)
        validate(made[part])
    return made


def write(folder: Path) -> None:
    """Write the bills and the list of licences, and say what was written.

    Raises:
        SbomError: As :func:`bills`.
    """
    made = bills()
    folder.mkdir(exist_ok=True)
    for part, document in made.items():
        path = folder / f"sbom-{part}.json"
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{path.name}: valid CycloneDX {SPECIFICATION}, {len(document['components'])} packages")
    path = folder / "licences.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(("package", "version", "licence", "in"))
        lines.writerows(licences(made))
    print(f"{path.name}: package, version, licence, and what it is in")


if __name__ == "__main__":
    try:
        write(OUT)
    except SbomError as error:
        sys.exit(str(error))
