"""The webhook's address on the deployed system: what Meta and others may post, and what it leads to."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.meta import change, failed, inbound, post, status, statuses
from tests.support.shell import Shell
from tests.support.system import System, eventually

ANSWER_WITHIN = 10
"""Seconds after which senders of webhooks give up; Meta names no number, and asks for a median of 250 ms."""
WRONG = "sha256=" + "0" * 64


def of_send(system: System, name: str) -> dict[str, Any]:
    """What Meta's statuses say of which send they are about: its act and its wamid."""
    row = system.row(name)
    return {"act": int(row["act"]), "wamid": row["wamid"]}


def test_the_handshake(system: System) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "local-verify-token"}
    answer = system.handshake(query)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    assert system.handshake({**query, "hub.verify_token": "guess"}).status_code == 403


def test_a_wrong_signature_does_nothing(system: System) -> None:
    prefix = system.fresh()
    system.produce(system.person(f"{prefix}-a"))
    system.wait_for([f"{prefix}-a"], "DELIVERED")
    raw = post(statuses([status(f"{prefix}-a", "read", **of_send(system, f"{prefix}-a"))]))
    for signature in (WRONG, "", "nonsense"):
        assert system.webhook(raw, signature).status_code == 401
    assert system.row(f"{prefix}-a")["status"] == "DELIVERED"
    system.webhooks_are_taken()
    assert system.row(f"{prefix}-a")["status"] == "DELIVERED"
    assert system.webhook(raw).status_code == 200
    system.wait_for([f"{prefix}-a"], "READ")


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[]", b'{"object": "whatsapp_business_account", "entry": [{"ch']
)
def test_truncated_and_foreign_bodies_never_crash(system: System, raw: bytes) -> None:
    assert system.webhook(raw).status_code in (200, 400)
    assert system.webhook(raw, WRONG).status_code == 401


def test_unknown_fields_and_unknown_messages_are_taken(system: System) -> None:
    raw = post(
        change("brand_new_field", {"a": [1, {"b": None}]}),
        change("messages", {"statuses": [{"status": "sent"}, {"id": 5}, None]}),
        statuses([status("nobody-knows-this", "delivered", surprise={"x": 1})]),
    )
    for _ in range(2):
        assert system.webhook(raw).status_code == 200


def test_duplicates_and_any_order_end_well(system: System) -> None:
    prefix = system.fresh()
    system.control_settings(webhook_duplicates=1.0, webhook_shuffle=True, webhook_read=True)
    ids = [f"{prefix}-{index}" for index in range(40)]
    system.produce(*(system.person(name, to=f"+4915112345{600 + i}") for i, name in enumerate(ids)))
    system.wait_for(ids, "READ")
    assert sorted(system.accepted(prefix)) == sorted(ids)


def test_a_thousand_updates_in_one_post_each_twice_and_shuffled(system: System) -> None:
    prefix = system.fresh()
    ids = [f"{prefix}-{index}" for index in range(200)]
    system.fault("silent")  # Meta's own webhooks would only repeat what is posted here
    system.produce(*(system.person(name, to=f"+4915112340{100 + i}") for i, name in enumerate(ids)))
    system.wait_for(ids, "SENT", within=60)
    lost = ids[::10]
    sends = {name: of_send(system, name) for name in ids}
    entries = [failed(name, 131026, **sends[name]) for name in lost]
    entries += [
        status(name, word, note="x" * 2500, **sends[name])
        for name in ids
        if name not in lost
        for word in ("sent", "read")
    ]
    entries = (entries * 3)[:1000]
    assert len(entries) == 1000
    for seed in (1, 2):
        random.Random(seed).shuffle(entries)
        raw = post(statuses(entries))
        assert 2_000_000 < len(raw) < 3_145_728
        answer = system.webhook(raw)
        assert answer.status_code == 200
        assert answer.elapsed.total_seconds() < ANSWER_WITHIN
    system.webhooks_are_taken()
    system.wait_for(lost, "PUSHED")
    system.wait_for([name for name in ids if name not in lost], "READ")
    assert sorted(system.accepted(prefix)) == sorted(ids), "WhatsApp was asked once for each"


def test_a_failed_status_takes_the_fallback_once(system: System) -> None:
    prefix = system.fresh()
    system.fault("undelivered", match={"to": "4915112349999"})
    system.control_settings(webhook_duplicates=1.0)
    lost, fine = f"{prefix}-lost", f"{prefix}-fine"
    system.produce(system.person(lost, to="+4915112349999"), system.person(fine))
    system.wait_for([lost], "PUSHED")
    system.wait_for([fine], "DELIVERED")
    trail = list(json.loads(json.dumps(system.row(lost)["trail"])))
    assert sum(key.endswith("_PUSHED") for key in trail) == 1
    assert sorted(system.accepted(prefix)) == sorted([lost, fine])
    assert system.flag()["state"] == "normal"
    assert system.counters()["e|undeliverable|131026"] == 1


def test_held_for_quality_is_neither_sent_nor_failed_until_meta_says_so(system: System) -> None:
    prefix = system.fresh()
    name = f"{prefix}-held"
    system.fault("held")
    system.produce(
        system.person(
            name, type="template", template={"name": "promo_offer", "language": "en_US", "parameters": ["1"]}
        )
    )
    system.wait_for([name], "HELD")
    raw = post(statuses([failed(name, 132015, **of_send(system, name))]))
    assert system.webhook(raw).status_code == 200
    system.wait_for([name], "PUSHED")
    assert system.accepted(prefix) == [name]
    assert system.flag()["state"] == "normal"
    system.panics("template_rejected", "whatsapp/template/promo_offer")


