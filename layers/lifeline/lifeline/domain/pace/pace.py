"""Pace: how fast messages leave. Ramp, parts of the limiter, plan of a minute, time of arrival, back-off.

Rates are messages per second, instants epoch seconds, spans seconds. Nothing here draws a random number or
reads a clock: both come in as values. The limiter itself is one conditional write: ``Control.reserve``.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lifeline.contract.rates import MIN_RATE

START_RATE: Final = 1.0
"""Rate of the drain's first minute."""
MAX_DELAY: Final = 900
"""Longest delay of one SQS message, in seconds (SQS quotas)."""
PAIR_CAP: Final = 900.0
"""Longest wait for a recipient's pair limit, seconds: 4^5 would be 17 minutes."""

# Rates such as 0.1 x 60 must not lose a message to binary fractions.
_EPSILON: Final = 1e-9


# --- Ramp ------------------------------------------------------------------------------------------------


def ramp_rate(previous: float | None, ceiling: float, *, rate_limited: bool = False) -> float:
    """The drain's rate for the next minute, from that of the last one.

    Starts at 1/s (``previous`` none or 0), doubles after each clean minute up to ``ceiling``, halves after a
    rate-limit answer (not below 0.2/s), and is 0 when the ceiling is 0.
    """
    if ceiling <= 0:
        return 0.0
    if not previous or previous <= 0:
        return min(START_RATE, ceiling)
    if rate_limited:
        return min(ceiling, max(MIN_RATE, previous / 2))
    return min(ceiling, previous * 2)


def headroom(limit: float, live: float, booked: float, seconds: float) -> float:
    """The rate that live traffic leaves to the lanes for the next ``seconds``, messages per second.

    ``limit``: the limiter's rate; ``live``: what live traffic used in the last minute; ``booked``: how far
    ahead of now the limiter is booked, seconds. Never below 0.2/s, so that the lanes never stand still.
    Raises ``ValueError`` for a span that is not above 0.
    """
    if seconds <= 0:
        raise ValueError(f"seconds must be above 0, not {seconds}")
    return max(MIN_RATE, limit * max(0.0, 1 - max(0.0, booked) / seconds) - live)


def split(rate: float, burst: int, critical_share: float) -> tuple[tuple[float, int], tuple[float, int]]:
    """Rate and burst of the limiter's two parts: what is kept for critical messages, and the rest.

    Two limiters in place of one, so that a critical message never stands behind a booked hour of others, and
    so that a batch of one kind takes all its tokens with one write. Together they allow what one would: the
    rates add up to ``rate``, and so do the bursts. A share of 0, or a burst of 1, keeps nothing apart.
    """
    if critical_share <= 0 or burst < 2:
        return (0.0, 0), (rate, burst)
    kept = max(1, math.floor(burst * critical_share + _EPSILON))
    return (rate * critical_share, kept), (rate * (1 - critical_share), burst - kept)


@dataclass(frozen=True, slots=True)
class SetRate:
    """An operator's rate of all sends, messages per second, until an instant (epoch seconds) or for good."""

    rate: float
    until: float | None = None

    def holds(self, now: float) -> bool:
        """Whether its time is not over."""
        return self.until is None or now < self.until


# --- Plan of a minute ------------------------------------------------------------------------------------

