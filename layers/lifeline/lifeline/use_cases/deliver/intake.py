"""Step 1: records become jobs, one per message; what cannot be read ends on the dead-letter queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from lifeline.adapters.ledger import Ledger
from lifeline.adapters.queues import Outgoing, Queues
from lifeline.contract.messages import ContractError, Message, other_content, parse_message
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.message.outcome import refused
from lifeline.domain.message.row import Change, Lane, Row, doubted, known
from lifeline.domain.phone import address, mask
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.deliver.at_rest import AtRest
from lifeline.use_cases.deliver.job import Job, SqsRecord
from lifeline.use_cases.shared.people import People
from lifeline.use_cases.shared.publish import Publish, id_of, metadata_of


@dataclass(slots=True)
class Batch:
    """What the intake made of a batch. ``back``: ids of the records that SQS must bring again."""

    jobs: list[Job] = field(default_factory=list)
    back: set[str] = field(default_factory=set)
    unreadable: list[Row] = field(default_factory=list)
    """Rows that were woken and whose body this version cannot read."""


class Intake:
    """Parses bodies, reads the rows that wake-ups name, joins the records of one message."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        queues: Queues,
        people: People,
        publish: Publish,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._at_rest = AtRest(settings)
        self._ledger = ledger
        self._queues = queues
        self._people = people
        self._publish = publish
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, records: Sequence[SqsRecord]) -> Batch:
        """Jobs of a batch. Whatever is wrong with one record concerns that record."""
        taken = Batch()
        parsed: list[tuple[SqsRecord, Message]] = []
        broken: list[tuple[SqsRecord, tuple[str, ...]]] = []
        for record in records:
            if record.wake_up:
                continue
            try:
                parsed.append((record, parse_message(record.body)))
            except ContractError as error:
                broken.append((record, tuple(error.reasons)))
            except Exception as error:  # nobody foresaw it: a person must look, the others go on
                self._telemetry.exception("a message cannot be read", record=record.id)
                broken.append((record, (f"unexpected {type(error).__name__}",)))
        self._refuse(broken, taken)
        woken = {record.body.strip(): record for record in records if record.wake_up}
        seen = {message.id for record, message in parsed if record.receive_count > 1}
        rows = self._read({*woken, *seen}, taken, parsed)
        jobs: dict[str, Job] = {}
        for record, message in parsed:
            if record.id in taken.back:
                continue
            job = jobs.get(message.id)
            if job is None:
                row = rows.get(message.id)
                job = jobs[message.id] = (
                    self._known(row, message) if row else self._fresh(message, record.body)
                )
            job.records.append(record)
            job.conflict = job.conflict or self._other_content(job.row, record.body)
        for name in woken:
            if name in rows and name not in jobs:
                job = self._woken(rows[name])
                if job is not None:
                    jobs[name] = job
                else:
                    taken.unreadable.append(rows[name])
        taken.jobs = list(jobs.values())
        return taken

    def _read(self, ids: set[str], taken: Batch, parsed: list[tuple[SqsRecord, Message]]) -> dict[str, Row]:
        if not ids:
            return {}
        try:
            return self._ledger.read(ids)
        except UnavailableError as error:
            # Wake-ups may be dropped: the tick sends another. Producers' messages come again.
            self._telemetry.error("rows cannot be read; they come again", detail=str(error), rows=len(ids))
            taken.back |= {record.id for record, _ in parsed if record.receive_count > 1}
            return {}

    def adopt(self, job: Job, row: Row) -> None:
        """The job goes on with a row of the ledger, and with the content that the row keeps."""
        job.began = job.began or row
        job.conflict = job.conflict or self._other_content(row, job.row.body)
        job.row = row
        job.message = self._own(row) or job.message
        job.to = self._to(job.message)

    def _other_content(self, row: Row, given: str) -> bool:
        """Whether ``given`` says something else than the row, whose body may have left."""
        if row.bare:
            return bool(given) and self._people.other_content(row.content, given)
        return other_content(row.body, given)

    def _known(self, row: Row, message: Message) -> Job:
        own = self._own(row) or message
        return Job(row, own, self._to(own), began=row)

    def _own(self, row: Row) -> Message | None:
        """The message as the ledger keeps it: of two contents of one id the first counts."""
        try:
            return parse_message(row.body)
        except ContractError:
            return None

    def _woken(self, row: Row) -> Job | None:
        message = self._own(row)
        if message is not None:
            return Job(row, message, self._to(message), began=row)
        self._unreadable(row)
        return None

    def _unreadable(self, row: Row) -> None:
        """A row whose body this version cannot read: once it is due, a person must look."""
        now = self._clock()
        if not known(row) or not row.open or row.lane != Lane.TIMER or (row.due or 0.0) > now:
            return
        after = refused(doubted(row) if row.in_flight else row, now)
        (written,) = self._ledger.write([Change(row, after, "its body breaks this version's contract")], now)
        self._telemetry.error("a row cannot be read", message_id=row.id, fate=str(written.fate))

    def _fresh(self, message: Message, body: str) -> Job:
        to = self._to(message)
        row = Row(
            id=message.id,
            body=body,
            priority=message.priority,
            type=message.type,
            category=message.category,
            campaign=message.campaign,
            template=message.template.name if message.template else None,
            to_masked=mask(to) if to else None,
            person=self._people.person(to or message.recipient.user_id or message.to or ""),
            content=self._people.content(body),
            zones=self._at_rest.noted(message, to, None),
            send_after=message.send_after,
            expires_at=message.expires_at,
            escalate_after=self._settings.fallback.escalates_after(message.priority, message.fallback_after),
        )
        return Job(row, message, to)

    def _to(self, message: Message) -> str | None:
        return address(message.to, message.recipient.bsuid, self._settings.default_region_code or None)

    def _refuse(self, broken: Sequence[tuple[SqsRecord, tuple[str, ...]]], taken: Batch) -> None:
        """Tell the producers, then move the bodies: one that could not be told of comes again."""
        reported = self._publish.without_row(
            [
                self._publish.broken(record.id, id_of(record.body), reasons, metadata_of(record.body))
                for record, reasons in broken
            ]
        )
        taken.back |= {record.id for (record, _), ok in zip(broken, reported, strict=True) if not ok}
        broken = [pair for pair, ok in zip(broken, reported, strict=True) if ok]
        if not broken:
            return
        sent = self._queues.send(
            self._settings.whatsapp_dlq_url,
            [
                Outgoing(body=record.body, reason=f"contract: {'; '.join(reasons)}")
                for record, reasons in broken
            ],
        )
        for (record, reasons), ok in zip(broken, sent, strict=True):
            self._telemetry.warning(
                "to the dead-letter queue", record=record.id, reason="; ".join(reasons), moved=ok
            )
            if not ok:
                # Not lost: SQS brings it again and, after maxReceiveCount, moves it there itself.
                taken.back.add(record.id)
        self._telemetry.count("ContractErrors", len(broken), scope=WHATSAPP)


def with_conflict(row: Row) -> Row:
    """The row with one more conflict counted."""
    return replace(row, conflicts=row.conflicts + 1)
