"""Into how many keys each kind of item is spread, so that none takes more than 200 writes a second.

One key of a table or an index takes about 1,000 write units a second (DynamoDB developer guide), and an index
that is held up holds up its table. ``benchmarks/wide.py`` counts the writes of each key at 80, 500 and 1,000
messages a second, and ``docs/operations.md`` has the table.

Readers ask every key, from 0 on, whatever the rate. So a count may only grow, and a deployment below
:data:`WIDE_ABOVE` writes what the version before reads: it can be taken back.
"""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

TIMER_LANE: Final = "timer"
LANE: Final = 8
"""Keys of each other lane than the timer: a message joins it, or leaves it."""


class Spread(NamedTuple):
    """How many keys are written."""

    timer: int
    """Of the agenda's timer lane: a message that is released and sent joins it, moves on it and leaves it,
    which is four writes of the index."""
    incident: int
    """Of one incident's rows: each write of an affected row is one of the index."""
    minute: int
    """Of the counters of one minute."""


NARROW: Final = Spread(timer=8, incident=8, minute=1)
WIDE: Final = Spread(timer=32, incident=32, minute=8)
"""Also what is read."""
WIDE_ABOVE: Final = 250.0
"""Messages per second up to which the few keys are cool enough."""


def spread_at(rate: float) -> Spread:
    """What a deployment writes whose limiter stands at ``rate`` (messages per second)."""
    return WIDE if rate > WIDE_ABOVE else NARROW


def of_lane(lane: str, spread: Spread = WIDE) -> int:
    """Keys of a lane of the agenda: those that are read, or those that ``spread`` writes."""
    return spread.timer if lane == TIMER_LANE else LANE


def shard_of(name: str, shards: int) -> int:
    """The key of an id, 0 to ``shards`` - 1; spread by hash, never by time."""
    return zlib.crc32(name.encode()) % shards
