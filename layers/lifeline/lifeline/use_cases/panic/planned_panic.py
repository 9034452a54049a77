"""Planned panic: kept by an operator, entered by the prober's minute, left by the flag's own ``until``."""

from __future__ import annotations

from collections.abc import Callable

from lifeline.adapters.control import Control
from lifeline.domain.panic.entering import enable
from lifeline.domain.panic.planned import Plan, due, fault, read
from lifeline.domain.records import PANIC_PLANS
from lifeline.errors import ConflictError, RefusedError, UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.panic.panic_mode import PanicMode


class PanicPlans:
    """The plans that operators keep."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def waiting(self) -> list[Plan]:
        """The plans still to come, soonest first."""
        return read(self._control.setting(PANIC_PLANS).value)

    def add(self, plan: Plan, now: float) -> None:
        """Keep a plan. Raises :class:`RefusedError` where it cannot be, :class:`ConflictError` in a race."""
        stored = self._control.setting(PANIC_PLANS)
        present = read(stored.value)
        wrong = fault(plan, present, now)
        if wrong:
            raise RefusedError("invalid_request", wrong)
        values = sorted([*present, plan], key=lambda item: item.at)
        self._control.put_setting(
            PANIC_PLANS,
            [item.to_dict() for item in values],
            actor=plan.actor,
            reason=plan.reason,
            now=now,
            read_version=stored.version,
        )

    def cancel(self, plan_id: str, *, actor: str, reason: str, now: float) -> Plan:
        """Take a plan back. Raises :class:`RefusedError` where there is none of this id."""
        stored = self._control.setting(PANIC_PLANS)
        present = read(stored.value)
        found = [plan for plan in present if plan.id == plan_id]
        if not found:
            raise RefusedError(
                "unknown_plan",
                f"no plan {plan_id[:64]!r} waits; one that has begun is ended by panic.disable",
                [plan.id for plan in present],
            )
        self._control.put_setting(
            PANIC_PLANS,
            [plan.to_dict() for plan in present if plan.id != plan_id],
            actor=actor,
            reason=reason,
            now=now,
            read_version=stored.version,
        )
        return found[0]


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
            stored = self._control.setting(PANIC_PLANS)
            present = read(stored.value)
            entering, later = due(present, now)
            if len(later) == len(present):
                return []
            for plan in entering:
                self._enter(plan, now)
            self._control.put_setting(
                PANIC_PLANS,
                [plan.to_dict() for plan in later],
                actor="ProberFunction",
                reason="entered",
                now=now,
                read_version=stored.version,
            )
        except (UnavailableError, ConflictError) as error:
            self._telemetry.error("planned panic waits for the next minute", detail=str(error))
            return []
        return [plan.id for plan in entering]

    def _enter(self, plan: Plan, now: float) -> None:
        incident_id = self._panic.new_incident_id()
        self._panic.change(
            plan.scope,
            lambda flag: enable(
                flag,
                reason=plan.reason,
                actor=plan.actor,
                now=now,
                new_incident_id=incident_id,
                hold=True,
                until=plan.until,
                source="schedule",
            ),
        )
