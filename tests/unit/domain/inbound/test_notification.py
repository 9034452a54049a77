"""One shape for everything that people send."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from lifeline.contract.inbound import INBOUND_SCHEMA, KINDS, VOICE_STATES, parse_inbound
from lifeline.contract.instants import format_instant
from lifeline.domain.inbound import inbound, notification
from lifeline.domain.inbound.inbound import Reason, VoiceNote
from lifeline.domain.inbound.notification import MAX_ERRORS, MAX_NOTICE_BYTES
from lifeline.domain.inbound.ours import BusinessNumber

from tests.support.webhook_samples import AD, BSUID, CONTACT, MESSAGES, SHA, WROTE

NOW = 1_790_000_000.0
NUMBER = BusinessNumber("100000000000001", "+15550783881")
EMPTY: dict[str, Any] = {
    "text": None,
    "from": "+16505551234",
    "bsuid": BSUID,
    "username": "ana.writes",
    "profile": "Ana",
    "number": {"phone_number_id": "100000000000001", "display_phone_number": "+15550783881"},
    "group_id": None,
    "wamid": "wamid.sample",
    "received_at": "2026-09-21T14:13:10.000Z",
    "reply_to": None,
    "forwarded": False,
    "choice": None,
    "media": None,
    "voice": None,
    "referral": None,
    "preference": None,
    "errors": [],
}


def made(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    return notification.notification("wamid.sample", message, CONTACT, NUMBER, NOW, **more)


@pytest.mark.parametrize("name", MESSAGES)
def test_each_kind_of_meta_has_its_notification(name: str) -> None:
    said = MESSAGES[name]
    notice = made(said.message, beside=said.errors)
    assert notice == {**EMPTY, **said.told, "message": said.message}
    assert notice.keys() == set(INBOUND_SCHEMA["required"])
    jsonschema.validate(notice, INBOUND_SCHEMA)
    assert parse_inbound(json.dumps(notice)).group_id == notice["group_id"]


def test_every_kind_of_the_contract_has_a_sample() -> None:
    kinds = {str(said.told["kind"]) for said in MESSAGES.values()}
    assert kinds | {"preference", *VOICE_STATES} == set(KINDS)


@pytest.mark.parametrize("wish", ["stop", "resume", "what comes next"])
def test_a_preference(wish: str) -> None:
    entry = {"wa_id": WROTE, "value": wish, "timestamp": 1_789_999_990}
    message = {
        "type": "user_preferences",
        "from": WROTE,
        "timestamp": 1_789_999_990,
        "user_preferences": entry,
    }
    notice = notification.notification("", message, CONTACT, NUMBER, NOW)
    assert (notice["kind"], notice["wamid"]) == ("preference", None)
    assert notice["preference"] == (wish if wish in ("stop", "resume") else None)
    jsonschema.validate(notice, INBOUND_SCHEMA)


@pytest.mark.parametrize("part", [None, 5, "nonsense", [], {}, [5], {"body": 5, "name": 5}])
@pytest.mark.parametrize("kind", [*notification.READERS, "unknown", ""])
def test_what_meta_never_sent_is_no_error(kind: str, part: Any) -> None:
    notice = made({"type": kind, kind: part, "context": part, "referral": part, "errors": part})
    jsonschema.validate(notice, INBOUND_SCHEMA)
    assert notice["kind"] in KINDS


def test_errors_of_one_message_have_an_end() -> None:
    many = [{"code": 131051}] * 50
    assert len(made({"type": "unsupported", "errors": many}, beside=many)["errors"]) == MAX_ERRORS


@pytest.mark.parametrize(
    ("message", "gone", "kept"),
    [
        ({"type": "x", "x": "y" * 300_000}, ("message",), ()),
        (
            {"type": "text", "text": {"body": "a"}, "referral": {**AD, "x": "y" * 300_000}},
            ("message", "referral"),
            ("text",),
        ),
    ],
)
def test_what_is_too_long_for_the_topic_comes_without_its_content(
    message: dict[str, Any], gone: tuple[str, ...], kept: tuple[str, ...]
) -> None:
    notice = made(message)
    assert len(json.dumps(notice)) <= MAX_NOTICE_BYTES
    assert [notice[name] for name in gone] == [None] * len(gone)
    assert all(notice[name] for name in kept)
    assert notice["wamid"] == "wamid.sample"


# -- voice notes -------------------------------------------------------------------------------------------

SPOKEN: dict[str, Any] = {
    "from": WROTE,
    "id": "wamid.sample",
    "timestamp": "1789999990",
    "type": "audio",
    "audio": {"id": "77", "mime_type": "audio/ogg; codecs=opus", "sha256": SHA, "voice": True},
    "context": {"id": "wamid.0"},
}


def note(**more: Any) -> VoiceNote:
    """As the voice function reads it from its queue."""
    found = inbound.voice_note("wamid.sample", SPOKEN, CONTACT, NUMBER, NOW)
    assert found is not None
    notice = made({**SPOKEN, **more})
    return VoiceNote.read(VoiceNote(**{**_fields(found), "notice": notice}).job())


def _fields(found: VoiceNote) -> dict[str, Any]:
    return {name: getattr(found, name) for name in VoiceNote.__dataclass_fields__}


def test_a_voice_note_keeps_all_that_the_webhook_said() -> None:
    notice = notification.transcribed(note(), "See you", "en", 2.484)
    voice = {
        "language": "en",
        "duration_seconds": 2.48,
        "was_pending": False,
        "asked_to_type": False,
        "waits_until": None,
        "reason": None,
        "detail": None,
    }
    media = {"id": "77", "type": "audio/ogg; codecs=opus", "size": None, "sha256": SHA, "filename": None}
    assert notice == {
        **EMPTY,
        "kind": "voice",
        "text": "See you",
        "reply_to": "wamid.0",
        "media": media,
        "voice": voice,
        "message": SPOKEN,
    }
    jsonschema.validate(notice, INBOUND_SCHEMA)


def test_a_voice_note_that_waits_or_cannot_be_used() -> None:
    waits = notification.pending(note(), NOW)
    assert (waits["kind"], waits["text"], waits["voice"]["waits_until"]) == (
        "voice_pending",
        None,
        format_instant(NOW),
    )
    lost = notification.unusable(note(), Reason.SILENCE, "x" * 500)
    assert (lost["kind"], lost["voice"]["reason"], len(lost["voice"]["detail"])) == (
        "voice_unusable",
        "silence",
        300,
    )
    for notice in (waits, lost):
        assert notice["media"]["id"] == "77"
        jsonschema.validate(notice, INBOUND_SCHEMA)


def test_a_voice_note_without_the_webhooks_part_has_the_shape_all_the_same() -> None:
    bare = VoiceNote("w", "+16505551234", "US.5", "Ana", NOW, "77")
    notice = notification.transcribed(bare, "words", "", None)
    jsonschema.validate(notice, INBOUND_SCHEMA)
    assert (notice["from"], notice["bsuid"], notice["profile"]) == ("+16505551234", "US.5", "Ana")


def test_a_voice_note_to_a_group_is_marked() -> None:
    assert note(group_id="g1").in_group
    assert not note().in_group
    assert notification.transcribed(note(group_id="g1"), "words", "", None)["group_id"] == "g1"
