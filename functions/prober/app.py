"""ProberFunction: the minute's schedule queues probes; ``probe-queue`` runs them, 15 seconds apart."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes import SQSEvent
from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline import wiring


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run the probes of an SQS batch, or do the minute's work for anything else."""
    probe = wiring.prober()
    if "Records" not in event:
        return probe.minute()
    failed = []
    for record in SQSEvent(event).records:
        try:
            probe.slot(record.body)
        except Exception:  # one probe must not take the others of its batch along
            wiring.telemetry("prober").exception("probe failed")
            failed.append({"itemIdentifier": record.message_id})
    return {"batchItemFailures": failed}
