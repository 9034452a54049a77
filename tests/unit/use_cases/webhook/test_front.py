"""Who may speak, what cannot be read, and that nothing is answered with 200 that is not on the queue."""

from __future__ import annotations

import json

import pytest
from lifeline.domain.inbound.parts import PART
from lifeline.domain.message.status import Status
from lifeline.use_cases.webhook.front import LARGEST

from tests.support.memory import Died, Fault, Script
from tests.support.meta import APP_SECRET, inbound, post, sign, status, statuses
from tests.support.webhooks import HOOKS, World


@pytest.fixture
def world() -> World:
    return World()


# --- Who may speak -------------------------------------------------------------------------------------


def test_handshake_answers_the_right_token_only(world: World) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "verify-me"}
    reply = world.front.handshake(query)
    assert (reply.status, reply.body) == (200, "1158201444")
    for wrong in ({"hub.verify_token": "no"}, {"hub.mode": "x"}, {"hub.verify_token": ""}):
        reply = world.front.handshake({**query, **wrong})
        assert reply.status == 403
        assert "1158201444" not in reply.body
    assert world.log.metrics[("WebhookRejected", "handshake")] == 3


def test_an_empty_verify_token_matches_nothing(world: World) -> None:
    world.secrets.values["verify_token"] = ""
    query = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": ""}
    assert world.front.handshake(query).status == 403


def test_a_wrong_signature_does_nothing(world: World) -> None:
    world.sent("a")
    reply = world.front.receive(post(statuses([status("a", "delivered")])), "sha256=" + "0" * 64)
    assert reply.status == 401
    assert world.status_of("a") is Status.SENT
    assert world.log.metrics[("WebhookRejected", "signature")] == 1


@pytest.mark.parametrize(
    "signature", ["", "sha256=", "sha256=00", "sha1=abc", "\u00e9", f"sha256={'A' * 64}"]
)
def test_what_is_not_signed_ends_before_a_secret_is_read(world: World, signature: str) -> None:
    world.secrets.broken = True
    reply = world.front.receive(post(statuses([status("a", "delivered")])), signature)
    assert reply.status == 401
    assert world.log.metrics[("WebhookRejected", "unsigned")] == 1


def test_a_body_larger_than_metas_ends_before_a_secret_is_read(world: World) -> None:
    raw = b" " * LARGEST + post(statuses([]))
    world.secrets.broken = True
    assert world.front.receive(raw, sign(raw)).status == 413
    assert world.log.metrics[("WebhookRejected", "size")] == 1


@pytest.mark.parametrize("query", [{}, {"hub.mode": "subscribe"}, {"hub.verify_token": "verify-me"}])
def test_a_get_that_is_no_handshake_ends_before_a_secret_is_read(world: World, query: dict[str, str]) -> None:
    world.secrets.broken = True
    assert world.front.handshake(query).status == 403


def test_a_signature_of_other_bytes_is_wrong(world: World) -> None:
    raw = post(statuses([status("a", "sent")]))
    assert world.front.receive(raw + b" ", sign(raw)).status == 401


def test_two_secrets_during_a_rotation(world: World) -> None:
    world.secrets.values = {"app_secret": "new", "app_secret_previous": APP_SECRET}
    world.sent("a")
    assert world.statuses(status("a", "delivered")) == 200
    assert world.status_of("a") is Status.DELIVERED


def test_without_an_app_secret_everything_is_refused(world: World) -> None:
    world.secrets.values = {"app_secret": "", "app_secret_previous": ""}
    raw = post(statuses([status("a", "sent")]))
    assert world.front.receive(raw, sign(raw, "")).status == 401


def test_a_rotated_secret_is_read_again_and_strangers_cannot_drive_reads(world: World) -> None:
    world.secrets.values["app_secret"] = "old"
    world.secrets.next = {"app_secret": APP_SECRET}
    raw = post(statuses([status("a", "sent")]))
    assert world.front.receive(raw, sign(raw)).status == 200
    for _ in range(10):
        assert world.front.receive(raw, "sha256=" + "0" * 64).status == 401
    assert world.secrets.drops == 1


def test_no_secret_no_verdict(world: World) -> None:
    world.secrets.broken = True
    raw = post(statuses([]))
    assert world.front.receive(raw, sign(raw)).status == 503
    assert world.front.handshake({"hub.mode": "subscribe", "hub.verify_token": "x"}).status == 503


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", post(statuses([status("a", "sent")]))[:-7], b"[" * 100_000],
)
def test_what_cannot_be_read_is_refused_and_counted(world: World, raw: bytes) -> None:
    assert world.front.receive(raw, sign(raw)).status == 400
    assert world.log.metrics[("WebhookRejected", "unreadable")] == 1


# --- What is answered with 200 is on the queue ----------------------------------------------------------


def test_a_post_goes_on_the_queue_as_it_came_and_is_worked_on_by_others(world: World) -> None:
    world.sent("a")
    raw = post(statuses([status("a", "delivered", act=1, note="\u00e4\U0001f600")]))
    assert world.front.receive(raw, sign(raw)).status == 200
    (message,) = world.queues.sent[HOOKS]
    assert message.body.encode() == raw
    assert world.status_of("a") is Status.SENT
    assert not world.take(message.body)
    assert world.status_of("a") is Status.DELIVERED


def test_what_the_queue_does_not_take_is_not_answered_with_200(world: World) -> None:
    world.queues.broken = {HOOKS}
    raw = post(statuses([status("a", "delivered")]))
    assert world.front.receive(raw, sign(raw)).status == 503
    world.queues.broken = set()
    assert world.front.receive(raw, sign(raw)).status == 200


def test_a_large_post_is_queued_in_parts_and_comes_again_whole_where_one_is_missing(world: World) -> None:
    names = [f"m{index}" for index in range(1000)]
    for name in names:
        world.sent(name)
    raw = post(statuses([status(name, "delivered", act=1, note="x" * 2500) for name in names]))
    assert 2_500_000 < len(raw) < LARGEST
    world.queues.faults = script = Script()
    script.add("queues.send.entry", None, Fault.FAIL)
    assert world.front.receive(raw, sign(raw)).status == 503
    assert world.front.receive(raw, sign(raw)).status == 200
    bodies = [message.body for message in world.queues.sent[HOOKS]]
    assert all(len(body.encode()) <= PART for body in bodies)
    assert not world.take(*bodies)
    assert {world.status_of(name) for name in names} == {Status.DELIVERED}
    assert world.control.counted("o|DELIVERED|normal|-|-") == 0, "they were settled when Meta took them"


def test_an_update_that_fits_on_no_queue_is_left_with_meta(world: World) -> None:
    raw = post(inbound({"from": "491", "id": "w", "type": "text", "text": {"body": "x" * 1_000_000}}))
    assert world.front.receive(raw, sign(raw)).status == 413
    assert world.log.metrics[("WebhookRejected", "size")] == 1
    assert not world.queues.sent[HOOKS]


def test_a_front_that_dies_after_it_has_queued_is_asked_again_and_that_does_no_harm(world: World) -> None:
    world.sent("a")
    raw = post(statuses([status("a", "delivered", act=1)]))
    world.queues.faults = script = Script()
    script.add("queues.send.after", Fault.DIE)
    with pytest.raises(Died):
        world.front.receive(raw, sign(raw))
    assert world.front.receive(raw, sign(raw)).status == 200
    bodies = [message.body for message in world.queues.sent[HOOKS]]
    assert len(bodies) == 2
    assert not world.take(*bodies)
    assert world.status_of("a") is Status.DELIVERED
    assert json.loads(bodies[0]) == json.loads(bodies[1])
