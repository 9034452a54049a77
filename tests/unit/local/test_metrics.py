"""The stand-in: EMF lines as CloudWatch reads them, and alarm events as the alarm function reads them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from lifeline.domain.panic.alarms import changes_of
from lifeline.telemetry import Telemetry

from local.metrics import (
    Datum,
    StandIn,
    State,
    Store,
    action_event,
    action_notice,
    batches,
    data_of,
    judge,
)

CHANGED = datetime(2026, 3, 1, 9, 0, 5, 101000, tzinfo=UTC)


FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:here-alarm"
TOPIC = "arn:aws:sns:eu-west-1:000000000000:here-trips"


def alarm(**more: Any) -> dict[str, Any]:
    return {
        "AlarmName": "here-trip-whatsapp-failures",
        "AlarmArn": "arn:aws:cloudwatch:eu-west-1:000000000000:alarm:here-trip-whatsapp-failures",
        "StateValue": "INSUFFICIENT_DATA",
        "Namespace": "Lifeline",
        "MetricName": "Unreached",
        "Dimensions": [{"Name": "scope", "Value": "whatsapp"}],
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [FUNCTION, TOPIC],
        "OKActions": [],
        **more,
    }


def test_what_the_telemetry_writes_becomes_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    Telemetry("test").share("Unreached", 2, 3, scope="whatsapp")
    line = capsys.readouterr().out.strip()
    found = list(data_of(line))
    assert [datum.value for datum in found] == [0.4]
    assert {(datum.namespace, datum.name, datum.dimensions) for datum in found} == {
        ("Lifeline", "Unreached", (("scope", "whatsapp"),))
    }
    ((namespace, entries),) = batches(found)
    assert namespace == "Lifeline"
    (entry,) = entries
    assert dict(zip(entry["Values"], entry["Counts"], strict=True)) == {0.4: 1.0}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "START RequestId",
        '{"message": 1}',
        '{"_aws": 3}',
        '{"_aws":{"CloudWatchMetrics":[{}]}}',
        '{"_aws"',
    ],
)
def test_other_lines_are_no_metrics(line: str) -> None:
    assert list(data_of(line)) == []


def test_many_metrics_go_in_several_calls() -> None:
    lines = [
        json.dumps(
            {
                "_aws": {
                    "Timestamp": 1_790_000_000_000 + second * 1000,
                    "CloudWatchMetrics": [{"Namespace": "N", "Dimensions": [[]], "Metrics": [{"Name": "M"}]}],
                },
                "M": second,
            }
        )
        for second in range(1200)
    ]
    sizes = [len(entries) for _, entries in batches(datum for line in lines for datum in data_of(line))]
    assert sizes == [500, 500, 200]


NOW = CHANGED.timestamp()


def test_what_is_sent_for_an_alarm_is_what_the_alarm_function_understands() -> None:
    state = State("ALARM", "Threshold Crossed", NOW)
    notice = json.dumps(action_notice(alarm(), state, "OK"))
    direct = action_event(alarm(), state, "OK")
    wrapped = {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": notice}}]}
    for event in (direct, wrapped):
        (change,) = changes_of(event)
        assert (change.name, change.state, change.at) == ("here-trip-whatsapp-failures", "ALARM", NOW)


@pytest.mark.parametrize(
    ("values", "more", "state"),
    [
        ([1.0, 1.0, 1.0], {}, "ALARM"),
        ([1.0, 0.4, 1.0], {}, "OK"),
        ([1.0, 0.4, 1.0], {"DatapointsToAlarm": 2}, "ALARM"),
        ([None, 1.0, 1.0], {}, "OK"),
        ([None, 1.0, 1.0], {"TreatMissingData": "breaching"}, "ALARM"),
        ([None, None, None], {}, "OK"),
        ([None, None, None], {"TreatMissingData": "breaching"}, "ALARM"),
        ([None, None, None], {"TreatMissingData": "ignore"}, "before"),
        ([None, None, None], {"TreatMissingData": "missing"}, "INSUFFICIENT_DATA"),
        ([0.5, 0.5, 0.5], {}, "OK"),
        ([0.5, 0.5, 0.5], {"ComparisonOperator": "GreaterThanOrEqualToThreshold"}, "ALARM"),
        ([0.0, 0.0, 0.0], {"ComparisonOperator": "LessThanThreshold"}, "ALARM"),
    ],
)
def test_alarms_are_judged_period_by_period(
    values: list[float | None], more: dict[str, Any], state: str
) -> None:
    assert judge(alarm(**more), values, "before") == state


def test_periods_are_told_apart_and_so_are_dimensions() -> None:
    store = Store()
    end = int(NOW // 60) * 60

    def value(at: float, number: float, scope: str = "whatsapp") -> Datum:
        return Datum("Lifeline", "Unreached", (("scope", scope),), "Count", number, at)

    store.add(
        [
            value(end - 170, 1),
            value(end - 100, 0),
            value(end - 90, 1),
            value(end - 30, 0.25, "openai_voice"),
            value(end + 1, 1),
        ],
        NOW,
    )
    assert store.periods(alarm(), NOW) == [1, 0.5, None]
    store.add([], NOW + 10_000)
    assert store.periods(alarm(), NOW) == [None, None, None]


class Stub:
    """Clients of a system with one alarm and one function's log."""

    name = "here"
    outputs: dict[str, str] = {}  # noqa: RUF012 - read only

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.invoked: list[dict[str, Any]] = []
        self.published: list[dict[str, Any]] = []
        self.put: list[dict[str, Any]] = []
        self.state = "INSUFFICIENT_DATA"
        self.enabled = True

    def client(self, service: str) -> Any:
        return self

    def get_paginator(self, name: str) -> Any:
        found = {
            "describe_alarms": [
                {"MetricAlarms": [alarm(StateValue=self.state, ActionsEnabled=self.enabled)]}
            ],
            "describe_log_groups": [{"logGroups": [{"logGroupName": "/aws/lambda/here-sender"}]}],
        }
        return type("Pages", (), {"paginate": lambda _self, **_: found[name]})()

    def filter_log_events(self, **_: Any) -> dict[str, Any]:
        return {"events": self.lines}

    def put_metric_data(self, **arguments: Any) -> None:
        self.put.append(arguments)

    def disable_alarm_actions(self, **_: Any) -> None:
        self.enabled = False

    def set_alarm_state(self, **arguments: Any) -> None:
        self.state = arguments["StateValue"]

    def invoke(self, **arguments: Any) -> None:
        self.invoked.append(arguments)

    def publish(self, **arguments: Any) -> None:
        self.published.append(arguments)

    def log(self, at: float, hits: int, misses: int) -> None:
        metrics = [{"Name": "Unreached", "Unit": "Count"}]
        line = {
            "_aws": {
                "Timestamp": int(at * 1000),
                "CloudWatchMetrics": [
                    {"Namespace": "Lifeline", "Dimensions": [["scope"]], "Metrics": metrics}
                ],
            },
            "scope": "whatsapp",
            "Unreached": [1.0] * hits + [0.0] * misses,
        }
        self.lines.append({"logStreamName": "s", "timestamp": int(at * 1000), "message": json.dumps(line)})


