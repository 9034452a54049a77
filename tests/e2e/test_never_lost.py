"""What may not be lost, and nobody told twice without a count: killed workers, long lines, lost answers."""

from __future__ import annotations

import json
import os
import signal
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from local.mail_events import MailEvents, Settings
from tests.support.system import PATIENCE, System, eventually

GO_ON = 120.0
"""Seconds within which what a killed worker was sending goes on: lease, tick, and the send itself."""
SOON = 3.0
"""Seconds from the queue to Meta for a critical message, whatever waits on the other queues."""
LINE = 3_000
"""Messages that wait on the normal queue meanwhile."""


@pytest.fixture
def prefix(system: System) -> str:
    return system.fresh()


# --- A worker is killed while it sends -------------------------------------------------------------------


@pytest.mark.timeout(480)
def test_what_a_killed_worker_was_sending_goes_on_within_two_minutes(system: System, prefix: str) -> None:
    ids = [f"{prefix}-{number:02d}" for number in range(20)]
    # Meta takes them all the same, and of half of them it says nothing.
    system.fault("slow", latency_ms=4_000, count=len(ids), match={"path": "/messages"})
    system.fault("silent", count=len(ids) // 2)
    people = [
        system.person(name, to=f"+49151125{index:05d}", priority="critical", recipient={})
        for index, name in enumerate(ids)
    ]
    system.produce(*people, queue="Critical")
    eventually(lambda: len(in_flight(system, ids)) >= 10, 20, "messages that are being sent")
    killed = kill_senders(system)
    began = time.monotonic()
    assert killed, "there was no worker to kill"
    system.wait_for(ids, "DELIVERED", within=GO_ON / PATIENCE)
    took = time.monotonic() - began
    taken = Counter(system.accepted(prefix))
    assert set(taken) == set(ids)
    assert max(taken.values()) > 1, "what was sent in silence is sent again"
    for name in ids:
        row = system.row(name)
        counted = len(row.get("doubts", "").split()) + len(row.get("duplicates", "").split())
        # A claim whose worker died before its send leaves a doubt as well: no more than is counted.
        assert 1 <= taken[name] <= 1 + counted, f"{name} was taken {taken[name]} times; {row}"
    print(f"\n{killed} workers killed; all {len(ids)} delivered {took:.1f} s later")


def in_flight(system: System, ids: Sequence[str]) -> list[str]:
    return [name for name in ids if system.row(name).get("phase") == "sending"]


def kill_senders(system: System) -> int:
    """End the sender's processes without warning, as an outage of their host would: this stack's own only."""
    (aws,) = [process.popen.pid for process in system.stack.processes if process.name == "aws"]
    killed = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue  # it has ended meanwhile
        if parent == aws and f"/ministack-lambda-{system.stack.name}-sender-" in command:
            os.kill(int(entry.name), signal.SIGKILL)
            killed += 1
    return killed


# --- One message's trouble is its own --------------------------------------------------------------------


def test_one_broken_body_among_ten_concerns_nobody_else(system: System, prefix: str) -> None:
    ids = [f"{prefix}-{number}" for number in range(9)]
    bodies = [json.dumps(system.person(name)) for name in ids]
    broken = json.dumps(system.person(f"{prefix}-broken")).replace("Your", "\\ud83d", 1)
    bodies.insert(4, broken)
    put(system, bodies)
    system.wait_for(ids, "DELIVERED")
    assert Counter(system.accepted(prefix)) == dict.fromkeys(ids, 1)
    assert system.row(f"{prefix}-broken") == {}
    (letter,) = eventually(lambda: dead_letters(system), 10, "the broken body on the dead-letter queue")
    assert letter["Body"] == broken
    assert "half a character" in letter["MessageAttributes"]["lifeline_reason"]["StringValue"]
    assert dead_letters(system) == []


def put(system: System, bodies: Sequence[str], queue: str = "Whatsapp") -> None:
    """Bodies as they are, up to ten."""
    entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies)]
    answer = system.sqs.send_message_batch(QueueUrl=system.out[f"{queue}QueueUrl"], Entries=entries)
    assert not answer.get("Failed")


