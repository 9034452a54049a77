"""Counters of minutes, gathered over a batch and written once: all workers write the same items."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

from lifeline.domain.account.counters import CounterName
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry

Count = Callable[[int, Mapping[CounterName, int]], None]
"""Adds to the counters of one minute, named by the epoch seconds of its start."""


class Counting:
    """One instance per worker."""

    def __init__(self, count: Count, telemetry: Telemetry) -> None:
        """``count``: writes; raises :class:`~lifeline.errors.UnavailableError`."""
        self._count = count
        self._telemetry = telemetry
        self._minutes: dict[int, Counter[CounterName]] = defaultdict(Counter)

    def add(self, minute: int, counts: Mapping[CounterName, int]) -> None:
        """Keep for the next :meth:`write`."""
        self._minutes[minute].update(counts)

    def write(self) -> None:
        """One write for each minute. Never raises: counters are not worth a repetition of the batch, which
        would count the rest twice."""
        minutes, self._minutes = self._minutes, defaultdict(Counter)
        for minute, counts in minutes.items():
            try:
                self._count(minute, counts)
            except UnavailableError as error:
                self._telemetry.warning("counters could not be written", detail=str(error))
            except Exception:  # what only counts must not hide that something has to come again
                self._telemetry.exception("counters cannot be written")
