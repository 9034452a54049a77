"""Stands in for three things that AWS does by itself and the local AWS does not.

- AWS reads EMF lines out of a function's log and makes metrics of them; here the logs are read and the
  metrics are put.
- SQS publishes the age of a queue's oldest message; here it is the time since the live queue was last empty.
- A CloudWatch alarm invokes a function that it names as its action; the local AWS's alarms reach SNS only,
  so here a change of state invokes the function with the event that CloudWatch would send.

Alarms are judged by the local AWS when metrics come in: over their whole span at once and without telling
dimensions apart, where CloudWatch judges each period and each dimension by itself. That is why the age is
published for the live queue only.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError

INTERVAL = 1.0
"""Seconds between two looks at logs, queue and alarms."""
OVERLAP_MS = 2_000
"""Log events are looked for again this far back: they do not become visible in the order of their times."""
DATA_PER_CALL = 500
"""PutMetricData takes up to 1,000 (CloudWatch API reference)."""


class System(Protocol):
    """What the stand-in needs of a local system."""

    name: str
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        """A boto3 client."""


@dataclass(frozen=True, slots=True)
class Datum:
    """One value of a metric. ``at`` in epoch seconds."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str
    value: float
    at: float


def data_of(line: str) -> Iterator[Datum]:
    """The metrics of one log line (CloudWatch, "Embedded metric format"); other lines have none."""
    start = line.find('{"_aws"')
    if start < 0:
        return
    try:
        document = json.loads(line[start:])
        meta = document["_aws"]
        for directive in meta["CloudWatchMetrics"]:
            for keys in directive["Dimensions"]:
                dimensions = tuple((key, str(document[key])) for key in keys)
                for metric in directive["Metrics"]:
                    found = document[metric["Name"]]
                    for value in found if isinstance(found, list) else [found]:
                        yield Datum(
                            directive["Namespace"],
                            metric["Name"],
                            dimensions,
                            metric.get("Unit", "None"),
                            float(value),
                            meta["Timestamp"] / 1000,
                        )
    except (ValueError, KeyError, TypeError):
        return


def batches(data: Iterable[Datum]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """``PutMetricData`` calls: (namespace, data); equal values of one second are one entry with a count."""
    grouped: dict[tuple[str, str, tuple[tuple[str, str], ...], str, int], dict[float, int]] = defaultdict(
        dict
    )
    for datum in data:
        counts = grouped[(datum.namespace, datum.name, datum.dimensions, datum.unit, int(datum.at))]
        counts[datum.value] = counts.get(datum.value, 0) + 1
    by_namespace: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for (namespace, name, dimensions, unit, second), counts in grouped.items():
        by_namespace[namespace].append(
            {
                "MetricName": name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
                "Timestamp": datetime.fromtimestamp(second, UTC),
                "Unit": unit,
                "Values": list(counts),
                "Counts": [float(count) for count in counts.values()],
            }
        )
    for namespace, entries in by_namespace.items():
        for start in range(0, len(entries), DATA_PER_CALL):
            yield namespace, entries[start : start + DATA_PER_CALL]


def action_event(alarm: Mapping[str, Any], before: str, account: str, region: str) -> dict[str, Any]:
    """What CloudWatch sends to a function that an alarm names (CloudWatch, "Alarm actions: Lambda")."""
    changed = alarm["StateUpdatedTimestamp"]
    moment = changed.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": account,
        "time": moment,
        "region": region,
        "alarmData": {
            "alarmName": alarm["AlarmName"],
            "state": {"value": alarm["StateValue"], "reason": alarm["StateReason"], "timestamp": moment},
            "previousState": {"value": before},
            "configuration": {"description": alarm.get("AlarmDescription", "")},
        },
    }


