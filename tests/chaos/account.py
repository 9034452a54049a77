"""The account of a run, from what everybody outside says. Pure: it takes records and gives the table.

Who says what: SQS which ids it accepted from producers, Meta's simulator which sends it took, SNS and SES
which pushes and mails they took, the ledger what it believes, the queues what is still on them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lifeline.adapters.row_items import decode
from lifeline.contract.outcomes import OUTCOMES

OPEN = frozenset({"CLAIMED", "IN_DOUBT", "PARKED"})
"""Statuses in which a message still waits for something."""
REFUSED_LANE = "refused"
"""The lane of the agenda where messages wait for a person, and may."""
ON_WHATSAPP = frozenset({"SENT", "HELD", "DELIVERED", "READ"})
SAMPLES = 20
"""Ids that the summary names of each kind."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An id that SQS took from a producer. ``expires_at``: epoch seconds; ``None``: never."""

    id: str
    expires_at: float | None = None
    breaking: bool = False
    """Its body breaks the contract: it has to end on a dead-letter queue, or refused with a row."""


@dataclass(frozen=True, slots=True)
class Send:
    """A message that Meta took. ``failed``: Meta said afterwards that it could not be delivered."""

    id: str
    at: float
    wamid: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Push:
    """A push that SNS took. Those to one device with one ``collapse`` key show as one; empty: it has none."""

    id: str
    at: float
    device: str
    collapse: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that SES took."""

    id: str
    at: float


@dataclass(frozen=True, slots=True)
class Event:
    """An outcome that a subscriber got. ``sequence``: ``None`` where it is of no row."""

    id: str
    event_id: str
    status: str
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """What the ledger believes. ``possible``: second deliveries it reckons with; ``duplicates``: proven."""

    id: str
    status: str
    lane: str = ""
    """Its lane of the agenda, without the shard; empty: it waits for nothing."""
    possible: int = 0
    duplicates: int = 0
    escalated: bool = False
    """No device had it in time: it is meant to be told by WhatsApp and by one fallback."""

    @property
    def waits(self) -> bool:
        """Whether somebody of Lifeline still has to act."""
        return self.status in OPEN or self.lane not in ("", REFUSED_LANE)

    @property
    def counted(self) -> int:
        """Second deliveries that the row itself owns up to; a proven one was possible before."""
        return max(self.possible, self.duplicates)


def row_of(item: Mapping[str, Mapping[str, Any]]) -> Row:
    """A row from DynamoDB's item, as the ledger itself reads it."""
    row = decode(item)
    return Row(
        id=row.id,
        status=str(row.status),
        lane=row.lane or "",
        possible=row.possible_duplicates,
        duplicates=len(row.duplicates),
        escalated=row.escalated > 0,
    )


def id_of(callback: str) -> str:
    """The id in ``biz_opaque_callback_data``: ``ID#ACT``, or ``ID`` from version 1."""
    return callback.partition("#")[0]


