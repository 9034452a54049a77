"""Outcomes: what is written is what is read, and the published schema means the same."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.contract.messages import ContractError
from lifeline.contract.outcomes import OUTCOME_SCHEMA, OUTCOMES, OutcomeEvent, parse_outcome
from lifeline.contract.statuses import STATUSES

REFERENCE = jsonschema.Draft202012Validator(OUTCOME_SCHEMA)

FULL = OutcomeEvent(
    event_id="a#3",
    status="FAILED",
    time=1772355600.125,
    id="a",
    via="push",
    cause="undeliverable",
    code=131026,
    wamid="wamid.1",
    metadata={"order": 991, "inner": [None, True]},
    reasons=("one", "two"),
    eta=1772355660.0,
    message_id="sqs-1",
)


@pytest.mark.parametrize(
    "event", [FULL, OutcomeEvent("e", "REJECTED", 0.0, message_id="m")], ids=["full", "least"]
)
def test_what_is_written_is_read(event: OutcomeEvent) -> None:
    assert parse_outcome(event.to_body()) == event
    REFERENCE.validate(json.loads(event.to_body()))


def test_what_does_not_apply_is_left_out() -> None:
    body = OutcomeEvent("e", "SENT", 0.0, id="a").to_body()
    assert body == '{"event_id":"e","id":"a","status":"SENT","time":"1970-01-01T00:00:00.000Z"}'


def test_all_that_is_not_under_way_is_told() -> None:
    assert set(STATUSES) - set(OUTCOMES) == {"CLAIMED", "HELD", "IN_DOUBT"}
    assert set(OUTCOMES) - set(STATUSES) == {"CONFLICT"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": None}, "outcome.status"),
        ({"status": "sent"}, "outcome.status"),
        ({"time": "2030-02-30T00:00:00Z"}, "outcome.time: is not a real instant"),
        ({"eta": "tomorrow"}, "outcome.eta"),
        ({"code": "131026"}, "outcome.code"),
        ({"metadata": "mine"}, "outcome.metadata"),
        ({"reasons": [1]}, r"outcome.reasons\[0\]"),
        ({"id": "\u0007"}, "outcome.id"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ContractError, match=said):
        parse_outcome(json.dumps(json.loads(FULL.to_body()) | change))


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "[" * 20_000], ids=lambda body: body[:8])
def test_what_is_no_outcome_at_all_is_refused(body: str) -> None:
    with pytest.raises(ContractError):
        parse_outcome(body)


def test_a_newer_lifeline_may_say_more() -> None:
    document = json.loads(FULL.to_body()) | {"status": "TEXTED", "parts": 2}
    assert parse_outcome(json.dumps(document)).status == "TEXTED"


@given(
    st.builds(
        OutcomeEvent,
        event_id=st.text("abc#1", min_size=1, max_size=9),
        status=st.sampled_from(OUTCOMES),
        time=st.integers(0, 4_000_000_000).map(float),
        id=st.none() | st.text("a:b", min_size=1, max_size=9),
        sequence=st.none() | st.integers(1, 10**6),
        metadata=st.none()
        | st.dictionaries(st.text("ab ü", max_size=5), st.integers() | st.text("x€", max_size=5)),
        code=st.none() | st.integers(0, 3_000_000),
        reasons=st.lists(st.text("ab ü", max_size=9), max_size=3).map(tuple),
    )
)
def test_any_event_comes_back_as_it_was(event: OutcomeEvent) -> None:
    assert parse_outcome(event.to_body()) == event
