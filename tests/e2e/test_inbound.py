"""What people write and say, from Meta's webhook to the application's queue, on the deployed system."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local.simulators.opus import recording
from tests.support.inbound import QUIET, ogg
from tests.support.meta import PHONE_NUMBER_ID, inbound, post
from tests.support.system import System, eventually

PERSON = "4915112347001"
WORDS = "Can we move it to Friday?"


def spoken(seconds: float) -> bytes:
    """A recording in which somebody says :data:`WORDS`."""
    return recording(WORDS, "en", seconds=seconds)


class Application:
    """Somebody's application: a queue that is subscribed to the topic."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.sqs = system.sqs
        name = f"application-{uuid.uuid4().hex[:8]}"
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        arn = arn["Attributes"]["QueueArn"]
        topic = system.out["InboundTopicArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        self.subscription = system.sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        self.notices: list[dict[str, Any]] = []

    def end(self) -> None:
        self.system.sns.unsubscribe(SubscriptionArn=self.subscription)
        self.sqs.delete_queue(QueueUrl=self.url)

    def of(self, wamid: str) -> list[dict[str, Any]]:
        """What was received of one message, so far."""
        answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        for item in answer.get("Messages", []):
            self.notices.append(json.loads(item["Body"]))
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=item["ReceiptHandle"])
        return [notice for notice in self.notices if notice["wamid"] == wamid]

    def waits_for(self, wamid: str, kind: str, within: float = 60.0) -> dict[str, Any]:
        """The notice of a message of one kind."""

        def look() -> dict[str, Any] | None:
            return next((notice for notice in self.of(wamid) if notice["kind"] == kind), None)

        found = eventually(look, within, f"{kind} of {wamid}")
        assert found is not None
        return found


@pytest.fixture(scope="module")
def application(system: System) -> Iterator[Application]:
    found = Application(system)
    yield found
    found.end()


def say(system: System, audio: bytes | None = None, **more: Any) -> str:
    """Somebody writes or speaks to us at Meta; answers with the wamid."""
    body = {"from": PERSON, **more}
    if audio is not None:
        body["audio"] = base64.b64encode(audio).decode()
    return str(system._control("POST", "/inbound", json=body)["wamid"])


def panic(system: System, what: str) -> None:
    event: dict[str, Any] = {
        "action": f"panic.{what}",
        "scope": "openai_voice",
        "reason": "test",
        "actor": "test",
    }
    if what == "enable":
        event["hold"] = True
    answer = system.invoke("Operator", event)
    assert answer["ok"], answer
    system.flags_are_read()


def test_a_text_reaches_the_application_once(system: System, application: Application) -> None:
    system.fresh()
    wamid = say(system, text="Ä thanks", user_id="DE.13491")
    notice = application.waits_for(wamid, "text")
    assert (notice["from"], notice["user_id"], notice["text"]) == (f"+{PERSON}", "DE.13491", "Ä thanks")
    assert notice["number"]["phone_number_id"] == PHONE_NUMBER_ID
    message = {"from": PERSON, "id": wamid, "type": "text", "text": {"body": "Ä thanks"}}
    assert system.webhook(post(inbound(message))).status_code == 200
    later = say(system, text="and more")
    application.waits_for(later, "text")
    assert len(application.of(wamid)) == 1, "Meta's repetition changes nothing"


def test_a_voice_note_becomes_text(system: System, application: Application) -> None:
    system.fresh()
    wamid = say(system, spoken(2))
    notice = application.waits_for(wamid, "voice")
    assert notice["transcript"] == WORDS
    assert notice["duration_seconds"] == pytest.approx(2)


def test_bad_audio_is_reported_with_its_reason(system: System, application: Application) -> None:
    system.fresh()
    wanted = {
        say(system, b"<html>no audio</html>"): "unreadable",
        say(system, ogg([QUIET] * 100)): "silence",
        say(system, spoken(2), mime_type="audio/amr"): "unsupported_type",
        say(system, audio_bytes=20 * 1024 * 1024): "too_large",
    }
    found = {wamid: application.waits_for(wamid, "voice_unusable", 60)["reason"] for wamid in wanted}
    assert found == wanted
    other = say(system, spoken(2), voice=False)
    assert application.waits_for(other, "other")["type"] == "audio"


def test_in_panic_people_are_asked_to_type_and_heard_later(system: System, application: Application) -> None:
    system.fresh()
    panic(system, "enable")
    first, second = say(system, spoken(1)), say(system, spoken(2))
    notices = [application.waits_for(wamid, "voice_pending") for wamid in (first, second)]
    assert sorted(notice["asked_to_type"] for notice in notices) == [False, True]
    (request,) = eventually(lambda: system.sends("lifeline-type-"), 90, "the request to type")
    assert (request["body"]["to"], request["body"]["type"]) == (PERSON, "text")
    assert request["accepted"]
    assert system.flag()["state"] == "normal", "WhatsApp is not touched"
    panic(system, "disable")
    system.invoke("Drainer", {})
    for wamid in (first, second):
        notice = application.waits_for(wamid, "voice", 90)
        assert notice["was_pending"]
        assert len([n for n in application.of(wamid) if n["kind"] == "voice"]) == 1
    assert len(system.sends("lifeline-type-")) == 1
