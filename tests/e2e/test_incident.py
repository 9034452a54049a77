"""Three outages, each reported: the figures equal those counted from Meta's record, the mail box, SNS and the
ledger's rows.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import requests
from lifeline.contract.instants import format_instant, parse_instant
from lifeline.domain.panic.probing import slot_of

from tests.support.system import System, eventually

SCOPE = "whatsapp"
NEAR = 1.5
"""Seconds by which two clocks' readings of the same moment may differ on a busy machine."""


def ask(system: System, action: str, **fields: Any) -> dict[str, Any]:
    """One operator action; it must succeed."""
    answer = system.invoke("Operator", {"action": action, **fields})
    assert answer["ok"], answer
    return dict(answer["result"])


def report(system: System, ids: Sequence[str], flag: dict[str, Any]) -> dict[str, Any]:
    """The report once nothing waits any more and the index shows every row."""
    incident = flag["incident_id"]
    strangers = [name for name in ids if system.row(name).get("incident_id") != incident]
    assert not strangers, {name: trail(system, name) for name in strangers}

    def settled() -> dict[str, Any] | None:
        found = ask(system, "incident.report", incident_id=incident)
        whole = found["messages"]["total"] == len(ids) and not found["messages"]["waiting"]
        return found if whole else None

    return eventually(settled, 30, f"a report of {len(ids)} messages with none waiting")


def probe_twice(system: System, flag: dict[str, Any]) -> None:
    """Two probes at once, of slots to come, instead of a wait of half a minute."""
    for ahead in (20, 21):
        body = {"scope": SCOPE, "incident_id": flag["incident_id"], "slot": slot_of(time.time()) + ahead}
        answer = system.invoke(
            "Prober", {"Records": [{"messageId": "m", "receiptHandle": "r", "body": json.dumps(body)}]}
        )
        assert answer == {"batchItemFailures": []}


def disable(system: System) -> None:
    """An operator ends it; what waits leaves at the full rate."""
    ask(system, "panic.disable", scope=SCOPE, reason="it answers again", actor="arn:aws:iam::0:user/ada")
    system.flags_are_read()


def mails_to(system: System, *addresses: str) -> int:
    """How many mails lie in these boxes."""
    boxes = requests.get(f"{system.stack.aws_url}/_ministack/ses/messages", timeout=10).json()["messages"]
    return sum(address in json.dumps(mail) for box in boxes.values() for mail in box for address in addresses)


def trail(system: System, name: str) -> list[tuple[float, str]]:
    """When the row came to which status, from the table itself."""
    moves = [key.partition("_") for key in system.row(name)["trail"]]
    return sorted((int(at) / 1000, status) for at, _, status in moves)


def notes(system: System, name: str) -> list[str]:
    """What the row's trail says, in no order."""
    return [str(note["S"]) for note in system.row(name)["trail"].values()]


def delays(system: System, ids: Sequence[str]) -> list[float]:
    """Seconds from each row's beginning to the push, the mail, or Meta's record of the send."""
    taken = {entry["message_id"]: entry["time"] for entry in system.sends() if entry["accepted"]}
    found = []
    for name in ids:
        began = float(system.row(name)["created_at"])
        reached = [at for at, status in trail(system, name) if status in ("PUSHED", "EMAILED")]
        if reached or name in taken:
            found.append((reached[0] if reached else taken[name]) - began)
    return sorted(found)


