"""What the ledger costs: time for claims in batches beside one by one, and write units per message.

**Time**: PynamoDB's conditional save, one message a call, beside 25 conditional statements a call, on tables
of the same local AWS. CPU is this process's own: what a Lambda worker would pay for. Figures of one machine
are good as ratios only. **Units**: AWS's rules of billing on the real items that the domain's own moves make;
the local AWS does not reckon item sizes. Prints them, writes ``out/bench-ledger.json``.

    python -m benchmarks.ledger
"""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import boto3
from botocore.config import Config
from lifeline.adapters import row_items
from lifeline.adapters.agenda import PROJECTED
from lifeline.adapters.ledger import STATEMENTS_PER_CALL, Ledger
from lifeline.domain.message.proof import prove
from lifeline.domain.message.row import (
    WHATSAPP,
    Change,
    Fate,
    Lane,
    Phase,
    Row,
    doubted,
    off_agenda,
    parked,
    waiting,
)
from lifeline.domain.message.status import Status
from lifeline.domain.message.steering import release
from lifeline.domain.message.step import claim
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.models import Model

from benchmarks.units import item_size, write_units
from local.build import ROOT
from local.stack import LocalStack

MESSAGES = 1000
BATCH = 100
ROUNDS = 3
LEASE = 60.0
GRACE = 60.0
NOW = 1_790_000_000.123
BODY = json.dumps(
    {
        "id": "clinic-2026-10-01-000123",
        "to": "+4915112345678",
        "type": "template",
        "template": {
            "name": "appointment_reminder",
            "language": "de",
            "parameters": ["Frau Beispiel", "Dr. Muster", "1. Oktober", "09:30"],
        },
        "text": "Ihr Termin bei Dr. Muster ist am 1. Oktober um 09:30.",
        "priority": "normal",
        "category": "appointment",
        "recipient": {"user_id": "user-000123", "email": "someone@example.org"},
        "expires_at": "2026-10-01T09:30:00Z",
    }
)


class Claim(Model):
    """The fields of a fresh claim."""

    class Meta:
        """Filled in when the local AWS runs."""

        table_name = "bench-pynamodb"

    id = UnicodeAttribute(hash_key=True)
    status = UnicodeAttribute()
    ops = UnicodeAttribute()
    phase = UnicodeAttribute()
    rev = NumberAttribute()
    act = NumberAttribute()
    created_at = NumberAttribute()
    updated_at = NumberAttribute()
    body = UnicodeAttribute()


def one_by_one(run: str, now: float) -> None:
    """PynamoDB, a conditional save per message."""
    for number in range(MESSAGES):
        item = Claim(
            id=f"{run}-{number}",
            status="CLAIMED",
            ops="o",
            phase="sending",
            rev=1,
            act=1,
            created_at=now,
            updated_at=now,
            body="{}",
        )
        item.save(condition=Claim.id.does_not_exist())


def in_batches(ledger: Ledger) -> Callable[[str, float], None]:
    """The ledger's own claim."""

    def work(run: str, now: float) -> None:
        for start in range(0, MESSAGES, BATCH):
            rows = [Row(f"{run}-{number}", body="{}") for number in range(start, start + BATCH)]
            changes = [Change(row, replace(row, phase=Phase.SENDING, act=1)) for row in rows]
            if any(one.fate is not Fate.DONE for one in ledger.write(changes, now)):
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


# --- Write units -----------------------------------------------------------------------------------------


def _entry(row: Row | None) -> dict[str, Any]:
    """The row as it stands in the agenda; nothing where it does not."""
    item = row_items.encode(row) if row else {}
    return {
        name: item[name]
        for name in ("id", "agenda", "agenda_at", *PROJECTED)
        if name in item and "agenda" in item
    }


def _agenda_units(before: Row | None, after: Row) -> int:
    """A key that changes is a delete and a put; else the larger of both states, if anything differs."""
    old, new = _entry(before), _entry(after)
    if old and new and (old["agenda"], old["agenda_at"]) == (new["agenda"], new["agenda_at"]):
        return write_units(item_size(old), item_size(new)) if old != new else 0
    return sum(write_units(item_size(one)) for one in (old, new) if one)


Move = Callable[[Row], Row | None]


def _claim(row: Row) -> Row:
    return claim(row, WHATSAPP, NOW, LEASE)


