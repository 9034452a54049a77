"""How many messages wait in each lane."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from lifeline.adapters.agenda import Agenda
from lifeline.domain.message.row import Lane
from lifeline.telemetry import Telemetry

HELD: Final = "held"
"""All lanes of templates and campaigns together: their names would be metrics without end."""


class Gauges:
    """The tick's counts; parked messages cost about a read unit for each twenty-five."""

    def __init__(self, *, agenda: Agenda, held: Callable[[], Iterable[str]], telemetry: Telemetry) -> None:
        self._agenda = agenda
        self._held = held
        self._telemetry = telemetry

    def __call__(self) -> None:
        for lane in Lane:
            self._telemetry.count("Backlog", self._agenda.count(lane), lane=str(lane))
        held = sum(self._agenda.count(lane) for lane in self._held())
        self._telemetry.count("Backlog", held, lane=HELD)
