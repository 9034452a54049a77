"""The dashboard and the alarms show what the code really emits: names, dimensions and their values."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest
from lifeline.adapters.agenda import AGENDA_INDEX
from lifeline.contract.scopes import SCOPES, WHATSAPP
from lifeline.contract.statuses import STATUSES
from lifeline.contract.ways import WAYS_BY_NAME
from lifeline.domain.fallback.policy import DEFAULT_POLICY
from lifeline.domain.incident.readiness import EXPECTED
from lifeline.domain.message.row import BACKLOG, Lane, Row
from lifeline.telemetry import METRICS, NAMESPACE, Telemetry
from lifeline.use_cases.deliver import FallBack
from lifeline.use_cases.feedback.feedback import Feedback
from lifeline.use_cases.tick.gauges import HELD

from tests.support.dashboard import body, shown
from tests.support.memory import Clock
from tests.support.template import ROOT, functions, logical_id, resources, transformed

VALUES: dict[tuple[str, str], set[str]] = {
    ("*", "scope"): set(SCOPES),
    ("*", "way"): {*WAYS_BY_NAME},
    ("Feedback", "way"): {*WAYS_BY_NAME, "mail", "record"},
    ("Feedback", "kind"): {
        *("bounce", "complaint", "disabled", "passing"),
        *("sent", "delivered", "bounced", "rejected", "failed"),
    },
    ("Outcomes", "status"): set(STATUSES) - {"CLAIMED", "IN_DOUBT", "DELIVERED", "READ"},
    ("StatusUpdates", "status"): {"sent", "delivered", "read", "failed"},
    ("Probes", "result"): {"ok", "failed"},
    ("TokenRefreshes", "result"): {"renewed", "failed"},
    ("DrainRate", "lane"): {WHATSAPP},
    ("DrainCeiling", "lane"): {WHATSAPP},
    ("Released", "lane"): {str(lane) for lane in BACKLOG},
    ("Backlog", "lane"): {*map(str, Lane), HELD},
    ("Speech", "result"): {"voice", "text"},
}
"""What a dimension can hold; the outcomes of a webhook are counted as ``StatusUpdates``."""

OF_AWS = {
    "AWS/SQS": {"QueueName"},
    "AWS/Lambda": {"FunctionName"},
    "AWS/DynamoDB": {"TableName", "GlobalSecondaryIndexName"},
    "AWS/Logs": {"LogGroupName"},
}


def calls() -> Iterator[tuple[str, frozenset[str], str]]:
    """Every metric in the code: name, dimensions, place."""
    for path in sorted((ROOT / "layers" / "lifeline" / "lifeline" / "use_cases").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = node.func.value
            if node.func.attr in ("count", "share") and isinstance(owner, ast.Attribute | ast.Name):
                name = owner.attr if isinstance(owner, ast.Attribute) else owner.id
                if name in ("_telemetry", "telemetry", "log"):
                    first = node.args[0]
                    assert isinstance(first, ast.Constant), f"{path.name}:{node.lineno}: name it in the call"
                    dimensions = frozenset(word.arg or "" for word in node.keywords)
                    yield str(first.value), dimensions, f"{path.name}:{node.lineno}"


EMITTED = {name: dimensions for name, dimensions, _ in calls()}


def test_the_list_of_metrics_is_what_the_code_emits() -> None:
    for name, dimensions, place in calls():
        assert set(METRICS[name][1]) == dimensions, place
    assert set(METRICS) == set(EMITTED)


def check(name: str, dimensions: dict[str, str]) -> None:
    assert EMITTED.get(name) == frozenset(dimensions), name
    for key, value in dimensions.items():
        allowed = VALUES.get((name, key)) or VALUES["*", key]
        assert value in allowed, (name, key, value)


@pytest.mark.parametrize("entry", shown(), ids=lambda entry: f"{entry[1]}-{'-'.join(entry[2].values())}")
def test_a_metric_on_the_dashboard_is_emitted(entry: tuple[str, str, dict[str, str]]) -> None:
    namespace, name, dimensions = entry
    if namespace == NAMESPACE:
        check(name, dimensions)
        return
    assert set(dimensions) <= OF_AWS[namespace]
    known = set(transformed()["Resources"])
    index = dimensions.pop("GlobalSecondaryIndexName", None)
    assert index in (None, AGENDA_INDEX)
    assert dimensions
    for value in dimensions.values():
        resource = re.fullmatch(r"\$\{(\w+)(?:\.QueueName)?\}", value)
        assert resource is not None
        assert resource[1] in known


def searches() -> dict[str, set[str]]:
    """Names and dimensions of the metrics that the dashboard looks for, whatever values they have."""
    text = json.dumps(body()).replace("\\", "")
    found = re.findall(r"SEARCH\('\{Lifeline,([\w,]+)\} MetricName=\"(\w+)\"", text)
    assert len(found) == text.count("SEARCH(")
    return {name: set(dimensions.split(",")) for dimensions, name in found}


@pytest.mark.parametrize("name", searches())
def test_every_search_of_the_dashboard_names_dimensions_that_are_emitted(name: str) -> None:
    assert EMITTED[name] == searches()[name]


def test_what_a_registry_adds_comes_onto_the_dashboard_by_itself() -> None:
    """A new scope or cause has its lines without a change of the template."""
    assert {"PanicActive", "Probes", "Failures"} <= set(searches())


def test_what_an_operator_asks_for_is_on_the_dashboard() -> None:
    names = {name for namespace, name, _ in shown() if namespace == NAMESPACE} | set(searches())
    assert names >= {
        *("PanicActive", "Probes", "ProberRuns", "Sends", "Failures", "Unreached", "Stalled"),
        *("Fallbacks", "FallbackFailures", "FallbackFailing", "Feedback", "Outcomes"),
        *("DrainCeiling", "DrainRate", "Released", "Backlog", "Overdue", "TokenDaysLeft", "TokenRefreshes"),
        *("PossibleDuplicates", "Duplicates", "Conflicts", "LeftAlone"),
    }


def test_the_alarms_that_a_rehearsal_wants_are_in_the_template() -> None:
    names = {
        item["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        for item in resources("AWS::CloudWatch::Alarm").values()
    }
    assert set(EXPECTED) <= names


@pytest.mark.parametrize("name", sorted(resources("AWS::CloudWatch::Alarm")))
def test_an_alarm_watches_values_that_are_emitted_and_does_no_sums(name: str) -> None:
    alarm = resources("AWS::CloudWatch::Alarm")[name]
    assert "Metrics" not in alarm, "metric math is not judged by the local system"
    filters = resources("AWS::Logs::MetricFilter").values()
    counted = {made["MetricName"] for item in filters for made in item["MetricTransformations"]}
    if alarm["Namespace"] == NAMESPACE and alarm["MetricName"] not in counted:
        check(alarm["MetricName"], {item["Name"]: item["Value"] for item in alarm["Dimensions"]})


def test_the_dashboard_shows_every_function_queue_and_alarmed_state() -> None:
    text = json.dumps(body())
    for folder in (
        "sender",
        "prober",
        "drainer",
        "alarm",
        "webhook",
        "webhook_events",
        "token_keeper",
        "feedback",
        "operator",
        "operator_read",
    ):
        assert folder in functions()
        assert f"${{{logical_id(folder)}}}" in text
    for queue in resources("AWS::SQS::Queue"):
        assert f"${{{queue}.QueueName}}" in text


def test_every_alarm_is_on_the_dashboard() -> None:
    (widget,) = [item for item in body()["widgets"] if item["type"] == "alarm"]
    shown_alarms = {arn.removeprefix("${").removesuffix(".Arn}") for arn in widget["properties"]["alarms"]}
    assert shown_alarms == set(resources("AWS::CloudWatch::Alarm"))


def test_widgets_fit_the_grid_and_have_units() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body()["widgets"]:
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken, widget["properties"].get("title")
        assert max(x for x, _ in cells) < 24
        taken |= cells
        if widget["type"] == "metric":
            assert widget["properties"]["title"]
            assert widget["properties"]["yAxis"]["left"]["label"], "a chart without a unit says nothing"


def test_emf_lines_of_a_fallback_and_its_bounce_have_the_alarms_dimensions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry, clock, nothing = Telemetry("test"), Clock(1_790_000_000.0), mock.Mock()
    with ThreadPoolExecutor(1) as pool:
        fall_back = FallBack(
            policy=DEFAULT_POLICY,
            couriers={},
            contacts=nothing,
            opted_out=nothing,
            telemetry=telemetry,
            at_rest=nothing,
            default_title="A message for you",
            clock=clock,
            pool=pool,
        )
    fall_back.count([(Row("m-1", tried="push EndpointDisabled, email"), "")])
    event = json.loads((ROOT / "events" / "feedback" / "ses_bounce.json").read_text())
    Feedback(contacts=nothing, mails=nothing, clock=clock, telemetry=telemetry)(event)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    seen = {
        (directive["Metrics"][0]["Name"], tuple((key, line[key]) for key in directive["Dimensions"][0]))
        for line in lines
        for directive in line["_aws"]["CloudWatchMetrics"]
    }
    assert seen >= {
        ("Fallbacks", (("way", "email"),)),
        ("FallbackFailures", (("way", "push"),)),
        ("FallbackFailing", (("scope", "whatsapp"),)),
        ("Feedback", (("way", "email"), ("kind", "bounce"))),
    }
    for name, dimensions in seen:
        check(name, dict(dimensions))
