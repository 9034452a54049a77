"""Incidents from the history, the ledger and the counters: listed, and reported on.

A report is worked out when it is asked for. The one that people were told is kept beside the settings, so
that it can be read after the ledger's rows are gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.adapters.ledger import Ledger
from lifeline.contract.instants import parse_instant
from lifeline.domain.incident.course import course
from lifeline.domain.incident.facts import Affected, Facts
from lifeline.domain.incident.people import LOOK_BACK
from lifeline.domain.incident.records import KeptReport
from lifeline.domain.incident.report import LIST_SECONDS, overview, report
from lifeline.domain.incident.traffic import BASELINE
from lifeline.domain.panic.flag import Event
from lifeline.errors import RefusedError

EVENTS: Final = 100_000
"""History events read at most: four probes a minute fill that in 17 days of panic."""
KEPT_DAYS: Final = 400.0
ROWS_DAYS: Final = 28.0
"""An incident older than this is told as it was kept: counters go after 30 days, rows soon after."""
MARGIN: Final = 10.0
"""Seconds of an invocation that are kept for the answer while rows are read."""
_ID: Final = re.compile(r"(\d{4})(\d{2})(\d{2})-(\d{2})(\d{2})(\d{2})-[0-9a-f]{1,32}")


class Incidents:
    """Incidents from the history, the ledger and the counters."""

    def __init__(self, *, control: Control, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._control = control
        self._ledger = ledger
        self._clock = clock

    def newest(
        self, scope: str | None = None, since_seconds: float = LIST_SECONDS, limit: int = 50
    ) -> list[dict[str, Any]]:
        """One line per incident, newest first. Raises :class:`UnavailableError`."""
        now = self._clock()
        events = self._control.history(scope, since=now - since_seconds, limit=EVENTS)
        return overview(events, now)[:limit]

    def report(self, incident_id: str, remaining: Callable[[], float], anew: bool = False) -> dict[str, Any]:
        """The report of one incident; ``last`` names the newest.

        ``remaining``: seconds left; rows that do not fit into them are left out, and ``complete`` is false.
        ``anew``: never as it was kept.
        Raises :class:`RefusedError` for an id that is not known, and :class:`UnavailableError`.
        """
        if incident_id == "last":
            known = self.newest(limit=1)
            if not known:
                raise RefusedError("no_incident", "no incident in the last 90 days")
            incident_id = str(known[0]["incident_id"])
        now = self._clock()
        start = _start_of(incident_id)
        if not anew and start is not None and now - start > ROWS_DAYS * 86_400:
            kept = self._control.kept(KeptReport, incident_id).value.document
            if kept:
                return {**kept, "kept": True}
        return self._work_out(incident_id, start, now, remaining)

    def _work_out(
        self, incident_id: str, start: float | None, now: float, remaining: Callable[[], float]
    ) -> dict[str, Any]:
        since = now - KEPT_DAYS * 86_400 if start is None else start - 2
        events: list[Event] = self._control.history(since=since, incident_id=incident_id, limit=EVENTS)
        known = course(events)
        if known is None:
            names = [line["incident_id"] for line in self.newest(limit=5)]
            raise RefusedError(
                "unknown_incident",
                f"unknown incident {incident_id[:64]!r}; see lifeline incident list",
                names,
            )
        until = known.left or now
        minutes = self._control.counts(
            known.began - LOOK_BACK - BASELINE,
            max(until, now if known.over is None else until) + 3600,
        )
        rows = _Reading(self._ledger.affected(incident_id), remaining)
        facts = Facts(events, rows, minutes, now)
        whole = report(facts)
        return {**whole, "complete": rows.complete, "kept": False}


class _Reading:
    """Reads rows while there is time; ``complete`` says whether that were all."""

    def __init__(self, rows: Iterator[Affected], remaining: Callable[[], float]) -> None:
        self._rows = rows
        self._remaining = remaining
        self.complete = True

    def __iter__(self) -> Iterator[Affected]:
        for number, row in enumerate(self._rows):
            if number % 100 == 0 and self._remaining() < MARGIN:
                self.complete = False
                return
            yield row


def _start_of(incident_id: str) -> float | None:
    """The instant that an incident's id begins with (epoch seconds)."""
    match = _ID.fullmatch(incident_id)
    if not match:
        return None
    year, month, day, hour, minute, second = match.groups()
    try:
        return parse_instant(f"{year}-{month}-{day}T{hour}:{minute}:{second}Z")
    except ValueError:
        return None
