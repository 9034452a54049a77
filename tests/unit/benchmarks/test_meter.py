"""Requests of the functions as DynamoDB bills them, from what the tables hold."""

from __future__ import annotations

import json
import zlib
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks import meter as meters
from benchmarks.meter import SAMPLE, Meter, Totals, lines
from local.stack import LocalStack
from tests.chaos.proxy import Call

ROWS, CONTROL = "s-messages", "s-control"
SAMPLED = next(f"m{number}" for number in range(100) if zlib.crc32(f"m{number}".encode()) % SAMPLE == 0)
OTHER = next(f"m{number}" for number in range(100) if zlib.crc32(f"m{number}".encode()) % SAMPLE)


class Tables:
    """What the meter reads: two tables, and the items in them."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}

    def list_tables(self) -> dict[str, Any]:
        return {"TableNames": [ROWS, CONTROL]}

    def describe_table(self, TableName: str) -> dict[str, Any]:  # noqa: N803
        names = ["id"] if TableName == ROWS else ["pk", "sk"]
        index = {
            "KeySchema": [{"AttributeName": "agenda"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
        return {
            "Table": {
                "KeySchema": [{"AttributeName": name} for name in names],
                "GlobalSecondaryIndexes": [index] if TableName == ROWS else [],
            }
        }

    def get_item(self, Key: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        found = self.items.get(json.dumps(Key))
        return {"Item": found} if found else {}

    def put(self, **item: str) -> None:
        key = {name: {"S": item[name]} for name in ("id", "pk", "sk") if name in item}
        self.items[json.dumps(key)] = {name: {"S": value} for name, value in item.items()}


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
def meter(tables: Tables) -> Meter:
    made = Meter()
    stack = SimpleNamespace(outputs={"MessagesTableName": ROWS}, client=lambda _: tables, name="s")
    made.attach(cast(LocalStack, stack))
    return made


def units(meter: Meter, operation: str, asked: dict[str, Any], answer: dict[str, Any]) -> dict[str, float]:
    """What one request adds."""
    before = dict(meter._units)
    call = Call("dynamodb", operation, "i", "c", 1)
    meter.seen(call, json.dumps(asked).encode(), json.dumps(answer).encode())
    return {
        key: value - before.get(key, 0) for key, value in meter._units.items() if value != before.get(key)
    }


def insert(name: str) -> dict[str, Any]:
    text = f"INSERT INTO \"{ROWS}\" VALUE {{'id': ?, 'body': ?}}"
    return {"Statement": text, "Parameters": [{"S": name}, {"S": "b"}]}


def update(name: str) -> dict[str, Any]:
    text = f'UPDATE "{ROWS}" SET body=? WHERE id=? AND rev=?'
    return {"Statement": text, "Parameters": [{"S": "b"}, {"S": name}, {"N": "1"}]}


def test_a_sample_of_rows_stands_for_all(meter: Meter, tables: Tables) -> None:
    tables.put(id=SAMPLED, body="x" * 1500, agenda="timer")
    asked = {"Statements": [insert(SAMPLED), insert(OTHER)]}
    found = units(meter, "BatchExecuteStatement", asked, {"Responses": [{}, {}]})
    assert found == {f"write {ROWS}": 2 * SAMPLE, f"index {ROWS}": SAMPLE}


def test_an_index_is_billed_when_a_row_enters_and_when_it_leaves(meter: Meter, tables: Tables) -> None:
    tables.put(id=SAMPLED, agenda="timer")
    units(meter, "ExecuteStatement", insert(SAMPLED), {})
    tables.put(id=SAMPLED, agenda="normal")
    assert units(meter, "ExecuteStatement", update(SAMPLED), {})[f"index {ROWS}"] == 2 * SAMPLE
    tables.put(id=SAMPLED)
    assert units(meter, "ExecuteStatement", update(SAMPLED), {})[f"index {ROWS}"] == SAMPLE
    assert f"index {ROWS}" not in units(meter, "ExecuteStatement", update(SAMPLED), {})


def test_each_write_of_another_table_counts(meter: Meter) -> None:
    key = {"pk": {"S": "stats"}, "sk": {"S": "1"}}
    asked = {"TableName": CONTROL, "Key": key}
    assert units(meter, "UpdateItem", asked, {}) == {f"write {CONTROL}": 1}
    assert units(meter, "PutItem", {"TableName": CONTROL, "Item": key}, {}) == {f"write {CONTROL}": 1}
    transaction = {"TransactItems": [{"Update": asked}, {"ConditionCheck": asked}]}
    assert units(meter, "TransactWriteItems", transaction, {}) == {f"write {CONTROL}": 4}


def test_reads_are_billed_by_size_and_consistency(meter: Meter) -> None:
    item = {"pk": {"S": "x" * 5000}}
    get = {"TableName": CONTROL, "Key": {}, "ConsistentRead": True}
    assert units(meter, "GetItem", get, {"Item": item}) == {f"read {CONTROL}": 2}
    assert units(meter, "Query", {"TableName": CONTROL}, {"Items": []}) == {f"read {CONTROL}": 0.5}
    both: dict[str, Any] = {"RequestItems": {CONTROL: {"Keys": [{}, {}]}}}
    assert units(meter, "BatchGetItem", both, {"Responses": {CONTROL: [item]}}) == {f"read {CONTROL}": 1.5}


def test_totals_are_what_came_since_by_message() -> None:
    before, after = Totals(), Totals()
    before.requests["sqs SendMessageBatch"] = 2
    before.durations["sender"] = [9000.0]
    after.durations["sender"] = [9000.0, 100.0, 100.0, 5000.0]
    after.requests["sqs SendMessageBatch"] = 12
    found = after.minus(before).per(5)
    assert found["requests"] == {"sqs SendMessageBatch": 2}
    assert found["milliseconds"] == {"sender": (100 + 100 + 300) / 5}, "the start of a worker is no run"


def test_log_lines_beyond_one_answer_are_read_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[dict[str, Any]] = [
        {"timestamp": number // 2, "message": str(number)} for number in range(10)
    ]

    def answer(startTime: int, limit: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        return {"events": [event for event in stored if event["timestamp"] >= startTime][:limit]}

    monkeypatch.setattr(meters, "LINES", 3)
    assert list(lines(SimpleNamespace(filter_log_events=answer), "g")) == stored
