"""A webhook with all that it touches, in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from lifeline.domain.inbound.inbound import InboundRules
from lifeline.domain.inbound.ours import WebhookRules
from lifeline.domain.inbound.webhooks import InboundMessage
from lifeline.domain.message.row import WHATSAPP, Row
from lifeline.domain.message.status import Status
from lifeline.settings import Settings
from lifeline.use_cases.webhook.bodies import Body
from lifeline.use_cases.webhook.inbound import Passed
from lifeline.wiring import webhook, webhook_events

from tests.support.memory import (
    StubSecrets,
)
from tests.support.meta import APP_SECRET, PHONE_NUMBER_ID, WABA_ID, post, sign, statuses
from tests.support.services import Services

WAKE = "queue/wake"
HOOKS, DEAD = "queue/webhook", "queue/webhook-dlq"


class Inbound(Protocol):
    """What takes inbound messages."""

    def __call__(self, messages: Sequence[InboundMessage]) -> Sequence[Passed]: ...


class World(Services):
    """A webhook and all that it touches."""

    def __init__(
        self,
        inbound: Inbound | None = None,
        numbers: Sequence[str] = (),
        rules: InboundRules | None = None,
        outcomes_topic: str = "",
    ) -> None:
        """``numbers``: ids of further numbers of ours. ``outcomes_topic``: its ARN; producers are told."""
        super().__init__(
            Settings(
                wake_queue_url=WAKE,
                probe_queue_url="queue/probe",
                webhook_queue_url=HOOKS,
                webhook_dlq_url=DEAD,
                phone_number_id=PHONE_NUMBER_ID,
                waba_id=WABA_ID,
                outcomes_topic_arn=outcomes_topic,
                webhook=WebhookRules(tuple(numbers)),
                inbound=rules or InboundRules(),
            )
        )
        self.secrets = StubSecrets({"app_secret": APP_SECRET, "verify_token": "verify-me"})
        self.also(app_secret=self.secrets)
        self._inbound = inbound
        self.remake()

    def remake(self) -> None:
        """Front door and worker anew, on the services as they are now."""
        self.front = webhook.build(self.adapters("webhook"))
        adapters = self.adapters("webhook_events")
        self.panic, self.wake = adapters.panic, adapters.wake
        self.worker = webhook_events.build(adapters, self._inbound)

    def sent(self, name: str, status: Status = Status.SENT, **values: Any) -> Row:
        """A row whose first act was a send over WhatsApp."""
        row = Row(
            id=name,
            status=status,
            rev=2,
            act=1,
            way=WHATSAPP,
            via=1 if status in (Status.SENT, Status.HELD, Status.DELIVERED, Status.READ) else 0,
            attempt=1,
            attempted_at=self.clock.now - 1,
            body=json.dumps({"id": name, "to": "+491700000001", "type": "text", "text": "hello"}),
            wamid=f"wamid.{name}",
        )
        return self.ledger.put(replace(row, **values))

    def post(self, *changes: dict[str, Any], time: float | None = None, waba: str = WABA_ID) -> int:
        """Meta's POST with these changes, and the work that it leads to: see :meth:`hook`."""
        return self.hook(post(*changes, time=time, waba=waba))

    def hook(self, raw: bytes) -> int:
        """Meta posts this, and the worker takes it from the queue: the HTTP status of the answer, or 503
        where the body has to come again."""
        before = len(self.queues.sent[HOOKS])
        answer = self.front.receive(raw, sign(raw)).status
        if answer != 200:
            return answer
        bodies = [message.body for message in self.queues.sent[HOOKS][before:]]
        return 503 if self.take(*bodies) else 200

    def take(self, *bodies: str | bytes) -> list[str]:
        """The worker takes one batch; the bodies that come again, by their place in it."""
        texts = [body if isinstance(body, str) else body.decode() for body in bodies]
        return self.worker([Body(str(place), text) for place, text in enumerate(texts)], lambda: 20.0)

    @property
    def dead(self) -> list[str]:
        """Why bodies lie on the dead-letter queue."""
        return [message.reason or "" for message in self.queues.sent[DEAD]]

    def statuses(self, *entries: dict[str, Any]) -> int:
        """Meta's POST with these statuses, as :meth:`hook`."""
        return self.post(statuses(entries))

    def row(self, name: str) -> Row:
        """The row as it stands now."""
        return self.ledger.rows[name]

    def status_of(self, name: str) -> Status:
        """Its status."""
        return self.row(name).status

    @property
    def woken(self) -> list[tuple[str, int]]:
        """Wake-ups that were sent: id and delay."""
        return [(message.body, message.delay) for message in self.queues.sent[WAKE]]
