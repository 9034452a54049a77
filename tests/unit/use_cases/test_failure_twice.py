"""The same failure in the answer, in a webhook, or in both, in any order: one fallback.

The real sender and the real webhook work on the same rows in memory; stubs stand for Meta and for push.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifeline.adapters.contacts import Contact
from lifeline.adapters.whatsapp import Accepted
from lifeline.contract.instants import format_instant
from lifeline.contract.messages import Message
from lifeline.contract.ways import WAYS_BY_NAME
from lifeline.domain.account.records import TemplateMap
from lifeline.domain.failure.classify import Failure, classify_answer
from lifeline.domain.message.row import Lane, Phase
from lifeline.domain.message.status import Status
from lifeline.domain.panic.entering import enable
from lifeline.domain.panic.flag import By, set_shadow
from lifeline.use_cases.deliver import SqsRecord
from lifeline.wiring import sender

from tests.support.meta import failed, status
from tests.support.services import instead
from tests.support.statuses import PUSHED
from tests.support.webhooks import WAKE, World

DEVICE = "arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/app/1"
UNDELIVERABLE = 131026


def answer(code: int, http: int = 400) -> Failure:
    return classify_answer(http, {"error": {"code": code, "message": f"(#{code})"}}, {})


class Meta:
    """Answers sends from a script; may report by webhook before it answers."""

    last_usage = None

    def __init__(self) -> None:
        self.script: list[Accepted | Failure] = []
        self.before_answer: Callable[[], None] | None = None
        self.asked: list[str] = []

    def reaches(self, within: float) -> None:
        """Whoever asks gets an answer."""

    def send(self, message: Message, to: str, tag: str, **more: object) -> Accepted | Failure:
        self.asked.append(tag)
        if self.before_answer:
            self.before_answer()
        return self.script.pop(0) if self.script else Accepted(f"wamid.{tag}", False, None)


class Push:
    """Takes every push; may have webhooks come in meanwhile."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.during: Callable[[], None] | None = None

    def send(self, address: str, title: str, body: str, name: str, act: int, ttl: int | None = None) -> str:
        self.taken.append(name)
        if self.during:
            self.during()
        return f"push-{name}"


class Contacts:
    """Nobody is in the table."""

    def read(self, names: set[str]) -> dict[str, Contact]:
        return {}

    def refused(self, ways: object) -> dict[tuple[str, str], str]:
        return {}


class Campaigns:
    """There are none."""

    def state(self, name: str) -> str:
        return ""


class Clinic(World):
    """A webhook and a sender on the same ledger."""

    def __init__(self, has_push: bool = True, campaigns: Any = None) -> None:
        super().__init__()
        self.meta, self.push = Meta(), Push()
        self.has_push = has_push
        instead(self.control, reserve=lambda *arguments, **more: self.clock.now)
        services = {
            "panic": self.panic,
            "whatsapp": self.meta,
            "couriers": dict.fromkeys(WAYS_BY_NAME, self.push),
            "contacts": Contacts(),
            "campaigns": campaigns or Campaigns(),
        }
        self.sender = sender.build(self.adapters("sender", **services))

    def body(self, name: str, **more: Any) -> str:
        recipient = {"recipient": {"push_endpoint": DEVICE}} if self.has_push else {}
        return json.dumps(
            {"id": name, "to": "+4915112345678", "type": "text", "text": "hello", **recipient, **more}
        )

    def produce(self, name: str, **more: Any) -> None:
        self.deliver(self.body(name, **more), f"sqs-{name}")

    def deliver(self, body: str, record: str) -> None:
        assert not self.sender([SqsRecord(record, body)], lambda: 30.0)

    def serve(self, copies: int = 1) -> None:
        """Bring every wake-up, each ``copies`` times, until none is left; then what the tick finds."""
        for round_ in range(40):
            waiting, self.queues.sent[WAKE] = self.queues.sent[WAKE], []
            names = [(message.body, float(message.delay)) for message in waiting]
            if not names:
                timers = [row for row in self.ledger.rows.values() if row.lane == Lane.TIMER]
                if not timers:
                    return
                names = [(row.id, (row.due or 0.0) - self.clock.now) for row in timers]
            for name, delay in names:
                self.clock.advance(max(0.0, delay) + 0.1)
                for copy in range(copies):
                    record = SqsRecord(f"wake-{round_}-{copy}", name, wake_up=True)
                    assert not self.sender([record], lambda: 30.0)
        raise AssertionError("wake-ups go round for ever")

    def report(self, entries: Sequence[dict[str, Any]]) -> None:
        assert self.statuses(*entries) == 200


