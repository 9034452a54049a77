"""What reports make of a row: in any order, any number of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from string import ascii_letters, digits
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from lifeline.domain.failure.classify import Failure, classify_status_error
from lifeline.domain.message.outcome import Retries
from lifeline.domain.message.proof import (
    disprove,
    named,
    prove,
    read_tag,
    reported_failure,
    tag,
    told_twice,
    way_rejected,
)
from lifeline.domain.message.row import (
    WHATSAPP,
    Doubt,
    Lane,
    Phase,
    Row,
    doubted,
    off_agenda,
    parked,
    waiting,
)
from lifeline.domain.message.status import Status, can_move
from lifeline.domain.message.step import Do, Situation, claim, next_step
from lifeline.domain.message.ways import taken_so_far

from tests.support.statuses import EMAILED, PUSHED

NOW = 1_790_000_000.0
AT = Retries(
    now=NOW,
    attempts=4,
    base=2.0,
    cap=60.0,
    grace=60.0,
    chance=0.5,
    blocked=False,
    channel_blocked=False,
)
GONE = classify_status_error({"code": 131026})
PASSING = classify_status_error({"code": 130429})
FAILED = ("passing", "gone")
WORDS = ("sent", "delivered", "read", *FAILED)
GIVEN_UP = (Status.PARKED, Status.EXPIRED, Status.CANCELLED, Status.REJECTED)
Report = tuple[int, str]


def fold(row: Row, reports: Sequence[Report], at: Retries = AT) -> Row:
    for act, word in reports:
        row = told(row, act, word, at)
    return row


def told(row: Row, act: int, word: str, at: Retries = AT) -> Row:
    failure: dict[str, Failure] = {"passing": PASSING, "gone": GONE}
    if word in failure:
        return reported_failure(row, act, failure[word], at)
    return prove(row, act, Status[word.upper()], f"wamid.{act}")


def doubt(act: int, way: str = WHATSAPP) -> Doubt:
    return Doubt(act, way, NOW - 30 + act)


def sent(act: int = 1, **more: Any) -> Row:
    row = Row("a", Status.SENT, rev=2, act=act, via=act, way=WHATSAPP, attempt=act, attempted_at=NOW - 5)
    return replace(row, wamid=f"wamid.{act}", **more)


def in_doubt(*acts: int, act: int | None = None, **more: Any) -> Row:
    last = act or max(acts)
    row = Row("a", rev=2, act=last, way=WHATSAPP, attempt=last, attempted_at=NOW - 30 + last)
    row = waiting(replace(row, doubts=tuple(map(doubt, acts))), NOW + 30)
    return replace(row, **more)


def sending(act: int = 1, *doubts: int, way: str = WHATSAPP) -> Row:
    phase = Phase.SENDING if way == WHATSAPP else Phase.FALLING_BACK
    return Row(
        "a",
        rev=2,
        phase=phase,
        lane=Lane.TIMER,
        due=NOW + 40,
        act=act,
        way=way,
        attempt=1,
        attempted_at=NOW - 5,
        doubts=tuple(map(doubt, doubts)),
    )


def reached(row: Row) -> set[int]:
    """The acts that are known to have reached the person."""
    return {*row.duplicates, *((row.via,) if row.reached else ())}


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """Any row that has acts 1 to 3 over WhatsApp, the last one perhaps by push or mail."""
    last = draw(st.integers(1, 3))
    kind = draw(
        st.sampled_from(
            ["sent", "held", "doubt", "sending", "pushing", "parked", "pushed", "mailed", "over", "refused"]
        )
    )
    own = kind in ("sent", "held", "sending", "pushing", "pushed", "mailed")
    before = range(1, last + (not own))
    unsettled = tuple(act for act in before if draw(st.booleans()))
    if kind in ("doubt", "parked", "over", "refused"):
        unsettled = unsettled or (last,)
    attempt = draw(st.integers(1, 4))
    base = Row("a", rev=5, act=last, way=WHATSAPP, attempt=attempt, attempted_at=NOW - 5)
    base = replace(base, doubts=tuple(map(doubt, unsettled)), later=draw(st.booleans()))
    match kind:
        case "sent" | "held":
            status = Status.SENT if kind == "sent" else Status.HELD
            return replace(base, status=status, via=last, wamid=f"wamid.{last}")
        case "doubt":
            return waiting(base, NOW + 30)
        case "sending" | "pushing":
            phase = Phase.SENDING if kind == "sending" else Phase.FALLING_BACK
            way = WHATSAPP if kind == "sending" else "push"
            return replace(base, phase=phase, way=way, lane=Lane.TIMER, due=NOW + 40)
        case "parked":
            return parked(base, Lane.NORMAL, NOW - 100)
        case "pushed" | "mailed":
            status, way = (PUSHED, "push") if kind == "pushed" else (EMAILED, "email")
            return replace(base, status=status, way=way, via=last)
        case "over":
            return off_agenda(base, draw(st.sampled_from([Status.EXPIRED, Status.CANCELLED])))
    return replace(off_agenda(base, Status.REJECTED), lane=Lane.REFUSED, due=NOW)


def reports_of(row: Row) -> st.SearchStrategy[list[Report]]:
    """Of the row's acts over WhatsApp: a push has no such reports."""
    last = row.act if row.way == WHATSAPP else row.act - 1
    assume(last >= 1)
    return st.lists(st.tuples(st.integers(1, last), st.sampled_from(WORDS)), min_size=1, max_size=6)


