"""The next step: every rule before an effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.contract.ways import PUSH
from lifeline.domain.campaign.campaign import CampaignState
from lifeline.domain.failure.causes import Cause
from lifeline.domain.message.row import WHATSAPP, Doubt, Lane, Phase, Row
from lifeline.domain.message.status import Status, can_move
from lifeline.domain.message.step import (
    SPEECH_SECONDS,
    Do,
    Situation,
    backlog_lane,
    blocked_lane,
    claim,
    for_slot,
    next_step,
)

from tests.support.rows import NOW, doubt, falling, fresh, row, sending, situation
from tests.support.statuses import PUSHED


def test_nothing_against_a_fresh_message_sends_it() -> None:
    assert next_step(fresh(), situation()).do is Do.SEND


@pytest.mark.parametrize(
    "status",
    [status for status in Status if status not in (Status.CLAIMED, Status.PARKED, Status.IN_DOUBT)],
)
def test_nothing_is_owed_to_a_settled_row(status: Status) -> None:
    settled = row(status=status, lane=None, phase=None, due=None)
    assert next_step(settled, situation()).do is Do.NOTHING


@pytest.mark.parametrize("lane", [Lane.CRITICAL, Lane.NORMAL, Lane.BULK, "template:x", "campaign:y"])
def test_a_wake_up_releases_nothing_from_a_backlog(lane: str) -> None:
    parked = row(status=Status.PARKED, lane=lane, phase=None)
    assert next_step(parked, situation()).do is Do.NOTHING


def test_a_refused_row_waits_for_a_person() -> None:
    assert next_step(row(status=Status.REJECTED, lane=Lane.REFUSED), situation()).do is Do.NOTHING


@pytest.mark.parametrize("strange", [{"phase": "teleporting"}, {"lane": "attic"}])
def test_what_another_version_wrote_is_left(strange: dict[str, Any]) -> None:
    assert next_step(row(**strange), situation()).do is Do.LEAVE


@pytest.mark.parametrize(("late", "do"), [(0.0, Do.BUSY), (59.9, Do.BUSY), (60.0, Do.WRITE)])
def test_a_claim_stands_until_its_lease_ends(late: float, do: Do) -> None:
    assert next_step(sending(at=NOW - late), situation(grace=90.0)).do is do


@pytest.mark.parametrize(("early", "do"), [(0.1, Do.EARLY), (0.0, Do.SEND), (-500.0, Do.SEND)])
def test_a_timer_is_due_at_its_time_and_for_ever_after(early: float, do: Do) -> None:
    assert next_step(row(due=NOW + early), situation()).do is do


def test_a_dead_workers_send_becomes_a_doubt_and_waits_for_the_report() -> None:
    step = next_step(sending(act=3, at=NOW - 61), situation(grace=90.0))
    assert step.do is Do.WRITE
    assert step.row.status is Status.IN_DOUBT
    assert step.row.doubts == (doubt(3, WHATSAPP, NOW - 61),)
    assert (step.row.lane, step.row.due, step.row.phase) == (Lane.TIMER, NOW + 29, Phase.WAITING)


def test_after_the_grace_time_it_is_sent_again_and_the_doubt_stays() -> None:
    step = next_step(sending(at=NOW - 61), situation())
    assert step.do is Do.SEND
    assert step.row.doubts == (doubt(1, WHATSAPP, NOW - 61),)


@pytest.mark.parametrize(("age", "do"), [(59.9, Do.WRITE), (60.0, Do.SEND)])
def test_a_doubt_waits_for_the_grace_time(age: float, do: Do) -> None:
    known = row(status=Status.IN_DOUBT, doubts=(doubt(at=NOW - age),))
    assert next_step(known, situation()).do is do


@pytest.mark.parametrize(
    ("priority", "blocked", "do"),
    [("critical", True, Do.FALL_BACK), ("normal", True, Do.WRITE), ("critical", False, Do.WRITE)],
)
def test_only_a_critical_message_in_panic_does_not_wait_for_the_report(
    priority: str, blocked: bool, do: Do
) -> None:
    known = row(status=Status.IN_DOUBT, priority=priority, doubts=(doubt(at=NOW - 1),))
    step = next_step(known, situation(channel_blocked=blocked))
    assert step.do is do
    assert step.row.doubts


def test_a_push_in_doubt_is_repeated_at_once() -> None:
    step = next_step(falling("push", at=NOW - 61), situation())
    assert step.do is Do.FALL_BACK
    assert step.row.doubts == (doubt(2, "push", NOW - 61),)


@pytest.mark.parametrize(("age", "do"), [(30, Do.WRITE), (61, Do.FALL_BACK)])
def test_a_mail_in_doubt_waits_for_its_event_in_panic_too(age: float, do: Do) -> None:
    mail = doubt(2, "email", NOW - age)
    known = row(status=Status.IN_DOUBT, way="email", priority="critical", doubts=(mail,))
    assert next_step(known, situation(channel_blocked=True)).do is do


def test_who_was_parked_after_a_doubtful_push_is_not_pushed_for_ever() -> None:
    """Found by the fuzz: released each minute, it was told by the same way again and parked again."""
    released = row(drained=True, way=None, doubts=(doubt(2, "push", NOW - 70),))
    assert next_step(released, situation()).do is Do.SEND


def test_a_reported_failure_takes_the_fallback_and_never_asks_whatsapp_again() -> None:
    failed = row(status=Status.FAILED, later=False, cause="undeliverable")
    step = next_step(failed, situation())
    assert (step.do, step.cause, step.row.later) == (Do.FALL_BACK, Cause.UNDELIVERABLE, False)


def test_a_passing_reported_failure_is_sent_again() -> None:
    assert next_step(row(status=Status.FAILED, later=True), situation()).do is Do.SEND


def test_a_cause_that_nobody_knows_is_none() -> None:
    assert next_step(row(status=Status.FAILED, later=False, cause="gremlins"), situation()).cause is None


@pytest.mark.parametrize(
    "at",
    [
        situation(),
        situation(channel_blocked=True),
        situation(campaign=CampaignState.PAUSED),
        situation(valid_phone=False),
        situation(quiet_until=NOW + 5),
    ],
)
@pytest.mark.parametrize("late", [0.0, 1.0])
def test_what_came_too_late_expires_whatever_else_is(at: Situation, late: float) -> None:
    step = next_step(row(expires_at=NOW - late), at)
    assert (step.do, step.row.status, step.row.lane) == (Do.WRITE, Status.EXPIRED, None)


OUT = situation(opted_out=True)


@pytest.mark.parametrize(
    "found",
    [
        row(),
        row(status=Status.FAILED, later=False, cause="undeliverable"),
        row(send_after=NOW),
        row(doubts=(Doubt(1, WHATSAPP, NOW - 61),), act=1, way=WHATSAPP, status=Status.IN_DOUBT),
        row(doubts=(Doubt(1, PUSH.name, NOW - 1),), act=1, way=PUSH.name, status=Status.IN_DOUBT),
    ],
)
@pytest.mark.parametrize(
    "at",
    [
        OUT,
        replace(OUT, channel_blocked=True),
        replace(OUT, quiet_until=NOW + 5),
        replace(OUT, valid_phone=False),
    ],
)
def test_who_opted_out_is_told_by_no_way(found: Row, at: Situation) -> None:
    step = next_step(found, at)
    assert (step.do, step.row.status, step.row.lane) == (Do.WRITE, Status.SUPPRESSED, None)
    assert step.row.doubts == found.doubts, "what may have left is not forgotten"


def test_an_opt_out_counts_when_it_is_time_and_after_the_report_of_a_send() -> None:
    assert next_step(row(send_after=NOW + 1), OUT).row.status is Status.CLAIMED
    doubtful = row(doubts=(Doubt(1, WHATSAPP, NOW - 30),), act=1, way=WHATSAPP, status=Status.IN_DOUBT)
    assert next_step(doubtful, OUT).row.status is Status.IN_DOUBT
    assert next_step(row(expires_at=NOW), OUT).row.status is Status.EXPIRED


def test_whom_a_way_has_reached_before_stays_reached() -> None:
    assert next_step(row(tried=f"{PUSH.name}, park"), OUT).row.status is PUSHED


def test_a_moment_before_its_end_it_is_sent() -> None:
    assert next_step(row(expires_at=NOW + 0.1), situation()).do is Do.SEND


def test_send_after_waits_on_the_timer_lane() -> None:
    step = next_step(fresh(send_after=NOW + 1e7), situation(channel_blocked=True))
    assert (step.do, step.row.lane, step.row.due) == (Do.WRITE, Lane.TIMER, NOW + 1e7)
    assert next_step(fresh(send_after=NOW), situation()).do is Do.SEND


def test_a_cancelled_campaign_cancels_and_a_paused_one_holds() -> None:
    known = row(campaign="spring")
    cancelled = next_step(known, situation(campaign=CampaignState.CANCELLED)).row
    assert (cancelled.status, cancelled.lane) == (Status.CANCELLED, None)
    held = next_step(known, situation(campaign=CampaignState.PAUSED)).row
    assert (held.status, held.lane, held.due) == (Status.PARKED, "campaign:spring", NOW)
    assert next_step(known, situation(campaign=CampaignState.RUNNING)).do is Do.SEND


@pytest.mark.parametrize("state", [CampaignState.CANCELLED, CampaignState.PAUSED])
def test_a_campaigns_message_in_doubt_is_seen_through(state: CampaignState) -> None:
    known = row(campaign="spring", doubts=(doubt(at=NOW - 61),))
    assert next_step(known, situation(campaign=state)).do is Do.SEND


def test_without_a_number_only_other_ways_help() -> None:
    step = next_step(fresh(), situation(valid_phone=False))
    assert (step.do, step.row.later, step.cause) == (Do.FALL_BACK, False, Cause.INVALID_PHONE)


def test_quiet_hours_park_until_they_end() -> None:
    step = next_step(fresh(priority="bulk"), situation(quiet_until=NOW + 3600))
    assert (step.row.status, step.row.lane, step.row.due) == (Status.PARKED, Lane.BULK, NOW + 3600)


@pytest.mark.parametrize(
    ("channel", "template", "why", "cause"),
    [
        (True, False, "panic", None),
        (True, True, "panic", None),
        (False, True, "template panic", Cause.TEMPLATE_REJECTED),
    ],
)
def test_panic_takes_the_fallback(channel: bool, template: bool, why: str, cause: Cause | None) -> None:
    step = next_step(row(), situation(channel_blocked=channel, template_blocked=template))
    assert (step.do, step.why, step.cause) == (Do.FALL_BACK, why, cause)


@pytest.mark.parametrize(("channel", "lane"), [(True, Lane.NORMAL), (False, "template:reminder")])
def test_a_policy_that_only_parks_needs_one_write(channel: bool, lane: str) -> None:
    step = next_step(row(), situation(channel_blocked=channel, template_blocked=not channel, parks_only=True))
    assert (step.do, step.row.status, step.row.lane, step.row.due) == (Do.WRITE, Status.PARKED, lane, NOW)


def test_a_voice_message_is_spoken_first_and_goes_as_text_when_nothing_came() -> None:
    known = fresh(type="voice")
    step = next_step(known, situation(speech=True))
    assert (step.do, step.row.phase, step.row.lane) == (Do.SPEAK, Phase.SPEAKING, Lane.TIMER)
    assert step.row.due == NOW + SPEECH_SECONDS
    asked = row(type="voice", phase=Phase.SPEAKING)
    text = next_step(asked, situation(speech=True))
    assert text.do is Do.SEND
    assert text.row.unspoken
    assert next_step(replace(known, recording="123"), situation(speech=True)).do is Do.SEND
    assert next_step(replace(known, unspoken="too long"), situation(speech=True)).do is Do.SEND
    assert next_step(known, situation(speech=False)).do is Do.SEND
    assert next_step(fresh(), situation(speech=True)).do is Do.SEND


# --- Claims and places --------------------


@pytest.mark.parametrize(
    ("claimed", "lane"),
    [
        (fresh(), None),
        (fresh(priority="bulk"), None),
        (fresh(priority="critical"), Lane.TIMER),
        (row(), Lane.TIMER),
    ],
)
def test_a_claim_is_on_the_agenda_unless_sqs_still_has_the_message(claimed: Row, lane: str | None) -> None:
    after = claim(claimed, WHATSAPP, NOW, 60.0)
    assert (after.phase, after.act, after.attempt, after.way) == (Phase.SENDING, 1, 1, WHATSAPP)
    assert (after.lane, after.due) == (lane, NOW + 60 if lane else None)
    assert after.attempted_at == NOW


def test_a_claim_of_a_way_is_no_attempt_over_whatsapp() -> None:
    after = claim(row(act=1, attempt=1, slot=5.0), "push", NOW, 60.0)
    assert (after.phase, after.act, after.attempt, after.way) == (Phase.FALLING_BACK, 2, 1, "push")
    assert after.slot is None


def test_a_slot_is_waited_for_on_the_timer_lane() -> None:
    after = for_slot(row(), NOW + 7)
    assert (after.lane, after.due, after.slot, after.rounds) == (Lane.TIMER, NOW + 7, NOW + 7, 1)


@pytest.mark.parametrize(
    ("priority", "lane"),
    [("critical", Lane.CRITICAL), ("normal", Lane.NORMAL), ("bulk", Lane.BULK), ("new", Lane.NORMAL)],
)
def test_each_priority_has_its_backlog(priority: str, lane: str) -> None:
    assert backlog_lane(priority) == lane
    assert blocked_lane(row(priority=priority), template_alone=False) == lane
    assert blocked_lane(row(priority=priority), template_alone=True) == "template:reminder"
    assert blocked_lane(row(priority=priority, template=None), template_alone=True) == lane


# --- Whatever is read --------------------

TIMES = st.sampled_from([NOW - 1000, NOW - 61, NOW - 59, NOW, NOW + 1, NOW + 1000])
ROWS = st.builds(
    row,
    status=st.sampled_from(list(Status)),
    phase=st.sampled_from([None, *Phase]),
    lane=st.sampled_from([None, *Lane, "template:x", "campaign:y"]),
    due=TIMES,
    act=st.integers(1, 4),
    way=st.sampled_from([WHATSAPP, "push", "email"]),
    attempted_at=TIMES,
    doubts=st.lists(st.builds(doubt, st.integers(1, 3), st.sampled_from([WHATSAPP, "push"]), TIMES)).map(
        tuple
    ),
    later=st.booleans(),
    priority=st.sampled_from(["critical", "normal", "bulk"]),
    type=st.sampled_from(["text", "voice"]),
    expires_at=st.none() | TIMES,
    send_after=st.none() | TIMES,
)
SITUATIONS = st.builds(
    situation,
    channel_blocked=st.booleans(),
    template_blocked=st.booleans(),
    valid_phone=st.booleans(),
    campaign=st.sampled_from(["", *CampaignState]),
    quiet_until=st.none() | st.just(NOW + 99),
    speech=st.booleans(),
    parks_only=st.booleans(),
)


@given(ROWS, SITUATIONS)
def test_every_step_keeps_doubts_and_leaves_the_row_accounted_for(known: Row, at: Situation) -> None:
    step = next_step(known, at)
    assert set(known.doubts) <= set(step.row.doubts)
    if step.do in (Do.WRITE, Do.SPEAK):
        assert step.row.accounted
        assert step.row.status is known.status or can_move(known.status, step.row.status)
    if step.do is Do.WRITE:
        assert not step.row.in_flight


@given(ROWS, SITUATIONS)
def test_nothing_is_sent_in_panic_to_nobody_or_too_late(known: Row, at: Situation) -> None:
    step = next_step(known, at)
    if step.do is Do.SEND:
        assert at.valid_phone
        assert not at.channel_blocked
        assert not at.template_blocked
        assert known.expires_at is None or known.expires_at > at.now
        assert known.later
        assert not known.in_flight or (known.attempted_at or 0) + at.lease <= at.now
