"""What the deployed functions ask of AWS, as a bill counts it: requests by service, DynamoDB's units from the
items as they are, log bytes, runs and durations.

The functions ask through the proxy of the chaos tests, without faults. Of the rows of messages every
:data:`SAMPLE`-th id is read after each of its writes, so that counting slows nothing down; all else is read
each time.
"""

from __future__ import annotations

import contextlib
import json
import re
import statistics
import threading
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.units import Index, indexes, item_size, read_units, write_units
from local.stack import LocalStack
from tests.chaos.proxy import Call

SAMPLE: Final = 5
REPORT: Final = re.compile(r"^REPORT RequestId: \S+\tDuration: ([0-9.]+) ms")
LONGEST: Final = 3.0
"""Times a function's median: what a run is counted for at most. Longer ones were starts of local workers."""
LINES: Final = 10_000
"""Of one answer of CloudWatch Logs at most."""
EVENT_OVERHEAD: Final = 26
"""Bytes that CloudWatch Logs adds to each line (PutLogEvents)."""


Figures = defaultdict[str, float]


def _figures(given: Mapping[str, float] | None = None) -> Figures:
    return defaultdict(float, given or {})


@dataclass(slots=True)
class Totals:
    """Since the beginning; two of them can be subtracted."""

    requests: Figures = field(default_factory=_figures)
    """By ``service operation``."""
    units: Figures = field(default_factory=_figures)
    """``write TABLE``, ``index TABLE``, ``read TABLE``."""
    runs: Figures = field(default_factory=_figures)
    """Invocations by function."""
    durations: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Milliseconds of each run, in order, by function."""
    log_bytes: Figures = field(default_factory=_figures)
    """By function."""

    def minus(self, other: Totals) -> Totals:
        """What came after ``other``."""

        def since(ours: Figures, theirs: Figures) -> Figures:
            return _figures({key: value - theirs[key] for key, value in ours.items() if value != theirs[key]})

        return Totals(
            since(self.requests, other.requests),
            since(self.units, other.units),
            since(self.runs, other.runs),
            defaultdict(
                list,
                {
                    name: listed[len(other.durations[name]) :]
                    for name, listed in self.durations.items()
                    if len(listed) > len(other.durations[name])
                },
            ),
            since(self.log_bytes, other.log_bytes),
        )

    def milliseconds(self) -> dict[str, float]:
        """Of all runs, by function; see :data:`LONGEST`."""
        return {
            name: sum(min(one, LONGEST * statistics.median(listed)) for one in listed)
            for name, listed in self.durations.items()
        }

    def per(self, divisor: float) -> dict[str, dict[str, float]]:
        """Each figure divided, by its kind."""
        kinds = {
            "requests": self.requests,
            "units": self.units,
            "runs": self.runs,
            "milliseconds": self.milliseconds(),
            "log_bytes": self.log_bytes,
        }
        return {
            kind: {key: value / divisor for key, value in sorted(values.items())}
            for kind, values in kinds.items()
        }


class Meter:
    """Of one running system. :meth:`seen` is for the proxy."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Figures = _figures()
        self._units: Figures = _figures()
        self._known: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._indexes: dict[str, list[Index]] = defaultdict(list)
        self._client: Any = None
        self._messages = ""

    def attach(self, stack: LocalStack) -> None:
        """From now on the stack's tables are known."""
        self._stack = stack
        self._messages = stack.outputs["MessagesTableName"]
        client = stack.client("dynamodb")
        for name in client.list_tables()["TableNames"]:
            table = client.describe_table(TableName=name)["Table"]
            self._keys[name] = tuple(key["AttributeName"] for key in table["KeySchema"])
            self._indexes[name] = indexes(table)
        self._client = client

    def indexes(self, table: str) -> list[Index]:
        """Of a table of the stack."""
        return self._indexes[table]

    def seen(self, call: Call, request: bytes, answer: bytes) -> None:
        """One request that was answered."""
        with self._lock:
            self._requests[f"{call.service} {call.operation}"] += 1
            if call.service == "dynamodb" and self._client is not None:
                self._dynamodb(call.operation, json.loads(request), json.loads(answer or b"{}"))

    def _dynamodb(self, operation: str, asked: dict[str, Any], answered: dict[str, Any]) -> None:
        match operation:
            case "BatchExecuteStatement":
                self._statements(asked["Statements"], answered.get("Responses", []))
            case "ExecuteStatement":
                self._statements([asked], [{}])
            case "PutItem" | "UpdateItem" | "DeleteItem":
                self._written(asked["TableName"], self._key(asked), 1)
            case "BatchWriteItem":
                for table, listed in asked["RequestItems"].items():
                    for one in listed:
                        (given,) = one.values()
                        self._written(table, self._key({"TableName": table, **given}), 1)
            case "TransactWriteItems":
                for one in asked["TransactItems"]:
                    (given,) = one.values()
                    self._written(given["TableName"], self._key(given), 2)
            case "GetItem":
                self._read(asked, [answered.get("Item", {})])
            case "BatchGetItem":
                for table, wanted in asked["RequestItems"].items():
                    found = answered.get("Responses", {}).get(table, [])
                    missing = len(wanted["Keys"]) - len(found)
                    for item in [*found, *({} for _ in range(missing))]:
                        self._read({"TableName": table, **wanted}, [item])
            case "Query" | "Scan":
                self._read(asked, answered.get("Items", []))

    def _key(self, given: Mapping[str, Any]) -> dict[str, Any]:
        source = given.get("Key") or given["Item"]
        return {name: source[name] for name in self._keys[given["TableName"]]}

    def _read(self, asked: Mapping[str, Any], items: list[Mapping[str, Any]]) -> None:
        size = sum(item_size(item) for item in items)
        table = asked["TableName"]
        self._units[f"read {table}"] += read_units(size, bool(asked.get("ConsistentRead")))

    def _statements(self, statements: list[dict[str, Any]], answers: list[dict[str, Any]]) -> None:
        """Rows of messages, 25 at once: an id comes first in an insert, before ``rev`` in an update."""
        for one, answer in zip(statements, answers, strict=False):
            words, parameters = one["Statement"].split(), one.get("Parameters", [])
            table = re.findall(r'"([^"]+)"', one["Statement"])[0]
            if words[0] == "SELECT":
                self._read({"TableName": table, "ConsistentRead": True}, [answer.get("Item", {})])
                continue
            key = parameters[0] if words[0] == "INSERT" else parameters[-2]
            self._written(table, {self._keys[table][0]: key}, 1)

    def _written(self, table: str, key: dict[str, Any], times: int) -> None:
        weight = times
        if table == self._messages:
            if zlib.crc32(key["id"]["S"].encode()) % SAMPLE:
                return
            weight *= SAMPLE
        after = self._client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
        mark = (table, json.dumps(key, sort_keys=True))
        before = self._known.get(mark, {})
        self._known[mark] = after
        self._units[f"write {table}"] += weight * write_units(item_size(before), item_size(after))
        for index in self._indexes[table]:
            if units := index.units(before, after):
                self._units[f"index {table}"] += weight * units

    def totals(self) -> Totals:
        """Everything until now. Log lines and durations are read from the local CloudWatch Logs."""
        found = Totals()
        for name, event in self._log_events():
            text = event["message"]
            found.log_bytes[name] += len(text.encode()) + EVENT_OVERHEAD
            if report := REPORT.match(text):
                found.runs[name] += 1
                found.durations[name].append(float(report[1]))
        with self._lock:
            found.requests, found.units = _figures(self._requests), _figures(self._units)
        return found

    def _log_events(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each line in order of time, with its function."""
        logs = self._stack.client("logs")
        for page in logs.get_paginator("describe_log_groups").paginate():
            for group in page["logGroups"]:
                name = group["logGroupName"].rpartition("/")[2].removeprefix(f"{self._stack.name}-")
                yield from ((name, event) for event in lines(logs, group["logGroupName"]))

    def metrics(self) -> int:
        """Distinct metrics, each with its dimensions, that were written in log lines."""
        return len({one for _, event in self._log_events() for one in _series(event["message"])})


def lines(logs: Any, group: str) -> Iterator[Mapping[str, Any]]:
    """Of one log group, in order of time. The local CloudWatch Logs gives no more than :data:`LINES`, and no
    token for the next.
    """
    start = 0
    while True:
        found = logs.filter_log_events(logGroupName=group, startTime=start, limit=LINES)["events"]
        if len(found) < LINES:
            yield from found
            return
        # What else is of the last millisecond comes with the next.
        last = found[-1]["timestamp"]
        yield from (event for event in found if event["timestamp"] < last)
        if last == start:
            raise SystemExit(f"more than {LINES} lines of {group} within a millisecond")
        start = last


def _series(text: str) -> Iterator[tuple[str, ...]]:
    """Of one line of the embedded metric format; none of another."""
    if '"_aws"' not in text:
        return
    with contextlib.suppress(ValueError, KeyError):
        line = json.loads(text)
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for keys in directive["Dimensions"]:
                for metric in directive["Metrics"]:
                    yield (metric["Name"], *(f"{key}={line[key]}" for key in keys))
