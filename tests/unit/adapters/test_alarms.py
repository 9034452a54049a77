"""Alarms of the stack."""

from __future__ import annotations

import pytest
from lifeline.adapters.alarms import Alarms
from lifeline.domain.incident.readiness import Alarm
from lifeline.errors import UnavailableError

from tests.support.aws import stubbed


def test_alarms_come_without_the_stacks_name() -> None:
    cloudwatch, stub = stubbed("cloudwatch")
    alarm = {"AlarmName": "lifeline-prober_not_running", "StateValue": "OK", "ActionsEnabled": False}
    stub.add_response("describe_alarms", {"MetricAlarms": [alarm]})
    assert Alarms(cloudwatch, "lifeline-").all() == [Alarm("prober_not_running", "OK", False)]
    stub.add_response("describe_alarms", {"MetricAlarms": [{"AlarmName": "x", "StateValue": "OK"}]})
    with pytest.raises(UnavailableError, match="lacks"):
        Alarms(cloudwatch, "lifeline-").all()
