"""AlarmFunction: CloudWatch alarms, directly or over SNS, enter panic."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.wiring import alarm, make_ready

make_ready(alarm.use_case)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Act on the alarm changes of one event: a direct alarm action, SNS notifications, or EventBridge."""
    return alarm.use_case()(event)