@dataclass
class Account:
    """The table. Each field lists ids, those with more than one finding several times."""

    accepted: int = 0
    by_status: dict[str, int] = field(default_factory=dict)
    stuck: list[str] = field(default_factory=list)
    """Still waiting for something when all was quiet, or when patience ended."""
    lost: list[str] = field(default_factory=list)
    """Accepted by SQS, but with no row, on no queue and on no dead-letter queue."""
    late: list[str] = field(default_factory=list)
    """Left for a person after ``expires_at``."""
    latest: float = 0.0
    """By how many seconds, at most."""
    untold: list[str] = field(default_factory=list)
    """The row says that the person was reached, and nobody outside knows of it."""
    unexpected: list[str] = field(default_factory=list)
    """Told to a person, and never accepted, or broken."""
    misreported: list[str] = field(default_factory=list)
    """The person was reached, and the row says otherwise: no harm to the person, but a wrong report."""
    outside: list[str] = field(default_factory=list)
    """Second, third ... deliveries that people saw."""
    uncounted: list[str] = field(default_factory=list)
    """Those of them that the row does not own up to."""
    possible: list[str] = field(default_factory=list)
    """Second deliveries that rows reckon with."""
    duplicates: list[str] = field(default_factory=list)
    """Second deliveries that rows have proven."""
    unseen: list[str] = field(default_factory=list)
    """Proven according to their rows, but nobody outside saw them: the row counts too much."""
    unreported: list[str] = field(default_factory=list)
    """The last outcome that a subscriber got is not what the ledger says, or there was none."""
    misnumbered: list[str] = field(default_factory=list)
    """Two copies of one event differ, or one change came under two event ids."""
    events: int = 0
    """Outcomes that a subscriber got, copies included."""
    copies: int = 0
    outside_ways: dict[str, int] = field(default_factory=dict)
    """By which ways people were told too often: ``whatsapp+push`` and so on."""

    @property
    def violations(self) -> dict[str, list[str]]:
        """What must be empty."""
        return {
            "stuck": self.stuck,
            "lost": self.lost,
            "late": self.late,
            "uncounted_duplicates": self.uncounted,
            "untold": self.untold,
            "unexpected": self.unexpected,
            "unreported": self.unreported,
            "misnumbered": self.misnumbered,
        }

    @property
    def remarks(self) -> dict[str, list[str]]:
        """What is worth a look, and no violation."""
        return {
            "misreported": self.misreported,
            "outside_duplicates": self.outside,
            "unseen_duplicates": self.unseen,
        }

    @property
    def balanced(self) -> bool:
        """Whether all is accounted for."""
        return not any(self.violations.values())

    def summary(self) -> dict[str, Any]:
        """For ``summary.json``."""
        kinds = {**self.violations, **self.remarks}
        return {
            "accepted": self.accepted,
            "by_status": self.by_status,
            "stuck": len(self.stuck),
            "lost": len(self.lost),
            "late": len(self.late),
            "latest_by_seconds": round(self.latest, 3),
            "untold": len(self.untold),
            "unexpected": len(self.unexpected),
            "misreported": len(self.misreported),
            "unreported": len(self.unreported),
            "misnumbered": len(self.misnumbered),
            "events": self.events,
            "event_copies": self.copies,
            "possible_duplicates": len(self.possible),
            "duplicates": len(self.duplicates),
            "outside_duplicates": len(self.outside),
            "uncounted_duplicates": len(self.uncounted),
            "unseen_duplicates": len(self.unseen),
            "outside_duplicates_by_way": self.outside_ways,
            "samples": {kind: sorted(set(names))[:SAMPLES] for kind, names in kinds.items() if names},
        }


def account(
    accepted: Iterable[Accepted],
    rows: Iterable[Row],
    sends: Iterable[Send],
    pushes: Iterable[Push],
    mails: Iterable[Mail],
    dead: Collection[str],
    waiting: Collection[str],
    flight: float = 0.0,
    events: Iterable[Event] | None = None,
) -> Account:
    """Compare what everybody says.

    ``events``: what a subscriber to the outcomes got; ``None`` where nobody has subscribed. ``dead``: ids on
    dead-letter queues; ``waiting``: ids on any other queue; ``flight``: seconds that an act may be under way
    to those who record it.
    """
    known = {one.id: one for one in accepted}
    ledger = {row.id: row for row in rows}
    told = _told(sends, pushes, mails)
    found = Account(
        accepted=len(known), by_status=dict(sorted(Counter(r.status for r in ledger.values()).items()))
    )
    for one in known.values():
        row, acts = ledger.get(one.id), told.get(one.id, _NOTHING)
        if row is None:
            if one.id in waiting:
                found.stuck.append(one.id)
            elif one.id not in dead:
                found.lost.append(one.id)
        elif row.waits:
            found.stuck.append(one.id)
        if one.expires_at is not None:
            over = [at - one.expires_at for at in acts.moments if at > one.expires_at + flight]
            found.late += [one.id] * len(over)
            found.latest = max([found.latest, *over])
        _compare(found, one, row, acts)
    found.unexpected += [name for name in told if name not in known]
    if events is not None:
        _compare_events(found, list(events), ledger, known)
    return found


