"""Events of functions that failed to the end, as AWS keeps them on a dead-letter queue. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def reason_of_event(body: str) -> str | None:
    """Which function did not take an event, and why: ``alarm: RetriesExhausted: KeyError: ...``.

    ``body``: what Lambda sends to a failure destination (Lambda, "Capturing records of asynchronous
    invocations"). ``None`` for anything else: what SNS and Scheduler keep is the event alone.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    context = _part(document, "requestContext")
    arn = context.get("functionArn")
    if not isinstance(arn, str):
        return None
    response = _part(document, "responsePayload")
    name = arn.removesuffix(":$LATEST").rpartition(":")[2]
    said = (name, context.get("condition"), response.get("errorType"), response.get("errorMessage"))
    return ": ".join(str(part)[:200] for part in said if part)


def _part(document: Any, name: str) -> Mapping[str, Any]:
    part = document.get(name) if isinstance(document, dict) else None
    return part if isinstance(part, dict) else {}
