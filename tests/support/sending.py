"""The real sender over services in memory: what SQS brings, what services answer, what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lifeline.adapters.whatsapp import Accepted
from lifeline.contract.messages import Message, Template
from lifeline.contract.scopes import WHATSAPP
from lifeline.contract.ways import WAYS
from lifeline.domain.failure.causes import Cause, Fault
from lifeline.domain.failure.classify import Failure, classify_answer, classify_fault
from lifeline.domain.message.proof import read_tag
from lifeline.domain.message.row import Lane, Row
from lifeline.domain.message.status import Status
from lifeline.domain.panic.flag import State
from lifeline.settings import Settings
from lifeline.use_cases.deliver import Deliver, SqsRecord
from lifeline.use_cases.webhook.bodies import Body
from lifeline.wiring import sender, webhook_events

from tests.support.memory import (
    Clock,
    Died,
    Script,
    StubSecrets,
)
from tests.support.meta import APP_SECRET, PHONE_NUMBER_ID, WABA_ID, post, statuses
from tests.support.services import Services

WAKE: Final = "queue/wake"
VOICE: Final = "queue/voice"
DEAD: Final = "queue/dead"
DEVICE: Final = "arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/app/1"
MAIL: Final = "ana@example.org"
UNDELIVERABLE: Final = 131026
REJECTED_TEMPLATE: Final = 132015


def answer(code: int, http: int = 400) -> Failure:
    """Meta's refusal with a code."""
    return classify_answer(http, {"error": {"code": code, "message": f"(#{code})"}}, {})


def refused_connection() -> Failure:
    """Nothing listens at Meta's address."""
    return classify_fault(Fault.REFUSED, "connection refused")


def lost_answer() -> Failure:
    """Meta may have taken it."""
    return classify_fault(Fault.READ_TIMEOUT, "no answer")


@dataclass(frozen=True, slots=True)
class Sent:
    """One act that a service took or refused."""

    id: str
    act: int
    at: float
    where: str
    template: str | None = None
    medium: str | None = None
    ttl: int | None = None
    words: str = ""


class Meta:
    """Takes messages, or answers from ``script``: a failure, or what is raised.

    ``before`` and ``after`` are called with each message's id, around the moment in which Meta takes it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.usage_reads = 0
        self.script: list[Accepted | Failure | BaseException | None] = []
        self.of: dict[str, Failure | BaseException] = {}
        self.before: Callable[[str], object] = lambda name: None
        self.after: Callable[[str], object] = lambda name: None
        self.reached: list[Failure | None] = []
        self.reach_asked = 0
        self.sent: list[Sent] = []
        self.accepted: list[str] = []

    @property
    def last_usage(self) -> None:
        """No answer has usage headers; ``usage_reads`` counts how often somebody looked."""
        self.usage_reads += 1

    @property
    def asked(self) -> list[str]:
        """The ids of all sends, in order."""
        return [item.id for item in self.sent]

    def reaches(self, within: float) -> Failure | None:
        """What is asked about a failure: answers from ``reached``, then well."""
        assert 0 < within < 2
        self.reach_asked += 1
        return self.reached.pop(0) if self.reached else None

    def send(
        self,
        message: Message,
        to: str,
        tag: str,
        *,
        template: Template | None = None,
        media_id: str | None = None,
    ) -> Accepted | Failure:
        name, act = read_tag(tag)
        assert name == message.id
        self.before(name)
        used = template or message.template
        self.sent.append(
            Sent(
                name,
                act or 0,
                self._clock(),
                to,
                used.name if used else None,
                media_id,
                words=message.text or "",
            )
        )
        found = self.of.get(name) or (self.script.pop(0) if self.script else None)
        if isinstance(found, BaseException):
            raise found
        if not isinstance(found, Failure):
            self.accepted.append(name)
        self.after(name)
        return found or Accepted(f"wamid.{name}.{act}", False, None)


class Channel:
    """One way. ``script``: what is raised in turn (``None``: taken); ``refuses``: by address."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.script: list[BaseException | None] = []
        self.refuses: dict[str, Exception] = {}
        self.after: Callable[[str], object] = lambda name: None
        self.sent: list[Sent] = []

    @property
    def asked(self) -> list[str]:
        """The ids of all that was taken, in order."""
        return [item.id for item in self.sent]

    def send(
        self, address: str, title: str, body: str, message_id: str, act: int, ttl_seconds: int | None
    ) -> str:
        raised = self.script.pop(0) if self.script else self.refuses.get(address)
        if raised:
            raise raised
        words = f"{title}: {body}"
        self.sent.append(Sent(message_id, act, self._clock(), address, ttl=ttl_seconds, words=words))
        self.after(message_id)
        return f"{message_id}-{act}"


