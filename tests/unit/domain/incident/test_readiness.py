"""Each step of a rehearsal: well, not well, and not known; and never a guess."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.domain.fallback.policy import DEFAULT_POLICY
from lifeline.domain.incident import readiness as r
from lifeline.domain.incident.readiness import (
    Alarm,
    Grade,
    Judged,
    MailAccount,
    MissingFact,
    Person,
    Readiness,
)

WELL = MailAccount(production=True, sending=True, enforcement="HEALTHY", quota=50_000, sent=100, rate=14)
NO = MissingFact("SES is not available")
ARMED = [Alarm(name, "OK", True) for name in r.EXPECTED]


def account(**changes: Any) -> MailAccount:
    from dataclasses import replace

    return replace(WELL, **changes)


def people(push: int = 0, email: int = 0, nobody: int = 0, priority: str = "critical") -> list[Person]:
    return [
        *[Person(priority, frozenset({"push"}))] * push,
        *[Person(priority, frozenset({"email"}))] * email,
        *[Person(priority, frozenset())] * nobody,
    ]


@pytest.mark.parametrize(
    ("judged", "grade"),
    [
        (r.recipients(people(5, 4, 1), DEFAULT_POLICY), Grade.OK),
        (r.recipients(people(5, 3, 2), DEFAULT_POLICY), Grade.WARN),
        (r.recipients(people(1, 1, 8), DEFAULT_POLICY), Grade.FAIL),
        (r.recipients(people(0, 9, 0, "bulk"), DEFAULT_POLICY), Grade.OK),
        (r.recipients([], DEFAULT_POLICY), Grade.UNKNOWN),
        (r.recipients(NO, DEFAULT_POLICY), Grade.UNKNOWN),
        (r.endpoints([True] * 9 + [False]), Grade.WARN),
        (r.endpoints([True] * 3), Grade.OK),
        (r.endpoints([True, False]), Grade.FAIL),
        (r.endpoints([]), Grade.UNKNOWN),
        (r.endpoints(NO), Grade.UNKNOWN),
        (r.identity("example.org", True), Grade.OK),
        (r.identity("example.org", False), Grade.FAIL),
        (r.identity("example.org", NO), Grade.UNKNOWN),
        (r.sandbox(WELL), Grade.OK),
        (r.sandbox(account(production=False)), Grade.FAIL),
        (r.sandbox(account(sending=False)), Grade.FAIL),
        (r.sandbox(account(enforcement="SHUTDOWN")), Grade.FAIL),
        (r.sandbox(account(enforcement="PROBATION")), Grade.WARN),
        (r.sandbox(NO), Grade.UNKNOWN),
        (r.quota(WELL, 1000, 2), Grade.OK),
        (r.quota(WELL, 45_000, 2), Grade.WARN),
        (r.quota(WELL, 60_000, 2), Grade.FAIL),
        (r.quota(WELL, 1000, 20), Grade.FAIL),
        (r.quota(account(quota=-1), 10**9, 2), Grade.OK),
        (r.quota(NO, 1000, 2), Grade.UNKNOWN),
        (r.quota(WELL, NO, 2), Grade.UNKNOWN),
        (r.suppression(0, 20), Grade.OK),
        (r.suppression(2, 20), Grade.WARN),
        (r.suppression(0, 0), Grade.UNKNOWN),
        (r.suppression(NO, 20), Grade.UNKNOWN),
        (r.subscriptions({"ops": (1, 0), "alarms": (1, 0)}), Grade.OK),
        (r.subscriptions({"ops": (1, 1), "alarms": (1, 0)}), Grade.WARN),
        (r.subscriptions({"ops": (0, 3), "alarms": (1, 0)}), Grade.FAIL),
        (r.subscriptions({"ops": (1, 0), "alarms": NO}), Grade.UNKNOWN),
        (r.alarms(ARMED, False), Grade.OK),
        (r.alarms(ARMED[1:], False), Grade.FAIL),
        (r.alarms([Alarm(a.name, a.state, False) for a in ARMED], False), Grade.FAIL),
        (r.alarms([Alarm(a.name, a.state, False) for a in ARMED], True), Grade.UNKNOWN),
        (r.alarms([Alarm(a.name, "INSUFFICIENT_DATA", True) for a in ARMED], False), Grade.FAIL),
        (r.alarms([*ARMED[:-1], Alarm(ARMED[-1].name, "INSUFFICIENT_DATA", True)], False), Grade.OK),
        (r.alarms([*ARMED, Alarm("token_days_left", "ALARM", True)], False), Grade.WARN),
        (r.alarms(NO, True), Grade.UNKNOWN),
        (r.prober(30), Grade.OK),
        (r.prober(300), Grade.FAIL),
        (r.prober(None), Grade.FAIL),
        (r.prober(NO), Grade.UNKNOWN),
        (r.last_fallback(3, {"push": 10, "email": 2}), Grade.OK),
        (r.last_fallback(None, {}), Grade.WARN),
        (r.last_fallback(NO, {}), Grade.UNKNOWN),
    ],
    ids=str,
)
def test_a_step_is_judged(judged: Judged, grade: Grade) -> None:
    assert judged.grade is grade, judged
    assert judged.finding
    assert bool(judged.fix) == (grade in (Grade.WARN, Grade.FAIL)), "what is not well says what to do"


def test_people_are_counted_by_the_first_way_that_the_policy_takes() -> None:
    both = Person("critical", frozenset({"push", "email"}))
    normal = Person("normal", frozenset({"email"}))
    rows = r.coverage([both, normal, *people(0, 2, 1)], DEFAULT_POLICY)
    assert [(c.priority, c.people, c.by_way["push"], c.by_way["email"], c.waits) for c in rows] == [
        ("critical", 4, 1, 2, 1),
        ("normal", 1, 0, 0, 1),
    ]


@pytest.mark.parametrize(
    ("grades", "verdict"),
    [
        ([Grade.OK, Grade.WARN], Readiness.READY),
        ([Grade.OK, Grade.UNKNOWN], Readiness.UNCLEAR),
        ([Grade.UNKNOWN, Grade.FAIL], Readiness.NOT_READY),
    ],
)
def test_what_is_not_known_is_never_ready(grades: list[Grade], verdict: Readiness) -> None:
    assert r.verdict([Judged("step", grade, "found") for grade in grades]) is verdict


def test_refused_addresses_are_told() -> None:
    person = Person("critical", frozenset({"email"}), ("push",))
    assert "1 push addresses failed before" in r.recipients([person], DEFAULT_POLICY).finding
