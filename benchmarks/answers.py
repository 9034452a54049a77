"""AWS that answers at once and inside this process: what is measured is the SDK's work and ours.

A client's requests are counted, and answered before they would leave it.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.session import Session

TOKEN = "EAA" + "x" * 180


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> list[bytes]:
        """As urllib3 gives it."""
        return [self._content]


def answer(operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    """All goes well, nothing was there before, and the limiter is idle."""
    if operation == "BatchExecuteStatement":
        return {"Responses": [{} for _ in asked["Statements"]]}
    if operation == "UpdateItem":
        return {"Attributes": {"tat": {"N": str(time.time() - 5)}, "consecutive": {"N": "0"}}}
    if operation == "GetSecretValue":
        return {"SecretString": json.dumps({"access_token": TOKEN})}
    return {"Items": [], "Successful": [], "Failed": []}


Answer = Callable[[str, dict[str, Any]], dict[str, Any]]
"""What comes back, by the operation and what it asked."""


def answered(client: Any, requests: Counter[str] | None = None, say: Answer = answer) -> Any:
    """``client``, whose requests ``say`` answers; ``requests`` counts them by operation."""

    def before_send(request: Any, **_: object) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        if requests is not None:
            requests[operation] += 1
        body = json.dumps(say(operation, json.loads(request.body))).encode()
        return AWSResponse(request.url, 200, HTTPHeaders(), _Body(body))

    client.meta.events.register("before-send", before_send)
    return client


def answer_all(requests: Counter[str], say: Answer = answer) -> None:
    """All clients that this process makes from now on."""
    original = Session.create_client

    def create(self: Session, *args: Any, **more: Any) -> Any:
        return answered(original(self, *args, **more), requests, say)

    Session.create_client = create  # type: ignore[method-assign]
