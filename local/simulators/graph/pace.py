"""The rates that Meta enforces: of the number, and of one number towards one person."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from local.simulators.graph.refusals import refusal
from local.simulators.server import Answer

PAIR_INTERVAL: Final = 6.0
PAIR_BURST: Final = 45
"""One message per 6 seconds to one user, up to 45 borrowed from the future (Meta, "Pair rate limits")."""
THROUGHPUT: Final = 80.0
"""Messages a second (Meta, "Throughput")."""


class Pace:
    """Counts sends. ``throughput``: messages a second; ``pair_limit``: whether the rate per person holds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        self.throughput = THROUGHPUT
        self.pair_limit = True
        self._window: list[float] = []
        self._pairs: dict[str, float] = {}

    def refused(self, to: str) -> Answer | None:
        """130429 or 131056; else the send is counted."""
        now = self._clock()
        with self._lock:
            self._window = [at for at in self._window if at > now - 1.0]
            if len(self._window) >= self.throughput:
                return refusal(130429, details="Message throughput has been reached.")
            due = max(self._pairs.get(to, 0.0), now - PAIR_INTERVAL)
            if self.pair_limit and due + PAIR_INTERVAL > now + PAIR_BURST * PAIR_INTERVAL:
                return refusal(131056)
            self._window.append(now)
            self._pairs[to] = due + PAIR_INTERVAL
        return None
