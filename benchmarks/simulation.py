"""Two hours without WhatsApp at 80 messages a second, and the way back: hours of it in seconds.

A clock that jumps drives the real tick and the real sender (limiter, ramp, plan, headroom, ledger) over
queues and tables in memory, before a Meta that takes everything and notes when each send leaves.

Writes ``docs/recovery.svg`` and prints the figures: ``python -m benchmarks.simulation``.
"""

from __future__ import annotations

import heapq
import json
import sys
import threading
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lifeline.adapters.queues import Depth, Outgoing
from lifeline.contract.instants import format_instant
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.message.row import BACKLOG, Row
from lifeline.domain.message.status import Status
from lifeline.domain.message.step import backlog_lane
from lifeline.settings import Drain as DrainSettings
from lifeline.settings import Limiter, Settings
from lifeline.use_cases.deliver import SqsRecord
from lifeline.wiring import drainer

from tests.support.memory import Clock, MemoryControl, MemoryLedger, Recorder
from tests.support.services import Services
from tests.support.simulated import sender

START: Final = 1_790_000_040.0
"""A whole minute, epoch seconds."""
WAKE: Final = "wake"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Rates in messages per second, spans in seconds."""

    outage: int = 7200
    arriving: float = 80.0
    drain: float = 50.0
    live: float = 20.0
    """Live traffic beside the drain."""
    meta: int = 80
    """What Meta takes in any second."""
    limiter: Limiter = field(
        default_factory=lambda: Limiter(rate=76.0, burst=4, bulk_share=0.7, critical_share=0.05)
    )

    @property
    def parked(self) -> int:
        """Messages that the outage leaves."""
        return round(self.outage * self.arriving)


class Ledger(MemoryLedger):
    """Tells the agenda of each row that it wrote, and keeps no list of what the index has yet to see."""

    def __init__(self) -> None:
        super().__init__()
        self.agenda = Agenda()

    def put(self, row: Row) -> Row:
        return self._tell(super().put(row))

    def _one(self, *arguments: Any) -> Any:
        result = super()._one(*arguments)
        self._tell(self.rows[arguments[0].after.id])
        return result

    def _tell(self, row: Row) -> Row:
        self._unseen.clear()
        self.moves.clear()
        self.agenda.take(row)
        return row


class Agenda:
    """Hundreds of thousands of rows by lane and time; what is no longer so is dropped when it is met."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._lanes: dict[str, list[tuple[float, str]]] = defaultdict(list)
        self._counts: Counter[str] = Counter()
        self.parked = 0
        """Messages of the outage that wait for anything."""

    def take(self, row: Row) -> None:
        """The row as it was written."""
        before = self._rows.pop(row.id, None)
        if before is not None:
            self._counts[before.lane or ""] -= 1
        if row.lane is not None:
            self._rows[row.id] = row
            self._counts[row.lane] += 1
            if before is None or (before.lane, before.due) != (row.lane, row.due):
                heapq.heappush(self._lanes[row.lane], (row.due or 0.0, row.id))
        if row.id.startswith("p"):
            self.parked += (row.lane is not None) - (before is not None)

    def due(self, lane: str, until: float) -> Iterator[Row]:
        entries, met = self._lanes[lane], []
        try:
            while entries and entries[0][0] <= until:
                met.append(heapq.heappop(entries))
                row = self._rows.get(met[-1][1])
                if row is None or (row.lane, row.due) != (lane, met[-1][0]):
                    met.pop()
                    continue
                yield row
        finally:
            for entry in met:
                heapq.heappush(entries, entry)

    def count(self, lane: str, until: float | None = None) -> int:
        return self._counts[lane] if until is None else sum(1 for _ in self.due(lane, until))

    def oldest(self, lane: str) -> float | None:
        row = next(self.due(lane, float("inf")), None)
        return None if row is None else row.due