MARK: Final = "drain"
"""The planner's mark (``Control.advance``): until when releases are planned."""
MINUTE: Final = 60.0
"""Seconds after which the ramp takes its next step."""
SPAN: Final = 60.0
"""Seconds between two ticks."""
LEAD: Final = 15.0
"""Seconds planned beyond the next tick: EventBridge Scheduler may fire late."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """From ``start`` to ``end`` (epoch seconds) the ramp stands at ``rate`` (messages per second) since
    ``stepped_at``."""

    start: float
    end: float
    rate: float
    stepped_at: float


def climb(
    rate: float, stepped_at: float, start: float, end: float, ceiling: float, *, rate_limited: bool = False
) -> tuple[Stretch, ...]:
    """How the ramp goes on from ``rate``, where it stands since ``stepped_at``, in the span from ``start``
    to ``end``.

    It steps a minute after its last step. A rate-limit answer since the last plan, and a ceiling that was
    lowered, count at once. Raises ``ValueError`` for a span that is not above 0.
    """
    if end <= start:
        raise ValueError(f"end must be after start, not {end - start:g} s from it")
    stretches: list[Stretch] = []
    while start < end:
        if rate_limited or start - stepped_at >= MINUTE or rate > ceiling or rate <= 0:
            rate = ramp_rate(rate, ceiling, rate_limited=rate_limited)
            stepped_at, rate_limited = start, False
        until = min(end, stepped_at + MINUTE)
        stretches.append(Stretch(start, until, rate, stepped_at))
        start = until
    return tuple(stretches)


class Slots:
    """When messages leave, one after the other, at the rate of each stretch.

    A message of a lane with a ``share`` of the rate takes as many turns as it needs to leave no faster than
    that. What a message took beyond the end is ``owed`` by the next plan, so that any rate is exact over
    minutes; turns for which nothing waited are not saved up.
    """

    def __init__(self, stretches: Sequence[Stretch], limit: float = math.inf, owed: float = 0.0) -> None:
        """``limit``: messages per second above which no stretch leaves. ``owed``: turns, from the last plan.

        Raises ``ValueError`` without a stretch or for negative numbers.
        """
        if not stretches or limit < 0 or owed < 0:
            raise ValueError("a plan has a stretch; limit and owed must not be negative")
        self._stretches = stretches
        self._limit = limit
        self._index = 0
        self._used = owed
        self._freed: list[float] = []

    @property
    def stretch(self) -> Stretch:
        """The stretch in which the plan stands; the last one when it is used up."""
        return self._stretches[min(self._index, len(self._stretches) - 1)]

    @property
    def rate(self) -> float:
        """Messages per second at which the next one leaves."""
        return min(self.stretch.rate, self._limit)

    @property
    def owed(self) -> float:
        """Turns that the next plan begins with; 0 while this one is not used up."""
        return self._used if self._index == len(self._stretches) else 0.0

    def next(self) -> float | None:
        """When the next message leaves (epoch seconds); none when the plan is used up."""
        if self._freed:
            return self._freed[0]
        while self._index < len(self._stretches):
            room = self.rate * (self.stretch.end - self.stretch.start)
            if self._used < room - _EPSILON:
                at = self.stretch.start + self._used / self.rate
                if (
                    at < self.stretch.end
                ):  # epoch seconds in a float step by 0.24 µs, so it may round to the end
                    return at
            self._used = max(0.0, self._used - room)
            self._index += 1
        return None

    def take(self, share: float = 1.0) -> None:
        """Use what :meth:`next` said; ``share``: the part of the rate that its lane may have (0 to 1)."""
        if self._freed:
            heapq.heappop(self._freed)
        else:
            self._used += 1.0 / share

    def give_back(self, at: float) -> None:
        """A message did not leave after all: the next one has its time."""
        heapq.heappush(self._freed, at)


@dataclass(frozen=True, slots=True)
class Eta:
    """When the lanes will be empty, in seconds from now; none: never at this ceiling."""

    lanes: tuple[tuple[str, float | None], ...] = field(default=())


def eta(
    waiting: Sequence[tuple[str, int]],
    rate: float,
    ceiling: float,
    limits: Mapping[str, float] | None = None,
) -> Eta:
    """When each lane will be empty if all goes well: the ramp from ``rate`` doubles each minute up to
    ``ceiling``.

    ``waiting``: lane and number waiting, in order of precedence; a lane leaves after those before it.
    ``rate`` is that of the present minute (0: the ramp is about to start). ``limits``: messages per second
    above which a lane does not leave, for bulk. An empty lane is empty in 0 seconds.
    """
    result: list[tuple[str, float | None]] = []
    current = min(rate, ceiling) if rate > 0 else ramp_rate(None, ceiling)
    elapsed, minute = 0.0, 60.0
    for lane, count in waiting:
        left = float(count)
        while left > 0 and current > 0:
            pace = min(current, (limits or {}).get(lane, current))
            spent = left / pace
            if current < ceiling and spent > minute:
                left -= pace * minute
                elapsed += minute
                current, minute = ramp_rate(current, ceiling), 60.0
            else:
                elapsed, minute, left = elapsed + spent, minute - spent, 0.0
        result.append((lane, 0.0 if not count else elapsed if current > 0 else None))
    return Eta(tuple(result))


# --- Back-off --------------------------------------------------------------------------------------------


def backoff(attempt: int, rng_value: float, base: float = 1.0, cap: float = 60.0) -> float:
    """Seconds to wait after failed attempt ``attempt`` (0 the first): from 0 to ``min(cap, base *
    2**attempt)``.

    Full jitter: ``rng_value`` is drawn evenly from [0, 1). Source: AWS Architecture Blog, "Exponential
    Backoff And Jitter". Raises ``ValueError`` for a negative attempt or a draw outside [0, 1).
    """
    if attempt < 0 or not 0 <= rng_value < 1:
        raise ValueError(f"attempt must be at least 0 and rng_value in [0, 1), not {attempt} and {rng_value}")
    return rng_value * min(cap, base * 2.0 ** min(attempt, 64))


def pair_wait(attempt: int) -> float:
    """Seconds until the same recipient is tried again after 131056: 4^n, n = 0, 1, 2, ...

    Source: Meta's documentation of pair rate limits. At most :data:`PAIR_CAP`.
    Raises ``ValueError`` for a negative attempt.
    """
    if attempt < 0:
        raise ValueError(f"attempt must be at least 0, not {attempt}")
    return min(PAIR_CAP, 4.0 ** min(attempt, 32))
