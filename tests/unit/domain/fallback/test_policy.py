"""Fallback: which steps, in which order, and where they lead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.fallback.policy import (
    DEFAULT_POLICY,
    Policy,
    final_status,
    next_after,
    plan,
)
from lifeline.domain.message.status import Status

from tests.support.statuses import EMAILED, PUSHED

PUSH, EMAIL, PARK = "push", "email", "park"
BOTH = (PUSH, EMAIL)
POLICIES = st.builds(
    Policy,
    steps=st.fixed_dictionaries(
        {
            name: st.lists(st.sampled_from([PUSH, EMAIL]), unique=True).map(tuple)
            for name in ("critical", "normal", "bulk")
        }
    ),
    take_all=st.booleans(),
    whatsapp_later=st.booleans(),
)


@pytest.mark.parametrize(
    ("priority", "has", "steps"),
    [
        ("critical", BOTH, (PUSH, EMAIL, PARK)),
        ("critical", (EMAIL,), (EMAIL, PARK)),
        ("critical", (PUSH,), (PUSH, PARK)),
        ("critical", (), (PARK,)),
        ("normal", BOTH, (PUSH, PARK)),
        ("normal", (EMAIL,), (PARK,)),
        ("bulk", BOTH, (PARK,)),
        ("unheard", BOTH, (PUSH, PARK)),
    ],
)
def test_the_default_policy(priority: str, has: tuple[str, ...], steps: tuple[str, ...]) -> None:
    assert plan(DEFAULT_POLICY, priority, has) == steps


def test_an_expired_message_takes_no_step() -> None:
    assert plan(DEFAULT_POLICY, "critical", BOTH, expired=True) == ()


def test_no_parking_where_whatsapp_cannot_deliver_later() -> None:
    assert plan(DEFAULT_POLICY, "critical", BOTH, whatsapp_later=False) == (PUSH, EMAIL)
    assert plan(DEFAULT_POLICY, "bulk", BOTH, whatsapp_later=False) == ()


def test_a_policy_without_park_parks_all_the_same() -> None:
    policy = Policy.parse({"steps": {"normal": ["email"]}})
    assert plan(policy, "normal", (PUSH,)) == (PARK,)
    assert plan(policy, "normal", BOTH) == (EMAIL, PARK)


def outcome(policy: Policy, steps: tuple[str, ...], working: set[str]) -> tuple[list[str], list[str]]:
    """Take the steps as a caller does: (successes, failures)."""
    done: list[str] = []
    failed: list[str] = []
    while (step := next_after(policy, steps, done, failed)) is not None:
        (done if step in working or step == PARK else failed).append(step)
    return done, failed


@pytest.mark.parametrize(
    ("take_all", "later", "working", "successes", "status"),
    [
        (False, False, {PUSH, EMAIL}, [PUSH], PUSHED),
        (False, False, {EMAIL}, [EMAIL], EMAILED),
        (False, False, set(), [PARK], Status.PARKED),
        (True, False, {PUSH, EMAIL}, [PUSH, EMAIL], PUSHED),
        (True, False, {EMAIL}, [EMAIL], EMAILED),
        (False, True, {PUSH, EMAIL}, [PUSH, PARK], Status.PARKED),
        (True, True, {PUSH, EMAIL}, [PUSH, EMAIL, PARK], Status.PARKED),
    ],
)
def test_the_first_success_ends_it_unless_the_policy_says_otherwise(
    take_all: bool, later: bool, working: set[str], successes: list[str], status: Status
) -> None:
    policy = Policy(DEFAULT_POLICY.steps, take_all, later)
    done, _ = outcome(policy, plan(policy, "critical", BOTH), working)
    assert done == successes
    assert final_status(done) is status


def test_nothing_worked() -> None:
    done, failed = outcome(DEFAULT_POLICY, (PUSH, EMAIL), set())
    assert failed == [PUSH, EMAIL]
    assert final_status(done) is Status.FAILED


@given(
    policy=POLICIES,
    priority=st.sampled_from(["critical", "normal", "bulk"]),
    has=st.frozensets(st.sampled_from(BOTH)),
    working=st.sets(st.sampled_from([PUSH, EMAIL])),
)
def test_nobody_is_lost_and_nobody_is_told_twice(
    policy: Policy,
    priority: str,
    has: frozenset[str],
    working: set[str],
) -> None:
    steps = plan(policy, priority, has)
    done, failed = outcome(policy, steps, working)
    assert final_status(done) in (PUSHED, EMAILED, Status.PARKED)
    assert not set(done) & set(failed)
    assert {*done, *failed} <= {*has, PARK}
    ways = [step for step in done if step != PARK]
    if not policy.take_all:
        assert len(ways) <= 1
    if ways and not policy.whatsapp_later:
        assert PARK not in done


class TestParse:
    def test_nothing_said_is_the_default(self) -> None:
        assert Policy.parse({}) == DEFAULT_POLICY

    def test_one_priority_changed(self) -> None:
        policy = Policy.parse(
            {"steps": {"bulk": ["email", "park"]}, "take_all": True, "whatsapp_later": True}
        )
        assert policy.steps["bulk"] == (EMAIL, PARK)
        assert policy.steps["critical"] == DEFAULT_POLICY.steps["critical"]
        assert policy.take_all
        assert policy.whatsapp_later

    def test_all_faults_at_once(self) -> None:
        with pytest.raises(ValueError, match="stapes: unknown") as caught:
            Policy.parse(
                {
                    "stapes": 1,
                    "take_all": "yes",
                    "after": {"urgent": 60, "normal": 9, "bulk": True},
                    "steps": {
                        "urgent": ["push"],
                        "bulk": "park",
                        "normal": ["park", "push", "pigeon", 5],
                        "critical": ["push", "push"],
                    },
                }
            )
        for fault in (
            "take_all: must be true or false",
            "steps.urgent: unknown priority",
            "steps.bulk: must be a list",
            "'pigeon' is not a step",
            "5 is not a step",
            "steps.normal: park must be the last step",
            "steps.critical: a step occurs twice",
            "after.urgent: unknown priority",
            "after.normal: must be whole seconds from 10 to 86400",
            "after.bulk: must be whole seconds",
        ):
            assert fault in str(caught.value)

    def test_escalation_is_the_messages_own_or_set_by_priority(self) -> None:
        policy = Policy.parse({"after": {"normal": 600, "critical": 0}, "steps": {"bulk": ["push", "park"]}})
        assert policy.escalates_after("normal", None) == 600
        assert policy.escalates_after("normal", 30) == 30
        assert policy.escalates_after("critical", None) is None
        assert policy.escalates_after("bulk", 30) == 30
        assert DEFAULT_POLICY.escalates_after("critical", None) == 300
        assert DEFAULT_POLICY.escalates_after("bulk", 30) is None, "it has no way, it only parks"

    @pytest.mark.parametrize(
        "obj", [None, [], "x", 5, {"steps": []}, {"steps": {"normal": [[]]}}, {"after": 300}]
    )
    def test_odd_settings_are_refused(self, obj: Any) -> None:
        with pytest.raises(ValueError, match=r"steps|object"):
            Policy.parse(obj)
