"""Pace: how fast messages leave. Limiter, ramp, plan of a minute, delays, time of arrival, back-off.

Rates are messages per second, instants epoch seconds, spans seconds. Nothing here draws a random number or
reads a clock: both come in as values.

The limiter is the Generic Cell Rate Algorithm (virtual scheduling form; ITU-T I.371, ATM Forum TM 4.0). Its
whole state is one number, the theoretical arrival time (TAT) of the next token, so a batch reserves all its
tokens with one conditional write.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

MIN_RATE: Final = 0.2
"""Slowest rate above 0, messages per second: 12 a minute, one in five seconds."""
MAX_RATE: Final = 500.0
"""Fastest rate that an operator may set, messages per second."""
START_RATE: Final = 1.0
"""Rate of the drain's first minute."""
MAX_DELAY: Final = 900
"""Longest delay of an SQS message, seconds (Amazon SQS, "Message timers")."""

# Rates such as 0.1 x 60 must not lose a message to binary fractions.
_EPSILON: Final = 1e-9


# --- Limiter ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reservation:
    """Tokens reserved in the limiter."""

    new_tat: float
    """To be stored on the condition that the stored value is still the one that was read."""
    slots: tuple[float, ...]
    """When each token may be used, in order; at or before ``now`` means at once."""


def reserve(tat: float, now: float, n: int, rate_per_s: float, burst: int) -> Reservation:
    """Reserve ``n`` tokens (GCRA, virtual scheduling).

    After a pause ``burst`` tokens are there at once, then one each ``1 / rate_per_s`` seconds. Tokens used at
    their slot or in order after it never exceed ``rate_per_s * T + burst`` in any span of T seconds. ``tat``
    0 is a fresh limiter.

    Raises ``ValueError`` for a rate that is not above 0, a burst below 1 or a negative ``n``.
    """
    if not (rate_per_s > 0 and math.isfinite(rate_per_s)):
        raise ValueError(f"rate_per_s must be above 0, not {rate_per_s}")
    if burst < 1 or n < 0:
        raise ValueError(f"burst must be at least 1 and n at least 0, not {burst} and {n}")
    interval = 1.0 / rate_per_s
    tolerance = (burst - 1) * interval
    # Multiplying instead of adding up keeps the slots of a long reservation exact.
    first = max(tat, now)
    slots = tuple(max(now, first + k * interval - tolerance) for k in range(n))
    return Reservation(first + n * interval if n else tat, slots)


@dataclass(frozen=True, slots=True)
class Lease:
    """Tokens for one batch of live and bulk messages."""

    new_tat: float
    new_bulk_tat: float
    live: tuple[float, ...]
    """When each live message may be sent."""
    bulk: tuple[float, ...]
    """When each bulk message may be sent; the later ones come back at that time and then count as live."""


def lease(
    tat: float,
    bulk_tat: float,
    now: float,
    *,
    live: int,
    bulk: int,
    rate_per_s: float,
    burst: int,
    bulk_share: float,
) -> Lease:
    """Reserve for a batch: live messages first, bulk within its share of the rate.

    A bulk message passes two limiters: bulk's own, of ``bulk_share`` of rate and burst, and then the shared
    one. Those whose turn in bulk's limiter is now take a shared token in this same write, after the live
    ones. The others keep their turn in bulk's limiter, are put back until then, and come back as live (their
    share is paid): so a large campaign never books the shared limiter ahead of live traffic.

    Raises ``ValueError`` as :func:`reserve`, and for a share that is not above 0 and at most 1.
    """
    if not 0 < bulk_share <= 1:
        raise ValueError(f"bulk_share must be above 0 and at most 1, not {bulk_share}")
    turns = reserve(
        bulk_tat, now, bulk, rate_per_s * bulk_share, max(1, math.floor(burst * bulk_share + _EPSILON))
    )
    due = sum(1 for slot in turns.slots if slot <= now)
    shared = reserve(tat, now, live + due, rate_per_s, burst)
    return Lease(shared.new_tat, turns.new_tat, shared.slots[:live], shared.slots[live:] + turns.slots[due:])


# --- Ramp ------------------------------------------------------------------------------------------------


def ramp_rate(
    previous: float | None, ceiling: float, *, rate_limited: bool = False, tripped: bool = False
) -> float:
    """The drain's rate for the next minute, from that of the last one.

    Starts at 1/s (``previous`` none or 0), doubles after each clean minute up to ``ceiling``, halves after a
    rate-limit answer (not below 0.2/s), and is 0 after a trip or when the ceiling is 0.
    """
    if tripped or ceiling <= 0:
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


