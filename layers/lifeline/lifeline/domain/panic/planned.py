"""Planned panic: a promise made ahead of a peak to enter panic and to leave it again. Pure decisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

MOST_PLANS: Final = 50
"""They share one item of the control table."""
FURTHEST: Final = 366 * 86_400.0
"""Seconds: nothing is planned further ahead than a year."""


@dataclass(frozen=True, slots=True)
class PanicPlan:
    """Panic on ``scope`` from ``at`` until ``until`` (epoch seconds)."""

    id: str
    scope: str
    reason: str
    actor: str
    at: float
    until: float


def fault(plan: PanicPlan, present: Sequence[PanicPlan], now: float) -> str:
    """Why the plan cannot be kept; empty where it can."""
    if plan.at <= now:
        return "at is not in the future; leave it out to enter panic now"
    if plan.until <= plan.at:
        return "until must be after at"
    if plan.until > now + FURTHEST:
        return "until is more than a year ahead"
    if len(present) >= MOST_PLANS:
        return f"{MOST_PLANS} panics are planned already; cancel one first"
    for other in present:
        if other.scope == plan.scope and plan.at < other.until and other.at < plan.until:
            return f"it overlaps plan {other.id}; cancel that one first"
    return ""


def due(plans: Iterable[PanicPlan], now: float) -> tuple[list[PanicPlan], list[PanicPlan]]:
    """Plans to enter now, and those to keep for later. One that is over already is in neither."""
    entering, later = [], []
    for plan in plans:
        if plan.at > now:
            later.append(plan)
        elif plan.until > now:
            entering.append(plan)
    return entering, sorted(later, key=lambda plan: plan.at)
