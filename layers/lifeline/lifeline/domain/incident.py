"""An incident as a report: facts in, answers out.

The facts are the history's events of one incident, the ledger's rows that carry its id, and the per-minute
counters around it. Everything here is arithmetic on them: :func:`report` for one incident,
:func:`overview` for the list, :func:`summary` for the people who are told when it is over.

All times are epoch seconds and all spans seconds; answers hold instants as ISO 8601 in UTC, spans in fields
that end in ``_seconds``, and positions on the timeline as ``t``, seconds after its ``from``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import Any, Final

from lifeline.contract import format_instant
from lifeline.domain.incident_checklist import checklist
from lifeline.domain.message.status import OPEN, Status
from lifeline.domain.message.steering import MOVED
from lifeline.domain.message.step import OTHER_CONTENT, QUIET, SEND_AFTER
from lifeline.domain.panic import Event, Kind, State

PROBES: Final = frozenset({Kind.PROBE_SUCCEEDED, Kind.PROBE_FAILED})
BEFORE: Final = 900.0
"""Seconds of traffic before the incident that it is compared with."""
BASELINE: Final = 3600.0
"""Seconds before the incident in which a spike is looked for."""
RECENT: Final = 600
"""The last seconds of those: a spike is a rise of these over the rest."""
SPIKE: Final = 1.5
"""From which ratio on a rise is called a spike."""
LOOK_BACK: Final = 3600.0
"""A failure longer than this before panic belongs to something else."""
POINTS: Final = 120
"""At most so many steps on the timeline."""
STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400)

_ON_WHATSAPP: Final = frozenset({Status.SENT, Status.HELD, Status.DELIVERED, Status.READ})
_REPORTED: Final = _ON_WHATSAPP | {Status.FAILED}
_ORDER: Final = {Status.CLAIMED: 0}
_WOKEN: Final = frozenset({Status.CLAIMED, Status.IN_DOUBT, Status.FAILED})
"""A move to one of these was led to by a wake-up, or leads to one."""

USD_PER_MILLION: Final[Mapping[str, float]] = {
    "dynamodb_writes": 0.625,
    "sqs_requests": 0.40,
    "sns_pushes": 0.50,
    "sns_notices": 0.50,
    "ses_emails": 100.0,
    "lambda_requests": 0.20,
}
"""List prices of us-east-1 in US dollars (AWS price pages, 2025): for the order of magnitude."""


@dataclass(frozen=True, slots=True)
class Move:
    """One entry of a message's trail: it came to ``status`` at ``at`` (epoch seconds)."""

    at: float
    status: Status
    note: str = ""


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
        return sorted(self.moves, key=lambda move: (move.at, _ORDER.get(move.status, 1)))


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one incident. ``minutes``: counters by the start of each minute (epoch seconds)."""

    events: Sequence[Event]
    messages: Iterable[Affected]
    minutes: Mapping[int, Mapping[str, int]]
    now: float
    complete: bool = True
    """False: there were more messages than could be read."""


@dataclass(frozen=True, slots=True)
class Course:
    """The course of an incident, from its events."""

    incident_id: str
    scope: str
    events: tuple[Event, ...]
    spans: tuple[tuple[float, float | None, State], ...]
    """From, until (``None``: still), state: panic and recovering in turn."""

    @property
    def opened(self) -> Event:
        """The event that began it."""
        return self.events[0]

    @property
    def state(self) -> str:
        """``panic``, ``recovering`` or ``over``."""
        _, until, state = self.spans[-1]
        return "over" if until is not None else str(state)

    @property
    def began(self) -> float:
        """When panic began."""
        return self.spans[0][0]

    @property
    def left(self) -> float | None:
        """When panic was left for the last time; ``None`` while it lasts."""
        return [until for _, until, state in self.spans if state is State.PANIC][-1]

    @property
    def over(self) -> float | None:
        """When it was normal again."""
        return self.spans[-1][1]

    @property
    def closed(self) -> Event | None:
        """The event by which panic was left for the last time."""
        left = self.left
        ends = [e for e in self.events if e.kind in (Kind.RECOVERING, Kind.ENDED) and e.at == left]
        return ends[0] if ends else None

    @property
    def cause(self) -> str:
        """The last cause that was found."""
        causes = [e.cause for e in self.events if e.kind in _WITH_CAUSE and e.cause]
        return str(causes[-1]) if causes else ""

    def panic_seconds(self, now: float) -> float:
        """Seconds in panic, over all stays."""
        return sum((until or now) - start for start, until, state in self.spans if state is State.PANIC)


_WITH_CAUSE: Final = frozenset({Kind.ENTERED, Kind.REENTERED, Kind.CAUSE_CHANGED})


def course(events: Iterable[Event]) -> Course | None:
    """The course of one incident, or ``None`` where its beginning is not among ``events``.

    What came after its end under the same id (a quality update, a shadow report) is not part of it.
    """
    ordered = sorted(events, key=lambda event: (event.at, event.version))
    while ordered and ordered[0].kind is not Kind.ENTERED:
        ordered.pop(0)
    if not ordered:
        return None
    mine: list[Event] = []
    spans: list[tuple[float, float | None, State]] = []
    for event in ordered:
        if spans and spans[-1][1] is not None:
            break
        mine.append(event)
        if event.kind in (Kind.ENTERED, Kind.REENTERED, Kind.RECOVERING, Kind.ENDED):
            if spans:
                spans[-1] = (spans[-1][0], event.at, spans[-1][2])
            if event.kind is not Kind.ENDED:
                state = State.RECOVERING if event.kind is Kind.RECOVERING else State.PANIC
                spans.append((event.at, None, state))
    first = ordered[0]
    return Course(first.incident_id, first.scope, tuple(mine), tuple(spans))


def overview(events: Iterable[Event], now: float) -> list[dict[str, Any]]:
    """One line per incident, the newest first."""
    by_id: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.incident_id:
            by_id[event.incident_id].append(event)
    found = [known for known in map(course, by_id.values()) if known]
    return [_line(known, now) for known in sorted(found, key=lambda known: known.began, reverse=True)]


def _line(known: Course, now: float) -> dict[str, Any]:
    opened, closed = known.opened, known.closed
    return {
        "incident_id": known.incident_id,
        "scope": known.scope,
        "state": known.state,
        "cause": known.cause,
        "reason": opened.reason,
        "opened_at": format_instant(known.began),
        "opened_by": opened.actor or opened.source,
        "left_panic_at": _instant(known.left),
        "closed_by": (closed.actor or closed.source) if closed else None,
        "over_at": _instant(known.over),
        "duration_seconds": round((known.left or now) - known.began, 3),
        "panic_seconds": round(known.panic_seconds(now), 3),
        "flaps": sum(event.kind is Kind.REENTERED for event in known.events),
        "probes": sum(_is_probe(event) for event in known.events),
    }


def report(facts: Facts) -> dict[str, Any]:
    """Everything that the runbook asks after an incident. Raises ``ValueError`` where there is none."""
    known = course(facts.events)
    if known is None:
        raise ValueError("these events hold no beginning of an incident")
    now = facts.now
    told = _Told(known, now)
    for message in facts.messages:
        told.add(message)
    line = _line(known, now)
    opened, closed = known.opened, known.closed
    first = told.first_failure
    left = known.left
    drained = told.drained_at
    answer: dict[str, Any] = {
        **line,
        "at": format_instant(now),
        "complete": facts.complete,
        "opened": _who(opened),
        "closed": _who(closed) if closed else None,
        "causes": [
            {"at": format_instant(event.at), "cause": str(event.cause), "reason": event.reason}
            for event in known.events
            if event.kind in _WITH_CAUSE
        ],
        "first_failure_at": _instant(first),
        "detection_seconds": None if first is None else round(known.began - first, 3),
        "probes": _probes(known),
        "messages": told.messages(),
        "people": told.people(),
        "delay": told.delay(),
        "fallback": told.fallback(),
        "drain": {
            "parked": told.parked,
            "waiting": told.waiting,
            "done_at": _instant(drained),
            "seconds": None if drained is None or left is None else round(drained - left, 3),
        },
        "failures": _failures(facts.minutes, told.from_, left or now),
        "traffic": _traffic(facts.minutes, told, now),
        "spike": _spike(facts.minutes, told.from_),
        "cost": told.cost(len(_minutes_of(facts.minutes, told.from_, left or now))),
        "timeline": _timeline(known, told, facts.minutes, now),
    }
    answer["post_mortem"] = _post_mortem(answer)
    answer["checklist"] = checklist(answer)
    return answer


# --- What became of the messages --------------------------------------------------------------------------


@dataclass(slots=True)
class _Told:
    """What the messages tell, added up one by one: a large incident is never in memory as a whole."""

    known: Course
    now: float
    total: int = 0
    parked: int = 0
    waiting: int = 0
    expired_parked: int = 0
    possible: int = 0
    duplicates: int = 0
    writes: int = 0
    looks: int = 0
    drained_at: float | None = None
    first_failure: float | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    priorities: Counter[str] = field(default_factory=Counter)
    campaigns: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    persons: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    delays: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    ticks: Counter[tuple[int, str]] = field(default_factory=Counter)

    @property
    def from_(self) -> float:
        """When it began: at the first failure, else with panic."""
        return min(self.known.began, self.first_failure or self.known.began)

    def add(self, message: Affected) -> None:
        """Add one message."""
        trail = message.trail
        outcome = outcome_of(message, trail)
        self.total += 1
        self.outcomes[outcome] += 1
        self.statuses[str(message.status)] += 1
        self.priorities[message.priority] += 1
        if message.campaign:
            self.campaigns[message.campaign] += 1
        self.kinds[(message.category or "-", message.template or "-")] += 1
        self.possible += message.possible
        self.duplicates += message.duplicates
        self.writes += message.writes
        self.looks += sum(move.status in _WOKEN for move in trail[1:])
        self.persons[message.person or f"message {message.id}"].add(outcome)
        for way, code in ways_tried(message.tried):
            self.tried[(way, code)] += 1
        self._failed(message, trail)
        self._doubt(message, trail)
        at = reached_at(message, trail)
        if at is not None:
            way = {"push": "push", "email": "email"}.get(outcome, "whatsapp")
            self.delays[way].append(max(0.0, at - due_at(message, trail)))
            self.ticks[(int(at), way)] += 1
        self._park(trail)

    def _failed(self, message: Affected, trail: Sequence[Move]) -> None:
        seen = [move.at for move in trail if move.status is Status.FAILED]
        if message.failed_at is not None:
            seen.append(message.failed_at)
        fitting = [at for at in seen if self.known.began - LOOK_BACK <= at <= self.known.began]
        if fitting:
            self.first_failure = min(*fitting, self.first_failure or self.known.began)

    def _doubt(self, message: Affected, trail: Sequence[Move]) -> None:
        doubts = [index for index, move in enumerate(trail) if move.status is Status.IN_DOUBT]
        if not doubts:
            return
        after = trail[doubts[0] + 1 :]
        again = any(move.status is Status.CLAIMED for move in after)
        if message.status is Status.IN_DOUBT or not after:
            self.doubts["open"] += 1
        elif again and message.status in _ON_WHATSAPP:
            self.doubts["sent_again"] += 1
        elif after[0].status in _REPORTED:
            self.doubts["by_webhook"] += 1
        elif message.status is Status.EXPIRED:
            self.doubts["expired"] += 1
        else:
            self.doubts["by_fallback"] += 1

    def _park(self, trail: Sequence[Move]) -> None:
        lies = False
        was = False
        for move in trail:
            if move.status is Status.PARKED:
                if not lies:
                    self.ticks[(int(move.at), "parked")] += 1
                lies = was = True
            elif lies:
                self.ticks[(int(move.at), "unparked")] += 1
                lies = False
        if not was:
            return
        self.parked += 1
        last = trail[-1].status
        if last in OPEN:
            self.waiting += 1
            return
        # Delivery reports come later; the drain was done with it when Meta took it or its time was over.
        settled = next(
            (
                after.at
                for before, after in reversed(list(pairwise(trail)))
                if before.status in OPEN and after.status not in OPEN
            ),
            trail[-1].at,
        )
        self.drained_at = max(settled, self.drained_at or settled)

    def messages(self) -> dict[str, Any]:
        """Counts by outcome; the outcomes add up to the total."""
        return {
            "total": self.total,
            **{name: self.outcomes[name] for name in OUTCOMES},
            "in_doubt": {"total": sum(self.doubts.values()), **{name: self.doubts[name] for name in DOUBTS}},
            "possible_duplicates": self.possible,
            "duplicates": self.duplicates,
            "by_status": dict(sorted(self.statuses.items())),
            "by_priority": dict(sorted(self.priorities.items())),
            "by_campaign": dict(self.campaigns.most_common(10)),
        }

    def people(self) -> dict[str, int]:
        """People: not reached at all means by none of their messages, and none is on its way."""
        reached = sum(bool(found & _REACHING) for found in self.persons.values())
        waiting = sum(not found & _REACHING and "waiting" in found for found in self.persons.values())
        total = len(self.persons)
        return {
            "affected": total,
            "reached": reached,
            "waiting": waiting,
            "not_reached": total - reached - waiting,
        }

    def delay(self) -> dict[str, Any]:
        """Seconds from when a message could have gone to when its person was reached."""
        every = [value for values in self.delays.values() for value in values]
        return {
            **_quantiles(every),
            "by_way": {way: _quantiles(values) for way, values in sorted(self.delays.items())},
        }

    def fallback(self) -> dict[str, Any]:
        """What the fallback's services answered."""
        ways = sorted({way for way, _ in self.tried})
        return {
            "tried": {way: sum(n for (w, _), n in self.tried.items() if w == way) for way in ways},
            "failed": sum(n for (_, code), n in self.tried.items() if code),
            "failures": [
                {"way": way, "code": code, "count": count}
                for (way, code), count in sorted(self.tried.items())
                if code
            ],
        }

    def cost(self, minutes: int) -> dict[str, Any]:
        """Requests that the incident cost, as single requests: an upper bound, since SQS takes ten and
        DynamoDB twenty-five in one call. A wake-up is sent, received and deleted; a flag's change is a
        transaction of two items (two write units each).
        """
        probes = sum(_is_probe(event) for event in self.known.events)
        changes = len(self.known.events)
        tells = sum(e.kind in (Kind.ENTERED, Kind.REENTERED, Kind.RECOVERING) for e in self.known.events) + 1
        pushes = sum(n for (way, _), n in self.tried.items() if way == "push")
        emails = sum(n for (way, _), n in self.tried.items() if way == "email")
        requests = {
            # Each write of a row is one of the incidents' index, and at most two of the agenda: a move on it
            # is a delete and a put.
            "dynamodb_writes": 4 * self.writes + 4 * changes + probes + minutes,
            "sqs_requests": 3 * self.looks + 3 * probes,
            "sns_pushes": pushes,
            "ses_emails": emails,
            "sns_notices": tells,
            "lambda_requests": probes + ceil(self.total / 10) + ceil(self.looks / 10),
        }
        usd = sum(count * USD_PER_MILLION[name] / 1e6 for name, count in requests.items())
        return {"requests": requests, "meta_probes": probes, "usd": round(usd, 4)}


