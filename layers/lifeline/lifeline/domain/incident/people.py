"""What an incident did to messages and people, added up one message at a time."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import Any, Final

from lifeline.contract.scopes import TEMPLATE_PREFIX, WHATSAPP
from lifeline.contract.ways import WAYS, WAYS_BY_NAME
from lifeline.domain.account.counters import failures
from lifeline.domain.incident.course import Course, is_probe
from lifeline.domain.incident.facts import Affected, Move
from lifeline.domain.incident.outcomes import (
    ON_WHATSAPP,
    OUTCOMES,
    due_at,
    outcome_of,
    reached_at,
    ways_tried,
)
from lifeline.domain.message.status import OPEN, Status
from lifeline.domain.panic.flag import Kind

LOOK_BACK: Final = 3600.0
"""A failure longer than this before panic belongs to something else."""
_REPORTED: Final = ON_WHATSAPP | {Status.FAILED}
_WOKEN: Final = frozenset({Status.CLAIMED, Status.IN_DOUBT, Status.FAILED})
"""A move to one of these was led to by a wake-up, or leads to one."""

USD_PER_MILLION: Final[Mapping[str, float]] = {
    "dynamodb_writes": 0.625,
    "sqs_requests": 0.40,
    "sns_notices": 0.50,
    **{way.request: way.usd_per_million for way in WAYS},
    "lambda_requests": 0.20,
}
"""List prices of us-east-1 in US dollars (AWS price pages, 2025): for the order of magnitude."""


@dataclass(slots=True)
class Impact:
    """What the messages tell, added up one by one: a large incident is never in memory as a whole."""

    known: Course
    now: float
    minutes: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    """Counters by the start of their minute (epoch seconds): they tell which causes failed when."""
    total: int = 0
    parked: int = 0
    waiting: int = 0

    possible: int = 0
    duplicates: int = 0
    both: int = 0
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
    persons: dict[int, int] = field(default_factory=dict)
    """Outcomes of each person's messages, a bit each. By a hash: a million digests as texts would take a
    quarter of the memory that a report has, and that two of a million meet in 64 bits is not to be expected.
    """
    delays: dict[str, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    ticks: Counter[tuple[int, str]] = field(default_factory=Counter)

    @property
    def from_(self) -> float:
        """When it began: at the first failure of its scope and cause, else with panic."""
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
        self.both += message.both
        self.writes += message.writes
        self.looks += sum(move.status in _WOKEN for move in trail[1:])
        person = hash(message.person or f"message {message.id}")
        self.persons[person] = self.persons.get(person, 0) | _BITS[outcome]
        for way, code in ways_tried(message.tried):
            self.tried[(way, code)] += 1
        self._failed(message, trail)
        self._doubt(message, trail)
        at = reached_at(message, trail)
        if at is not None:
            way = outcome if outcome in WAYS_BY_NAME else WHATSAPP
            self.delays[way].append(max(0.0, at - due_at(message, trail)))
            self.ticks[(int(at), way)] += 1
        self._park(trail)

    def _failed(self, message: Affected, trail: Sequence[Move]) -> None:
        seen = [move.at for move in trail if move.status is Status.FAILED]
        if message.failed_at is not None:
            seen.append(message.failed_at)
        began = self.known.began
        fitting = [at for at in seen if began - LOOK_BACK <= at <= began and self._is_its_own(message, at)]
        if fitting:
            self.first_failure = min(*fitting, self.first_failure or began)

    def _is_its_own(self, message: Affected, at: float) -> bool:
        """Whether a failure at ``at`` was of the incident's scope and cause.

        A failure is counted by its cause when its batch ends: in its minute, or in the next one.
        """
        scope = self.known.scope
        if scope.startswith(TEMPLATE_PREFIX) and message.template != scope.removeprefix(TEMPLATE_PREFIX):
            return False
        minute = int(at // 60) * 60
        return any(
            cause in self.known.failures
            for start in (minute, minute + 60)
            for cause, _, _ in failures(self.minutes.get(start, {}))
        )

    def _doubt(self, message: Affected, trail: Sequence[Move]) -> None:
        doubts = [index for index, move in enumerate(trail) if move.status is Status.IN_DOUBT]
        if not doubts:
            return
        after = trail[doubts[0] + 1 :]
        again = any(move.status is Status.CLAIMED for move in after)
        if message.status is Status.IN_DOUBT or not after:
            self.doubts["open"] += 1
        elif again and message.status in ON_WHATSAPP:
            self.doubts["sent_again"] += 1
        elif after[0].status in _REPORTED:
            self.doubts["by_webhook"] += 1
        elif message.status in (Status.EXPIRED, Status.SUPPRESSED):
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
            "told_by_both": self.both,
            "by_status": dict(sorted(self.statuses.items())),
            "by_priority": dict(sorted(self.priorities.items())),
            "by_campaign": dict(self.campaigns.most_common(10)),
        }

    def people(self) -> dict[str, int]:
        """People: not reached at all means by none of their messages, and none is on its way."""
        reached = sum(bool(fates & _REACHING) for fates in self.persons.values())
        waiting = sum(
            bool(not fates & _REACHING and fates & _BITS["waiting"]) for fates in self.persons.values()
        )
        total = len(self.persons)
        return {
            "affected": total,
            "reached": reached,
            "waiting": waiting,
            "not_reached": total - reached - waiting,
        }

    def delay(self) -> dict[str, Any]:
        """Seconds from when a message could have gone to when its person was reached."""
        every = array("d")
        for values in self.delays.values():
            every += values
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
        probes = sum(is_probe(event) for event in self.known.events)
        changes = len(self.known.events)
        tells = sum(e.kind in (Kind.ENTERED, Kind.REENTERED, Kind.RECOVERING) for e in self.known.events) + 1
        tried = Counter[str]()
        for (way, _), count in self.tried.items():
            tried[way] += count
        requests = {
            # Each write of a row is one of the incidents' index, and at most two of the agenda: a move on it
            # is a delete and a put.
            "dynamodb_writes": 4 * self.writes + 4 * changes + probes + minutes,
            "sqs_requests": 3 * self.looks + 3 * probes,
            **{way.request: tried[way.name] for way in WAYS},
            "sns_notices": tells,
            "lambda_requests": probes + ceil(self.total / 10) + ceil(self.looks / 10),
        }
        usd = sum(count * USD_PER_MILLION[name] / 1e6 for name, count in requests.items())
        return {"requests": requests, "meta_probes": probes, "usd": round(usd, 4)}


DOUBTS: Final = ("by_webhook", "sent_again", "by_fallback", "expired", "open")
"""How a doubt was settled: by Meta's webhook, by sending again, by another way, by time; or not yet."""
_BITS: Final = {outcome: 1 << number for number, outcome in enumerate(OUTCOMES)}
_REACHING: Final = sum(_BITS[outcome] for outcome in (*WAYS_BY_NAME, "parked_then_sent", "sent"))


def quantile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile: the smallest value that at least ``share`` of all do not exceed."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def _quantiles(values: Sequence[float]) -> dict[str, Any]:
    def rounded(share: float) -> float | None:
        seconds = quantile(values, share)
        return None if seconds is None else round(seconds, 3)

    return {
        "count": len(values),
        "median_seconds": rounded(0.5),
        "p95_seconds": rounded(0.95),
        "worst_seconds": rounded(1.0),
    }
