"""The stand-in: EMF lines as CloudWatch reads them, and alarm events as the alarm function reads them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from lifeline.domain.alarms import changes_of
from lifeline.telemetry import Telemetry

from local.metrics import StandIn, action_event, batches, data_of

CHANGED = datetime(2026, 3, 1, 9, 0, 5, 101000, tzinfo=UTC)


def alarm(state: str, **more: Any) -> dict[str, Any]:
    return {
        "AlarmName": "here-trip-whatsapp-failures",
        "AlarmArn": "arn:aws:cloudwatch:eu-west-1:000000000000:alarm:here-trip-whatsapp-failures",
        "StateValue": state,
        "StateReason": "Threshold Crossed",
        "StateUpdatedTimestamp": CHANGED,
        "AlarmActions": [
            "arn:aws:lambda:eu-west-1:000000000000:function:here-alarm",
            "arn:aws:sns:eu-west-1:000000000000:trips",
        ],
        **more,
    }


def test_what_the_telemetry_writes_becomes_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    Telemetry("test").share("Unreached", 2, 3, scope="whatsapp")
    line = capsys.readouterr().out.strip()
    found = list(data_of(line))
    assert [datum.value for datum in found] == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert {(datum.namespace, datum.name, datum.dimensions) for datum in found} == {
        ("Lifeline", "Unreached", (("scope", "whatsapp"),))
    }
    ((namespace, entries),) = batches(found)
    assert namespace == "Lifeline"
    (entry,) = entries
    assert dict(zip(entry["Values"], entry["Counts"], strict=True)) == {1.0: 2.0, 0.0: 3.0}


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


def test_the_event_of_an_alarm_is_one_that_the_alarm_function_understands() -> None:
    (change,) = changes_of(action_event(alarm("ALARM"), "OK", "000000000000", "eu-west-1"))
    assert (change.name, change.state, change.at) == (
        "here-trip-whatsapp-failures",
        "ALARM",
        CHANGED.timestamp(),
    )


class Stub:
    """Clients of a system of which only alarms matter."""

    name = "here"
    outputs: dict[str, str] = {}  # noqa: RUF012 - read only

    def __init__(self) -> None:
        self.states = "OK"
        self.calls: list[dict[str, Any]] = []
        self.more: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        return self

    def get_paginator(self, name: str) -> Any:
        pages = {
            "describe_alarms": [{"MetricAlarms": [alarm(self.states, **self.more)]}],
            "describe_log_groups": [{"logGroups": []}],
        }
        return type("Pages", (), {"paginate": lambda _self, **_: pages[name]})()

    def invoke(self, **arguments: Any) -> None:
        self.calls.append(arguments)


def test_a_change_of_state_invokes_the_function_once() -> None:
    stub = Stub()
    stand_in = StandIn(stub)
    stand_in.step()
    for _ in range(3):
        stub.states = "ALARM"
        stand_in.step()
    assert [call["FunctionName"] for call in stub.calls] == [
        "arn:aws:lambda:eu-west-1:000000000000:function:here-alarm"
    ]
    assert stub.calls[0]["InvocationType"] == "Event"
    assert json.loads(stub.calls[0]["Payload"])["alarmData"]["previousState"] == {"value": "OK"}
    stub.states = "OK"
    stand_in.step()
    assert len(stub.calls) == 1, "OK has no function among its actions"
    stub.states = "ALARM"
    stand_in.step()
    assert len(stub.calls) == 2


def test_actions_that_are_switched_off_do_nothing() -> None:
    stub = Stub()
    stub.states, stub.more = "ALARM", {"ActionsEnabled": False}
    StandIn(stub).step()
    assert not stub.calls