def dead_letters(system: System) -> list[dict[str, Any]]:
    """What is on the dead-letter queue; it is taken away."""
    url = system.out["WhatsappDlqUrl"]
    answer = system.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    found: list[dict[str, Any]] = answer.get("Messages", [])
    for item in found:
        system.sqs.delete_message(QueueUrl=url, ReceiptHandle=item["ReceiptHandle"])
    return found


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "later"])
def test_the_first_content_of_an_id_is_sent_and_the_conflict_is_counted(
    system: System, prefix: str, together: bool
) -> None:
    name = f"{prefix}-same"
    first = system.person(name, text="Your appointment is at ten.")
    other = system.person(name, text="Your appointment is at eleven.", recipient=first["recipient"])
    if together:
        put(system, [json.dumps(first), json.dumps(other)])
    else:
        system.produce(first)
        system.wait_for([name], "DELIVERED")
        system.produce(other)
    eventually(lambda: system.row(name).get("conflicts") == "1", 20, "the conflict on the row")
    system.wait_for([name], "DELIVERED")
    (sent,) = system.sends(prefix)
    assert sent["body"]["text"]["body"] == "Your appointment is at ten."
    assert json.loads(system.row(name)["body"]) == first
    assert any("other content" in note for note in trail(system, name))


def trail(system: System, name: str) -> list[str]:
    return [note["S"] for note in dict(system.row(name)["trail"]).values()]


# --- The answer of a fallback is lost --------------------------------------------------------------------


@pytest.fixture
def mail(system: System) -> Iterator[MailEvents]:
    """The door to SES; what hears of SES's events is awake."""
    assert system.stack.mail_events is not None
    system.invoke("Feedback", {"Records": []})
    yield system.stack.mail_events
    system.stack.mail_events.reset()


def test_a_mail_whose_answer_is_lost_is_settled_by_its_events(
    system: System, prefix: str, mail: MailEvents
) -> None:
    name, address = f"{prefix}-mail", f"{prefix}@example.com"
    mail.add_fault({"kind": "lost", "count": 1, "match": {"to": address}})
    system.produce(by_fallback(system, name, email=address))
    system.wait_for([name], "EMAILED")
    assert mails_to(system, address) == 1
    assert "doubts" not in system.row(name)
    counted_once(system, "EMAILED", possible=0)


def test_a_mail_of_which_nothing_is_heard_is_repeated_and_counted(
    system: System, prefix: str, mail: MailEvents
) -> None:
    name, address = f"{prefix}-mail", f"{prefix}@example.com"
    mail.settings = Settings(drop={"Send", "Delivery"})
    mail.add_fault({"kind": "lost", "count": 1, "match": {"to": address}})
    system.produce(by_fallback(system, name, email=address))
    system.wait_for([name], "IN_DOUBT")
    system.wait_for([name], "EMAILED")
    assert mails_to(system, address) == 2
    counted_once(system, "EMAILED", possible=1)


def test_a_push_whose_answer_is_lost_is_repeated_under_its_collapse_key(system: System, prefix: str) -> None:
    name = f"{prefix}-push"
    with sns_door(system) as door:
        door.add_fault({"kind": "lost", "count": 1})
        system.produce(by_fallback(system, name, push_endpoint=system.push_endpoint()))
        system.wait_for([name], "PUSHED")
        # Its producer is told on the same door.
        pushes = [
            entry for entry in door.requests if prefix in str(entry["body"]) and "TargetArn=" in entry["body"]
        ]
    assert len(pushes) == 2, "the device gets it again, and shows one"
    assert "doubts" not in system.row(name)
    counted_once(system, "PUSHED", possible=0)


def by_fallback(system: System, name: str, **recipient: str) -> dict[str, Any]:
    """A critical message to somebody whom WhatsApp cannot reach."""
    return system.person(name, to="no number", priority="critical", recipient=recipient)


