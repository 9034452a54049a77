"""Fallback and what comes back from it: a refused way is marked, and the next fallback skips it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline.adapters.contacts import Contact, mark_key
from lifeline.adapters.email import EmailRefused
from lifeline.adapters.push import PushRefused
from lifeline.contract import Message, parse_message
from lifeline.domain.fallback import DEFAULT_POLICY
from lifeline.domain.status import Status
from lifeline.errors import UnavailableError
from lifeline.use_cases.fall_back import FallBack, Reached
from lifeline.use_cases.feedback import Feedback

from tests.support.memory import Clock, Recorder

NOW = 1_790_000_000.0
DEVICE = "arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/app/1"


class Contacts:
    def __init__(self) -> None:
        self.known: dict[str, Contact] = {}
        self.marks: dict[str, str] = {}
        self.broken = False

    def read(self, user_ids: set[str]) -> dict[str, Contact]:
        return {name: self.known[name] for name in user_ids if name in self.known}

    def refused(self, ways: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
        if self.broken:
            raise UnavailableError("DynamoDB", "reading refusals", "broken on purpose")
        return {way: self.marks[mark_key(*way)] for way in ways if mark_key(*way) in self.marks}

    def refuse(self, way: str, address: str, why: str, now: float) -> None:
        if self.broken:
            raise UnavailableError("DynamoDB", "marking an address", "broken on purpose")
        self.marks[mark_key(way, address)] = why


class Channel:
    """Push or email. ``refuses``: the codes by address."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.refuses: dict[str, Exception] = {}

    def send(self, address: str, title: str, body: str, message_id: str, ttl: int | None = None) -> str:
        if address in self.refuses:
            raise self.refuses[address]
        self.sent.append(address)
        return "1"


class World:
    def __init__(self) -> None:
        self.contacts, self.push, self.email, self.log = Contacts(), Channel(), Channel(), Recorder()
        self.fall_back = FallBack(
            policy=DEFAULT_POLICY,
            push=self.push,  # type: ignore[arg-type]
            email=self.email,  # type: ignore[arg-type]
            contacts=self.contacts,  # type: ignore[arg-type]
            telemetry=self.log,  # type: ignore[arg-type]
            default_title="A message for you",
        )
        self.feedback = Feedback(
            contacts=self.contacts,  # type: ignore[arg-type]
            clock=Clock(NOW),
            telemetry=self.log,  # type: ignore[arg-type]
        )

    def take(self, *messages: Message, later: bool = True) -> list[Any]:
        return self.fall_back([(message, later, "panic") for message in messages], NOW)


def message(name: str = "m1", **recipient: str) -> Message:
    body = {"id": name, "to": "+4915112345678", "type": "text", "text": "At ten.", "priority": "critical"}
    return parse_message(json.dumps({**body, "recipient": recipient}))


def bounce(address: str, kind: str = "Permanent") -> dict[str, Any]:
    document = {
        "eventType": "Bounce",
        "bounce": {"bounceType": kind, "bouncedRecipients": [{"emailAddress": address}]},
    }
    return {"Records": [{"Sns": {"Message": json.dumps(document)}}]}


def test_a_bounce_marks_the_address_and_the_next_fallback_skips_it() -> None:
    world = World()
    (first,) = world.take(message(email="Ana@Example.org"))
    assert first.status is Status.EMAILED
    assert world.feedback(bounce("ana@example.org")) == {"marked": 1}
    (second,) = world.take(message("m2", email="ANA@example.org"))
    assert isinstance(second, Reached)
    assert second.park
    assert world.email.sent == ["Ana@Example.org"]


def test_a_bounce_counts_for_the_contact_that_has_the_address() -> None:
    world = World()
    world.contacts.known["ana"] = Contact("ana", email="ana@example.org")
    world.feedback(bounce("ana@example.org"))
    assert world.take(message(user_id="ana"))[0].park
    world.contacts.known["ana"] = Contact("ana", email="new@example.org")
    assert world.take(message("m2", user_id="ana"))[0].status is Status.EMAILED


def test_a_full_mailbox_is_tried_again() -> None:
    world = World()
    assert world.feedback(bounce("ana@example.org", "Transient")) == {"marked": 0}
    assert world.take(message(email="ana@example.org"))[0].status is Status.EMAILED


@pytest.mark.parametrize("user_id", ["ana", None])
def test_a_disabled_device_is_marked_whoever_brought_it(user_id: str | None) -> None:
    world = World()
    world.push.refuses[DEVICE] = PushRefused("EndpointDisabled", gone=True)
    given = {"push_endpoint": DEVICE, "email": "ana@example.org"} | ({"user_id": user_id} if user_id else {})
    (first,) = world.take(message(**given))
    assert (first.status, first.tried) == (Status.EMAILED, "push EndpointDisabled, email")
    (second,) = world.take(message("m2", **given))
    assert (second.status, second.tried) == (Status.EMAILED, "email")


def test_a_service_that_fails_marks_nobody() -> None:
    world = World()
    world.push.refuses[DEVICE] = PushRefused("Throttled", gone=False)
    world.take(message(push_endpoint=DEVICE))
    assert world.contacts.marks == {}


def test_without_the_table_the_ways_that_came_along_still_work() -> None:
    world = World()
    world.contacts.broken = True
    world.push.refuses[DEVICE] = PushRefused("EndpointDisabled", gone=True)
    (outcome,) = world.take(message(push_endpoint=DEVICE, email="ana@example.org"))
    assert outcome.status is Status.EMAILED


def test_a_batch_is_counted_once() -> None:
    world = World()
    world.email.refuses["no@example.org"] = EmailRefused("MessageRejected")
    world.take(
        message("m1", push_endpoint=DEVICE),
        message("m2", email="no@example.org"),
        message("m3", push_endpoint=DEVICE + "1"),
        message("m4"),
    )
    assert dict(world.log.metrics) == {
        ("Fallbacks", "push"): 2,
        ("FallbackFailures", "email"): 1,
        ("FallbackFailing", "whatsapp", "hits"): 1,
        ("FallbackFailing", "whatsapp", "misses"): 2,
    }


def test_a_person_whom_whatsapp_cannot_reach_says_nothing_of_an_outage() -> None:
    world = World()
    world.email.refuses["no@example.org"] = EmailRefused("MessageRejected")
    world.take(message(email="no@example.org"), later=False)
    assert world.log.metrics[("FallbackFailing", "whatsapp", "hits")] == 0


def test_a_mark_can_be_no_persons_key() -> None:
    assert len(mark_key("email", "a@example.org")) > 128
    assert "a@example.org" not in mark_key("email", "a@example.org")


def test_the_words_that_ses_sends_once_are_no_event() -> None:
    world = World()
    event = {"Records": [{"Sns": {"Message": "Successfully validated SNS topic"}}, {"Sns": {}}, {}]}
    assert world.feedback(event) == {"marked": 0}
