"""WebhookEventsFunction: statuses, inbound messages, template and account updates, from the webhook's
queue."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.use_cases.webhook.bodies import Body
from lifeline.wiring import make_ready, webhook_events

make_ready(webhook_events.use_case)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle one batch of bodies; answers with the records that SQS must bring again."""
    bodies = [Body(record["messageId"], record["body"]) for record in event["Records"]]
    failed = webhook_events.use_case()(bodies, lambda: context.get_remaining_time_in_millis() / 1000)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