OUTCOMES: Final = (
    "push",
    "email",
    "parked_then_sent",
    "sent",
    "waiting",
    "expired",
    "cancelled",
    "rejected",
    "failed",
)
"""Each message has one: reached by push, by email, by WhatsApp after parking, by WhatsApp without it; still
on its way; out of time; taken back; refused for its content; nobody reached.
"""
DOUBTS: Final = ("by_webhook", "sent_again", "by_fallback", "expired", "open")
"""How a doubt was settled: by Meta's webhook, by sending again, by another way, by time; or not yet."""
_REACHING: Final = frozenset({"push", "email", "parked_then_sent", "sent"})


def outcome_of(message: Affected, trail: Sequence[Move]) -> str:
    """One of :data:`OUTCOMES`."""
    match message.status:
        case Status.PUSHED:
            return "push"
        case Status.EMAILED:
            return "email"
        case Status.EXPIRED | Status.CANCELLED | Status.REJECTED | Status.FAILED:
            return str(message.status).lower()
        case status if status in _ON_WHATSAPP:
            return "parked_then_sent" if any(m.status is Status.PARKED for m in trail) else "sent"
        case _:
            return "waiting"


def reached_at(message: Affected, trail: Sequence[Move]) -> float | None:
    """When the person was reached (epoch seconds): pushed, mailed, or taken by Meta; ``None``: not yet."""
    if message.status in (Status.PUSHED, Status.EMAILED):
        return next((move.at for move in trail if move.status is message.status), None)
    if message.status not in _ON_WHATSAPP:
        return None
    at: float | None = None
    for move in trail:
        if move.status not in _ON_WHATSAPP:
            at = None
        elif at is None:
            at = move.at
    return at