def _compare_events(
    found: Account, events: Sequence[Event], ledger: Mapping[str, Row], known: Collection[str]
) -> None:
    """Hold what a subscriber was told against the ledger."""
    by_event: dict[str, set[tuple[str, str, int | None]]] = defaultdict(set)
    by_change: dict[tuple[str, int], set[str]] = defaultdict(set)
    for event in events:
        by_event[event.event_id].add((event.id, event.status, event.sequence))
        if event.sequence is not None:
            by_change[event.id, event.sequence].add(event.event_id)
    found.events, found.copies = len(events), len(events) - len(by_event)
    found.misnumbered += [event_id for event_id, forms in by_event.items() if len(forms) > 1]
    found.misnumbered += [name for (name, _), ids in by_change.items() if len(ids) > 1]
    last: dict[str, tuple[int, str]] = {}
    for event in events:
        if event.sequence is not None:
            last[event.id] = max(last.get(event.id, (0, "")), (event.sequence, event.status))
    for name in known:
        row = ledger.get(name)
        if row is not None and row.status in OUTCOMES and last.get(name, (0, ""))[1] != row.status:
            found.unreported.append(name)


def _compare(found: Account, one: Accepted, row: Row | None, acts: _Acts) -> None:
    """Hold one row against what people saw."""
    both = row is not None and row.escalated and acts.whatsapp > 0 and acts.reached > acts.whatsapp
    more = max(0, acts.reached - 1 - both)
    counted = row.counted if row else 0
    found.outside += [one.id] * more
    found.uncounted += [one.id] * max(0, more - counted)
    if more:
        found.outside_ways[acts.ways] = found.outside_ways.get(acts.ways, 0) + more
    if one.breaking and acts.reached:
        found.unexpected.append(one.id)
    if row is None:
        return
    found.possible += [one.id] * row.possible
    found.duplicates += [one.id] * row.duplicates
    found.unseen += [one.id] * max(0, row.duplicates - more)
    says = {"PUSHED": acts.pushes, "EMAILED": acts.mails}
    took = acts.taken if row.status in ON_WHATSAPP else says.get(row.status)
    if took is None:
        if acts.reached and not row.waits:
            found.misreported.append(one.id)
    elif not took:
        found.untold.append(one.id)


@dataclass(frozen=True, slots=True)
class _Acts:
    """What a person saw of one id."""

    taken: int
    """Sends that Meta took, those among them that it could not deliver afterwards included."""
    whatsapp: int
    pushes: int
    mails: int
    moments: tuple[float, ...]

    @property
    def reached(self) -> int:
        """How often the person was told."""
        return self.whatsapp + self.pushes + self.mails

    @property
    def ways(self) -> str:
        """By which ways."""
        names = (("whatsapp", self.whatsapp), ("push", self.pushes), ("email", self.mails))
        return "+".join(name for name, count in names for _ in range(count))


_NOTHING = _Acts(0, 0, 0, 0, ())


def _told(sends: Iterable[Send], pushes: Iterable[Push], mails: Iterable[Mail]) -> dict[str, _Acts]:
    by_send: dict[str, dict[str, Send]] = defaultdict(dict)
    for send in sends:
        by_send[send.id][send.wamid] = send
    by_push: dict[str, list[Push]] = defaultdict(list)
    for push in pushes:
        by_push[push.id].append(push)
    by_mail: dict[str, list[Mail]] = defaultdict(list)
    for mail in mails:
        by_mail[mail.id].append(mail)
    found = {}
    for name in {*by_send, *by_push, *by_mail}:
        of_sends, of_pushes, of_mails = list(by_send[name].values()), by_push[name], by_mail[name]
        shown = {(push.device, push.collapse or str(n)) for n, push in enumerate(of_pushes)}
        found[name] = _Acts(
            taken=len(of_sends),
            whatsapp=sum(not send.failed for send in of_sends),
            # Each device of a person shows it: they were told as often as the one that shows it most.
            pushes=max(Counter(device for device, _ in shown).values(), default=0),
            mails=len(of_mails),
            moments=(
                *(send.at for send in of_sends),
                *(push.at for push in of_pushes),
                *(mail.at for mail in of_mails),
            ),
        )
    return found
