"""The alarm on what is overdue and on a missing tick, judged as CloudWatch judges it."""

from __future__ import annotations

import pytest

from local.metrics import judge
from tests.support.template import resources

ALARM = resources("AWS::CloudWatch::Alarm")["OverdueAlarm"]


@pytest.mark.parametrize(
    ("minutes", "state"),
    [
        ([0.0, 0.0, 0.0], "OK"),
        ([2.0, 3.0, 0.0], "OK"),
        ([2.0, 0.0, 3.0], "OK"),
        ([1.0, 1.0, 1.0], "ALARM"),
        ([None, None, None], "ALARM"),
        ([None, 1.0, 1.0], "ALARM"),
        ([None, 0.0, None], "OK"),
    ],
)
def test_three_minutes_in_a_row(minutes: list[float | None], state: str) -> None:
    assert judge(ALARM, minutes, "OK") == state
