"""Who is told what: engineering of every panic, marketing of promotions, Meta's contact of the account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lifeline.domain.panic.entering import trip
from lifeline.domain.panic.flag import By, Flag, PanicChange
from lifeline.domain.panic.notices import Notice, notices

NOW = 1_790_000_000.0
TEMPLATE = "whatsapp/template/promo_offer"


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
    assert "go out as text" in found.text
    assert "backlog" not in told("account", "openai_voice", entered=False)["left"].text
    assert "Meta Business Support" not in found.text
