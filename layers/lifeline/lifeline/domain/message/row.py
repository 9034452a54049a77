"""One message's row of the ledger, and a change of it.

The row is the only truth about a message: what SQS carries besides (a producer's body, a wake-up with an id)
decides nothing. What waits for anything is on the **agenda**: ``lane`` says for what, ``due`` since when or
until when. Off the agenda are rows of which nothing is owed, and rows whose producer's SQS message is not
acknowledged yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

from lifeline.contract.ways import collapses
from lifeline.domain.message.status import OPEN, REACHED, Status
from lifeline.domain.shards import TIMER_LANE


class Lane(StrEnum):
    """The fixed lanes of the agenda."""

    TIMER = TIMER_LANE
    """Waits for a time: retry, limiter slot, doubt, ``send_after``, fallback, speech, a claim's lease."""
    CRITICAL = "critical"
    NORMAL = "normal"
    BULK = "bulk"
    """The three backlogs: parked messages, oldest first, released by the tick at the set rate."""
    REFUSED = "refused"
    """Rejected messages that a person must look at."""


BACKLOG: Final = (Lane.CRITICAL, Lane.NORMAL, Lane.BULK)
"""In the order in which the tick releases them."""
TEMPLATE_LANE: Final = "template:"
CAMPAIGN_LANE: Final = "campaign:"
"""Parked messages of one template in panic, or of one paused campaign: they hold up nothing, and nothing
reads them until that one is free again."""

WHATSAPP: Final = "whatsapp"
"""The way of an act that goes over WhatsApp; the others are the fallback's ways."""


class Phase(StrEnum):
    """What an open row is doing."""

    SENDING = "sending"
    """A worker has claimed a send over WhatsApp."""
    FALLING_BACK = "falling_back"
    """A worker has claimed one way of the fallback."""
    SPEAKING = "speaking"
    """The voice function was asked for a recording."""
    WAITING = "waiting"
    """For its time on the agenda's timer lane."""


IN_FLIGHT: Final = frozenset({Phase.SENDING, Phase.FALLING_BACK})
"""Phases in which a service may be taking the message this moment."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """An act whose outcome is unknown: its number, its way, when it was claimed (epoch seconds)."""

    act: int
    way: str
    at: float


class Watch(StrEnum):
    """What sees to it that an outcome is told, if its writer dies before it has told it."""

    AGENDA = "a"
    """The row itself: it stays on the agenda until then."""
    QUEUE = "q"
    """A producer's SQS message, which is acknowledged after that."""
    WEBHOOK = "w"
    """Meta, who posts a webhook again until it is answered with 200."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One outcome that the producer is told: which write made it (``rev``), what it was, and when."""

    rev: int
    status: str
    at: float
    watch: Watch
    cause: str | None = None
    code: int | None = None

    @property
    def owed(self) -> bool:
        """Whether the row itself sees to it that this outcome is told."""
        return self.watch is Watch.AGENDA


