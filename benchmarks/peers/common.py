"""What the workers in Python share: nothing but the standard library, since each runs in another environment.

The stub's address comes as ``STUB``, connections as ``CONNECTIONS``; then one line of JSON on standard input
for each measurement,
``{"messages": 1000, "run": "r1"}``, and one back,
``{"seconds": 2.1, "cpu_ms": 800.0, "log_bytes": 120}``.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable

STUB = os.environ["STUB"]
CONNECTIONS = int(os.environ["CONNECTIONS"])
TABLE = "messages"
TOKEN = "EAA" + "x" * 180
TO = "+4915112345678"
TEXT = "Your appointment is at ten."


class Logs(io.TextIOBase):
    """Counts what is written, and keeps nothing."""

    size = 0

    def write(self, text: str) -> int:
        self.size += len(text.encode())
        return len(text)


# Loggers take the standard output that they find when they are made.
OUT = os.fdopen(os.dup(1), "w", encoding="utf-8")
sys.stdout = LOGS = Logs()


def serve(work: Callable[[list[str]], None]) -> None:
    """Answer until there are no more lines. ``work`` gets the ids of the messages."""
    for line in sys.stdin:
        asked = json.loads(line)
        ids = [f"{asked['run']}-{number}" for number in range(asked["messages"])]
        LOGS.size = 0
        wall, cpu = time.perf_counter(), time.process_time()
        work(ids)
        found = {
            "seconds": time.perf_counter() - wall,
            "cpu_ms": 1000 * (time.process_time() - cpu),
            "log_bytes": LOGS.size,
        }
        print(json.dumps(found), file=OUT, flush=True)


def claim_item(name: str) -> dict[str, object]:
    """What a claim stores, as DynamoDB's low-level clients take it."""
    return {
        "id": {"S": name},
        "status": {"S": "CLAIMED"},
        "body": {"S": json.dumps({"id": name, "to": TO, "type": "text", "text": TEXT})},
        "at": {"N": str(time.time())},
    }


def claim(name: str) -> dict[str, object]:
    """The arguments of ``put_item``."""
    return {
        "TableName": TABLE,
        "Item": claim_item(name),
        "ConditionExpression": "attribute_not_exists(id)",
    }


def outcome(name: str, wamid: str) -> dict[str, object]:
    """The arguments of ``update_item``."""
    return {
        "TableName": TABLE,
        "Key": {"id": {"S": name}},
        "UpdateExpression": "SET #s = :s, wamid = :w",
        "ExpressionAttributeNames": {"#s": "status"},
        "ExpressionAttributeValues": {":s": {"S": "SENT"}, ":w": {"S": wamid}},
    }


def payload() -> dict[str, object]:
    """What Meta is asked to send."""
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": TO,
        "type": "text",
        "text": {"body": TEXT},
    }
