"""What is kept of the account: it comes back as it was, and another version's is read."""

from __future__ import annotations

import json
from dataclasses import replace

from lifeline.contract.instants import parse_instant
from lifeline.domain.account.records import Telling, TemplateMap, TokenIncident, TokenLook, UsageReading
from lifeline.domain.failure.usage import Quota, Usage

LOOK = TokenLook(
    at="2026-03-01T09:00:00.000Z",
    outcome="failed",
    state="to_renew",
    source="lifeline.schedule",
    expires_at="2026-03-03T09:00:00.000Z",
    days_left=2.0,
    switched=False,
    step="verify",
    detail="no",
    remedy="look",
    renewed_at="2026-01-01T09:00:00.000Z",
    announced=Telling("verify", 5.5),
)


def test_all_of_it_comes_back() -> None:
    reading = UsageReading(7.5, Usage((Quota("whatsapp", 80.0, 1.0, 2.0, 60.0),)))
    for record in (TemplateMap({"a": "b"}), reading, LOOK, TokenLook(), TokenIncident("i")):
        assert type(record).from_item(json.loads(json.dumps(record.to_item()))) == record


def test_a_mapping_to_no_text_is_left_out() -> None:
    assert TemplateMap.from_item({"a": "b", "c": None, "d": ["e"]}) == TemplateMap({"a": "b"})


def test_a_quota_of_another_version_has_what_it_says() -> None:
    item = {"at": 3, "quotas": [{"type": "app", "call_count": 12, "of_tomorrow": 1}]}
    found = UsageReading.from_item(item)
    assert found == UsageReading(3.0, Usage((Quota("app", 12.0, 0.0, 0.0, 0.0),)))
    assert UsageReading.from_item({"quotas": []}) == UsageReading()


def test_a_look_says_only_what_it_has_to_say() -> None:
    item = TokenLook(at="now", outcome="fine", state="fine").to_item()
    assert not {"step", "detail", "remedy", "switched"} & set(item)
    assert item["renewed_at"] is None
    assert TokenLook.from_item({"told": {"step": "verify"}}).announced is None, (
        "without its time it is told again"
    )


def test_a_failure_is_over_when_panic_was_left_after_it_but_not_where_a_renewal_failed() -> None:
    at = parse_instant(str(LOOK.at))
    refused = replace(LOOK, state="invalid")
    assert refused.lasts(at - 1)
    assert not refused.lasts(at + 1)
    assert LOOK.lasts(at + 1), "the token is valid, and still ends soon"
    assert not replace(LOOK, outcome="fine").lasts(0.0)
    assert replace(refused, at="once").lasts(at + 1)
