"""The scopes: each row whole, templates as their channel, and words for what this version does not know."""

from __future__ import annotations

from dataclasses import fields

import pytest
from lifeline.contract.scopes import (
    OPENAI_VOICE,
    SCOPES,
    WHATSAPP,
    Scope,
    is_scope,
    scope_of,
    template_scope,
)

from tests.support.template import resources

PATTERN = "{service}|{support}|{status_page}|{credential}"


def test_names() -> None:
    assert list(SCOPES) == [row.name for row in SCOPES.values()]
    assert all(map(is_scope, SCOPES))
    assert is_scope(template_scope("appointment_reminder"))
    assert not is_scope(template_scope(""))
    assert not is_scope("telegram")


@pytest.mark.parametrize("row", SCOPES.values(), ids=str)
def test_a_channel_tells_all_that_people_have_to_read(row: Scope) -> None:
    unknown = Scope("x")
    for field in ("service", "support", "status_page", "credential", "meanwhile", "afterwards"):
        assert getattr(row, field) != getattr(unknown, field), field
    assert row.fill(PATTERN) == f"{row.service}|{row.support}|{row.status_page}|{row.credential}"
    # An alarm's name tells the scope it trips up to the next hyphen.
    assert "-" not in row.name
    assert all(alarm.startswith(f"trip-{row.name}-") for alarm in row.alarms)
    assert row.holds_messages or not row.holds_bulk


@pytest.mark.parametrize("row", SCOPES.values(), ids=str)
def test_the_alarms_of_a_channel_are_in_the_template(row: Scope) -> None:
    names = {
        item["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        for item in resources("AWS::CloudWatch::Alarm").values()
    }
    assert {row.panic_alarm, *row.alarms} <= names


def test_a_template_is_what_its_channel_is_but_for_its_own_probe_and_promotions() -> None:
    template, channel = scope_of(template_scope("spring_offer")), SCOPES[WHATSAPP]
    other = {f.name for f in fields(Scope) if getattr(template, f.name) != getattr(channel, f.name)}
    assert other == {"name", "commands", "asks", "holds_bulk", "promotions", "alarms"}
    assert "spring_offer" in template.promotions


def test_nothing_waits_for_a_scope_of_another_version() -> None:
    assert not scope_of("carrier_pigeon").holds_messages
    assert "the service" in scope_of("carrier_pigeon").fill(PATTERN)


def test_voice_has_a_probe_of_its_own_and_no_backlog() -> None:
    assert scope_of(OPENAI_VOICE).asks == ("voice",)
    assert not scope_of(OPENAI_VOICE).holds_messages
