"""What hostile operators ask, each with how it is refused."""

from __future__ import annotations

from typing import Any, Final

from lifeline.contract.names import WHATSAPP_QUEUE
from lifeline.contract.operator_actions import OPERATOR_ACTIONS

from tests.support.hostile import good

MESSAGE: Final[dict[str, Any]] = {"to": "+4915112345678", "type": "text", "text": "x"}


PATCH: Final[dict[str, Any]] = {"line": 2, "user_id": "u", "email": "a@example.org"}


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


def enable(**more: Any) -> dict[str, Any]:
    return {"action": "panic.enable", "scope": "whatsapp", "reason": "why", **more}


def send(**more: Any) -> dict[str, Any]:
    return {"action": "message.send", "message": {**MESSAGE, **more}}


CASES: Final[dict[str, tuple[Any, str, str]]] = {
    "null": (None, "unknown_action", "must be"),
    "a text": ("panic.enable", "unknown_action", "must be"),
    "a list": ([enable()], "unknown_action", "must be"),
    "nothing": ({}, "unknown_action", "must be"),
    "no action": ({"scope": "whatsapp"}, "unknown_action", "must be"),
    "an action that is a list": ({"action": ["panic.enable"]}, "unknown_action", "must be"),
    "an unknown action": ({"action": "panic.explode"}, "unknown_action", "is not an action"),
    "an action in capitals": ({"action": "PANIC.STATUS"}, "unknown_action", "is not an action"),
    "a method's name": ({"action": "__class__"}, "unknown_action", "is not an action"),
    "half a character as action": ({"action": "\ud83d"}, "unknown_action", "is not an action"),
    "300 KB of action": ({"action": "x" * 300_000}, "unknown_action", "is not an action"),
    "900 levels of action": ({"action": deep(900)}, "unknown_action", "must be"),
    "an event of SQS": ({"Records": [{"body": good()}]}, "unknown_action", "must be"),
    "half a character in a reason": (
        enable(reason="cut \ud83d"),
        "invalid_request",
        "request.reason: holds half",
    ),
    "NUL in a reason": (enable(reason="a\x00"), "invalid_request", "request.reason: holds a control"),
    "escape in a reason": (enable(reason="\x1b[2J"), "invalid_request", "request.reason: holds a control"),
    "C1 in a reason": (enable(reason="\x9b2J"), "invalid_request", "request.reason: holds a control"),
    "two lines of reason": (enable(reason="a\nb"), "invalid_request", "request.reason: holds a control"),
    "an empty reason": (enable(reason=""), "invalid_request", "request.reason: must not be empty"),
    "300 KB of reason": (enable(reason="x" * 300_000), "invalid_request", "at most 500"),
    "a reason that is a list": (enable(reason=["x"]), "invalid_request", "must be of type string"),
    "an unknown field": (enable(force=True), "invalid_request", "is not a known field"),
    "a field of Python": (enable(__class__="x"), "invalid_request", "is not a known field"),
    "300 unknown fields": (enable(**{f"x{n}": n for n in range(300)}), "invalid_request", "and 290 more"),
    "900 levels": (enable(scope=deep(900)), "invalid_request", "nested deeper"),
    "50,000 levels": (enable(scope=deep(50_000)), "invalid_request", "nested deeper"),
    "an unknown scope": (enable(scope="everything"), "unknown_scope", "is not a scope"),
    "a path as scope": (enable(scope="whatsapp/template/../../x"), "unknown_scope", "is not a scope"),
    "half a character as scope": (
        enable(scope="whatsapp\ud83d"),
        "invalid_request",
        "request.scope: holds half",
    ),
    "hold that is a text": (enable(hold="yes"), "invalid_request", "request.hold"),
    "until the year 99999": (enable(until="99999-01-01T00:00:00Z"), "invalid_request", "request.until"),
    "for -1 seconds": (enable(for_seconds=-1), "invalid_request", "request.for_seconds"),
    "for infinite seconds": (enable(for_seconds=float("inf")), "invalid_request", "request.for_seconds"),
    "for 1e300 seconds": (enable(for_seconds=1e300), "invalid_request", "request.for_seconds"),
    "a message that is a text": (
        {"action": "message.send", "message": "x"},
        "invalid_request",
        "request.message",
    ),
    "a message without anything": (
        {"action": "message.send", "message": {}},
        "invalid_message",
        "is required",
    ),
    "half a character in a message": (send(text="\ud83d"), "invalid_message", "message.text: holds half"),
    "half a character as a field": (send(**{"\ud83d": 1}), "invalid_message", "is not a known field"),
    "escape in a message": (send(text="\x1b[2J"), "invalid_message", "message.text: holds a control"),
    "40 levels of message": (send(x=deep(40)), "invalid_message", "nested deeper"),
    "70 KB of message": (send(text="x" * 70_000), "invalid_message", "at most"),
    "a message for Lifeline": (send(id="lifeline:probe"), "invalid_message", "reserved"),
    "a message with Arabic digits": (send(to="٤٩١٥١"), "invalid_message", "digits other than"),
    "a rate that is a word": (
        {"action": "queue.set_rate", "queue": WHATSAPP_QUEUE, "rate": "fast", "reason": "w"},
        "bad_rate",
        "rate",
    ),
    "a rate without end": (
        {"action": "queue.set_rate", "queue": WHATSAPP_QUEUE, "rate": "1e400/s", "reason": "w"},
        "bad_rate",
        "rate",
    ),
    "a rate of a queue of others": (
        {"action": "queue.set_rate", "queue": "somebody-elses", "rate": "1/s", "reason": "w"},
        "unknown_queue",
        "queue",
    ),
    "a redrive of a live queue": (
        {"action": "queue.redrive", "queue": WHATSAPP_QUEUE, "reason": "w", "sure": True},
        "not_dead_letters",
        "has no dead letters",
    ),
    "a redrive of an address": (
        {
            "action": "queue.redrive",
            "queue": "https://sqs.eu-west-1.amazonaws.com/1/x",
            "reason": "w",
            "sure": True,
        },
        "unknown_queue",
        "queue",
    ),
    "a look at -1 messages": (
        {"action": "queue.peek", "queue": "refused", "sample": -1},
        "invalid_request",
        "sample",
    ),
    "a redrive that nobody meant": (
        {"action": "queue.redrive", "queue": "refused", "reason": "w"},
        "unsure",
        "cannot be recalled",
    ),
    "a proof that is a text": (enable(proof="signed"), "invalid_request", "request.proof"),
    "a proof with an address": (
        enable(proof={"url": "https://sts.evil.example/?Action=GetCallerIdentity"}),
        "invalid_request",
        "request.proof.url: is not a known field",
    ),
    "a message that is not refused": (
        {"action": "queue.redrive", "queue": "refused", "id": "'; --", "reason": "w", "sure": True},
        "not_refused",
        "is not in refused",
    ),
    "contacts that are a text": (
        {"action": "contacts.import", "contacts": "u,a@b"},
        "invalid_request",
        "contacts",
    ),
    "a contact without a line": (
        {"action": "contacts.import", "contacts": [{"user_id": "u"}]},
        "invalid_request",
        "line",
    ),
    "a campaign that is a path": (
        {"action": "campaign.pause", "campaign": "../x", "reason": "w"},
        "invalid_request",
        "request.campaign",
    ),
    "a chunk of 900 levels": (
        {"action": "campaign.add", "campaign": "c", "chunk": 0, "messages": [deep(900)]},
        "invalid_request",
        "nested deeper",
    ),
    "a cancelled message of nobody": (
        {"action": "message.cancel", "id": "nobody", "reason": "w"},
        "unknown_message",
        "nobody",
    ),
    "a test send with half a character": (
        {"action": "whatsapp.test", "to": "\udcff"},
        "invalid_request",
        "request.to",
    ),
    "a map to itself by a path": (
        {"action": "whatsapp.map_template", "template": "../x", "replacement": "y", "reason": "w"},
        "bad_template",
        "template",
    ),
}


def asked(request: Any) -> Any:
    """The request with what each change must name besides."""
    if isinstance(request, dict) and isinstance(request.get("action"), str):
        spec = OPERATOR_ACTIONS.get(request["action"])
        if spec is not None and "actor" in spec.required:
            return {"actor": "arn:aws:iam::000000000000:user/eve", **request}
    return request