class StandIn:
    """Looks at logs, queue and alarms once a second until it is stopped."""

    def __init__(self, system: System, interval: float = INTERVAL) -> None:
        self._system = system
        self._interval = interval
        self._logs = system.client("logs")
        self._cloudwatch = system.client("cloudwatch")
        self._lambda = system.client("lambda")
        self._sqs = system.client("sqs")
        self._since: dict[str, int] = {}
        self._seen: dict[str, Counter[tuple[str, int, str]]] = defaultdict(Counter)
        self._states: dict[str, str] = {}
        self._empty_at = time.time()
        self._aged_at = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aws-stand-in", daemon=True)
        self.invoked: list[dict[str, Any]] = []
        """The events of the functions invoked, for tests and people."""

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the background has ended."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._ended.wait(self._interval):
            try:
                self.step()
            except (ClientError, AwsConnectionError, HTTPClientError):
                # The local AWS is down or starting again: the next look catches up.
                continue

    def step(self) -> None:
        """One look: new log lines to metrics, the queue's age, alarms to functions."""
        for namespace, entries in batches(self._new_data()):
            self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=entries)
        self._publish_age()
        self._act_on_alarms()

    # -- metrics -------------------------------------------------------------------------------------

    def _new_data(self) -> Iterator[Datum]:
        prefix = f"/aws/lambda/{self._system.name}-"
        pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for group in [group["logGroupName"] for page in pages for group in page["logGroups"]]:
            for event in self._new_events(group):
                yield from data_of(event["message"])

    def _new_events(self, group: str) -> list[Mapping[str, Any]]:
        since = self._since.get(group, int((time.time() - 60) * 1000))
        arguments: dict[str, Any] = {
            "logGroupName": group,
            "startTime": max(0, since - OVERLAP_MS),
            "filterPattern": '"CloudWatchMetrics"',
        }
        found = []
        while True:
            answer = self._logs.filter_log_events(**arguments)
            found += answer["events"]
            token = answer.get("nextToken")
            if not token or token == arguments.get("nextToken"):
                break
            arguments["nextToken"] = token
        # The local AWS gives events no id; equal lines of one millisecond are told apart by their number.
        counts: Counter[tuple[str, int, str]] = Counter()
        fresh = []
        for event in found:
            key = (event["logStreamName"], event["timestamp"], event["message"])
            counts[key] += 1
            if counts[key] > self._seen[group][key]:
                fresh.append(event)
        self._since[group] = max([since, *(event["timestamp"] for event in found)])
        self._seen[group] = counts
        return fresh

    def _publish_age(self) -> None:
        url = self._system.outputs.get("WhatsappQueueUrl")
        if not url:
            return
        name = "ApproximateNumberOfMessages"
        depth = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
        now = time.time()
        if not int(depth[name]):
            self._empty_at = now
        if now - self._aged_at < 5:
            return
        self._aged_at = now
        datum = {
            "MetricName": "ApproximateAgeOfOldestMessage",
            "Dimensions": [{"Name": "QueueName", "Value": url.rsplit("/", 1)[-1]}],
            "Unit": "Seconds",
            "Value": now - self._empty_at,
        }
        self._cloudwatch.put_metric_data(Namespace="AWS/SQS", MetricData=[datum])

    # -- alarms --------------------------------------------------------------------------------------

    def _act_on_alarms(self) -> None:
        for alarm in self._alarms():
            name, state = alarm["AlarmName"], alarm["StateValue"]
            before = self._states.get(name, "INSUFFICIENT_DATA")
            self._states[name] = state
            if state == before or not alarm.get("ActionsEnabled", True):
                continue
            field = {"ALARM": "AlarmActions", "OK": "OKActions"}.get(state, "InsufficientDataActions")
            for arn in alarm.get(field, []):
                if ":lambda:" in arn:
                    self._invoke(arn, alarm, before)

    def _alarms(self) -> list[Mapping[str, Any]]:
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{self._system.name}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        return [
            alarm
            for page in pages
            for alarm in (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", []))
        ]

    def _invoke(self, arn: str, alarm: Mapping[str, Any], before: str) -> None:
        _, _, _, region, account, *_ = alarm["AlarmArn"].split(":")
        event = action_event(alarm, before, account, region)
        # As CloudWatch does it: asynchronously, so Lambda tries again by itself.
        self._lambda.invoke(FunctionName=arn, InvocationType="Event", Payload=json.dumps(event).encode())
        self.invoked.append(event)
