"""Every kind of update is taken by whoever knows about it, and one update's trouble is its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.contract.scopes import WHATSAPP, template_scope
from lifeline.domain.inbound.webhooks import InboundMessage
from lifeline.domain.message.status import Status
from lifeline.domain.panic.flag import State
from lifeline.errors import ConflictError, UnavailableError
from lifeline.use_cases.webhook.inbound import Passed

from tests.support.meta import change, failed, status, statuses, template_update
from tests.support.webhooks import World

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "messages",
    "account_update",
    "message_template_status_update",
    "phone_number_quality_update",
    "security",
    "new_field",
]


@given(
    name=st.sampled_from(FIELDS) | JSON,
    keys=st.dictionaries(
        st.sampled_from(
            [
                "statuses",
                "messages",
                "errors",
                "event",
                "ban_info",
                "restriction_info",
                "message_template_name",
            ]
        ),
        JSON,
        max_size=4,
    ),
    status_value=JSON,
)
def test_missing_new_and_garbled_fields_never_stop_the_rest(name: Any, keys: Any, status_value: Any) -> None:
    world = World()
    world.sent("good")
    garbled = {"field": name, "value": keys}
    odd = {"field": "messages", "value": {"statuses": [{"status": status_value, "errors": status_value}, 7]}}
    body = {
        "object": "whatsapp_business_account",
        "entry": [5, {"changes": "x"}, {"changes": [None, garbled, odd, statuses([status("good", "read")])]}],
    }
    assert world.hook(json.dumps(body).encode()) == 200
    assert not world.dead
    assert world.status_of("good") is Status.READ


# --- one update's trouble is its own ---------------------------------------------------------------------

TEXT = change("messages", {"messages": [{"from": "491", "id": "w1", "type": "text", "text": {"body": "hi"}}]})


class Taken:
    """Takes inbound messages; ``answer``: what it says, or raises."""

    def __init__(self, answer: Passed | Exception = Passed.DONE) -> None:
        self.answer = answer
        self.wamids: list[str] = []

    def __call__(self, messages: Sequence[InboundMessage]) -> list[Passed]:
        self.wamids += [message.wamid for message in messages]
        if isinstance(self.answer, Exception):
            raise self.answer
        return [self.answer] * len(messages)


def test_one_bad_template_reason_does_not_hold_up_a_good_text(monkeypatch: pytest.MonkeyPatch) -> None:
    inbound = Taken()
    world = World(inbound)
    world.sent("a")
    write = world.control.write

    def refuse(wanted: Any, read_version: int) -> None:
        if "poison" in wanted.event.reason:
            raise ValueError("this text cannot be stored")
        write(wanted, read_version)

    monkeypatch.setattr(world.control, "write", refuse)
    assert (
        world.post(
            template_update("bad", "PAUSED", reason="poison"),
            template_update("good", "PAUSED"),
            statuses([status("a", "delivered", act=1)]),
            TEXT,
        )
        == 200
    ), "the same text would fail again"
    assert world.control.flag(template_scope("good")).state is State.PANIC
    assert world.control.flag(template_scope("bad")).state is State.NORMAL
    assert world.status_of("a") is Status.DELIVERED
    assert inbound.wamids == ["w1"]
    assert any(level == "exception" for level, _, _ in world.log.lines)


@pytest.mark.parametrize(
    ("answer", "http"),
    [
        (Passed.DONE, 200),
        (Passed.AGAIN, 503),
        (Passed.FAULTY, 200),
        (UnavailableError("SQS", "x", "y"), 503),
        (ConflictError("x"), 503),
        (ZeroDivisionError("a bug"), 200),
    ],
)
def test_a_body_comes_again_only_where_that_can_help(answer: Passed | Exception, http: int) -> None:
    world = World(Taken(answer))
    world.sent("a")
    assert world.post(TEXT, statuses([status("a", "delivered", act=1)])) == http
    assert world.status_of("a") is Status.DELIVERED
    faults = world.log.metrics[("WebhookFaults", "whatsapp")]
    assert faults == (1 if isinstance(answer, ZeroDivisionError) else 0)
    assert len(world.dead) == (answer is Passed.FAULTY or isinstance(answer, ZeroDivisionError))


def test_counters_that_break_do_not_stop_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(inbound := Taken())
    world.sent("a")

    def broken(*_: Any, **__: Any) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(world.control, "count", broken)
    assert world.post(statuses([failed("a", 131026, act=1)]), TEXT) == 200
    assert world.status_of("a") is Status.FAILED
    assert world.woken == [("a", 0)]
    assert inbound.wamids == ["w1"]
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    world.sent("b")
    world.ledger.broken = True
    assert world.post(statuses([status("b", "delivered", act=1)])) == 503
