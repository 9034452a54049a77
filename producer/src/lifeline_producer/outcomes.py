"""Outcomes as subscribers of Lifeline's outcomes topic get them, in every form that SNS and SQS give them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lifeline_producer.contract.messages import ContractError
from lifeline_producer.contract.outcomes import OutcomeEvent, parse_outcome


def outcomes(event: Mapping[str, Any]) -> list[OutcomeEvent]:
    """All outcomes of a Lambda event from SNS or from SQS, or of an answer of ``ReceiveMessage``.

    Raises :class:`ContractError` for the first record that holds none. With partial batch responses, call
    :func:`outcome` for each record instead.
    """
    records = event.get("Records", event.get("Messages"))
    if not isinstance(records, list):
        raise ContractError(["event: has neither Records nor Messages"])
    return [outcome(record) for record in records]


def outcome(event: Mapping[str, Any] | str) -> OutcomeEvent:
    """The outcome in one event, however it came.

    A record of a Lambda event from SNS or SQS; such an event with one record; a message of
    ``ReceiveMessage``; the body of an HTTPS subscription's call; the outcome's own JSON. With SQS in between,
    raw message delivery may be on or off. Raises :class:`ContractError` where there is none, or more than
    one.
    """
    if isinstance(event, str):
        return _from_text(event)
    for name in ("Records", "Messages"):
        if isinstance(records := event.get(name), list):
            if len(records) != 1:
                raise ContractError([f"event: has {len(records)} {name}; use outcomes()"])
            return outcome(records[0])
    if isinstance(notification := event.get("Sns"), Mapping):
        return _from_text(notification.get("Message"))
    for name in ("body", "Body"):
        if name in event:
            return _from_text(event[name])
    return _from_text(json.dumps(event))


def _from_text(text: object) -> OutcomeEvent:
    """Of the outcome's JSON, or of SNS's notification that holds it as text."""
    if not isinstance(text, str):
        raise ContractError(["event: holds no text where the outcome should be"])
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and document.get("Type") == "Notification":
        text = document.get("Message")
        if not isinstance(text, str):
            raise ContractError(["event: is a notification without a message"])
    return parse_outcome(text)