@dataclass(frozen=True, slots=True)
class Row:
    """One message. Instants are epoch seconds; ``None`` where not set.

    ``rev`` counts writes and is the condition of each; ``ops`` are the marks of the last writes, by which a
    writer recognises its own. An *act* is one claimed effect (a send, a push, a mail): ``act`` is the number
    of the last one, ``way`` its way, ``attempted_at`` when it was claimed. ``attempt`` counts sends over
    WhatsApp since the message was last parked or redriven.
    """

    id: str
    status: Status = Status.CLAIMED
    rev: int = 0
    ops: tuple[str, ...] = ()
    phase: str | None = None
    lane: str | None = None
    due: float | None = None
    act: int = 0
    way: str | None = None
    attempt: int = 0
    attempted_at: float | None = None
    doubts: tuple[Doubt, ...] = ()
    """Acts whose outcome nothing has settled yet."""
    duplicates: tuple[int, ...] = ()
    """Acts that were proven to have reached a person who was reached by another act as well."""
    aside: tuple[int, ...] = ()
    """Acts that took another way than WhatsApp: no status of Meta's is about them."""
    via: int = 0
    """The act that reached this person."""
    otherwise: int = 0
    """The first act of another way that reached this person; kept while the WhatsApp message follows."""
    escalate_after: int | None = None
    """Seconds from a send that Meta took until the fallback is taken, where no device has it by then."""
    escalated: int = 0
    """The send whose fallback was taken because no device had it in time; 0: none."""
    beside: str | None = None
    """The status by which this person was told once more, as the escalation meant it: of a message that is
    ``PUSHED``, that Meta ``DELIVERED`` it after all; of one that is ``DELIVERED``, that it was ``PUSHED``."""
    later: bool = True
    """Whether WhatsApp may deliver it later; false where the person, not the channel, is the reason."""
    slot: float | None = None
    """The limiter's token that is reserved for it."""
    paid: bool = False
    """It has waited for its turn in bulk's share already."""
    drained: bool = False
    """The tick released it from a backlog: where tokens are scarce, live messages go first."""
    rounds: int = 0
    """Waits since it was last parked or fresh: after some, only the tick wakes it (see ``wake.py``)."""
    faults: int = 0
    """How often an unexpected error of our own met it."""
    created_at: float = 0.0
    updated_at: float = 0.0
    body: str = ""
    priority: str = "normal"
    type: str = "text"
    category: str | None = None
    campaign: str | None = None
    template: str | None = None
    to_masked: str | None = None
    person: str | None = None
    """A keyed digest of the recipient."""
    content: str | None = None
    """A keyed digest of the body, by which other content of the same id is known once the body has left."""
    bare: bool = False
    """Body and number have left: what is owed from now on is nothing."""
    zones: str | None = None
    """Where quiet hours may hold the message back: the recipient's time zones, and hours of their own
    (:meth:`~lifeline.domain.pace.quiet.Rest.written`)."""
    send_after: float | None = None
    expires_at: float | None = None
    recording: str | None = None
    """Meta's media id of what a voice message says."""
    unspoken: str | None = None
    """Why a voice message goes as text."""
    wamid: str | None = None
    cause: str | None = None
    code: int | None = None
    incident_id: str | None = None
    tried: str | None = None
    """The fallback's ways in order, each that failed with its code; ``park``: it was parked after them."""
    failed_at: float | None = None
    """When a send first failed for the channel or a template."""
    conflicts: int = 0
    """How often the same id came with other content; the first content stays."""
    note: str | None = None
    outcomes: tuple[Mark, ...] = ()
    """What its producer is told of it, see ``telling.py``; empty without the outcomes topic."""
    onward: str | None = None
    """Where the row goes once its outcomes are told, if it is on the timer lane for them alone."""
    trail: Mapping[str, str] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        """Whether a service took it for this person."""
        return self.status in REACHED

    @property
    def in_flight(self) -> bool:
        """Whether a worker has claimed an act that it has not recorded."""
        return self.phase in IN_FLIGHT

    @property
    def open(self) -> bool:
        """Whether Lifeline still owes work on it: delivery, or an escalation whose time has not come."""
        timed = self.status is Status.FAILED or self.reached
        waits = self.lane == Lane.TIMER and self.onward is None
        return self.status in OPEN or (timed and waits)

    @property
    def settled(self) -> bool:
        """A service took it for this person, or nothing is owed any more; its escalation may be to come."""
        return self.reached or not self.open

    @property
    def accounted(self) -> bool:
        """On the agenda, or of a status after which nothing is owed: its SQS message may be acknowledged."""
        return self.lane is not None or not self.open

    @property
    def possible_duplicates(self) -> int:
        """How often this person may have been told once more than intended; proven ones included.

        Who escalates means to tell by one way besides WhatsApp: while none has told, the first doubt of one
        is no more than that.
        """
        extra = len(self.doubts) + len(self.duplicates)
        if self.escalated:
            meant = not self.otherwise and any(doubt.act in self.aside for doubt in self.doubts)
            return extra - meant
        return extra if self.reached or self.duplicates else max(0, extra - 1)


_SET: Final[Mapping[str, Callable[[Row, Any], None]]] = {
    item.name: vars(Row)[item.name].__set__ for item in fields(Row)
}
_values: Final[Callable[[Row], tuple[Any, ...]]] = attrgetter(*_SET)


def changed(row: Row, **values: Any) -> Row:
    """The row with other values: :func:`dataclasses.replace` in two fifths of its time, for what each message
    goes through several times. Raises ``KeyError`` for a field that there is not.
    """
    made = object.__new__(Row)
    for put, value in zip(_SET.values(), _values(row), strict=True):
        put(made, value)
    for name, value in values.items():
        _SET[name](made, value)
    return made


