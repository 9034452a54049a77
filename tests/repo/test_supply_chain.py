"""What is shipped is known by name, version and licence; exceptions from the code's scanners have reasons."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml

from local.requirements_check import COMPILED, normal, pins
from local.sbom import SCANNERS, Bill, SbomError, bills, licence, validate
from tests.support.template import ROOT

SCANNED = ("layers", "functions", "cli", "local", "benchmarks")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def made() -> dict[str, Bill]:
    """The real bills, each held against the specification."""
    if not (SCANNERS / "cyclonedx-py").exists():
        pytest.skip("cyclonedx-py is missing; make sbom installs it")
    return bills()


def test_the_layers_bill_is_its_requirements_with_licences(made: dict[str, Bill]) -> None:
    shipped = {normal(item["name"]): item["version"] for item in made["layer"]["components"]}

    assert shipped == pins(COMPILED["layer"])
    assert all(licence(item) for item in made["layer"]["components"])
    assert made["layer"]["specVersion"] == "1.6"


@pytest.mark.parametrize("part", ["cli", "dev"])
def test_the_other_bills_lack_what_is_pinned_for_other_platforms_only(
    made: dict[str, Bill], part: str
) -> None:
    listed = {normal(item["name"]): item["version"] for item in made[part]["components"]}
    text = COMPILED[part].read_text()
    elsewhere = {normal(name) for name in re.findall(r"^([\w.-]+)==\S+ ; ", text, re.MULTILINE)}

    assert listed.items() <= pins(COMPILED[part]).items()
    assert pins(COMPILED[part]).keys() - listed.keys() <= elsewhere


def test_a_bill_that_breaks_the_specification_is_refused(made: dict[str, Bill]) -> None:
    with pytest.raises(SbomError, match=r"no valid CycloneDX 1\.6"):
        validate({**made["layer"], "components": [{"name": "no type"}]})


def test_updates_are_proposed_for_every_folder_of_requirements() -> None:
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    python, actions = updates

    assert [item["package-ecosystem"] for item in updates] == ["pip", "github-actions"]
    assert {f"/{path.parent.relative_to(ROOT)}" for path in COMPILED.values()} == set(python["directories"])
    for item in (python, actions):
        assert item["schedule"] == {"interval": "weekly"}
        assert [group["patterns"] for group in item["groups"].values()] == [["*"]]


def test_every_exception_in_a_line_has_a_reason() -> None:
    found = []
    for folder in SCANNED:
        for path in (ROOT / folder).rglob("*.py"):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if re.search(r"# noqa: .*\bS\d{3}|# nosec", line):
                    found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")

    assert found, "then this test can go"
    exception = re.compile(r"# noqa: S\d{3}  (# nosec B\d{3}  )?# [a-z].{10,}$")
    assert [line for line in found if not exception.search(line)] == []


def test_exceptions_for_all_lines_are_few_and_bandits_are_ruffs() -> None:
    lint = PROJECT["tool"]["ruff"]["lint"]
    excepted = {
        folder: sorted(rule for rule in rules if re.fullmatch(r"S\d*", rule))
        for folder, rules in lint["per-file-ignores"].items()
    }

    assert "S" in lint["select"]
    assert [rule for rule in lint["ignore"] if rule.startswith("S")] == ["S101"]
    assert PROJECT["tool"]["bandit"] == {"skips": ["B101"]}
    assert {folder: rules for folder, rules in excepted.items() if rules} == {
        "tests/**": ["S"],
        "local/**": ["S603"],
        "local/simulators/**": ["S105", "S107", "S311"],
        "benchmarks/**": ["S311", "S603"],
    }


def test_security_md_says_what_it_must_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "SECURITY.md").read_text()

    assert re.findall(r"^## (.*)", text, re.MULTILINE) == [
        "Report a vulnerability",
        "Supported versions",
        "What is protected, and how",
        "Packages",
    ]
    assert [link for link in re.findall(r"\]\(([^)]+)\)", text) if not (ROOT / link).exists()] == []
