"""What an alarm's name and change say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lifeline.contract.instants import parse_instant
from lifeline.contract.scopes import OPENAI_VOICE, WHATSAPP, template_scope
from lifeline.domain.panic.alarms import changes_of, scope_of

EVENTS = Path(__file__).parents[4] / "events" / "alarm"


CHANGED = parse_instant("2026-03-01T09:00:05.101+00:00")


def event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("lifeline-trip-whatsapp-error-share", WHATSAPP),
        ("lifeline-trip-openai_voice-queue-age", OPENAI_VOICE),
        ("lifeline-trip-whatsapp/template/spring_offer-rejected", template_scope("spring_offer")),
        ("lifeline-trip-whatsapp", None),
        ("lifeline-trip-telegram-errors", None),
        ("lifeline-notice-whatsapp-dlq-depth", None),
        ("other-trip-whatsapp-error-share", None),
        ("", None),
    ],
)
def test_the_name_says_the_scope(name: str, scope: str | None) -> None:
    assert scope_of(name, "lifeline-") == scope


def test_without_a_prefix_no_alarm_is_ours() -> None:
    assert scope_of("trip-whatsapp-error-share", "") is None


def test_an_eventbridge_change_is_understood() -> None:
    detail = event("cloudwatch_direct")["alarmData"]
    (change,) = changes_of({"detail-type": "CloudWatch Alarm State Change", "detail": detail})
    assert (change.name, change.state, change.at) == ("lifeline-trip-whatsapp-error-share", "ALARM", CHANGED)


def test_a_reason_shows_no_number_and_no_address() -> None:
    detail = event("cloudwatch_direct")["alarmData"]
    detail["state"]["reason"] = "sends to +49 (151) 555-44 433 and jane@example.org failed"
    (change,) = changes_of({"detail-type": "CloudWatch Alarm State Change", "detail": detail})
    assert "failed" in change.reason
    assert not [part for part in ("151", "555-44", "jane") if part in change.reason]
