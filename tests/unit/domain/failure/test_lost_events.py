"""What a dead event says of the function that did not take it."""

from __future__ import annotations

import json

import pytest
from lifeline.domain.failure.lost_events import reason_of_event

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:lifeline-alarm:$LATEST"
RECORD = {
    "version": "1.0",
    "timestamp": "2026-03-01T09:00:00.000Z",
    "requestContext": {"requestId": "1", "functionArn": ARN, "condition": "RetriesExhausted"},
    "requestPayload": {"source": "aws.cloudwatch"},
    "responsePayload": {"errorMessage": "no such table", "errorType": "UnavailableError"},
}


def test_it_names_the_function_and_its_error() -> None:
    said = reason_of_event(json.dumps(RECORD))
    assert said == "lifeline-alarm: RetriesExhausted: UnavailableError: no such table"


def test_an_event_that_was_too_old_has_no_error() -> None:
    record = {**RECORD, "requestContext": {"functionArn": ARN, "condition": "EventAgeExceeded"}}
    del record["responsePayload"]
    assert reason_of_event(json.dumps(record)) == "lifeline-alarm: EventAgeExceeded"


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"requestContext": 1}', "[" * 5000, '{"id": "m1"}'])
def test_what_lambda_did_not_write_has_no_reason(body: str) -> None:
    assert reason_of_event(body) is None
