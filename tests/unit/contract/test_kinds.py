"""Kinds of message: each is taken as producers write it, and refused with a reason beyond each limit."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifeline.contract.kinds import KINDS, TYPES
from lifeline.contract.messages import MESSAGE_SCHEMA, ContractError, parse_message
from lifeline.contract.schema import violations

from tests.support.documents import documents
from tests.support.kinds import HOST, SAMPLES, WAMID

REFERENCE = jsonschema.Draft202012Validator(MESSAGE_SCHEMA)


def document(name: str) -> dict[str, Any]:
    """A sample as a producer writes it."""
    return {"id": "m-1", "to": "+4915112345678", **copy.deepcopy(SAMPLES[name].fields)}


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all that is in a document."""
    items: Sequence[tuple[str | int, Any]] = (
        [*value.items()]
        if isinstance(value, dict)
        else [*enumerate(value)]
        if isinstance(value, list)
        else []
    )
    return [(*path, key) for key, _ in items] + [
        place for key, inner in items for place in places(inner, (*path, key))
    ]


def changed(name: str, path: Sequence[str | int], value: Any) -> dict[str, Any]:
    """A sample with another value at a place; ``...`` takes the place away."""
    found: Any = document(name)
    whole = found
    for key in path[:-1]:
        found = found[key]
    if value is ...:
        del found[path[-1]]
    else:
        found[path[-1]] = value
    result: dict[str, Any] = whole
    return result


def reasons(body: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ContractError) as caught:
        parse_message(json.dumps(body))
    return caught.value.reasons


def test_there_is_a_sample_of_every_kind() -> None:
    assert {sample.type for sample in SAMPLES.values()} == set(TYPES)
    assert len(TYPES) == len(set(TYPES)) == 12


@pytest.mark.parametrize("name", SAMPLES)
def test_each_kind_is_taken_and_its_schema_says_so_too(name: str) -> None:
    message = parse_message(json.dumps(document(name)))
    assert message.type == SAMPLES[name].type
    assert REFERENCE.is_valid(document(name))


MEDIA = ("image", "document", "video", "audio", "sticker")
ONE = [{"id": "1", "title": "One"}]
BUTTON = {"type": "reply", "reply": {"id": "a", "title": "A"}}
LIMITS: list[tuple[str, str, Any, str]] = [
    *((kind, f"{kind}.link", "http://media.example.org/a", "must be an https address") for kind in MEDIA),
    *((kind, f"{kind}.link", "https://a b", "must be an https address") for kind in MEDIA),
    *((kind, f"{kind}.link", f"{HOST}/{'x' * 2048}", "at most 2048 are allowed") for kind in MEDIA),
    *((kind, f"{kind}.id", "12", f"message.{kind}: must have only one of id, link") for kind in MEDIA),
    *((kind, f"{kind}.link", ..., f"message.{kind}: must have one of id, link") for kind in MEDIA),
    *((kind, f"{kind}.size", 1, f"message.{kind}.size: is not a known field") for kind in MEDIA),
    *(
        (kind, f"{kind}.caption", "x" * 1025, f"message.{kind}.caption: has 1025 characters, at most 1024")
        for kind in ("image", "document", "video")
    ),
    *(
        (kind, f"{kind}.caption", "x", f"{kind}.caption: is not a known field")
        for kind in ("audio", "sticker")
    ),
    ("image", "image.filename", "a.jpg", "message.image.filename: is not a known field"),
    (
        "image",
        "image.link",
        f"{HOST}/a.GIF",
        "message.image.link: ends in a type of file that WhatsApp does not",
    ),
    ("image", "image.link", f"{HOST}/a.webp?x=1", "ends in a type of file"),
    ("video", "video.link", f"{HOST}/a.mov", "ends in a type of file"),
    ("audio", "audio.link", f"{HOST}/a.wav#t", "ends in a type of file"),
    ("sticker", "sticker.link", f"{HOST}/a.png", "ends in a type of file"),
    ("document", "document.filename", "x" * 241, "document.filename: has 241 characters"),
    ("document", "document.filename", "a\nb", "document.filename: holds a control character"),
    ("text", "text", "x" * 4097, "message.text: has 4097 characters, at most 4096"),
    ("text-preview", "preview_url", "yes", "message.preview_url: must be of type boolean"),
    ("text-reply", "reply_to", "1234", "message.reply_to: must be an id of Meta's, which begins with wamid."),
    ("location", "location.latitude", 90.1, "message.location.latitude: must be at most 90"),
    ("location", "location.longitude", -180.1, "message.location.longitude: must be at least -180"),
    ("location", "location.latitude", "52.5", "message.location.latitude: must be of type number"),
    ("location", "location.longitude", ..., "message.location.longitude: is required"),
    ("location", "location.name", "x" * 1001, "message.location.name: has 1001 characters"),
    ("contacts", "contacts", [], "message.contacts: must have at least 1 items"),
    (
        "contacts",
        "contacts",
        [{"name": {"formatted_name": "A", "first_name": "A"}}] * 6,
        "has 6 items, at most 5",
    ),
    ("contacts", "contacts.0.name.formatted_name", ..., "contacts[0].name.formatted_name: is required"),
    ("contacts", "contacts.0.name.first_name", ..., "contacts[0].name: must have at least 2 fields"),
    ("contacts", "contacts.0.birthday", "29.2.1980", "birthday: must be a date, such as 2030-12-31"),
    ("contacts", "contacts.0.urls.0.url", "practice", "urls[0].url: must be a web address"),
    ("contacts", "contacts.0.phones.0.wa_id", "+49", "phones[0].wa_id: must hold only digits"),
    ("contacts", "contacts.0.phones", [{"phone": "1"}] * 21, "phones: has 21 items, at most 20"),
    ("contacts", "contacts.0.name.suffix", "x" * 257, "name.suffix: has 257 characters"),
    ("reaction", "reaction.emoji", "yes", "message.reaction.emoji: must be one emoji"),
    (
        "reaction",
        "reaction.emoji",
        "\U0001f44d" * 13,
        "message.reaction.emoji: has 13 characters, at most 12",
    ),
    ("reaction", "reaction.message_id", "1", "message.reaction.message_id: must be an id of Meta's"),
    ("reaction", "reply_to", WAMID, "message.reply_to: does not belong to a message of this type"),
    ("reaction", "reaction.emoji", ..., "message.reaction.emoji: is required"),
]


