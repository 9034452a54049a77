"""When a failure is asked about, what is asked, and when the answers are a reason to panic."""

from __future__ import annotations

import pytest
from lifeline.domain.failure.causes import Cause, Fault
from lifeline.domain.failure.classify import Failure, classify_answer, classify_fault
from lifeline.domain.panic.confirm import (
    EVERY,
    MOST,
    SECONDS,
    Question,
    confirmed,
    left_to_ask,
    question_for,
    says_so,
)
from lifeline.domain.panic.detection import Thresholds


def answer(code: int, http: int = 400) -> Failure:
    return classify_answer(http, {"error": {"code": code, "message": "no"}}, {})


REFUSED = classify_fault(Fault.REFUSED, "")
SLOW = classify_fault(Fault.READ_TIMEOUT, "")
BROKEN = answer(131000, 500)
LIMIT, SPAM, PERSON, AUTH = answer(130429), answer(131048), answer(131026), answer(190, 401)


@pytest.mark.parametrize(
    ("outcomes", "question"),
    [
        ([REFUSED], Question.REACHABILITY),
        ([SLOW], Question.REACHABILITY),
        ([BROKEN], Question.REACHABILITY),
        ([None, LIMIT], Question.SAME_SEND),
        ([LIMIT, REFUSED], Question.REACHABILITY),
        ([], None),
        ([None], None),
        ([REFUSED, None], None),  # it works again
        ([REFUSED, PERSON], None),
        ([SPAM], None),  # each further send makes it worse
        ([answer(131056)], None),  # one person's limit
        ([AUTH], None),  # trips at once
        ([AUTH, REFUSED], None),
    ],
)
def test_what_is_asked_after_a_batch(outcomes: list[Failure | None], question: Question | None) -> None:
    assert question_for(outcomes) is question


def test_a_row_is_asked_for_until_it_is_as_long_as_the_setting_wants() -> None:
    assert left_to_ask([None, REFUSED]) == 4
    assert left_to_ask([REFUSED, None, REFUSED, BROKEN]) == 3
    assert left_to_ask([REFUSED] * 5) == 0, "the window judges that"
    assert left_to_ask([REFUSED], Thresholds(consecutive_failures=MOST + 1)) == MOST
    assert left_to_ask([REFUSED], Thresholds(consecutive_failures=MOST + 2)) == 0, "that is for traffic alone"
    assert (MOST - 1) * EVERY < SECONDS < 2.0


def test_a_question_that_gets_no_answer_in_time_says_something_only_of_sends_that_got_none() -> None:
    assert says_so(SLOW, SLOW)
    assert not says_so(SLOW, BROKEN)
    assert says_so(REFUSED, SLOW)
    assert not says_so(None, REFUSED)
    assert not says_so(PERSON, REFUSED), "Meta answers"


def test_a_row_that_is_long_enough_is_a_reason_and_one_good_answer_is_none() -> None:
    verdict = confirmed(Question.REACHABILITY, [None, BROKEN, *[REFUSED] * 4])
    assert verdict is not None
    assert (verdict.cause, verdict.evidence["failures_in_a_row"]) == (Cause.UNREACHABLE, 5)
    assert confirmed(Question.REACHABILITY, [REFUSED] * 4) is None
    for good in (None, PERSON):
        assert confirmed(Question.SAME_SEND, [LIMIT, LIMIT, good, LIMIT, LIMIT]) is None
    limited = confirmed(Question.SAME_SEND, [LIMIT] * 5)
    assert limited is not None
    assert limited.cause is Cause.RATE_LIMIT


def test_what_trips_at_once_needs_no_row() -> None:
    verdict = confirmed(Question.REACHABILITY, [REFUSED, AUTH])
    assert verdict is not None
    assert verdict.cause is Cause.AUTH