def test_a_failure_in_a_webhook_reaches_the_person_once() -> None:
    clinic = Clinic()
    clinic.produce("a")
    assert clinic.status_of("a") is Status.SENT
    for _ in range(3):
        clinic.report([failed("a", UNDELIVERABLE, act=1)])
    clinic.serve(copies=2)
    assert clinic.status_of("a") is PUSHED
    assert clinic.push.taken == ["a"]
    assert clinic.meta.asked == ["a#1"], "WhatsApp is asked once"
    clinic.report([failed("a", UNDELIVERABLE, act=1)])
    clinic.serve()
    assert clinic.push.taken == ["a"]


def during(clinic: Clinic) -> Callable[[], None]:
    return lambda: clinic.report([failed("a", UNDELIVERABLE, act=1)])


def test_a_webhook_that_overtakes_the_answer_of_the_same_failure() -> None:
    clinic = Clinic()
    clinic.meta.script = [answer(UNDELIVERABLE)]
    clinic.meta.before_answer = during(clinic)
    clinic.produce("a")
    clinic.meta.before_answer = None
    clinic.serve()
    assert clinic.status_of("a") is PUSHED
    assert clinic.push.taken == ["a"]
    assert clinic.meta.asked == ["a#1"]


def test_a_webhook_while_the_answers_failure_is_being_handled() -> None:
    clinic = Clinic()
    clinic.meta.script = [answer(UNDELIVERABLE)]
    clinic.push.during = during(clinic)
    clinic.produce("a")
    clinic.serve()
    assert clinic.status_of("a") is PUSHED
    assert clinic.push.taken == ["a"]


def test_a_failure_that_overtakes_an_answer_of_success() -> None:
    clinic = Clinic()
    clinic.meta.before_answer = during(clinic)
    clinic.produce("a")
    clinic.meta.before_answer = None
    clinic.serve()
    assert clinic.status_of("a") is PUSHED
    assert clinic.push.taken == ["a"]
    assert clinic.meta.asked == ["a#1"]


def test_nobody_is_reached_twice_where_no_way_was_found() -> None:
    clinic = Clinic(has_push=False)
    clinic.produce("a")
    for _ in range(3):
        clinic.report([failed("a", UNDELIVERABLE, act=1)])
        clinic.serve(copies=2)
    row = clinic.row("a")
    assert (row.status, row.phase, row.lane) == (Status.FAILED, None, None)
    assert clinic.meta.asked == ["a#1"], "what Meta has taken is not asked of it again"


def test_a_delivery_before_the_fallback_wins() -> None:
    clinic = Clinic()
    clinic.produce("a")
    clinic.report([failed("a", UNDELIVERABLE, act=1)])
    clinic.report([status("a", "delivered", act=1)])
    clinic.serve()
    assert clinic.status_of("a") is Status.DELIVERED
    assert clinic.push.taken == []


def test_a_worker_that_dies_in_the_fallback_leaves_it_to_the_next_and_not_to_whatsapp() -> None:
    clinic = Clinic()
    clinic.produce("a")
    clinic.report([failed("a", UNDELIVERABLE, act=1)])
    row = clinic.row("a")
    now = clinic.clock.now
    claimed = replace(
        row,
        status=Status.CLAIMED,
        phase=Phase.FALLING_BACK,
        act=2,
        way="push",
        attempted_at=now,
        due=now + 60,
        rev=row.rev + 1,
    )
    clinic.ledger.put(claimed)
    clinic.serve()
    assert clinic.status_of("a") is PUSHED
    assert clinic.meta.asked == ["a#1"]


def test_a_wake_up_that_is_lost_is_made_up_for() -> None:
    clinic = Clinic()
    clinic.produce("a")
    clinic.queues.broken.add(WAKE)
    clinic.report([failed("a", UNDELIVERABLE, act=1)])
    clinic.queues.broken.clear()
    assert not clinic.sender([SqsRecord("sqs-a", clinic.body("a"), 2)], lambda: 30.0)
    clinic.serve()
    assert clinic.status_of("a") is PUSHED
    assert clinic.meta.asked == ["a#1"]


