"""Counters: what is made is what is read, and a template is blamed only for what is in it."""

from __future__ import annotations

from collections import Counter

import pytest
from lifeline.domain.account import counters
from lifeline.domain.account.counters import ChannelFailure, TemplateSends, TrafficKind, settles
from lifeline.domain.failure.causes import Reach
from lifeline.domain.message.row import CAMPAIGN_LANE, Row, off_agenda, parked, waiting
from lifeline.domain.message.status import Status
from lifeline.domain.message.step import claim


@pytest.mark.parametrize("category", ["promo", None])
@pytest.mark.parametrize("template", ["promo_offer", "odd|name", None])
def test_an_outcome_is_read_as_it_was_made(category: str | None, template: str | None) -> None:
    name = counters.outcome("SENT", "bulk", category, template)
    kind = TrafficKind("bulk", category or "-", template or "-")
    assert list(counters.outcomes({name: 3, "acc": 9, "e|auth|190": 1})) == [("SENT", kind, 3)]
    assert counters.handled({name: 3, "acc": 9}) == 3


@pytest.mark.parametrize(("code", "read"), [(190, "190"), (None, None), ("quota", "quota")])
def test_a_failure_is_read_as_it_was_made(code: int | str | None, read: str | None) -> None:
    counts = {counters.failed("auth", code): 2, "o|SENT|normal|-|-": 1, "acc": 1}
    assert list(counters.failures(counts)) == [("auth", read, 2)]


@pytest.mark.parametrize("cause", ["rate_limit", None])
@pytest.mark.parametrize("code", ["MessageRejected", "odd|code", None])
def test_a_failure_of_another_channel_is_read_as_it_was_made(cause: str | None, code: str | None) -> None:
    counts = {counters.failed_elsewhere("email", cause, code): 2, "e|auth|190": 1, "acc": 1}
    assert list(counters.failures_elsewhere(counts)) == [(ChannelFailure("email", cause, code), 2)]


@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        (Reach.CHANNEL, TemplateSends(1, 0, 0)),
        (Reach.RECIPIENT, TemplateSends(1, 1, 0)),
        (Reach.MESSAGE, TemplateSends(1, 1, 1)),
        (Reach.TEMPLATE, TemplateSends(1, 1, 1)),
    ],
)
def test_a_template_is_blamed_for_what_is_in_it(reach: Reach, expected: TemplateSends) -> None:
    counts: Counter[str] = Counter([counters.template_asked("a"), *counters.template_failures("a", reach)])
    assert counters.template_sends({0: counts}) == {"a": expected}


def test_sends_with_a_template_come_from_answers_and_reports() -> None:
    counts = {0: {"ta|a": 5, "tf|a": 1, "ta|b": 2, "acc": 7}, 60: {"ta|a": 3, "tf|a": 1, "tf|c": 1}}
    assert counters.template_sends(counts) == {
        "a": TemplateSends(8, 2, 0),
        "b": TemplateSends(2, 0, 0),
        "c": TemplateSends(0, 1, 0),
    }


def test_minutes_add_up() -> None:
    assert counters.total({0: {"acc": 2}, 60: {"acc": 3, "std": 1}}) == {"acc": 5, "std": 1}


def test_an_outcome_counts_with_the_write_that_brings_it() -> None:
    fresh = Row("a")
    known = Row("a", rev=1)
    sending = claim(known, "whatsapp", 0.0, 60.0)
    backlog, sent = parked(known, "normal", 0.0), off_agenda(sending, Status.SENT)
    assert settles(fresh, parked(fresh, "normal", 0.0))
    assert settles(fresh, off_agenda(fresh, Status.EXPIRED))
    assert settles(sending, sent)
    assert settles(backlog, off_agenda(backlog, Status.DELIVERED))
    assert settles(backlog, parked(backlog, f"{CAMPAIGN_LANE}spring", 0.0))
    assert not settles(sent, off_agenda(sent, Status.DELIVERED)), "it was counted when it was sent"
    assert not settles(backlog, parked(backlog, "normal", 9.0)), "it waits on"
    assert not settles(known, sending)
    assert not settles(sending, waiting(known, 9.0))