class World(Services):
    """A sender and all that it touches. Waiting moves the clock; one thing happens after the other."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.faults = Script()
        own = replace(
            settings or Settings(),
            wake_queue_url=WAKE,
            voice_queue_url=VOICE,
            whatsapp_dlq_url=DEAD,
            probe_queue_url="queue/probe",
            phone_number_id=PHONE_NUMBER_ID,
            waba_id=WABA_ID,
        )
        super().__init__(own, faults=self.faults)
        self.meta = Meta(self.clock)
        self.channels = {way.name: Channel(self.clock) for way in WAYS}
        self.push, self.email = self.channels["push"], self.channels["email"]
        self.also(
            whatsapp=self.meta,
            couriers=self.channels,
            app_secret=StubSecrets({"app_secret": APP_SECRET}),
            new_id=lambda: "abcdef",
        )
        self.unacknowledged: dict[str, SqsRecord] = {}
        self.panic = self.adapters("webhook").panic
        self.deliver = self.worker()
        self._numbers = 0

    def worker(self) -> Deliver:
        """Another worker on the same services."""
        return sender.build(self.adapters("sender", panic=self.panic))

    # -- what SQS brings -----------------------------------------------------------------------------

    def record(self, name: str, **more: Any) -> SqsRecord:
        """A producer's message: a text to somebody without another way, unless told; ``None`` leaves out."""
        body = {"id": name, "to": "+4915112345678", "type": "text", "text": "At ten.", **more}
        return self.raw(json.dumps({field: value for field, value in body.items() if value is not None}))

    def raw(self, body: str) -> SqsRecord:
        """An SQS message of an entry queue."""
        self._numbers += 1
        return SqsRecord(f"sqs-{self._numbers}", body)

    def put(self, *names: str, **more: Any) -> list[str]:
        """A batch of messages that are alike but for their ids; the ids of records that come again."""
        return self.batch(*(self.record(name, **more) for name in names))

    def batch(self, *records: SqsRecord, remaining: float = 40.0, by: Deliver | None = None) -> list[str]:
        """One invocation; the ids of records that come again. A worker that dies acknowledges nothing."""
        self.unacknowledged.update({record.id: record for record in records if not record.wake_up})
        back = (by or self.deliver)(records, lambda: remaining)
        for record in records:
            if record.id not in back:
                self.unacknowledged.pop(record.id, None)
        return back

    def dies(self, *records: SqsRecord) -> None:
        """An invocation whose worker dies in the middle; the next one is another worker's."""
        try:
            self.batch(*records)
        except Died:
            self.deliver = self.worker()
            return
        raise AssertionError("the worker was to die")

    def again(self, after: float = 120.0, *, backwards: bool = False) -> list[str]:
        """SQS brings what was not acknowledged once more."""
        self.clock.advance(after)
        records = [
            replace(item, receive_count=item.receive_count + 1) for item in self.unacknowledged.values()
        ]
        return self.batch(*(reversed(records) if backwards else records))

    def wake_up(self, body: str) -> SqsRecord:
        """An SQS message of ``wake-queue``."""
        self._numbers += 1
        return SqsRecord(f"wake-{self._numbers}", body, wake_up=True)

    def wake(self, *names: str) -> list[str]:
        """A batch of wake-ups."""
        return self.batch(*map(self.wake_up, names))

    def serve(self, seconds: float = 3600.0, copies: int = 1) -> None:
        """Time passes: each row on the timer lane is woken for when it is due, as the tick does."""
        end = self.clock() + seconds
        for _ in range(1000):
            rows = [row for row in self.ledger.rows.values() if row.lane == Lane.TIMER]
            row = min(rows, key=lambda row: row.due or 0.0, default=None)
            if row is None or (row.due or 0.0) > end:
                return
            self.clock.now = max(self.clock.now, row.due or 0.0)
            self.wake(*[row.id] * copies)
        raise AssertionError("it goes round for ever")

    # -- panic, reports -------------------------------------------------------------------------------

    def trip(self, scope: str = WHATSAPP) -> None:
        """Panic on a scope; workers see it in a second."""
        self.control.stored[scope] = replace(
            self.control.flag(scope),
            state=State.PANIC,
            cause=Cause.UNREACHABLE,
            since=self.clock(),
            incident_id="i-1",
        )
        self.clock.advance(1.0)

    def clear(self, scope: str = WHATSAPP) -> None:
        """Panic on a scope is over."""
        self.control.stored[scope] = replace(self.control.flag(scope), state=State.NORMAL)
        self.clock.advance(1.0)

    def statuses(self, *entries: dict[str, Any]) -> int:
        """The webhook's worker takes Meta's POST with these statuses; 503 where it has to come again."""
        worker = webhook_events.build(self.adapters("webhook_events", panic=self.panic))
        return 503 if worker([Body("b", post(statuses(entries)).decode())], lambda: 20.0) else 200

    # -- what came of it ------------------------------------------------------------------------------

    def row(self, name: str) -> Row:
        """The row as it stands now."""
        return self.ledger.rows[name]

    def status(self, name: str) -> Status:
        """Its status."""
        return self.row(name).status

    @property
    def woken(self) -> list[tuple[str, int]]:
        """Wake-ups that were sent: id and delay."""
        return [(item.body, item.delay) for item in self.queues.sent[WAKE]]

    def told(self, name: str) -> list[str]:
        """The ways by which services took this message, in order of their acts."""
        found = [(item.act, way) for way, items in self._taken() for item in items if item.id == name]
        return [way for _, way in sorted(found)]

    def _taken(self) -> Sequence[tuple[str, list[Sent]]]:
        others = [(name, channel.sent) for name, channel in self.channels.items()]
        return [(WHATSAPP, self.meta.sent), *others]
