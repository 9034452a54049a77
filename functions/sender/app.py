"""SenderFunction: messages of the entry queues go out, fall back, or wait; wake-ups make it look again."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.contract.names import WAKE_QUEUE
from lifeline.use_cases.deliver import SqsRecord
from lifeline.wiring import make_ready, sender

make_ready(sender.use_case)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Deliver one batch; answers with the records that SQS must bring again."""
    records = [
        SqsRecord(
            id=record["messageId"],
            body=record["body"],
            receive_count=int(record["attributes"]["ApproximateReceiveCount"]),
            wake_up=record["eventSourceARN"].endswith(f"-{WAKE_QUEUE}"),
        )
        for record in event["Records"]
    ]
    failed = sender.use_case()(records, lambda: context.get_remaining_time_in_millis() / 1000)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
