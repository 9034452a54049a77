"""The adapters in memory, with the same promises and the same troubles.

For tests of use cases and for simulation. One suite (``tests/integration/test_conformance.py``) holds them
and the real adapters to the same behaviour; what AWS may do and a local AWS never does (repeat, reorder, lag,
lose an answer, carry out a write late) is switched on by :class:`Faults`.
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Protocol, cast

from lifeline.adapters.agenda import PROJECTED
from lifeline.adapters.ledger import (
    SCAN_MARGIN,
    SCAN_SEGMENTS,
    SEGMENTS,
    SILENT_TRIES,
    STATEMENTS_PER_CALL,
    TRIES,
    each_id_once,
)
from lifeline.adapters.queues import ENTRIES_PER_CALL, Depth, Incoming, Outgoing
from lifeline.adapters.row_items import CHANGEABLE, written
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.incident.facts import Affected, Move
from lifeline.domain.message.content import UNDELIVERED
from lifeline.domain.message.row import Change, Fate, Row, Written
from lifeline.domain.message.status import OPEN, Status, can_move
from lifeline.domain.message.telling import marked
from lifeline.domain.pace.pace import MAX_DELAY, SetRate
from lifeline.domain.panic.detection import Bucket, Window
from lifeline.domain.panic.flag import Event, Flag, PanicChange
from lifeline.domain.records import Kept, KeptRecord, R
from lifeline.domain.shards import of_lane, shard_of
from lifeline.errors import ConflictError, UnavailableError
from lifeline.telemetry import METRICS

MAX_BYTES: Final = 1024 * 1024
"""Longest body of one message (SQS quotas)."""


class Clock:
    """A clock that moves when told."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> float:
        self.now += seconds
        return self.now


class Fault(StrEnum):
    """What may go wrong at one point. A point lists those that it knows; it takes others for none."""

    FAIL = "fail"
    """The service refuses: nothing was done, and the caller hears so."""
    LOSE = "lose"
    """Before an effect: the request is lost. After it: the answer is. The caller cannot tell which."""
    LATE = "late"
    """No answer, and the write lands later: after another call of this caller, or of somebody else."""
    DIE = "die"
    """The worker's process ends here."""
    LAG = "lag"
    """The index does not show this write yet."""
    SWAP = "swap"
    """Another one is taken first: order is not kept."""
    REPEAT = "repeat"
    """Done twice: a message is delivered again though it was deleted, or comes in two copies."""


class Died(BaseException):
    """The worker's process ended. No ``except Exception`` holds it, as none holds a kill."""


class Faults(Protocol):
    """Decides what goes wrong. Asked at every point of every call, in the order of events."""

    def at(self, point: str) -> Fault | None:
        """The fault at ``point``, or none."""


class NoFaults:
    """Nothing goes wrong."""

    def at(self, point: str) -> Fault | None:
        return None


class Script:
    """Faults by point, each in turn: the first call of ``point`` meets the first one (``None``: no fault)."""

    def __init__(self) -> None:
        self._left: dict[str, list[Fault | None]] = {}

    def at(self, point: str) -> Fault | None:
        left = self._left.get(point)
        return left.pop(0) if left else None

    def add(self, point: str, *faults: Fault | None) -> None:
        """So many faults more at ``point``."""
        self._left.setdefault(point, []).extend(faults)

    def clear(self) -> None:
        """No fault any more."""
        self._left.clear()


class _NoAnswerError(Exception):
    """A call of DynamoDB got none."""


def _milliseconds(row: Row) -> Row:
    """As the table keeps it: instants to the millisecond, no time without a lane."""
    values: dict[str, Any] = {
        name: round(value, 3)
        for name in (
            "attempted_at",
            "slot",
            "created_at",
            "updated_at",
            "send_after",
            "expires_at",
            "failed_at",
        )
        if (value := getattr(row, name)) is not None
    }
    values["due"] = None if row.lane is None else round(cast(float, row.due), 3)
    values["doubts"] = tuple(replace(doubt, at=round(doubt.at, 3)) for doubt in row.doubts)
    return replace(row, **values)


