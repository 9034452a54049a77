"""From a metric to panic: EMF lines, CloudWatch's alarm, the alarm function, by both ways in."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.system import System, eventually


def alarm_event(system: System, what: str, state: str = "ALARM") -> dict[str, Any]:
    name = f"{system.stack.name}-trip-{what}"
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
    return {
        "source": "aws.cloudwatch",
        "alarmArn": f"arn:aws:cloudwatch:eu-west-1:000000000000:alarm:{name}",
        "alarmData": {
            "alarmName": name,
            "state": {"value": state, "reason": "Threshold Crossed", "timestamp": moment},
            "previousState": {"value": "OK"},
            "configuration": {},
        },
    }


def sns_event(system: System, what: str, state: str = "ALARM") -> dict[str, Any]:
    direct = alarm_event(system, what, state)["alarmData"]
    message = {
        "AlarmName": direct["alarmName"],
        "NewStateValue": state,
        "NewStateReason": "Threshold Crossed",
        "StateChangeTime": direct["state"]["timestamp"],
        "AlarmRule": "ALARM(a) AND ALARM(b)",
    }
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(message)}}]}


@pytest.mark.parametrize("shape", [alarm_event, sns_event])
def test_both_shapes_enter_panic_on_the_scope_in_the_name(system: System, shape: Any) -> None:
    system.fresh()
    for state in ("OK", "INSUFFICIENT_DATA"):
        system.invoke("Alarm", shape(system, "whatsapp-failures", state))
    assert system.flag()["state"] == "normal"
    for _ in range(2):
        system.invoke("Alarm", shape(system, "whatsapp-failures"))
    flag = system.panics("alarm")
    assert flag["source"] == "alarm"
    assert [event["kind"] for event in system.history()].count("entered") == 1
    system.recovers()


def test_voice_panics_alone(system: System) -> None:
    system.fresh()
    system.invoke("Alarm", alarm_event(system, "openai_voice-queue-age"))
    assert system.flag("openai_voice")["state"] == "panic"
    assert system.flag()["state"] == "normal"


def test_every_trip_alarm_of_the_template_names_the_function(system: System) -> None:
    alarms = system.cloudwatch.describe_alarms(AlarmNamePrefix=f"{system.stack.name}-trip-")["MetricAlarms"]
    assert {alarm["AlarmName"].removeprefix(f"{system.stack.name}-trip-") for alarm in alarms} >= {
        "whatsapp-failures",
        "whatsapp-no-success",
        "whatsapp-queue-age",
    }
    function = system.out["AlarmFunctionName"]
    for alarm in alarms:
        assert any(":lambda:" in arn and function in arn for arn in alarm["AlarmActions"]), alarm["AlarmName"]
    policy = json.loads(system.functions.get_policy(FunctionName=function)["Policy"])
    principals = [statement["Principal"].get("Service") for statement in policy["Statement"]]
    assert "lambda.alarms.cloudwatch.amazonaws.com" in principals


def written_as_a_metric(system: System, name: str, points: dict[int, float]) -> None:
    """What the sender's log would hold. ``points``: by epoch seconds."""
    logs = system.stack.client("logs")
    group, stream = f"/aws/lambda/{system.out['SenderFunctionName']}", f"test-{name}-{time.time_ns()}"
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    metrics = {"Namespace": "Lifeline", "Dimensions": [["scope"]], "Metrics": [{"Name": name}]}
    lines = [
        {
            "_aws": {"Timestamp": at * 1000, "CloudWatchMetrics": [metrics]},
            "scope": "whatsapp",
            name: value,
        }
        for at, value in points.items()
    ]
    logs.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[{"timestamp": int(time.time() * 1000), "message": json.dumps(line)} for line in lines],
    )


def test_outcomes_that_stay_untold_set_off_their_alarm_and_one_hiccup_does_not(system: System) -> None:
    name = f"{system.stack.name}-outcomes_delayed"

    def alarm() -> dict[str, Any]:
        (found,) = system.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return dict(found)

    system.fresh()
    assert (alarm()["Period"] * alarm()["EvaluationPeriods"], alarm()["TreatMissingData"]) == (
        600,
        "notBreaching",
    )
    assert alarm()["StateValue"] != "ALARM", "no data: all was taken"
    now = int(time.time())
    written_as_a_metric(system, "OutcomesDelayed", {now - 30: 3.0})
    eventually(lambda: alarm()["StateValue"] == "OK", 30, "the alarm has looked")
    # Each five minutes of ten: also where a period has just begun.
    written_as_a_metric(system, "OutcomesDelayed", {now - ago: 1.0 for ago in (330, 630, 930)})
    eventually(lambda: alarm()["StateValue"] == "ALARM", 30, "ALARM")


def test_from_log_lines_to_a_metric_to_an_alarm_to_panic(system: System) -> None:
    """Three minutes of the sender's metric, written as the sender writes it, with times that have passed."""
    system.fresh()
    logs = system.stack.client("logs")
    group, stream = f"/aws/lambda/{system.out['SenderFunctionName']}", f"test-{time.time():.0f}"
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    minute = int(time.time() // 60) * 60
    lines = []
    for at in (minute - 150, minute - 90, minute - 30):
        metrics = {"Namespace": "Lifeline", "Dimensions": [["scope"]], "Metrics": [{"Name": "Unreached"}]}
        line = {
            "_aws": {"Timestamp": at * 1000, "CloudWatchMetrics": [metrics]},
            "scope": "whatsapp",
            # More than what earlier tests sent in these minutes.
            "Unreached": [1.0] * 5000,
        }
        lines.append({"timestamp": int(time.time() * 1000), "message": json.dumps(line)})
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=lines)
    flag = system.panics("alarm", within=20)
    assert flag["source"] == "alarm"
    assert "whatsapp-failures" in flag["reason"]
    assert [event["kind"] for event in system.history()].count("entered") == 1, (
        "the topic tells it a second time"
    )
    alarm = system.cloudwatch.describe_alarms(AlarmNames=[f"{system.stack.name}-trip-whatsapp-failures"])
    assert alarm["MetricAlarms"][0]["StateValue"] == "ALARM"
    system.recovers()
