"""Push and mail against the local AWS with IAM enforced, and the stand-in for SES's events."""

from __future__ import annotations

import io
import json
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lifeline.adapters.aws import client_config
from lifeline.adapters.email import Email, EmailRefused
from lifeline.adapters.outcomes import UnknownOutcome
from lifeline.adapters.push import Push, PushRefused
from lifeline.domain.fallback.feedback import MailReport, mail_report, returned

from local.stack import ROOT_KEY, LocalStack
from tests.support.aws import client

SENDER = "us@example.org"
SET = "fallback"
TYPES = ["SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "REJECT"]


def eventually(check: Callable[[], bool], what: str, within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, f"{what}: not within {within:.0f} seconds"
        time.sleep(0.05)


def refuses_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return True
    return False


def policy_for(service: str, action: str, **more: str) -> str:
    statement = {"Effect": "Allow", "Action": action, "Principal": {"Service": service}, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Place:
    """The local AWS alone, a configuration set, and a queue behind its topic."""

    def __init__(self, folder: Path) -> None:
        self.stack = LocalStack(folder, quiet=True)
        self.stack.start_aws()
        ses, sns, self.sqs = (self.stack.client(name) for name in ("sesv2", "sns", "sqs"))
        ses.create_email_identity(EmailIdentity=SENDER)
        self.queue = self.sqs.create_queue(QueueName="feedback")["QueueUrl"]
        topic = sns.create_topic(Name="feedback")["TopicArn"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        policy = policy_for("sns.amazonaws.com", "sqs:SendMessage", Resource=arn)
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        ses.create_configuration_set(ConfigurationSetName=SET)
        destination = {
            "Enabled": True,
            "MatchingEventTypes": TYPES,
            "SnsDestination": {"TopicArn": topic},
        }
        ses.create_configuration_set_event_destination(
            ConfigurationSetName=SET, EventDestinationName="returned", EventDestination=destination
        )
        self.got: list[dict[str, Any]] = []
        events = self.stack.mail_events
        assert events is not None
        self.events = events
        self.email = Email(self.effects("sesv2", events.url), SENDER, SET)

    def effects(self, service: str, url: str, key: tuple[str, str] = (ROOT_KEY, ROOT_KEY)) -> Any:
        """A client as a function has it: the SDK repeats nothing."""
        return client(service, url, key, config=client_config(service, attempts=1))

    def documents(self, count: int) -> list[dict[str, Any]]:
        """The next events, as they came."""

        def enough() -> bool:
            answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
            for item in answer.get("Messages", []):
                self.got.append(json.loads(json.loads(item["Body"])["Message"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=item["ReceiptHandle"])
            return len(self.got) >= count

        eventually(enough, f"{count} events")
        taken, self.got = self.got, []
        return taken

    def reports(self, count: int) -> list[MailReport]:
        return [report for report in map(mail_report, self.documents(count)) if report]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("aws"))
    yield place
    place.stack.stop()


@pytest.fixture
def place(started: Place) -> Iterator[Place]:
    yield started
    started.events.reset()


def told(reports: list[MailReport]) -> list[tuple[str, int, str]]:
    return [(report.message_id, report.act, report.kind) for report in reports]


def test_a_mail_is_reported_with_its_id_and_act(place: Place) -> None:
    assert place.email.send("ana@example.org", "Tïtle", "Text", "a_b.c:d-1", 3, None)
    reports = place.reports(2)
    assert told(reports) == [("a_b.c:d-1", 3, "sent"), ("a_b.c:d-1", 3, "delivered")]
    assert all(abs(report.at - time.time()) < 60 for report in reports)


def test_events_are_dropped_repeated_delayed_and_turned_round(place: Place) -> None:
    place.events.settings.drop = {"Send"}
    place.events.settings.repeat = 2
    place.email.send("ana@example.org", "T", "B", "m1", 0, None)
    assert told(place.reports(2)) == [("m1", 0, "delivered")] * 2
    place.events.settings.drop = set()
    place.events.settings.repeat = 1
    place.events.settings.delay = 0.3
    place.events.settings.gap = -0.2
    before = time.monotonic()
    place.email.send("ana@example.org", "T", "B", "m2", 0, None)
    assert told(place.reports(2)) == [("m2", 0, "delivered"), ("m2", 0, "sent")]
    assert time.monotonic() - before >= 0.5


@pytest.mark.parametrize(
    ("address", "text", "kinds", "marks"),
    [
        ("bounce@simulator.amazonses.com", "B", ["sent", "bounced"], ["bounce"]),
        ("complaint@simulator.amazonses.com", "B", ["sent", "delivered", "delivered"], ["complaint"]),
        ("ana@example.org", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE", ["sent", "rejected"], []),
    ],
)
def test_what_comes_back(place: Place, address: str, text: str, kinds: list[str], marks: list[str]) -> None:
    place.email.send(address, "T", text, "m1", 0, None)
    documents = place.documents(len(kinds))
    assert [report.kind for report in map(mail_report, documents) if report] == kinds
    assert [item.kind for document in documents for item in returned(document)] == marks


def test_a_lost_answer_leaves_a_doubt_that_the_event_settles(place: Place) -> None:
    place.events.add_fault({"kind": "lost", "count": 1})
    with pytest.raises(UnknownOutcome):
        place.email.send("ana@example.org", "T", "B", "m1", 0, None)
    assert told(place.reports(2)) == [("m1", 0, "sent"), ("m1", 0, "delivered")]
    sends = [entry for entry in place.events.requests if entry["accepted"]]
    assert len(sends) == 1


def test_a_mail_that_ses_refuses_has_no_event(place: Place) -> None:
    client = place.effects("sesv2", place.events.url)
    with pytest.raises(EmailRefused) as caught:
        Email(client, "else@example.com", SET).send("ana@example.org", "T", "B", "m1", 0, None)
    assert (caught.value.code, caught.value.retryable) == ("MessageRejected", False)
    place.events.add_fault({"kind": "unreachable"})
    eventually(lambda: refuses_connections(place.events.port), "the closed port")
    email = Email(place.effects("sesv2", place.events.url), SENDER, SET)
    with pytest.raises(EmailRefused) as caught:
        email.send("ana@example.org", "T", "B", "m2", 0, None)
    assert caught.value.retryable
    place.events.end_faults()
    email.send("ana@example.org", "T", "B", "m3", 0, None)
    assert {report.message_id for report in place.reports(2)} == {"m3"}


def test_an_account_whose_sending_is_paused_sends_nothing(place: Place) -> None:
    place.events.add_fault({"kind": "paused"})
    with pytest.raises(EmailRefused) as caught:
        place.email.send("ana@example.org", "T", "B", "m1", 0, None)
    assert caught.value.code == "SendingPausedException"
    assert [entry for entry in place.events.requests if entry["accepted"]] == []
    place.events.end_faults()
    place.email.send("ana@example.org", "T", "B", "m2", 0, None)
    assert {report.message_id for report in place.reports(2)} == {"m2"}


def test_the_door_keeps_the_callers_signature_and_rights(place: Place) -> None:
    iam = place.stack.client("iam")
    iam.create_user(UserName="sender")
    key = iam.create_access_key(UserName="sender")["AccessKey"]
    pair = (key["AccessKeyId"], key["SecretAccessKey"])
    email = Email(place.effects("sesv2", place.events.url, pair), SENDER, SET)
    with pytest.raises(EmailRefused, match="AccessDenied"):
        email.send("ana@example.org", "T", "B", "m1", 0, None)
    allowed = {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="sender", PolicyName="send", PolicyDocument=document)
    email.send("ana@example.org", "T", "B", "m2", 0, None)
    assert {report.message_id for report in place.reports(2)} == {"m2"}
    forged = Email(place.effects("sesv2", place.events.url, (pair[0], "wrong")), SENDER, SET)
    with pytest.raises(EmailRefused, match="Signature"):
        forged.send("ana@example.org", "T", "B", "m3", 0, None)


def test_a_device_takes_a_push_until_it_is_gone(place: Place) -> None:
    sns = place.stack.client("sns")
    sns.create_platform_application(Name="app", Platform="GCM", Attributes={"PlatformCredential": "x"})
    device = place.stack.new_push_endpoint()
    push = Push(place.effects("sns", place.stack.aws_url))
    assert push.send(device, "Title", "😀" * 4_096, "m1", 0, 60)
    sns.delete_endpoint(EndpointArn=device)
    with pytest.raises(PushRefused) as caught:
        push.send(device, "Title", "Text", "m2", 0, 60)
    assert (caught.value.gone, caught.value.retryable) == (True, False)


def test_functions_send_their_mails_by_the_stand_in(place: Place) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        text = "import os\ndef handler(event, context):\n    return os.environ['AWS_ENDPOINT_URL_SESV2']\n"
        archive.writestr("app.py", text)
    role = place.stack.client("iam").create_role(
        RoleName="any",
        AssumeRolePolicyDocument=policy_for("lambda.amazonaws.com", "sts:AssumeRole"),
    )["Role"]["Arn"]
    functions = place.stack.client("lambda")
    functions.create_function(
        FunctionName="any",
        Runtime="python3.11",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": code.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="any")
    answer = functions.invoke(FunctionName="any")["Payload"].read()
    assert json.loads(answer) == place.events.url
