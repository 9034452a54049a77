"""samconfig.toml: SAM ignores what it does not know and inherits nothing, so a test looks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
ENVIRONMENTS = ("local", "dev", "staging", "prod")
TEMPLATE = (ROOT / "template.yaml").read_text()
PARAMETERS = set(
    re.findall(r"^  (\w+):$", TEMPLATE.split("\nParameters:\n")[1].split("\nConditions:\n")[0], re.M)
)


def test_the_environments_are_there() -> None:
    assert set(ENVIRONMENTS) <= CONFIG.keys()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_environment_is_complete_and_names_what_exists(name: str) -> None:
    environment = CONFIG[name]
    assert {"build", "deploy"} <= environment.keys()
    for command, section in environment.items():
        assert set(section) == {"parameters"}, f"[{name}.{command}] must hold parameters only: {set(section)}"
    deploy = environment["deploy"]["parameters"]
    assert {"stack_name", "region", "capabilities", "parameter_overrides"} <= deploy.keys()
    assert deploy["tags"] == f"application=lifeline environment={name}"
    overrides = dict(item.split("=", 1) for item in deploy["parameter_overrides"])
    assert overrides["Stage"] == name
    assert set(overrides) <= PARAMETERS, f"not in template.yaml: {set(overrides) - PARAMETERS}"


def test_prod_asks_before_it_changes() -> None:
    assert CONFIG["prod"]["deploy"]["parameters"]["confirm_changeset"] is True
