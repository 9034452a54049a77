"""Evidence in words."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.domain.failure.causes import Cause
from lifeline.domain.panic.detection import (
    Bucket,
    Window,
    judge,
    judge_silence,
    judge_templates,
)
from lifeline_cli.incident_evidence import in_words

NOW = 1_790_000_040.0
MINUTE = int(NOW // 60) * 60


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ({}, "-"),
        ({"hold": False, "until": None}, "-"),
        ({"hold": True, "until": NOW}, "hold yes; until 2026-09-21 14:14:00 UTC"),
        ({"code": 190, "http_status": 401}, "the service's code was 190; HTTP status 401"),
        ({"alarm": "trip-whatsapp-failures", "state": "ALARM"}, "alarm trip-whatsapp-failures; state ALARM"),
        (
            {"rule": "template", "asked": 12, "refused": 9, "share": 0.75},
            "9 of 12 sends refused",
        ),
        (
            {"rule": "confirmed", "asked": "health", "failures_in_a_row": 5},
            "5 sends or checks in a row failed",
        ),
    ],
)
def test_what_people_read(evidence: dict[str, Any], words: str) -> None:
    assert in_words(evidence) == words


def test_what_detection_says_is_told_without_its_own_names() -> None:
    window = Window((Bucket(int(NOW) - 10, 2, {Cause.UNREACHABLE: 6}),), 6)
    streak = judge(window, now=NOW)
    silence = judge_silence({MINUTE - 600: {"acc": 30, "sts": 2}}, now=NOW, since=0)
    template = judge_templates({MINUTE: {"ta|a": 9, "tr|a": 9}}, now=NOW, since={})["a"]
    assert streak
    assert silence
    told = [in_words(verdict.evidence) for verdict in (streak, silence, template)]
    assert told[0] == (
        "in the 1 min before: 2 sends accepted, 6 failed (6 unreachable); "
        "6 sends in a row did not reach the service"
    )
    assert told[1] == "30 sends accepted, 2 of them reported"
    assert told[2] == "9 of 9 sends refused"
    assert not any("_" in words or "{" in words or "rule" in words for words in told)
