"""One run of the minute. It also runs when recovery begins, so two may run at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from lifeline.adapters.queues import Queues
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.tick.campaigns import ReleaseCampaigns
from lifeline.use_cases.tick.contents import RemoveContents
from lifeline.use_cases.tick.gauges import Gauges
from lifeline.use_cases.tick.held import Held
from lifeline.use_cases.tick.lanes import Lanes
from lifeline.use_cases.tick.timers import Timers

UNTAKEN: Final = 5_000
"""Wake-ups that wait on their queue, due and untaken: with more, nobody empties it, and none is added."""
ARREARS: Final = 30.0
"""Seconds of the limiter's rate that may wait there as well: at 1,000/s, five thousand are a breath."""


class Tick:
    """The drainer's use case: timers, campaigns, held messages, gauges, and the release from the backlog."""

    def __init__(
        self,
        *,
        settings: Settings,
        queues: Queues,
        telemetry: Telemetry,
        timers: Timers,
        campaigns: ReleaseCampaigns,
        held: Held,
        gauges: Gauges,
        lanes: Lanes,
        contents: RemoveContents,
    ) -> None:
        self._settings = settings
        self._queues = queues
        self._telemetry = telemetry
        self._timers = timers
        self._campaigns = campaigns
        self._held = held
        self._gauges = gauges
        self._lanes = lanes
        self._contents = contents

    def __call__(self, remaining: Callable[[], float]) -> dict[str, Any]:
        """Do the minute's work; ``remaining``: seconds that the invocation has left.

        Returns what was released by lane, wake-ups for timers, timers overdue, what was held and is no
        longer, lines of campaigns, rows whose content has left. What fails holds up nothing else, and is
        raised at the end, so that the invocation is seen to fail.
        """
        answer: dict[str, Any] = {"released": {}, "woken": 0, "overdue": 0, "held": {}, "campaigns": {}}
        answer["contents"] = 0
        untaken = self._untaken()

        def timers() -> None:
            if untaken:
                answer["overdue"] = self._timers.only_count()
            else:
                answer["woken"], answer["overdue"] = self._timers(remaining)

        def campaigns() -> None:
            answer["campaigns"] = self._campaigns(remaining)

        def held() -> None:
            answer["held"] = self._held(remaining)

        def lanes() -> None:
            # What is released now would only pile up on the timer lane, and leave at once later.
            answer.update({"why": "no worker receives wake-ups"} if untaken else self._lanes(remaining))

        def contents() -> None:
            answer["contents"] = self._contents(remaining)

        failures = [
            error
            for job in (timers, campaigns, held, self._gauges, lanes, contents)
            if (error := self._attempt(job)) is not None
        ]
        if failures:
            raise failures[0]
        return answer

    def _untaken(self) -> bool:
        """Whether nobody empties the queue of wake-ups."""
        try:
            visible = self._queues.depth(self._settings.wake_queue_url).visible
        except UnavailableError as error:
            self._telemetry.warning("the depth of the wake-queue is unknown", detail=str(error))
            return False
        most = max(UNTAKEN, self._settings.limiter.rate * ARREARS)
        if visible > most:
            self._telemetry.error("no worker receives wake-ups; none is added", visible=visible)
        return visible > most

    def _attempt(self, job: Callable[[], None]) -> Exception | None:
        try:
            job()
        except UnavailableError as error:
            self._telemetry.error("a part of the minute's work was skipped", detail=str(error))
            return error
        except Exception as error:
            self._telemetry.exception("a part of the minute's work failed")
            return error
        return None
