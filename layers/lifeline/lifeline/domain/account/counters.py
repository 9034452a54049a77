"""The counters of each minute in the control table: every name is made and read here, and nowhere else. Pure.

- ``o|STATUS|PRIORITY|CATEGORY|TEMPLATE``: messages that the sender was done with for now
- ``e|CAUSE|CODE``: failed sends
- ``x|CHANNEL|CAUSE|CODE``: failed calls of other channels: a way of the fallback (it has codes and no cause),
  or a scope that is not WhatsApp's
- ``acc``: sends that Meta accepted; ``drained``: those of them that the drain had released
- ``sts``, ``std``, at the minute of the send: accepted sends of which a ``sent`` status came, and of which a
  later one came
- ``possible``: acts of people who were reached whose outcome was unknown; ``duplicate``: those of them that
  were proven to have reached the person as well
- ``esc``: people whom the fallback told since no device had the message in time; ``esc_both``: those of
  them whom WhatsApp told as well, which is meant so and no duplicate
- ``ta|TEMPLATE``: sends with a template; ``tf|TEMPLATE``: those of them that failed for the template, the
  person or the message (not for the channel); ``tr|TEMPLATE``: those of these that say nothing of the person
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NewType

from lifeline.domain.failure.causes import Reach
from lifeline.domain.message.row import Row
from lifeline.domain.message.status import Status

CounterName = NewType("CounterName", str)
"""The name of a counter. Only this module makes one, and only such are counted; what is read may hold a name
of another version."""
Counts = Mapping[int, Mapping[str, int]]
"""Counters by the start of their minute (epoch seconds)."""

ACCEPTED: Final = CounterName("acc")
DRAINED: Final = CounterName("drained")
REPORTED_SENT: Final = CounterName("sts")
REPORTED_LATER: Final = CounterName("std")
POSSIBLE: Final = CounterName("possible")
DUPLICATE: Final = CounterName("duplicate")
ESCALATED: Final = CounterName("esc")
BOTH: Final = CounterName("esc_both")

_OUTCOME: Final = "o|"
_FAILED: Final = "e|"
_FAILED_ELSEWHERE: Final = "x|"
_TEMPLATE_ASKED: Final = "ta|"
_TEMPLATE_FAILED: Final = "tf|"
_TEMPLATE_REFUSED: Final = "tr|"
_NONE: Final = "-"
"""Stands for a category, a template or a code that there is not."""


@dataclass(frozen=True, slots=True)
class TrafficKind:
    """One kind of traffic; ``-`` where a message has no category or no template."""

    priority: str
    category: str
    template: str


@dataclass(frozen=True, slots=True)
class TemplateSends:
    """What became of the sends with one template in some span."""

    asked: int
    failed: int
    """For the template, the person or the message."""
    refused: int
    """For the template or the message."""


def outcome(status: str, priority: str, category: str | None, template: str | None) -> CounterName:
    """The counter of a message that comes to stand at ``status``."""
    return CounterName(f"{_OUTCOME}{status}|{priority}|{category or _NONE}|{template or _NONE}")


def outcome_of(row: Row) -> CounterName:
    """The counter of a message that comes to stand at its row's status."""
    return outcome(row.status, row.priority, row.category, row.template)


def settles(before: Row, after: Row) -> bool:
    """Whether a write brings a message to an end or to a backlog: whoever writes it counts it.

    So each is counted once, whichever of sender, webhook and feedback is the first to know.
    """
    if before.rev and before.settled:
        return False
    if after.status is Status.PARKED:
        return before.status is not Status.PARKED or before.lane != after.lane
    return after.settled


def failed(cause: str, code: int | str | None) -> CounterName:
    """The counter of a failed send."""
    return CounterName(f"{_FAILED}{cause}|{code or _NONE}")


def failed_elsewhere(channel: str, cause: str | None, code: int | str | None) -> CounterName:
    """The counter of a failed call of another channel than WhatsApp."""
    return CounterName(f"{_FAILED_ELSEWHERE}{channel}|{cause or _NONE}|{code or _NONE}")


def template_asked(template: str) -> CounterName:
    """The counter of sends with a template."""
    return CounterName(_TEMPLATE_ASKED + template)


def template_failures(template: str, reach: Reach) -> tuple[CounterName, ...]:
    """The counters of a send with a template that failed; none where the channel failed."""
    match reach:
        case Reach.CHANNEL:
            return ()
        case Reach.RECIPIENT:
            return (CounterName(_TEMPLATE_FAILED + template),)
        case _:
            return CounterName(_TEMPLATE_FAILED + template), CounterName(_TEMPLATE_REFUSED + template)


def handled(counts: Mapping[str, int]) -> int:
    """How many messages came to an outcome."""
    return sum(count for name, count in counts.items() if name.startswith(_OUTCOME))


def outcomes(counts: Mapping[str, int]) -> Iterator[tuple[str, TrafficKind, int]]:
    """Status, kind of traffic and number of each outcome."""
    for name, count in counts.items():
        if name.startswith(_OUTCOME):
            _, status, priority, category, template = name.split("|", 4)
            yield status, TrafficKind(priority, category, template), count


def failures(counts: Mapping[str, int]) -> Iterator[tuple[str, str | None, int]]:
    """Cause, Meta's code (``None``: it gave none) and number of failed sends."""
    for name, count in counts.items():
        if name.startswith(_FAILED):
            _, cause, code = name.split("|", 2)
            yield cause, None if code == _NONE else code, count


@dataclass(frozen=True, slots=True)
class ChannelFailure:
    """Of another channel than WhatsApp; ``None`` where there is no cause or no code."""

    channel: str
    cause: str | None
    code: str | None


def failures_elsewhere(counts: Mapping[str, int]) -> Iterator[tuple[ChannelFailure, int]]:
    """What failed in other channels than WhatsApp, and how often."""
    for name, count in counts.items():
        if name.startswith(_FAILED_ELSEWHERE):
            channel, cause, code = (None if part == _NONE else part for part in name.split("|", 3)[1:])
            yield ChannelFailure(channel or "", cause, code), count


def template_sends(minutes: Counts) -> dict[str, TemplateSends]:
    """By template, in order of the names."""
    totals: Counter[str] = Counter()
    for counts in minutes.values():
        for name, count in counts.items():
            if name.startswith((_TEMPLATE_ASKED, _TEMPLATE_FAILED, _TEMPLATE_REFUSED)):
                totals[name] += count
    return {
        template: TemplateSends(
            totals[_TEMPLATE_ASKED + template],
            totals[_TEMPLATE_FAILED + template],
            totals[_TEMPLATE_REFUSED + template],
        )
        for template in sorted({name.partition("|")[2] for name in totals})
    }


def total(minutes: Counts) -> dict[str, int]:
    """The counters of all minutes added up: a month has 43,200, and names are then taken apart once."""
    totals: dict[str, int] = {}
    for counts in minutes.values():
        for name, count in counts.items():
            totals[name] = totals.get(name, 0) + count
    return totals
