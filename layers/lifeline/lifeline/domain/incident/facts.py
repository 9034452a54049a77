"""What is known of one incident: the history's events, the ledger's rows, the counters of each minute.

All times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from lifeline.domain.message.status import Status
from lifeline.domain.panic.flag import Event

_ORDER: Final = {Status.CLAIMED: 0}


class Move(NamedTuple):
    """One entry of a message's trail: it came to ``status`` at ``at`` (epoch seconds)."""

    at: float
    status: Status
    note: str = ""


def _place(move: Move) -> tuple[float, int]:
    return move.at, _ORDER.get(move.status, 1)


@dataclass(frozen=True, slots=True)
class Affected:
    """One message that an incident touched, as the ledger tells it."""

    id: str
    status: Status
    created_at: float
    priority: str = "normal"
    category: str | None = None
    template: str | None = None
    campaign: str | None = None
    person: str | None = None
    """A digest of who it is for: equal for the same person, telling nothing else."""
    writes: int = 0
    """How often the row was written."""
    possible: int = 0
    """How often this person may have been told once more than intended; proven ones included."""
    duplicates: int = 0
    """How often that is proven."""
    both: bool = False
    """WhatsApp told this person and an escalation's fallback as well, as it is meant."""
    failed_at: float | None = None
    """When a send of it first failed for the channel or the template."""
    tried: str = ""
    """The fallback's ways in order, each that failed with its code: ``push EndpointDisabled, email``. Who met
    panic twice has those of both times.
    """
    moves: Sequence[Move] = ()

    @property
    def trail(self) -> list[Move]:
        """The moves in order; a claim stands before what it led to in the same millisecond."""
        return sorted(self.moves, key=_place)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one incident. ``minutes``: counters by the start of each minute (epoch seconds)."""

    events: Sequence[Event]
    messages: Iterable[Affected]
    minutes: Mapping[int, Mapping[str, int]]
    now: float
    complete: bool = True
    """False: there were more messages than could be read."""
