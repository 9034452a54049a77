"""The post-mortem's checklist."""

from __future__ import annotations

import pytest
from lifeline.domain.failure.causes import Cause
from lifeline.domain.incident.report import report
from lifeline.domain.message.status import Status
from lifeline.domain.panic.flag import Kind

from tests.support.incidents import START, event, facts, many

S = Status


@pytest.mark.parametrize("cause", [*Cause, "unheard_of"])
def test_every_cause_has_a_checklist_with_answers(cause: str) -> None:
    events = [event(Kind.ENTERED, 0, 1, cause=cause), event(Kind.RECOVERING, 60, 2, cause=cause)]
    found = report(facts(events, many()))["checklist"]
    assert len(found) >= 5
    assert all(item["text"] and item["known"] for item in found)
    assert found[0]["done"], "the duration is known"
    assert not found[1]["done"], "a fallback failed"


@pytest.mark.parametrize("cause", ["account", "auth", "unreachable", "rate_limit", "operator", "alarm"])
def test_after_openais_trouble_nobody_is_sent_to_meta(cause: str) -> None:
    events = [
        event(Kind.ENTERED, 0, 1, cause=cause, scope="openai_voice"),
        event(Kind.RECOVERING, 60, 2, cause=cause, scope="openai_voice"),
    ]
    asked = " ".join(item["text"] for item in report(facts(events, []))["checklist"])
    for word in ("Meta", "meta", "Marketing", "backlog", "token"):
        assert word not in asked
    assert ("OpenAI" in asked) is (cause in ("account", "unreachable", "alarm"))


def test_the_rate_limit_checklist_answers_the_runbook() -> None:
    events = [event(Kind.ENTERED, 0, 1, cause="rate_limit"), event(Kind.RECOVERING, 60, 2)]
    minutes = {int(START): {"e|rate_limit|130429": 4}}
    asked = {item["text"]: item["known"] for item in report(facts(events, [], minutes))["checklist"]}
    assert "130429: 4" in asked["Update rate limit thresholds if needed"]
    assert "Review what caused the traffic spike" in asked
