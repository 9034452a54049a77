"""What Lifeline publishes, out of every form in which SNS and SQS hand it over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lifeline_producer.contract.messages import ContractError


def records(event: Mapping[str, Any]) -> list[Any]:
    """The records of a Lambda event from SNS or SQS, or the messages of an answer of ``ReceiveMessage``.

    Raises :class:`ContractError` where there are none.
    """
    found = event.get("Records", event.get("Messages"))
    if not isinstance(found, list):
        raise ContractError(["event: has neither Records nor Messages"])
    return found


def document_of(event: Mapping[str, Any] | str, what: str) -> str:
    """The JSON document in one event, however it came. ``what``: what it should be, for errors.

    Raises :class:`ContractError` where there is none, or more than one.
    """
    if isinstance(event, str):
        return _inner(event, what)
    for name in ("Records", "Messages"):
        if isinstance(found := event.get(name), list):
            if len(found) != 1:
                raise ContractError([f"event: has {len(found)} {name}; use {what}s()"])
            return document_of(found[0], what)
    if isinstance(notification := event.get("Sns"), Mapping):
        return _inner(notification.get("Message"), what)
    for name in ("body", "Body"):
        if name in event:
            return _inner(event[name], what)
    return _inner(json.dumps(event), what)


def _inner(text: object, what: str) -> str:
    """The document itself, or that of SNS's notification that holds it as text."""
    if not isinstance(text, str):
        raise ContractError([f"event: holds no text where the {what} should be"])
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and document.get("Type") == "Notification":
        text = document.get("Message")
        if not isinstance(text, str):
            raise ContractError(["event: is a notification without a message"])
    return text
