"""A sample of the hostile inputs of ``tests/security`` against the deployed system, IAM enforced."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError
from lifeline.contract.names import REASON_ATTRIBUTE

from tests.support.hostile_messages import ATTRIBUTES, CASES
from tests.support.hostile_requests import CASES as REQUESTS
from tests.support.hostile_requests import asked
from tests.support.hostile_webhooks import DOOR, OTHER_NUMBER, OTHER_WABA, RESTRICTED
from tests.support.meta import change, failed, inbound, post, status, statuses, template_update
from tests.support.system import System, eventually

PRODUCED: Final = [
    "half a character in id",
    "escape in text",
    "C1 in parameter",
    "half a character in component's key",
    "no character in user_id",
    "null",
    "cut off",
    "20,000 open brackets",
    "900 objects",
    "5,000 digits",
    "NaN",
    "70 KB",
    "5,000 unknown fields",
    "a wake-up",
    "id lifeline:probe",
    "field slot",
    "a line break in a value",
    "an empty value",
    "five spaces in a component",
    "Arabic digits",
    "headers in an address",
    "a web address as endpoint",
]
ASKED: Final = [
    "null",
    "an event of SQS",
    "C1 in a reason",
    "300 KB of reason",
    "900 levels",
    "a message for Lifeline",
    "a redrive of an address",
]
AT_THE_DOOR: Final = [
    "no signature",
    "a signature by an empty secret",
    "a signature by another secret",
    "nothing, signed",
    "20,000 brackets, signed",
    "another object, signed",
    "entries of other types, signed",
]
STRANGE: Final[dict[str, tuple[dict[str, Any], str | None]]] = {
    "a restriction of another account": (change("account_update", RESTRICTED), OTHER_WABA),
    "a template of another account": (template_update("order_update", "PAUSED"), OTHER_WABA),
    "a token error of another account": (change("messages", {"errors": [{"code": 190}]}), OTHER_WABA),
    "an inbound message of another number": (
        inbound(
            {"from": "49170", "id": "wamid.x", "type": "text", "text": {"body": "x"}}, number=OTHER_NUMBER
        ),
        None,
    ),
}
"""Signed by Meta, and not ours: the change and its account, ours where it is none."""


def canary(system: System, name: str) -> dict[str, Any]:
    return system.person(name, priority="critical", expires_at="2099-01-01T00:00:00Z")


def dead_letters(system: System, wanted: int) -> list[str]:
    """Take ``wanted`` reasons from the dead-letter queue."""
    url, reasons = system.out["WhatsappDlqUrl"], list[str]()

    def take() -> bool:
        answer = system.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        for item in answer.get("Messages", []):
            reasons.append(item["MessageAttributes"][REASON_ATTRIBUTE]["StringValue"])
            system.sqs.delete_message(QueueUrl=url, ReceiptHandle=item["ReceiptHandle"])
        return len(reasons) >= wanted

    eventually(take, 30, f"{wanted} dead letters")
    return reasons


def put(system: System, *bodies: str, attributes: Mapping[str, str] | None = None) -> None:
    """One batch on the queue for critical messages, within SQS's bounds."""
    given = {
        name: {"DataType": "String", "StringValue": value}
        for name, value in (attributes or {}).items()
        if value.isprintable()
    }
    for index, body in enumerate(bodies):
        system.sqs.send_message(
            QueueUrl=system.out["CriticalQueueUrl"], MessageBody=body, MessageAttributes=given
        )
        assert index < 10


@pytest.mark.parametrize("panic", [False, True], ids=["health", "panic"])
def test_hostile_messages_end_on_the_dead_letter_queue_and_every_canary_arrives_once(
    system: System, panic: bool
) -> None:
    prefix = system.fresh()
    if panic:
        request = {
            "action": "panic.enable",
            "scope": "whatsapp",
            "reason": "test",
            "actor": "test",
            "hold": True,
        }
        assert system.invoke("Operator", request)["ok"]
        system.flags_are_read()
    cases = {case.name: case for case in CASES}
    canaries = []
    for start in range(0, len(PRODUCED), 5):
        canaries.append(f"{prefix}-canary-{start}")
        bodies = [cases[name].body for name in PRODUCED[start : start + 5]]
        put(system, *bodies, json.dumps(canary(system, canaries[-1])))
    for name, attributes in ATTRIBUTES.items():
        canaries.append(f"{prefix}-{name.replace(' ', '-').replace(',', '')}")
        put(system, json.dumps(canary(system, canaries[-1])), attributes=attributes)
    system.wait_for(canaries, "PUSHED" if panic else "DELIVERED")
    reasons = dead_letters(system, len(PRODUCED))
    assert len(reasons) == len(PRODUCED)
    for name in PRODUCED:
        assert any(cases[name].dead in reason for reason in reasons), name
    assert sorted(system.accepted(prefix)) == ([] if panic else sorted(canaries))
    assert {system.row(name)["act"] for name in canaries} == {"1"}
    assert system.flag()["state"] == ("panic" if panic else "normal")


