"""What is kept beside the flags: panics that are planned, and the prober's last minute. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from lifeline.domain.panic.planned import PanicPlan
from lifeline.domain.records import KeptRecord, fields_of, number, text


@dataclass(frozen=True, slots=True)
class PlannedPanics(KeptRecord):
    """The plans still to come, soonest first."""

    NAME: ClassVar[str] = "panic_plans"
    plans: tuple[PanicPlan, ...] = ()

    def to_item(self) -> list[dict[str, Any]]:
        return [asdict(plan) for plan in self.plans]

    @classmethod
    def from_item(cls, item: object) -> Self:
        held = item if isinstance(item, list) else []
        plans = [_plan(fields_of(one)) for one in held]
        return cls(tuple(plan for plan in plans if plan is not None))


def _plan(held: Mapping[str, Any]) -> PanicPlan | None:
    """A plan that lacks something is none: it could not be entered."""
    name, scope = text(held.get("id")), text(held.get("scope"))
    reason, actor = text(held.get("reason")), text(held.get("actor"))
    at, until = number(held.get("at")), number(held.get("until"))
    if name is None or scope is None or reason is None or actor is None or at is None or until is None:
        return None
    return PanicPlan(name, scope, reason, actor, at, until)


@dataclass(frozen=True, slots=True)
class ProberMinute(KeptRecord):
    """The prober ran: when is the time at which it is kept."""

    NAME: ClassVar[str] = "prober_tick"

    def to_item(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_item(cls, item: object) -> Self:
        return cls()