class MemoryLedger:
    """The table in memory: conditional writes in calls of 25, retries, own marks, as the adapter has them.

    ``rows``: the table; ``ended``: when the time to live of a row began to run. ``broken``: DynamoDB gives no
    answer. ``before_write``: another writer comes first,
    once each. ``moves``: every status change.

    Points: ``ledger.write.before`` (FAIL, LOSE, LATE, DIE) and ``ledger.write.after`` (LOSE, DIE) of each
    call, ``ledger.write.statement`` of each statement in it (FAIL: throttled, LOSE: throttled although
    carried out), ``ledger.straggler`` of each late write before each call (LATE: not yet), ``ledger.read``
    (FAIL, DIE) and ``agenda.propagate`` of each write that the index has to take over (LAG: not yet).
    """

    def __init__(
        self,
        faults: Faults | None = None,
        new_op: Callable[[], str] | None = None,
        outcomes: bool = False,
    ) -> None:
        """``outcomes``: as the adapter's."""
        self.outcomes = outcomes
        self.rows: dict[str, Row] = {}
        self.broken = False
        self.before_write: list[Callable[[], object]] = []
        self.moves: list[tuple[str, Status, Status]] = []
        self.ended: dict[str, float] = {}
        self.faults: Faults = faults or NoFaults()
        numbers = itertools.count(1)
        self._new_op = new_op or (lambda: f"op{next(numbers)}")
        self._lock = threading.RLock()
        self._stragglers: list[tuple[Change, str, float]] = []
        self._index: dict[str, Row] = {}
        self._unseen: list[Row] = []

    def put(self, row: Row) -> Row:
        """Lay a row into the table as it is, as a row that was written before."""
        row = _milliseconds(row if row.rev else replace(row, rev=1))
        self.rows[row.id] = row
        self._unseen.append(row)
        return row

    def write(self, changes: Sequence[Change], now: float) -> list[Written]:
        with self._lock:
            while self.before_write:
                self.before_write.pop(0)()
            if self.outcomes:
                changes = [marked(change, now) for change in changes]
            results = [Written(Fate.UNKNOWN)] * len(changes)
            ops = [self._new_op() for _ in changes]
            for part in each_id_once(changes):
                for start in range(0, len(part), STATEMENTS_PER_CALL):
                    self._carry_out(part[start : start + STATEMENTS_PER_CALL], changes, ops, now, results)
            return results

    def _carry_out(
        self,
        left: list[int],
        changes: Sequence[Change],
        ops: Sequence[str],
        now: float,
        results: list[Written],
    ) -> None:
        silent = 0
        for _ in range(TRIES):
            try:
                left = self._call(left, changes, ops, now, results)
            except _NoAnswerError:
                silent += 1
                if silent == SILENT_TRIES:
                    return
            if not left:
                return

    def _call(
        self,
        places: Sequence[int],
        changes: Sequence[Change],
        ops: Sequence[str],
        now: float,
        results: list[Written],
    ) -> list[int]:
        """One call: the places that were throttled. Raises :class:`_NoAnswerError`."""
        self._land_stragglers()
        if self.broken:
            raise _NoAnswerError
        match self._fault("ledger.write.before"):
            case Fault.FAIL | Fault.LOSE:
                raise _NoAnswerError
            case Fault.LATE:
                self._stragglers += [(changes[place], ops[place], now) for place in places]
                raise _NoAnswerError
        throttled = []
        answers: dict[int, Written] = {}
        for place in places:
            fault = self._fault("ledger.write.statement")
            if fault in (Fault.FAIL, Fault.LOSE):
                throttled.append(place)
            if fault is not Fault.FAIL:
                answers[place] = self._one(changes[place], ops[place], now)
        if self._fault("ledger.write.after") is Fault.LOSE:
            raise _NoAnswerError
        for place, answer in answers.items():
            if place not in throttled:
                results[place] = answer
        return throttled

    def _one(self, change: Change, op: str, now: float) -> Written:
        """One statement, as DynamoDB carries it out."""
        before, after = change.before, change.after
        current = self.rows.get(after.id)
        if (current.rev if current else 0) != before.rev or (current is None) != (before.rev == 0):
            if current is None:
                return Written(Fate.LOST)
            return Written(Fate.DONE if op in current.ops else Fate.LOST, current)
        was = current.status if current else before.status
        if after.status is not was:
            if not can_move(was, after.status):
                raise AssertionError(f"{after.id}: {was} to {after.status} is no documented transition")
            self.moves.append((after.id, was, after.status))
        done = written(change, op, now)
        if current is not None:
            # Only what differs is written: of a row from the index, the rest is not known.
            values = {
                name: new
                for name in (*CHANGEABLE, "lane", "due")
                if (new := getattr(after, name)) != getattr(before, name)
            }
            marks = (set(current.outcomes) - set(before.outcomes)) | set(after.outcomes)
            values["outcomes"] = tuple(sorted(marks, key=lambda mark: mark.rev))
            trail = {**current.trail, **{at: why for at, why in done.trail.items() if at not in before.trail}}
            stored = replace(current, **values, rev=done.rev, ops=done.ops, updated_at=now, trail=trail)
        else:
            stored = done
        stored = _milliseconds(stored)
        self.rows[stored.id] = stored
        if stored.lane is not None or stored.status in OPEN:
            self.ended.pop(stored.id, None)
        else:
            self.ended.setdefault(stored.id, now)
        self._unseen.append(stored)
        return Written(Fate.DONE, done)

    def _land_stragglers(self) -> None:
        waiting, self._stragglers = self._stragglers, []
        for late in waiting:
            if self.faults.at("ledger.straggler") is Fault.LATE:
                self._stragglers.append(late)
            else:
                self._one(*late)

    def read(self, ids: Iterable[str]) -> dict[str, Row]:
        with self._lock:
            self._land_stragglers()
            self._check("reading the ledger")
            return {name: self.rows[name] for name in set(ids) if name in self.rows}

    def affected(self, incident_id: str) -> Iterator[Affected]:
        self._check("reading an incident's rows")
        for row in list(self.rows.values()):
            if row.incident_id == incident_id:
                yield _affected(row)

    def ids_of(self, person: str, after: str | None) -> tuple[list[str], str | None]:
        self._check("reading the rows of a person")
        found = sorted(
            row.id for row in self.rows.values() if row.person == person and row.id > (after or "")
        )
        return found[:2], found[1] if len(found) > 2 else None

    def with_content(
        self, part: int, after: str | None, before: Mapping[bool, float] | None = None
    ) -> tuple[list[Row], str | None]:
        self._check("reading contents of the ledger")
        held = sorted(
            row.id
            for row in self.rows.values()
            if zlib.crc32(row.id.encode()) % SCAN_SEGMENTS == part and row.id > (after or "")
        )
        rows = [self.rows[name] for name in held[:2]]
        found = [
            row
            for row in rows
            if row.body
            and (before is None or (ended := self.ended.get(row.id)) is not None)
            and (before is None or cast(float, ended) < before[row.status in UNDELIVERED])
        ]
        return found, held[1] if len(held) > 2 else None

    def sample(
        self, since: float, want: int, segments: Sequence[int], priority: str | None = None
    ) -> list[Row]:
        self._check("sampling the ledger")
        found = [
            row
            for segment in segments
            for row in self.rows.values()
            if zlib.crc32(row.id.encode()) % SEGMENTS == segment
            and row.created_at >= since
            and (priority is None or row.priority == priority)
        ]
        return found[:want]

    def open_off_agenda(
        self, before: float, first: int, remaining: Callable[[], float]
    ) -> tuple[list[Row], int | None]:
        self._check("reading the whole ledger")
        found: list[Row] = []
        for segment in range(first, SCAN_SEGMENTS):
            if remaining() < SCAN_MARGIN:
                return found, segment
            found += [
                row
                for row in self.rows.values()
                if zlib.crc32(row.id.encode()) % SCAN_SEGMENTS == segment
                and row.lane is None
                and row.status in OPEN
                and row.updated_at < before
            ]
        return found, None

    def index(self) -> list[Row]:
        """The agenda's entries as a query sees them now: writes are taken over in order, some late."""
        with self._lock:
            self._land_stragglers()
            held: set[str] = set()
            waiting = []
            for row in self._unseen:
                if row.id in held or self.faults.at("agenda.propagate") is Fault.LAG:
                    held.add(row.id)
                    waiting.append(row)
                elif row.lane is None:
                    self._index.pop(row.id, None)
                else:
                    self._index[row.id] = row
            self._unseen = waiting
            return list(self._index.values())

    def _check(self, doing: str) -> None:
        if self.broken or self._fault("ledger.read") is Fault.FAIL:
            raise UnavailableError("DynamoDB", doing, "broken on purpose")

    def _fault(self, point: str) -> Fault | None:
        fault = self.faults.at(point)
        if fault is Fault.DIE:
            raise Died(point)
        return fault