def agrees(system: System, found: dict[str, Any], ids: Sequence[str], prefix: str) -> None:
    """What every report has to say the same as the rows, the history and Meta's record."""
    by_status = Counter(system.statuses(ids).values())
    messages = found["messages"]
    assert messages["by_status"] == dict(by_status)
    assert messages["total"] == len(ids)
    assert messages["push"] == by_status["PUSHED"]
    assert messages["email"] == by_status["EMAILED"]
    assert messages["expired"] == by_status["EXPIRED"]
    assert messages["failed"] == by_status["FAILED"]
    taken = [name for name in system.accepted(prefix) if name in ids]
    assert messages["parked_then_sent"] + messages["sent"] == len(taken) == len(set(taken))
    parked = [name for name in ids if "PARKED" in [status for _, status in trail(system, name)]]
    assert found["drain"]["parked"] == len(parked)
    assert messages["parked_then_sent"] == len(set(parked) & set(taken))

    events = [event for event in system.history() if event["incident_id"] == found["incident_id"]]
    kinds = Counter(event["kind"] for event in events)
    by_probe = sum(e["kind"] == "recovering" and e["source"] == "prober" for e in events)
    assert found["probes"]["total"] == kinds["probe_succeeded"] + kinds["probe_failed"] + by_probe
    assert found["probes"]["failed"] == kinds["probe_failed"]
    assert found["flaps"] == kinds["reentered"]
    entered = min(float(e["at"]) for e in events if e["kind"] == "entered")
    left = max(float(e["at"]) for e in events if e["kind"] == "recovering")
    assert parse_instant(found["opened_at"]) == pytest.approx(entered, abs=0.01)
    assert found["duration_seconds"] == pytest.approx(left - entered, abs=0.01)

    counted = delays(system, ids)
    delay = found["delay"]
    assert delay["count"] == len(counted)
    assert delay["worst_seconds"] == pytest.approx(counted[-1], abs=NEAR)
    assert delay["median_seconds"] == pytest.approx(counted[-(-len(counted) // 2) - 1], abs=NEAR)
    sent = [
        entry["time"] for entry in system.sends(prefix) if entry["accepted"] and entry["message_id"] in parked
    ]
    if sent:
        assert found["drain"]["seconds"] == pytest.approx(max(sent) - left, abs=NEAR)


@pytest.fixture
def ops(system: System) -> Iterator[str]:
    """A queue that hears what people are told."""
    topic = system.out["OpsTopicArn"]
    url = system.sqs.create_queue(QueueName="incident-ears")["QueueUrl"]
    arn = system.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
            }
        ],
    }
    system.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    subscribed = system.sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
    )
    yield url
    system.sns.unsubscribe(SubscriptionArn=subscribed["SubscriptionArn"])
    system.sqs.delete_queue(QueueUrl=url)


def heard(system: System, url: str) -> list[dict[str, Any]]:
    """The notices on that queue."""
    answer = system.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(json.loads(item["Body"])["Message"]) for item in answer.get("Messages", [])]


def test_a_short_outage(system: System, ops: str) -> None:
    prefix = system.fresh()
    pushed = [f"{prefix}-push-{n}" for n in range(4)]
    mailed = [f"{prefix}-mail-{n}" for n in range(2)]
    waiting = [f"{prefix}-wait-{n}" for n in range(2)]
    late = [f"{prefix}-late-{n}" for n in range(2)]
    ids = [*pushed, *mailed, *waiting, *late]
    system.fault("server_error")
    system.produce(
        *(
            system.person(name, to=f"+4915112380{n:03d}", category="appointment")
            for n, name in enumerate(pushed)
        ),
        *(
            system.person(
                name,
                to=f"+4915112381{n:03d}",
                priority="critical",
                recipient={"email": f"{name}@example.org"},
            )
            for n, name in enumerate(mailed)
        ),
        *(system.person(name, to=f"+4915112382{n:03d}", recipient={}) for n, name in enumerate(waiting)),
    )
    flag = system.panics("unreachable", within=30)
    system.flags_are_read()
    # Two messages to one person who has nothing but WhatsApp; they are of use for some seconds only.
    soon = format_instant(time.time() + 3)
    system.produce(*(system.person(n, to="+4915112383000", recipient={}, expires_at=soon) for n in late))
    system.wait_for(pushed, "PUSHED")
    system.wait_for(mailed, "EMAILED")
    system.wait_for(waiting, "PARKED")
    eventually(lambda: time.time() > parse_instant(soon) + 0.5, 10, "the time of the late ones has passed")
    system.faults_off()
    probe_twice(system, flag)
    system.recovers()
    system.wait_for(waiting, "DELIVERED", within=60)
    system.wait_for(late, "EXPIRED", within=60)

    found = report(system, ids, flag)
    agrees(system, found, ids, prefix)
    assert found["messages"]["email"] == mails_to(system, *(f"{name}@example.org" for name in mailed))
    assert found["people"] == {"affected": 9, "reached": 8, "waiting": 0, "not_reached": 1}
    assert found["opened"]["source"] == "sender"
    assert found["closed"]["source"] == "prober"
    first = min(entry["time"] for entry in system.sends(prefix) if not entry["accepted"])
    assert found["detection_seconds"] == pytest.approx(float(flag["since"]) - first, abs=NEAR)
    assert {(row["category"], row["during"]) for row in found["traffic"]["rows"]} == {
        ("appointment", 4),
        ("-", 6),
    }
    failures = sum(row["count"] for row in found["failures"] if row["cause"] == "unreachable")
    assert failures == sum(not entry["accepted"] for entry in system.sends(prefix))
    assert found["fallback"] == {"tried": {"email": 2, "push": 4}, "failed": 0, "failures": []}

    # People are told by themselves once nothing waits: by the drainer's minute.
    def told() -> dict[str, Any] | None:
        system.invoke("Drainer", {"source": "lifeline.minute"})
        return next((notice for notice in heard(system, ops) if notice.get("event") == "summary"), None)

    summary = eventually(told, 30, "a summary on the ops topic")
    assert summary["incident_id"] == found["incident_id"]
    assert summary["messages"] == found["messages"]
    assert summary["post_mortem"]["needed"], "one person was not reached"


