"""DrainerFunction: each minute, and when recovery begins, the tick and what follows from it."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.wiring import drainer, make_ready

make_ready(drainer.use_case)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do the minute's work; then tell of an incident whose backlog is gone."""

    def remaining() -> float:
        return context.get_remaining_time_in_millis() / 1000

    minute = drainer.use_case()
    try:
        done = minute.tick(remaining)
    finally:
        # A part of the tick that fails every minute must not keep voice notes waiting.
        notes = minute.release_pending()
    done["voice_notes"] = notes
    minute.summarise(remaining, quiet=not any(done["released"].values()))
    return done
