"""Stands in for what AWS does by itself between a log line and an alarm's action.

- AWS reads EMF lines out of a function's log and makes metrics of them; here the logs are read and the
  metrics are put.
- SQS publishes what waits on a queue and for how long; here the depth is asked for, and the age is the time
  since the queue was last seen empty.
- CloudWatch judges an alarm by periods and dimensions; the local AWS judges it over its whole span at once,
  whenever a metric is put, and takes all dimensions together. So its own actions are switched off here, and
  the alarms are judged as CloudWatch's user guide says ("Evaluating an alarm").
- CloudWatch invokes a function that an alarm names as its action; the local AWS knows topics only. Here both
  get what CloudWatch sends.
"""

from __future__ import annotations

import json
import operator
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError

INTERVAL = 1.0
"""Seconds between two looks at logs, queue and alarms."""
KEPT = 9_000
"""Seconds for which values are kept: more than the longest span of an alarm in the template."""
PUBLISH_EVERY = 5.0
"""Seconds between two looks at the queues (AWS: a minute)."""
OVERLAP_MS = 2_000
"""Log events are looked for again this far back: they do not come in the order of their times."""
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


def judge(alarm: Mapping[str, Any], values: Sequence[float | None], before: str) -> str:
    """The state of an alarm whose newest complete periods have these values (``None``: no data)."""
    treat = alarm.get("TreatMissingData") or "missing"
    if all(value is None for value in values):
        states = {"breaching": "ALARM", "notBreaching": "OK", "ignore": before}
        return states.get(treat, "INSUFFICIENT_DATA")
    breaches = _COMPARE[alarm["ComparisonOperator"]]
    bad = sum(
        treat == "breaching" if value is None else breaches(value, float(alarm["Threshold"]))
        for value in values
    )
    return "ALARM" if bad >= int(alarm.get("DatapointsToAlarm") or len(values)) else "OK"


_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Sum": sum,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": len,
}


class Store:
    """The values of the last hours (:data:`KEPT`)."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str, frozenset[tuple[str, str]]], list[tuple[float, float]]] = {}

    def forget(self) -> None:
        """Drop all values."""
        self._values.clear()

    def add(self, data: Iterable[Datum], now: float) -> None:
        """Take values in; drop what is too old."""
        for datum in data:
            key = (datum.namespace, datum.name, frozenset(datum.dimensions))
            self._values.setdefault(key, []).append((datum.at, datum.value))
        for key, values in self._values.items():
            self._values[key] = [item for item in values if item[0] > now - KEPT]

    def periods(self, alarm: Mapping[str, Any], now: float) -> list[float | None]:
        """The alarm's statistic for each of its newest complete periods, oldest first."""
        dimensions = frozenset((item["Name"], item["Value"]) for item in alarm.get("Dimensions", []))
        values = self._values.get((alarm["Namespace"], alarm["MetricName"], dimensions), [])
        statistic = _STATISTICS[alarm.get("Statistic", "Average")]
        period = int(alarm["Period"])
        end = int(now // period) * period
        found: list[float | None] = []
        for index in range(int(alarm["EvaluationPeriods"]), 0, -1):
            start = end - index * period
            inside = [value for at, value in values if start <= at < start + period]
            found.append(statistic(inside) if inside else None)
        return found


def action_event(alarm: Mapping[str, Any], now: State, before: str) -> dict[str, Any]:
    """What CloudWatch sends to a function that an alarm names (CloudWatch, "Alarm actions: Lambda")."""
    _, _, _, region, account, *_ = alarm["AlarmArn"].split(":")
    moment = _moment(now.at)
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": account,
        "time": moment,
        "region": region,
        "alarmData": {
            "alarmName": alarm["AlarmName"],
            "state": {"value": now.value, "reason": now.reason, "timestamp": moment},
            "previousState": {"value": before},
            "configuration": {"description": alarm.get("AlarmDescription", "")},
        },
    }


def action_notice(alarm: Mapping[str, Any], now: State, before: str) -> dict[str, Any]:
    """What CloudWatch publishes to a topic (CloudWatch, "Notify users on alarm changes")."""
    return {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription", ""),
        "AlarmArn": alarm["AlarmArn"],
        "NewStateValue": now.value,
        "NewStateReason": now.reason,
        "StateChangeTime": _moment(now.at),
        "OldStateValue": before,
        "Trigger": {"MetricName": alarm["MetricName"], "Namespace": alarm["Namespace"]},
    }