def test_a_lost_answer_is_settled_by_the_webhook(system: System) -> None:
    prefix = system.fresh()
    ids = [f"{prefix}-{index}" for index in range(4)]
    system.fault("ambiguous", count=4)
    system.produce(*(system.person(name) for name in ids))
    system.wait_for(ids, "DELIVERED")
    assert sorted(system.accepted(prefix)) == sorted(ids), "nothing is sent a second time"
    assert system.flag()["state"] == "normal"


def test_an_account_restriction_panics_and_clean_health_ends_it(system: System) -> None:
    system.fresh()
    value = {
        "event": "ACCOUNT_RESTRICTION",
        "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING"}],
    }
    for _ in range(2):
        assert system.webhook(post(change("account_update", value))).status_code == 200
    flag = system.panics("account")
    assert flag["source"] == "webhook"
    assert [event["kind"] for event in system.history()].count("entered") == 1
    system.recovers()


def test_what_people_write_is_taken(system: System) -> None:
    system.fresh()
    message = {"from": "491700000001", "id": "wamid.in", "type": "text", "text": {"body": "thank you"}}
    assert system.webhook(post(inbound(message))).status_code == 200


def test_a_status_of_a_send_that_was_never_made_changes_nothing(system: System) -> None:
    prefix = system.fresh()
    name = f"{prefix}-a"
    system.fault("silent")
    system.produce(system.person(name))
    system.wait_for([name], "SENT")
    before = system.row(name)
    made_up = [
        status(name, "read", act=2, wamid=before["wamid"]),
        status(name, "read", wamid="wamid.of-somebody-else"),
        failed(name, 131026, act=7, wamid=before["wamid"]),
    ]
    assert system.webhook(post(statuses(made_up))).status_code == 200
    system.webhooks_are_taken()
    assert system.row(name) == before


def test_meta_keeps_what_could_not_be_queued(system: System) -> None:
    """While the queue takes nothing, Meta is asked to come again."""
    prefix = system.fresh()
    name, raw = sent_and_its_report(system, prefix)
    with refused(system, "Webhook", "sqs:*", "*"):
        assert system.webhook(raw).status_code == 503
    system.webhooks_are_taken()
    assert system.row(name)["status"] == "SENT"
    eventually(lambda: system.webhook(raw).status_code == 200, 5, "the repetition is taken")
    system.wait_for([name], "DELIVERED")


def test_the_queue_keeps_what_could_not_be_handled(system: System) -> None:
    """While the ledger does not answer, Meta's posts are answered and wait."""
    prefix = system.fresh()
    name, raw = sent_and_its_report(system, prefix)
    with refused(system, "WebhookEvents", "dynamodb:*", f"*/{system.out['MessagesTableName']}*"):
        assert system.webhook(raw).status_code == 200
        eventually(lambda: reported(system) >= 1, 10, "the worker has met the refusal")
        assert system.row(name)["status"] == "SENT"
    system.wait_for([name], "DELIVERED", within=60)
    system.webhooks_are_taken()


def test_a_webhook_that_fails_by_an_error_of_ours_is_a_dead_letter_that_can_be_sent_again(
    system: System,
) -> None:
    prefix = system.fresh()
    name, raw = sent_and_its_report(system, prefix)
    system.sqs.send_message(QueueUrl=system.out["WebhookDlqUrl"], MessageBody=raw.decode())
    broken = {"Records": [{"messageId": "m", "body": "{ this is no JSON"}]}
    assert system.invoke("WebhookEvents", broken) == {"batchItemFailures": []}
    lifeline = Shell(system)
    seen = lifeline.answer("queue", "redrive", "--queue", "webhook-dlq", "--dry-run")
    assert (seen["waiting"], seen["to"]) == (2, "webhook-queue")
    assert "UnreadableError" in str(seen["reasons"]), seen
    assert lifeline.answer("queue", "redrive", "--queue", "webhook-dlq", "--yes")["moved"] == 2
    system.wait_for([name], "DELIVERED")


def sent_and_its_report(system: System, prefix: str) -> tuple[str, bytes]:
    """A message that Meta took, and the POST that it is delivered."""
    name = f"{prefix}-a"
    system.fault("silent")
    system.produce(system.person(name))
    system.wait_for([name], "SENT")
    return name, post(statuses([status(name, "delivered", **of_send(system, name))]))


def reported(system: System) -> int:
    """Bodies that are hidden: a worker has them, or has said that they must come again."""
    answer = system.sqs.get_queue_attributes(
        QueueUrl=system.out["WebhookQueueUrl"], AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"])


@contextmanager
def refused(system: System, function: str, action: str, resource: str) -> Iterator[None]:
    """A function's role may not do something for a while."""
    iam = system.stack.client("iam")
    where = system.out[f"{function}FunctionName"]
    role = system.functions.get_function(FunctionName=where)["Configuration"]["Role"].rpartition("/")[2]
    denied = {"Effect": "Deny", "Action": action, "Resource": resource}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam.put_role_policy(RoleName=role, PolicyName="outage", PolicyDocument=policy)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="outage")
