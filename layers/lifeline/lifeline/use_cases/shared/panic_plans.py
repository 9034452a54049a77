"""Panics planned for a time: kept, listed, taken back."""

from __future__ import annotations

from collections.abc import Sequence

from lifeline.adapters.control import Control
from lifeline.domain.panic.planned import PanicPlan, fault
from lifeline.domain.panic.records import PlannedPanics
from lifeline.errors import RefusedError


class PanicPlans:
    """The plans that operators keep."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def waiting(self) -> Sequence[PanicPlan]:
        """The plans still to come, soonest first."""
        return self._control.kept(PlannedPanics).value.plans

    def add(self, plan: PanicPlan, now: float) -> None:
        """Keep a plan. Raises :class:`RefusedError` where it cannot be, :class:`ConflictError` in a race."""
        stored = self._control.kept(PlannedPanics)
        present = stored.value.plans
        wrong = fault(plan, present, now)
        if wrong:
            raise RefusedError("invalid_request", wrong)
        values = sorted([*present, plan], key=lambda item: item.at)
        self._control.keep(
            PlannedPanics(tuple(values)),
            actor=plan.actor,
            reason=plan.reason,
            now=now,
            read_version=stored.version,
        )

    def cancel(self, plan_id: str, *, actor: str, reason: str, now: float) -> PanicPlan:
        """Take a plan back. Raises :class:`RefusedError` where there is none of this id."""
        stored = self._control.kept(PlannedPanics)
        present = stored.value.plans
        cancelled = [plan for plan in present if plan.id == plan_id]
        if not cancelled:
            raise RefusedError(
                "unknown_plan",
                f"no plan {plan_id[:64]!r} is planned; end one that has begun with panic.disable",
                [plan.id for plan in present],
            )
        self._control.keep(
            PlannedPanics(tuple(plan for plan in present if plan.id != plan_id)),
            actor=actor,
            reason=reason,
            now=now,
            read_version=stored.version,
        )
        return cancelled[0]