def as_meta_says(row: Row, reports: Sequence[Report]) -> list[Report]:
    """The same with one reason per act that failed. Rows that were given up hear of each act either that Meta
    took it or that it failed: with both, the order counts, as the head of ``proof.py`` says.
    """
    first: dict[tuple[int, bool], str] = {}
    said = []
    for act, word in reports:
        if word in FAILED:
            word = first.setdefault((act, True), word)
        if row.status in GIVEN_UP and word in ("sent", *FAILED):
            word = first.setdefault((act, False), word)
        said.append((act, word))
    return said


def settled(row: Row) -> tuple[object, ...]:
    """What must not depend on the order: an act in flight and the same act in doubt are one thing here."""
    row = doubted(row) if row.in_flight else row
    status = Status.IN_DOUBT if row.doubts and row.status is Status.CLAIMED else row.status
    again = status is Status.FAILED and row.later
    return (status, again), {item.act for item in row.doubts}, reached(row)


def compared(row: Row, reports: Sequence[Report]) -> tuple[int, bool]:
    """How much of :func:`settled` must agree, by the exceptions at the head of ``proof.py``; and whether held
    and sent are one there.
    """
    words: dict[int, set[str]] = {}
    for act, word in reports:
        words.setdefault(act, set()).add(word)
    failed = {act for act, said in words.items() if said & set(FAILED)}
    taken_and_failed = any(act == row.via or "sent" in words[act] for act in failed)
    if not taken_and_failed:
        return 3, False
    if row.status in (PUSHED, EMAILED) or any(said & {"delivered", "read"} for said in words.values()):
        return 2, False
    return 3, row.status is Status.HELD


@settings(max_examples=400)
@given(data=st.data(), row=rows())
def test_any_order_and_number_ends_in_the_same_row(data: st.DataObject, row: Row) -> None:
    reports = as_meta_says(row, data.draw(reports_of(row)))
    much, alike = compared(row, reports)
    again = data.draw(st.lists(st.sampled_from(reports), max_size=6))
    shuffled = data.draw(st.permutations(reports + again))
    ends = [fold(row, reports), fold(row, shuffled)]
    if alike:
        ends = [replace(end, status=Status.SENT) if end.status is Status.HELD else end for end in ends]
    assert settled(ends[0])[:much] == settled(ends[1])[:much]


@settings(max_examples=150)
@given(data=st.data(), row=rows())
def test_once_a_device_has_it_the_status_is_the_same_even_in_the_exceptions(
    data: st.DataObject, row: Row
) -> None:
    assume(row.status not in (PUSHED, EMAILED))
    reports = [*data.draw(reports_of(row)), (1, data.draw(st.sampled_from(["delivered", "read"])))]
    assume(row.way == WHATSAPP or row.act > 1)
    ends = [fold(row, data.draw(st.permutations(reports))) for _ in range(2)]
    assert ends[0].status is ends[1].status
    assert ends[0].status in (Status.DELIVERED, Status.READ)
    seen = {act for act, word in reports if word in ("delivered", "read")}
    for end in ends:
        assert seen <= reached(end), "what a device has is counted"
        assert reached(end) <= seen | {act for act, word in reports if word == "sent"} | reached(row)


