"""The alarm on the token's days left, judged as CloudWatch judges it."""

from __future__ import annotations

import pytest
from lifeline.domain.account.token import NEVER_AS_DAYS
from lifeline.settings import Token

from local.metrics import KEPT, judge
from tests.support.template import resources

ALARM = resources("AWS::CloudWatch::Alarm")["TokenDaysLeftAlarm"]


@pytest.mark.parametrize(
    ("hours", "state"),
    [
        ([60.0, 59.9], "OK"),
        ([NEVER_AS_DAYS, NEVER_AS_DAYS], "OK"),
        ([None, 8.0], "OK"),
        ([8.0, None], "OK"),
        ([7.1, 6.9], "ALARM"),
        ([None, 0.0], "ALARM"),
        ([None, None], "INSUFFICIENT_DATA"),
    ],
)
def test_days_left(hours: list[float | None], state: str) -> None:
    assert judge(ALARM, hours, "OK") == state


def test_it_goes_off_only_where_renewal_has_failed_for_days() -> None:
    assert ALARM["Threshold"] < Token().renew_days


def test_a_token_keeper_that_reports_nothing_any_more_is_told() -> None:
    assert ALARM["InsufficientDataActions"]
    assert ALARM["EvaluationPeriods"] * ALARM["Period"] < KEPT
