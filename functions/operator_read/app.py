"""OperatorReadFunction: what operators only look at. Its role can write nothing but its log."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.wiring import make_ready, operator_read

make_ready(operator_read.use_case)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | str:
    """Carry out ``{"action": ..., ...}``, if it changes nothing; as OperatorFunction does."""
    return operator_read.use_case()(event, lambda: context.get_remaining_time_in_millis() / 1000)