@settings(max_examples=400)
@given(data=st.data(), row=rows())
def test_what_every_single_report_keeps(data: st.DataObject, row: Row) -> None:
    for act, word in data.draw(reports_of(row)):
        after = told(row, act, word)
        assert after.status is row.status or can_move(row.status, after.status)
        failure = word in FAILED
        if row.reached and not after.reached:
            assert failure
            assert act == row.via
            assert row.status in (Status.SENT, Status.HELD)
            assert not row.duplicates, "by another act the person is reached all the same"
        gone = {item.act for item in row.doubts} - {item.act for item in after.doubts}
        assert gone <= {act}, "a doubt goes by its own proof or disproof only"
        if gone and not failure:
            assert act in reached(after)
        new = {item.act for item in after.doubts} - {item.act for item in row.doubts}
        assert new <= ({row.act} if row.in_flight and not after.in_flight else set())
        assert after.possible_duplicates >= len(after.duplicates)
        assert len(reached(after)) <= 1 + len(after.duplicates)
        assert after.via not in after.duplicates
        if after.in_flight:
            assert row.in_flight
            assert after.act == row.act
        assert not (after.open and after.lane is None and row.lane is not None), "stays on the agenda"
        if after.status is Status.FAILED or after.phase == Phase.WAITING:
            assert after.lane == Lane.TIMER
        assert (after.status is Status.IN_DOUBT) <= bool(after.doubts)
        row = after


@given(
    row=rows(),
    act=st.sampled_from([-1, 0, 4, 9, 99_999_999]),
    word=st.sampled_from(WORDS),
)
def test_a_report_of_an_act_never_claimed_changes_nothing(row: Row, act: int, word: str) -> None:
    assume(act < 1 or act > row.act)
    assert told(row, act, word) is row


@given(row=rows(), reports=st.lists(st.tuples(st.integers(1, 3), st.sampled_from(WORDS)), max_size=4))
@example(row=sent(), reports=[(1, "sent")])
def test_what_is_known_already_is_the_same_row(row: Row, reports: list[Report]) -> None:
    """So that a repetition writes nothing."""
    end = fold(row, reports)
    for act, word in reports[-1:]:
        assert told(end, act, word) == end


# --- one by one ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(["sent", "delivered", "read", "gone"])))
@pytest.mark.parametrize("start", [sending(), in_doubt(1), sent(), sent(status=Status.HELD)])
def test_all_four_words_end_in_read(start: Row, order: tuple[str, ...]) -> None:
    end = fold(start, [(1, word) for word in order])
    assert (end.status, end.via, end.duplicates, end.doubts, end.lane) == (Status.READ, 1, (), (), None)


@pytest.mark.parametrize("order", list(permutations([(1, "sent"), (2, "sent"), (2, "delivered")])))
def test_two_sends_that_both_left_are_one_duplicate(order: tuple[Report, ...]) -> None:
    end = fold(in_doubt(1, 2), order)
    assert (end.status, end.via, end.duplicates, end.wamid) == (Status.DELIVERED, 2, (1,), "wamid.2")
    assert end.possible_duplicates == 1


@pytest.mark.parametrize("order", list(permutations([(1, "delivered"), (2, "gone")])))
def test_a_second_send_that_failed_leaves_the_person_reached_by_the_first(order: tuple[Report, ...]) -> None:
    end = fold(sent(2, doubts=(doubt(1),)), order)
    assert end.status is Status.DELIVERED
    assert not end.lane, "no fallback: the person has it"


def test_of_two_sends_that_meta_took_one_fails() -> None:
    twice = sent(2, doubts=(doubt(1),))
    both = fold(twice, [(1, "sent")])
    assert (both.via, both.duplicates) == (1, (2,))
    assert reached(fold(both, [(2, "gone")])) == {1}
    assert reached(fold(both, [(1, "gone")])) == {2}
    assert fold(both, [(1, "gone"), (2, "gone")]).status is Status.FAILED


def test_a_failure_waits_for_the_other_act_in_doubt() -> None:
    row = fold(sent(2, doubts=(doubt(1),)), [(2, "gone")])
    assert (row.status, row.lane, row.later) == (Status.IN_DOUBT, Lane.TIMER, False)
    assert fold(row, [(1, "sent")]).status is Status.SENT
    failed = fold(row, [(1, "gone")])
    assert (failed.status, failed.lane, failed.due) == (Status.FAILED, Lane.TIMER, NOW)


def test_a_failure_of_the_last_doubt_is_due_now_and_never_asks_whatsapp_again() -> None:
    row = fold(in_doubt(1), [(1, "gone")])
    assert (row.status, row.phase, row.lane, row.due) == (Status.FAILED, Phase.WAITING, Lane.TIMER, NOW)
    assert (row.cause, row.code, row.later) == ("undeliverable", 131026, False)