def _affected(row: Row) -> Affected:
    """A row as the incidents' index tells it."""
    moves = []
    for key, note in row.trail.items():
        at, _, status = key.partition("_")
        moves.append(Move(int(at) / 1000, Status(status), note))
    return Affected(
        id=row.id,
        status=row.status,
        created_at=row.created_at,
        priority=row.priority,
        category=row.category,
        template=row.template,
        campaign=row.campaign,
        person=row.person,
        writes=row.rev,
        possible=row.possible_duplicates,
        duplicates=len(row.duplicates),
        both=row.beside is not None,
        failed_at=row.failed_at,
        tried=row.tried or "",
        moves=tuple(moves),
    )


class MemoryAgenda:
    """The agenda of a :class:`MemoryLedger`. ``page``: entries per call, small so that paging is met.

    Points: ``agenda.query`` (FAIL, DIE) of each page, ``agenda.order`` (SWAP: entries of one time change
    places), and the ledger's ``agenda.propagate``.
    """

    def __init__(self, ledger: MemoryLedger, page: int = 2) -> None:
        self._ledger = ledger
        self._page_size = page
        self.counted = 4_000
        """Entries that one query counts."""

    def due(self, lane: str, until: float, *, limit: int | None = None) -> Iterator[Row]:
        if limit == 0:
            return
        shards = [self._follow(lane, shard, until) for shard in range(of_lane(lane))]
        for number, row in enumerate(heapq.merge(*shards, key=lambda row: cast(float, row.due)), start=1):
            yield row
            if number == limit:
                return

    def _follow(self, lane: str, shard: int, until: float) -> Iterator[Row]:
        after: tuple[float, str] | None = None
        while True:
            rows = [row for row in self._entries(lane, shard, until) if after is None or _key(row) > after]
            page = rows[: self._page_size]
            if page:
                after = _key(page[-1])
            if self._ledger.faults.at("agenda.order") is Fault.SWAP:
                page.reverse()
                page.sort(key=lambda row: cast(float, row.due))
            yield from page
            if len(rows) <= len(page):
                return

    def count(self, lane: str, until: float | None = None) -> int:
        return sum(len(self._entries(lane, shard, until)) for shard in range(of_lane(lane)))

    def at_least(self, lane: str, until: float | None = None, *, drained: bool = False) -> tuple[int, bool]:
        pages = [self._entries(lane, shard, until) for shard in range(of_lane(lane))]
        seen = [row for page in pages for row in page[: self.counted] if row.drained or not drained]
        return len(seen), all(len(page) <= self.counted for page in pages)

    def oldest(self, lane: str) -> float | None:
        found = [row.due for shard in range(of_lane(lane)) for row in self._entries(lane, shard, None)]
        return min((due for due in found if due is not None), default=None)

    def _entries(self, lane: str, shard: int, until: float | None) -> list[Row]:
        fault = self._ledger.faults.at("agenda.query")
        if fault is Fault.DIE:
            raise Died("agenda.query")
        if self._ledger.broken or fault is Fault.FAIL:
            raise UnavailableError("DynamoDB", "reading the agenda", "broken on purpose")
        found = [
            row
            for row in self._ledger.index()
            if row.lane == lane
            and shard_of(row.id, of_lane(lane)) == shard
            and (until is None or _key(row)[0] <= until)
        ]
        return [_projected(row) for row in sorted(found, key=_key)]