def test_an_expired_message_is_not_pushed_after_its_time() -> None:
    clinic = Clinic()
    clinic.produce("a")
    clinic.ledger.put(replace(clinic.row("a"), expires_at=clinic.clock.now))
    clinic.report([failed("a", UNDELIVERABLE, act=1)])
    clinic.serve()
    assert clinic.status_of("a") is Status.EXPIRED
    assert clinic.push.taken == []


def test_a_lost_answer_is_settled_by_the_webhook_and_not_sent_again() -> None:
    clinic = Clinic()
    clinic.meta.script = [replace(answer(131000, 500), may_have_left=True)]
    clinic.produce("a")
    assert clinic.status_of("a") is Status.IN_DOUBT
    clinic.report([status("a", "sent", act=1)])
    clinic.serve()
    assert clinic.status_of("a") is Status.SENT
    assert clinic.meta.asked == ["a#1"]


def test_a_doubt_that_nothing_settles_is_sent_again_once_and_counted() -> None:
    clinic = Clinic()
    clinic.meta.script = [replace(answer(131000, 500), may_have_left=True)]
    clinic.produce("a")
    clinic.serve()
    assert clinic.status_of("a") is Status.SENT
    assert clinic.meta.asked == ["a#1", "a#2"]
    assert clinic.control.counted("possible") == 1
    clinic.report([status("a", "delivered", act=1), status("a", "delivered", act=2)])
    assert clinic.control.counted("possible") == 1
    assert clinic.control.counted("duplicate") == 1
    assert clinic.row("a").possible_duplicates == 1


def test_a_passing_failure_that_meta_reports_is_sent_again_and_counts_as_nothing_twice() -> None:
    clinic = Clinic()
    clinic.produce("a")
    clinic.report([failed("a", 130429, act=1)])
    clinic.serve()
    clinic.report([failed("a", 130429, act=1), status("a", "sent", act=1), status("a", "read", act=2)])
    row = clinic.row("a")
    assert (row.status, row.via, row.possible_duplicates) == (Status.READ, 2, 0)
    assert clinic.meta.asked == ["a#1", "a#2"]
    assert clinic.push.taken == []


PASSING: Mapping[int, str] = {
    131000: "",
    131016: "",
    133004: "",
    130429: "",
    131056: "",
    131053: "Downloading media from weblink failed with http code 503, status message Unavailable",
}


def report_of(code: int, act: int) -> dict[str, Any]:
    error = {"code": code, "title": "failed", "error_data": {"details": PASSING[code]}}
    return status("a", "failed", act=act, errors=[error])


@pytest.mark.parametrize("code", PASSING)
def test_after_four_attempts_the_fallback_is_taken(code: int) -> None:
    clinic = Clinic()
    clinic.produce("a")
    waits = []
    for act in range(1, 5):
        clinic.report([report_of(code, act)])
        waits.append((clinic.row("a").due or 0.0) - clinic.clock.now)
        clinic.serve()
    assert clinic.status_of("a") is PUSHED
    assert clinic.meta.asked == ["a#1", "a#2", "a#3", "a#4"]
    assert 0 < waits[0] < waits[1] < waits[2]
    assert waits[3] < 0.001, "the fallback is due at once"


@pytest.mark.parametrize("code", PASSING)
def test_a_failure_that_meta_reports_is_not_tried_again_past_the_deadline(code: int) -> None:
    clinic = Clinic()
    clinic.produce("a", expires_at=format_instant(clinic.clock.now + 4.0))
    for act in range(1, 5):
        clinic.report([report_of(code, act)])
        clinic.serve()
    assert clinic.status_of("a") is PUSHED
    assert len(clinic.meta.asked) < 4


def refused_template(clinic: Clinic, name: str) -> None:
    template = {"name": "old", "language": "en_US", "parameters": ["1"]}
    clinic.meta.script = [answer(132015)]
    clinic.produce(name, type="template", template=template)
    clinic.serve()


