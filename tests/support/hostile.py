"""The whole system in memory, over services that refuse what AWS refuses: for hostile inputs.

Every function is built by its real wiring. Under the real adapters for queues and topics are clients that
refuse what SQS and SNS refuse, and whole calls for one bad entry, as they do; what the tables keep is encoded
as it is for DynamoDB.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

from lifeline.adapters import row_items
from lifeline.adapters.contacts import Contact
from lifeline.adapters.inbound_topic import InboundTopic
from lifeline.adapters.inbox import Ownership
from lifeline.adapters.notices import Notices
from lifeline.adapters.queues import Outgoing, Queues
from lifeline.contract.names import (
    REASON_ATTRIBUTE,
    VOICE_QUEUE,
    WEBHOOK_QUEUE,
    WHATSAPP_DLQ,
    WHATSAPP_QUEUE,
)
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.message.row import Change, Written
from lifeline.domain.panic.flag import Event
from lifeline.domain.records import KeptRecord
from lifeline.use_cases.webhook.bodies import Body
from lifeline.wiring import operator, sender, voice, webhook, webhook_events

from functions.sender import app as sender_app
from tests.support import sending
from tests.support.aws import stand_in
from tests.support.contacts import MemoryContacts
from tests.support.inbound import MemoryInbox, StubMedia
from tests.support.memory import MemoryAgenda, MemoryControl, MemoryLedger, MemoryQueues
from tests.support.meta import sign
from tests.support.operating import Alarms, Functions, Metrics, itself, queue_urls, url
from tests.support.strict import LARGEST, REFUSED, StrictSns, fault

ITEM: Final = 400_000
"""Bytes of one item of DynamoDB."""
RESPONSE: Final = 6_000_000
"""Bytes of an answer of Lambda."""


class StrictSqs:
    """SQS's checks of a batch, before the memory takes it."""

    def __init__(self, memory: MemoryQueues) -> None:
        self._memory = memory

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        taken: list[tuple[str, Outgoing]] = []
        for entry in Entries:
            attributes = {name: item["StringValue"] for name, item in entry["MessageAttributes"].items()}
            texts = [entry["MessageBody"], *attributes.values()]
            if not all(texts):
                raise fault("InvalidParameterValue")
            if any(REFUSED.search(text) for text in texts):
                raise fault("InvalidMessageContents")
            if sum(len(text.encode()) for text in texts) > LARGEST["SQS"]:
                raise fault("BatchRequestTooLong")
            reason = attributes.pop(REASON_ATTRIBUTE, None)
            taken.append(
                (entry["Id"], Outgoing(entry["MessageBody"], entry["DelaySeconds"], reason, attributes))
            )
        flags = MemoryQueues.send(self._memory, QueueUrl, [message for _, message in taken])
        return {"Successful": [{"Id": name} for (name, _), ok in zip(taken, flags, strict=True) if ok]}


class StrictQueues(MemoryQueues):
    """Sends as the real adapter does."""

    def send(self, url: str, messages: Sequence[Outgoing]) -> list[bool]:
        return Queues(StrictSqs(self)).send(url, messages)  # type: ignore[arg-type]


class StrictLedger(MemoryLedger):
    """Keeps rows as DynamoDB would."""

    def write(self, changes: Sequence[Change], now: float) -> list[Written]:
        for change in changes:
            item = row_items.encode(row_items.written(change, "op", now))
            assert len(json.dumps(item, ensure_ascii=False, allow_nan=False).encode()) < ITEM
        return super().write(changes, now)


class StrictControl(MemoryControl):
    """Keeps records, counters and flags as DynamoDB would."""

    def keep(self, record: KeptRecord, of: str = "", **more: Any) -> None:
        assert 0 < len(record.key(of).encode()) <= 1024
        carried([record.to_item(), more["actor"], more["reason"]])
        super().keep(record, of, **more)

    def append(self, event: Event) -> None:
        carried([event.scope, event.reason, event.actor, dict(event.evidence)])
        super().append(event)

    def count(self, minute: int, counts: Mapping[str, int]) -> None:
        carried(dict(counts))
        super().count(minute, counts)


class StrictInbox(MemoryInbox):
    """Claims by keys that DynamoDB takes."""

    def begin(self, name: str, now: float, lease: float) -> Ownership:
        assert 0 < len(name.encode()) <= 1024
        return super().begin(name, now, lease)

    def keep(self, wamid: str, body: str, due: float, now: float) -> None:
        assert len(wamid.encode()) <= 1000
        carried(body)
        super().keep(wamid, body, due, now)


class People(MemoryContacts):
    """Contacts that hold what an item can hold."""

    def save(self, contact: Contact) -> None:
        carried([contact.user_id, dict(contact.addresses)])
        assert contact.user_id
        super().save(contact)


