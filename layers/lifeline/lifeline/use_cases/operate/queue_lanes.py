"""The agenda's lanes as operators see them: how many wait, since when, and which held lanes there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from lifeline.adapters.agenda import Agenda
from lifeline.adapters.control import Control
from lifeline.contract.names import LANES
from lifeline.domain.pace.records import LaneSizes

WORKERS: Final = 4


@dataclass(frozen=True, slots=True)
class LaneState:
    """One lane. ``due`` of its ``total`` messages are due now; ``oldest``: when the first fell due, epoch
    seconds, ``None`` where none is due; ``estimated``: it is too large to be counted at once, and ``total``
    is what the tick counted last.
    """

    name: str
    total: int
    due: int
    oldest: float | None
    estimated: bool = False

    def age(self, now: float) -> float | None:
        """Seconds since the first fell due."""
        return None if self.oldest is None else round(max(0.0, now - self.oldest), 1)


class LaneReader:
    """Reads lanes from the agenda. ``held`` names those that may hold something. Raises
    :class:`UnavailableError`."""

    def __init__(self, agenda: Agenda, held: Callable[[], Iterable[str]], control: Control) -> None:
        self._agenda = agenda
        self._held = held
        self._control = control

    def all(self, now: float) -> list[LaneState]:
        """Every fixed lane, and the held ones that hold something."""
        names = [*LANES, *self._held()]
        return [lane for lane in self.look(names, now) if lane.total or lane.name in LANES]

    def look(self, names: Sequence[str], now: float) -> list[LaneState]:
        """How these lanes are now, in so many queries whatever waits: a page of each key at most.

        Up to some 25,000 messages of a lane that is exact but for the index's lag, usually under a second.
        """
        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(lambda name: self._one(name, now), names))

    def _one(self, name: str, now: float) -> LaneState:
        oldest = self._agenda.oldest(name)
        if oldest is None:
            return LaneState(name, 0, 0, None)
        total, whole = self._agenda.at_least(name)
        if not whole:
            total = max(total, self._control.kept(LaneSizes).value.sizes.get(name, 0))
        if oldest > now:
            return LaneState(name, total, 0, None, not whole)
        due, all_due = self._agenda.at_least(name, now)
        # Pages begin with the oldest: where one has more that is due, all that was counted is.
        return LaneState(name, total, due if all_due else total, oldest, not whole)
