"""Alarms of the stack."""

from __future__ import annotations

from typing import Any, cast

import boto3
import pytest
from botocore.stub import Stubber
from lifeline.adapters.alarms import Alarms
from lifeline.domain.incident.readiness import Alarm
from lifeline.errors import UnavailableError


def client(service: str) -> tuple[Any, Stubber]:
    made = cast(Any, boto3.client)(
        service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stub = Stubber(made)
    stub.activate()
    return made, stub


def test_alarms_come_without_the_stacks_name() -> None:
    cloudwatch, stub = client("cloudwatch")
    alarm = {"AlarmName": "lifeline-prober_not_running", "StateValue": "OK", "ActionsEnabled": False}
    stub.add_response("describe_alarms", {"MetricAlarms": [alarm]})
    assert Alarms(cloudwatch, "lifeline-").all() == [Alarm("prober_not_running", "OK", False)]
    stub.add_response("describe_alarms", {"MetricAlarms": [{"AlarmName": "x", "StateValue": "OK"}]})
    with pytest.raises(UnavailableError, match="lacks"):
        Alarms(cloudwatch, "lifeline-").all()
