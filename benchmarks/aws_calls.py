"""What the SDK's check of arguments costs in the calls that are made for each batch.

Clients of both kinds make the same calls, interleaved; the answer is given before the request would leave, so
that only the SDK's own work is measured. CPU of this process; figures are good as ratios only. Prints them,
writes ``out/bench-aws-calls.json``.

    python -m benchmarks.aws_calls
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
from lifeline.adapters import row_items
from lifeline.adapters.aws import client_config
from lifeline.domain.message.row import Row

from benchmarks.answers import answered
from local.build import ROOT

ROUNDS = 9
CALLS = 40
NOW = 1_790_000_000.123


def _client(service: str, validate: bool) -> Any:
    config = client_config(service)
    config.parameter_validation = validate  # type: ignore[attr-defined]
    return answered(
        boto3.client(
            service,  # type: ignore[call-overload]
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106  # opens nothing
            config=config,
        )
    )


def calls(validate: bool) -> dict[str, Callable[[], None]]:
    """The calls of a batch, by name."""
    dynamodb, sqs = _client("dynamodb", validate), _client("sqs", validate)
    rows = [Row(f"clinic-2026-10-01-{number:06}", body="x" * 400) for number in range(25)]
    inserts = [row_items.insert("t", replace(row, act=1, rev=1, ops=("op",)), NOW, 86_400.0) for row in rows]
    entries = [{"Id": str(number), "MessageBody": f"m{number}", "DelaySeconds": 5} for number in range(10)]
    update = {
        "TableName": "t",
        "Key": {"pk": {"S": "window"}, "sk": {"S": "whatsapp"}},
        "UpdateExpression": "SET #c = :c ADD #a :a",
        "ExpressionAttributeNames": {"#c": "consecutive", "#a": "b1790000000_ok"},
        "ExpressionAttributeValues": {":c": {"N": "0"}, ":a": {"N": "100"}},
        "ReturnValues": "ALL_NEW",
    }
    return {
        "25 claims": lambda: dynamodb.batch_execute_statement(Statements=inserts),
        "a counter": lambda: dynamodb.update_item(**update),
        "10 wake-ups": lambda: sqs.send_message_batch(QueueUrl="https://sqs/1/q", Entries=entries),
    }


def main() -> None:
    """Measure and print."""
    kinds = {"checked": calls(True), "unchecked": calls(False)}
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for name in kinds["checked"]:
            for kind, some in kinds.items():
                started = time.process_time()
                for _ in range(CALLS):
                    some[name]()
                spent = 1000 * (time.process_time() - started) / CALLS
                times.setdefault((name, kind), []).append(spent)
    medians = {key: statistics.median(found) for key, found in times.items()}
    result = {
        name: {
            **{f"{kind}_cpu_ms": round(medians[name, kind], 3) for kind in kinds},
            "ratio": round(medians[name, "unchecked"] / medians[name, "checked"], 2),
        }
        for name in kinds["checked"]
    }
    target = ROOT / "out" / "bench-aws-calls.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