@dataclass(frozen=True, slots=True)
class Change:
    """A conditional write: ``after`` replaces ``before``, carried out only while the row is still ``before``.

    ``before.rev`` 0 is an insert. ``note`` says why, for the row's trail. ``watch``: what sees to it that an
    outcome is told that this change brings.
    """

    before: Row
    after: Row
    note: str = ""
    watch: Watch = Watch.AGENDA


class Fate(StrEnum):
    """What became of a :class:`Change`."""

    DONE = "done"
    """Carried out by us, now or by an earlier try whose answer was lost."""
    LOST = "lost"
    """Another writer was faster: look at the row anew."""
    UNKNOWN = "unknown"
    """No answer: it may have been carried out, and may yet be."""


@dataclass(frozen=True, slots=True)
class Written:
    """``row``: as it stands now. ``None`` where nothing is known, or where the row is gone (``LOST``)."""

    fate: Fate
    row: Row | None = None


def known(row: Row) -> bool:
    """Whether this version of Lifeline knows the row's phase and lane; others are left as they are."""
    lane = row.lane
    return (row.phase is None or row.phase in tuple(Phase)) and (
        lane is None or lane in tuple(Lane) or lane.startswith((TEMPLATE_LANE, CAMPAIGN_LANE))
    )


TRANSIT: Final = 1.0
"""Seconds that a request may be under way: an effect that begins later than this before the deadline could
arrive after it."""


def too_late(row: Row, now: float) -> bool:
    """Whether an effect that begins now may arrive after the message's deadline."""
    return row.expires_at is not None and row.expires_at - TRANSIT <= now


def off_agenda(row: Row, status: Status) -> Row:
    """The row at ``status`` with nothing owed any more."""
    return changed(row, status=status, phase=None, lane=None, due=None, slot=None)


def escalates_at(row: Row) -> float | None:
    """When the fallback of a message that Meta took is due (epoch seconds); ``None``: never.

    Not where another way has told this person, or may have by an act that cannot be shown as one with its
    repetition; and not at or after the deadline.
    """
    if row.escalate_after is None or row.attempted_at is None or row.otherwise or row.escalated:
        return None
    if any(doubt.way != WHATSAPP and not collapses(doubt.way) for doubt in row.doubts):
        return None
    due = row.attempted_at + row.escalate_after
    return None if too_late(row, due) else due


def at_meta(row: Row, status: Status) -> Row:
    """The row once Meta took it (``SENT`` or ``HELD``): nothing is owed but its escalation, if it has one."""
    done = off_agenda(row, status)
    due = escalates_at(row)
    return done if due is None else replace(done, phase=Phase.WAITING, lane=Lane.TIMER, due=due)


def waiting(row: Row, due: float) -> Row:
    """The row on the timer lane until ``due``. It stays in doubt while a doubt is open.

    What a service took stays at that: it waits for its escalation.
    """
    status = Status.IN_DOUBT if row.doubts else Status.CLAIMED
    if row.status is Status.FAILED or row.reached:
        status = row.status
    return replace(row, status=status, phase=Phase.WAITING, lane=Lane.TIMER, due=due, rounds=row.rounds + 1)


def parked(row: Row, lane: str, due: float) -> Row:
    """The row in a backlog (or held) lane; ``due``: from when on it may be released.

    It starts anew from there: a fallback that ended in parking is over, whatever is still in doubt of it.
    """
    return replace(
        row,
        status=Status.PARKED,
        phase=None,
        lane=lane,
        due=due,
        slot=None,
        paid=False,
        drained=False,
        rounds=0,
        attempt=0,
        way=None,
    )


def collapsed(row: Row, way: str | None) -> Row:
    """The row once an act of this way was taken: no doubt is left where its repeats are shown as one."""
    settled = way if collapses(way) else None
    if all(doubt.way != settled for doubt in row.doubts):
        return row
    return replace(row, doubts=tuple(doubt for doubt in row.doubts if doubt.way != settled))


def doubted(row: Row) -> Row:
    """The row with the act in flight turned into a doubt: nobody knows, or tells, what became of it."""
    assert row.attempted_at is not None, "an act in flight has its time"
    doubt = Doubt(row.act, row.way or WHATSAPP, row.attempted_at)
    return replace(row, phase=None, doubts=(*row.doubts, doubt))