class Queues:
    """The queue of wake-ups: each shows when its delay is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wakes: list[tuple[float, int, str]] = []
        self._number = 0

    def send(self, url: str, messages: Sequence[Outgoing]) -> list[bool]:
        assert url == WAKE, url
        with self._lock:
            for message in messages:
                self._number += 1
                heapq.heappush(self._wakes, (self._clock() + message.delay, self._number, message.body))
        return [True] * len(messages)

    def depth(self, url: str) -> Depth:
        return Depth(0, 0, len(self._wakes))

    def due(self) -> list[str]:
        """What the queue shows now."""
        found = []
        while self._wakes and self._wakes[0][0] <= self._clock():
            found.append(heapq.heappop(self._wakes)[2])
        return found


@dataclass(slots=True)
class Figures:
    """What came of it."""

    scenario: Scenario
    began: float = 0.0
    """The end of the outage."""
    sends: list[float] = field(default_factory=list)
    drained: Counter[int] = field(default_factory=Counter)
    """Drained messages by minute since the end of the outage."""
    live: Counter[int] = field(default_factory=Counter)
    backlog: dict[int, int] = field(default_factory=dict)
    """What waits in the lanes at the start of a minute."""
    asked: Counter[str] = field(default_factory=Counter)
    """Sends by id."""
    late: list[str] = field(default_factory=list)
    """Sent after their deadline."""
    expired: int = 0
    counted: int = 0
    """Expired by the counters."""
    writes: int = 0
    """The most writes of the limiter's item in one second."""

    @property
    def steady(self) -> list[int]:
        """Drained messages in each minute at the operator's rate, from the tenth to the last full one."""
        last = max(self.drained, default=0)
        return [self.drained[minute] for minute in range(10, last - 2)]

    @property
    def deviation(self) -> float:
        """The farthest that a minute was from the operator's rate, as a share of it."""
        wanted = self.scenario.drain * 60
        return max((abs(count - wanted) / wanted for count in self.steady), default=0.0)

    @property
    def busiest_second(self) -> int:
        """Most sends in any second (sliding)."""
        sends = sorted(self.sends)
        return max((index + 1 - bisect_right(sends, at - 1.0) for index, at in enumerate(sends)), default=0)


def body(name: str, priority: str, expires_at: float | None = None) -> str:
    """One text message."""
    found = {"id": name, "to": "+4915112345678", "type": "text", "text": "Hello.", "priority": priority}
    if expires_at is not None:
        found["expires_at"] = format_instant(expires_at)
    return json.dumps(found)


