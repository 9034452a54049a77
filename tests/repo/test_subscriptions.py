"""Subscriptions of people filter on what notices really carry."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
from lifeline.contract import names

from tests.support.template import ROOT, source

LAYER = ROOT / "layers" / "lifeline" / "lifeline"


def policies() -> dict[str, dict[str, list[str]]]:
    """Filter policies by the logical id of their subscription."""
    found: dict[str, dict[str, Any]] = source()["Resources"]
    return {
        name: item["Properties"]["FilterPolicy"]
        for name, item in found.items()
        if item["Type"] == "AWS::SNS::Subscription" and "FilterPolicy" in item["Properties"]
    }


def words() -> Iterator[str]:
    """Every text that stands in the code of the layer."""
    for path in sorted(LAYER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_who_is_told_of_what() -> None:
    assert policies() == {
        "EngineeringSubscription": {"audience": [names.ENGINEERING]},
        "EngineeringLeadSubscription": {
            "audience": [names.ENGINEERING],
            "event": ["token_refresh_failed", "token_way_back"],
        },
        "MarketingSubscription": {"audience": [names.MARKETING]},
        "MetaSupportSubscription": {"audience": [names.META_SUPPORT]},
    }


@pytest.mark.parametrize("name", policies())
def test_a_policy_names_what_the_code_says(name: str) -> None:
    said = set(words())
    for field, values in policies()[name].items():
        assert field in said, "an attribute of a notice"
        assert set(values) <= said


def test_each_address_is_a_parameter_that_may_stay_empty() -> None:
    template = source()
    for name in ("EngineeringEmail", "EngineeringLeadEmail", "MarketingEmail", "MetaSupportEmail"):
        assert template["Parameters"][name]["Default"] == ""
        assert any(re.search(rf"'Ref': '{name}'", str(item)) for item in template["Conditions"].values())