def _key(row: Row) -> tuple[float, str]:
    return cast(float, row.due), row.id


def _projected(row: Row) -> Row:
    """As much of a row as the index holds."""
    values = {name: getattr(row, name) for name in PROJECTED}
    return Row(row.id, lane=row.lane, due=row.due, **values)


@dataclass(frozen=True)
class StoredRecord:
    """A record by name as the table has it: ``text`` is JSON, which holds no more than JSON can."""

    text: str
    actor: str
    reason: str
    at: float
    version: int

    def as_kept(self, kind: type[R]) -> Kept[R]:
        value = kind.from_item(json.loads(self.text))
        return Kept(value, self.actor, self.reason, self.at, self.version)


NEVER_KEPT: Final = StoredRecord("null", "", "", 0.0, 0)


class MemoryControl:
    """Flags, history, records, counters and windows. ``broken``: fails; ``races``: so many writes lose."""

    def __init__(self) -> None:
        self.stored: dict[str, Flag] = {}
        self.events: dict[tuple[int, str, int, str], Event] = {}
        self.values: dict[str, StoredRecord] = {}
        self.minutes: dict[int, Counter[str]] = defaultdict(Counter)
        self._counting = threading.Lock()
        self.windows: dict[str, Window] = {}
        self.slots: dict[str, int] = {}
        self.tats: dict[str, float] = {}
        self.set_to: SetRate | None = None
        self.seen_rate: SetRate | None = None
        self.marks: dict[str, float] = {}
        self.spent: Counter[tuple[str, int]] = Counter()
        self.above: set[tuple[str, int]] = set()
        self.writes: Counter[str] = Counter()
        self.broken = False
        self.races = 0

    def flags(self) -> dict[str, Flag]:
        self._check()
        return dict(self.stored)

    def flag(self, scope: str) -> Flag:
        self._check()
        return self.stored.get(scope) or Flag.normal(scope)

    def write(self, change: PanicChange, read_version: int) -> None:
        self._check()
        if self.races:
            self.races -= 1
            raise ConflictError("lost on purpose")
        scope = change.flag.scope
        if (self.stored.get(scope) or Flag.normal(scope)).version != read_version:
            raise ConflictError(f"{scope} was changed by somebody else meanwhile")
        self.stored[scope] = change.flag
        self.append(change.event)

    def append(self, event: Event) -> None:
        self._check()
        self.events[(int(event.at * 1000), event.scope, event.version, str(event.kind))] = event

    def kinds(self, scope: str) -> list[str]:
        return [str(event.kind) for key, event in sorted(self.events.items()) if event.scope == scope]

    def history(
        self, scope: str | None = None, since: float = 0.0, incident_id: str | None = None, limit: int = 100
    ) -> list[Event]:
        self._check()
        found = [event for _, event in sorted(self.events.items(), reverse=True)]
        return [
            event
            for event in found
            if int(event.at * 1000) >= int(since * 1000)
            and (not scope or event.scope == scope)
            and (not incident_id or event.incident_id == incident_id)
        ][:limit]

    def kept(self, kind: type[R], of: str = "") -> Kept[R]:
        self._check()
        return self.values.get(kind.key(of), NEVER_KEPT).as_kept(kind)

    def all_kept(self, kind: type[R]) -> dict[str, Kept[R]]:
        self._check()
        return {
            name.removeprefix(kind.NAME): stored.as_kept(kind)
            for name, stored in sorted(self.values.items())
            if name.startswith(kind.NAME)
        }

    def keep(
        self,
        record: KeptRecord,
        of: str = "",
        *,
        actor: str,
        reason: str,
        now: float,
        read_version: int | None = None,
    ) -> None:
        self._check()
        name = record.key(of)
        before = self.values.get(name, NEVER_KEPT)
        if read_version is not None and before.version != read_version:
            raise ConflictError(f"{name} was changed by somebody else meanwhile")
        text = json.dumps(record.to_item())
        self.values[name] = StoredRecord(text, actor, reason, now, before.version + 1)

    def record_outcomes(
        self,
        scope: str,
        bucket: int,
        ok: int,
        failed: Mapping[str, int],
        consecutive_unreachable: int,
        stale: Sequence[int] = (),
    ) -> Window:
        self._check()
        window = self.windows.get(scope, Window())
        buckets = {item.start: item for item in window.buckets if item.start not in stale}
        old = buckets.get(bucket, Bucket(bucket))
        merged = Counter(old.failed)
        merged.update(failed)
        buckets[bucket] = Bucket(bucket, old.ok + ok, dict(merged))
        answered = ok + sum(count for cause, count in failed.items() if cause != "unreachable")
        streak = consecutive_unreachable + (0 if answered else window.consecutive_unreachable)
        self.windows[scope] = Window(tuple(buckets[start] for start in sorted(buckets)), streak)
        return self.windows[scope]

    def window(self, scope: str) -> Window:
        return self.windows.get(scope, Window())

    def clear_window(self, scope: str) -> None:
        self.windows.pop(scope, None)

    def reserve(
        self, lane: str, tokens: int, interval: float, burst: int, now: float, ahead: float | None = None
    ) -> float | None:
        """As DynamoDB does: ``writes`` counts the updates of each limiter, refused ones too."""
        self._check()
        floor = now - burst * interval
        self.writes[lane] += 1
        if ahead is not None and self.tats.get(lane, floor) > now + ahead:
            return None
        if self.tats.get(lane, floor - 1) < floor:
            self.writes[lane] += 1
        self.tats[lane] = max(self.tats.get(lane, floor), floor) + tokens * interval
        if lane == WHATSAPP:
            self.seen_rate = self.set_to
        return self.tats[lane]

    def limiter(self, lane: str) -> float | None:
        self._check()
        if lane == WHATSAPP:
            self.seen_rate = self.set_to
        return self.tats.get(lane)

    def operators_rate(self) -> SetRate | None:
        return self.seen_rate

    def limit(self, rate: SetRate | None) -> None:
        self._check()
        self.set_to = self.seen_rate = rate

    def advance(self, name: str, upto: float, seen: float | None) -> bool:
        self._check()
        if self.marks.get(name) != seen:
            return False
        self.marks[name] = upto
        return True

    def mark(self, name: str) -> float | None:
        self._check()
        return self.marks.get(name)

    def spend(self, way: str, hour: int, cost: int, ceiling: int) -> bool:
        self._check()
        with self._counting:
            if self.spent[way, hour] + cost > ceiling:
                return False
            self.spent[way, hour] += cost
        return True

    def first_above(self, way: str, hour: int) -> bool:
        self._check()
        if (way, hour) in self.above:
            return False
        self.above.add((way, hour))
        return True

    def untold(self, way: str, hour: int) -> None:
        self._check()
        self.above.discard((way, hour))

    def claim_slot(self, scope: str, slot: int) -> bool:
        if self.slots.get(scope, -1) >= slot:
            return False
        self.slots[scope] = slot
        return True

    def count(self, minute: int, counts: Mapping[str, int]) -> None:
        self._check()
        counts = {name: count for name, count in counts.items() if count}
        if not counts:
            return
        with self._counting:
            self.minutes[minute].update(counts)

    def counts(self, since: float, until: float) -> dict[int, dict[str, int]]:
        self._check()
        return {start: dict(found) for start, found in self.minutes.items() if since - 60 < start <= until}

    def counted(self, name: str) -> int:
        return sum(found[name] for found in self.minutes.values())

    def _check(self) -> None:
        if self.broken:
            raise UnavailableError("DynamoDB", "testing", "broken on purpose")


