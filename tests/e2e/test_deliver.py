"""Delivery on the deployed system: bad input ends where it should, one id is sent once, nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from typing import Any

import pytest

from tests.support.system import System, eventually


def put_raw(system: System, *bodies: str) -> None:
    for body in bodies:
        system.sqs.send_message(QueueUrl=system.out["WhatsappQueueUrl"], MessageBody=body)


def dead_letters(system: System) -> list[tuple[str, str]]:
    """Body and reason of everything on the dead-letter queue; each is taken away."""
    found: list[tuple[str, str]] = []
    url = system.out["WhatsappDlqUrl"]
    while True:
        answer = system.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=0
        )
        if not answer.get("Messages"):
            return found
        for item in answer["Messages"]:
            reason = item.get("MessageAttributes", {}).get("lifeline_reason", {}).get("StringValue", "")
            found.append((item["Body"], reason))
            system.sqs.delete_message(QueueUrl=url, ReceiptHandle=item["ReceiptHandle"])


def test_bad_input_ends_where_it_should_and_never_holds_up_its_batch(system: System) -> None:
    prefix = system.fresh()
    good = [f"{prefix}-good-{n}" for n in range(5)]
    bad: dict[str, str] = {
        "not valid JSON": "{ this is no JSON",
        "message.to: is required": json.dumps({"id": f"{prefix}-a", "type": "text", "text": "x"}),
        "bytes, at most": json.dumps(
            {"id": f"{prefix}-b", "to": "+49", "type": "text", "text": "x" * 300_000}
        ),
        "message.type: must be one of": json.dumps(
            {"id": f"{prefix}-c", "to": "+4915112345678", "type": "fax"}
        ),
    }
    expired = f"{prefix}-expired"
    nobody = f"{prefix}-no-number"
    system.produce(*[system.person(name) for name in good[:2]])
    put_raw(system, *bad.values())
    system.produce(
        system.person(expired, expires_at="2020-01-01T00:00:00Z"),
        system.person(nobody, to="not a number"),
        *[system.person(name) for name in good[2:]],
    )
    system.wait_for(good, "DELIVERED")
    system.wait_for([expired], "EXPIRED")
    system.wait_for([nobody], "PUSHED")
    letters: list[tuple[str, str]] = []

    def all_there() -> bool:
        letters.extend(dead_letters(system))
        return len(letters) >= len(bad)

    eventually(all_there, 20, "the broken messages on the dead-letter queue")
    reasons = dict(letters)
    for reason, body in bad.items():
        assert reason in reasons[body], (reason, reasons[body])
    assert sorted(system.accepted(prefix)) == sorted(good)


def test_one_id_is_sent_once_however_often_it_comes(system: System) -> None:
    prefix = system.fresh()
    twice, later = f"{prefix}-twice", f"{prefix}-later"
    message = system.person(twice)
    system.produce(message, message, message)
    system.produce(message)
    system.produce(system.person(later))
    system.wait_for([twice, later], "DELIVERED")
    system.produce(message, system.person(later))
    marker = f"{prefix}-marker"
    system.produce(system.person(marker))
    system.wait_for([marker], "DELIVERED")
    assert Counter(system.accepted(prefix)) == {twice: 1, later: 1, marker: 1}


def test_a_template_and_a_text_reach_meta_as_they_should(system: System) -> None:
    prefix = system.fresh()
    template: dict[str, Any] = system.person(
        f"{prefix}-t",
        type="template",
        template={"name": "appointment_reminder", "language": "en-US", "parameters": ["Ana", 9, "Monday"]},
    )
    system.produce(template, system.person(f"{prefix}-x", to="0151 12345678"))
    system.wait_for([f"{prefix}-t", f"{prefix}-x"], "DELIVERED")
    bodies = {entry["message_id"]: entry["body"] for entry in system.sends(prefix)}
    sent = bodies[f"{prefix}-t"]["template"]
    assert sent["language"] == {"code": "en_US"}
    assert [item["text"] for item in sent["components"][0]["parameters"]] == ["Ana", "9", "Monday"]
    assert bodies[f"{prefix}-x"]["to"] == "4915112345678"


@pytest.mark.timeout(480)
def test_a_killed_worker_loses_nothing_and_the_drain_goes_on(system: System) -> None:
    prefix = system.fresh()
    system.fault("unreachable")
    ids = [f"{prefix}-{n:02d}" for n in range(30)]
    messages = [system.person(name, priority="normal") for name in ids]
    for message in messages:
        message["recipient"] = {}
    system.produce(*messages)
    system.panics("unreachable")
    system.wait_for(ids, "PARKED", within=60)
    system.faults_off()
    system.recovers()
    eventually(lambda: len(system.accepted(prefix)) >= 3, 90, "the drain under way")
    killed = kill_workers(system, "drainer") + kill_workers(system, "sender")
    assert killed, "there was no worker to kill"
    # A killed sender's batch comes back after its visibility timeout, in doubt, and is settled by webhooks.
    system.wait_for(ids, "DELIVERED", within=260)
    assert set(system.accepted(prefix)) == set(ids)
    doubled = {name: count for name, count in Counter(system.accepted(prefix)).items() if count > 1}
    resent = {name for name in doubled if int(float(system.row(name).get("resends", 0))) >= 1}
    assert set(doubled) == resent, "what was sent twice must be counted as sent again"


def kill_workers(system: System, function: str) -> int:
    """End the processes of one function without warning, as an outage of its host would."""
    listed = subprocess.run(
        ["ps", "-eww", "-o", "pid=,args="], capture_output=True, text=True, check=True
    ).stdout
    killed = 0
    for line in listed.splitlines():
        pid, _, command = line.strip().partition(" ")
        if f"ministack-lambda-{system.stack.name}-{function}-" in command:
            os.kill(int(pid), signal.SIGKILL)
            killed += 1
    return killed
