"""SenderFunction: messages from ``whatsapp-queue`` go out, fall back, or wait."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes import SQSEvent
from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline import wiring
from lifeline.contract import ATTRIBUTE, read_note
from lifeline.use_cases.deliver import Record


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Deliver one batch; answers with the records that SQS must bring again."""
    records = []
    for record in SQSEvent(event).records:
        attribute = record.message_attributes[ATTRIBUTE]  # None where there is none
        records.append(
            Record(
                id=record.message_id,
                body=record.body,
                note=read_note(attribute.string_value if attribute else None),
                receive_count=int(record.attributes.approximate_receive_count),
            )
        )
    failed = wiring.sender()(records, lambda: context.get_remaining_time_in_millis() / 1000)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
