"""Incidents: gather the facts of one, report on it, and tell people of it when it is over.

A report is worked out when it is asked for. The one that people were told is kept beside the settings, so
that it can be read after the ledger's rows are gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.adapters.ledger import Ledger
from lifeline.adapters.notices import Notices
from lifeline.contract.instants import parse_instant
from lifeline.domain.incident.course import course
from lifeline.domain.incident.facts import Affected, Facts
from lifeline.domain.incident.people import LOOK_BACK
from lifeline.domain.incident.report import LIST_SECONDS, overview, report
from lifeline.domain.incident.traffic import BASELINE
from lifeline.domain.incident.words import summary
from lifeline.domain.panic.flag import Event, Flag, State
from lifeline.domain.records import incident_report, incident_told
from lifeline.errors import ConflictError, RefusedError, UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.panic.panic_mode import PanicMode

EVENTS: Final = 100_000
"""History events read at most: four probes a minute fill that in 17 days of panic."""
KEPT_DAYS: Final = 400.0
ROWS_DAYS: Final = 28.0
"""An incident older than this is told as it was kept: counters go after 30 days, rows soon after."""
MARGIN: Final = 10.0
"""Seconds of an invocation that are kept for the answer while rows are read."""
OPEN_SECONDS: Final = 3600.0
"""How long a summary waits for the last message; then it is told with what still waits."""
TELL_SECONDS: Final = 86_400.0
"""An incident that ended longer ago is not told by itself any more."""
_ID: Final = re.compile(r"(\d{4})(\d{2})(\d{2})-(\d{2})(\d{2})(\d{2})-[0-9a-f]{1,32}")


class Incidents:
    """Incidents from the history, the ledger and the counters."""

    def __init__(self, *, control: Control, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._control = control
        self._ledger = ledger
        self._clock = clock

    def listed(
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
            known = self.listed(limit=1)
            if not known:
                raise RefusedError("no_incident", "there was no incident in the last 90 days")
            incident_id = str(known[0]["incident_id"])
        now = self._clock()
        start = _start_of(incident_id)
        if not anew and start is not None and now - start > ROWS_DAYS * 86_400:
            kept = self._control.setting(incident_report(incident_id)).value
            if isinstance(kept, dict):
                return {**kept, "kept": True}
        return self._work_out(incident_id, start, now, remaining)

    def _work_out(
        self, incident_id: str, start: float | None, now: float, remaining: Callable[[], float]
    ) -> dict[str, Any]:
        since = now - KEPT_DAYS * 86_400 if start is None else start - 2
        events: list[Event] = self._control.history(since=since, incident_id=incident_id, limit=EVENTS)
        known = course(events)
        if known is None:
            names = [line["incident_id"] for line in self.listed(limit=5)]
            raise RefusedError(
                "unknown_incident",
                f"there is no incident {incident_id[:64]!r}; see lifeline incident list",
                names,
            )
        until = known.left or now
        minutes = self._control.counts(
            known.began - LOOK_BACK - BASELINE,
            max(until, now if known.over is None else until) + 3600,
        )
        rows = _Reading(self._ledger.affected(incident_id), remaining)
        facts = Facts(events, rows, minutes, now)
        found = report(facts)
        return {**found, "complete": rows.complete, "kept": False}


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


class Summarise:
    """Tells people of incidents that are over, once each: when the last message has left, by itself."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        panic: PanicMode,
        incidents: Incidents,
        notices: Notices,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._control = control
        self._panic = panic
        self._incidents = incidents
        self._notices = notices
        self._clock = clock
        self._telemetry = telemetry
        self._told: dict[str, tuple[str, float]] = {}

    def __call__(self, remaining: Callable[[], float], quiet: bool = True) -> list[str]:
        """Tell what is due; returns the ids of the incidents. Never raises: the drain matters more.

        ``quiet``: nothing was released in this minute. While a backlog leaves, its rows are not read.
        """
        told = []
        try:
            flags = self._panic.flags()
        except UnavailableError as error:
            self._telemetry.warning("summaries wait: no flags", detail=str(error))
            return []
        for flag in flags.values():
            if not self._is_due(flag) or not (quiet or self._clock() - flag.left_panic_at > OPEN_SECONDS):
                continue
            try:
                if self._tell(flag, remaining):
                    told.append(flag.incident_id)
            except (UnavailableError, RefusedError, ConflictError) as error:
                self._telemetry.warning("a summary waits", incident_id=flag.incident_id, detail=str(error))
        return told

    def _is_due(self, flag: Flag) -> bool:
        """From what the flags say alone: a quiet minute reads nothing more."""
        return bool(
            flag.incident_id
            and flag.state is not State.PANIC
            and self._clock() - flag.left_panic_at < TELL_SECONDS
            and self._told.get(flag.scope) != (flag.incident_id, flag.left_panic_at)
        )

    def _tell(self, flag: Flag, remaining: Callable[[], float]) -> bool:
        now = self._clock()
        name = incident_told(flag.scope)
        stored = self._control.setting(name)
        mark = {"incident_id": flag.incident_id, "left_panic_at": flag.left_panic_at}
        if stored.value == mark:
            self._told[flag.scope] = (flag.incident_id, flag.left_panic_at)
            return False
        found = self._incidents.report(flag.incident_id, remaining, anew=True)
        if found["messages"]["waiting"] and now - flag.left_panic_at < OPEN_SECONDS:
            return False
        # Claimed before it is told: of two drainers one tells.
        self._save(name, mark, now, stored.version)
        subject, text = summary(found)
        try:
            self._notices.tell(
                audience=audience(found),
                subject=subject,
                text=text,
                scope=flag.scope,
                cause=found["cause"],
                severity="warning" if found["post_mortem"]["needed"] else "info",
                data={"event": "summary", **{field: found[field] for field in SUMMARY}},
            )
        except UnavailableError:
            self._save(name, stored.value, now, stored.version + 1)
            raise
        self._told[flag.scope] = (flag.incident_id, flag.left_panic_at)
        self._save(incident_report(flag.incident_id), found, now, None)
        self._telemetry.info("incident told", incident_id=flag.incident_id, **found["post_mortem"])
        return True

    def _save(self, name: str, value: Any, now: float, version: int | None) -> None:
        self._control.put_setting(
            name,
            value,
            actor="DrainerFunction",
            reason="summary of an incident",
            now=now,
            read_version=version,
        )


SUMMARY: Final = (
    "incident_id",
    "opened_at",
    "left_panic_at",
    "duration_seconds",
    "detection_seconds",
    "flaps",
    "messages",
    "people",
    "delay",
    "fallback",
    "drain",
    "post_mortem",
    "checklist",
)
"""What the notice carries for machines."""


def audience(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Engineering always; Meta's support contact for the account; marketing where promotions were touched."""
    who = ["engineering"]
    if found["cause"] in ("account", "spam_limit"):
        who.append("meta-support")
    touched = any(row["during"] and row["category"] == "promotion" for row in found["traffic"]["rows"])
    if touched or found["messages"]["by_campaign"] or found["messages"]["by_priority"].get("bulk"):
        who.append("marketing")
    return tuple(who)


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
