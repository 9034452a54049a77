"""The agenda's lanes as operators see them: how many wait, since when, and which held lanes there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from lifeline.adapters.agenda import Agenda
from lifeline.contract.names import LANES

WORKERS: Final = 4


@dataclass(frozen=True, slots=True)
class LaneState:
    """One lane. ``due`` of its ``total`` messages are due now; ``oldest``: when the first fell due, epoch
    seconds, ``None`` where none is due."""

    name: str
    total: int
    due: int
    oldest: float | None

    def age(self, now: float) -> float | None:
        """Seconds since the first fell due."""
        return None if self.oldest is None else round(max(0.0, now - self.oldest), 1)


class LaneReader:
    """Reads lanes from the agenda. ``held`` names those that may hold something. Raises
    :class:`UnavailableError`."""

    def __init__(self, agenda: Agenda, held: Callable[[], Iterable[str]]) -> None:
        self._agenda = agenda
        self._held = held

    def all(self, now: float) -> list[LaneState]:
        """Every fixed lane, and the held ones that hold something."""
        names = [*LANES, *self._held()]
        return [lane for lane in self.look(names, now) if lane.total or lane.name in LANES]

    def look(self, names: Sequence[str], now: float) -> list[LaneState]:
        """How these lanes are now. The counts are exact but for the index's lag, usually under a second."""
        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(lambda name: self._one(name, now), names))

    def _one(self, name: str, now: float) -> LaneState:
        oldest = self._agenda.oldest(name)
        if oldest is None:
            return LaneState(name, 0, 0, None)
        total = self._agenda.count(name)
        if oldest > now:
            return LaneState(name, total, 0, None)
        return LaneState(name, total, self._agenda.count(name, now), oldest)
