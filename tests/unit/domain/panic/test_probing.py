"""Probing: four probes a minute, at their slots, and the question that the cause demands."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.contract.scopes import SCOPES
from lifeline.domain.failure.causes import Ask, Cause
from lifeline.domain.panic.flag import Rules
from lifeline.domain.panic.probing import (
    SLOT_SECONDS,
    ProbeRequest,
    asks,
    slot_of,
    slots,
    worth_asking,
)

MINUTE = 1_800_000_000.0
INSTANTS = st.floats(1_700_000_000, 2_000_000_000)


def test_a_minute_tick_queues_four_probes() -> None:
    first = slot_of(MINUTE)
    assert slots(MINUTE) == ((first, 0), (first + 15, 15), (first + 30, 30), (first + 45, 45))
    assert slots(MINUTE + 0.4) == ((first, 0), (first + 15, 15), (first + 30, 30), (first + 45, 45))


def test_entering_panic_queues_the_coming_minute() -> None:
    first = slot_of(MINUTE) + 30
    assert slots(MINUTE + 37.2) == ((first, 0), (first + 15, 8), (first + 30, 23), (first + 45, 38))


@given(INSTANTS)
def test_a_probe_is_never_early_and_less_than_a_second_late(now: float) -> None:
    planned = slots(now)
    assert planned[0] == (slot_of(now), 0)
    assert [slot for slot, _ in planned] == [slot_of(now) + n * SLOT_SECONDS for n in range(4)]
    for slot, delay in planned[1:]:
        assert 0 <= now + delay - slot < 1
        assert delay <= 59


@pytest.mark.parametrize("every", [5, 15, 60])
def test_a_deployment_may_probe_more_or_less_often(every: int) -> None:
    planned = slots(MINUTE, every=every)
    assert [slot for slot, _ in planned] == list(range(int(MINUTE), int(MINUTE) + 60, every))
    assert [delay for _, delay in planned] == list(range(0, 60, every))
    assert Rules(probe_seconds=every).probe_seconds == every


@pytest.mark.parametrize("every", [0, 1, 7, 45, 61])
def test_probes_come_a_whole_number_of_times_a_minute(every: int) -> None:
    with pytest.raises(ValueError, match="probe_seconds"):
        Rules(probe_seconds=every)


def test_the_cause_says_what_is_asked() -> None:
    assert asks(Cause.UNREACHABLE, "whatsapp") == (Ask.REACHABILITY,)
    assert Ask.TOKEN in asks(Cause.AUTH, "whatsapp")
    assert Ask.HEALTH in asks(Cause.ACCOUNT, "whatsapp")
    assert Ask.TEST_SEND in asks(Cause.RATE_LIMIT, "whatsapp")
    assert asks(Cause.OPERATOR, "whatsapp") == asks(Cause.ALARM, "whatsapp")
    assert asks(Cause.TEMPLATE_REJECTED, "whatsapp/template/reminder") == ("template",)
    assert asks(Cause.OPERATOR, "whatsapp/template/reminder") == ("template",)
    assert asks(Cause.UNREACHABLE, "openai_voice") == ("voice",)


@given(st.sampled_from(list(Cause)), st.sampled_from([*SCOPES, "whatsapp/template/x"]))
def test_every_probe_asks_something_and_sends_only_where_sending_is_the_question(
    cause: Cause, scope: str
) -> None:
    asked = asks(cause, scope)
    assert asked
    assert len(set(asked)) == len(asked)
    assert Ask.TEST_SEND not in asked or cause in (Cause.RATE_LIMIT, Cause.SPAM_LIMIT, Cause.SILENT)
    assert asked != (Ask.TEST_SEND,), "without a test number a probe still asks something"


def test_under_a_limit_nothing_is_asked_before_the_regain_time() -> None:
    assert not worth_asking(Cause.RATE_LIMIT, MINUTE, MINUTE - 1)
    assert worth_asking(Cause.RATE_LIMIT, MINUTE, MINUTE)
    assert worth_asking(Cause.UNREACHABLE, MINUTE, MINUTE - 1)


@given(st.text(min_size=1), st.text(min_size=1), st.integers(0, 10**9))
def test_a_request_survives_json(scope: str, incident: str, slot: int) -> None:
    request = ProbeRequest(scope, incident, slot)
    assert ProbeRequest.from_dict(json.loads(json.dumps(request.to_dict()))) == request


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "object"),
        ({}, "scope"),
        ({"scope": "whatsapp", "incident_id": ""}, "incident_id"),
        ({"scope": "whatsapp", "incident_id": "i", "slot": "7"}, "slot"),
        ({"scope": "whatsapp", "incident_id": "i", "slot": True}, "slot"),
        ({"scope": "whatsapp", "incident_id": "i", "slot": -1}, "slot"),
    ],
)
def test_a_broken_request_is_named(document: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ProbeRequest.from_dict(document)


def test_a_probe_that_comes_much_too_late_is_stale() -> None:
    request = ProbeRequest("whatsapp", "i", slot_of(MINUTE))
    assert not request.is_stale(MINUTE)
    assert not request.is_stale(MINUTE + 2 * SLOT_SECONDS - 0.1)
    assert request.is_stale(MINUTE + 2 * SLOT_SECONDS)
