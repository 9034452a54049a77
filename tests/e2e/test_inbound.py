"""What people write and say, from Meta's webhook to the application's queue, on the deployed system."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from lifeline.adapters.inbound_topic import InboundTopic
from lifeline.adapters.inbox import Inbox
from lifeline.adapters.queues import Queues
from lifeline.adapters.whatsapp import WhatsApp
from lifeline.domain.inbound import InboundRules
from lifeline.use_cases.inbound_voice import Heard, InboundVoice

from local.stack import SECRETS
from tests.support.inbound import QUIET, ogg, spoken
from tests.support.memory import Recorder
from tests.support.system import System, eventually

PERSON = "4915112347001"


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

    def waits_for(
        self, wamid: str, kind: str, work: Callable[[], None], within: float = 60.0
    ) -> dict[str, Any]:
        """The notice of a message of one kind."""

        def look() -> dict[str, Any] | None:
            work()
            return next((notice for notice in self.of(wamid) if notice["kind"] == kind), None)

        found = eventually(look, within, f"{kind} of {wamid}")
        assert found is not None
        return found


class Secrets:
    """The secret, as the adapter reads it."""

    def get(self, name: str) -> str:
        return SECRETS[name]

    def renewed(self, used: str) -> str:
        return used


class Worker:
    """Works on ``voice-queue`` where no deployed function does; all is real but the transcription."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.queues = Queues(system.sqs)
        self.url = system.out["VoiceQueueUrl"]
        self.deployed = "VoiceFunctionName" in system.out
        self.voice = InboundVoice(
            rules=InboundRules(),
            inbox=Inbox(system.dynamodb, system.out["ControlTableName"]),
            topic=InboundTopic(system.sns, system.out["InboundTopicArn"]),
            queues=self.queues,
            voice_queue_url=self.url,
            whatsapp_queue_url=system.out["WhatsappQueueUrl"],
            in_panic=lambda: system.flag("openai_voice")["state"] == "panic",
            whatsapp=WhatsApp(
                Secrets(),  # type: ignore[arg-type]
                base_url=system.stack.endpoints["graph"],
                version="v23.0",
                phone_number_id="106540352242922",
                waba_id="102290129340398",
                connections=2,
                connect_timeout=3,
                read_timeout=10,
            ),
            transcribe=lambda audio, name: Heard("Can we move it to Friday?", "english"),
            clock=time.time,
            telemetry=Recorder(),  # type: ignore[arg-type]
        )

    def __call__(self) -> None:
        if self.deployed:
            return
        for item in self.queues.receive(self.url, 10, 30):
            if self.voice.handle(item.body):
                self.queues.delete(self.url, [item.receipt])


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
    event = {"action": f"panic.{what}", "scope": "openai_voice", "reason": "test", "actor": "test"}
    if what == "enable":
        event["hold"] = True  # type: ignore[assignment]
    answer = system.invoke("Operator", event)
    assert answer["ok"], answer
    system.flags_are_read()


def test_a_text_reaches_the_application_once(system: System, application: Application) -> None:
    system.fresh()
    wamid = say(system, text="Ä thanks", user_id="DE.13491")
    notice = application.waits_for(wamid, "text", lambda: None)
    assert (notice["from"], notice["user_id"], notice["text"]) == (f"+{PERSON}", "DE.13491", "Ä thanks")
    message = {"from": PERSON, "id": wamid, "type": "text", "text": {"body": "Ä thanks"}}
    value = {"messages": [message], "contacts": [{"wa_id": PERSON}]}
    entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
    raw = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    assert system.webhook(raw).status_code == 200
    later = say(system, text="and more")
    application.waits_for(later, "text", lambda: None)
    assert len(application.of(wamid)) == 1, "Meta's repetition changes nothing"


def test_a_voice_note_becomes_text(system: System, application: Application) -> None:
    system.fresh()
    work = Worker(system)
    wamid = say(system, spoken(2))
    notice = application.waits_for(wamid, "voice", work)
    assert notice["transcript"]
    assert notice["duration_seconds"] == pytest.approx(2)


def test_bad_audio_is_reported_with_its_reason(system: System, application: Application) -> None:
    system.fresh()
    work = Worker(system)
    wanted = {
        say(system, b"<html>no audio</html>"): "unreadable",
        say(system, ogg([QUIET] * 100)): "silence",
        say(system, spoken(), mime_type="audio/amr"): "unsupported_type",
        say(system, audio_bytes=20 * 1024 * 1024): "too_large",
    }
    found = {wamid: application.waits_for(wamid, "voice_unusable", work, 60)["reason"] for wamid in wanted}
    assert found == wanted
    other = say(system, spoken(), voice=False)
    assert application.waits_for(other, "other", work)["type"] == "audio"


def test_in_panic_people_are_asked_to_type_and_heard_later(system: System, application: Application) -> None:
    system.fresh()
    work = Worker(system)
    panic(system, "enable")
    first, second = say(system, spoken(1)), say(system, spoken(2))
    notices = [application.waits_for(wamid, "voice_pending", work) for wamid in (first, second)]
    assert sorted(notice["asked_to_type"] for notice in notices) == [False, True]
    (request,) = eventually(lambda: system.sends("lifeline:type:"), 90, "the request to type")
    assert (request["body"]["to"], request["body"]["type"]) == (PERSON, "text")
    assert request["accepted"]
    assert system.flag()["state"] == "normal", "WhatsApp is not touched"
    panic(system, "disable")
    system.invoke("Drainer", {})
    for wamid in (first, second):
        notice = application.waits_for(wamid, "voice", work, 90)
        assert notice["was_pending"]
        assert len([n for n in application.of(wamid) if n["kind"] == "voice"]) == 1
    assert len(system.sends("lifeline:type:")) == 1
