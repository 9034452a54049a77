"""The adapters in memory, with the same promises: conditional writes, lost races, services that fail.

For tests of use cases. What DynamoDB and SQS really do is shown by the integration tests.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lifeline.adapters.control import Setting
from lifeline.adapters.ledger import Change, Row
from lifeline.adapters.queues import Outgoing
from lifeline.domain.detection import Bucket, Window
from lifeline.domain.incident import Affected, Move
from lifeline.domain.panic import Change as PanicChange
from lifeline.domain.panic import Event, Flag
from lifeline.domain.status import Status, can_move
from lifeline.errors import ConflictError, UnavailableError
from lifeline.telemetry import METRICS


class Clock:
    """A clock that moves when told."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> float:
        self.now += seconds
        return self.now


class MemoryLedger:
    """Rows in a dictionary. ``broken``: fails; ``before_apply``: another writer comes first, once each."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.broken = False
        self.before_apply: list[Any] = []
        self.moves: list[tuple[str, Status, Status]] = []

    def put(self, row: Row) -> Row:
        self.rows[row.id] = row
        return row

    def insert(self, rows: Sequence[Row], now: float) -> list[bool]:
        self._check()
        done = []
        for row in rows:
            fresh = row.id not in self.rows
            if fresh:
                trail = {f"{int(now * 1000)}_{row.status}": row.note or row.phase or ""}
                self.rows[row.id] = replace(row, rev=1, created_at=now, updated_at=now, trail=trail)
            done.append(fresh)
        return done

    def apply(self, changes: Sequence[Change], now: float) -> list[Row | None]:
        self._check()
        if self.before_apply:
            self.before_apply.pop(0)()
        outcome: list[Row | None] = []
        for change in changes:
            current = self.rows.get(change.row.id)
            if current is None:
                outcome.append(Row(change.row.id, change.row.status, "", rev=-1))
            elif current.rev != change.row.rev:
                outcome.append(current)
            else:
                assert change.status is current.status or can_move(current.status, change.status), (
                    f"{current.status} to {change.status}"
                )
                self.moves.append((current.id, current.status, change.status))
                trail = dict(current.trail)
                if change.status != current.status or change.note:
                    trail[f"{int(now * 1000)}_{change.status}"] = change.note
                self.rows[current.id] = replace(
                    current,
                    status=change.status,
                    rev=current.rev + 1,
                    updated_at=now,
                    trail=trail,
                    **dict(change.values),
                )
                outcome.append(None)
        return outcome

    def read(self, ids: Iterable[str], consistent: bool = True) -> dict[str, Row]:
        self._check()
        return {name: self.rows[name] for name in set(ids) if name in self.rows}

    def affected(self, incident_id: str) -> Iterator[Affected]:
        self._check()
        for row in self.rows.values():
            if row.incident_id == incident_id:
                yield Affected(
                    id=row.id,
                    status=row.status,
                    created_at=row.created_at,
                    priority=row.priority,
                    category=row.category,
                    template=row.template,
                    campaign=row.campaign,
                    person=row.person,
                    writes=row.rev,
                    turns=row.turn,
                    resends=row.resends,
                    failed_at=row.failed_at,
                    tried=row.tried or "",
                    moves=tuple(
                        Move(int(at) / 1000, Status(status), note)
                        for (at, _, status), note in (
                            (key.partition("_"), note) for key, note in row.trail.items()
                        )
                    ),
                )

    def _check(self) -> None:
        if self.broken:
            raise UnavailableError("DynamoDB", "testing", "broken on purpose")


class MemoryControl:
    """Flags, history, settings, counters and windows. ``broken``: fails; ``races``: so many writes lose."""

    def __init__(self) -> None:
        self.stored: dict[str, Flag] = {}
        self.events: dict[tuple[int, str, int, str], Event] = {}
        self.values: dict[str, Setting] = {}
        self.minutes: dict[int, Counter[str]] = defaultdict(Counter)
        self._counting = threading.Lock()
        self.windows: dict[str, Window] = {}
        self.slots: dict[str, int] = {}
        self.tats: dict[str, float] = {}
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
            raise ConflictError("version")
        self.stored[scope] = change.flag
        self.append(change.event)

    def append(self, event: Event) -> None:
        self._check()
        self.events[(int(event.at * 1000), event.scope, event.version, str(event.kind))] = event

    def kinds(self, scope: str) -> list[str]:
        return [str(event.kind) for key, event in sorted(self.events.items()) if event.scope == scope]

    def setting(self, name: str) -> Setting:
        self._check()
        return self.values.get(name, Setting(None))

    def put_setting(
        self, name: str, value: Any, *, actor: str, reason: str, now: float, read_version: int | None = None
    ) -> None:
        self._check()
        before = self.values.get(name, Setting(None))
        if read_version is not None and before.version != read_version:
            raise ConflictError(name)
        self.values[name] = Setting(value, actor, reason, now, before.version + 1)

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

    def reserve(self, lane: str, tokens: int, interval: float, burst: int, now: float) -> float:
        """As DynamoDB does: ``writes`` counts the updates of each limiter, refused ones too."""
        self._check()
        floor = now - burst * interval
        self.writes[lane] += 1
        if self.tats.get(lane, floor - 1) < floor:
            self.writes[lane] += 1
        self.tats[lane] = max(self.tats.get(lane, floor), floor) + tokens * interval
        return self.tats[lane]

    def limiter(self, lane: str) -> float | None:
        self._check()
        return self.tats.get(lane)

    def claim_slot(self, scope: str, slot: int) -> bool:
        if self.slots.get(scope, -1) >= slot:
            return False
        self.slots[scope] = slot
        return True

    def count(self, minute: int, counts: Mapping[str, int]) -> None:
        self._check()
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


class MemoryQueues:
    """Queues as lists. ``broken``: URLs that take nothing."""

    def __init__(self) -> None:
        self.sent: dict[str, list[Outgoing]] = defaultdict(list)
        self.broken: set[str] = set()

    def send(self, url: str, messages: Sequence[Outgoing]) -> list[bool]:
        if url in self.broken:
            return [False] * len(messages)
        self.sent[url].extend(messages)
        return [True] * len(messages)


class MemoryNotices:
    """Keeps what people were told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.broken = False

    def tell(self, **notice: Any) -> None:
        if self.broken:
            raise UnavailableError("SNS", "telling people", "broken on purpose")
        self.told.append(notice)


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

    def share(self, name: str, hits: int, misses: int, **dimensions: str) -> None:
        assert set(METRICS[name][1]) == set(dimensions), name
        self.metrics[(name, *dimensions.values(), "hits")] += hits
        self.metrics[(name, *dimensions.values(), "misses")] += misses