@dataclass
class _Stored:
    """A message on a queue. ``receipt``: of its last delivery."""

    id: str
    message: Outgoing
    sent_at: float
    visible_at: float
    receipt: str = ""
    receive_count: int = 0


class MemoryQueues:
    """Queues with SQS's semantics: delays, visibility, receipts, redelivery, retention, and no order.

    ``sent``: all that was put on each queue, in order. ``broken``: URLs that take nothing.
    ``retention``: seconds per URL (default: four days); what grew older is in ``outlived``.
    ``redrives``: URL to how often a message is received before it goes to which URL.

    Points: ``queues.send.before`` (FAIL, LOSE, DIE) and ``queues.send.after`` (LOSE, DIE) of each call of
    ten, ``queues.send.entry`` (FAIL; REPEAT: two copies) of each message; ``queues.receive.before`` (FAIL,
    DIE), ``queues.receive.entry`` (SWAP: others come first; REPEAT: stays visible) and
    ``queues.receive.after`` (LOSE, DIE); ``queues.delete.before`` (FAIL, LOSE, DIE), ``queues.delete.entry``
    (FAIL; REPEAT: it comes again all the same) and ``queues.delete.after`` (LOSE, DIE); ``queues.depth``
    (FAIL, DIE).
    """

    def __init__(self, clock: Callable[[], float] | None = None, faults: Faults | None = None) -> None:
        self.sent: dict[str, list[Outgoing]] = defaultdict(list)
        self.broken: set[str] = set()
        self.retention: dict[str, float] = {}
        self.redrives: dict[str, tuple[int, str]] = {}
        self.outlived: list[tuple[str, str]] = []
        self.faults: Faults = faults or NoFaults()
        self._clock = clock or Clock()
        self._queues: dict[str, list[_Stored]] = defaultdict(list)
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()

    def send(self, url: str, messages: Sequence[Outgoing]) -> list[bool]:
        with self._lock:
            return [
                flag
                for start in range(0, len(messages), ENTRIES_PER_CALL)
                for flag in self._send(url, messages[start : start + ENTRIES_PER_CALL])
            ]

    def _send(self, url: str, messages: Sequence[Outgoing]) -> list[bool]:
        if self._fault("queues.send.before") in (Fault.FAIL, Fault.LOSE) or url in self.broken:
            return [False] * len(messages)
        flags = []
        for message in messages:
            fault = self._fault("queues.send.entry")
            size = len(message.body.encode("utf-8", "surrogatepass"))
            taken = fault is not Fault.FAIL and 0 < size <= MAX_BYTES
            flags.append(taken)
            if taken:
                self.sent[url].append(message)
                name = f"sqs-{next(self._numbers)}"
                for _ in range(2 if fault is Fault.REPEAT else 1):
                    self._put(url, name, message)
        if self._fault("queues.send.after") is Fault.LOSE:
            return [False] * len(messages)
        return flags

    def _put(self, url: str, name: str, message: Outgoing) -> None:
        now = self._clock()
        delay = max(0, min(MAX_DELAY, message.delay))
        self._queues[url].append(_Stored(name, message, now, now + delay))

    def receive(self, url: str, at_most: int, visibility: int) -> list[Incoming]:
        with self._lock:
            self._answer("queues.receive.before", "receiving messages", url)
            self._outlive(url)
            now = self._clock()
            found: list[Incoming] = []
            for stored in list(self._queues[url]):
                if len(found) == max(1, min(10, at_most)):
                    break
                if stored.visible_at > now or self._redriven(url, stored):
                    continue
                fault = self._fault("queues.receive.entry")
                if fault is Fault.SWAP:
                    continue
                stored.receive_count += 1
                stored.receipt = f"{stored.id}/{next(self._numbers)}"
                if fault is not Fault.REPEAT:
                    stored.visible_at = now + visibility
                found.append(
                    Incoming(
                        id=stored.id,
                        body=stored.message.body,
                        receipt=stored.receipt,
                        reason=stored.message.reason,
                        sent_at=stored.sent_at,
                        receive_count=stored.receive_count,
                    )
                )
            if self._fault("queues.receive.after") is Fault.LOSE:
                raise UnavailableError("SQS", "receiving messages", "broken on purpose")
            return found

    def _redriven(self, url: str, stored: _Stored) -> bool:
        most, target = self.redrives.get(url, (0, ""))
        if not target or stored.receive_count < most:
            return False
        self._queues[url].remove(stored)
        self._queues[target].append(replace(stored, receive_count=0, receipt=""))
        return True

    def delete(self, url: str, receipts: Sequence[str]) -> list[bool]:
        with self._lock:
            return [
                flag
                for start in range(0, len(receipts), ENTRIES_PER_CALL)
                for flag in self._delete(url, receipts[start : start + ENTRIES_PER_CALL])
            ]

    def _delete(self, url: str, receipts: Sequence[str]) -> list[bool]:
        if self._fault("queues.delete.before") in (Fault.FAIL, Fault.LOSE) or url in self.broken:
            return [False] * len(receipts)
        flags = []
        for receipt in receipts:
            fault = self._fault("queues.delete.entry")
            flags.append(fault is not Fault.FAIL)
            # The receipt of an older delivery deletes nothing, and SQS does not say so.
            if fault is None:
                self._queues[url] = [item for item in self._queues[url] if item.receipt != receipt]
        if self._fault("queues.delete.after") is Fault.LOSE:
            return [False] * len(receipts)
        return flags

    def show_again(self, url: str, receipts: Sequence[str]) -> None:
        with self._lock:
            for stored in self._queues[url]:
                if stored.receipt and stored.receipt in receipts and stored.visible_at > self._clock():
                    stored.visible_at = self._clock()

    def depth(self, url: str) -> Depth:
        with self._lock:
            self._answer("queues.depth", "reading queue attributes", url)
            self._outlive(url)
            now = self._clock()
            hidden = [item for item in self._queues[url] if item.visible_at > now]
            taken = sum(item.receive_count > 0 for item in hidden)
            return Depth(len(self._queues[url]) - len(hidden), taken, len(hidden) - taken)

    def held(self, url: str) -> list[str]:
        """The bodies of all that is on a queue, visible or not: what is not acknowledged."""
        with self._lock:
            self._outlive(url)
            return [item.message.body for item in self._queues[url]]

    def _outlive(self, url: str) -> None:
        oldest = self._clock() - self.retention.get(url, 4 * 86_400.0)
        for item in [item for item in self._queues[url] if item.sent_at < oldest]:
            self._queues[url].remove(item)
            self.outlived.append((url, item.message.body))

    def _answer(self, point: str, doing: str, url: str) -> None:
        if self._fault(point) is Fault.FAIL or url in self.broken:
            raise UnavailableError("SQS", doing, "broken on purpose")

    def _fault(self, point: str) -> Fault | None:
        fault = self.faults.at(point)
        if fault is Fault.DIE:
            raise Died(point)
        return fault


