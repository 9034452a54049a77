"""How many messages wait in each lane."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from lifeline.adapters.agenda import Agenda
from lifeline.adapters.control import Control
from lifeline.domain.message.row import Lane
from lifeline.domain.pace.records import LaneSizes
from lifeline.telemetry import Telemetry

HELD: Final = "held"
"""All lanes of templates and campaigns together: their names would be metrics without end."""


class Gauges:
    """The tick's counts; parked messages cost about a read unit for each twenty-five. They are kept as well:
    ``queue status`` answers from them where a lane is too large to be counted while an operator waits.
    """

    def __init__(
        self,
        *,
        agenda: Agenda,
        control: Control,
        held: Callable[[], Iterable[str]],
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._agenda = agenda
        self._control = control
        self._held = held
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self) -> None:
        fixed = {str(lane): self._agenda.count(lane) for lane in Lane}
        for lane, size in fixed.items():
            self._telemetry.count("Backlog", size, lane=lane)
        held = {lane: self._agenda.count(lane) for lane in self._held()}
        self._telemetry.count("Backlog", sum(held.values()), lane=HELD)
        sizes = LaneSizes({lane: size for lane, size in {**fixed, **held}.items() if size})
        self._control.keep(sizes, actor="DrainerFunction", reason="counted", now=self._clock())
