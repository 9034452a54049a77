"""The usual handler whose cost stands beside Lifeline's: Powertools' batch and idempotency utilities, a table
for the latter, and a log line a message. One message after the other, events of ten.
"""

from __future__ import annotations

import json
from typing import Any

import requests
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from common import STUB, TABLE, TEXT, TO, TOKEN, payload, serve

BATCH = 10
"""Records of an event: what SQS gives without a batching window."""

processor = BatchProcessor(event_type=EventType.SQS)
logger = Logger(service="usual")
session = requests.Session()
session.trust_env = False


config = IdempotencyConfig(event_key_jmespath="id")


class Context:
    """As Lambda gives it."""

    def get_remaining_time_in_millis(self) -> int:
        """Always the whole of it."""
        return 50_000


@idempotent_function(
    data_keyword_argument="message",
    persistence_store=DynamoDBPersistenceLayer(table_name=TABLE),
    config=config,
)
def send(message: dict[str, Any]) -> dict[str, str]:
    """Once for each id."""
    answer = session.post(
        f"{STUB}/v23.0/1/messages",
        json=payload(),
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=10,
    )
    answer.raise_for_status()
    wamid = answer.json()["messages"][0]["id"]
    logger.info("sent", extra={"id": message["id"], "wamid": wamid})
    return {"wamid": wamid}


def one(record: SQSRecord) -> None:
    """One record of the event."""
    send(message=record.json_body)


def work(ids: list[str]) -> None:
    """All of them, event after event."""
    config.register_lambda_context(Context())  # type: ignore[arg-type]  # what the utility asks of it
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
        process_partial_response(
            event={"Records": records}, record_handler=one, processor=processor, context=None
        )


if __name__ == "__main__":
    serve(work)