def test_a_passing_failure_is_tried_again_with_a_growing_delay() -> None:
    row = fold(sent(), [(1, "passing")])
    assert (row.status, row.phase, row.due, row.later) == (Status.FAILED, Phase.WAITING, NOW + 2.0, True)
    assert fold(row, [(1, "passing")]) == row
    assert not fold(sent(4), [(4, "passing")]).later, "after four attempts the fallback"
    late = fold(sent(expires_at=NOW + 1), [(1, "passing")])
    assert (late.due, late.later) == (NOW, False), "the next attempt would come too late"


def test_in_panic_a_passing_failure_is_left_to_the_next_step_at_once() -> None:
    """It takes the fallback, and is parked where nobody was reached, as after a failure in the answer."""
    row = fold(sent(), [(1, "passing")], replace(AT, blocked=True, channel_blocked=True))
    assert (row.status, row.due, row.later) == (Status.FAILED, NOW, True)
    situation = Situation(
        now=NOW, channel_blocked=True, template_blocked=False, valid_phone=True, grace=60, lease=60
    )
    step = next_step(row, situation)
    assert step.do is Do.FALL_BACK
    assert step.row.later


def test_the_order_of_two_failures_does_not_decide_whether_it_is_tried_again() -> None:
    for order in permutations([(1, "gone"), (2, "passing")]):
        row = fold(in_doubt(1, 2), order)
        assert (row.status, row.later) == (Status.FAILED, False)


def test_a_parked_message_stays_parked_when_its_doubted_send_failed() -> None:
    row = parked(in_doubt(1), Lane.NORMAL, NOW)
    after = fold(row, [(1, "gone")])
    assert (after.status, after.lane, after.doubts, after.later) == (Status.PARKED, Lane.NORMAL, (), True)
    assert fold(row, [(1, "sent")]).status is Status.SENT


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.CANCELLED, Status.REJECTED, Status.FAILED])
@pytest.mark.parametrize("said", [Status.HELD, Status.SENT, Status.DELIVERED, PUSHED, EMAILED])
def test_a_late_proof_of_a_message_given_up_is_never_dropped(status: Status, said: Status) -> None:
    row = off_agenda(replace(in_doubt(1), way="push" if said is PUSHED else WHATSAPP), status)
    after = prove(row, 1, said)
    assert after.reached
    assert (after.via, after.doubts) == (1, ())


def test_a_proof_while_the_next_act_is_in_flight_leaves_that_one_in_doubt() -> None:
    row = fold(sending(2, 1), [(1, "delivered")])
    assert (row.status, row.via, row.phase, row.lane) == (Status.DELIVERED, 1, None, None)
    assert [item.act for item in row.doubts] == [2]
    assert fold(row, [(2, "sent")]).duplicates == (2,)


def test_pushes_under_one_collapse_key_count_as_one() -> None:
    row = replace(sending(3, way="push"), doubts=(doubt(1), doubt(2, "push")))
    pushed = prove(row, 2, PUSHED)
    assert (pushed.status, pushed.via, [item.act for item in pushed.doubts]) == (PUSHED, 2, [1])
    assert prove(pushed, 3, PUSHED) == pushed
    assert prove(pushed, 1, Status.DELIVERED).duplicates == (1,)
    by_whatsapp = prove(row, 1, Status.DELIVERED)
    twice = prove(prove(by_whatsapp, 2, PUSHED), 3, PUSHED)
    assert twice.duplicates == (2,)


def test_a_further_way_of_the_policy_is_not_ended_by_an_event_of_the_first() -> None:
    """The policy may take all ways: the mail of act 1 was taken, act 2 is under way."""
    row = replace(sending(2, way="push"), via=1)
    assert prove(row, 1, EMAILED) is row


def rejected(row: Row) -> Row:
    return way_rejected(row, 2, "email", "Rejected", NOW)


def test_a_mail_that_was_not_sent_makes_the_next_way_due() -> None:
    row = replace(in_doubt(2, way="email"), doubts=(doubt(2, "email"),))
    after = rejected(row)
    assert (after.status, after.lane, after.due, after.doubts) == (Status.CLAIMED, Lane.TIMER, NOW, ())
    assert taken_so_far(after)[1] == ["email"], "it is not taken a second time"
    assert rejected(after) == after
    mailed = off_agenda(replace(row, doubts=(), via=2), EMAILED)
    assert rejected(mailed) is mailed
    with_another = replace(row, doubts=(doubt(1), *row.doubts))
    assert rejected(with_another).due == with_another.due