# --- Plan of a minute ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """How many messages leave each lane in the planned span, in the order in which they leave."""

    moves: tuple[tuple[str, int], ...]
    carry: float = 0.0
    """The part of a message that the rate allowed and that was too small to move; goes into the next plan."""

    @property
    def total(self) -> int:
        """Messages that leave in all lanes."""
        return sum(count for _, count in self.moves)


def plan_minute(
    rate: float,
    seconds: float,
    waiting: Sequence[tuple[str, int]],
    carry: float = 0.0,
    shares: Mapping[str, float] | None = None,
) -> Plan:
    """Share ``rate * seconds`` messages among the lanes: the first lane first, the next with what is left.

    ``waiting``: lane and number of messages that wait, in order of precedence. ``shares``: the part of the
    rate (above 0, to 1) at which a lane leaves when its turn has come, for bulk. Only lanes from which
    something leaves are in the plan. The carry makes slow rates exact over minutes; capacity for which
    nothing waited is not saved up. Rate 0 plans nothing and drops the carry.

    Raises ``ValueError`` for negative numbers.
    """
    if rate < 0 or seconds < 0 or carry < 0 or any(count < 0 for _, count in waiting):
        raise ValueError("rate, seconds, carry and the numbers waiting must not be negative")
    if rate == 0:
        return Plan(())
    allowed = rate * seconds + carry
    total = left = math.floor(allowed + _EPSILON)
    moves: list[tuple[str, int]] = []
    for lane, count in waiting:
        share = (shares or {}).get(lane, 1.0)
        # Rounded up, so that a small share of a slow rate is not nothing for ever.
        take = min(count, math.ceil(left * share - _EPSILON))
        if take > 0:
            moves.append((lane, take))
            left -= min(left, math.ceil(take / share - _EPSILON))
    return Plan(tuple(moves), max(0.0, allowed - total))


def delays(count: int, offset: float, seconds: float) -> list[int]:
    """Whole-second delays of ``count`` messages, spread evenly over ``seconds`` from ``offset`` on, in order.

    From a whole ``offset`` on, in no second leave more than ``ceil(count / seconds)``. Raises ``ValueError``
    when the last delay would exceed the 900 seconds of SQS, for negative numbers, and for no span at all.
    """
    if count < 0 or offset < 0 or seconds <= 0:
        raise ValueError("count and offset must not be negative, seconds above 0")
    if offset + seconds > MAX_DELAY + 1:
        raise ValueError(f"SQS delays a message by at most {MAX_DELAY} seconds, not {offset + seconds - 1:g}")
    return [int(offset + k * seconds / count) for k in range(count)]


@dataclass(frozen=True, slots=True)
class Eta:
    """When the lanes will be empty, in seconds from now; none: never at this ceiling."""

    lanes: tuple[tuple[str, float | None], ...] = field(default=())

    @property
    def last(self) -> float | None:
        """When the last waiting message leaves; 0 when none waits."""
        worst = 0.0
        for _, seconds in self.lanes:
            if seconds is None:
                return None
            worst = max(worst, seconds)
        return worst


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


# --- Rates as text ---------------------------------------------------------------------------------------

_RATE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(?:/\s*(s|sec|second|min|minute|h|hour))?")
_UNIT: Final[Mapping[str, int]] = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
}


def parse_rate(text: str) -> float:
    """``10/s``, ``600/min``, ``0.5/s`` or ``0`` (hold) to messages per second.

    Raises ``ValueError`` that says what a rate looks like, for text that is none and for rates that are not 0
    or 0.2/s to 500/s.
    """
    match = _RATE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a rate; write for example 10/s, 600/min, 0.5/s, or 0 to hold")
    number, unit = float(match[1]), match[2]
    if unit is None and number:
        raise ValueError(f"{text[:40]!r} has no unit; write {match[1]}/s or {match[1]}/min")
    rate = number / _UNIT[unit or "s"]
    if rate and not MIN_RATE - _EPSILON <= rate <= MAX_RATE + _EPSILON:
        raise ValueError(
            f"{text[:40]!r} is {rate:g}/s; a rate is 0 (hold) or from {MIN_RATE:g}/s to {MAX_RATE:g}/s"
        )
    return rate


def format_rate(rate: float) -> str:
    """Messages per second as ``parse_rate`` reads it."""
    return f"{rate:.9f}".rstrip("0").rstrip(".") + "/s" if rate else "0"


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


def pair_wait(attempt: int, cap: float = float(MAX_DELAY)) -> float:
    """Seconds until the same recipient is tried again after 131056: 4^n, n = 0, 1, 2, ...

    Source: Meta's documentation of pair rate limits. Capped at the longest delay of SQS.
    Raises ``ValueError`` for a negative attempt.
    """
    if attempt < 0:
        raise ValueError(f"attempt must be at least 0, not {attempt}")
    return min(cap, 4.0 ** min(attempt, 32))
