"""OperatorFunction: every operator action, invoked by the command line or by hand."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.wiring import operator


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Carry out ``{"action": ..., ...}``; ``contract/operator_actions.py`` describes request and answer."""
    return operator.use_case()(event, lambda: context.get_remaining_time_in_millis() / 1000)
