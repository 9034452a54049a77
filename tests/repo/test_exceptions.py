"""Exceptions from the template's scanners: each with its reason, none without an effect."""

from __future__ import annotations

import re

import yaml

from tests.support.template import ROOT, source

CHECKOV = (ROOT / ".checkov.yaml").read_text()


def test_every_exception_of_checkov_has_one_reason() -> None:
    listed = CHECKOV.split("skip-check:\n")[1]
    checks = re.findall(r"((?:  # .*\n)*)  - (\w+)\n", listed)
    assert {name for _, name in checks} == set(yaml.safe_load(CHECKOV)["skip-check"])
    for reason, name in checks:
        assert len(reason) > 80, f"{name} needs a reason"


def test_checkov_asks_nobody() -> None:
    assert yaml.safe_load(CHECKOV)["skip-download"] is True


def test_cfn_lint_looks_at_everything_and_what_is_excepted_says_why() -> None:
    assert yaml.safe_load((ROOT / ".cfnlintrc").read_text()) == {
        "templates": ["template.yaml"],
        "include_checks": ["I"],
    }
    excepted = [
        name for name, item in source()["Resources"].items() if "cfn-lint" in item.get("Metadata", {})
    ]
    lines = [line for line in (ROOT / "template.yaml").read_text().splitlines() if "ignore_checks" in line]
    assert len(lines) == len(excepted)
    assert all(" # " in line for line in lines)
