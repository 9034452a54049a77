"""People are told of an incident once, when it is over: what happened, whom it reached, what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.adapters.notices import Notices
from lifeline.contract.names import MARKETING
from lifeline.domain.failure.causes import audience as told_of
from lifeline.domain.incident.records import IncidentTold, KeptReport
from lifeline.domain.incident.words import summary
from lifeline.domain.panic.flag import Flag, State
from lifeline.domain.records import KeptRecord
from lifeline.errors import ConflictError, RefusedError, UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.incidents import Incidents
from lifeline.use_cases.shared.panic_mode import PanicMode

OPEN_SECONDS: Final = 3600.0
"""How long a summary waits for the last message; then it is told with what still waits."""
TELL_SECONDS: Final = 86_400.0
"""An incident that ended longer ago is not told by itself any more."""


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
        self._announced: dict[str, tuple[str, float]] = {}

    def __call__(self, remaining: Callable[[], float], quiet: bool = True) -> list[str]:
        """Tell what is due; returns the ids of the incidents. Never raises: the drain matters more.

        ``quiet``: nothing was released in this minute. While a backlog leaves, its rows are not read.
        """
        announced = []
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
                    announced.append(flag.incident_id)
            except (UnavailableError, RefusedError, ConflictError) as error:
                self._telemetry.warning("a summary waits", incident_id=flag.incident_id, detail=str(error))
        return announced

    def _is_due(self, flag: Flag) -> bool:
        """From what the flags say alone: a quiet minute reads nothing more."""
        return bool(
            flag.incident_id
            and flag.state is not State.PANIC
            and self._clock() - flag.left_panic_at < TELL_SECONDS
            and self._announced.get(flag.scope) != (flag.incident_id, flag.left_panic_at)
        )

    def _tell(self, flag: Flag, remaining: Callable[[], float]) -> bool:
        now = self._clock()
        stored = self._control.kept(IncidentTold, flag.scope)
        mark = IncidentTold(flag.incident_id, flag.left_panic_at)
        if stored.value == mark:
            self._announced[flag.scope] = (flag.incident_id, flag.left_panic_at)
            return False
        document = self._incidents.report(flag.incident_id, remaining, anew=True)
        if document["messages"]["waiting"] and now - flag.left_panic_at < OPEN_SECONDS:
            return False
        # Claimed before it is told: of two drainers one tells.
        self._save(mark, flag.scope, now, stored.version)
        subject, text = summary(document)
        try:
            self._notices.tell(
                audience=audience(document),
                subject=subject,
                text=text,
                scope=flag.scope,
                cause=document["cause"],
                severity="warning" if document["post_mortem"]["needed"] else "info",
                data={"event": "summary", **{field: document[field] for field in SUMMARY}},
                run=f"lifeline incident report {flag.incident_id}",
                section="Post-Incident",
            )
        except UnavailableError:
            self._save(stored.value, flag.scope, now, stored.version + 1)
            raise
        self._announced[flag.scope] = (flag.incident_id, flag.left_panic_at)
        self._save(KeptReport(document), flag.incident_id, now, None)
        self._telemetry.info("incident told", incident_id=flag.incident_id, **document["post_mortem"])
        return True

    def _save(self, record: KeptRecord, of: str, now: float, version: int | None) -> None:
        self._control.keep(
            record,
            of,
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
    "delivery_unknown",
    "delay",
    "fallback",
    "drain",
    "post_mortem",
    "checklist",
)
"""What the notice carries for machines."""


def audience(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Those who were told of the panic, and marketing where promotions were touched."""
    who = [*told_of(document["scope"], document["cause"])]
    touched = any(row["during"] and row["category"] == "promotion" for row in document["traffic"]["rows"])
    if touched or document["messages"]["by_campaign"] or document["messages"]["by_priority"].get("bulk"):
        who.append(MARKETING)
    return tuple(who)
