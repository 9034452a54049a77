"""What operators may ask, and how they are answered: both sides of the border use this module.

A request is ``{"action": NAME, ...fields}``; the answer is ``{"ok": true, "action", "result"}`` or
``{"ok": false, "action", "error": {"code", "message", "valid"}}``. Instants are ISO 8601 in UTC; a name that
ends in ``_seconds`` is a span in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lifeline.contract.actions import (
    audit,
    campaign,
    incident,
    limiter,
    media,
    messages,
    panic,
    person,
    queue,
    ready,
    whatsapp,
)
from lifeline.contract.actions.action import Action
from lifeline.contract.names import REFUSED
from lifeline.contract.schema import violations
from lifeline.contract.text import limited

OPERATOR_ACTIONS: Final[Mapping[str, Action]] = {
    **panic.ACTIONS,
    **queue.ACTIONS,
    **limiter.ACTIONS,
    **audit.ACTIONS,
    **messages.ACTIONS,
    **person.ACTIONS,
    **media.ACTIONS,
    **whatsapp.ACTIONS,
    **incident.ACTIONS,
    **ready.ACTIONS,
    **campaign.ACTIONS,
}
"""Every action of OperatorFunction, by name."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not carried out. ``code`` is stable; ``valid``: what would have been taken."""

    code: str
    message: str
    valid: tuple[str, ...] = ()


def request_for(action: str, **fields: Any) -> dict[str, Any]:
    """A request for ``action``."""
    return {"action": action, **fields}


def only_reads(request: Mapping[str, Any]) -> bool:
    """Whether a request changes nothing at all: then ``OperatorReadFunction`` takes it.

    An audit that wakes what it found changes when that is looked at; a look at a dead-letter queue hides its
    messages from others for a moment. The ``action`` stands in :data:`OPERATOR_ACTIONS`.
    """
    match request["action"]:
        case "audit.run":
            return not request.get("wake")
        case "queue.peek":
            return bool(request.get("queue") == REFUSED)
        case action:
            return not OPERATOR_ACTIONS[action].changes


def request_faults(request: Mapping[str, Any]) -> tuple[str, ...]:
    """What is wrong with a request whose ``action`` stands in :data:`OPERATOR_ACTIONS`, as ``limited``."""
    return limited(violations(request, OPERATOR_ACTIONS[request["action"]].schema, "request"))


def ok(action: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request that was carried out."""
    return {"ok": True, "action": action, "result": result}


def refused(action: str, code: str, message: str, valid: Sequence[str] = ()) -> dict[str, Any]:
    """The answer to a request that was not carried out."""
    return {"ok": False, "action": action, "error": {"code": code, "message": message, "valid": list(valid)}}


def parse_answer(document: object) -> Mapping[str, Any] | Refusal:
    """The result that an answer holds, or why there is none.

    Raises :class:`ValueError` where ``document`` is no answer.
    """
    if not isinstance(document, Mapping):
        raise ValueError("the answer is no JSON object")
    result, error = document.get("result"), document.get("error")
    if document.get("ok") is True and isinstance(result, Mapping):
        return result
    if document.get("ok") is False and isinstance(error, Mapping):
        valid = tuple(map(str, error.get("valid") or ()))
        return Refusal(str(error.get("code")), str(error.get("message")), valid)
    raise ValueError("the answer has neither a result nor an error")