def due_at(message: Affected, trail: Sequence[Move]) -> float:
    """When a message could have gone: when it came, at its own time (``send_after``, or as an operator moved
    it), or in the morning. The move that follows such a wait tells when it was over.
    """
    at = message.created_at
    waits = True
    for move in trail:
        if waits:
            at = move.at
        planned = move.note == SEND_AFTER or move.note.startswith(MOVED)
        waits = planned or (waits and move.note in (QUIET, OTHER_CONTENT))
    return at


def ways_tried(text: str) -> list[tuple[str, str]]:
    """``push EndpointDisabled, email`` to way and error code (empty: it worked)."""
    found = []
    for part in text.split(","):
        way, _, code = part.strip().partition(" ")
        if way in ("push", "email"):
            found.append((way, code))
    return found


def quantile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile: the smallest value that at least ``share`` of all do not exceed."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def _quantiles(values: Sequence[float]) -> dict[str, Any]:
    def rounded(share: float) -> float | None:
        found = quantile(values, share)
        return None if found is None else round(found, 3)

    return {
        "count": len(values),
        "median_seconds": rounded(0.5),
        "p95_seconds": rounded(0.95),
        "worst_seconds": rounded(1.0),
    }


# --- Probes, failures, traffic -----------------------------------------------------------------------------


