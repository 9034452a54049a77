"""Refused messages: rows on the agenda's lane ``refused``, which wait for a person.

To send one again, or to give it up, is one conditional write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from lifeline.adapters.agenda import Agenda
from lifeline.adapters.ledger import Ledger
from lifeline.contract.instants import format_instant
from lifeline.contract.names import REFUSED
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.message.row import Change, Fate, Lane, Row
from lifeline.domain.message.status import Status
from lifeline.domain.redact import redact
from lifeline.errors import RefusedError
from lifeline.use_cases.operate.operate import Request, time_left
from lifeline.use_cases.shared.wake import Wake, wakes_of

SCANNED: Final = 1_000
"""Refused messages that a look reads at most to find its sample and the reasons."""
ROWS: Final = 100
"""Refused messages that are read and written together."""
EVERYTHING: Final = 1_000_000
MARGIN: Final = 8.0
"""Seconds before the time-out at which moving stops; the command line asks again."""
LOOKS: Final = 3
"""How often a row is looked at anew where another writer was faster."""
NAMED: Final = 20
"""Ids that an answer and the history name."""


@dataclass(slots=True)
class Handled:
    """What one request did so far. ``complete``: nothing of it is left."""

    moved: int = 0
    accounted: int = 0
    failed: int = 0
    complete: bool = False
    ids: list[str] = field(default_factory=list)

    @property
    def handled(self) -> int:
        return self.moved + self.accounted + self.failed

    def name(self, message_id: str) -> None:
        if len(self.ids) < NAMED:
            self.ids.append(message_id)


class RefusedMessages:
    """Reads refused messages and carries out an operator's wish on them."""

    def __init__(self, *, ledger: Ledger, agenda: Agenda, wake: Wake, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._agenda = agenda
        self._wake = wake
        self._clock = clock

    def waiting(self) -> int:
        """How many there are."""
        return self._agenda.count(Lane.REFUSED)

    def look(self, request: Request, wanted: int, now: float) -> dict[str, Any]:
        """Some of them and why they are here. Nothing changes."""
        seen: list[Row] = []
        for rows in self._refused(request, now):
            seen += rows
            if len(seen) >= SCANNED or time_left(request) < MARGIN:
                break
        reasons = Counter(redact(why_refused(row)) for row in seen)
        return {
            "queue": REFUSED,
            "to": WHATSAPP,
            "waiting": self.waiting(),
            "seen": len(seen),
            "reasons": ranked(reasons),
            "sample": [_described_row(row, now) for row in seen[:wanted]],
        }

    def steer(
        self, request: Request, wish: Callable[[Row], Row | None], words: str, started: float
    ) -> Handled:
        """Carry out a wish on each refused message: one conditional write a row."""
        done = Handled()
        limit = int(request.get("limit", EVERYTHING))
        for rows in self._refused(request, started):
            if time_left(request) < MARGIN:
                return done
            written = self._write(rows[: limit - done.handled], wish, words, done)
            self._wake(wakes_of(written, self._clock()))
            if done.handled >= limit:
                break
        done.complete = not done.failed
        return done

    def _refused(self, request: Request, until: float) -> Iterator[list[Row]]:
        """Refused messages up to ``until`` that the request names, oldest first, as their rows are now."""
        if "id" in request:
            fitting = self._fitting(request, [request["id"]])
            if not fitting:
                raise RefusedError("not_refused", f"message {request['id'][:64]!r} is not in refused")
            yield fitting
            return
        entries = self._agenda.due(Lane.REFUSED, until)
        while chunk := [entry.id for entry in islice(entries, ROWS)]:
            yield self._fitting(request, chunk)

    def _fitting(self, request: Request, ids: Sequence[str]) -> list[Row]:
        rows = self._ledger.read(ids)
        return [
            row
            for row in (rows[name] for name in ids if name in rows)
            if row.lane == Lane.REFUSED
            and request.get("template") in (None, row.template)
            and request.get("cause") in (None, row.cause)
        ]

    def _write(
        self, rows: Sequence[Row], wish: Callable[[Row], Row | None], words: str, done: Handled
    ) -> list[Row]:
        carried: list[Row] = []
        for _ in range(LOOKS):
            changes = [Change(row, after, words) for row in rows if (after := wish(row)) is not None]
            rows = []
            for change, written in zip(changes, self._ledger.write(changes, self._clock()), strict=True):
                if written.fate is Fate.DONE and written.row is not None:
                    carried.append(written.row)
                    done.name(change.before.id)
                elif written.fate is Fate.UNKNOWN:
                    done.failed += 1
                elif written.row is not None:
                    rows.append(written.row)
            if not rows:
                break
        done.moved += len(carried)
        done.failed += len(rows)
        return carried


def why_refused(row: Row) -> str:
    """Why a message was refused: the cause with Meta's code, and what the trail says."""
    entries = [words for key, words in sorted(row.trail.items()) if key.endswith(f"_{Status.REJECTED}")]
    cause = " ".join(str(part) for part in (row.cause, row.code) if part is not None)
    return (
        ": ".join(part for part in (cause, entries[-1] if entries else row.note or "") if part) or "refused"
    )


def ranked(reasons: Counter[str]) -> list[dict[str, Any]]:
    """Reasons with their counts, most frequent first."""
    return [{"reason": reason, "count": count} for reason, count in reasons.most_common()]


def _described_row(row: Row, now: float) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": row.type,
        "priority": row.priority,
        "template": row.template,
        "cause": row.cause,
        "status": str(row.status),
        "since": None if row.due is None else format_instant(row.due),
        "receive_count": None,
        "age_seconds": None if row.due is None else max(0, round(now - row.due)),
        "reason": redact(why_refused(row)),
        "body": None,
    }
