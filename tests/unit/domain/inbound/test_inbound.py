"""From Meta's message to the notice; settings and languages of the prompt."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline.contract.instants import format_instant
from lifeline.domain.inbound import inbound
from lifeline.domain.inbound.inbound import InboundRules, Sender, VoiceNote
from lifeline.domain.inbound.ours import BusinessNumber
from lifeline.domain.voice import speech

NOW = 1_790_000_000.0
NUMBER = BusinessNumber("100000000000001", "+15550783881")


def message(**more: Any) -> dict[str, Any]:
    return {"from": "16505551234", "id": "wamid.1", "timestamp": "1789999990", "type": "text", **more}


def test_a_text() -> None:
    value = message(text={"body": "Ä yes"}, context={"id": "wamid.0"})
    contact = {"profile": {"name": "Ana"}, "wa_id": "16505551234", "user_id": "US.13491"}
    assert inbound.notice_of("wamid.1", value, contact, NUMBER, NOW) == {
        "kind": "text",
        "from": "+16505551234",
        "user_id": "US.13491",
        "name": "Ana",
        "number": {"phone_number_id": "100000000000001", "display_phone_number": "+15550783881"},
        "wamid": "wamid.1",
        "received_at": "2026-09-21T14:13:10.000Z",
        "reply_to": "wamid.0",
        "text": "Ä yes",
    }


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (message(type="image", image={"id": "5"}), "image"),
        (message(type="audio", audio={"id": "5", "voice": False}), "audio"),
        (message(type="audio", audio="nonsense"), "audio"),
        (message(type="text", text={"body": 5}), "text"),
        ({}, "unknown"),
    ],
)
def test_everything_else_comes_as_meta_sent_it(value: dict[str, Any], kind: str) -> None:
    assert inbound.voice_note("w", value, {}, NUMBER, NOW) is None
    notice = inbound.notice_of("w", value, {}, NUMBER, NOW)
    assert (notice["kind"], notice["type"], notice["message"]) == ("other", kind, value)


def test_what_is_too_long_for_the_topic_comes_without_its_content() -> None:
    notice = inbound.notice_of("w", message(type="x", x="y" * 300_000), {}, NUMBER, NOW)
    assert notice["message"] is None
    assert notice["wamid"] == "w"


def test_a_person_without_a_number() -> None:
    person = inbound.sender_of({"from_user_id": "US.5"}, {"user_id": "US.5"})
    assert person == Sender("", "US.5", "")
    assert person.key != Sender("", "US.6").key
    assert "5" * 5 not in Sender("+16505555555").key


@pytest.mark.parametrize("kind", ["audio", "voice"])
def test_a_voice_note_is_a_job_and_back(kind: str) -> None:
    value = message(type=kind, **{kind: {"id": "77", "mime_type": "audio/ogg; codecs=opus", "voice": True}})
    note = inbound.voice_note("wamid.1", value, {}, NUMBER, NOW)
    assert note is not None
    assert (note.media_id, note.phone, note.received_at) == ("77", "+16505551234", 1_789_999_990)
    assert inbound.is_job(note.job())
    assert VoiceNote.read(note.job()) == note


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"kind": "speech"}', '{"kind": "inbound_voice"}'])
def test_what_is_no_job(body: str) -> None:
    with pytest.raises(ValueError):
        VoiceNote.read(body)


def test_times_that_cannot_be() -> None:
    for timestamp in ("", "x", None, "-5", "99999999999"):
        assert inbound.received_at({"timestamp": timestamp}, NOW) == NOW


@pytest.mark.parametrize(
    ("mime_type", "ending"),
    [("audio/ogg; codecs=opus", "ogg"), ("AUDIO/MPEG", "mp3"), ("audio/amr", None), ("", None)],
)
def test_types(mime_type: str, ending: str | None) -> None:
    assert inbound.container(mime_type) == ending


@pytest.mark.parametrize(
    ("heard", "phone", "language"),
    [
        ("de", "+16505551234", "de"),
        ("", "+4915112345678", "de"),
        ("", "+5511912345678", "pt"),
        ("ja", "+16505551234", "en"),
        ("", "nonsense", "en"),
    ],
)
def test_the_language_in_which_people_are_asked(heard: str, phone: str, language: str) -> None:
    assert inbound.prompt(InboundRules(), heard, phone) == inbound.PROMPTS[language]


@pytest.mark.parametrize(
    ("word", "code"), [("German", "de"), ("de-DE", "de"), ("pt_BR", "pt"), ("klingon", "klingon"), ("", "")]
)
def test_languages_by_name(word: str, code: str) -> None:
    assert inbound.language_code(word) == code


def test_settings_are_laid_over_the_defaults() -> None:
    rules = InboundRules.parse({"max_age_hours": 2, "prompts": {"DE": "Bitte tippen."}})
    assert rules.max_age_hours == 2
    assert rules.prompts["de"] == "Bitte tippen."
    assert rules.prompts["en"] == inbound.PROMPTS["en"]


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"max_age": 2},
        {"max_age_hours": 169},
        {"max_age_hours": "2"},
        {"ask_every_minutes": True},
        {"release_per_minute": 1.5},
        {"prompts": ["x"]},
        {"prompts": {"en": ""}},
        {"prompts": {"en": "x" * 4097}},
        {"default_language": "ja"},
        {"default_language": 5},
    ],
)
def test_wrong_settings_are_refused(document: Any) -> None:
    with pytest.raises(ValueError):
        InboundRules.parse(document)


BAD: list[Any] = ["\ud83d", 10**400, 10**5000, float("inf"), float("nan"), [[]], "x" * 300_000]


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_values_that_nothing_can_carry_are_mended(bad: Any) -> None:
    contact = {"profile": {"name": bad}, "wa_id": bad, "user_id": bad}
    value = message(timestamp=bad, text={"body": bad}, context={"id": bad}, **{"from": bad, "x": {"y": bad}})
    notice = inbound.notice_of("w\ud83d", value, contact, NUMBER, NOW)
    json.dumps(notice, ensure_ascii=False, allow_nan=False).encode()
    assert notice["received_at"] == format_instant(NOW)
    note = inbound.voice_note(
        "w\ud83d", {"type": "audio", "audio": {"voice": True, "id": bad}}, contact, NUMBER, NOW
    )
    assert note is not None
    assert VoiceNote.read(note.job()) == note


@pytest.mark.parametrize(
    "change",
    [
        {"wamid": 5},
        {"phone": None},
        {"received_at": "x"},
        {"received_at": 1e300},
        {"received_at": -1},
        {"turn": "abc"},
        {"turn": 1.5},
        {"kept": "yes"},
        {"media_id": ["x"]},
    ],
)
def test_a_job_with_values_of_other_types_is_none(change: dict[str, Any]) -> None:
    good = {"wamid": "w", "phone": "", "user_id": "", "name": "", "received_at": 1, "media_id": "5"}
    job = {"kind": inbound.JOB, **good}
    assert VoiceNote.read(json.dumps(job)).received_at == 1.0
    with pytest.raises(ValueError):
        VoiceNote.read(json.dumps({**job, **change}))


@pytest.mark.parametrize(
    "body", ["[" * 20_000, '{"kind": ' + "[" * 900 + "]" * 900 + "}", '{"a": ' + "9" * 5000 + "}"], ids=len
)
def test_deep_or_long_bodies_are_no_job(body: str) -> None:
    assert not inbound.is_job(body)
    with pytest.raises(ValueError):
        VoiceNote.read(body)
    with pytest.raises(ValueError):
        speech.SpeechJob.read(body)
    assert speech.Forget.read(body) is None
