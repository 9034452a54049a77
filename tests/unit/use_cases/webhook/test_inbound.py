"""The webhook's hook: everything that people write is handed on, once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lifeline.domain.inbound.inbound import VoiceNote, name_of
from lifeline.domain.inbound.ours import WebhookRules, ours
from lifeline.domain.inbound.webhooks import InboundMessage, parse
from lifeline.settings import Settings
from lifeline.use_cases.webhook.inbound import LEASE, Passed
from lifeline.wiring import webhook_events

from tests.support.inbound import MemoryInbox, MemoryTopic
from tests.support.meta import PHONE_NUMBER_ID, WABA_ID, change, inbound, post
from tests.support.services import Services

VOICE = "queue/voice"


class World(Services):
    def __init__(self, topic: MemoryTopic | None = None) -> None:
        super().__init__(Settings(voice_queue_url=VOICE))
        self.inbox, self.topic = MemoryInbox(), topic or MemoryTopic()
        self.also(inbox=self.inbox, inbound_topic=self.topic)
        adapters = self.adapters("webhook_events")
        self.hook = webhook_events.take_inbound(adapters, webhook_events.preferences_of(adapters))

    def take(self, messages: Sequence[InboundMessage]) -> bool:
        """Whether none of them has to come again."""
        return Passed.AGAIN not in self.hook(messages)

    def wamids(self) -> list[str]:
        return sorted(notice["wamid"] for notice in self.topic.notices)


def text(wamid: str, body: str = "hello") -> InboundMessage:
    value = {"from": "491700000001", "id": wamid, "type": "text", "text": {"body": body}}
    return InboundMessage(wamid, "text", value)


def voice(wamid: str) -> InboundMessage:
    part = {"id": "77", "mime_type": "audio/ogg", "voice": True}
    return InboundMessage(wamid, "audio", {"from": "491700000001", "type": "audio", "audio": part})


def test_texts_are_published_and_voice_notes_queued() -> None:
    world = World()
    assert world.take([text("a"), voice("b"), text("c")])
    assert world.wamids() == ["a", "c"]
    (job,) = world.queues.sent[VOICE]
    assert json.loads(job.body)["wamid"] == "b"
    assert world.log.metrics[("Inbound", "text")] == 2


def test_a_repetition_does_nothing() -> None:
    world = World()
    for _ in range(3):
        assert world.take([text("a"), text("a"), voice("b")])
    assert world.wamids() == ["a"]
    assert len(world.queues.sent[VOICE]) == 1


def test_what_cannot_be_handed_on_comes_again_and_the_rest_does_not() -> None:
    world = World()
    world.topic.broken = 1
    world.queues.broken = {VOICE}
    assert not world.take([text("a"), voice("b"), text("c")])
    assert len(world.topic.notices) == 1
    world.queues.broken = set()
    assert world.take([text("a"), voice("b"), text("c")])
    assert world.wamids() == ["a", "c"]
    assert len(world.queues.sent[VOICE]) == 1


def test_a_worker_that_died_keeps_a_message_for_its_lease_only() -> None:
    world = World()
    world.inbox.begin(name_of("a"), world.clock.now, LEASE)
    assert not world.take([text("a")]), "Meta is asked to come again"
    world.clock.advance(LEASE + 1)
    assert world.take([text("a")])
    assert world.wamids() == ["a"]


def test_dynamodb_does_not_answer() -> None:
    for method in ("begin", "finish"):
        world = World()
        world.inbox.broken = {method, "release"}
        assert not world.take([text("a")])


def test_a_message_without_a_wamid_is_not_lost() -> None:
    world = World()
    for _ in range(2):
        assert world.take([text("", "one"), text("", "two")])
    assert sorted(notice["text"] for notice in world.topic.notices) == ["one", "two"]


def test_a_thousand_in_one_post() -> None:
    world = World()
    messages: list[dict[str, Any]] = [
        {"from": f"4917000{n:05d}", "id": f"w{n}", "type": "text", "text": {"body": "x"}} for n in range(1000)
    ]
    updates = parse(post(inbound(*messages)), ours(WABA_ID, PHONE_NUMBER_ID, WebhookRules()))
    assert world.take([update for update in updates if isinstance(update, InboundMessage)])
    assert len(world.wamids()) == len(set(world.wamids())) == 1000


def test_each_message_gets_the_contact_of_its_sender() -> None:
    value = {
        "contacts": [
            {"wa_id": "491", "user_id": "DE.1", "profile": {"name": "Ana"}},
            {"user_id": "DE.2", "profile": {"name": "Ben"}},
        ],
        "messages": [
            {"from": "491", "id": "a", "type": "text", "text": {"body": "x"}},
            {"from_user_id": "DE.2", "id": "b", "type": "text", "text": {"body": "x"}},
            {"from": "499", "id": "c", "type": "text", "text": {"body": "x"}},
        ],
    }
    world = World()
    ids = ours(WABA_ID, PHONE_NUMBER_ID, WebhookRules())
    messages = [
        item for item in parse(post(change("messages", value)), ids) if isinstance(item, InboundMessage)
    ]
    assert len(messages) == 3
    assert world.take(messages)
    found = {n["wamid"]: (n["from"], n["bsuid"], n["profile"]) for n in world.topic.notices}
    assert found == {
        "a": ("+491", "DE.1", "Ana"),
        "b": (None, "DE.2", "Ben"),
        "c": ("+499", None, None),
    }


def test_a_voice_note_takes_along_what_the_webhook_said() -> None:
    world = World()
    part = {"id": "77", "mime_type": "audio/ogg", "voice": True}
    value = {"from": "491", "type": "audio", "audio": part, "group_id": "g1", "context": {"id": "wamid.0"}}
    assert world.take([InboundMessage("b", "audio", value)])
    note = VoiceNote.read(world.queues.sent[VOICE][0].body)
    assert note.in_group
    assert (note.notice["kind"], note.notice["reply_to"], note.notice["message"]) == (
        "voice",
        "wamid.0",
        value,
    )


class Picky(MemoryTopic):
    """Breaks on one text in a way that nobody thought of."""

    def publish(self, notice: Mapping[str, Any]) -> None:
        if notice.get("text") == "poison":
            raise ValueError("a bug")
        super().publish(notice)


def test_one_message_that_raises_concerns_itself_alone() -> None:
    world = World(Picky())
    unnameable = InboundMessage("", "text", {"id": object()})
    assert world.take([text("a"), text("b", "poison"), unnameable, text("c")]), "it would fail again"
    assert world.wamids() == ["a", "c"]
    assert world.log.metrics[("WebhookFaults", "whatsapp")] == 2
    assert [fields["wamid"] for level, _, fields in world.log.lines if level == "exception"] == ["", "b"]
    world.topic.broken = 1
    assert not world.take([text("d"), text("e", "poison")]), "what can be had comes again"