def test_the_send_that_meets_a_refused_template_goes_out_with_its_replacement() -> None:
    clinic = Clinic()
    clinic.control.keep(TemplateMap({"old": "new"}), actor="me", reason="r", now=0)
    refused_template(clinic, "a")
    assert clinic.status_of("a") is Status.SENT
    assert clinic.meta.asked == ["a#1", "a#2"]
    assert clinic.push.taken == []
    assert clinic.control.flag("whatsapp/template/old").state == "panic"


def test_without_a_replacement_a_refused_template_takes_the_fallback() -> None:
    clinic = Clinic()
    refused_template(clinic, "a")
    assert clinic.status_of("a") is PUSHED
    assert clinic.meta.asked == ["a#1"]


def test_a_replacement_in_panic_is_not_used() -> None:
    clinic = Clinic()
    clinic.control.keep(TemplateMap({"old": "new"}), actor="me", reason="r", now=0)
    clinic.panic.change(
        "whatsapp/template/new",
        lambda flag: enable(flag, By("me", "operator", "r", clinic.clock.now), new_incident_id="i"),
    )
    refused_template(clinic, "a")
    assert clinic.status_of("a") is PUSHED


def test_a_template_in_shadow_does_not_go_round() -> None:
    clinic = Clinic()
    clinic.panic.change(
        "whatsapp/template/old",
        lambda flag: set_shadow(flag, By("me", "operator", "r", clinic.clock.now), on=True),
    )
    refused_template(clinic, "a")
    assert clinic.status_of("a") is PUSHED
    assert clinic.meta.asked == ["a#1"]


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
def test_any_mixture_asks_whatsapp_once_and_counts_whoever_is_reached_twice(
    accepted: bool, has_push: bool, moments: list[tuple[str, str]], copies: int
) -> None:
    clinic = Clinic(has_push)
    if not accepted:
        clinic.meta.script = [answer(UNDELIVERABLE)]

    def entry(word: str) -> dict[str, Any]:
        return failed("a", UNDELIVERABLE, act=1) if word == "failed" else status("a", word, act=1)

    def report(moment: str) -> None:
        clinic.report([entry(word) for when, word in moments if when == moment])

    clinic.meta.before_answer = lambda: report("answer")
    clinic.push.during = lambda: report("fallback")
    clinic.produce("a")
    report("after")
    clinic.serve(copies)
    clinic.report([entry(word) for _, word in moments])
    clinic.serve(copies)
    assert clinic.meta.asked == ["a#1"]
    assert len(clinic.push.taken) <= 1
    words = {word for _, word in moments}
    end = clinic.row("a")
    assert end.status in (Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED, PUSHED)
    assert end.lane is None, "nothing waits that nobody brings"
    if words & {"delivered", "read"}:
        # The device has it; whether a push was taken besides decides whether that is counted.
        assert end.possible_duplicates == len(end.duplicates) == len(clinic.push.taken)
        assert (end.status is PUSHED) <= bool(clinic.push.taken)
        assert clinic.control.counted("duplicate") == len(clinic.push.taken)
    elif clinic.push.taken:
        assert (end.status, end.possible_duplicates) == (PUSHED, 0)


@pytest.mark.parametrize("code", [131048, 190])
def test_channel_failures_reported_later_reach_the_person_too(code: int) -> None:
    clinic = Clinic()
    clinic.produce("a")
    clinic.report([failed("a", code, act=1)])
    clinic.serve()
    assert clinic.status_of("a") is PUSHED
    assert clinic.meta.asked == ["a#1"]


def test_sender_and_webhook_count_a_duplicate_once() -> None:
    for early, possible, proven in (([2], 1, 0), ([2, 1], 1, 1), ([1], 1, 1), ([], 1, 0)):
        clinic = Clinic()
        clinic.meta.script = [replace(answer(131000, 500), may_have_left=True)]
        clinic.produce("a")
        clinic.meta.before_answer = lambda: clinic.report([status("a", "sent", act=act) for act in early])  # noqa: B023
        clinic.serve()
        assert clinic.meta.asked == ["a#1", "a#2"]
        assert clinic.control.counted("possible") == possible, early
        assert clinic.control.counted("duplicate") == proven, early
        assert clinic.log.metrics[("Duplicates", "whatsapp")] == proven
        assert len(clinic.row("a").duplicates) == proven
