"""OperatorFunction: every operator action, as ``{"action": ..., ...}``."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Carry out one action."""
    raise NotImplementedError("no operator action is built yet")
