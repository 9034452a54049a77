"""What is kept beside the flags."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from lifeline.domain.panic.planned import PanicPlan
from lifeline.domain.panic.records import PlannedPanics, ProberMinute

PLAN = PanicPlan("p", "whatsapp", "peak", "ada", 100.5, 200.0)


def test_all_of_it_comes_back() -> None:
    for record in (PlannedPanics((PLAN, PLAN)), PlannedPanics(), ProberMinute()):
        assert type(record).from_item(json.loads(json.dumps(record.to_item()))) == record


def test_a_plan_of_a_later_version_is_kept() -> None:
    assert PlannedPanics.from_item([{**asdict(PLAN), "of_tomorrow": 1}]).plans == (PLAN,)


@pytest.mark.parametrize("name", list(asdict(PLAN)))
def test_a_plan_that_lacks_something_is_none(name: str) -> None:
    whole = asdict(PLAN)
    less = {field: value for field, value in whole.items() if field != name}
    assert PlannedPanics.from_item([less, whole]).plans == (PLAN,)
