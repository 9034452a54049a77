"""The same failure in the answer, in a webhook, or in both, in any order: one fallback.

The real sender and the real webhook work on the same rows in memory; a stub stands for Meta, and a list for
the live queue, which is served until it is empty.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifeline.adapters.whatsapp import Accepted
from lifeline.contract import Message
from lifeline.domain.failures import Failure, classify_answer
from lifeline.domain.panic import enable, set_shadow
from lifeline.domain.status import Status
from lifeline.settings import Settings
from lifeline.use_cases.deliver import Deliver, Record
from lifeline.use_cases.fall_back import Reached, Unreached

from tests.support.meta import failed, status
from tests.unit.use_cases.test_webhook import LIVE, World


def answer(code: int, http: int = 400) -> Failure:
    return classify_answer(http, {"error": {"code": code, "message": f"(#{code})"}}, {})


class Meta:
    """Answers sends from a script; may report by webhook before it answers."""

    def __init__(self) -> None:
        self.script: list[Accepted | Failure] = []
        self.before_answer: Callable[[], None] | None = None
        self.asked: list[str] = []

    def send(self, message: Message, to: str, template: object = None) -> Accepted | Failure:
        self.asked.append(message.id)
        if self.before_answer:
            self.before_answer()
        return self.script.pop(0) if self.script else Accepted(f"wamid.{message.id}", False, None)


class Ways:
    """Takes fallbacks: by push where there is one."""

    def __init__(self, has_push: bool = True) -> None:
        self.has_push = has_push
        self.taken: list[str] = []
        self.during: Callable[[], None] | None = None

    def __call__(self, items: Sequence[tuple[Message, bool, str]], now: float) -> list[Reached | Unreached]:
        found: list[Reached | Unreached] = []
        for message, later, why in items:
            self.taken.append(message.id)
            if self.during:
                self.during()
            if self.has_push:
                found.append(Reached(Status.PUSHED, why))
            elif later:
                found.append(Reached(Status.PARKED, why, park=True))
            else:
                found.append(Unreached(Status.FAILED, why))
        return found


class Clinic(World):
    """A webhook and a sender on the same ledger."""

    def __init__(self, has_push: bool = True) -> None:
        super().__init__()
        self.meta = Meta()
        self.ways = Ways(has_push)
        self.control.reserve = lambda lane, tokens, interval, burst, now: now  # type: ignore[attr-defined]
        self.sender = Deliver(
            settings=Settings(whatsapp_queue_url=LIVE, backlog_queue_url="queue/backlog"),
            ledger=self.ledger,  # type: ignore[arg-type]
            control=self.control,  # type: ignore[arg-type]
            panic=self.panic,
            queues=self.queues,  # type: ignore[arg-type]
            whatsapp=self.meta,  # type: ignore[arg-type]
            fall_back=self.ways,  # type: ignore[arg-type]
            schedules=None,
            clock=self.clock,
            pause=lambda seconds: None,
            chance=lambda: 0.5,
            telemetry=self.log,  # type: ignore[arg-type]
        )

    def produce(self, name: str) -> None:
        body = json.dumps({"id": name, "to": "+4915112345678", "type": "text", "text": "hello"})
        self.deliver(body, None, f"sqs-{name}")

    def deliver(self, body: str, note: Mapping[str, Any] | None, record_id: str) -> None:
        assert not self.sender([Record(record_id, body, note, 1)], lambda: 30.0)

    def serve(self, copies: int = 1) -> None:
        """Serve the live queue until it is empty; each carrier ``copies`` times, as SQS may."""
        for round_ in range(40):
            if not self.carriers:
                return
            waiting, self.queues.sent[LIVE] = self.carriers, []
            for index, carrier in enumerate(waiting):
                self.clock.advance(carrier.delay + 0.1)
                for _ in range(copies):
                    self.deliver(carrier.body, carrier.note, f"back-{round_}-{index}")
        raise AssertionError("carriers go round for ever")


UNDELIVERABLE = 131026


def test_a_failure_in_a_webhook_reaches_the_person_once() -> None:
    clinic = Clinic()
    clinic.produce("a")
    assert clinic.status_of("a") is Status.SENT
    for _ in range(3):
        assert clinic.statuses(failed("a", UNDELIVERABLE)) == 200
    clinic.serve(copies=2)
    assert clinic.status_of("a") is Status.PUSHED
    assert clinic.ways.taken == ["a"]
    assert clinic.meta.asked == ["a"], "WhatsApp is asked once"
    assert clinic.statuses(failed("a", UNDELIVERABLE)) == 200
    clinic.serve()
    assert clinic.ways.taken == ["a"]


def test_a_webhook_that_overtakes_the_answer_of_the_same_failure() -> None:
    clinic = Clinic()
    clinic.meta.script = [answer(UNDELIVERABLE)]
    clinic.meta.before_answer = lambda: clinic.statuses(failed("a", UNDELIVERABLE))  # type: ignore[assignment]
    clinic.produce("a")
    clinic.meta.before_answer = None
    clinic.serve()
    assert clinic.status_of("a") is Status.PUSHED
    assert clinic.ways.taken == ["a"]
    assert clinic.meta.asked == ["a"]


def test_a_webhook_while_the_answers_failure_is_being_handled() -> None:
    clinic = Clinic()
    clinic.meta.script = [answer(UNDELIVERABLE)]
    clinic.ways.during = lambda: clinic.statuses(failed("a", UNDELIVERABLE))  # type: ignore[assignment]
    clinic.produce("a")
    clinic.serve()
    assert clinic.status_of("a") is Status.PUSHED
    assert clinic.ways.taken == ["a"]


def test_a_failure_that_overtakes_an_answer_of_success() -> None:
    clinic = Clinic()
    clinic.meta.before_answer = lambda: clinic.statuses(failed("a", UNDELIVERABLE))  # type: ignore[assignment]
    clinic.produce("a")
    clinic.meta.before_answer = None
    clinic.serve()
    assert clinic.status_of("a") is Status.PUSHED
    assert clinic.ledger.rows["a"].wamid == "wamid.a"
    assert clinic.ways.taken == ["a"]
    assert clinic.meta.asked == ["a"]


def test_nobody_is_reached_twice_where_no_way_was_found() -> None:
    clinic = Clinic(has_push=False)
    clinic.produce("a")
    for _ in range(3):
        assert clinic.statuses(failed("a", UNDELIVERABLE)) == 200
        clinic.serve(copies=2)
    row = clinic.ledger.rows["a"]
    assert (row.status, row.phase) == (Status.FAILED, None)
    assert clinic.ways.taken == ["a"]
    assert clinic.meta.asked == ["a"], "what Meta has taken is not asked of it again"


def test_a_delivery_before_the_fallback_wins() -> None:
    clinic = Clinic()
    clinic.produce("a")
    assert clinic.statuses(failed("a", UNDELIVERABLE)) == 200
    assert clinic.statuses(status("a", "delivered")) == 200
    clinic.serve()
    assert clinic.status_of("a") is Status.DELIVERED
    assert clinic.ways.taken == []


def test_a_worker_that_dies_in_the_fallback_leaves_it_to_the_next_and_not_to_whatsapp() -> None:
    clinic = Clinic()
    clinic.produce("a")
    assert clinic.statuses(failed("a", UNDELIVERABLE)) == 200
    (carrier,) = clinic.carriers
    row = clinic.ledger.rows["a"]
    clinic.ledger.put(
        replace(
            row, status=Status.CLAIMED, phase="falling_back", rev=row.rev + 1, attempted_at=clinic.clock.now
        )
    )
    clinic.serve()
    assert clinic.status_of("a") is Status.PUSHED
    assert clinic.meta.asked == ["a"]
    assert carrier.note["job"] == "fallback"


def test_a_lost_carrier_is_brought_back_by_an_old_copy_of_the_message() -> None:
    clinic = Clinic()
    clinic.produce("a")
    assert clinic.statuses(failed("a", UNDELIVERABLE)) == 200
    clinic.queues.sent[LIVE] = []
    body = clinic.ledger.rows["a"].body
    assert not clinic.sender([Record("sqs-a", body, None, 2)], lambda: 30.0)
    clinic.serve()
    assert clinic.status_of("a") is Status.PUSHED
    assert clinic.meta.asked == ["a"]


def test_an_expired_message_is_not_pushed_after_its_time() -> None:
    clinic = Clinic()
    clinic.produce("a")
    row = clinic.ledger.rows["a"]
    body = json.dumps({**json.loads(row.body), "expires_at": "2026-01-01T00:00:00Z"})
    clinic.ledger.put(replace(row, body=body))
    assert clinic.statuses(failed("a", UNDELIVERABLE)) == 200
    clinic.serve()
    assert clinic.status_of("a") is Status.EXPIRED
    assert clinic.ways.taken == []


def test_a_lost_answer_is_settled_by_the_webhook_and_not_sent_again() -> None:
    clinic = Clinic()
    clinic.meta.script = [
        replace(answer(131000, 500), may_have_left=True),
    ]
    clinic.produce("a")
    assert clinic.status_of("a") is Status.IN_DOUBT
    assert clinic.statuses(status("a", "sent")) == 200
    clinic.serve()
    assert clinic.status_of("a") is Status.SENT
    assert clinic.meta.asked == ["a"]


def refused_template(clinic: Clinic, name: str) -> None:
    template = {"name": "old", "language": "en_US", "parameters": ["1"]}
    clinic.meta.script = [answer(132015)]
    body = {"id": name, "to": "+4915112345678", "type": "template", "template": template, "text": "hello"}
    clinic.deliver(json.dumps(body), None, f"sqs-{name}")
    clinic.serve()


def test_the_send_that_meets_a_refused_template_goes_out_with_its_replacement() -> None:
    clinic = Clinic()
    clinic.control.put_setting("template_map", {"old": "new"}, actor="me", reason="r", now=0)
    refused_template(clinic, "a")
    row = clinic.ledger.rows["a"]
    assert (row.status, row.template) == (Status.SENT, "new")
    assert clinic.meta.asked == ["a", "a"]
    assert clinic.ways.taken == []
    assert clinic.control.flag("whatsapp/template/old").state == "panic"


def test_without_a_replacement_a_refused_template_takes_the_fallback() -> None:
    clinic = Clinic()
    refused_template(clinic, "a")
    assert clinic.status_of("a") is Status.PUSHED
    assert clinic.meta.asked == ["a"]


def test_a_replacement_in_panic_is_not_used() -> None:
    clinic = Clinic()
    clinic.control.put_setting("template_map", {"old": "new"}, actor="me", reason="r", now=0)
    clinic.panic.change(
        "whatsapp/template/new",
        lambda flag: enable(flag, reason="r", actor="me", now=clinic.clock.now, new_incident_id="i"),
    )
    refused_template(clinic, "a")
    assert clinic.status_of("a") is Status.PUSHED


def test_a_template_in_shadow_does_not_go_round() -> None:
    clinic = Clinic()
    clinic.control.put_setting("template_map", {"old": "new"}, actor="me", reason="r", now=0)
    clinic.panic.change(
        "whatsapp/template/old",
        lambda flag: set_shadow(flag, on=True, reason="r", actor="me", now=clinic.clock.now),
    )
    refused_template(clinic, "a")
    assert clinic.status_of("a") is Status.PUSHED
    assert clinic.meta.asked == ["a"]


def test_a_doubt_that_nothing_settles_is_sent_again_once_and_counted() -> None:
    clinic = Clinic()
    clinic.meta.script = [replace(answer(131000, 500), may_have_left=True)]
    clinic.produce("a")
    clinic.serve()
    assert clinic.status_of("a") is Status.SENT
    assert clinic.meta.asked == ["a", "a"]
    assert clinic.ledger.rows["a"].resends == 1
    assert clinic.control.counted("resends") == 1
    assert clinic.log.metrics[("Resends", "whatsapp")] == 1


@settings(max_examples=150, deadline=None)
@given(
    accepted=st.booleans(),
    has_push=st.booleans(),
    moments=st.lists(
        st.tuples(
            st.sampled_from(["answer", "fallback", "after"]),
            st.sampled_from(["sent", "delivered", "read", "failed"]),
        ),
        max_size=6,
    ),
    copies=st.integers(1, 3),
)
def test_any_mixture_asks_whatsapp_once_and_reaches_the_person_once(
    accepted: bool, has_push: bool, moments: list[tuple[str, str]], copies: int
) -> None:
    clinic = Clinic(has_push)
    if not accepted:
        clinic.meta.script = [answer(UNDELIVERABLE)]

    def report(moment: str) -> None:
        for when, word in moments:
            if when == moment:
                entry = failed("a", UNDELIVERABLE) if word == "failed" else status("a", word)
                # 503: a fallback is under way; Meta comes again, see below.
                assert clinic.statuses(entry) in (200, 503)

    clinic.meta.before_answer = lambda: report("answer")
    clinic.ways.during = lambda: report("fallback")
    clinic.produce("a")
    report("after")
    clinic.serve(copies)
    for _, word in moments:
        entry = failed("a", UNDELIVERABLE) if word == "failed" else status("a", word)
        assert clinic.statuses(entry) == 200
    clinic.serve(copies)
    assert clinic.meta.asked == ["a"]
    assert len(clinic.ways.taken) <= 1
    words = {word for _, word in moments}
    end = clinic.ledger.rows["a"]
    assert end.status in (Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED, Status.PUSHED)
    if clinic.ways.taken and has_push:
        assert end.status is Status.PUSHED
    elif words & {"delivered", "read"}:
        assert end.status in (Status.DELIVERED, Status.READ)
    if end.status is Status.FAILED:
        assert end.phase is None, "nothing waits that nobody brings"


@pytest.mark.parametrize("code", [130429, 131048])
def test_channel_failures_reported_later_reach_the_person_too(code: int) -> None:
    clinic = Clinic()
    clinic.produce("a")
    assert clinic.statuses(failed("a", code)) == 200
    clinic.serve()
    assert clinic.status_of("a") is Status.PUSHED
    assert clinic.meta.asked == ["a"]