def _sent(row: Row) -> Row:
    return replace(off_agenda(row, Status.SENT), wamid=f"wamid.{'x' * 56}", via=row.act)


def _delivered(row: Row) -> Row:
    return prove(row, row.act, Status.DELIVERED)


def _park(row: Row) -> Row:
    return parked(row, Lane.NORMAL, NOW)


def _release(row: Row) -> Row | None:
    return release(row, NOW + 30)


def _doubt(row: Row) -> Row:
    return waiting(doubted(row), NOW + GRACE)


LIVES: Mapping[str, tuple[Mapping[str, Any], list[tuple[str, Move]]]] = {
    "normal": ({}, [("claim", _claim), ("sent", _sent), ("delivered", _delivered)]),
    "critical": (
        {"priority": "critical"},
        [("claim", _claim), ("sent", _sent), ("delivered", _delivered)],
    ),
    "parks": (
        {},
        [
            ("parked", _park),
            ("released", _release),
            ("claim", _claim),
            ("sent", _sent),
            ("delivered", _delivered),
        ],
    ),
    "in doubt, sent again": (
        {},
        [
            ("claim", _claim),
            ("in doubt", _doubt),
            ("claim", _claim),
            ("sent", _sent),
            ("delivered", _delivered),
        ],
    ),
}
VERSION_1 = {"writes": 3, "units": 3, "calls_alone": 3, "calls_in_full_batches": 0.12}
"""The same of a normal message in version 1 (commit 18403fa: its sender and webhook before a table that
counts): a claim, ``SENT``, ``DELIVERED``. A message costs no more than then."""
NOTES = {
    "claim": "nothing against it",
    "sent": "Meta accepted it",
    "delivered": "webhook: delivered",
    "parked": "panic",
    "released": "released",
    "in doubt": "the answer was lost; waits for a report",
}


def units(fields: Mapping[str, Any], moves: list[tuple[str, Move]]) -> dict[str, Any]:
    """Writes, write units and calls of one message's life."""
    row = Row(
        "clinic-2026-10-01-000123",
        body=BODY,
        type="template",
        category="appointment",
        template="appointment_reminder",
        to_masked="+49***78",
        person="3f8a1c9d2b7e4f60",
        expires_at=NOW + 86_400,
        **fields,
    )
    table = agenda = 0
    largest = 0
    for number, (name, move) in enumerate(moves):
        after = move(row)
        if after is None:
            raise SystemExit(f"{name} is no move of this row; the figures would mean nothing")
        done = row_items.written(Change(row, after, NOTES[name]), f"op{number:06}", NOW + number)
        before = row if row.rev else None
        sizes = [item_size(row_items.encode(one)) for one in (before, done) if one]
        largest = max(largest, *sizes)
        table += write_units(*sizes)
        agenda += _agenda_units(before, done)
        row = done
    return {
        "writes": len(moves),
        "table_units": table,
        "agenda_units": agenda,
        "units": table + agenda,
        "largest_item_bytes": largest,
        "calls_alone": len(moves),
        "calls_in_full_batches": round(len(moves) / STATEMENTS_PER_CALL, 2),
    }


def main() -> None:
    """Measure and print."""
    stack = LocalStack(ROOT / ".local" / "bench-ledger", name="bench-ledger", quiet=True)
    stack.started_at = time.monotonic()
    stack.folder.mkdir(parents=True, exist_ok=True)
    try:
        stack.start_aws()
        client: Any = boto3.client(
            "dynamodb",
            endpoint_url=stack.aws_url,
            region_name="eu-west-1",
            config=Config(max_pool_connections=16),
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106  # opens nothing
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
        numbers = itertools.count()
        ledger = Ledger(
            client, "bench-partiql", 3600.0, time.sleep, random.random, new_op=lambda: f"{next(numbers):08x}"
        )
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
    result["lives"] = {name: units(fields, moves) for name, (fields, moves) in LIVES.items()}
    result["version_1"] = VERSION_1
    dearer = {name for name, most in VERSION_1.items() if result["lives"]["normal"][name] > most}
    target = ROOT / "out" / "bench-ledger.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    if dearer:
        raise SystemExit(f"a normal message costs more than in version 1: {', '.join(sorted(dearer))}")


if __name__ == "__main__":
    main()