def test_from_log_lines_to_the_function_once_and_back() -> None:
    stub = Stub()
    now = NOW
    stand_in = StandIn(stub, clock=lambda: now)
    for minute in range(1, 4):
        stub.log(NOW - 60 * minute, hits=9, misses=1)
    for _ in range(3):
        stand_in.step()
    assert (stub.state, stub.enabled) == ("ALARM", False)
    assert [call["FunctionName"] for call in stub.invoked] == [FUNCTION]
    assert stub.invoked[0]["InvocationType"] == "Event"
    assert [call["TopicArn"] for call in stub.published] == [TOPIC]
    assert (
        json.loads(stub.invoked[0]["Payload"])["alarmData"]["previousState"]["value"] == "INSUFFICIENT_DATA"
    )
    assert sum(sum(entry["Counts"]) for call in stub.put for entry in call["MetricData"]) == 30, "once each"
    now += 600
    stand_in.step()
    assert stub.state == "OK"
    assert len(stub.invoked) == 1, "OK names no function"


def test_two_of_three_minutes_do_nothing() -> None:
    stub = Stub()
    stub.log(NOW - 60, hits=9, misses=0)
    stub.log(NOW - 120, hits=9, misses=0)
    StandIn(stub, clock=lambda: NOW).step()
    assert stub.state == "OK"
    assert not stub.invoked


def test_queues_are_measured() -> None:
    class Queues(Stub):
        outputs = {"WhatsappQueueUrl": "http://q/0/here-whatsapp-queue", "StackName": "x"}  # noqa: RUF012

        def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
            return {"Attributes": {"ApproximateNumberOfMessages": "7"}}

    stub = Queues()
    now = NOW
    stand_in = StandIn(stub, clock=lambda: now)
    stand_in.step()
    now += 100
    stand_in.step()
    entries = [entry for call in stub.put for entry in call["MetricData"]]
    ages = [entry["Values"] for entry in entries if entry["MetricName"].startswith("ApproximateAge")]
    assert ages == [[0.0], [100.0]]
    assert {entry["Dimensions"][0]["Value"] for entry in entries} == {"here-whatsapp-queue"}
