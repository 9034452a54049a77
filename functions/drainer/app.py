"""DrainerFunction: each minute, and when recovery begins, release a minute's share of the backlog."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline import wiring


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Plan and release one minute, voice notes too; then tell of an incident whose backlog is gone."""

    def remaining() -> float:
        return context.get_remaining_time_in_millis() / 1000

    wiring.release_campaigns()(remaining)
    released = wiring.drainer()(remaining)
    released["voice_notes"] = wiring.release_pending()()
    wiring.summarise()(remaining, quiet=not any(released["released"].values()))
    return released
