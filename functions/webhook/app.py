"""WebhookFunction: Meta's verification, and the front door of its webhooks."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.use_cases.webhook.front import Reply
from lifeline.wiring import make_ready, webhook

make_ready(webhook.use_case)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one HTTP request (payload format 2.0)."""
    request = APIGatewayProxyEventV2(event)
    front = webhook.use_case()
    match request.http_method:
        case "GET":
            reply = front.handshake(request.query_string_parameters)
        case "POST":
            raw = raw_body(request)
            signature = request.headers.get("x-hub-signature-256") or ""
            reply = Reply(400, "refused") if raw is None else front.receive(raw, signature)
        case _:
            reply = Reply(405, "refused")
    return {
        "statusCode": reply.status,
        "headers": {"content-type": "text/plain; charset=utf-8"},
        "body": reply.body,
        "isBase64Encoded": False,
    }


def raw_body(request: APIGatewayProxyEventV2) -> bytes | None:
    """The bytes that were signed: API Gateway hands over text, or Base64 where it took them for binary."""
    body = request.body or ""
    if not request.is_base64_encoded:
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        return None