def counted_once(system: System, status: str, *, possible: int) -> None:
    """The minute's counters say of the one message of this test what an observer saw."""

    def outcomes() -> dict[str, int]:
        return {key: count for key, count in system.counters().items() if key.startswith("o|")}

    wanted = {f"o|{status}|critical|-|-": 1}
    eventually(lambda: outcomes() == wanted, 5, f"{wanted}, but {outcomes()}")
    assert system.counters().get("possible", 0) == possible
    assert system.counters().get("duplicate", 0) == 0


def mails_to(system: System, address: str) -> int:
    """How many mails lie in this box."""
    boxes = requests.get(f"{system.stack.aws_url}/_ministack/ses/messages", timeout=10).json()["messages"]
    return sum(address in json.dumps(mail) for box in boxes.values() for mail in box)


@contextmanager
def sns_door(system: System) -> Iterator[MailEvents]:
    """The sender reaches SNS by a door that can lose answers, as it reaches SES by one anyway."""
    door = MailEvents(system.stack.aws_port, system.stack.client).start()
    where = {"FunctionName": system.out["SenderFunctionName"]}
    before = system.functions.get_function_configuration(**where)["Environment"]["Variables"]
    changed = {"Variables": {**before, "AWS_ENDPOINT_URL_SNS": door.url}}
    system.functions.update_function_configuration(**where, Environment=changed)
    try:
        yield door
    finally:
        system.functions.update_function_configuration(**where, Environment={"Variables": before})
        door.stop()


# --- Nothing stands before a critical message ------------------------------------------------------------


def test_a_critical_message_does_not_wait_behind_the_others(system: System, prefix: str) -> None:
    waits = behind(system, prefix, LINE)
    print(f"\ncritical behind {LINE} normal messages: {', '.join(f'{wait:.2f} s' for wait in waits)}")
    assert statistics.median(waits) < SOON


def behind(system: System, prefix: str, line: int, probes: int = 3) -> list[float]:
    """Seconds from the queue to Meta of critical messages, with ``line`` normal ones on their queue.

    What is left of the line is dropped at the end.
    """
    endpoint = {"push_endpoint": system.push_endpoint()}
    warm_up(system, f"{prefix}-warm")
    with paused(system, "Whatsapp"):  # so that the line is whole
        system.produce(
            *(
                system.person(f"{prefix}-line-{n}", to=f"+49151{20_000_000 + n}", recipient=endpoint)
                for n in range(line)
            )
        )
    eventually(lambda: system.sends(f"{prefix}-line"), 20, "the line moving")
    waits = []
    for number in range(probes):
        name = f"{prefix}-critical-{number}"
        at = time.time()
        system.produce(system.person(name, priority="critical", recipient=endpoint), queue="Critical")
        (sent,) = eventually(partial(system.sends, name), 10, "the critical message at Meta")
        waits.append(sent["time"] - at)
    assert waiting(system) > line / 2, "the line was still there"
    system.sqs.purge_queue(QueueUrl=system.out["WhatsappQueueUrl"])
    return waits


def warm_up(system: System, prefix: str) -> None:
    """Have as many workers run as both queues may have: on a busy machine one takes seconds to start."""
    system.fault("slow", latency_ms=1_500, match={"path": "/messages"})
    ids = [f"{prefix}-{number}" for number in range(120)]
    people = [system.person(name, to=f"+49151{30_000_000 + n}", recipient={}) for n, name in enumerate(ids)]
    system.produce(*people[:60], queue="Critical")
    system.produce(*people[60:])
    system.wait_for(ids, "DELIVERED")
    system.faults_off()


@contextmanager
def paused(system: System, queue: str) -> Iterator[None]:
    """Nothing is taken from a queue for a while."""
    arn = system.sqs.get_queue_attributes(
        QueueUrl=system.out[f"{queue}QueueUrl"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    (mapping,) = system.functions.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    system.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        system.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def waiting(system: System) -> int:
    """Normal messages that are not sent yet: on the queue, or on the agenda."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = system.out["WhatsappQueueUrl"]
    attributes = system.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    on_agenda = system.dynamodb.scan(
        TableName=system.out["MessagesTableName"],
        FilterExpression="attribute_exists(agenda)",
        Select="COUNT",
    )["Count"]
    return sum(map(int, attributes.values())) + int(on_agenda)
