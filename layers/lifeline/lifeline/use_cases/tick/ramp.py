"""At which rate the backlog leaves in the coming minute, and where the ramp stands after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from lifeline.adapters.control import Control
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account.counters import ACCEPTED, DRAINED
from lifeline.domain.failure.causes import LIMITS
from lifeline.domain.pace.pace import (
    MINUTE,
    Slots,
    climb,
    headroom,
    split,
)
from lifeline.domain.pace.records import DrainRate, DrainState
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry

BUCKET: Final = 10.0
"""Seconds of one part of the outcome window."""


@dataclass(frozen=True, slots=True)
class RampPlan:
    """One planned span. ``room``: what live traffic leaves of the limiter, messages per second."""

    slots: Slots
    ceiling: float
    room: float
    limits: Mapping[str, int]
    """Rate-limit answers that the ramp has answered, by part of the window."""


class Ramp:
    """Reads what the rate depends on, and keeps where the ramp stands (:class:`DrainState`)."""

    def __init__(
        self, *, settings: Settings, control: Control, clock: Callable[[], float], telemetry: Telemetry
    ) -> None:
        self._settings = settings
        self._control = control
        self._clock = clock
        self._telemetry = telemetry

    def ceiling(self) -> float:
        """The operator's rate, or the deployment's; messages per second."""
        return self._control.kept(DrainRate).value.ceiling(self._settings.drain.rate)

    def plan(self, now: float, start: float, end: float) -> RampPlan:
        """The span from ``start`` to ``end`` (epoch seconds), planned at ``now``."""
        state = self._control.kept(DrainState).value
        ceiling = self.ceiling()
        limits = self._rate_limits(now)
        stretches = climb(
            state.rate,
            state.stepped_at,
            start,
            end,
            ceiling,
            rate_limited=any(count > state.limits.get(at, 0) for at, count in limits.items()),
        )
        room = self._headroom(now, end - now)
        # Live traffic first: the lanes get what it leaves of the limiter.
        return RampPlan(Slots(stretches, room, state.owed), ceiling, room, limits)

    def keep(self, plan: RampPlan) -> float:
        """Keep where the ramp stands after a plan; returns its rate."""
        at = plan.slots.stretch
        self._save(
            DrainState(
                rate=at.rate,
                stepped_at=at.stepped_at,
                owed=plan.slots.owed,
                why="releasing",
                ceiling=plan.ceiling,
                room=plan.room,
                limits=plan.limits,
            )
        )
        self._gauge(at.rate, plan.ceiling)
        return at.rate

    def rest(self, why: str) -> None:
        """Nothing leaves: the next backlog starts at the bottom of the ramp again."""
        self._gauge(0.0, self.ceiling())
        self._save(DrainState(why=why))

    def _save(self, state: DrainState) -> None:
        self._control.keep(state, actor="DrainerFunction", reason="planned", now=self._clock())

    def _gauge(self, rate: float, ceiling: float) -> None:
        self._telemetry.count("DrainRate", rate, lane=WHATSAPP)
        self._telemetry.count("DrainCeiling", ceiling, lane=WHATSAPP)

    def _headroom(self, now: float, seconds: float) -> float:
        """What live traffic leaves of the limiter, messages per second."""
        booked = self._control.limiter(WHATSAPP) or now
        limiter = self._settings.limiter.under(self._control.operators_rate(), now)
        _, (rate, _) = split(limiter.rate, limiter.burst, limiter.critical_share)
        whole = int(now // MINUTE * MINUTE - MINUTE)
        last = self._control.counts(whole, whole).get(whole, {})
        live = max(0, last.get(ACCEPTED, 0) - last.get(DRAINED, 0)) / MINUTE
        return headroom(rate, live, booked - now, seconds)

    def _rate_limits(self, now: float) -> dict[str, int]:
        """Answers of the last minute that said a limit, by the start of their part of the window."""
        return {
            str(bucket.start): count
            for bucket in self._control.window(WHATSAPP).buckets
            if bucket.start >= now - MINUTE - BUCKET
            and (count := sum(bucket.failed.get(cause, 0) for cause in LIMITS))
        }
