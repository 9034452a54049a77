"""Fallback: which steps, in which order, where they lead, and what they say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.fallback.policy import (
    DEFAULT_POLICY,
    Notice,
    Policy,
    Step,
    final_status,
    next_after,
    notice,
    plan,
)
from lifeline.domain.message.status import Status

PUSH, EMAIL, PARK = Step.PUSH, Step.EMAIL, Step.PARK
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
    ("priority", "has_push", "has_email", "steps"),
    [
        ("critical", True, True, (PUSH, EMAIL, PARK)),
        ("critical", False, True, (EMAIL, PARK)),
        ("critical", True, False, (PUSH, PARK)),
        ("critical", False, False, (PARK,)),
        ("normal", True, True, (PUSH, PARK)),
        ("normal", False, True, (PARK,)),
        ("bulk", True, True, (PARK,)),
        ("unheard", True, True, (PUSH, PARK)),
    ],
)
def test_the_default_policy(priority: str, has_push: bool, has_email: bool, steps: tuple[Step, ...]) -> None:
    assert plan(DEFAULT_POLICY, priority, has_push, has_email) == steps


def test_an_expired_message_takes_no_step() -> None:
    assert plan(DEFAULT_POLICY, "critical", True, True, expired=True) == ()


def test_no_parking_where_whatsapp_cannot_deliver_later() -> None:
    assert plan(DEFAULT_POLICY, "critical", True, True, whatsapp_later=False) == (PUSH, EMAIL)
    assert plan(DEFAULT_POLICY, "bulk", True, True, whatsapp_later=False) == ()


def test_disabled_steps_are_left_out_but_a_message_is_still_held() -> None:
    assert plan(DEFAULT_POLICY, "critical", True, True, disabled=frozenset({PUSH})) == (EMAIL, PARK)
    assert plan(DEFAULT_POLICY, "bulk", True, True, disabled=frozenset(Step)) == (PARK,)


def test_a_policy_without_park_parks_all_the_same() -> None:
    policy = Policy.parse({"steps": {"normal": ["email"]}})
    assert plan(policy, "normal", True, False) == (PARK,)
    assert plan(policy, "normal", True, True) == (EMAIL, PARK)


def outcome(policy: Policy, steps: tuple[Step, ...], working: set[Step]) -> tuple[list[Step], list[Step]]:
    """Take the steps as a caller does: (successes, failures)."""
    done: list[Step] = []
    failed: list[Step] = []
    while (step := next_after(policy, steps, done, failed)) is not None:
        (done if step in working or step is PARK else failed).append(step)
    return done, failed


@pytest.mark.parametrize(
    ("take_all", "later", "working", "successes", "status"),
    [
        (False, False, {PUSH, EMAIL}, [PUSH], Status.PUSHED),
        (False, False, {EMAIL}, [EMAIL], Status.EMAILED),
        (False, False, set(), [PARK], Status.PARKED),
        (True, False, {PUSH, EMAIL}, [PUSH, EMAIL], Status.PUSHED),
        (True, False, {EMAIL}, [EMAIL], Status.EMAILED),
        (False, True, {PUSH, EMAIL}, [PUSH, PARK], Status.PARKED),
        (True, True, {PUSH, EMAIL}, [PUSH, EMAIL, PARK], Status.PARKED),
    ],
)
def test_the_first_success_ends_it_unless_the_policy_says_otherwise(
    take_all: bool, later: bool, working: set[Step], successes: list[Step], status: Status
) -> None:
    policy = Policy(DEFAULT_POLICY.steps, take_all, later)
    done, _ = outcome(policy, plan(policy, "critical", True, True), working)
    assert done == successes
    assert final_status(done) is status


def test_nothing_worked() -> None:
    done, failed = outcome(DEFAULT_POLICY, (PUSH, EMAIL), set())
    assert failed == [PUSH, EMAIL]
    assert final_status(done) is Status.FAILED


@given(
    policy=POLICIES,
    priority=st.sampled_from(["critical", "normal", "bulk"]),
    has_push=st.booleans(),
    has_email=st.booleans(),
    disabled=st.frozensets(st.sampled_from([PUSH, EMAIL])),
    working=st.sets(st.sampled_from([PUSH, EMAIL])),
)
def test_nobody_is_lost_and_nobody_is_told_twice(
    policy: Policy,
    priority: str,
    has_push: bool,
    has_email: bool,
    disabled: frozenset[Step],
    working: set[Step],
) -> None:
    steps = plan(policy, priority, has_push, has_email, disabled=disabled)
    done, failed = outcome(policy, steps, working)
    assert final_status(done) in (Status.PUSHED, Status.EMAILED, Status.PARKED)
    assert not set(done) & set(failed)
    assert not {*done, *failed} & disabled
    if not has_push:
        assert PUSH not in {*done, *failed}
    if not has_email:
        assert EMAIL not in {*done, *failed}
    ways = [step for step in done if step is not PARK]
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
                    "steps": {
                        "urgent": ["push"],
                        "bulk": "park",
                        "normal": ["park", "push", "sms", 5],
                        "critical": ["push", "push"],
                    },
                }
            )
        for fault in (
            "take_all: must be true or false",
            "steps.urgent: unknown priority",
            "steps.bulk: must be a list",
            "'sms' is not a step",
            "5 is not a step",
            "steps.normal: park must be the last step",
            "steps.critical: a step stands there twice",
        ):
            assert fault in str(caught.value)

    @pytest.mark.parametrize("obj", [None, [], "x", 5, {"steps": []}, {"steps": {"normal": [[]]}}])
    def test_odd_settings_are_refused(self, obj: Any) -> None:
        with pytest.raises(ValueError, match=r"steps|object"):
            Policy.parse(obj)


@pytest.mark.parametrize(
    ("title", "body", "text", "template", "parameters", "expected"),
    [
        ("T", "B", "text", "name", ("p",), Notice("T", "B")),
        (None, "B", "text", None, (), Notice(None, "B")),
        (None, None, " text ", "name", ("p",), Notice(None, "text")),
        ("T", None, "text", None, (), Notice("T", "text")),
        (
            None,
            None,
            None,
            "appointment_reminder",
            ("Ana", "10:30"),
            Notice("Appointment reminder", "Ana, 10:30"),
        ),
        ("T", None, None, "appointment_reminder", ("Ana",), Notice("T", "Appointment reminder: Ana")),
        (None, None, None, "appointment_reminder", (" ",), Notice(None, "Appointment reminder")),
        (None, None, None, None, ("Ana",), Notice(None, "Ana")),
        ("T", None, None, None, (), Notice(None, "T")),
        (None, " ", "", None, (), None),
        (None, None, None, None, (), None),
    ],
)
def test_what_the_notice_says(
    title: str | None,
    body: str | None,
    text: str | None,
    template: str | None,
    parameters: tuple[str, ...],
    expected: Notice | None,
) -> None:
    assert notice(title, body, text, template, parameters) == expected
