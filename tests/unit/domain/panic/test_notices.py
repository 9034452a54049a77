"""Who is told what: engineering of every panic, marketing of promotions, Meta's contact of the account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lifeline.contract.instants import format_instant
from lifeline.contract.scopes import SCOPES
from lifeline.domain.failure.causes import Cause, command, remedy, section
from lifeline.domain.panic.entering import trip
from lifeline.domain.panic.flag import By, Event, Flag, PanicChange, State
from lifeline.domain.panic.notices import Notice, notices

from tests.support.template import ROOT

NOW = 1_790_000_000.0
TEMPLATE = "whatsapp/template/promo_offer"


def told_event(cause: str) -> Event:
    change = trip(
        Flag.normal("whatsapp"),
        By("ada", "operator", "because", NOW),
        cause=cause,
        evidence={},
        new_incident_id="i",
    )
    assert change is not None
    return change.event


def told(cause: str, scope: str = "whatsapp", entered: bool = True, **evidence: Any) -> dict[str, Notice]:
    change: PanicChange | None = trip(
        Flag.normal(scope),
        By("SenderFunction", "sender", "Meta refuses", NOW),
        cause=cause,
        evidence=evidence,
        new_incident_id="20260301-090000-abcdef",
    )
    assert change is not None
    event = change.event if entered else replace(change.event, evidence={})
    return {notice.event: notice for notice in notices(change.flag, event, entered, "102290129340398")}


@pytest.mark.parametrize("cause", ["unreachable", "rate_limit", "auth", "operator"])
def test_engineering_and_marketing_hear_of_a_channel_panic(cause: str) -> None:
    found = told(cause)
    assert found["entered"].audience == ("engineering",)
    assert found["entered"].severity == "high"
    assert "direct-support" not in found["entered"].text
    assert found["promotions_affected"].audience == ("marketing",)
    assert "start no campaign" in found["promotions_affected"].text


@pytest.mark.parametrize("cause", ["account", "spam_limit"])
def test_what_only_meta_can_mend_goes_to_its_contact_with_account_and_incident(cause: str) -> None:
    notice = told(cause)["entered"]
    assert notice.audience == ("engineering", "meta-support")
    for part in ("Meta Business Support", "102290129340398", "20260301-090000-abcdef"):
        assert part in notice.text


def test_blocked_by_people_is_a_matter_of_marketing() -> None:
    assert "stop promotions" in told("spam_limit")["promotions_affected"].text


def test_a_template_concerns_marketing_only_where_it_promotes() -> None:
    assert set(told("template_rejected", "whatsapp/template/reminder")) == {"entered"}
    found = told("template_rejected", TEMPLATE, promotional=True)
    assert "promo_offer" in found["promotions_affected"].text
    # Leaving is another event; the flag still knows what it was about.
    assert "promotions_resume" in told("template_rejected", TEMPLATE, entered=False, promotional=True)


def test_the_end_is_told_to_the_same_people() -> None:
    found = told("account", entered=False)
    assert found["left"].audience == ("engineering", "meta-support")
    assert found["promotions_resume"].audience == ("marketing",)
    assert {notice.severity for notice in found.values()} == {"info"}


def test_voice_concerns_no_promotion() -> None:
    assert set(told("unreachable", "openai_voice")) == {"entered"}


def test_what_is_wrong_with_openai_is_nothing_for_meta() -> None:
    found = told("account", "openai_voice")["entered"]
    assert found.audience == ("engineering",)
    assert "as text" in found.automatic
    assert "backlog" not in told("account", "openai_voice", entered=False)["left"].automatic
    assert "Meta Business Support" not in found.text


@pytest.mark.parametrize(
    ("scope", "cause"),
    [("whatsapp", "unreachable"), ("openai_voice", "auth"), (TEMPLATE, "template_rejected")],
)
def test_engineering_reads_scope_and_cause_what_happens_by_itself_and_one_command(
    scope: str, cause: str
) -> None:
    notice = told(cause, scope)["entered"]
    assert scope in notice.subject
    assert cause in notice.subject
    assert remedy(scope, cause) in notice.text
    assert "Probes end it" in notice.automatic
    assert notice.run == command(scope, cause)


def test_a_held_panic_names_who_ends_it() -> None:
    flag = Flag("whatsapp", State.PANIC, cause="operator", reason="test", hold=True, incident_id="i")
    event = told_event("operator")
    found = notices(flag, event, True)[0]
    assert 'It ends only when an operator runs lifeline panic disable whatsapp "why"' in found.automatic
    until = notices(replace(flag, until=NOW), event, True)[0].automatic
    assert f"It ends at {format_instant(NOW)}, or when an operator" in until


def test_without_a_ramp_nothing_is_said_to_be_slow() -> None:
    event = told_event("unreachable")
    ramped = Flag("whatsapp", State.RECOVERING, cause="unreachable", incident_id="i")
    assert "slowly" in notices(ramped, event, False)[0].automatic
    assert "slowly" in notices(ramped, event, False)[1].text
    for notice in notices(replace(ramped, state=State.NORMAL), event, False):
        assert "slowly" not in notice.text + notice.automatic


def test_each_section_is_in_the_runbook() -> None:
    headings = {
        line.lstrip("# ")
        for line in (ROOT / "docs/runbook.md").read_text().splitlines()
        if line.startswith("#")
    }
    sections = {section(scope, cause) for scope in (*SCOPES, TEMPLATE) for cause in Cause}
    sections |= {
        notice.section for entered in (True, False) for notice in told("auth", entered=entered).values()
    }
    assert sections <= headings
