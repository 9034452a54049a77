"""Who may speak, what cannot be read, and that one update's trouble is its own."""

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
from lifeline.use_cases.webhook.receive import LARGEST

from tests.support.meta import APP_SECRET, change, failed, post, sign, status, statuses, template_update
from tests.support.webhooks import World


@pytest.fixture
def world() -> World:
    return World()


# --- Who may speak -------------------------------------------------------------------------------------


def test_handshake_answers_the_right_token_only(world: World) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "verify-me"}
    reply = world.webhook.handshake(query)
    assert (reply.status, reply.body) == (200, "1158201444")
    for wrong in ({"hub.verify_token": "no"}, {"hub.mode": "x"}, {"hub.verify_token": ""}):
        reply = world.webhook.handshake({**query, **wrong})
        assert reply.status == 403
        assert "1158201444" not in reply.body
    assert world.log.metrics[("WebhookRejected", "handshake")] == 3


def test_an_empty_verify_token_matches_nothing(world: World) -> None:
    world.secrets.values["verify_token"] = ""
    query = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": ""}
    assert world.webhook.handshake(query).status == 403


def test_a_wrong_signature_does_nothing(world: World) -> None:
    world.sent("a")
    reply = world.webhook.receive(post(statuses([status("a", "delivered")])), "sha256=" + "0" * 64)
    assert reply.status == 401
    assert world.status_of("a") is Status.SENT
    assert world.log.metrics[("WebhookRejected", "signature")] == 1


@pytest.mark.parametrize(
    "signature", ["", "sha256=", "sha256=00", "sha1=abc", "\u00e9", f"sha256={'A' * 64}"]
)
def test_what_is_not_signed_ends_before_a_secret_is_read(world: World, signature: str) -> None:
    world.secrets.broken = True
    reply = world.webhook.receive(post(statuses([status("a", "delivered")])), signature)
    assert reply.status == 401
    assert world.log.metrics[("WebhookRejected", "unsigned")] == 1


def test_a_body_larger_than_metas_ends_before_a_secret_is_read(world: World) -> None:
    raw = b" " * LARGEST + post(statuses([]))
    world.secrets.broken = True
    assert world.webhook.receive(raw, sign(raw)).status == 413
    assert world.log.metrics[("WebhookRejected", "size")] == 1


@pytest.mark.parametrize("query", [{}, {"hub.mode": "subscribe"}, {"hub.verify_token": "verify-me"}])
def test_a_get_that_is_no_handshake_ends_before_a_secret_is_read(world: World, query: dict[str, str]) -> None:
    world.secrets.broken = True
    assert world.webhook.handshake(query).status == 403


def test_a_signature_of_other_bytes_is_wrong(world: World) -> None:
    raw = post(statuses([status("a", "sent")]))
    assert world.webhook.receive(raw + b" ", sign(raw)).status == 401


def test_two_secrets_during_a_rotation(world: World) -> None:
    world.secrets.values = {"app_secret": "new", "app_secret_previous": APP_SECRET}
    world.sent("a")
    assert world.statuses(status("a", "delivered")) == 200
    assert world.status_of("a") is Status.DELIVERED


def test_without_an_app_secret_everything_is_refused(world: World) -> None:
    world.secrets.values = {"app_secret": "", "app_secret_previous": ""}
    raw = post(statuses([status("a", "sent")]))
    assert world.webhook.receive(raw, sign(raw, "")).status == 401


def test_a_rotated_secret_is_read_again_and_strangers_cannot_drive_reads(world: World) -> None:
    world.secrets.values["app_secret"] = "old"
    world.secrets.next = {"app_secret": APP_SECRET}
    raw = post(statuses([status("a", "sent")]))
    assert world.webhook.receive(raw, sign(raw)).status == 200
    for _ in range(10):
        assert world.webhook.receive(raw, "sha256=" + "0" * 64).status == 401
    assert world.secrets.drops == 1


def test_no_secret_no_verdict(world: World) -> None:
    world.secrets.broken = True
    raw = post(statuses([]))
    assert world.webhook.receive(raw, sign(raw)).status == 503
    assert world.webhook.handshake({"hub.mode": "subscribe", "hub.verify_token": "x"}).status == 503


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", post(statuses([status("a", "sent")]))[:-7], b"[" * 100_000],
)
def test_what_cannot_be_read_is_refused_and_counted(world: World, raw: bytes) -> None:
    assert world.webhook.receive(raw, sign(raw)).status == 400
    assert world.log.metrics[("WebhookRejected", "unreadable")] == 1


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
    raw = json.dumps(body).encode()
    assert world.webhook.receive(raw, sign(raw)).status == 200
    assert world.status_of("good") is Status.READ


# --- one update's trouble is its own ---------------------------------------------------------------------

TEXT = change("messages", {"messages": [{"from": "491", "id": "w1", "type": "text", "text": {"body": "hi"}}]})


class Taken:
    """Takes inbound messages; ``answer``: what it says, or raises."""

    def __init__(self, answer: bool | Exception = True) -> None:
        self.answer = answer
        self.wamids: list[str] = []

    def __call__(self, messages: Sequence[InboundMessage]) -> bool:
        self.wamids += [message.wamid for message in messages]
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


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
        (True, 200),
        (False, 503),
        (UnavailableError("SQS", "x", "y"), 503),
        (ConflictError("x"), 503),
        (ZeroDivisionError("a bug"), 200),
    ],
)
def test_a_post_is_asked_for_again_only_where_that_can_help(answer: bool | Exception, http: int) -> None:
    world = World(Taken(answer))
    world.sent("a")
    assert world.post(TEXT, statuses([status("a", "delivered", act=1)])) == http
    assert world.status_of("a") is Status.DELIVERED
    faults = world.log.metrics[("WebhookFaults", "whatsapp")]
    assert faults == (1 if isinstance(answer, ZeroDivisionError) else 0)


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
