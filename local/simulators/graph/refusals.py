"""Meta's error bodies: one shape, keyed by code."""

from __future__ import annotations

import itertools
from typing import Any, Final

from local.simulators.server import Answer

MESSAGES: Final[dict[int, tuple[int, str]]] = {
    4: (429, "Application request limit reached"),
    100: (400, "Invalid parameter"),
    190: (401, "Error validating access token"),
    130429: (429, "Rate limit hit"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131026: (400, "Message undeliverable"),
    131031: (403, "Business account has been locked"),
    131048: (429, "Spam rate limit hit"),
    131051: (400, "Unsupported message type"),
    131053: (400, "Media upload error"),
    131056: (429, "(Business Account, Consumer Account) pair rate limit hit"),
    131062: (400, "Business-scoped User ID (BSUID) recipients are not supported for this message"),
    132000: (400, "Number of parameters does not match the expected number of params"),
    132001: (404, "Template name does not exist in the translation"),
    132012: (400, "Parameter format does not match format in the created template"),
    132015: (400, "Template is paused"),
    132016: (400, "Template is disabled"),
    132018: (400, "There is an issue with the parameters in your template"),
    133005: (400, "Two step verification PIN Mismatch"),
    134100: (400, "Only marketing messages supported"),
    136025: (400, "Verify code error"),
}
"""HTTP status and title by code; the status is what copies of Meta's older table say: nobody keys on it."""
_SERIAL = itertools.count(1)


def refusal(
    code: int,
    message: str = "",
    status: int | None = None,
    *,
    details: str = "",
    subcode: int | None = None,
) -> Answer:
    """An error in Meta's shape. What is left out comes from :data:`MESSAGES`."""
    known_status, known_message = MESSAGES.get(code, (400, "Something went wrong"))
    text = message or known_message
    error: dict[str, Any] = {
        "message": f"(#{code}) {text}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details or text},
        "fbtrace_id": _trace_id(),
    }
    if subcode is not None:
        error["error_subcode"] = int(subcode)
    return Answer(known_status if status is None else status, {"error": error})


def invalid(details: str) -> Answer:
    """Code 100: a parameter is unknown, missing or out of its limits."""
    return refusal(100, details=details)


def template_refusal(title: str, text: str, subcode: int) -> Answer:
    """How the template endpoints refuse: code 100, the reason in the subcode and in words for a user."""
    return Answer(
        400,
        {
            "error": {
                "message": "Invalid parameter",
                "type": "OAuthException",
                "code": 100,
                "error_subcode": subcode,
                "is_transient": False,
                "error_user_title": title,
                "error_user_msg": text,
                "fbtrace_id": _trace_id(),
            }
        },
    )


def no_object(method: str, name: str) -> Answer:
    """Code 100 with subcode 33: the object is not there, or the token may not see it."""
    text = (
        f"Unsupported {method.lower()} request. Object with ID '{name}' does not exist, cannot be loaded"
        " due to missing permissions, or does not support this operation. Please read the Graph API"
        " documentation at https://developers.facebook.com/docs/graph-api"
    )
    error = {
        "message": text,
        "type": "GraphMethodException",
        "code": 100,
        "error_subcode": 33,
        "fbtrace_id": _trace_id(),
    }
    return Answer(400, {"error": error})


def _trace_id() -> str:
    return f"A{next(_SERIAL):022d}"
