"""Bodies from the queue: many at once, each answered for by itself, in any order and any number."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from lifeline.domain.inbound.webhooks import InboundMessage
from lifeline.domain.message.proof import prove
from lifeline.domain.message.row import Change, Row, Written
from lifeline.domain.message.status import Status
from lifeline.errors import UnavailableError
from lifeline.use_cases.webhook import bodies
from lifeline.use_cases.webhook.bodies import AT_ONCE, MARGIN, Body
from lifeline.use_cases.webhook.inbound import Passed

from tests.support.memory import Died
from tests.support.meta import change, failed, inbound, post, status, statuses
from tests.support.services import instead
from tests.support.webhooks import DEAD, World


@pytest.fixture
def world() -> World:
    return World()


def of(name: str, *words: str) -> bytes:
    """One POST with these statuses of one message."""
    return post(statuses([status(name, word, act=1) for word in words]))


def message(wamid: str) -> bytes:
    """One POST in which somebody writes."""
    return post(inbound({"from": "491", "id": wamid, "type": "text", "text": {"body": "hi"}}))


def test_the_statuses_of_one_message_in_many_bodies_are_one_read_and_one_write(world: World) -> None:
    world.sent("a")
    world.sent("b")
    reads: list[list[str]] = []
    written: list[int] = []
    counted: list[int] = []
    read, write, count = world.ledger.read, world.ledger.write, world.control.count

    def seen_read(ids: Iterable[str]) -> dict[str, Row]:
        reads.append(sorted(ids))
        return read(reads[-1])

    def seen_write(changes: Sequence[Change], now: float) -> list[Written]:
        written.append(len(changes))
        return write(changes, now)

    def seen_count(minute: int, counts: Any) -> None:
        counted.append(minute)
        count(minute, counts)

    instead(world.ledger, read=seen_read, write=seen_write)
    instead(world.control, count=seen_count)
    world.remake()
    assert not world.take(of("a", "sent"), of("b", "delivered"), of("a", "read"), of("a", "delivered"))
    assert (world.status_of("a"), world.status_of("b")) == (Status.READ, Status.DELIVERED)
    assert reads == [["a", "b"]]
    assert written == [2]
    assert len(counted) == len(set(counted)), "one write for the counters of a minute"


def test_any_split_into_batches_with_repeats_and_disorder_ends_the_same() -> None:
    """What SQS may do: the same statuses, in batches of any size, in any order, twice."""
    chance = random.Random(11)
    for _ in range(40):
        world = World()
        names = ["a", "b", "c"]
        for name in names:
            world.sent(name)
        raws = [of(name, word) for name in names for word in ("sent", "delivered", "read")]
        raws += [post(statuses([failed("c", 131026, act=1)]))]
        raws += chance.choices(raws, k=6)
        chance.shuffle(raws)
        while raws:
            size = 1 + chance.randrange(5)
            assert not world.take(*raws[:size])
            raws = raws[size:]
        assert [world.status_of(name) for name in names] == [Status.READ] * 3
        assert not world.dead


def test_a_body_that_cannot_be_read_becomes_a_dead_letter_alone(world: World) -> None:
    world.sent("a")
    assert world.take("{", of("a", "delivered")) == []
    assert world.status_of("a") is Status.DELIVERED
    (letter,) = world.queues.sent[DEAD]
    assert (letter.body, letter.reason) == ("{", "an error of Lifeline (see the log): UnreadableError")
    assert world.log.metrics[("WebhookFaults", "whatsapp")] == 1


def test_a_dead_letter_that_cannot_be_kept_comes_again(world: World) -> None:
    world.sent("a")
    world.queues.broken = {DEAD}
    assert world.take("{", of("a", "delivered")) == ["0"]
    assert world.status_of("a") is Status.DELIVERED


def test_one_bad_report_makes_a_dead_letter_of_its_own_body_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def picky(row: Any, *arguments: Any) -> Any:
        if row.id == "bad":
            raise RuntimeError("a bug")
        return prove(row, *arguments)

    monkeypatch.setattr("lifeline.use_cases.webhook.statuses.prove", picky)
    for name in ("bad", "good"):
        world.sent(name)
    assert not world.take(of("bad", "delivered"), of("good", "delivered"))
    assert world.status_of("good") is Status.DELIVERED
    (letter,) = world.queues.sent[DEAD]
    assert letter.body.encode() == of("bad", "delivered")
    monkeypatch.undo()
    assert not world.take(letter.body), "sent again after the fix"
    assert world.status_of("bad") is Status.DELIVERED


def test_an_error_that_nobody_foresaw_concerns_one_body(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = world.worker._take

    def picky(posts: Any) -> Any:
        if "1" in posts:
            raise KeyError("unforeseen")
        return take(posts)

    monkeypatch.setattr(world.worker, "_take", picky)
    for name in "abc":
        world.sent(name)
    assert not world.take(of("a", "read"), of("b", "read"), of("c", "read"))
    assert [world.status_of(name) for name in "abc"] == [Status.READ, Status.SENT, Status.READ]
    assert [json.loads(letter.body) for letter in world.queues.sent[DEAD]] == [json.loads(of("b", "read"))]


def test_only_the_bodies_come_again_that_could_not_be_handled(monkeypatch: pytest.MonkeyPatch) -> None:
    class Some:
        def __call__(self, messages: Any) -> list[Passed]:
            return [Passed.AGAIN if item.wamid == "w2" else Passed.DONE for item in messages]

    world = World(Some())
    world.sent("a")
    world.sent("b", Status.CLAIMED, phase="teleporting")
    batch = (of("a", "delivered"), of("b", "delivered"), message("w1"), message("w2"))
    assert world.take(*batch) == ["1", "3"]
    assert world.status_of("a") is Status.DELIVERED
    assert not world.dead


def test_a_ledger_that_does_not_answer_brings_back_statuses_and_nothing_else() -> None:
    heard: list[str] = []

    def hear(messages: Sequence[InboundMessage]) -> list[Passed]:
        heard.extend(message.wamid for message in messages)
        return [Passed.DONE] * len(messages)

    world = World(hear)
    world.sent("a")
    world.ledger.broken = True
    assert world.take(of("a", "delivered"), message("w1")) == ["0"]
    assert heard == ["w1"]
    world.ledger.broken = False
    assert not world.take(of("a", "delivered"))


def test_a_worker_that_dies_anywhere_leaves_what_a_repetition_makes_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for method, after in itertools.product(("read", "write"), (False, True)):
        world = World()
        world.sent("a")
        real = getattr(world.ledger, method)

        def dies(*arguments: Any, real: Any = real, after: bool = after) -> Any:
            if after:
                real(*arguments)
            raise Died("here")

        with monkeypatch.context() as patch:
            patch.setattr(world.ledger, method, dies)
            with pytest.raises(Died):
                world.take(of("a", "delivered"), of("a", "read"))
        world.remake()
        assert not world.take(of("a", "delivered"), of("a", "read"))
        assert world.status_of("a") is Status.READ


def test_more_than_is_taken_at_once_waits_for_its_turn_and_for_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "AT_ONCE", 2)
    for name in "abc":
        world.sent(name)
    left = iter([20.0, MARGIN - 0.1])
    batch = [Body(name, of(name, "delivered", "read").decode()) for name in "abc"]
    assert world.worker(batch[:2], lambda: next(left)) == ["b"]
    assert [world.status_of(name) for name in "abc"] == [Status.READ, Status.SENT, Status.SENT]
    assert AT_ONCE >= 1000, "a whole POST of Meta's"


def test_a_batch_says_one_thing_in_one_line_and_no_zeros(world: World) -> None:
    world.sent("a")
    world.log.lines.clear()
    assert not world.take(of("a", "delivered"), of("a", "read"))
    infos = [(event, fields) for level, event, fields in world.log.lines if level == "info"]
    assert [event for event, _ in infos] == ["webhooks done"]
    assert infos[0][1]["bodies"] == 2
    assert 0 not in world.log.metrics.values()
    assert world.log.metrics[("StatusUpdates", "delivered")] == 1


def test_counters_that_cannot_be_written_bring_nothing_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise UnavailableError("DynamoDB", "counting", "x")

    monkeypatch.setattr(world.control, "count", broken)
    world.remake()
    world.sent("a")
    assert not world.take(of("a", "sent"))
    assert world.post(change("messages", {"statuses": []})) == 200