def test_disproof_without_a_doubt_is_the_same_row() -> None:
    row = sent()
    assert disprove(row, 1) is row


# --- who is meant ----------------------------------------------------------------------------------------


@given(st.text(ascii_letters + digits + "._:#-", min_size=1, max_size=40), st.integers(0, 99_999_999))
def test_a_tag_is_read_back(name: str, act: int) -> None:
    assert read_tag(tag(name, act)) == (name, act)


@pytest.mark.parametrize("text", ["", "a", "a#", "a#x", "a#-1", "a#123456789", "a#\u0663", "lifeline:probe"])
def test_what_is_no_tag_is_an_id(text: str) -> None:
    assert read_tag(text) == (text, None)


def test_a_report_without_a_tag_is_of_the_send_with_its_wamid() -> None:
    assert named(sent(2), None, "wamid.2")[1] == 2
    assert named(sent(2), None, "wamid.1")[1] == 0
    assert named(sent(1), None, "")[1] == 1
    assert named(sent(1), None, "wamid.other")[1] == 0
    assert named(sending(1), None, "wamid.x")[1] == 1
    assert named(sending(2, 1), None, "wamid.x")[1] == 0
    pushed = off_agenda(replace(sending(3, way="push"), via=3, wamid="wamid.1"), PUSHED)
    assert named(pushed, None, "wamid.1")[1] == 0, "which send that was is not known any more"


def test_a_row_of_version_1_still_takes_its_fallback() -> None:
    old = Row("a", Status.SENT, rev=3, attempt=1, wamid="wamid.a", body="{}")
    row, act = named(old, None, "wamid.a")
    assert fold(row, [(act, "delivered")]).status is Status.DELIVERED
    assert fold(row, [(act, "gone")]).status is Status.FAILED
    assert named(old, None, "wamid.b") == (old, 0)
    assert named(old, 1, "wamid.a") == (old, 1)


@pytest.mark.parametrize("order", list(permutations([(1, "sent"), (2, "sent"), (3, "delivered")])))
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_a_duplicate_is_counted_once_however_the_reports_are_divided(
    order: tuple[Report, ...], cut: int
) -> None:
    row, possible, proven = in_doubt(1, 2, 3), 0, 0
    for part in (order[:cut], order[cut:]):
        after = fold(row, part)
        counted = told_twice(row, after)
        row, possible, proven = after, possible + counted[0], proven + counted[1]
    assert (possible, proven) == (2, 2)


def test_a_doubt_that_is_left_is_a_possible_duplicate() -> None:
    before = in_doubt(1, 2)
    first = fold(before, [(2, "sent")])
    assert told_twice(before, first) == (1, 0)
    assert told_twice(first, fold(first, [(1, "gone")])) == (0, 0)
    failed = fold(sent(2), [(1, "delivered")])
    assert told_twice(sent(2), failed) == (1, 1), "a send that had failed, and arrived all the same"


@pytest.mark.parametrize("goal", [Status.SENT, Status.DELIVERED, Status.READ])
def test_a_status_cannot_finish_what_was_never_sent(goal: Status) -> None:
    """In panic this critical message was pushed, which failed, and parked: Meta never had it."""
    pushing = claim(Row("m", priority="critical", rev=1), "push", NOW, 60)
    assert pushing.aside == (1,)
    waits = parked(replace(pushing, phase=None), "critical", NOW)
    for act, wamid in ((None, ""), (None, "wamid.x"), (1, ""), (1, "wamid.x"), (2, ""), (0, "")):
        mine, found = named(waits, act, wamid)
        assert prove(mine, found, goal, wamid or None) == waits
        assert reported_failure(mine, found, None, AT) == waits
    doubt = doubted(pushing)
    assert named(doubt, None, "")[1] == 0, "a push in doubt is settled by no status of Meta's"


def test_a_send_after_a_push_is_told_from_it() -> None:
    pushed = replace(claim(Row("m", rev=1), "push", NOW, 60), phase=None)
    sent_now = claim(pushed, WHATSAPP, NOW, 60)
    assert (sent_now.act, sent_now.aside) == (2, (1,))
    assert named(sent_now, 2, "")[1] == 2
    assert named(sent_now, 1, "")[1] == 0
    assert prove(sent_now, 2, Status.READ, "wamid.2").status is Status.READ