def test_a_flapping_outage(system: System) -> None:
    prefix = system.fresh()
    first = [f"{prefix}-a-{n}" for n in range(6)]
    second = [f"{prefix}-b-{n}" for n in range(6)]
    system.fault("unreachable")
    system.produce(*(system.person(name, to=f"+4915112384{n:03d}") for n, name in enumerate(first)))
    flag = system.panics("unreachable", within=30)
    system.wait_for(first, "PUSHED")
    disable(system)
    # Within the settle time: the same incident goes on.
    system.produce(
        *(system.person(name, to=f"+4915112385{n:03d}", recipient={}) for n, name in enumerate(second))
    )
    again = system.panics("unreachable", within=30)
    assert again["incident_id"] == flag["incident_id"]
    system.wait_for(second, "PARKED")
    system.faults_off()
    disable(system)
    system.wait_for(second, "DELIVERED", within=60)

    found = report(system, [*first, *second], flag)
    agrees(system, found, [*first, *second], prefix)
    assert found["flaps"] == 1
    assert found["closed"]["actor"] == "arn:aws:iam::0:user/ada (unverified)"
    assert found["panic_seconds"] < found["duration_seconds"]
    assert found["people"]["not_reached"] == 0
    assert not found["post_mortem"]["needed"]
    listed = ask(system, "incident.list", scope=SCOPE)["incidents"]
    assert [(line["incident_id"], line["flaps"]) for line in listed] == [(flag["incident_id"], 1)]


def test_an_outage_with_failing_email(system: System) -> None:
    prefix = system.fresh()
    later = [f"{prefix}-later-{n}" for n in range(3)]
    lost = [f"{prefix}-lost-{n}" for n in range(2)]
    ids = [*later, *lost]
    ses = system.stack.client("sesv2")
    identity = ses.list_email_identities()["EmailIdentities"][0]["IdentityName"]
    ask(
        system,
        "panic.enable",
        scope=SCOPE,
        reason="planned work at Meta",
        actor="arn:aws:iam::0:user/ada",
        hold=True,
    )
    system.flags_are_read()
    flag = system.flag()
    ses.delete_email_identity(EmailIdentity=identity)
    try:
        system.produce(
            *(
                system.person(
                    name,
                    to=f"+4915112386{n:03d}",
                    priority="critical",
                    recipient={"email": f"{name}@example.org"},
                )
                for n, name in enumerate(later)
            ),
            # No WhatsApp number: mail is their only way.
            *(
                system.person(
                    name, to="not a number", priority="critical", recipient={"email": f"{name}@example.org"}
                )
                for name in lost
            ),
        )
        system.wait_for(later, "PARKED")
        system.wait_for(lost, "FAILED")
        disable(system)
        system.wait_for(later, "DELIVERED", within=60)
    finally:
        ses.create_email_identity(EmailIdentity=identity)

    found = report(system, ids, flag)
    agrees(system, found, ids, prefix)
    assert mails_to(system, *(f"{name}@example.org" for name in ids)) == 0
    # Who is released while a worker still remembers panic tries the mail once more: the rows tell.
    refused = sum(note.count("email MessageRejected") for name in ids for note in notes(system, name))
    assert refused >= 5
    assert found["fallback"] == {
        "tried": {"email": refused},
        "failed": refused,
        "failures": [{"way": "email", "code": "MessageRejected", "count": refused}],
    }
    assert found["detection_seconds"] is None, "nothing failed before somebody entered panic"
    assert found["post_mortem"]["needed"]
    assert found["people"]["not_reached"] == 1, "both went to the same place that is no number"
    asked = {item["text"]: item["done"] for item in found["checklist"]}
    assert asked["Write a post-mortem if a fallback failed"] is False