def test_what_is_not_ours_or_not_signed_changes_nothing_and_a_good_status_beside_it_does(
    system: System,
) -> None:
    prefix = system.fresh()
    names = [f"{prefix}-{number}" for number in range(2)]
    system.fault("silent")  # Meta's own webhooks would settle what is posted here
    system.produce(*(system.person(name) for name in names))
    system.wait_for(names, "SENT")
    sends = {name: {"act": 1, "wamid": system.row(name)["wamid"]} for name in names}
    stays, moves = names
    before = system.row(stays)
    for name in AT_THE_DOOR:
        raw, signature, answer = DOOR[name]
        given = None if signature is None else signature.encode("ascii", "replace").decode()
        assert system.webhook(raw, given).status_code == answer, name
    hostile = [
        (statuses([status(stays, "read", **sends[stays])], OTHER_NUMBER), None),
        (statuses([failed(stays, 131031, **sends[stays])]), OTHER_WABA),
        *STRANGE.values(),
        (statuses([status(stays, "read", act=2), status(stays, "read", wamid="wamid.other")]), None),
    ]
    for found, waba in hostile:
        raw = post(found) if waba is None else post(found, waba=waba)
        for _ in range(2):
            assert system.webhook(raw).status_code == 200
    system.webhooks_are_taken()
    assert system.row(stays) == before
    assert system.flag()["state"] == "normal"
    assert system.flag("whatsapp/template/order_update")["state"] == "normal"
    mixed = json.loads(post(statuses([status(stays, "read", **sends[stays])]), waba=OTHER_WABA))
    mixed["entry"] += json.loads(post(statuses([status(moves, "read", **sends[moves])])))["entry"]
    assert system.webhook(json.dumps(mixed).encode()).status_code == 200
    system.wait_for([moves], "READ")
    assert system.row(stays) == before
    assert sorted(system.accepted(prefix)) == sorted(names)


def test_hostile_requests_are_refused_with_their_reason(system: System) -> None:
    prefix = system.fresh()
    for name in ASKED:
        request, code, fragment = REQUESTS[name]
        answer = system.invoke("Operator", asked(request))
        assert not answer["ok"], name
        assert answer["error"]["code"] == code
        assert fragment in answer["error"]["message"]
    body = canary(system, f"{prefix}-canary")
    assert system.invoke("Operator", asked({"action": "message.send", "message": body}))["ok"]
    system.wait_for([body["id"]], "DELIVERED")
    assert system.accepted(prefix) == [body["id"]]


def test_a_producers_role_cannot_send_to_lifelines_own_queues(system: System) -> None:
    """The role may do everything with every queue; the queue's own policy refuses it."""
    prefix = system.fresh()
    producer = of_role(system)
    for output in ("WakeQueueUrl", "VoiceQueueUrl"):
        for body in ("forged", f"{prefix}-canary", json.dumps({"kind": "speech", "id": "x"})):
            with pytest.raises(ClientError, match="AccessDenied"):
                producer.send_message(QueueUrl=system.out[output], MessageBody=body)
    good = canary(system, f"{prefix}-canary")
    producer.send_message(QueueUrl=system.out["CriticalQueueUrl"], MessageBody=json.dumps(good))
    system.wait_for([good["id"]], "DELIVERED")
    assert system.accepted(prefix) == [good["id"]]


def of_role(system: System) -> Any:
    """SQS as somebody who has assumed a producer's role."""
    iam, sts = system.stack.client("iam"), system.stack.client("sts")
    name = f"producer-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    arn = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    allow = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    iam.put_role_policy(
        RoleName=name,
        PolicyName="queues",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    given = sts.assume_role(RoleArn=arn, RoleSessionName="producer")["Credentials"]
    return system.stack.client(
        "sqs",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
