"""Who may put what on which queue: producers reach Lifeline by the entry queues alone."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.system import System

INTERNAL = ("WakeQueueUrl", "VoiceQueueUrl")
ENTRY = ("CriticalQueueUrl", "WhatsappQueueUrl", "BulkQueueUrl")


@pytest.fixture(scope="module")
def producer(system: System) -> Any:
    """SQS for somebody of the account whose own policy allows everything on every queue."""
    iam = system.stack.client("iam")
    name = f"producer-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    iam.put_user_policy(
        UserName=name,
        PolicyName="everything",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return system.stack.client(
        "sqs", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )


@pytest.mark.parametrize("output", INTERNAL)
def test_nobody_from_outside_reaches_an_internal_queue(system: System, producer: Any, output: str) -> None:
    url = system.out[output]
    for client in (producer, system.sqs):  # the account's root as well
        with pytest.raises(ClientError, match="AccessDenied"):
            client.send_message(QueueUrl=url, MessageBody="forged")
        with pytest.raises(ClientError, match="AccessDenied"):
            client.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "forged"}])


@pytest.mark.parametrize("output", ENTRY)
def test_every_entry_queue_takes_messages_and_delivers_them(
    system: System, producer: Any, output: str
) -> None:
    prefix = system.fresh()
    body = {
        "id": f"{prefix}:1",
        "to": "+4915112345678",
        "type": "text",
        "text": "We have received your order.",
    }
    producer.send_message(QueueUrl=system.out[output], MessageBody=json.dumps(body))
    system.wait_for([f"{prefix}:1"], "DELIVERED")
    assert system.accepted(prefix) == [f"{prefix}:1"]
