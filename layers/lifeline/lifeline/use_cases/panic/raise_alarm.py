"""A CloudWatch alarm went off: put the scope that its name says in panic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lifeline.domain.failure.causes import Cause
from lifeline.domain.panic.alarms import AlarmChange, changes_of, scope_of
from lifeline.domain.panic.entering import trip
from lifeline.domain.panic.flag import By
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.panic_mode import PanicMode


class RaiseAlarm:
    """The alarm function's use case."""

    def __init__(
        self,
        *,
        settings: Settings,
        panic: PanicMode,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._panic = panic
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Act on each alarm change that ``event`` tells of; says what became of it.

        Raises :class:`~lifeline.errors.UnavailableError` or :class:`~lifeline.errors.ConflictError` where a
        flag could not be written: Lambda then invokes again (SNS and CloudWatch invoke asynchronously), and
        what was done already changes nothing.
        """
        changes = list(changes_of(event))
        if not changes:
            self._telemetry.warning("ignored an event without an alarm", keys=sorted(map(str, event)))
        return {"alarms": [self._one(change) for change in changes]}

    def _one(self, change: AlarmChange) -> dict[str, Any]:
        scope = scope_of(change.name, self._settings.alarm_prefix)
        evidence = {"alarm": change.name, "state": change.state, "scope": scope}
        if change.state != "ALARM":
            self._telemetry.info("alarm is not in ALARM; nothing to do", **evidence)
            return {**evidence, "did": "nothing"}
        if scope is None:
            self._telemetry.warning("ignored an alarm without a scope", **evidence)
            return {**evidence, "did": "nothing"}
        self._telemetry.count("AlarmsTaken", scope=scope)
        now = self._clock()
        incident_id = self._panic.new_incident_id()
        flag, event = self._panic.change(
            scope,
            lambda flag: trip(
                flag,
                By("AlarmFunction", "alarm", f"alarm {change.name}: {change.reason}"[:500], now),
                cause=Cause.ALARM,
                evidence={"alarm": change.name, "reason": change.reason, "changed_at": change.at},
                new_incident_id=incident_id,
                rules=self._settings.panic,
                observed=change.at,
            ),
        )
        return {
            **evidence,
            "did": "nothing" if event is None else str(event.kind),
            "incident_id": flag.incident_id,
        }
