"""How a failed send is tried again, asked for by the sender for answers and by the webhook for reports."""

from __future__ import annotations

from collections.abc import Callable

from lifeline.domain.message.outcome import Retries
from lifeline.settings import Retry


class Retrying:
    """The deployment's rules, with the time of each question and a draw for it."""

    def __init__(
        self, *, rules: Retry, grace: float, clock: Callable[[], float], chance: Callable[[], float]
    ) -> None:
        """``grace``: seconds that a send in doubt waits. ``chance``: draws from [0, 1), for full jitter."""
        self._rules = rules
        self._grace = grace
        self._clock = clock
        self._chance = chance

    def __call__(
        self,
        *,
        blocked: bool,
        channel_blocked: bool,
        replaced: bool = False,
        ended_at: float | None = None,
    ) -> Retries:
        """For one failure now; the arguments are those of :class:`Retries`."""
        return Retries(
            now=self._clock(),
            attempts=self._rules.attempts,
            base=self._rules.base,
            cap=self._rules.cap,
            grace=self._grace,
            chance=self._chance(),
            blocked=blocked,
            channel_blocked=channel_blocked,
            replaced=replaced,
            ended_at=ended_at,
        )
