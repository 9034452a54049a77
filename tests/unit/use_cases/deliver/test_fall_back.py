"""Fallback: each person's ways by the policy, each claimed before it is taken; refused ways are marked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from lifeline.adapters.contacts import Contact, mark_key
from lifeline.adapters.outcomes import NotTaken, UnknownOutcome
from lifeline.contract.instants import format_instant
from lifeline.domain.fallback.feedback import MailReport
from lifeline.domain.fallback.policy import Policy
from lifeline.domain.message.row import Lane, Phase, Row
from lifeline.domain.message.status import Status
from lifeline.domain.message.steering import release
from lifeline.settings import Settings
from lifeline.use_cases.deliver.fall_back import FallBack
from lifeline.use_cases.feedback.settle_mails import SettleMails
from lifeline.wiring import feedback

from tests.support.kinds import SAMPLES
from tests.support.memory import Died, Fault
from tests.support.meta import failed
from tests.support.sending import DEVICE, MAIL, UNDELIVERABLE, World, answer
from tests.support.services import instead
from tests.support.statuses import EMAILED, PUSHED

PUSH = {"push_endpoint": DEVICE}
POST = {"email": MAIL}
BOTH = {**PUSH, **POST}


def in_panic(policy: Mapping[str, Any] | None = None) -> World:
    world = World(Settings(fallback=Policy.parse(policy or {})))
    world.trip()
    return world


def urgent(world: World, name: str = "m", **recipient: Any) -> Row:
    """A critical message of somebody with these ways; its row afterwards."""
    assert world.put(name, priority="critical", recipient=recipient) == []
    return world.row(name)


def released(world: World, name: str = "m") -> None:
    """The tick lets a parked message go."""
    row = release(world.row(name), world.clock())
    assert row is not None
    world.ledger.put(replace(row, rev=row.rev + 1))
    world.wake(name)


# --- what each kind says -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
def test_in_panic_each_kind_says_its_words_or_waits(name: str) -> None:
    world, sample = in_panic(), SAMPLES[name]
    fields = {"text": None, **sample.fields}
    assert world.put("m", priority="critical", recipient=BOTH, **fields) == []
    assert world.meta.sent == []
    if sample.said is None:
        assert (world.status("m"), world.told("m"), world.row("m").lane) == (Status.PARKED, [], Lane.CRITICAL)
        world.clear()
        released(world)
        assert (world.status("m"), world.meta.accepted) == (Status.SENT, ["m"])
    else:
        assert world.status("m") is PUSHED
        assert [item.words.partition(": ")[2] for item in world.push.sent] == [sample.said]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_person_whom_whatsapp_cannot_reach_gets_the_words_of_each_kind(name: str) -> None:
    world, sample = World(), SAMPLES[name]
    world.meta.script = [answer(UNDELIVERABLE)]
    fields = {"text": None, **sample.fields}
    world.put("m", recipient=PUSH, **fields)
    if sample.type == "voice":
        world.serve()
    assert world.status("m") is (PUSHED if sample.said else Status.FAILED)


# --- the policy ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("priority", "recipient", "status"),
    [
        ("critical", BOTH, PUSHED),
        ("critical", POST, EMAILED),
        ("critical", {}, Status.PARKED),
        ("normal", BOTH, PUSHED),
        ("normal", POST, Status.PARKED),
        ("bulk", BOTH, Status.PARKED),
    ],
)
def test_the_first_way_of_the_default_policy(
    priority: str, recipient: Mapping[str, str], status: Status
) -> None:
    world = in_panic()
    assert world.put("m", priority=priority, recipient=recipient) == []
    row = world.row("m")
    assert row.status is status
    assert len(world.told("m")) == (status is not Status.PARKED)
    assert row.via == (1 if row.reached else 0)


def test_take_all_takes_every_way_and_does_not_park() -> None:
    world = in_panic({"take_all": True})
    row = urgent(world, **BOTH)
    assert world.told("m") == ["push", "email"]
    assert (row.status, row.tried, row.lane, row.via) == (PUSHED, "push, email", None, 2)
    assert row.possible_duplicates == 0, "the policy wants both"


def test_take_all_where_one_way_fails_counts_the_other() -> None:
    world = in_panic({"take_all": True})
    world.push.script = [NotTaken("Throttled")]
    row = urgent(world, **BOTH)
    assert (row.status, row.tried) == (EMAILED, "push Throttled, email")


def test_take_all_parks_whom_nothing_reached() -> None:
    world = in_panic({"take_all": True})
    world.push.script, world.email.script = [NotTaken("a")], [NotTaken("b")]
    row = urgent(world, **BOTH)
    assert (row.status, row.lane, row.tried) == (Status.PARKED, Lane.CRITICAL, "push a, email b, park")


def test_whatsapp_later_parks_as_well_and_sends_after_recovery() -> None:
    world = in_panic({"whatsapp_later": True})
    row = urgent(world, **BOTH)
    assert (world.told("m"), row.status, row.tried) == (["push"], Status.PARKED, "push, park")
    world.clear()
    released(world)
    row = world.row("m")
    assert (world.told("m"), row.status, row.possible_duplicates) == (["push", "whatsapp"], Status.SENT, 0)


@pytest.mark.parametrize("recipient", [PUSH, POST])
def test_whatsapp_later_tells_nobody_twice_in_the_next_panic(recipient: Mapping[str, str]) -> None:
    world = in_panic({"whatsapp_later": True})
    urgent(world, **recipient)
    for _ in range(2):
        world.clock.advance(60)
        released(world)
        assert world.status("m") is Status.PARKED
    assert len(world.told("m")) == 1
    world.clear()
    world.meta.script = [answer(UNDELIVERABLE)]
    released(world)
    row = world.row("m")
    assert (row.status, len(world.told("m")) - 1) == (
        PUSHED if recipient is PUSH else EMAILED,
        1,
    ), "Meta was asked, and who was told stays told"
    assert row.via == 1


@pytest.mark.parametrize("again", [False, True], ids=["healthy", "in panic"])
@pytest.mark.parametrize("code", [UNDELIVERABLE, 131000], ids=["final", "passing"])
def test_whatsapp_that_follows_and_fails_by_report_takes_no_second_fallback(code: int, again: bool) -> None:
    world = in_panic({"whatsapp_later": True})
    urgent(world, **BOTH)
    world.clear()
    released(world)
    assert world.status("m") is Status.SENT
    if again:
        world.trip()
    world.meta.script = [answer(UNDELIVERABLE)]
    assert world.statuses(failed("m", code, act=2)) == 200
    world.serve()
    row = world.row("m")
    assert [way for way in world.told("m") if way != "whatsapp"] == ["push"], "nobody is told anew"
    assert row.status in (PUSHED, Status.PARKED)
    assert row.via == 1


def test_who_was_not_reached_is_tried_again_in_the_next_panic() -> None:
    world = in_panic()
    world.push.script = [NotTaken("Throttled")]
    assert world.put("m", recipient=PUSH) == []
    assert world.row("m").tried == "push Throttled, park"
    released(world)
    row = world.row("m")
    assert (row.status, row.tried) == (PUSHED, "push Throttled, park, push")


def test_take_all_and_whatsapp_later_together() -> None:
    world = in_panic({"take_all": True, "whatsapp_later": True})
    row = urgent(world, **BOTH)
    assert (world.told("m"), row.status) == (["push", "email"], Status.PARKED)
    world.clear()
    released(world)
    assert world.status("m") is Status.SENT


def test_what_a_push_says() -> None:
    world = in_panic()
    body = {"type": "template", "template": {"name": "reminder", "language": "en_US"}, "text": None}
    world.put("named", **body, recipient=PUSH)
    assert world.push.sent[0].words == "A message for you: Reminder"
    world.put("m", recipient=PUSH, fallback={"title": "Tomorrow", "body": "At ten."})
    assert world.push.sent[1].words == "Tomorrow: At ten."


# --- who can be reached how ------------------------------------------------------------------------------


def test_a_registered_contact_is_reached_and_what_came_along_goes_before() -> None:
    world = in_panic()
    world.contacts.known["ana"] = Contact("ana", {"push": (DEVICE + "2",), "email": ("kept@example.org",)})
    urgent(world, "a", user_id="ana")
    urgent(world, "b", user_id="ana", push_endpoint=DEVICE)
    assert [item.where for item in world.push.sent] == [DEVICE + "2", DEVICE]


@pytest.mark.parametrize("user_id", ["ana", None])
def test_a_disabled_device_is_marked_whoever_brought_it(user_id: str | None) -> None:
    world = in_panic()
    world.push.refuses[DEVICE] = NotTaken("EndpointDisabled", gone=True)
    given = BOTH | ({"user_id": user_id} if user_id else {})
    assert urgent(world, "a", **given).tried == "push EndpointDisabled, email"
    assert urgent(world, "b", **given).tried == "email"
    assert world.contacts.marks == {mark_key("push", DEVICE): "EndpointDisabled"}


DEVICES = [f"{DEVICE}{n}" for n in range(3)]
HERS: dict[str, Any] = {"push_endpoint": DEVICES, "email": MAIL}


def where(world: World) -> list[str]:
    return [item.where for item in world.push.sent]


@pytest.mark.parametrize("own", [True, False], ids=["in the message", "of the contact"])
def test_each_device_of_a_person_is_told(own: bool) -> None:
    world = in_panic()
    world.contacts.known["ana"] = Contact("ana", {"push": tuple(DEVICES)})
    row = urgent(world, **(HERS if own else {"user_id": "ana"}))
    assert (where(world), row.status, row.tried) == (DEVICES, PUSHED, "push")
    assert {item.act for item in world.push.sent} == {1}
    assert (row.possible_duplicates, world.email.sent) == (0, [])


def test_a_dead_device_is_dropped_and_the_others_are_told() -> None:
    world = in_panic()
    world.push.refuses[DEVICES[1]] = NotTaken("EndpointDisabled", gone=True)
    assert urgent(world, "a", **HERS).tried == "push"
    assert world.contacts.marks == {mark_key("push", DEVICES[1]): "EndpointDisabled"}
    del world.push.refuses[DEVICES[1]]
    assert urgent(world, "b", **HERS).status is PUSHED
    assert where(world) == [DEVICES[0], DEVICES[2]] * 2, "the dropped one is not asked any more"


@pytest.mark.parametrize("trouble", [NotTaken("Throttled", retryable=True), UnknownOutcome("ReadTimeout")])
@pytest.mark.parametrize("taken_by", range(3))
def test_what_one_device_took_is_done_and_is_not_repeated(trouble: Exception, taken_by: int) -> None:
    world = in_panic()
    world.push.script = [None if n == taken_by else trouble for n in range(3)]
    row = urgent(world, **HERS)
    world.serve()
    assert (where(world), row.status, row.doubts) == ([DEVICES[taken_by]], PUSHED, ())
    assert world.contacts.marks == {}


def test_where_no_device_took_it_the_next_way_is_taken() -> None:
    world = in_panic()
    for device in DEVICES:
        world.push.refuses[device] = NotTaken("EndpointDisabled", gone=True)
    assert urgent(world, "a", **HERS).tried == "push EndpointDisabled, email"
    assert urgent(world, "b", **HERS).tried == "email"


def test_where_one_device_may_have_it_all_are_told_again() -> None:
    world = in_panic()
    world.push.script = [UnknownOutcome("ReadTimeout"), NotTaken("Throttled", retryable=True)]
    assert urgent(world, push_endpoint=DEVICES[:2]).doubts
    world.clock.advance(10)
    world.serve()
    assert (where(world), world.status("m")) == (DEVICES[:2], PUSHED), "a device shows one: it collapses"


def test_a_worker_that_dies_between_two_devices_tells_all_again() -> None:
    world = in_panic()
    world.push.script = [None, Died("between")]
    with pytest.raises(Died):
        urgent(world, **HERS)
    assert where(world) == DEVICES[:1]
    world.clock.advance(130)
    world.wake("m")
    world.clock.advance(10)
    world.serve()
    assert (where(world)[1:], world.status("m")) == (DEVICES, PUSHED)


def test_a_push_service_that_hangs_leaves_time_to_record_what_first_devices_took() -> None:
    world = in_panic()
    world.push.after = lambda name: world.clock.advance(8)
    world.put("a", "b", priority="critical", recipient=HERS)
    assert where(world) == [DEVICES[0]] * 2, "everybody's first device goes before anybody's second"
    assert (world.status("a"), world.status("b")) == (PUSHED, PUSHED)


def test_a_service_that_fails_marks_nobody() -> None:
    world = in_panic()
    world.push.refuses[DEVICE] = NotTaken("Throttled", retryable=True)
    urgent(world, **BOTH)
    assert world.contacts.marks == {}


def test_without_the_table_the_ways_that_came_along_still_work() -> None:
    world = in_panic()
    world.contacts.broken = True
    world.push.refuses[DEVICE] = NotTaken("EndpointDisabled", gone=True)
    assert urgent(world, user_id="ana", **BOTH).status is EMAILED
    assert urgent(world, "n", user_id="ana").status is Status.PARKED


def bounce(address: str, kind: str = "Permanent") -> dict[str, Any]:
    document = {
        "eventType": "Bounce",
        "bounce": {"bounceType": kind, "bouncedRecipients": [{"emailAddress": address}]},
    }
    return {"Records": [{"Sns": {"Message": json.dumps(document)}}]}


@pytest.mark.parametrize(("kind", "again"), [("Permanent", Status.PARKED), ("Transient", EMAILED)])
def test_a_bounce_marks_the_address_and_the_next_fallback_skips_it(kind: str, again: Status) -> None:
    world = in_panic()
    take = feedback.build(world.adapters("feedback"))
    urgent(world, "a", email="Ana@Example.org")
    take(bounce("ana@example.org", kind))
    assert urgent(world, "b", email="ANA@example.org").status is again
    world.contacts.known["ana"] = Contact("ana", {"email": ("ana@example.org",)})
    assert urgent(world, "c", user_id="ana").status is again
    world.contacts.known["ana"] = Contact("ana", {"email": ("new@example.org",)})
    assert urgent(world, "d", user_id="ana").status is EMAILED


# --- deadlines -------------------------------------------------------------------------------------------


def test_a_push_is_shown_until_the_message_expires() -> None:
    world = in_panic()
    world.put("m", recipient=PUSH, expires_at=format_instant(world.clock() + 90))
    world.put("n", recipient=PUSH)
    assert [item.ttl for item in world.push.sent] == [90, None]


def test_what_expires_right_before_its_push_is_not_pushed() -> None:
    world = in_panic()
    world.push.after = lambda name: world.clock.advance(20)
    world.put("a", "b", recipient=PUSH, expires_at=format_instant(world.clock() + 10))
    assert world.told("b") == []
    row = world.row("b")
    assert (row.status, row.tried, row.doubts) == (Status.EXPIRED, None, ())


def test_who_opts_out_right_before_the_push_is_not_pushed() -> None:
    world = in_panic()
    number = "+4915112345678"
    world.push.after = lambda name: world.opt_outs.wish(number, at=world.clock())
    world.put("a", "b", to=number, category="promotion", recipient=PUSH)
    assert (world.told("b"), world.status("b"), world.row("b").tried) == ([], Status.SUPPRESSED, None)


def test_what_expires_between_push_and_mail_is_not_mailed() -> None:
    world = in_panic({"take_all": False})
    expires = format_instant(world.clock() + 10)

    def slow(*given: Any) -> str:
        world.clock.advance(20)
        raise NotTaken("Throttled")

    instead(world.push, send=slow)
    world.put("m", priority="critical", recipient=BOTH, expires_at=expires)
    assert (world.status("m"), world.told("m")) == (Status.EXPIRED, [])


def test_who_was_pushed_before_the_message_expired_counts_as_pushed() -> None:
    world = in_panic({"take_all": True})
    world.push.after = lambda name: world.clock.advance(20)
    world.put("m", priority="critical", recipient=BOTH, expires_at=format_instant(world.clock() + 10))
    assert (world.status("m"), world.told("m")) == (PUSHED, ["push"])


# --- doubt -----------------------------------------------------------------------------------------------


def test_a_push_without_an_answer_is_repeated_and_the_device_shows_one() -> None:
    world = in_panic()
    world.push.script = [UnknownOutcome("ReadTimeout"), UnknownOutcome("ReadTimeout"), None]
    assert world.put("m", recipient=PUSH) == []
    row = world.row("m")
    assert (row.status, row.phase, row.lane) == (Status.IN_DOUBT, Phase.WAITING, Lane.TIMER)
    assert [doubt.way for doubt in row.doubts] == ["push"]
    world.serve()
    row = world.row("m")
    assert (row.status, row.act, row.via, row.doubts) == (PUSHED, 3, 3, ())


def test_a_push_that_never_answers_gives_way_to_the_mail_and_is_counted() -> None:
    world = in_panic()
    world.push.script = [UnknownOutcome("ReadTimeout")] * 3
    urgent(world, **BOTH)
    world.serve()
    row = world.row("m")
    assert (row.status, row.tried) == (EMAILED, "push unknown, email")
    assert row.possible_duplicates == 3
    assert world.control.counted("possible") == 3


def settle(world: World, report: MailReport) -> None:
    adapters = world.adapters("feedback")
    SettleMails(adapters.fold_reports(adapters.control.count), adapters.clock)([report])


def test_a_mail_without_an_answer_waits_for_the_event_that_settles_it() -> None:
    world = in_panic()
    world.email.script = [UnknownOutcome("ReadTimeout")]
    row = urgent(world, **POST)
    assert (row.status, row.due) == (Status.IN_DOUBT, world.clock() + 60)
    settle(world, MailReport("m", 1, "delivered", world.clock()))
    world.serve()
    row = world.row("m")
    assert (row.status, row.via, row.doubts, world.email.sent) == (EMAILED, 1, (), [])


def test_a_mail_of_which_nothing_is_heard_is_sent_again_and_counted() -> None:
    world = in_panic()
    world.email.script = [UnknownOutcome("ReadTimeout")]
    urgent(world, **POST)
    world.serve()
    row = world.row("m")
    assert (row.status, row.via, row.possible_duplicates) == (EMAILED, 2, 1)


@pytest.mark.parametrize("recipient", [PUSH, POST])
def test_an_error_of_our_own_in_a_fallback_is_a_doubt_and_harms_nobody_else(
    recipient: Mapping[str, str],
) -> None:
    world = in_panic()
    channel = world.push if recipient is PUSH else world.email
    channel.script = [None, ZeroDivisionError(), None]
    assert world.put("a", "bad", "b", priority="critical", recipient=recipient) == []
    assert channel.asked == ["a", "b"]
    row = world.row("bad")
    assert (row.status, len(row.doubts)) == (Status.IN_DOUBT, 1)
    world.serve()
    assert world.row("bad").reached


def test_an_error_while_a_way_is_chosen_concerns_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    real = FallBack.next_way

    def next_way(self: FallBack, row: Row, *rest: Any, **more: Any) -> Any:
        assert row.id != "bad"
        return real(self, row, *rest, **more)

    monkeypatch.setattr(FallBack, "next_way", next_way)
    world = in_panic()
    assert world.put("a", "bad", "b", recipient=PUSH) == []
    assert world.push.asked == ["a", "b"]
    assert (world.row("bad").faults, world.row("bad").lane) == (1, Lane.TIMER)


def test_an_error_while_an_address_is_marked_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = in_panic()
    world.push.refuses[DEVICE] = NotTaken("EndpointDisabled", gone=True)
    monkeypatch.setattr(world.contacts, "refuse", lambda *given: 1 / 0)
    assert urgent(world, **BOTH).status is EMAILED


# --- workers that die, writes that fail ------------------------------------------------------------------


@pytest.mark.parametrize("recipient", [PUSH, POST])
@pytest.mark.parametrize("point", ["ledger.write.before", "ledger.write.after"])
@pytest.mark.parametrize("call", range(3))
def test_a_worker_that_dies_in_the_fallback(point: str, call: int, recipient: Mapping[str, str]) -> None:
    world = in_panic()
    world.faults.add(point, *[None] * call, Fault.DIE)
    try:
        world.dies(world.record("m", priority="critical", recipient=recipient))
    except AssertionError:
        assert call == 2, "there are two writes"
        return
    world.again()
    world.serve()
    world.again()
    row = world.row("m")
    told = world.told("m")
    assert (row.reached, world.unacknowledged) == (True, {})
    assert world.meta.asked == []
    if recipient is POST:
        assert len(told) - 1 <= row.possible_duplicates
    assert len(told) <= 2


@pytest.mark.parametrize("landed", [False, True])
@pytest.mark.parametrize("recipient", [PUSH, POST])
def test_a_push_succeeds_and_its_record_fails(landed: bool, recipient: Mapping[str, str]) -> None:
    world = in_panic()
    point = "ledger.write.after" if landed else "ledger.write.before"
    world.faults.add(point, None, *[Fault.LOSE] * 40)
    record = world.record("m", priority="critical", recipient=recipient)
    assert world.batch(record) == [record.id], "nobody knows whether it is recorded"
    world.faults.clear()
    world.again()
    world.serve()
    world.again()
    row, told = world.row("m"), world.told("m")
    assert row.reached
    if recipient is POST:
        assert len(told) - 1 == row.possible_duplicates, "no second mail is uncounted"
    else:
        assert row.possible_duplicates == 0, "of pushes under one collapse key the device shows one"


def test_no_claim_no_fallback() -> None:
    world = in_panic()
    world.faults.add("ledger.write.before", *[Fault.LOSE] * 6)
    record = world.record("m", recipient=PUSH)
    assert world.batch(record) == [record.id]
    assert world.push.sent == []
    world.faults.clear()
    assert world.again() == []
    assert world.push.asked == ["m"]


def test_of_two_batches_that_fall_back_at_once_one_does() -> None:
    world = in_panic()
    copy = world.record("m", recipient=PUSH)
    world.ledger.before_write.append(lambda: world.batch(copy, by=world.worker()))
    assert world.put("m", recipient=PUSH) == []
    assert world.push.asked == ["m"]


# --- metrics ---------------------------------------------------------------------------------------------


def test_a_batch_is_counted_once() -> None:
    world = in_panic()
    world.email.refuses["no@example.org"] = NotTaken("MessageRejected")
    people = [PUSH, {"email": "no@example.org"}, {"push_endpoint": DEVICE + "1"}, {}]
    world.batch(
        *(
            world.record(f"m{number}", priority="critical", recipient=ways)
            for number, ways in enumerate(people)
        )
    )
    found = {key: value for key, value in world.log.metrics.items() if key[0].startswith("Fallback")}
    assert found == {
        ("Fallbacks", "push"): 2,
        ("FallbackFailures", "email"): 1,
        ("FallbackFailing", "whatsapp", "hits"): 1,
        ("FallbackFailing", "whatsapp", "misses"): 2,
    }


def test_a_person_whom_whatsapp_cannot_reach_says_nothing_of_an_outage() -> None:
    world = World()
    world.email.refuses["no@example.org"] = NotTaken("MessageRejected")
    world.meta.script = [answer(UNDELIVERABLE)]
    assert urgent(world, email="no@example.org").status is Status.FAILED
    assert world.log.metrics[("FallbackFailing", "whatsapp", "hits")] == 0


def test_what_was_tried_before_is_not_counted_again() -> None:
    world = in_panic()
    world.push.script = [NotTaken("Throttled")]
    world.put("m", recipient=PUSH)
    released(world)
    assert world.log.metrics[("FallbackFailures", "push")] == 1
    assert world.log.metrics[("Fallbacks", "push")] == 1


def test_a_contact_is_found_by_a_business_scoped_user_id() -> None:
    world = in_panic()
    world.contacts.known["ana"] = Contact("ana", {"email": (MAIL,)}, bsuid="US.1349")
    world.put("m", to=None, recipient={"bsuid": "US.1349"}, priority="critical")
    assert world.status("m") is EMAILED
    assert [item.where for item in world.email.sent] == [MAIL]
    world.put("other", to=None, recipient={"bsuid": "DE.1349"}, priority="critical")
    assert world.status("other") is Status.PARKED
