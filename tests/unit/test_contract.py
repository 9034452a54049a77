"""The contract: the validator means what the published JSON Schema says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lifeline.contract import (
    MAX_BODY_BYTES,
    MESSAGE_SCHEMA,
    ContractError,
    format_instant,
    is_scope,
    parse_instant,
    parse_message,
    read_note,
    violations,
)

ROOT = Path(__file__).parents[2]
REFERENCE = jsonschema.Draft202012Validator(MESSAGE_SCHEMA)

GOOD: dict[str, Any] = {
    "id": "clinic-7:2026-03-01",
    "to": "+4915112345678",
    "type": "template",
    "template": {"name": "appointment_reminder", "language": "en-US", "parameters": ["Ana", 9, "Monday"]},
    "text": "Your appointment is on Monday at 9.",
    "priority": "critical",
    "category": "appointment",
    "recipient": {"user_id": "u1", "email": "ana@example.org"},
    "fallback": {"title": "Appointment", "body": "Monday at 9"},
    "expires_at": "2026-03-01T09:00:00Z",
    "send_after": "2026-02-28T09:00:00+01:00",
    "campaign": "spring",
}


def test_the_schema_is_valid_draft_2020_12_and_published_as_it_is() -> None:
    jsonschema.Draft202012Validator.check_schema(MESSAGE_SCHEMA)
    published = json.loads((ROOT / "docs" / "message.schema.json").read_text())
    assert published == MESSAGE_SCHEMA, "run: make schema"


def test_a_full_message_is_understood() -> None:
    message = parse_message(json.dumps(GOOD))
    assert message.id == "clinic-7:2026-03-01"
    assert message.template is not None
    assert message.template.language == "en_US"
    assert message.template.parameters == ("Ana", "9", "Monday")
    assert message.expires_at == 1772355600.0
    assert message.send_after == 1772265600.0
    assert message.recipient.email == "ana@example.org"
    assert message.fallback_body == "Monday at 9"


def test_defaults() -> None:
    message = parse_message('{"id": "a", "to": "1", "type": "text", "text": "x"}')
    assert (message.priority, message.expires_at, message.recipient.user_id) == ("normal", None, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "with space"}, "message.id: does not match"),
        ({"id": "x" * 129}, "message.id: has 129 characters"),
        ({"id": "line\n"}, "message.id: does not match"),
        ({"id": 7}, "message.id: must be of type string"),
        ({"to": ""}, "message.to: must not be empty"),
        ({"type": "fax"}, "message.type: must be one of template, text, voice"),
        ({"type": "text", "text": None}, "message.text: must be of type string"),
        ({"template": {"name": "Bad Name", "language": "en"}}, "message.template.name: does not match"),
        ({"template": {"name": "a"}}, "message.template.language: is required"),
        (
            {"template": {"name": "a", "language": "en", "parameters": [], "components": []}},
            "message.template: must not have parameters and components together",
        ),
        ({"priority": "urgent"}, "message.priority: must be one of critical, normal, bulk"),
        ({"expires_at": "tomorrow"}, "message.expires_at: does not match"),
        ({"expires_at": "2026-02-30T09:00:00Z"}, "message.expires_at: is not a real instant"),
        ({"expires_at": "2026-03-01T09:00:00"}, "message.expires_at: does not match"),
        ({"send_after": "2026-03-02T09:00:00Z"}, "message.send_after: is not before expires_at"),
        ({"recipient": {"mail": "x"}}, "message.recipient.mail: is not a known field"),
        ({"recipient": {"email": "nobody"}}, "message.recipient.email: does not match"),
        ({"text": "x" * 4097}, "message.text: has 4097 characters"),
        ({"expire_at": "2026-03-01T09:00:00Z"}, "message.expire_at: is not a known field"),
    ],
)
def test_each_fault_is_named_with_its_place(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse_message(json.dumps({**GOOD, **change}))
    assert any(text.startswith(reason) for text in caught.value.reasons), caught.value.reasons


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "42", '{"id": NaN}', "[" * 5000])
def test_what_is_no_json_object_is_refused(body: str) -> None:
    with pytest.raises(ContractError):
        parse_message(body)


def test_all_faults_are_listed_at_once() -> None:
    with pytest.raises(ContractError) as caught:
        parse_message("{}")
    assert len(caught.value.reasons) == 3


def test_a_300_kb_body_is_refused_by_its_size() -> None:
    with pytest.raises(ContractError) as caught:
        parse_message(json.dumps({**GOOD, "text": "x" * 300_000}))
    assert f"at most {MAX_BODY_BYTES} are allowed" in str(caught.value)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 70)
    | st.text(max_size=6)
    | st.sampled_from(
        [
            "template",
            "text",
            "voice",
            "normal",
            "en_US",
            "a",
            "a@b",
            "2026-03-01T09:00:00Z",
            "x" * 130,
            "é",
            "a\n",
        ]
    )
)
names = st.sampled_from(
    [
        *MESSAGE_SCHEMA["properties"],
        "name",
        "language",
        "parameters",
        "components",
        "user_id",
        "email",
        "title",
        "x",
    ]
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(documents, st.dictionaries(names, documents, max_size=4), st.booleans())
def test_the_validator_agrees_with_a_reference_implementation(
    document: Any, changes: dict[str, Any], based_on_good: bool
) -> None:
    value = {**GOOD, **changes} if based_on_good else document
    # Python's "$" also matches before a last newline, as ECMA 262's, which JSON Schema means, does not.
    assume('\\n"' not in json.dumps(value))
    assert (not any(True for _ in violations(value))) == REFERENCE.is_valid(value)


def test_an_unknown_keyword_cannot_pass_unseen() -> None:
    with pytest.raises(NotImplementedError):
        list(violations("x", {"multipleOf": 3}))


@given(st.floats(0, 4e9))
def test_instants_survive_a_round_trip(epoch: float) -> None:
    assert abs(parse_instant(format_instant(epoch)) - epoch) < 0.001


def test_scopes() -> None:
    assert is_scope("whatsapp")
    assert is_scope("openai_voice")
    assert is_scope("whatsapp/template/appointment_reminder")
    assert not is_scope("whatsapp/template/")
    assert not is_scope("telegram")


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"turn": 1}', '{"claim": 7}'])
def test_a_note_that_is_not_ours_counts_as_none(text: str | None) -> None:
    assert read_note(text) is None


def test_our_note_is_read() -> None:
    assert read_note('{"claim": "m-1", "turn": 2}') == {"claim": "m-1", "turn": 2}
