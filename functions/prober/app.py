"""ProberFunction: the minute's schedule queues probes; ``probe-queue`` runs them, 15 seconds apart."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes import SQSEvent
from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.wiring import make_ready, prober

make_ready(prober.use_case)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run the probes of an SQS batch, or do the minute's work for anything else."""
    probe = prober.use_case()
    if "Records" not in event:
        return probe.minute()
    failed = probe.slots([(record.message_id, record.body) for record in SQSEvent(event).records])
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
