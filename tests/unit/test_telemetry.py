"""Metrics carry exactly the dimensions that alarms look for; logs carry no secrets."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from lifeline.telemetry import METRICS, Telemetry, clean

from local.metrics import data_of


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]


def test_a_metric_has_its_own_dimensions_and_no_other(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "lifeline")
    Telemetry("test").count("Failures", 2, scope="whatsapp", cause="auth")
    (line,) = lines(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Lifeline"
    assert directive["Dimensions"] == [["scope", "cause"]], "a further dimension hides it from its alarms"
    assert (line["Failures"], line["scope"], line["cause"]) == ([2.0], "whatsapp", "auth")


@pytest.mark.parametrize(("hits", "misses"), [(0, 3), (1, 0), (60, 60), (100, 150)])
def test_a_share_is_one_value_per_batch(capsys: pytest.CaptureFixture[str], hits: int, misses: int) -> None:
    Telemetry("test").share("Unreached", hits, misses, scope="whatsapp")
    (line,) = lines(capsys)
    assert line["Unreached"] == [hits / (hits + misses)]
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["scope"]]


def test_nothing_to_share_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Telemetry("test").share("Unreached", 0, 0, scope="whatsapp")
    assert not lines(capsys)


def test_what_is_counted_together_is_one_line_where_dimensions_agree(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry = Telemetry("test")
    with telemetry.together():
        telemetry.count("Sends", 100, scope="whatsapp")
        telemetry.share("Unreached", 1, 3, scope="whatsapp")
        telemetry.count("Outcomes", 99, status="SENT")
        telemetry.count("Outcomes", 1, status="PARKED")
        telemetry.count("Sends", 2, scope="whatsapp")
        assert not lines(capsys)
    first, second = lines(capsys)
    assert (first["Sends"], first["Unreached"], first["Outcomes"], first["status"]) == (
        [100.0, 2.0],
        [0.25],
        [99.0],
        "SENT",
    )
    assert [one["Dimensions"] for one in first["_aws"]["CloudWatchMetrics"]] == [[["scope"]], [["status"]]]
    assert (second["Outcomes"], second["status"]) == ([1.0], "PARKED")
    found = {(datum.name, datum.dimensions, datum.value) for datum in data_of(json.dumps(first))}
    assert found == {
        ("Sends", (("scope", "whatsapp"),), 100.0),
        ("Sends", (("scope", "whatsapp"),), 2.0),
        ("Unreached", (("scope", "whatsapp"),), 0.25),
        ("Outcomes", (("status", "SENT"),), 99.0),
    }


def test_what_was_counted_before_an_error_is_not_lost(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("test")

    def fails() -> None:
        with telemetry.together():
            telemetry.count("Sends", 1, scope="whatsapp")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    assert len(lines(capsys)) == 1
    telemetry.count("Sends", 1, scope="whatsapp")
    assert len(lines(capsys)) == 1, "at once again"


def test_a_metric_has_at_most_a_hundred_values_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("test")
    with telemetry.together():
        for _ in range(150):
            telemetry.count("Sends", scope="whatsapp")
    assert [len(line["Sends"]) for line in lines(capsys)] == [100, 50]


def test_unknown_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="dimensions"):
        Telemetry("test").count("Sends", phone="+491700000001")
    with pytest.raises(KeyError):
        Telemetry("test").count("NoSuchMetric")
    assert all(dimensions for _, dimensions in METRICS.values())


def test_logs_hold_no_token_and_no_whole_phone_number() -> None:
    text = clean("to +491700000123 with EAAGm0PX4ZCpsBAKZAtest and Bearer abc.def")
    assert "491700000" not in text
    assert "EAAG" not in text
    assert "abc.def" not in text
    assert "***123" in text


def test_the_id_of_an_incident_stays_whole() -> None:
    text = clean("incident 20261123-203620-e4e2d2 of +491700000123")
    assert text == "incident 20261123-203620-e4e2d2 of ***123"


def test_a_log_holds_no_address_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """In the event, a field, a field's key, and in an exception with its trace and its notes."""
    telemetry = Telemetry("redaction")
    telemetry.info("to +49 151-55544433", who={"jane@example.org": ["0049 151 55544433"]})
    try:
        error = ValueError("no route to +49 (151) 555-44 433")
        error.add_note("for jane@example.org")
        raise error
    except ValueError:
        telemetry.exception("failed for (0151) 555-44-433")
    told = re.sub(r'"timestamp":"[^"]*"', "", capsys.readouterr().out)  # its milliseconds may be 151
    assert "no route to" in told
    assert "ValueError" in told
    for part in ("555", "151", "jane"):
        assert part not in told.replace(json.dumps(__file__)[1:-1], "")