def _is_probe(event: Event) -> bool:
    """A probe's result; the one that ended panic stands in the history as ``recovering``."""
    return event.kind in PROBES or (event.kind is Kind.RECOVERING and event.source == "prober")


def _probe_ok(event: Event) -> bool:
    return event.kind is not Kind.PROBE_FAILED


def _probes(known: Course) -> dict[str, Any]:
    probes = [event for event in known.events if _is_probe(event)]
    failed = [event for event in probes if not _probe_ok(event)]
    last = failed[-1].evidence.get("findings") if failed else None
    return {
        "total": len(probes),
        "succeeded": len(probes) - len(failed),
        "failed": len(failed),
        "last_finding": "; ".join(f"{ask}: {text}" for ask, text in last.items())
        if isinstance(last, Mapping)
        else None,
    }


def _who(event: Event) -> dict[str, Any]:
    return {
        "at": format_instant(event.at),
        "actor": event.actor,
        "source": event.source,
        "reason": event.reason,
        "evidence": dict(event.evidence),
    }


def _minutes_of(
    minutes: Mapping[int, Mapping[str, int]], start: float, end: float
) -> dict[int, Mapping[str, int]]:
    """The minutes that overlap the stretch from ``start`` to ``end``."""
    return {minute: counts for minute, counts in minutes.items() if minute + 60 > start and minute < end}


