"""The course of an incident, from its events: when it began, its stays in panic, its probes, its end.

All times are epoch seconds and all spans seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lifeline.domain.failure.causes import WINDOW_CAUSES, Cause
from lifeline.domain.panic.flag import Event, Kind, State

PROBES: Final = frozenset({Kind.PROBE_SUCCEEDED, Kind.PROBE_FAILED})


@dataclass(frozen=True, slots=True)
class Course:
    """The course of an incident, from its events."""

    incident_id: str
    scope: str
    events: tuple[Event, ...]
    spans: tuple[tuple[float, float | None, State], ...]
    """From, until (``None``: still), state: panic and recovering in turn."""

    @property
    def opened(self) -> Event:
        """The event that began it."""
        return self.events[0]

    @property
    def state(self) -> str:
        """``panic``, ``recovering`` or ``over``."""
        _, until, state = self.spans[-1]
        return "over" if until is not None else str(state)

    @property
    def began(self) -> float:
        """When panic began."""
        return self.spans[0][0]

    @property
    def left(self) -> float | None:
        """When panic was left for the last time; ``None`` while it lasts."""
        return [until for _, until, state in self.spans if state is State.PANIC][-1]

    @property
    def over(self) -> float | None:
        """When it was normal again."""
        return self.spans[-1][1]

    @property
    def closed(self) -> Event | None:
        """The event by which panic was left for the last time."""
        left = self.left
        ends = [e for e in self.events if e.kind in (Kind.RECOVERING, Kind.ENDED) and e.at == left]
        return ends[0] if ends else None

    @property
    def cause(self) -> str:
        """The last cause that was found."""
        causes = [e.cause for e in self.events if e.kind in WITH_CAUSE and e.cause]
        return str(causes[-1]) if causes else ""

    @property
    def failures(self) -> frozenset[str]:
        """The causes of failures that led to it; an alarm does not say which, an operator sees none."""
        began_with = self.opened.cause
        return frozenset(WINDOW_CAUSES) if began_with == Cause.ALARM else frozenset({began_with})

    def panic_seconds(self, now: float) -> float:
        """Seconds in panic, over all stays."""
        return sum((until or now) - start for start, until, state in self.spans if state is State.PANIC)


WITH_CAUSE: Final = frozenset({Kind.ENTERED, Kind.REENTERED, Kind.CAUSE_CHANGED})


def course(events: Iterable[Event]) -> Course | None:
    """The course of one incident, or ``None`` where its beginning is not among ``events``.

    What came after its end under the same id (a quality update, a shadow report) is not part of it.
    """
    ordered = sorted(events, key=lambda event: (event.at, event.version))
    while ordered and ordered[0].kind is not Kind.ENTERED:
        ordered.pop(0)
    if not ordered:
        return None
    mine: list[Event] = []
    spans: list[tuple[float, float | None, State]] = []
    for event in ordered:
        if spans and spans[-1][1] is not None:
            break
        mine.append(event)
        if event.kind in (Kind.ENTERED, Kind.REENTERED, Kind.RECOVERING, Kind.ENDED):
            if spans:
                spans[-1] = (spans[-1][0], event.at, spans[-1][2])
            if event.kind is not Kind.ENDED:
                state = State.RECOVERING if event.kind is Kind.RECOVERING else State.PANIC
                spans.append((event.at, None, state))
    first = ordered[0]
    return Course(first.incident_id, first.scope, tuple(mine), tuple(spans))


def is_probe(event: Event) -> bool:
    """A probe's result; the one that ended panic stands in the history as ``recovering``."""
    return event.kind in PROBES or (event.kind is Kind.RECOVERING and event.source == "prober")


def probe_ok(event: Event) -> bool:
    return event.kind is not Kind.PROBE_FAILED


def probe_results(known: Course) -> dict[str, Any]:
    probes = [event for event in known.events if is_probe(event)]
    failed = [event for event in probes if not probe_ok(event)]
    last = failed[-1].evidence.get("findings") if failed else None
    return {
        "total": len(probes),
        "succeeded": len(probes) - len(failed),
        "failed": len(failed),
        "last_finding": "; ".join(f"{ask}: {text}" for ask, text in last.items())
        if isinstance(last, Mapping)
        else None,
    }
