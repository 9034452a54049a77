"""Outcomes as subscribers of Lifeline's outcomes topic get them, in every form that SNS and SQS give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifeline_producer.contract.outcomes import OutcomeEvent, parse_outcome
from lifeline_producer.envelope import document_of, records


def outcomes(event: Mapping[str, Any]) -> list[OutcomeEvent]:
    """All outcomes of a Lambda event from SNS or from SQS, or of an answer of ``ReceiveMessage``.

    Raises :class:`ContractError` for the first record that holds none. With partial batch responses, call
    :func:`outcome` for each record instead.
    """
    return [outcome(record) for record in records(event)]


def outcome(event: Mapping[str, Any] | str) -> OutcomeEvent:
    """The outcome in one event, however it came.

    A record of a Lambda event from SNS or SQS; such an event with one record; a message of
    ``ReceiveMessage``; the body of an HTTPS subscription's call; the outcome's own JSON. With SQS in between,
    raw message delivery may be on or off. Raises :class:`ContractError` where there is none, or more than
    one.
    """
    return parse_outcome(document_of(event, "outcome"))
