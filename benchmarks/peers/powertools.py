"""The usual Lambda handler: Powertools' batch processor, one message after the other, requests and boto3."""

from __future__ import annotations

import json

import boto3
import requests
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from common import STUB, TEXT, TO, TOKEN, claim, outcome, payload, serve

BATCH = 10
"""Records of an event: what SQS gives without a batching window."""

processor = BatchProcessor(event_type=EventType.SQS)
dynamodb = boto3.client("dynamodb")
session = requests.Session()
session.trust_env = False


def one(record: SQSRecord) -> None:
    """Claim, send, record."""
    name = record.json_body["id"]
    dynamodb.put_item(**claim(name))
    answer = session.post(
        f"{STUB}/v23.0/1/messages",
        json=payload(),
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=10,
    )
    answer.raise_for_status()
    dynamodb.update_item(**outcome(name, answer.json()["messages"][0]["id"]))


def handler(event: dict[str, object], context: object) -> object:
    """As its documentation has it."""
    return process_partial_response(event=event, record_handler=one, processor=processor, context=None)


def work(ids: list[str]) -> None:
    """All of them, event after event."""
    for start in range(0, len(ids), BATCH):
        records = [
            {
                "messageId": name,
                "body": json.dumps({"id": name, "to": TO, "type": "text", "text": TEXT}),
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:queue",
            }
            for name in ids[start : start + BATCH]
        ]
        answer = handler({"Records": records}, None)
        if answer != {"batchItemFailures": []}:
            raise SystemExit(f"messages came back; the figures would mean nothing: {answer}")


if __name__ == "__main__":
    serve(work)
