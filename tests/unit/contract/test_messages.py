"""Messages: the validator means what the published JSON Schema says."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lifeline.contract.messages import (
    MAX_BODY_BYTES,
    MAX_DEPTH,
    MESSAGE_SCHEMA,
    ContractError,
    other_content,
    parse_message,
)
from lifeline.contract.schema import violations
from lifeline.contract.text import MAX_REASON_CHARS, MAX_REASONS

from tests.support.documents import GOOD, documents, names

REFERENCE = jsonschema.Draft202012Validator(MESSAGE_SCHEMA)


def test_the_schema_is_valid_draft_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(MESSAGE_SCHEMA)


def test_a_full_message_is_understood() -> None:
    message = parse_message(json.dumps(GOOD))
    assert message.id == "clinic-7:2026-03-01"
    assert message.template is not None
    assert message.template.language == "en_US"
    assert message.template.parameters == ("Ana", "9", "Monday")
    assert message.expires_at == 1772355600.0
    assert message.send_after == 1772265600.0
    assert message.recipient.addresses["email"] == ("ana@example.org",)
    assert message.fallback_body == "Monday at 9"


def test_defaults() -> None:
    message = parse_message('{"id": "a", "to": "1", "type": "text", "text": "x"}')
    assert (message.priority, message.expires_at, message.recipient.user_id) == ("normal", None, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "with space"}, "message.id: must hold only letters"),
        ({"id": "x" * 129}, "message.id: has 129 characters"),
        ({"id": "line\n"}, "message.id: holds a control character (U+000A) at character 5"),
        ({"id": 7}, "message.id: must be of type string"),
        ({"to": ""}, "message.to: must not be empty"),
        ({"type": "fax"}, "message.type: must be one of template, text, voice"),
        ({"type": "text", "text": None}, "message.text: must be of type string"),
        (
            {"template": {"name": "Bad Name", "language": "en"}},
            "message.template.name: must hold only small letters",
        ),
        ({"template": {"name": "a"}}, "message.template.language: is required"),
        (
            {"template": {"name": "a", "language": "en", "parameters": [], "components": []}},
            "message.template: must not have parameters and components together",
        ),
        ({"priority": "urgent"}, "message.priority: must be one of critical, normal, bulk"),
        ({"expires_at": "tomorrow"}, "message.expires_at: must be an instant with a time zone"),
        ({"expires_at": "2026-02-30T09:00:00Z"}, "message.expires_at: is not a real instant"),
        ({"expires_at": "2026-03-01T09:00:00"}, "message.expires_at: must be an instant with a time zone"),
        ({"send_after": "2026-03-02T09:00:00Z"}, "message.send_after: is not before expires_at"),
        ({"recipient": {"mail": "x"}}, "message.recipient.mail: is not a known field"),
        ({"recipient": {"email": "nobody"}}, "message.recipient.email: must be a mail address"),
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


@pytest.mark.parametrize(
    ("fallback", "after"),
    [
        ({"after": 10}, 10),
        ({"after": 59.5}, 60),
        ({"body": "x", "after": 86_400}, 86_400),
        ({"body": "x"}, None),
    ],
)
def test_a_fallback_may_say_only_when_it_is_taken(fallback: dict[str, Any], after: int | None) -> None:
    assert parse_message(json.dumps({**GOOD, "fallback": fallback})).fallback_after == after


@pytest.mark.parametrize("fallback", [{}, {"title": "x"}, {"after": 9}, {"after": 86_401}, {"after": "60"}])
def test_a_fallback_without_words_or_at_no_time_is_refused(fallback: dict[str, Any]) -> None:
    assert "message.fallback" in refused({**GOOD, "fallback": fallback})[0]


def test_a_300_kb_body_is_refused_by_its_size() -> None:
    with pytest.raises(ContractError) as caught:
        parse_message(json.dumps({**GOOD, "text": "x" * 300_000}))
    assert f"at most {MAX_BODY_BYTES} are allowed" in str(caught.value)


@settings(max_examples=400, deadline=None)
@given(documents, st.dictionaries(names, documents, max_size=4), st.booleans())
def test_the_validator_agrees_with_a_reference_implementation(
    document: Any, changes: dict[str, Any], based_on_good: bool
) -> None:
    value = {**GOOD, **changes} if based_on_good else document
    # Python's "$" also matches before a last newline, as ECMA 262's, which JSON Schema means, does not.
    assume('\\n"' not in json.dumps(value))
    assert (not any(True for _ in violations(value, MESSAGE_SCHEMA, "message"))) == REFERENCE.is_valid(value)


HALF = "\ud83d"


NASTY = [HALF, "\udc00", "\x00", "\x1b", "\x7f", "\x85", "\x9f", "\ufffe", "\uffff"]


def refused(document: dict[str, Any]) -> tuple[str, ...]:
    """The reasons of a refusal; each is short and can be written by anything."""
    with pytest.raises(ContractError) as caught:
        parse_message(json.dumps(document))
    for reason in caught.value.reasons:
        assert len(reason) <= MAX_REASON_CHARS
        assert reason.isprintable()
        reason.encode()
    assert len(caught.value.reasons) <= MAX_REASONS + 1
    str(caught.value).encode()
    return caught.value.reasons


def put(path: str, value: object) -> dict[str, Any]:
    """The good message with another value at a place."""
    document: dict[str, Any] = json.loads(json.dumps(GOOD))
    *way, last = path.split(".")
    place = document
    for name in way:
        place = place.setdefault(name, {})
    place[last] = value
    return document


PLACES = [
    "id",
    "to",
    "text",
    "category",
    "campaign",
    "priority",
    "type",
    "expires_at",
    "send_after",
    "template.name",
    "template.language",
    "recipient.user_id",
    "recipient.push_endpoint",
    "recipient.email",
    "recipient.time_zone",
    "recipient.bsuid",
    "fallback.title",
    "fallback.body",
]


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
@pytest.mark.parametrize("path", PLACES)
def test_no_text_may_hold_what_breaks_others(path: str, nasty: str) -> None:
    whole = "arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/app/" if path.endswith("endpoint") else "a@b"
    reasons = refused(put(path, f"{whole}{nasty}x"))
    assert any(reason.startswith(f"message.{path}: ") for reason in reasons), reasons
    if "enum" not in str(MESSAGE_SCHEMA["properties"].get(path)):
        assert any(f"(U+{ord(nasty):04X}) at character {len(whole) + 1}" in reason for reason in reasons)


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
@pytest.mark.parametrize(
    ("template", "place"),
    [
        ({"parameters": ["Ana", "%"]}, "parameters[1]"),
        ({"components": [{"type": "%"}]}, "components[0].type"),
        ({"components": [{"a": [{"b": "%"}]}]}, "components[0].a[0].b"),
        ({"components": [{"a%": 1}]}, "components[0].a"),
        ({"components": [{"type": "body", "parameters": [{"type": "text", "text": "%"}]}]}, "text"),
    ],
)
def test_nor_a_template_with_its_keys(template: dict[str, Any], place: str, nasty: str) -> None:
    filled = json.loads(json.dumps(template).replace("%", json.dumps(nasty)[1:-1]))
    reasons = refused(put("template", {"name": "a", "language": "en", **filled}))
    assert any(place in reason and f"U+{ord(nasty):04X}" in reason for reason in reasons), reasons


@pytest.mark.parametrize("nasty", [HALF, "\x1b", "\u202e"], ids=ascii)
def test_an_unknown_key_is_named_so_that_anything_can_write_it(nasty: str) -> None:
    reasons = refused({**GOOD, nasty: 1})
    assert any("is not a known field" in reason and f"\\u{ord(nasty):04x}" in reason for reason in reasons)


def test_lines_and_tabs_stay_in_texts_and_nowhere_else() -> None:
    message = parse_message(json.dumps({**GOOD, "text": "a\n\tb\r\n", "fallback": {"body": "a\nb"}}))
    assert (message.text, message.fallback_body) == ("a\n\tb\r\n", "a\nb")
    for path in ("recipient.user_id", "fallback.title", "to", "recipient.email"):
        assert any(reason.startswith(f"message.{path}: ") for reason in refused(put(path, "a\n@b")))


def test_whole_emojis_and_all_scripts_pass() -> None:
    words = "\U0001f469\u200d\U0001f680 \u0645\u0631\u062d\u0628\u0627 \u4f60\u597d \u00c4\u00df \ufffd"
    message = parse_message(json.dumps({**put("template.parameters", [words]), "text": words}))
    assert message.text == words
    assert message.template is not None
    assert message.template.parameters == (words,)


@pytest.mark.parametrize("value", ["a\nb", "a\r", "\t", "a     b", "     "])
def test_values_that_meta_refuses(value: str) -> None:
    assert refused(put("template.parameters", ["Ana", value])) == (
        "message.template.parameters[1]: holds a line break, a tab or more than four spaces in a row; "
        "Meta refuses such a value",
    )
    body = [{"type": "body", "parameters": [{"type": "text", "text": value}]}]
    (reason,) = refused(put("template", {"name": "a", "language": "en", "components": body}))
    assert reason.startswith("message.template.components[0].parameters[0].text: holds a line break")


def test_an_empty_value_is_refused_and_four_spaces_are_not() -> None:
    assert refused(put("template.parameters", [""])) == ("message.template.parameters[0]: must not be empty",)
    body = [{"type": "body", "parameters": [{"type": "text", "text": ""}]}]
    (reason,) = refused(put("template", {"name": "a", "language": "en", "components": body}))
    assert reason == "message.template.components[0].parameters[0].text: must not be empty"
    parse_message(json.dumps(put("template.parameters", ["a    b", 0, -1.5])))


def test_other_components_are_passed_on_with_their_lines() -> None:
    flow = [{"type": "button", "parameters": [{"type": "action", "action": {"data": "a\nb", "n": None}}]}]
    message = parse_message(json.dumps(put("template", {"name": "a", "language": "en", "components": flow})))
    assert message.template is not None
    assert list(message.template.components) == flow


def test_digits_of_every_other_script_are_refused_in_a_number() -> None:
    others = [chr(n) for n in range(0x80, 0x110000) if unicodedata.category(chr(n)) == "Nd"]
    assert len(others) > 600
    number = MESSAGE_SCHEMA["properties"]["to"]
    for digit in others:
        assert [*violations(f"+49151{digit}2345678", number, "to")] == ["to: holds digits other than 0 to 9"]
    pasted = "\u202a+49\u00a0(151) 1234\u20105678\u202c"
    assert parse_message(json.dumps({**GOOD, "to": pasted})).to == pasted


@pytest.mark.parametrize("name", ["lifeline:probe", "lifeline:test:1", "lifeline:"])
def test_ids_of_lifeline_itself_are_reserved(name: str) -> None:
    assert refused({**GOOD, "id": name}) == (
        "message.id: begins with lifeline:, which is reserved for Lifeline itself",
    )
    parse_message(json.dumps({**GOOD, "id": f"x{name}"}))


@pytest.mark.parametrize(
    "body",
    [
        "[" * 20_000,
        "[" * 900 + "]" * 900,
        '{"a":' * 900 + "1" + "}" * 900,
        json.dumps(GOOD)[:-1] + ',"x":' + "[" * 32 + "]" * 32 + "}",
    ],
    ids=["20000", "900 arrays", "900 objects", "33"],
)
def test_deep_nesting_is_refused_before_it_is_parsed(body: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse_message(body)
    assert caught.value.reasons == (f"message: is nested deeper than {MAX_DEPTH} levels",)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400])
def test_numbers_that_nobody_can_write_are_refused(number: str) -> None:
    body = json.dumps(put("template.parameters", ["%"])).replace('"%"', number)
    with pytest.raises(ContractError) as caught:
        parse_message(body)
    assert caught.value.reasons[0].startswith("message.template.parameters[0]: ")


def test_a_number_of_5000_digits_gives_a_reason() -> None:
    with pytest.raises(ContractError):
        parse_message(json.dumps(put("template.parameters", ["%"])).replace('"%"', "9" * 5000))


@pytest.mark.parametrize("instant", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_an_instant_outside_the_calendar_is_refused(instant: str) -> None:
    (reason,) = refused({**GOOD, "send_after": "2026-01-01T00:00:00Z", "expires_at": instant})
    assert reason.startswith("message.expires_at: is not a real instant")


def test_many_faults_are_counted_not_all_told() -> None:
    reasons = refused({**GOOD, **{f"field{n:03}": n for n in range(500)}})
    assert len(reasons) == MAX_REASONS + 1
    assert reasons[-1] == "and 490 more"
    (reason,) = refused(put("recipient.email", "x" * 300 + HALF))
    assert reason == "message.recipient.email: holds half a character (U+D83D) at character 301"


def test_a_long_reason_keeps_its_place_and_its_end() -> None:
    key = "k" * 40
    inner: Any = {key: HALF}
    for _ in range(20):
        inner = {key: inner}
    (reason,) = refused(put("template", {"name": "a", "language": "en", "components": [inner]}))
    assert reason.startswith(f"message.template.components[0].{key}")
    assert reason.endswith("holds half a character (U+D83D) at character 1")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PLACES), st.text(st.characters(), max_size=12) | st.sampled_from(NASTY))
def test_what_passes_can_be_encoded_and_what_does_not_has_a_reason(path: str, words: str) -> None:
    assume(not words.endswith("\n"))  # see above: Python's "$"
    document = put(path, words)
    assert (not [*violations(document, MESSAGE_SCHEMA, "message")]) == REFERENCE.is_valid(document)
    try:
        message = parse_message(json.dumps(document))
    except ContractError as error:
        str(error).encode()
    else:
        repr(message).encode()
        assert not any(unicodedata.category(sign) == "Cs" for sign in str(message))


@pytest.mark.parametrize(
    ("kept", "given", "other"),
    [
        ('{"id":"m","text":"a"}', '{"text": "a", "id": "m"}', False),
        ('{"id":"m","send_after":"x"}', '{"id":"m","send_after":"y"}', False),
        ('{"id":"m","send_after":"x"}', '{"id":"m"}', False),
        ('{"id":"m","text":"a"}', '{"id":"m","text":"b"}', True),
        ("", '{"id":"m"}', True),
        ("{", '{"id":"m"}', True),
        ("[]", '{"id":"m"}', True),
        ('"m"', '{"id":"m"}', True),
        ("[" * 20_000 + "]" * 20_000, '{"id":"m"}', True),
    ],
)
def test_what_is_other_content(kept: str, given: str, other: bool) -> None:
    assert other_content(kept, given) is other


BSUID = "US.13491208655302741918"


def to_nobody(**more: object) -> str:
    """A message without ``to``."""
    return json.dumps({"id": "a", "type": "text", "text": "x", **more})


def test_a_message_may_go_to_a_business_scoped_user_id_alone() -> None:
    message = parse_message(to_nobody(recipient={"bsuid": BSUID}))
    assert (message.to, message.recipient.bsuid) == (None, BSUID)


def test_number_and_user_id_may_come_together() -> None:
    message = parse_message(to_nobody(to="+16505551234", recipient={"bsuid": BSUID}))
    assert (message.to, message.recipient.bsuid) == ("+16505551234", BSUID)


@pytest.mark.parametrize("recipient", [None, {}, {"user_id": "u-1"}, {"email": "a@example.org"}])
def test_without_both_nobody_is_meant(recipient: dict[str, str] | None) -> None:
    with pytest.raises(ContractError) as caught:
        parse_message(to_nobody(**({} if recipient is None else {"recipient": recipient})))
    assert caught.value.reasons == ("message.to: is required",)


@pytest.mark.parametrize(
    "bsuid",
    ["", "us.1349", "USA.1349", "US1349", "US.", "US.13 49", "US." + "1" * 129, "+16505551234", 5, "US.1\n"],
)
def test_what_is_no_user_id_is_refused(bsuid: object) -> None:
    with pytest.raises(ContractError, match=r"recipient\.bsuid"):
        parse_message(to_nobody(recipient={"bsuid": bsuid}))


@pytest.mark.parametrize("bsuid", ["US.1", "DE.ENT.11815799212886844830", "GB." + "a" * 128])
def test_forms_of_user_ids(bsuid: str) -> None:
    assert parse_message(to_nobody(recipient={"bsuid": bsuid})).recipient.bsuid == bsuid


def of_size(size: int) -> dict[str, str]:
    return {"k": "ä" * ((size - 8) // 2) + "x" * (size % 2)}


@pytest.mark.parametrize("size", [8, 1023, 1024])
def test_metadata_is_the_producers_own_up_to_a_kilobyte(size: int) -> None:
    body = json.dumps({"id": "a", "to": "1", "type": "text", "text": "x", "metadata": of_size(size)})
    assert parse_message(body).id == "a"


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (of_size(1025), "message.metadata: has 1025 bytes, at most 1024 are allowed"),
        ([1], "message.metadata: "),
        ({"k": "\ud83d"}, "half a character"),
    ],
)
def test_other_metadata_is_refused(metadata: object, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        parse_message(json.dumps({"id": "a", "to": "1", "type": "text", "text": "x", "metadata": metadata}))
