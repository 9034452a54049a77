"""Planned panic: a promise made ahead of a peak to enter panic and to leave it again. Pure decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

MOST_PLANS: Final = 50
"""They share one item of the control table."""
FURTHEST: Final = 366 * 86_400.0
"""Seconds: nothing is planned further ahead than a year."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Panic on ``scope`` from ``at`` until ``until`` (epoch seconds)."""

    id: str
    scope: str
    reason: str
    actor: str
    at: float
    until: float

    def to_dict(self) -> dict[str, Any]:
        """As the setting keeps it."""
        return asdict(self)


def read(value: object) -> list[Plan]:
    """The plans of the setting's value; an entry of another shape is left out."""
    if not isinstance(value, list):
        return []
    return [Plan(**item) for item in value if isinstance(item, Mapping) and set(item) == set(Plan.__slots__)]


def fault(plan: Plan, present: Sequence[Plan], now: float) -> str:
    """Why the plan cannot be kept; empty where it can."""
    if plan.at <= now:
        return "at is not in the future; leave it out to enter panic now"
    if plan.until <= plan.at:
        return "until must be after at"
    if plan.until > now + FURTHEST:
        return "until is more than a year ahead"
    if len(present) >= MOST_PLANS:
        return f"{MOST_PLANS} plans wait already; cancel one first"
    for other in present:
        if other.scope == plan.scope and plan.at < other.until and other.at < plan.until:
            return f"it overlaps plan {other.id}; cancel that one first"
    return ""


def due(plans: Iterable[Plan], now: float) -> tuple[list[Plan], list[Plan]]:
    """Plans to enter now, and those to keep for later. One that is over already is in neither."""
    entering, later = [], []
    for plan in plans:
        if plan.at > now:
            later.append(plan)
        elif plan.until > now:
            entering.append(plan)
    return entering, sorted(later, key=lambda plan: plan.at)
