"""Panics whose planned time has come are entered."""

from __future__ import annotations

from collections.abc import Callable

from lifeline.adapters.control import Control
from lifeline.domain.panic.entering import enable
from lifeline.domain.panic.flag import By
from lifeline.domain.panic.planned import PanicPlan, due
from lifeline.domain.panic.records import PlannedPanics
from lifeline.errors import ConflictError, UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.panic_mode import PanicMode


class EnterPlanned:
    """The prober's minute: enter what is due. Entering comes first, forgetting the plan second: a crash in
    between enters again, which changes nothing."""

    def __init__(
        self, *, control: Control, panic: PanicMode, clock: Callable[[], float], telemetry: Telemetry
    ) -> None:
        self._control = control
        self._panic = panic
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self) -> list[str]:
        """Returns the ids of the plans entered. A failure is logged; the next minute tries again."""
        now = self._clock()
        try:
            stored = self._control.kept(PlannedPanics)
            present = stored.value.plans
            entering, later = due(present, now)
            if len(later) == len(present):
                return []
            for plan in entering:
                self._enter(plan, now)
            self._control.keep(
                PlannedPanics(tuple(later)),
                actor="ProberFunction",
                reason="entered",
                now=now,
                read_version=stored.version,
            )
        except (UnavailableError, ConflictError) as error:
            self._telemetry.error("planned panic delayed by a minute", detail=str(error))
            return []
        return [plan.id for plan in entering]

    def _enter(self, plan: PanicPlan, now: float) -> None:
        incident_id = self._panic.new_incident_id()
        self._panic.change(
            plan.scope,
            lambda flag: enable(
                flag,
                By(plan.actor, "schedule", plan.reason, now),
                new_incident_id=incident_id,
                hold=True,
                until=plan.until,
            ),
        )
