"""OperatorFunction: every operator action, for the command line, the dashboard's console, and by hand."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.wiring import make_ready, operator

make_ready(operator.use_case)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | str:
    """Carry out ``{"action": ..., ...}``; ``contract/operator_actions.py`` describes request and answer.

    A custom widget of CloudWatch gets HTML: ``use_cases/console``.
    """
    return operator.use_case()(event, lambda: context.get_remaining_time_in_millis() / 1000)
