"""Voice notes: transcribed, pending, or unusable; never lost, asked about at most once an hour."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifeline.adapters.whatsapp import Lost
from lifeline.contract.messages import parse_message
from lifeline.domain.failure.causes import Fault
from lifeline.domain.failure.classify import classify_fault
from lifeline.domain.inbound.inbound import PROMPTS, Reason, VoiceNote, name_of
from lifeline.use_cases.voice.inbound_voice import (
    LEASE,
    REST,
    TURNS,
    WINDOW,
    Heard,
    NotHeard,
)

from tests.support.inbound import QUIET, ogg, spoken
from tests.support.voice_notes import LIVE, World


@pytest.fixture
def world() -> World:
    return World()


def test_a_voice_note_becomes_text(world: World) -> None:
    assert world.run(world.note())
    (notice,) = world.topic.notices
    who = {"from": "+4915112345678", "bsuid": "DE.1", "profile": "Ana", "wamid": "w1"}
    number = {"phone_number_id": "100000000000001", "display_phone_number": "+15550783881"}
    said = {"kind": "voice", "text": "Can we move to Friday?", "received_at": "2026-09-21T14:13:20.000Z"}
    assert notice.items() >= {**who, **said, "number": number}.items()
    assert (
        notice["voice"].items() >= {"language": "en", "duration_seconds": 2.0, "was_pending": False}.items()
    )
    assert (notice["media"]["id"], notice["voice"]["asked_to_type"]) == ("m-w1", False)
    assert world.files == ["voice.ogg"]


def test_a_repetition_does_nothing(world: World) -> None:
    for _ in range(3):
        assert world.run(world.note())
    assert world.kinds == ["voice"]
    assert len(world.files) == 1


@pytest.mark.parametrize(
    ("content", "more", "reason"),
    [
        (b"<html>", {}, Reason.UNREADABLE),
        (spoken()[:-5], {}, Reason.UNREADABLE),
        (ogg([QUIET] * 50), {}, Reason.SILENCE),
        (Lost.TOO_LARGE, {}, Reason.TOO_LARGE),
        (Lost.GONE, {}, Reason.MEDIA_GONE),
        (None, {"mime_type": "audio/amr"}, Reason.UNSUPPORTED_TYPE),
        (None, {"mime_type": ""}, Reason.UNSUPPORTED_TYPE),
        (None, {"received_at": 1.0}, Reason.TOO_OLD),
    ],
)
def test_bad_input_is_reported_and_nobody_is_asked_to_hear_it(
    world: World, content: Any, more: dict[str, Any], reason: Reason
) -> None:
    assert world.run(world.note(content=content, **more))
    (notice,) = world.topic.notices
    assert (notice["kind"], notice["voice"]["reason"]) == ("voice_unusable", reason)
    assert notice["voice"]["detail"]
    assert world.files == [], "no money is spent on it"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Heard("  "), Reason.SILENCE),
        (NotHeard("Invalid file format", again=False), Reason.UNREADABLE),
        (NotHeard("policy", again=False, reason=Reason.REFUSED), Reason.REFUSED),
    ],
)
def test_what_the_transcription_refuses(world: World, answer: Heard | NotHeard, reason: Reason) -> None:
    world.answers = [answer]
    assert world.run(world.note())
    assert [(n["kind"], n["voice"]["reason"]) for n in world.topic.notices] == [("voice_unusable", reason)]


def test_in_panic_it_waits_and_the_person_is_asked_once(world: World) -> None:
    world.panic = True
    for wamid in ("w1", "w2", "w1"):
        assert world.run(world.note(wamid))
    assert world.media.asked == world.files == [], "nothing is downloaded and nothing transcribed"
    (request,) = {item.body for item in world.queues.sent[LIVE]}
    message = parse_message(request)
    assert (message.to, message.type, message.text) == ("+4915112345678", "text", PROMPTS["de"])
    assert message.expires_at == world.clock.now + 3600
    assert {n["wamid"]: n["voice"]["asked_to_type"] for n in world.topic.notices} == {"w1": True, "w2": False}
    assert set(world.kinds) == {"voice_pending"}
    assert world.release() == 0, "not before recovery"

    world.panic = False
    world.topic.notices.clear()
    world.settle(3)
    assert {(n["kind"], n["wamid"]) for n in world.topic.notices} == {("voice", "w1"), ("voice", "w2")}
    assert len(world.topic.notices) == 2
    assert all(n["voice"]["was_pending"] for n in world.topic.notices)
    assert world.inbox.waiting == {}


def test_after_an_hour_a_person_may_be_asked_again(world: World) -> None:
    world.panic = True
    world.run(world.note("w1"))
    world.clock.advance(3599)
    world.run(world.note("w2"))
    assert len(world.queues.sent[LIVE]) == 1
    world.clock.advance(2)
    world.run(world.note("w3"))
    ids = [json.loads(item.body)["id"] for item in world.queues.sent[LIVE]]
    assert len(ids) == len(set(ids)) == 2


def test_each_person_is_asked_in_the_language_that_they_last_spoke(world: World) -> None:
    world.answers = [Heard("¿Puede ser el viernes?", "spanish")]
    world.run(world.note("w1"))
    world.panic = True
    world.run(world.note("w2"))
    world.run(world.note("w3", phone="+16505551234"))
    texts = [json.loads(item.body)["text"] for item in world.queues.sent[LIVE]]
    assert texts == [PROMPTS["es"], PROMPTS["en"]]


def test_who_shows_no_number_is_asked_by_user_id(world: World) -> None:
    world.panic = True
    world.run(world.note("w1", phone="", user_id="DE.13491208655302741918"))
    (request,) = world.queues.sent[LIVE]
    message = parse_message(request.body)
    assert (message.to, message.recipient.bsuid) == (None, "DE.13491208655302741918")
    assert message.text == PROMPTS["de"]
    assert [n["voice"]["asked_to_type"] for n in world.topic.notices] == [True]


def test_who_cannot_be_asked(world: World) -> None:
    world.panic = True
    world.run(world.note("w1", phone="", user_id="no id of Meta's"))
    world.run(replace(world.note("w2"), received_at=world.clock.now - WINDOW - 1))
    assert world.queues.sent[LIVE] == []
    assert [n["kind"] for n in world.topic.notices] == ["voice_pending", "voice_unusable"]


def test_who_speaks_to_a_group_is_not_asked_and_teaches_us_no_language(world: World) -> None:
    in_group = {"notice": {"group_id": "g1"}}
    assert world.run(world.note("w0", **in_group))
    assert (world.inbox.languages, world.topic.notices[0]["group_id"]) == ({}, "g1")
    world.panic = True
    assert world.run(world.note("w1", **in_group))
    assert world.queues.sent[LIVE] == []
    assert (world.topic.notices[1]["kind"], world.topic.notices[1]["group_id"]) == ("voice_pending", "g1")


def test_what_waited_for_too_long_is_reported_even_in_panic() -> None:
    world = World(max_age_hours=2)
    world.panic = True
    world.run(world.note("old"))
    world.clock.advance(3601)
    world.run(world.note("young"))
    world.clock.advance(3600)
    world.topic.notices.clear()
    assert world.release() == 1
    world.settle(1)
    assert [(n["wamid"], n["voice"]["reason"]) for n in world.topic.notices] == [("old", "too_old")]
    assert world.topic.notices[0]["voice"]["asked_to_type"] is True
    assert len(world.inbox.waiting) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        NotHeard("503"),
        classify_fault(Fault.REFUSED, "x"),
        b"another recording than the one announced",
    ],
)
def test_passing_failures_are_tried_again_and_then_it_waits(world: World, trouble: Any) -> None:
    note = world.note()
    if isinstance(trouble, NotHeard):
        world.answers = [trouble] * TURNS
    else:
        world.media.media[note.media_id] = trouble
    delays = []
    job = note
    for _ in range(TURNS - 1):
        assert world.run(job)
        (item,) = world.queued()
        delays.append(item.delay)
        job = VoiceNote.read(item.body)
    assert delays == [8, 32, 128]
    assert world.topic.notices == []
    assert world.run(job)
    assert world.queued() == []
    assert world.kinds == ["voice_pending"]
    world.clock.advance(REST - 1)
    assert world.release() == 0
    world.media.media[note.media_id] = spoken()
    world.settle(3)
    assert world.kinds == ["voice_pending", "voice"]


def test_panic_that_began_meanwhile_makes_it_wait_at_once(world: World) -> None:
    def fails(audio: bytes, name: str) -> NotHeard:
        world.panic = True
        return NotHeard("401")

    world.voice._transcribe = fails
    assert world.run(world.note())
    assert world.kinds == ["voice_pending"]
    assert len(world.queues.sent[LIVE]) == 1


@pytest.mark.parametrize("broken", ["begin", "finish", "keep", "may_ask", "release", "flags"])
@pytest.mark.parametrize("panic", [False, True])
def test_services_that_fail_lose_nothing(world: World, broken: str, panic: bool) -> None:
    world.panic = panic
    world.inbox.broken = {broken}
    note = world.note()
    world.run(note)
    world.inbox.broken = set()
    world.clock.advance(LEASE + 1)
    assert world.run(note)
    world.panic = False
    world.settle(3)
    assert world.kinds.count("voice") in (1, 2)
    assert len({n["wamid"] for n in world.topic.notices}) == 1
    assert len({item.body for item in world.queues.sent[LIVE]}) <= 2
    assert len({json.loads(item.body)["id"] for item in world.queues.sent[LIVE]}) <= 1


def test_the_topic_and_the_queues_fail(world: World) -> None:
    world.topic.broken = 1
    assert not world.run(world.note())
    assert world.run(world.note())
    assert world.kinds == ["voice"]
    world.panic = True
    world.queues.broken = {LIVE}
    assert not world.run(world.note("w2"))
    world.queues.broken = set()
    assert world.run(world.note("w2"))
    assert len(world.queues.sent[LIVE]) == 1


def test_a_job_that_cannot_be_read_goes_to_the_dead_letters(world: World) -> None:
    assert not world.voice.handle("{")
    assert world.voice.handle(world.note().job())


def test_a_note_that_another_worker_has_is_left_to_it(world: World) -> None:
    world.inbox.begin(f"voice:{name_of('w1')}", world.clock.now, LEASE)
    assert not world.run(world.note())
    assert world.topic.notices == []


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_voice_note_ends_exactly_once(data: st.DataObject) -> None:
    """Whatever fails in between: one end each, and one request to type per hour."""
    world = World()
    troubles: list[Heard | NotHeard] = [
        NotHeard("503"),
        NotHeard("bad", again=False),
        Heard("yes"),
        Heard(""),
    ]
    world.answers = data.draw(st.lists(st.sampled_from(troubles), max_size=12))
    names = [f"w{number}" for number in range(data.draw(st.integers(1, 4)))]
    for name in names:
        world.panic = data.draw(st.booleans())
        for _ in range(data.draw(st.integers(1, 3))):
            world.run(world.note(name))
    world.panic = False
    world.settle()
    ends = [n["wamid"] for n in world.topic.notices if n["kind"] in ("voice", "voice_unusable")]
    assert sorted(ends) == names
    assert len({json.loads(item.body)["id"] for item in world.queues.sent[LIVE]}) <= 1
    assert world.inbox.waiting == {}


def test_an_unexpected_error_gives_the_note_back_and_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    note = world.note()

    def bug(audio: bytes, name: str) -> Heard:
        raise KeyError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(world.voice, "_transcribe", bug)
        assert not world.run(note)
    assert world.run(note), "the next attempt finds it free"


def test_who_spoke_to_another_number_of_ours_is_not_asked_from_this_one(world: World) -> None:
    """Their words opened the 24 hours of that number; from ours a free text would be refused (131047)."""
    world.panic = True
    assert world.run(world.note(number_id="100000000000009"))
    (notice,) = world.topic.notices
    assert (notice["kind"], notice["voice"]["asked_to_type"]) == ("voice_pending", False)
    assert notice["number"]["phone_number_id"] == "100000000000009"
    assert world.queues.sent[LIVE] == []


def test_a_name_that_is_too_long_for_a_key_is_kept_by_its_digest(world: World) -> None:
    world.panic = True
    wamid = "\U0001f600" * 512
    assert world.run(world.note(wamid))
    assert all(len(name.encode()) <= 1024 for name in (*world.inbox.waiting, *world.inbox.leases))
    assert [notice["wamid"] for notice in world.topic.notices] == [wamid]
