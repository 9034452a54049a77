"""What Meta says of the account, field by field."""

from __future__ import annotations

import pytest
from lifeline.contract.names import ENGINEERING, MARKETING, META_SUPPORT
from lifeline.domain.inbound.account_fields import FIELDS, Weight, account_of, event_of, plain

from tests.support.webhook_samples import ACCOUNT

STATES = {Weight.PANIC: "panic", Weight.WARN: "warning", Weight.TELL: "info", Weight.NOTE: "note"}


@pytest.mark.parametrize("name", ACCOUNT)
def test_what_each_sample_calls_for(name: str) -> None:
    news = ACCOUNT[name]
    row = FIELDS[news.field]
    weight = row.weigh(event_of(row, news.value), row.detail(news.value))
    assert STATES[weight] == news.state


def test_each_field_has_a_sample_an_audience_and_advice() -> None:
    assert {news.field for news in ACCOUNT.values()} == set(FIELDS)
    for name, row in FIELDS.items():
        assert row.name == name
        assert row.audience
        assert set(row.audience) <= {ENGINEERING, MARKETING, META_SUPPORT}
        assert row.advice.endswith(".")


def test_an_event_that_nobody_knows_is_told_or_noted_and_never_a_panic() -> None:
    for row in FIELDS.values():
        assert row.weigh("WHAT_COMES_NEXT", {}) is not Weight.PANIC


def test_a_restriction_that_names_nothing_counts_as_one_of_sending() -> None:
    row = FIELDS["account_update"]
    assert row.weigh("ACCOUNT_RESTRICTION", {}) is Weight.PANIC
    assert row.weigh("ACCOUNT_RESTRICTION", {"restrictions": []}) is Weight.PANIC


def test_what_people_read_holds_no_whole_number_and_no_secret() -> None:
    held = plain(
        {"display_phone_number": "15550783881", "token": "EAAabcdefgh12345678", "limit": 2000, "x": {}}
    )
    assert held == {"display_phone_number": "***881", "token": "***", "limit": 2000}


def test_a_number_of_json_and_a_key_are_masked_too() -> None:
    assert plain({"number": 15550783881, "+1 555 078 3881": True, "limit": 2000}) == {
        "number": "***881",
        "***881": True,
        "limit": 2000,
    }


def test_whose_news_it_is() -> None:
    assert account_of({}, "1") == "1"
    assert account_of({"waba_info": {"waba_id": "2"}}, "1") == "2"
    assert account_of({"waba_info": "nonsense"}, "1") == "1"
