"""Spans and instants as people write them; global options before and after a command."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from lifeline_cli.errors import CliError
from lifeline_cli.options import hoist
from lifeline_cli.render import ago, moment
from lifeline_cli.values import instant_of, seconds_of


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86400), ("1h30m", 5400), ("0.5h", 1800)],
)
def test_spans(words: str, seconds: float) -> None:
    assert seconds_of(words, "--for") == seconds


@pytest.mark.parametrize("words", ["", "2", "h", "2 weeks", "-1h", "0s", "1h?", "1.2.3h"])
def test_what_is_no_span_is_wrong_usage(words: str) -> None:
    with pytest.raises(CliError) as caught:
        seconds_of(words, "--for")
    assert caught.value.exit_code == 2
    assert "--for" in caught.value.message


def test_a_time_of_day_is_the_next_one() -> None:
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert instant_of("18:30", now) == "2026-03-01T18:30:00.000Z"
    assert instant_of("06:30", now) == "2026-03-02T06:30:00.000Z"
    assert instant_of("2026-03-01T10:00:00+01:00") == "2026-03-01T09:00:00.000Z"


@pytest.mark.parametrize("words", ["tomorrow", "25:00", "2026-03-01T09:00:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_instant_is_wrong_usage(words: str) -> None:
    with pytest.raises(CliError) as caught:
        instant_of(words)
    assert caught.value.exit_code == 2


def test_global_options_may_stand_anywhere_before_two_dashes() -> None:
    assert hoist(["panic", "status", "--json", "--stack", "x"]) == [
        "--json",
        "--stack",
        "x",
        "panic",
        "status",
    ]
    assert hoist(["panic", "--region=eu-west-1", "status"]) == ["--region=eu-west-1", "panic", "status"]
    assert hoist(["panic", "enable", "--", "whatsapp", "--json"]) == [
        "panic",
        "enable",
        "--",
        "whatsapp",
        "--json",
    ]


def test_instants_for_people() -> None:
    assert moment("2026-03-01T09:00:00.000Z") == "2026-03-01 09:00:00 UTC"
    assert ago("2026-03-01T09:00:00.000Z", "2026-03-01T09:02:00.000Z") == "2 min ago"
