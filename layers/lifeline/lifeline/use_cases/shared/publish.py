"""Tell producers what became of their messages: after the ledger's write, and before anything is
acknowledged.

What SNS does not take stays on its row (``domain/message/telling.py``), which is on the agenda until it was
told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from lifeline.adapters.ledger import Ledger
from lifeline.adapters.outcome_topic import Publication
from lifeline.contract.messages import MAX_BODY_BYTES, MAX_DEPTH, MAX_METADATA_BYTES
from lifeline.contract.outcomes import CONFLICT, OutcomeEvent
from lifeline.contract.patterns import is_id
from lifeline.contract.scopes import WHATSAPP, template_scope
from lifeline.contract.text import depth
from lifeline.contract.ways import WAYS
from lifeline.domain.message.row import TEMPLATE_LANE, Change, Fate, Mark, Row
from lifeline.domain.message.row import WHATSAPP as OVER_WHATSAPP
from lifeline.domain.message.status import RANK, Status
from lifeline.domain.message.telling import once_told, owing
from lifeline.domain.panic.flag import Flag
from lifeline.domain.text import clean, clean_json
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.panic_mode import PanicMode

TRIES: Final = 4
"""Writes of one row; others may move it meanwhile."""
MAX_REASONS: Final = 16
MAX_REASON: Final = 500
"""Reasons in an event, as its schema has it, and characters of each: far below what SNS takes."""
_VIA: Final = {
    **{str(way.status): way.name for way in WAYS},
    **{str(status): OVER_WHATSAPP for status in RANK if status is not Status.FAILED},
}


class Topic(Protocol):
    """Where outcomes go."""

    def publish(self, publications: Sequence[Publication]) -> list[bool]:
        """Whether each one was taken."""


@dataclass(frozen=True, slots=True)
class ToTell:
    """A row, and the writes of it whose outcomes are to be told."""

    row: Row
    revs: frozenset[int]


class Publish:
    """One instance per worker."""

    def __init__(
        self,
        *,
        topic: Topic,
        ledger: Ledger,
        panic: PanicMode,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._topic = topic
        self._ledger = ledger
        self._panic = panic
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, tellings: Sequence[ToTell]) -> dict[str, Row | None]:
        """Publish outcomes and note on the rows what is told, or still owed.

        Returns the rows that it wrote; ``None`` for a message whose outcomes are neither told nor owed by its
        row: whoever asked for them must not be acknowledged.
        """
        events = [
            (telling.row, mark)
            for telling in tellings
            for mark in telling.row.outcomes
            if mark.rev in telling.revs
        ]
        if not events:
            return {}
        taken = self._publish([self._publication(row, mark) for row, mark in events])
        done: dict[str, set[int]] = {}
        failed: dict[str, set[int]] = {}
        for (row, mark), ok in zip(events, taken, strict=True):
            (done if ok else failed).setdefault(row.id, set()).add(mark.rev)
        return self._note([telling.row for telling in tellings], done, failed)

    def broken(self, record_id: str, name: str | None, reasons: Sequence[str], metadata: Any) -> Publication:
        """The event of a body that breaks the contract: it has no row."""
        event = OutcomeEvent(
            event_id=f"{record_id}#{Status.REJECTED}",
            id=name,
            status=str(Status.REJECTED),
            time=self._clock(),
            # They quote what a producer wrote, and nothing has checked that.
            reasons=tuple(clean(reason)[:MAX_REASON] for reason in reasons[:MAX_REASONS]),
            message_id=record_id,
            metadata=clean_json(metadata),
        )
        return Publication(event, {"status": event.status})

    def conflict(self, row: Row, record_id: str, body: str) -> Publication:
        """The event of a body that came with a known id and says something else: it is not delivered."""
        event = OutcomeEvent(
            event_id=f"{record_id}#{CONFLICT}",
            id=row.id,
            status=CONFLICT,
            time=self._clock(),
            message_id=record_id,
            metadata=metadata_of(body),
        )
        return Publication(event, filters(row, event))

    def without_row(self, publications: Sequence[Publication]) -> list[bool]:
        """Publish what is on no row; whoever brought it must not be acknowledged where that failed."""
        return self._publish(publications) if publications else []

    def _publish(self, publications: Sequence[Publication]) -> list[bool]:
        try:
            taken = self._topic.publish(publications)
        except Exception:  # telling must not hold up what was done
            self._telemetry.exception("outcomes could not be published")
            taken = [False] * len(publications)
        late = taken.count(False)
        if late:
            self._telemetry.warning("outcomes will be published later", count=late)
            self._telemetry.count("OutcomesDelayed", late, scope=WHATSAPP)
        return taken

    def _note(
        self, rows: Sequence[Row], done: dict[str, set[int]], failed: dict[str, set[int]]
    ) -> dict[str, Row | None]:
        """Write marks of rows, where they have to change; the happy path writes nothing."""
        noted: dict[str, Row | None] = {row.id: None for row in rows if row.id in failed}
        waiting = list(rows)
        for _ in range(TRIES):
            now = self._clock()
            changes = []
            for row in waiting:
                after = once_told(row, frozenset(done.get(row.id, ())))
                if row.id in failed:
                    after = owing(after, frozenset(failed[row.id]))
                if after != row:
                    changes.append(Change(row, after))
            if not changes:
                break
            waiting = []
            for change, result in zip(changes, self._ledger.write(changes, now), strict=True):
                if result.fate is Fate.LOST and result.row is not None:
                    waiting.append(result.row)
                elif result.fate is Fate.DONE or result.row is not None:
                    noted[change.before.id] = result.row
        return noted

    def _publication(self, row: Row, mark: Mark) -> Publication:
        status = Status(mark.status)
        why = row.trail.get(f"{round(mark.at * 1000)}_{mark.status}", "")
        event = OutcomeEvent(
            event_id=f"{row.id}#{mark.rev}",
            sequence=mark.rev,
            id=row.id,
            status=mark.status,
            via=_VIA.get(mark.status),
            time=mark.at,
            cause=mark.cause,
            code=mark.code,
            wamid=row.wamid if status in RANK else None,
            reasons=(clean(why)[:MAX_REASON],) if why and status is Status.REJECTED else (),
            eta=self._eta(row) if status is Status.PARKED and row.status is Status.PARKED else None,
            metadata=metadata_of(row.body),
        )
        return Publication(event, filters(row, event))

    def _eta(self, row: Row) -> float | None:
        """When a parked message may leave at the earliest, as far as anybody knows; epoch seconds."""
        of_template = (row.lane or "").startswith(TEMPLATE_LANE)
        scope = template_scope(row.template) if of_template and row.template else WHATSAPP
        try:
            flag: Flag | None = self._panic.flag(scope)
        except UnavailableError:
            flag = None
        times = [row.due or 0.0]
        if flag is not None and flag.blocks_sending:
            times += [flag.earliest_recovery or 0.0, flag.until or 0.0]
        latest = max(times)
        return latest if latest > self._clock() else None


def id_of(body: str) -> str | None:
    """The id in a body that breaks the contract, if it is one that a producer may give."""
    name = _document(body).get("id")
    return name if isinstance(name, str) and is_id(name) else None


def metadata_of(body: str) -> dict[str, Any] | None:
    """The producer's own object in a message's body, if it has one; it is the producer's to understand."""
    if '"metadata"' not in body:
        return None
    metadata = _document(body).get("metadata")
    small = isinstance(metadata, dict) and len(json.dumps(metadata)) <= 4 * MAX_METADATA_BYTES
    return metadata if small else None


def _document(body: str) -> dict[str, Any]:
    if len(body) > MAX_BODY_BYTES or depth(body) > MAX_DEPTH:
        return {}
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def filters(row: Row, event: OutcomeEvent) -> dict[str, str | None]:
    """The message attributes of an event, for filter policies; those that are ``None`` are left out."""
    return {
        "status": event.status,
        "category": row.category,
        "priority": row.priority,
        "campaign": row.campaign,
        "via": event.via,
    }
