"""Send: right before the effect it must still be wanted; nothing starts late, or while Meta is down."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from lifeline.adapters.whatsapp import Accepted
from lifeline.contract.instants import format_instant
from lifeline.contract.scopes import WHATSAPP, template_scope
from lifeline.domain.message.row import Change, Lane, Phase, Row, Written, waiting
from lifeline.domain.message.status import Status
from lifeline.settings import Limiter, Settings
from lifeline.use_cases.deliver.decide import LEASE
from lifeline.use_cases.deliver.job import Job
from lifeline.use_cases.deliver.send import MARGIN, TOGETHER, Send
from lifeline.wiring import sender

from tests.support.meta import failed
from tests.support.sending import DEVICE, VOICE, World, answer, lost_answer, refused_connection
from tests.support.services import instead
from tests.support.statuses import PUSHED

WORST = 3.05 + 10.0
NUMBER = "+4915112345678"
PUSH = {"push_endpoint": DEVICE}


def test_a_send_carries_id_and_act() -> None:
    world = World()
    world.meta.script = [answer(131000, 500), answer(131000, 500)]
    world.put("m")
    world.serve()
    assert [(item.id, item.act) for item in world.meta.sent] == [("m", 1), ("m", 2), ("m", 3)]
    row = world.row("m")
    assert (row.status, row.via, row.wamid, row.attempt) == (Status.SENT, 3, "wamid.m.3", 3)


def test_what_meta_holds_for_assessment_is_held() -> None:
    world = World()
    world.meta.script = [Accepted("wamid.1", True, None)]
    world.put("m")
    assert world.status("m") is Status.HELD


# --- right before the effect -----------------------------------------------------------------------------


def test_what_expires_while_it_is_claimed_is_not_sent() -> None:
    world = World()
    expires = format_instant(world.clock() + 1)
    world.ledger.before_write.append(lambda: world.clock.advance(1.5))
    world.put("m", expires_at=expires)
    row = world.row("m")
    assert (world.meta.asked, row.status, row.attempt, row.doubts) == ([], Status.EXPIRED, 0, ())


def test_what_expires_while_others_are_sent_is_not_sent() -> None:
    world = World()
    world.meta.after = lambda name: world.clock.advance(10)
    expires = format_instant(world.clock() + 15)
    world.put(*"abc", expires_at=expires)
    assert world.meta.asked == ["a", "b"]
    assert world.status("c") is Status.EXPIRED


def test_what_expires_while_it_waits_for_its_token_is_not_sent() -> None:
    world = World(Settings(limiter=Limiter(rate=0.6, burst=1, critical_share=0)))
    world.put("warm")
    world.put("m", expires_at=format_instant(world.clock() + 1))
    assert (world.status("m"), world.meta.asked) == (Status.EXPIRED, ["warm"])


def test_who_opts_out_while_the_message_is_claimed_is_not_sent_to() -> None:
    world = World()
    world.ledger.before_write.append(lambda: world.opt_outs.wish(NUMBER, at=world.clock()))
    world.put("m", to=NUMBER, category="promotion")
    row = world.row("m")
    assert (world.meta.asked, row.status, row.attempt, row.doubts) == ([], Status.SUPPRESSED, 0, ())
    world.put("n", to=NUMBER, category="appointment")
    assert world.meta.asked == ["n"], "service messages go on"


@pytest.mark.parametrize(("category", "status"), [("promotion", Status.SUPPRESSED), ("visit", PUSHED)])
def test_meta_says_that_the_person_stopped_marketing(category: str, status: Status) -> None:
    world = World()
    world.meta.script = [answer(131050)]
    world.put("m", to=NUMBER, category=category, recipient=PUSH)
    assert world.status("m") is status, "a service message in a marketing template takes its fallback"
    world.put("n", to=NUMBER, category="promotion", recipient=PUSH)
    assert (world.status("n"), world.meta.asked) == (Status.SUPPRESSED, ["m"])


def test_with_no_time_left_no_attempt_is_counted() -> None:
    world = World()
    assert world.batch(world.record("m"), remaining=WORST + MARGIN - 0.1) == []
    row = world.row("m")
    assert (world.meta.asked, row.attempt, row.doubts) == ([], 0, ())
    assert (row.phase, row.lane, row.due) == (Phase.WAITING, Lane.TIMER, world.clock() + 1)
    assert world.woken == [("m", 1)]
    world.serve()
    assert (world.status("m"), world.row("m").attempt) == (Status.SENT, 1)


def test_no_send_starts_after_the_lease_is_nearly_over() -> None:
    world = World()
    world.meta.after = lambda name: world.clock.advance(10)
    assert world.batch(*(world.record(name) for name in "abcdefgh"), remaining=900.0) == []
    started = len(world.meta.asked)
    assert started == 5, "the sixth would have begun 50 s into a lease of 60"
    assert (started - 1) * 10 <= LEASE - WORST - MARGIN
    world.meta.after = lambda name: None
    world.serve()
    assert sorted(world.meta.asked) == list("abcdefgh")
    assert all(row.possible_duplicates == 0 for row in world.ledger.rows.values())


@pytest.mark.parametrize("scope", [WHATSAPP, template_scope("reminder")])
def test_a_panic_that_begins_while_others_are_sent_holds_up_the_rest(scope: str) -> None:
    world = World()
    world.meta.after = lambda name: world.trip(scope)
    reminder = {"type": "template", "template": {"name": "reminder", "language": "de"}, "text": "At ten."}
    assert world.put(*"abc", **reminder, recipient=PUSH) == []
    world.meta.after = lambda name: None
    world.serve()
    assert (world.meta.asked, sorted(world.push.asked)) == (["a"], ["b", "c"])
    assert [world.status(name) for name in "abc"] == [Status.SENT, PUSHED, PUSHED]
    assert all(row.possible_duplicates == 0 for row in world.ledger.rows.values())


# --- Meta is down ----------------------------------------------------------------------------------------


def test_nothing_more_is_sent_after_so_many_connection_failures_in_a_row() -> None:
    world = World()
    world.meta.script = [refused_connection() for _ in range(10)]
    names = [f"m{number}" for number in range(20)]
    assert world.put(*names, recipient=PUSH) == []
    assert len(world.meta.asked) == world.settings.detection.consecutive_failures
    assert world.control.flag("whatsapp").blocks_sending
    assert sorted(world.push.asked) == sorted(names), "the panic that follows reaches people at once"
    rows = world.ledger.rows.values()
    assert all(row.attempt in (0, 1) for row in rows)
    assert {row.incident_id for row in rows} == {world.control.flag("whatsapp").incident_id}


def test_an_answer_in_between_breaks_the_row() -> None:
    world = World()
    down = [refused_connection() for _ in range(4)]
    world.meta.script = [*down, None, *down, None]
    assert world.put(*(f"m{number}" for number in range(10))) == []
    assert len(world.meta.asked) == 10


@pytest.mark.parametrize("code", [190, 131031])
def test_a_failure_that_trips_at_once_stops_the_batch(code: int) -> None:
    world = World()
    world.meta.script = [answer(code, 401)]
    world.put("a", "b", "c", recipient=PUSH)
    assert world.meta.asked == ["a"]
    assert sorted(world.push.asked) == ["a", "b", "c"]


def test_answers_that_were_lost_do_not_stop_the_batch() -> None:
    world = World()
    world.meta.script = [lost_answer() for _ in range(8)]
    world.put(*"abcdefgh")
    assert len(world.meta.asked) == 8
    assert {row.status for row in world.ledger.rows.values()} == {Status.IN_DOUBT}


# --- an error of our own ---------------------------------------------------------------------------------


def test_an_error_in_the_middle_of_a_send_is_a_doubt_and_harms_nobody_else() -> None:
    world = World()
    world.meta.of = {"bad": ZeroDivisionError()}
    assert world.put("a", "bad", "b") == []
    assert [world.status(name) for name in ("a", "bad", "b")] == [
        Status.SENT,
        Status.IN_DOUBT,
        Status.SENT,
    ]
    world.meta.of = {}
    world.serve()
    assert (world.status("bad"), world.row("bad").possible_duplicates) == (Status.SENT, 1)


def test_an_error_before_a_send_leaves_no_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Send._stopped

    def stopped(self: Send, job: Any, *rest: Any) -> object:
        if getattr(job, "id", "") == "bad":
            raise ZeroDivisionError
        return real(self, job, *rest)

    monkeypatch.setattr(Send, "_stopped", stopped)
    world = World()
    assert world.put("a", "bad", "b") == []
    assert world.meta.asked == ["a", "b"]
    row = world.row("bad")
    assert (row.doubts, row.attempt, row.faults, row.lane) == ((), 0, 1, Lane.TIMER)


# --- recordings that Meta refuses ------------------------------------------------------------------------


def voice(world: World) -> None:
    body = world.record("m", type="voice", text=" At ten. ").body
    row = replace(waiting(Row("m", body=body, type="voice", recording="media-1"), world.clock()), rev=1)
    world.ledger.put(row)


@pytest.mark.parametrize("code", [131052, 131053])
def test_a_refused_recording_goes_as_text_at_once_and_is_forgotten(code: int) -> None:
    world = World()
    voice(world)
    world.meta.script = [answer(code)]
    world.wake("m")
    assert [item.medium for item in world.meta.sent] == ["media-1", None]
    row = world.row("m")
    assert (row.status, row.recording, row.unspoken) == (Status.SENT, None, "Meta refused it")
    assert [json.loads(item.body) for item in world.queues.sent[VOICE]] == [
        {"kind": "forget-recording", "text": "At ten.", "media": "media-1"}
    ]


def test_the_text_that_follows_a_refused_recording_may_fail_too() -> None:
    world = World()
    voice(world)
    world.meta.script = [answer(131053), answer(131000, 500)]
    world.wake("m")
    world.serve()
    assert [item.medium for item in world.meta.sent] == ["media-1", None, None]
    assert (world.status("m"), world.queues.sent[VOICE][0].body.count("forget")) == (Status.SENT, 1)


def test_a_recording_whose_send_got_no_answer_is_kept() -> None:
    world = World()
    voice(world)
    world.meta.script = [lost_answer()]
    world.wake("m")
    assert (world.status("m"), world.row("m").recording) == (Status.IN_DOUBT, "media-1")
    assert world.queues.sent[VOICE] == []


@pytest.mark.parametrize("code", [131052, 131053])
def test_a_recording_that_meta_refuses_later_is_forgotten_and_the_words_are_spoken_anew(code: int) -> None:
    world = World()
    voice(world)
    world.wake("m")
    assert (world.status("m"), world.row("m").recording) == (Status.SENT, "media-1")
    assert world.statuses(failed("m", code, act=1)) == 200
    row = world.row("m")
    assert (row.status, row.lane, row.recording, row.unspoken) == (Status.FAILED, Lane.TIMER, None, None)
    world.serve(900.0)
    assert [json.loads(item.body) for item in world.queues.sent[VOICE]] == [
        {"kind": "forget-recording", "text": "At ten.", "media": "media-1"},
        {"kind": "speech", "id": "m"},
    ]
    assert [item.medium for item in world.meta.sent] == ["media-1", None], "without a new one, as text"
    assert world.statuses(failed("m", code, act=1)) == 200, "the same report once more"
    assert len(world.queues.sent[VOICE]) == 2


def test_a_recording_that_is_refused_later_is_spoken_as_often_as_a_message_is_sent() -> None:
    world = World()
    voice(world)
    for act in range(1, 9):
        world.wake("m")
        world.statuses(failed("m", 131053, act=act))
        row = world.row("m")
        if row.lane != Lane.TIMER or not row.later:
            break
        world.clock.advance(3600.0)
        world.ledger.put(replace(row, rev=row.rev + 1, due=world.clock(), recording=f"media-{act + 1}"))
    assert len(world.meta.sent) == 4, "attempts of a message"
    assert world.row("m").later is False


def test_a_person_without_a_number_is_sent_to_by_user_id() -> None:
    world = World()
    bsuid = "US.13491208655302741918"
    assert world.put("m", to=None, recipient={"bsuid": bsuid}) == []
    assert [item.where for item in world.meta.sent] == [bsuid]
    assert (world.status("m"), world.row("m").to_masked) == (Status.SENT, "US.13***************918")
    world.meta.script = [answer(131056)]
    world.put("again", to=None, recipient={"bsuid": bsuid})
    assert world.row("again").due == world.clock() + 1.0, "the pair limit waits for this one"
    assert world.row("again").person == world.row("m").person
    world.put("other", to=None, recipient={"bsuid": "DE.13491208655302741918"})
    assert world.row("other").person != world.row("m").person


# --- recording beside sending ----------------------------------------------------------------------------


def test_what_meta_took_is_recorded_while_a_slow_answer_is_still_awaited() -> None:
    world = World()
    slow = threading.Event()
    recorded: list[int] = []

    def write(changes: Sequence[Change], now: float) -> list[Written]:
        written = before(changes, now)
        recorded.append(sum(row.status is Status.SENT for row in world.ledger.rows.values()))
        if recorded[-1] == 2 * TOGETHER:
            slow.set()
        return written

    before = world.ledger.write
    instead(world.ledger, write=write)
    world.meta.after = lambda name: None if name != "m0" else (slow.wait(10) or None)
    names = [f"m{number}" for number in range(2 * TOGETHER + 1)]
    with ThreadPoolExecutor(8) as pool:
        deliver = sender.build(world.adapters("sender", panic=world.panic, pool=lambda *_: pool))
        assert world.batch(*map(world.record, names), by=deliver) == []
    assert slow.is_set(), "the others were recorded before the slow one was answered"
    assert recorded[-3:] == [TOGETHER, 2 * TOGETHER, 2 * TOGETHER + 1]


def test_an_error_in_recording_leaves_no_send_behind() -> None:
    world = World()
    asked = threading.Barrier(2)
    world.meta.after = lambda name: asked.wait(10)

    def fails(jobs: list[Job]) -> None:
        raise ValueError("no")

    with ThreadPoolExecutor(2) as pool:
        deliver = sender.build(world.adapters("sender", panic=world.panic, pool=lambda *_: pool))
        instead(deliver._steps.record, write=fails)
        with pytest.raises(ValueError, match="no"):
            world.batch(world.record("a"), world.record("b"), by=deliver)
    assert len(world.meta.accepted) == 2