class MemoryNotices:
    """Keeps what people were told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.broken = False

    def tell(
        self,
        *,
        audience: tuple[str, ...],
        subject: str,
        text: str,
        scope: str,
        cause: str,
        severity: str,
        data: Mapping[str, Any],
        automatic: str = "",
        run: str = "",
        section: str = "",
    ) -> None:
        if self.broken:
            raise UnavailableError("SNS", "telling people", "broken on purpose")
        self.told.append(
            {
                "audience": audience,
                "subject": subject,
                "text": text,
                "scope": scope,
                "cause": cause,
                "severity": severity,
                "data": data,
                "automatic": automatic,
                "run": run,
                "section": section,
            }
        )


class StubSecrets:
    """The secret; ``next`` is what a read after :meth:`drop` finds."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)
        self.next: Mapping[str, str] | None = None
        self.drops = 0
        self.broken = False

    def get(self, name: str) -> str:
        return str(self.all().get(name, ""))

    def all(self) -> Mapping[str, str]:
        if self.broken:
            raise UnavailableError("Secrets Manager", "reading the secret", "broken on purpose")
        return self.values

    def renewed(self, used: str) -> str:
        if self.get("access_token") == used:
            self.drop()
        return self.get("access_token")

    def drop(self) -> None:
        self.drops += 1
        if self.next is not None:
            self.values = dict(self.next)


class Recorder:
    """Telemetry that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []
        self.metrics: Counter[tuple[str, ...]] = Counter()

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append(("warning", event, fields))

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append(("error", event, fields))

    def exception(self, event: str, **fields: Any) -> None:
        self.lines.append(("exception", event, fields))

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        assert set(METRICS[name][1]) == set(dimensions), name
        self.metrics[(name, *dimensions.values())] += int(value)

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def share(self, name: str, hits: int, misses: int, **dimensions: str) -> None:
        assert set(METRICS[name][1]) == set(dimensions), name
        self.metrics[(name, *dimensions.values(), "hits")] += hits
        self.metrics[(name, *dimensions.values(), "misses")] += misses
