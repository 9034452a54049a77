"""Builders and drafts: what is checked before anything leaves."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import lifeline_producer
import pytest
from lifeline_producer import ContractError, Draft, template, text, voice
from lifeline_producer.contract.kinds import TYPES
from lifeline_producer.contract.messages import MAX_BODY_BYTES, MESSAGE_SCHEMA, parse_message

REMINDER: dict[str, Any] = {
    "id": "clinic7:appointment:8812:reminder",
    "to": "+4915112345678",
    "template": {"name": "appointment_reminder", "language": "en_US", "parameters": ["Ana", 9]},
    "text": "Hello Ana",
    "priority": "critical",
    "recipient": {"user_id": "patient-4711"},
    "fallback": {"title": "Appointment", "body": "Monday at 9"},
    "expires_at": "2030-03-04T08:00:00Z",
}


def test_a_builder_writes_what_the_contract_reads() -> None:
    draft = template(**REMINDER).check()
    assert json.loads(draft.body) == {"type": "template", **REMINDER}
    assert (draft.id, draft.priority) == (REMINDER["id"], "critical")
    assert parse_message(draft.body).fallback_title == "Appointment"


def test_what_is_not_given_is_left_out_and_priority_is_normal() -> None:
    for build, kind in ((text, "text"), (voice, "voice")):
        draft = build(id="a", to="+4915112345678", text="Hi").check()
        assert json.loads(draft.body) == {"type": kind, "id": "a", "to": "+4915112345678", "text": "Hi"}
        assert draft.priority == "normal"


def test_every_kind_of_the_contract_has_its_builder_with_all_its_fields() -> None:
    fields = set(MESSAGE_SCHEMA["properties"]) - {"type"}
    seen: set[str] = set()
    for kind in TYPES:
        assert kind in lifeline_producer.__all__
        seen |= set(inspect.signature(getattr(lifeline_producer, kind)).parameters)
    assert seen == fields


def test_times_may_be_datetimes_with_a_zone() -> None:
    berlin = timezone(timedelta(hours=1))
    draft = text(
        id="a",
        to="1",
        text="x",
        send_after=datetime(2030, 1, 1, 9, tzinfo=berlin),
        expires_at=datetime(2030, 1, 2, tzinfo=UTC),
    )
    message = parse_message(draft.check().body)
    assert message.send_after == datetime(2030, 1, 1, 8, tzinfo=UTC).timestamp()
    with pytest.raises(ContractError, match="has no time zone"):
        text(id="a", to="1", text="x", expires_at=datetime(2030, 1, 2)).check()  # noqa: DTZ001


def test_every_fault_is_named_with_its_place() -> None:
    with pytest.raises(ContractError) as caught:
        template(
            id="lifeline:x", to="+49", template={"name": "Capital", "language": "en"}, text="\ud83d"
        ).check()
    assert [reason.split(":")[0] for reason in caught.value.reasons] == [
        "message.id",
        "message.template.name",
        "message.text",
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"type": "text", "id": "a", "to": "1", "text": "x" * (MAX_BODY_BYTES + 1)}, "bytes, at most"),
        ({"type": "text", "id": "a", "to": "1", "text": float("nan")}, "is not valid JSON"),
        ({"type": "text", "id": "a", "to": "1", "text": object()}, "object is no value of JSON"),
        ({"type": "fax", "id": "a", "to": "1"}, "message.type: must be one of"),
        ({}, "message.id: is required"),
    ],
)
def test_what_no_builder_lets_through_is_refused_as_fields_too(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ContractError, match=said):
        Draft(fields).check()


def test_size_is_counted_in_bytes() -> None:
    assert text(id="a", to="1", text="ü").check().size == text(id="a", to="1", text="u").check().size + 1
