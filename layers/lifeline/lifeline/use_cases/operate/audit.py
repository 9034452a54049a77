"""Operator action ``audit.run``: is every message accounted for?

Each accepted message is in SQS unacknowledged, on the agenda, or in a terminal status. What can be asked of
the agenda and the queues is asked always; whether an open row is off the agenda, only the ledger knows, and
reading it whole (``deep``) takes as long as it is large.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lifeline.adapters.agenda import Agenda
from lifeline.adapters.control import Control
from lifeline.adapters.ledger import Ledger
from lifeline.adapters.queues import Queues
from lifeline.contract.instants import format_instant
from lifeline.contract.names import DEAD_LETTER_QUEUES, REFUSED
from lifeline.domain.message.row import Lane, Row, known
from lifeline.domain.pace.pace import LEAD, MARK, SPAN
from lifeline.domain.pace.records import DrainState
from lifeline.settings import Settings
from lifeline.use_cases.operate.operate import Handler, Request, time_left
from lifeline.use_cases.operate.queue import OperateQueue
from lifeline.use_cases.operate.queue_lanes import LaneReader, LaneState
from lifeline.use_cases.shared.wake import Wake

AGES: Final = (0.0, 120.0, 600.0, 3600.0)
"""Overdue timers and doubts are counted by age: from each of these seconds up to the next."""
OVERDUE: Final = 120.0
"""Seconds: a lease and a tick are shorter, so what is overdue longer was not looked at."""
DOUBT_OLD: Final = 600.0
"""Seconds after which a doubt should have been settled, by a report or by acting again."""
TICK_LATE: Final = 150.0
"""Seconds since the last tick: two may be late, not three."""
UNACKNOWLEDGED: Final = 120.0
"""Seconds, the visibility timeout of the entry queues: until then SQS accounts for a row off the agenda."""
LOOKED: Final = 5_000
"""Entries of a lane that are read at most in search of doubts."""
NAMED: Final = 20
"""Ids that a deep audit names."""


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One thing to look at, and the command for it. The first one found is the most urgent."""

    what: str
    count: int
    command: str


