"""From Meta's message to the notice; settings and languages of the prompt."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from lifeline.contract.instants import format_instant
from lifeline.domain.inbound import inbound
from lifeline.domain.inbound.inbound import InboundRules, Sender, VoiceNote
from lifeline.domain.inbound.notification import notification
from lifeline.domain.inbound.ours import BusinessNumber
from lifeline.domain.voice import speech

NOW = 1_790_000_000.0
NUMBER = BusinessNumber("100000000000001", "+15550783881")


def message(**more: Any) -> dict[str, Any]:
    return {"from": "16505551234", "id": "wamid.1", "timestamp": "1789999990", "type": "text", **more}


@pytest.mark.parametrize(
    "value",
    [
        message(type="image", image={"id": "5"}),
        message(type="audio", audio={"id": "5", "voice": False}),
        message(type="audio", audio="nonsense"),
        {},
    ],
)
def test_what_is_no_voice_note(value: dict[str, Any]) -> None:
    assert inbound.voice_note("w", value, {}, NUMBER, NOW) is None


def test_the_user_name_of_a_profile() -> None:
    contact = {"profile": {"name": "Ana", "username": "ana.writes"}, "wa_id": "16505551234"}
    assert inbound.sender_of({}, contact) == Sender("+16505551234", "", "Ana", "ana.writes")


def test_a_person_without_a_number() -> None:
    person = inbound.sender_of({"from_user_id": "US.5"}, {"user_id": "US.5"})
    assert person == Sender("", "US.5", "")
    assert person.who == "US.5"
    assert Sender("+16505555555", "US.5").who == "+16505555555"


def test_a_name_in_the_inbox_tells_nobody_the_number_that_a_wamid_holds() -> None:
    held = "wamid." + base64.b64encode(b"\x1d\x07\x12\x0b16505555555\x15").decode()
    assert inbound.name_of(held).startswith("sha256:")
    assert inbound.name_of(held) != inbound.name_of(held + "A")


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
        ("", "DE.1349", "de"),
        ("de", "US.1349", "de"),
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


def test_no_word_stops_anything_unless_a_setting_says_so() -> None:
    assert (InboundRules().stop_words, InboundRules().start_words) == ((), ())
    rules = InboundRules.parse(
        {"stop_words": ["STOP", "Stop ", "Bitte  aufhören!"], "start_words": ["Start"]}
    )
    assert (rules.stop_words, rules.start_words) == (("stop", "bitte aufhören"), ("start",))


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
        {"stop_words": "STOP"},
        {"stop_words": [5]},
        {"stop_words": [" . "]},
        {"stop_words": ["x" * 65]},
        {"stop_words": ["a\nb"]},
        {"stop_words": [f"w{n}" for n in range(51)]},
        {"stop_words": ["Stop"], "start_words": ["stop."]},
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
    notice = notification("w\ud83d", value, contact, NUMBER, NOW)
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
        {"notice": "x"},
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


@pytest.mark.parametrize(
    ("value", "contact"),
    [
        ({"from": "US.1349"}, {}),
        ({"from": "US.1349", "from_user_id": "US.1349"}, {"wa_id": "US.1349", "user_id": "US.1349"}),
        ({"from_user_id": "US.1349"}, {"wa_id": "US.1349"}),
        ({}, {"wa_id": "US.1349"}),
    ],
)
def test_a_user_id_never_becomes_a_number(value: dict[str, Any], contact: dict[str, Any]) -> None:
    person = inbound.sender_of(value, contact)
    assert (person.phone, person.user_id) == ("", "US.1349")


def test_people_of_two_countries_with_the_same_digits_are_two() -> None:
    one, other = (inbound.sender_of({"from": f"{country}.1349120865530"}, {}) for country in ("US", "DE"))
    assert one.who != other.who
