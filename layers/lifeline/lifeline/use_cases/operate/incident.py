"""Operator actions on incidents: which there were, and what is to be known of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lifeline.contract.instants import format_instant
from lifeline.domain.incident.report import LIST_SECONDS
from lifeline.use_cases.operate.operate import Handler, Request, time_left
from lifeline.use_cases.shared.incidents import Incidents


class OperateIncident:
    """Incidents as operators look back on them."""

    def __init__(self, *, incidents: Incidents, clock: Callable[[], float]) -> None:
        self._incidents = incidents
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {"incident.list": self.newest, "incident.report": self.report}

    def newest(self, request: Request) -> dict[str, Any]:
        """Incidents, newest first."""
        incidents = self._incidents.newest(
            request.get("scope"),
            float(request.get("since_seconds", LIST_SECONDS)),
            int(request.get("limit", 50)),
        )
        return {"at": format_instant(self._clock()), "incidents": incidents}

    def report(self, request: Request) -> dict[str, Any]:
        """One incident's report."""
        return self._incidents.report(request["incident_id"], lambda: time_left(request))
