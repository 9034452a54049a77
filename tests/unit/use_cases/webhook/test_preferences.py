"""People who want no promotional messages: what Meta says, what they type, what the application hears."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.domain.inbound.inbound import InboundRules
from lifeline.domain.inbound.opting_out import Statement, Wish, keys_of
from lifeline.domain.message.status import Status

from tests.support.inbound import MemoryInbox, MemoryTopic
from tests.support.meta import PHONE_NUMBER_ID, change, failed, inbound
from tests.support.webhook_samples import BSUID, WROTE, preference
from tests.support.webhooks import World as Base

NUMBER, USER = keys_of(f"+{WROTE}", BSUID)


class World(Base):
    def __init__(self, **rules: Any) -> None:
        super().__init__(rules=InboundRules(**rules))
        self.inbox, self.topic = MemoryInbox(), MemoryTopic()
        self.also(inbox=self.inbox, inbound_topic=self.topic)
        self.remake()

    def told(self, *names: str) -> list[tuple[Any, ...]]:
        return [tuple(notice[name] for name in names) for notice in self.topic.notices]


def test_stop_and_resume_mark_the_person_and_the_application_hears_of_it() -> None:
    world = World()
    assert world.post(preference("stop", at=10)) == 200
    assert world.opt_outs.known == {key: Statement(Wish.STOP, 10.0) for key in (NUMBER, USER)}
    assert world.post(preference("resume", at=20)) == 200
    assert world.opt_outs.known == {key: Statement(Wish.RESUME, 20.0) for key in (NUMBER, USER)}
    assert world.told("kind", "preference", "from", "wamid") == [
        ("preference", "stop", f"+{WROTE}", None),
        ("preference", "resume", f"+{WROTE}", None),
    ]


def test_a_wish_without_a_time_is_of_the_post_or_of_now() -> None:
    world = World()
    raw = preference("stop")
    del raw["value"]["user_preferences"][0]["timestamp"]
    assert world.post(raw, time=1_700_000_000) == 200
    assert world.opt_outs.known[NUMBER].at == 1_700_000_000
    assert world.post(raw) == 200
    assert world.opt_outs.known[NUMBER].at == world.clock.now


@pytest.mark.parametrize(
    "who", [{"recipient_id": WROTE}, {"recipient_id": WROTE, "recipient_user_id": BSUID}]
)
def test_a_send_that_meta_reports_as_stopped_says_the_same_before_its_fallback_is_due(
    who: dict[str, str],
) -> None:
    world = World()
    world.sent("m", category="promotion")
    assert world.statuses(failed("m", 131050, act=1, at=50) | who) == 200
    assert world.opt_outs.known[NUMBER] == Statement(Wish.STOP, 50.0)
    assert (USER in world.opt_outs.known) is ("recipient_user_id" in who)
    assert world.status_of("m") is Status.FAILED
    assert world.topic.notices == [], "it is no message of the person"
    world.opt_outs.broken = True
    world.sent("n", category="promotion")
    assert world.statuses(failed("n", 131050, act=1, at=60) | who) == 503, "it comes again"


def test_a_repetition_and_a_late_stop_change_nothing() -> None:
    world = World()
    for at, wish in ((20, "resume"), (10, "stop"), (10, "stop")):
        assert world.post(preference(wish, at=at)) == 200
    assert world.opt_outs.known[NUMBER] == Statement(Wish.RESUME, 20.0)
    assert world.told("preference") == [("resume",), ("stop",)], "each once"


@pytest.mark.parametrize(
    "entry",
    [
        {"value": "stop"},
        {"wa_id": WROTE, "value": "maybe"},
        {"wa_id": WROTE},
        {"wa_id": WROTE, "value": "stop", "category": "calls"},
    ],
)
def test_what_is_no_wish_about_marketing_is_counted_only(entry: dict[str, Any]) -> None:
    world = World()
    value = {"metadata": {"phone_number_id": PHONE_NUMBER_ID}, "user_preferences": [entry]}
    assert world.post(change("user_preferences", value)) == 200
    assert (world.opt_outs.known, world.topic.notices) == ({}, [])
    assert world.log.metrics["StatusUpdates", "ignored_preference"] == 1


def test_another_numbers_wishes_are_none_of_ours() -> None:
    world = World()
    raw = preference("stop")
    raw["value"]["metadata"]["phone_number_id"] = "100000000000009"
    assert world.post(raw) == 200
    assert world.opt_outs.known == {}
    assert world.post(preference("stop"), waba="200000000000009") == 200
    assert world.opt_outs.known == {}


def test_what_cannot_be_kept_comes_again() -> None:
    world = World(stop_words=("stop",))
    world.opt_outs.broken = True
    said = inbound({"from": WROTE, "id": "w1", "type": "text", "text": {"body": "stop"}})
    assert world.post(preference("stop", at=10)) == 503
    assert world.post(said) == 503
    world.opt_outs.broken = False
    assert world.post(preference("stop", at=10)) == 200
    assert world.post(said) == 200
    assert world.told("kind", "preference") == [("preference", "stop"), ("text", "stop")]


# -- words -------------------------------------------------------------------------------------------------

STOP: dict[str, Any] = {
    "from": WROTE,
    "id": "w1",
    "timestamp": "1789999990",
    "type": "text",
    "text": {"body": "Stop!"},
}


def test_words_do_nothing_unless_they_are_set() -> None:
    world = World()
    assert world.post(inbound(STOP)) == 200
    assert (world.opt_outs.known, world.told("kind", "preference")) == ({}, [("text", None)])


def test_a_stop_word_marks_and_a_start_word_lifts() -> None:
    world = World(stop_words=("stop",), start_words=("start",))
    start = {**STOP, "id": "w2", "timestamp": "1789999995", "type": "button", "button": {"text": "START"}}
    assert world.post(inbound(STOP)) == 200
    assert world.opt_outs.known == {NUMBER: Statement(Wish.STOP, 1_789_999_990.0)}
    assert world.opt_outs.sources[NUMBER] == "word"
    assert world.post(inbound(start)) == 200
    assert world.opt_outs.known == {NUMBER: Statement(Wish.RESUME, 1_789_999_995.0)}
    assert world.told("kind", "preference") == [("text", "stop"), ("button", "resume")]


@pytest.mark.parametrize(
    "message",
    [
        {**STOP, "group_id": "g1"},
        {**STOP, "type": "image", "image": {"id": "5", "caption": "stop"}},
        {**STOP, "text": {"body": "stop it please"}},
    ],
)
def test_a_word_to_a_group_under_a_picture_or_in_a_sentence_stops_nothing(message: dict[str, Any]) -> None:
    world = World(stop_words=("stop",))
    assert world.post(inbound(message)) == 200
    assert world.opt_outs.known == {}
    assert len(world.topic.notices) == 1
