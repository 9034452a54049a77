"""FeedbackFunction: bounces, complaints and refused devices mark the address."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.wiring import feedback, make_ready

make_ready(feedback.use_case)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take SNS notifications of SES (configuration set) and of SNS itself (mobile app events)."""
    return feedback.use_case()(event)