def _failures(minutes: Mapping[int, Mapping[str, int]], start: float, end: float) -> list[dict[str, Any]]:
    found: Counter[tuple[str, str]] = Counter()
    for counts in _minutes_of(minutes, start, end).values():
        for name, count in counts.items():
            parts = name.split("|")
            if parts[0] == "e" and len(parts) == 3:
                found[(parts[1], parts[2])] += count
    return [
        {"cause": cause, "code": None if code == "-" else code, "count": count}
        for (cause, code), count in found.most_common()
    ]


def _kinds(counts: Mapping[str, int], only: frozenset[str] | None = None) -> Counter[tuple[str, str]]:
    """Outcomes of one minute by category and template."""
    found: Counter[tuple[str, str]] = Counter()
    for name, count in counts.items():
        parts = name.split("|")
        if parts[0] == "o" and len(parts) == 5 and (only is None or parts[1] in only):
            found[(parts[3], parts[4])] += count
    return found


def _traffic(minutes: Mapping[int, Mapping[str, int]], told: _Told, now: float) -> dict[str, Any]:
    """Messages a minute before, by the counters, and during, by the messages that the incident touched."""
    start = told.from_
    first = int(start // 60) * 60
    before: Counter[tuple[str, str]] = Counter()
    covered = 0.0
    known = sorted(minute for minute in minutes if first - BEFORE <= minute < first)
    for minute in known:
        before.update(_kinds(minutes[minute]))
    if known:
        covered = first - known[0]
    left = told.known.left or now
    if start - first >= 5 and left >= first + 60:
        # What was sent in the minute of the first failure was sent before it.
        before.update(_kinds(minutes.get(first, {}), _SENT))
        covered += start - first
    during = told.known.panic_seconds(now)
    rows: list[dict[str, Any]] = [
        {
            "category": category,
            "template": template,
            "before": before[(category, template)],
            "before_per_minute": round(before[(category, template)] * 60 / covered, 2) if covered else None,
            "during": told.kinds[(category, template)],
            "during_per_minute": round(told.kinds[(category, template)] * 60 / max(1.0, during), 2),
        }
        for category, template in sorted({*before, *told.kinds})
    ]
    rows.sort(key=lambda row: (-row["during"], -row["before"]))
    return {
        "before_seconds": round(covered, 3),
        "before": sum(before.values()),
        "during_seconds": round(during, 3),
        "during": told.total,
        "rows": rows,
    }


_SENT: Final = frozenset(map(str, _ON_WHATSAPP))


def _spike(minutes: Mapping[int, Mapping[str, int]], start: float) -> dict[str, Any] | None:
    """How much traffic rose in the last ten minutes over the hour before, and what rose most."""
    end = int(start // 60) * 60
    old = {minute for minute in minutes if end - BASELINE <= minute < end - RECENT}
    new = {minute for minute in minutes if end - RECENT <= minute < end}
    if not old or not new or end - RECENT - min(old) < RECENT:
        return None

    def per_minute(chosen: set[int], seconds: float) -> dict[tuple[str, str], float]:
        total: Counter[tuple[str, str]] = Counter()
        for minute in chosen:
            total.update(_kinds(minutes[minute]))
        return {kind: count * 60 / seconds for kind, count in total.items()}

    baseline = per_minute(old, end - RECENT - min(old))
    recent = per_minute(new, RECENT)
    rises = {kind: recent.get(kind, 0.0) - baseline.get(kind, 0.0) for kind in {*baseline, *recent}}
    most = max(rises, key=lambda kind: rises[kind], default=None)
    before, after = sum(baseline.values()), sum(recent.values())
    ratio = after / before if before else None
    return {
        "baseline_per_minute": round(before, 2),
        "recent_per_minute": round(after, 2),
        "ratio": None if ratio is None else round(ratio, 2),
        "is_spike": ratio is not None and ratio >= SPIKE,
        "category": most[0] if most else None,
        "template": most[1] if most else None,
        "rise_per_minute": round(rises[most], 2) if most else None,
    }


# --- The picture --------------------------------------------------------------------------------------------


def _timeline(
    known: Course, told: _Told, minutes: Mapping[int, Mapping[str, int]], now: float
) -> dict[str, Any]:
    busy = [at for at, _ in told.ticks]
    ends = [known.left or now, told.drained_at or 0.0, max(busy, default=0.0) + 1]
    last = max(end for end in ends if end <= now + 1)
    length = last - told.from_
    pad = max(15.0, 0.08 * length)
    start, end = told.from_ - pad, min(max(now, last), last + pad)
    step = next((step for step in STEPS if (end - start) / step <= POINTS), STEPS[-1])
    steps: dict[int, Counter[str]] = defaultdict(Counter)
    for (at, what), count in told.ticks.items():
        steps[max(0, int((at - start) // step))][what] += count
    backlog = 0
    series = []
    for index in range(ceil((end - start) / step)):
        counts = steps.get(index, Counter())
        backlog += counts["parked"] - counts["unparked"]
        series.append(
            {
                "t": index * step,
                "push": counts["push"],
                "email": counts["email"],
                "whatsapp": counts["whatsapp"],
                "backlog": backlog,
            }
        )
    return {
        "from": format_instant(start),
        "seconds": round(end - start, 3),
        "step_seconds": step,
        "first_failure_t": None if told.first_failure is None else round(told.first_failure - start, 3),
        "states": [
            {
                "t": round(begin - start, 3),
                "until_t": round(min(until or end, end) - start, 3),
                "state": str(state),
            }
            for begin, until, state in known.spans
            if begin < end
        ],
        "probes": [
            {"t": round(event.at - start, 3), "ok": _probe_ok(event)}
            for event in known.events
            if _is_probe(event) and event.at <= end
        ],
        "events": [
            {
                "at": format_instant(event.at),
                "t": round(event.at - start, 3),
                "kind": str(event.kind),
                "actor": event.actor,
                "cause": str(event.cause),
                "reason": event.reason,
            }
            for event in known.events
            if event.kind not in PROBES
        ],
        "sends_per_minute": [
            {"t": round(minute - start, 3), "count": counts.get("acc", 0)}
            for minute, counts in sorted(_minutes_of(minutes, start, end).items())
        ],
        "series": series,
    }


# --- For people ------------------------------------------------------------------------------------------


def _post_mortem(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The runbook: no post-mortem needed unless a fallback failed."""
    reasons = []
    failed = answer["fallback"]["failed"]
    if failed:
        detail = ", ".join(f"{f['count']} {f['way']} {f['code']}" for f in answer["fallback"]["failures"])
        reasons.append(f"{_many(failed, 'fallback')} failed ({detail})")
    missed = answer["people"]["not_reached"]
    if missed:
        reasons.append(f"{_many(missed, 'person', 'people')} not reached at all")
    return {"needed": bool(reasons), "reasons": reasons}


def summary(answer: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and text of the notice that tells people of an incident that is over."""
    messages, people, drain = answer["messages"], answer["people"], answer["drain"]
    delay = answer["delay"]
    lines = [
        f"{answer['scope']} was in panic mode for {span(answer['duration_seconds'])} "
        f"({answer['cause']}): {answer['reason']}.",
        f"Opened by {answer['opened_by']} at {answer['opened_at']}, left by "
        f"{answer['closed_by'] or 'nobody yet'} at {answer['left_panic_at'] or '-'}; "
        f"{_many(answer['flaps'], 'flap')}, {_many(answer['probes']['total'], 'probe')}.",
        f"{_many(messages['total'], 'message')}: {messages['push']} by push, {messages['email']} by email, "
        f"{messages['parked_then_sent']} parked and then sent, {messages['sent']} sent late, "
        f"{messages['expired']} expired, {messages['rejected']} rejected, {messages['failed']} failed, "
        f"{messages['waiting']} still waiting.",
        f"{_many(people['affected'], 'person', 'people')}, {people['not_reached']} not reached at all.",
    ]
    if delay["count"]:
        lines.append(
            f"Added delay: median {span(delay['median_seconds'])}, 95th percentile "
            f"{span(delay['p95_seconds'])}, worst {span(delay['worst_seconds'])}."
        )
    if drain["seconds"] is not None:
        lines.append(f"The backlog of {drain['parked']} was gone {span(drain['seconds'])} after recovery.")
    if answer["post_mortem"]["needed"]:
        lines.append(f"A post-mortem is needed: {'; '.join(answer['post_mortem']['reasons'])}.")
    else:
        lines.append("No post-mortem is needed: no fallback failed.")
    lines.append(f"More: lifeline incident report {answer['incident_id']}")
    ending = "a post-mortem is needed" if answer["post_mortem"]["needed"] else "over"
    return f"Lifeline: incident {answer['incident_id']} ({answer['cause']}): {ending}", "\n".join(lines)


def span(seconds: float | None) -> str:
    """``75`` to ``1 min 15 s``; ``-`` for none."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, small, name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size} {unit}" + (f" {rest} {name}" if rest else "")
    return f"{whole} s"


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"


def _instant(epoch: float | None) -> str | None:
    return None if epoch is None else format_instant(epoch)
