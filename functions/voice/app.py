"""VoiceFunction: voice messages get their recording, voice notes their text."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes import SQSEvent
from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.wiring import make_ready, voice

make_ready(voice.use_case)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle one batch of jobs; answers with the records that SQS must bring again."""
    jobs = [(record.message_id, record.body) for record in SQSEvent(event).records]
    failed = voice.use_case()(jobs, lambda: context.get_remaining_time_in_millis() / 1000)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