def run(
    scenario: Scenario, limit: float = 86_400.0, say: Callable[[str], None] = lambda line: None
) -> Figures:
    """Let the outage happen and drain it. Raises ``RuntimeError`` when that takes over ``limit`` s."""
    clock = Clock(START)
    control, queues, ledger, log = MemoryControl(), Queues(clock), Ledger(), Recorder()
    settings = Settings(
        wake_queue_url=WAKE,
        limiter=scenario.limiter,
        drain=DrainSettings(rate=scenario.drain),
    )
    figures = Figures(scenario)
    deadlines: dict[str, float] = {}
    for number in range(scenario.parked):
        # One in twenty critical, one in five bulk; one in ten has from one to six hours.
        priority = "critical" if number % 20 == 0 else "bulk" if number % 5 == 1 else "normal"
        name = f"p{number}"
        deadline = None
        if number % 10 == 3:
            deadline = START + number / scenario.arriving + 3600 * (1 + number // 10 % 6)
            deadlines[name] = deadline
        at = START + number / scenario.arriving
        ledger.put(
            Row(
                name,
                Status.PARKED,
                rev=1,
                body=body(name, priority, deadline),
                priority=priority,
                lane=backlog_lane(priority),
                due=at,
                expires_at=deadline,
                created_at=at,
            )
        )
    clock.advance(scenario.outage)
    began = figures.began = clock()

    def sent(name: str, at: float) -> None:
        figures.sends.append(at)
        figures.asked[name] += 1
        (figures.drained if name.startswith("p") else figures.live)[int((at - began) // 60)] += 1
        if at > deadlines.get(name, at):
            figures.late.append(name)

    services = {"control": control, "ledger": ledger, "agenda": ledger.agenda, "queues": queues}
    tick = drainer.build(Services(settings, clock=clock).adapters("drainer", telemetry=log, **services)).tick
    deliver = sender(settings, clock=clock, control=control, queues=queues, ledger=ledger, log=log, sent=sent)
    due = 0.0
    number = 0
    second = 0
    while ledger.agenda.parked:
        if second > limit:
            raise RuntimeError(f"{ledger.agenda.parked} messages still wait after {limit:.0f} seconds")
        if second % 60 == 0:
            figures.backlog[second // 60] = sum(ledger.agenda.count(lane) for lane in BACKLOG)
            tick(lambda: 60.0)
            if second % 600 == 0:
                say(f"minute {second // 60}: {figures.backlog[second // 60]:,} wait")
        due += scenario.live
        records = []
        while due >= 1:
            due -= 1
            number += 1
            name = f"l{number}"
            records.append(SqsRecord(f"m-{name}", body(name, "critical" if number % 10 == 0 else "normal")))
        records += [SqsRecord(f"w{index}", name, wake_up=True) for index, name in enumerate(queues.due())]
        before = control.writes[WHATSAPP]
        for start in range(0, len(records), 100):
            failed = deliver(records[start : start + 100], lambda: 40.0)
            if failed:
                raise RuntimeError(f"the sender gave {len(failed)} messages back to SQS, {failed[0]} first")
        log.lines.clear()
        figures.writes = max(figures.writes, control.writes[WHATSAPP] - before)
        clock.advance(1.0)
        second += 1
    figures.expired = sum(1 for row in ledger.rows.values() if row.status is Status.EXPIRED)
    figures.counted = sum(
        count
        for minute in control.minutes.values()
        for name, count in minute.items()
        if name.startswith(f"o|{Status.EXPIRED}|")
    )
    return figures


# --- The plot --------------------------------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 380, 64, 72, 56, 44


def plot(figures: Figures) -> str:
    """The drain as SVG: messages per second by minute, and what still waits."""
    minutes = sorted(figures.backlog)
    top = figures.scenario.meta * 1.1
    most = max(figures.backlog.values(), default=1) or 1

    def x(minute: float) -> float:
        return LEFT + minute / max(1, minutes[-1]) * (WIDTH - LEFT - RIGHT)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def line(points: Sequence[tuple[float, float]], colour: str, dashes: str = "") -> str:
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        return (
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"'
            f' stroke-dasharray="{dashes}"/>'
        )

    def text(a: float, b: float, words: str, anchor: str = "middle", colour: str = "#333") -> str:
        return f'<text x="{a:.1f}" y="{b:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'

    whole = minutes[:-1] or minutes
    drained = [(x(m), y(figures.drained[m] / 60 / top)) for m in whole]
    both = [(x(m), y((figures.drained[m] + figures.live[m]) / 60 / top)) for m in whole]
    waiting = [(x(m), y(figures.backlog[m] / most * figures.scenario.meta / top)) for m in minutes]
    meta = y(figures.scenario.meta / top)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        ' font-size="12" role="img">',
        "<title>The backlog of a two-hour outage leaves beside live traffic</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        line([(LEFT, meta), (WIDTH - RIGHT, meta)], "#b91c1c", "6 4"),
        text(WIDTH - RIGHT, meta - 6, f"Meta takes {figures.scenario.meta}/s", "end", "#b91c1c"),
        line(waiting, "#9ca3af"),
        line(both, "#2563eb"),
        line(drained, "#059669"),
    ]
    for value in range(0, figures.scenario.meta + 1, 20):
        parts.append(text(LEFT - 8, y(value / top) + 4, f"{value}/s", "end"))
    for share in (0.0, 0.5, 1.0):
        height = y(share * figures.scenario.meta / top)
        parts.append(text(WIDTH - RIGHT + 8, height + 4, f"{most * share:,.0f}", "start", "#6b7280"))
    step = 30 if minutes[-1] > 60 else 5
    for minute in range(0, minutes[-1] + 1, step):
        parts.append(text(x(minute), HEIGHT - BOTTOM + 18, f"{minute} min"))
    parts += [
        text(LEFT, 22, "drain and live together", "start", "#2563eb"),
        text(LEFT + 170, 22, "drain", "start", "#059669"),
        text(LEFT + 230, 22, "still waiting (right axis)", "start", "#6b7280"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def summary(figures: Figures) -> dict[str, Any]:
    """The figures that count."""
    scenario = figures.scenario
    return {
        "parked": scenario.parked,
        "drained": sum(figures.drained.values()),
        "expired": figures.expired,
        "expired_counted": figures.counted,
        "live": sum(figures.live.values()),
        "minutes": max(figures.drained, default=0) + 1,
        "farthest_from_the_rate": round(figures.deviation, 4),
        "busiest_second": figures.busiest_second,
        "meta_takes": scenario.meta,
        "sent_after_deadline": len(figures.late),
        "sent_twice": sum(1 for count in figures.asked.values() if count > 1),
        "limiter_writes_per_second_at_most": figures.writes,
    }


def main() -> int:
    """Run it at full size, write the plot, print the figures; 1 where one is not as it should be."""
    figures = run(Scenario(), say=lambda line: print(line, file=sys.stderr, flush=True))
    found = summary(figures)
    (Path(__file__).parents[1] / "docs" / "recovery.svg").write_text(plot(figures), encoding="utf-8")
    print(json.dumps(found, indent=2))
    good = (
        found["drained"] + found["expired"] == found["parked"]
        and found["expired"] == found["expired_counted"]
        and found["farthest_from_the_rate"] <= 0.05
        and found["busiest_second"] <= found["meta_takes"]
        and not found["sent_after_deadline"]
        and not found["sent_twice"]
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