@dataclass(frozen=True, slots=True)
class State:
    """The state of an alarm since ``at`` (epoch seconds)."""

    value: str
    reason: str
    at: float


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


class StandIn:
    """Looks at logs, queues and alarms once a second until it is stopped."""

    def __init__(
        self, system: System, interval: float = INTERVAL, clock: Callable[[], float] = time.time
    ) -> None:
        self._system = system
        self._interval = interval
        self._clock = clock
        self._logs = system.client("logs")
        self._cloudwatch = system.client("cloudwatch")
        self._lambda = system.client("lambda")
        self._sns = system.client("sns")
        self._sqs = system.client("sqs")
        self._store = Store()
        self._since: dict[str, int] = {}
        self._seen: dict[str, Counter[tuple[str, int, str]]] = defaultdict(Counter)
        self._states: dict[str, State] = {}
        self._empty_at: dict[str, float] = {}
        self._published_at = 0.0
        self._ended = threading.Event()
        self._looking = threading.Lock()
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
        """One look: new log lines and queues to metrics, alarms to functions and topics."""
        with self._looking:
            data = [*self._new_data(), *self._queue_data()]
            self._store.add(data, self._clock())
            for namespace, entries in batches(data):
                self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=entries)
            self._act_on_alarms()

    def forget(self) -> None:
        """Let no alarm judge what was logged so far: what one test broke sets off nothing in the next."""
        with self._looking:
            for _ in self._new_data():
                pass
            self._store.forget()
            self._states.clear()
            self._empty_at.clear()

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

    def _queue_data(self) -> list[Datum]:
        now = self._clock()
        if now - self._published_at < PUBLISH_EVERY:
            return []
        self._published_at = now
        found = []
        for output, url in self._system.outputs.items():
            if not output.endswith(("QueueUrl", "DlqUrl")):
                continue
            name = "ApproximateNumberOfMessages"
            answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
            depth = int(answer["Attributes"][name])
            if not depth:
                self._empty_at[url] = now
            age = now - self._empty_at.setdefault(url, now)
            dimensions = (("QueueName", url.rsplit("/", 1)[-1]),)
            found += [
                Datum("AWS/SQS", "ApproximateAgeOfOldestMessage", dimensions, "Seconds", age, now),
                Datum("AWS/SQS", "ApproximateNumberOfMessagesVisible", dimensions, "Count", depth, now),
            ]
        return found

    # -- alarms --------------------------------------------------------------------------------------

    def _act_on_alarms(self) -> None:
        now = self._clock()
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{self._system.name}-", AlarmTypes=["MetricAlarm"]
        )
        for alarm in [alarm for page in pages for alarm in page["MetricAlarms"] if alarm.get("MetricName")]:
            name = alarm["AlarmName"]
            if alarm.get("ActionsEnabled", True):
                self._cloudwatch.disable_alarm_actions(AlarmNames=[name])
            before = self._states.get(
                name, State("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation", now)
            )
            values = self._store.periods(alarm, now)
            value = judge(alarm, values, before.value)
            state = (
                before if value == before.value else State(value, f"{values} and {alarm['Threshold']}", now)
            )
            self._states[name] = state
            if alarm["StateValue"] != state.value:
                self._cloudwatch.set_alarm_state(
                    AlarmName=name, StateValue=state.value, StateReason=state.reason
                )
            if state is not before:
                self._act(alarm, state, before.value)

    def _act(self, alarm: Mapping[str, Any], state: State, before: str) -> None:
        field = {"ALARM": "AlarmActions", "OK": "OKActions"}.get(state.value, "InsufficientDataActions")
        for arn in alarm.get(field, []):
            if ":lambda:" in arn:
                event = action_event(alarm, state, before)
                # As CloudWatch does it: asynchronously, so Lambda tries again by itself.
                self._lambda.invoke(
                    FunctionName=arn, InvocationType="Event", Payload=json.dumps(event).encode()
                )
                self.invoked.append(event)
            elif ":sns:" in arn:
                notice = json.dumps(action_notice(alarm, state, before))
                subject = f'{state.value}: "{alarm["AlarmName"]}"'[:100]
                self._sns.publish(TopicArn=arn, Subject=subject, Message=notice)
