"""Lifeline's SenderFunction as ``sam build`` leaves it: the built layer and nothing else on the path.

``BATCH``: records of an event. A worker of Lambda has one event at a time.
"""

from __future__ import annotations

import json
import os
import sys

from common import TEXT, TO, serve

BUILT = os.environ["BUILT"]
BATCH = int(os.environ["BATCH"])
sys.path[:0] = [f"{BUILT}/LifelineLayer/python", f"{BUILT}/SenderFunction"]

import app  # noqa: E402


class Context:
    """As Lambda gives it."""

    def get_remaining_time_in_millis(self) -> int:
        """Always the whole of it."""
        return 50_000


def work(ids: list[str]) -> None:
    """All of them, event after event."""
    for start in range(0, len(ids), BATCH):
        records = [
            {
                "messageId": name,
                "body": json.dumps({"id": name, "to": TO, "type": "text", "text": TEXT}),
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:bench-whatsapp-queue",
            }
            for name in ids[start : start + BATCH]
        ]
        answer = app.handler({"Records": records}, Context())
        if answer != {"batchItemFailures": []}:
            raise SystemExit(f"messages came back; the figures would mean nothing: {str(answer)[:300]}")


if __name__ == "__main__":
    serve(work)
