"""What people write and say, from Meta's webhook to the application's queue, on the deployed system."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from lifeline.contract.inbound import INBOUND_SCHEMA

from local.simulators.opus import recording
from tests.support.inbound import QUIET, ogg
from tests.support.inbound_doc import inbound_policy
from tests.support.meta import PHONE_NUMBER_ID, inbound, post
from tests.support.system import System, eventually
from tests.support.webhook_samples import BSUID, CONTACT, MESSAGES

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
        policy = json.dumps(inbound_policy(arn, topic))
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
    assert (notice["from"], notice["bsuid"], notice["text"]) == (f"+{PERSON}", "DE.13491", "Ä thanks")
    jsonschema.validate(notice, INBOUND_SCHEMA)
    assert notice["number"]["phone_number_id"] == PHONE_NUMBER_ID
    message = {"from": PERSON, "id": wamid, "type": "text", "text": {"body": "Ä thanks"}}
    assert system.webhook(post(inbound(message))).status_code == 200
    system.webhooks_are_taken()
    later = say(system, text="and more")
    application.waits_for(later, "text")
    assert len(application.of(wamid)) == 1, "Meta's repetition changes nothing"


def test_a_voice_note_becomes_text(system: System, application: Application) -> None:
    system.fresh()
    wamid = say(system, spoken(2))
    notice = application.waits_for(wamid, "voice")
    assert notice["text"] == WORDS
    assert notice["voice"]["duration_seconds"] == pytest.approx(2)
    jsonschema.validate(notice, INBOUND_SCHEMA)


def test_bad_audio_is_reported_with_its_reason(system: System, application: Application) -> None:
    system.fresh()
    wanted = {
        say(system, b"<html>no audio</html>"): "unreadable",
        say(system, ogg([QUIET] * 100)): "silence",
        say(system, spoken(2), mime_type="audio/amr"): "unsupported_type",
        say(system, audio_bytes=20 * 1024 * 1024): "too_large",
    }
    found = {wamid: application.waits_for(wamid, "voice_unusable", 60)["voice"]["reason"] for wamid in wanted}
    assert found == wanted
    other = say(system, spoken(2), voice=False)
    assert application.waits_for(other, "audio")["media"]["type"].startswith("audio/ogg")


def test_every_kind_of_meta_reaches_the_application_in_one_shape(
    system: System, application: Application
) -> None:
    system.fresh()
    prefix = uuid.uuid4().hex[:8]
    wanted = {f"wamid.{prefix}.{index}": said for index, said in enumerate(MESSAGES.values())}
    changes = []
    for wamid, said in wanted.items():
        one = inbound({**said.message, "id": wamid})
        one["value"] |= {"contacts": [CONTACT], **({"errors": list(said.errors)} if said.errors else {})}
        changes.append(one)
    assert system.webhook(post(*changes)).status_code == 200
    for wamid, said in wanted.items():
        notice = application.waits_for(wamid, said.told["kind"])
        jsonschema.validate(notice, INBOUND_SCHEMA)
        assert notice.items() >= {**said.told, "profile": "Ana", "bsuid": BSUID}.items()
    assert system.flag()["state"] == "normal", "errors beside them say nothing of our sends"


def test_in_panic_people_are_asked_to_type_and_heard_later(system: System, application: Application) -> None:
    system.fresh()
    panic(system, "enable")
    first, second = say(system, spoken(1)), say(system, spoken(2))
    notices = [application.waits_for(wamid, "voice_pending") for wamid in (first, second)]
    assert sorted(notice["voice"]["asked_to_type"] for notice in notices) == [False, True]
    (request,) = eventually(lambda: system.sends("lifeline-type-"), 90, "the request to type")
    assert (request["body"]["to"], request["body"]["type"]) == (PERSON, "text")
    assert request["accepted"]
    assert system.flag()["state"] == "normal", "WhatsApp is not touched"
    panic(system, "disable")
    system.invoke("Drainer", {})
    for wamid in (first, second):
        notice = application.waits_for(wamid, "voice", 90)
        assert notice["voice"]["was_pending"]
        assert len([n for n in application.of(wamid) if n["kind"] == "voice"]) == 1
    assert len(system.sends("lifeline-type-")) == 1
