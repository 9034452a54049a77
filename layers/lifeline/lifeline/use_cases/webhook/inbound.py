"""What people write to us goes to the application at once; a voice note first goes to be transcribed.

Meta repeats a webhook until it is answered with 200, to every subscribed app and for days, and the queue
repeats it too. So each message is claimed by its wamid, handed on, and marked as done: a repetition does
nothing, and one that could not be handed on is given back and comes again with the queue's next attempt.
Where a worker dies in between, the message is handed on a second time after its lease: the application sees
the same wamid twice, never none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from enum import Enum, auto
from typing import Final

from lifeline.adapters.inbound_topic import InboundTopic
from lifeline.adapters.inbox import Inbox, Ownership
from lifeline.adapters.queues import Outgoing, Queues
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.inbound import inbound
from lifeline.domain.inbound.notification import notification
from lifeline.domain.inbound.webhooks import InboundMessage
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.webhook.preferences import Preferences

WORKERS: Final = 8
"""Messages of one batch that are handed on at once: 1,000 of them take about five seconds."""
LEASE: Final = 30.0
"""Seconds. Longer than the function runs, and shorter than the queue hides a body."""


class Passed(Enum):
    """What became of one message. ``FAULTY``: it failed by an error of our own, and would fail again."""

    DONE = auto()
    AGAIN = auto()
    FAULTY = auto()


class TakeInbound:
    """The hook of :class:`~lifeline.use_cases.webhook.take.TakeUpdates` for what people write."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        topic: InboundTopic,
        queues: Queues,
        preferences: Preferences,
        voice_queue_url: str,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._inbox = inbox
        self._topic = topic
        self._queues = queues
        self._preferences = preferences
        self._voice_queue_url = voice_queue_url
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, messages: Sequence[InboundMessage]) -> list[Passed]:
        """Hand on every message once; what became of each, in their order."""
        once: dict[str, InboundMessage] = {}
        names: list[str | None] = []
        for message in messages:
            try:
                name = _name(message)
            except Exception:  # one message's trouble is its own
                self._fault(message)
                names.append(None)
            else:
                names.append(name)
                once[name] = message
        if len(once) == 1:
            passed = {name: self._take(name, message) for name, message in once.items()}
        else:
            with ThreadPoolExecutor(WORKERS) as pool:
                passed = dict(zip(once, pool.map(self._take, once.keys(), once.values()), strict=True))
        return [Passed.FAULTY if name is None else passed[name] for name in names]

    def _fault(self, message: InboundMessage) -> None:
        self._telemetry.exception("an inbound message cannot be handed on", wamid=message.wamid)
        self._telemetry.count("WebhookFaults", scope=WHATSAPP)

    def _take(self, name: str, message: InboundMessage) -> Passed:
        now = self._clock()
        claimed = False
        try:
            claim = self._inbox.begin(name, now, LEASE)
            if claim is not Ownership.MINE:
                return Passed.DONE if claim is Ownership.DONE else Passed.AGAIN
            claimed = True
            self._hand_on(name, message, now)
            self._inbox.finish(name, self._clock())
        except UnavailableError as error:
            self._telemetry.error(
                "an inbound message must come again", detail=str(error), wamid=message.wamid
            )
            if claimed:
                self._give_back(name)
            return Passed.AGAIN
        except Exception:  # it would fail the next time as well
            self._fault(message)
            if claimed:
                self._give_back(name)
            return Passed.FAULTY
        return Passed.DONE

    def _hand_on(self, name: str, message: InboundMessage, now: float) -> None:
        notice = notification(
            message.wamid, message.value, message.contact, message.number, now, message.errors
        )
        wamid = message.wamid or name
        note = inbound.voice_note(wamid, message.value, message.contact, message.number, now)
        if note is None:
            self._topic.publish(self._preferences.heard(notice))
            self._telemetry.count("Inbound", kind=str(notice["kind"]))
        elif not self._queues.send(self._voice_queue_url, [Outgoing(replace(note, notice=notice).job())])[0]:
            raise UnavailableError("SQS", "queueing a voice note", "not taken")

    def _give_back(self, name: str) -> None:
        try:
            self._inbox.release(name)
        except UnavailableError as error:
            self._telemetry.warning("a claim stays until its lease ends", detail=str(error))


def _name(message: InboundMessage) -> str:
    """The wamid; a message without one is known by what it says."""
    if message.wamid:
        return inbound.name_of(message.wamid)
    return "sha256:" + hashlib.sha256(json.dumps(dict(message.value), sort_keys=True).encode()).hexdigest()