def carried(value: Any, most: int = ITEM) -> None:
    """Whether an item can hold it."""
    assert len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode()) < most


class World(sending.World):
    """Sender, webhook, voice and operator, each by its wiring, on the same services."""

    def __init__(self) -> None:
        self.inbox, self.media = StrictInbox(), StubMedia()
        self.topic, self.ops = StrictSns(), StrictSns()
        super().__init__()
        self.ledger = StrictLedger(self.faults)
        self.agenda = MemoryAgenda(self.ledger)
        self.queues = StrictQueues(self.clock, self.faults)
        self.control, self.contacts = StrictControl(), People()
        self.settings = replace(self.settings, **queue_urls())
        self.also(
            inbox=self.inbox,
            inbound_topic=InboundTopic(stand_in("sns", self.topic), "arn"),
            notices=Notices(stand_in("sns", self.ops), "arn"),
            alarms=Alarms(),
            functions=Functions(),
            metrics=Metrics(),
            mail_accounts=None,
            subscriptions=None,
            reach=None,
            recordings=None,
            openai=lambda *_: None,
        )
        self.panic = self.adapters("webhook").panic
        self.deliver = self.worker()
        self.operate = operator.build(self.adapters("operator"), itself)
        self._runs = itertools.count(1)

    # -- what strangers do ------------------------------------------------------------------------------

    def invoke(
        self, *bodies: str, queue: str = WHATSAPP_QUEUE, attributes: Mapping[str, str] | None = None
    ) -> list[str]:
        """SQS invokes SenderFunction with these bodies; the numbers of those that come again."""
        records = [
            {
                "messageId": f"{number}",
                "receiptHandle": "r",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1790000000000"},
                "messageAttributes": {
                    name: {"stringValue": value, "dataType": "String"}
                    for name, value in (attributes or {}).items()
                },
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:eu-west-1:000000000000:lifeline-test-{queue}",
            }
            for number, body in enumerate(bodies)
        ]
        with patch.object(sender, "use_case", lambda: self.deliver):
            answer = sender_app.handler({"Records": records}, Context())  # type: ignore[arg-type]
        return [item["itemIdentifier"] for item in answer["batchItemFailures"]]

    def hook(self, raw: bytes, signature: str | None = None) -> int:
        """Meta (or somebody) posts to the webhook; the HTTP status of the answer."""
        before = len(self.queues.sent[url(WEBHOOK_QUEUE)])
        front = webhook.build(self.adapters("webhook"))
        answer = front.receive(raw, sign(raw) if signature is None else signature).status
        bodies = [
            Body(str(place), message.body)
            for place, message in enumerate(self.queues.sent[url(WEBHOOK_QUEUE)][before:])
        ]
        worker = webhook_events.build(self.adapters("webhook_events", panic=self.panic))
        return 503 if bodies and worker(bodies, lambda: 20.0) else answer

    def listen(self, *more: str) -> list[str]:
        """VoiceFunction takes what was put on its queue, and ``more``; the bodies that come again."""
        jobs = voice.build(self.adapters("voice", whatsapp=self.media))
        bodies = [*(item.body for item in self.queues.sent.pop(url(VOICE_QUEUE), [])), *more]
        return jobs([(body, body) for body in bodies], lambda: 100.0)

    def ask(self, request: object) -> dict[str, Any]:
        """Somebody invokes OperatorFunction; the answer as Lambda writes it."""
        raw = json.dumps(self.operate(request, lambda: 60.0), ensure_ascii=False, allow_nan=False).encode()
        assert len(raw) < RESPONSE
        found: dict[str, Any] = json.loads(raw)
        return found

    # -- what came of it --------------------------------------------------------------------------------

    @property
    def dead(self) -> list[str]:
        """The reasons of all that went to the dead-letter queue."""
        return [str(item.reason) for item in self.queues.sent[url(WHATSAPP_DLQ)]]

    def canary(self) -> tuple[str, str]:
        """A good critical message: its id and its body."""
        name = f"canary-{next(self._runs)}"
        return name, good(id=name, priority="critical", recipient={"push_endpoint": sending.DEVICE})

    def sings(self, name: str) -> bool:
        """Whether a canary was delivered exactly once, by the way that is open."""
        return self.told(name) == ["push" if self.panic.flag(WHATSAPP).blocks_sending else "whatsapp"]


class Context:
    """Of Lambda."""

    def get_remaining_time_in_millis(self) -> int:
        return 40_000


def good(**more: Any) -> str:
    """A good message with some fields changed; ``None`` leaves one out."""
    body = {"id": "h", "to": "+4915112345678", "type": "text", "text": "At ten.", **more}
    return json.dumps({name: value for name, value in body.items() if value is not None})