@pytest.mark.parametrize(("name", "path", "value", "said"), LIMITS, ids=range(len(LIMITS)))
def test_a_limit_that_is_crossed_is_named(name: str, path: str, value: Any, said: str) -> None:
    keys = [int(key) if key.isdigit() else key for key in path.split(".")]
    body = changed(name, keys, value)
    assert any(said in reason for reason in reasons(body)), reasons(body)
    assert not REFERENCE.is_valid(body), "the published schema says it too"


def test_what_is_at_its_limit_is_taken() -> None:
    for name, path, value in [
        ("image", ["image", "caption"], "x" * 1024),
        ("document", ["document", "filename"], "x" * 240),
        ("location", ["location", "latitude"], 90),
        ("contacts", ["contacts"], [{"name": {"formatted_name": "A", "first_name": "A"}}] * 5),
        ("audio", ["audio", "link"], f"{HOST}:8443/a.OGG?x=a.wav"),
        ("image", ["image", "link"], f"{HOST}/picture"),
        ("document", ["document", "link"], f"{HOST}/a.exe"),
        ("reaction", ["reaction", "emoji"], ""),
        ("reaction", ["reaction", "emoji"], "3\ufe0f\u20e3"),
        ("reaction", ["reaction", "emoji"], "\U0001f469\u200d\U0001f680"),
    ]:
        parse_message(json.dumps(changed(name, path, value)))


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_content_of_another_kind_is_refused(kind: str) -> None:
    name = next(name for name, sample in SAMPLES.items() if sample.type == kind)
    own = document(name)
    for other in KINDS:
        if other.field in (*own, "text"):
            continue
        content = next(sample for sample in SAMPLES.values() if sample.type == other.name).fields[other.field]
        said = f"message.{other.field}: does not belong to a message of this type"
        assert said in reasons({**own, other.field: content})
    if kind != "text":
        said = "message.preview_url: does not belong to a message of this type"
        assert said in reasons({**own, "preview_url": True})


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind != "reaction"])
def test_every_kind_but_a_reaction_may_be_an_answer(kind: str) -> None:
    name = next(name for name, sample in SAMPLES.items() if sample.type == kind)
    assert parse_message(json.dumps({**document(name), "reply_to": WAMID})).reply_to == WAMID


@pytest.mark.parametrize("kind", TYPES)
def test_content_is_required(kind: str) -> None:
    field = next(item.field for item in KINDS if item.name == kind)
    assert reasons({"id": "m", "to": "+4915112345678", "type": kind}) == (f"message.{field}: is required",)


@settings(max_examples=500)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_whatever_stands_at_a_place_the_validator_agrees_with_a_reference(
    name: str, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(places(document(name))))
    value = data.draw(
        documents | st.sampled_from([..., "x" * 30, "x" * 70, -91, 1.5, 2.0, [{}], {"id": "a"}])
    )
    body = changed(name, path, value)
    if '\\n"' in json.dumps(body):
        return  # Python's "$" also matches before a last newline, as ECMA 262's does not
    valid = not any(True for _ in violations(body, MESSAGE_SCHEMA, "message"))
    assert valid == REFERENCE.is_valid(body)
    if not valid:
        assert reasons(body)