class OperateAudit:
    """The audit. It changes nothing; ``wake`` lets a worker look at rows, which is all that repair is."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        ledger: Ledger,
        agenda: Agenda,
        lanes: LaneReader,
        names: OperateQueue,
        queues: Queues,
        wake: Wake,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._control = control
        self._ledger = ledger
        self._agenda = agenda
        self._lanes = lanes
        self._names = names
        self._queues = queues
        self._wake = wake
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {"audit.run": self.run}

    def run(self, request: Request) -> dict[str, Any]:
        """Account for all messages. Raises :class:`UnavailableError`."""
        now = self._clock()
        lanes = self._lanes.all(now)
        timers = self._timers(lanes, now)
        doubts = self._doubts(lanes, now)
        dead = {name: self._queues.depth(self._names.url(name)).total for name in DEAD_LETTER_QUEUES}
        tick = self._tick(now)
        deep = self._deep(request, now) if request.get("deep") else None
        refused = next(lane.total for lane in lanes if lane.name == REFUSED)
        findings = [
            *self._tick_finding(tick),
            *_timer_findings(timers),
            *_deep_findings(deep),
            *_doubt_findings(doubts),
            *_person_findings(refused, dead),
        ]
        return {
            "at": format_instant(now),
            "verdict": "look" if findings else "accounted",
            "command": findings[0].command if findings else None,
            "findings": [
                {"what": item.what, "count": item.count, "command": item.command} for item in findings
            ],
            "timers": timers,
            "doubts": doubts,
            "lanes": [
                {"name": lane.name, "count": lane.total, "oldest_age_seconds": lane.age(now)}
                for lane in lanes
            ],
            "refused": refused,
            "dead_letters": dead,
            "tick": tick,
            "deep": deep,
        }

    def _tick(self, now: float) -> dict[str, Any]:
        """When the tick last ran: it keeps its ramp's state, or claims a stretch that ends so much later."""
        ran = [self._control.kept(DrainState).at, (self._control.mark(MARK) or 0.0) - SPAN - LEAD]
        last = max(ran)
        return {
            "last_at": format_instant(last) if last > 0 else None,
            "age_seconds": round(max(0.0, now - last), 1) if last > 0 else None,
        }

    def _timers(self, lanes: Sequence[LaneState], now: float) -> dict[str, Any]:
        timer = next(lane for lane in lanes if lane.name == Lane.TIMER)
        older = [self._agenda.count(Lane.TIMER, now - age) if timer.due else 0 for age in AGES]
        oldest = None
        if older[1]:
            first = next(iter(self._agenda.due(Lane.TIMER, now - OVERDUE, limit=1)), None)
            if first is not None and first.due is not None:
                oldest = {"id": first.id, "seconds": round(now - first.due, 1)}
        return {
            "waiting": timer.total,
            "overdue": older[1],
            "ages": [
                {"over_seconds": age, "count": max(0, count - following)}
                for age, count, following in zip(AGES, older, [*older[1:], 0], strict=True)
            ],
            "oldest": oldest,
        }

    def _doubts(self, lanes: Sequence[LaneState], now: float) -> dict[str, Any]:
        """Open messages whose last act nobody knows the outcome of, by the age of the oldest doubt.

        A doubt's next look is due within the grace time, so only near timers are read, and parked rows.
        """
        grace = self._settings.sending.grace
        ages: list[float] = []
        oldest: tuple[float, str] | None = None
        complete = True
        for lane in lanes:
            if not lane.total or lane.name == REFUSED:
                continue
            until = now + 2 * grace if lane.name == Lane.TIMER else now
            seen = 0
            for row in self._agenda.due(lane.name, until, limit=LOOKED):
                seen += 1
                if row.doubts:
                    age = now - min(doubt.at for doubt in row.doubts)
                    ages.append(age)
                    oldest = max(oldest or (age, row.id), (age, row.id))
            complete = complete and seen < LOOKED
        return {
            "open": len(ages),
            "ages": [
                {"over_seconds": low, "count": sum(low <= max(0.0, age) < high for age in ages)}
                for low, high in zip(AGES, [*AGES[1:], float("inf")], strict=True)
            ],
            "oldest": oldest and {"id": oldest[1], "seconds": round(oldest[0], 1)},
            "complete": complete,
        }

    def _deep(self, request: Request, now: float) -> dict[str, Any]:
        first = int(request.get("segment", 0))
        rows, following = self._ledger.open_off_agenda(
            now - UNACKNOWLEDGED, first, lambda: time_left(request)
        )
        # The scan is no moment's truth: what it found is read once more before anybody is alarmed.
        forgotten = [
            row for row in self._ledger.read(row.id for row in rows).values() if _forgotten(row, now)
        ]
        woken = self._wake([(row.id, 0.0) for row in forgotten]) if request.get("wake") else 0
        return {
            "found": len(forgotten),
            "ids": sorted(row.id for row in forgotten)[:NAMED],
            "woken": woken,
            "next": following,
        }

    def _tick_finding(self, tick: Mapping[str, Any]) -> list[AuditFinding]:
        age = tick["age_seconds"]
        if age is not None and age <= TICK_LATE:
            return []
        what = "the tick has never run" if age is None else f"the tick last ran {age:.0f} s ago"
        log = f"aws logs tail /aws/lambda/{self._settings.drainer_function} --since 10m"
        return [AuditFinding(f"{what}: timers are not processed and the backlog does not drain", 1, log)]


def _forgotten(row: Row, now: float) -> bool:
    return known(row) and not row.accounted and row.updated_at < now - UNACKNOWLEDGED


def _timer_findings(timers: Mapping[str, Any]) -> list[AuditFinding]:
    if not timers["overdue"]:
        return []
    oldest = timers["oldest"]
    command = f"lifeline message {oldest['id']}" if oldest else "lifeline queue status"
    return [AuditFinding("overdue by more than two minutes and not processed", timers["overdue"], command)]


def _deep_findings(deep: Mapping[str, Any] | None) -> list[AuditFinding]:
    if deep is None or not deep["found"]:
        return []
    return [
        AuditFinding(
            "open, not on the agenda, and not in SQS for the visibility timeout",
            deep["found"],
            "lifeline audit --deep --wake",
        )
    ]


def _doubt_findings(doubts: Mapping[str, Any]) -> list[AuditFinding]:
    old = sum(item["count"] for item in doubts["ages"] if item["over_seconds"] >= DOUBT_OLD)
    if not old:
        return []
    return [
        AuditFinding(
            "in doubt for more than ten minutes: no report settled them",
            old,
            f"lifeline message {doubts['oldest']['id']}",
        )
    ]


def _person_findings(refused: int, dead: Mapping[str, int]) -> list[AuditFinding]:
    counts = [(REFUSED, refused), *dead.items()]
    return [
        AuditFinding(
            "refused: needs an operator" if name == REFUSED else f"on {name}: needs an operator",
            count,
            f"lifeline queue redrive --queue {name} --dry-run",
        )
        for name, count in counts
        if count
    ]
