"""Quiet hours of a person, as files, tables and messages write them."""

from __future__ import annotations

import pytest
from lifeline.contract.hours import HOURS, field_of, hours_of, read_hours, written
from lifeline.contract.schema import violations


@pytest.mark.parametrize(
    ("text", "hours"), [("21-8", (21.0, 8.0)), ("21.5-8", (21.5, 8.0)), (" 0-0 ", (0.0, 0.0))]
)
def test_hours_of_a_file(text: str, hours: tuple[float, float]) -> None:
    assert read_hours(text) == hours
    given = field_of(text)
    assert isinstance(given, dict)
    assert (list(violations(given, HOURS, "h")), hours_of(given)) == ([], hours)
    assert read_hours(written(hours)) == hours


@pytest.mark.parametrize("text", ["", "21", "9pm-8", "-1-8", "21-8-9", "Europe/Berlin", "Etc/GMT-3"])
def test_what_is_no_hours_is_refused_by_the_contract(text: str) -> None:
    assert read_hours(text) is None
    assert list(violations(field_of(text), HOURS, "h"))


def test_an_hour_that_no_day_has_is_refused() -> None:
    assert list(violations(field_of("21-24"), HOURS, "h"))
    assert hours_of(None) is None
