"""What a claim costs: PynamoDB's conditional save, one message a call, beside 25 conditional statements.

Both write the same rows into tables of the same local AWS. CPU is this process's own: what a Lambda worker
would pay for. Figures of one machine are good as ratios only. Prints them, writes ``out/bench-ledger.json``.

    python -m benchmarks.ledger
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from lifeline.adapters.ledger import Ledger, Row
from lifeline.domain.status import Status
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.models import Model

from local.build import ROOT
from local.stack import LocalStack

MESSAGES = 1000
BATCH = 100
ROUNDS = 3


class Claim(Model):
    """The fields of a fresh claim."""

    class Meta:
        """Filled in when the local AWS runs."""

        table_name = "bench-pynamodb"

    id = UnicodeAttribute(hash_key=True)
    status = UnicodeAttribute()
    claim = UnicodeAttribute()
    phase = UnicodeAttribute()
    rev = NumberAttribute()
    turn = NumberAttribute()
    created_at = NumberAttribute()
    updated_at = NumberAttribute()
    body = UnicodeAttribute()


def one_by_one(run: str, now: float) -> None:
    """PynamoDB, a conditional save per message."""
    for number in range(MESSAGES):
        claim = Claim(
            id=f"{run}-{number}",
            status="CLAIMED",
            claim="c",
            phase="sending",
            rev=0,
            turn=0,
            created_at=now,
            updated_at=now,
            body="{}",
        )
        claim.save(condition=Claim.id.does_not_exist())


def in_batches(ledger: Ledger) -> Callable[[str, float], None]:
    """The ledger's own claim."""

    def work(run: str, now: float) -> None:
        for start in range(0, MESSAGES, BATCH):
            rows = [
                Row(f"{run}-{number}", Status.CLAIMED, "c", phase="sending", created_at=now, body="{}")
                for number in range(start, start + BATCH)
            ]
            if not all(ledger.insert(rows, now)):
                raise SystemExit("a claim was refused; the figures would mean nothing")

    return work


def measured(work: Callable[[str, float], None], run: str) -> dict[str, float]:
    """Milliseconds per message, wall and CPU; the best of some rounds, after one to warm up."""
    work(f"{run}-warm", time.time())
    best = {"wall_ms": float("inf"), "cpu_ms": float("inf")}
    for turn in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        work(f"{run}-{turn}", time.time())
        best["wall_ms"] = min(best["wall_ms"], 1000 * (time.perf_counter() - wall) / MESSAGES)
        best["cpu_ms"] = min(best["cpu_ms"], 1000 * (time.process_time() - cpu) / MESSAGES)
    return {name: round(value, 3) for name, value in best.items()}


def main() -> None:
    """Measure and print."""
    stack = LocalStack(ROOT / ".local" / "bench-ledger", name="bench-ledger", quiet=True)
    stack.started_at = time.monotonic()
    stack.folder.mkdir(parents=True, exist_ok=True)
    try:
        stack.start_aws()
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        client: Any = boto3.client(
            "dynamodb",
            endpoint_url=stack.aws_url,
            region_name="eu-west-1",
            config=Config(max_pool_connections=16),
            **keys,
        )
        for table in ("bench-pynamodb", "bench-partiql"):
            client.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        meta: Any = Claim.Meta
        meta.host, meta.region = stack.aws_url, "eu-west-1"
        meta.aws_access_key_id, meta.aws_secret_access_key = "test", "test"
        ledger = Ledger(client, "bench-partiql", 3600.0, time.sleep, random.random)
        result: dict[str, Any] = {
            "messages": MESSAGES,
            "pynamodb_save": measured(one_by_one, "a"),
            "batched_partiql": measured(in_batches(ledger), "b"),
        }
    finally:
        stack.stop()
    for kind in ("wall_ms", "cpu_ms"):
        ratio = result["pynamodb_save"][kind] / result["batched_partiql"][kind]
        result[f"ratio_{kind}"] = round(ratio, 1)
    target = ROOT / "out" / "bench-ledger.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
