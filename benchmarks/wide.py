"""1,000 messages a second: which items are hot, and whether the drain keeps the set rate.

The real sender, tick and control table's adapter run over tables in memory before a Meta that takes
everything. Each write of an item is counted as a request of the adapter, by the second; so is each write that
a row causes in an index, by DynamoDB's rule: one where its key stays, two where it moves. Prints the tables,
writes ``out/bench-wide.json``.

    python -m benchmarks.wide
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any, Final, cast

from lifeline.adapters import row_items
from lifeline.adapters.control import Control
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account.counters import REPORTED_LATER
from lifeline.domain.failure.causes import Cause
from lifeline.domain.message.row import Lane, Row
from lifeline.domain.message.status import Status
from lifeline.domain.pace.records import DrainState
from lifeline.domain.panic.entering import trip
from lifeline.domain.panic.flag import By, Flag, Rules
from lifeline.domain.shards import Spread, of_lane, shard_of, spread_at
from lifeline.settings import Drain as DrainSettings
from lifeline.settings import Limiter, Settings
from lifeline.use_cases.deliver import Deliver, SqsRecord
from lifeline.wiring import drainer

from benchmarks.simulation import START, WAKE, Queues, body
from benchmarks.simulation import Ledger as SimulatedLedger
from local.build import ROOT
from tests.support.control_table import ControlClient, busiest
from tests.support.memory import Clock, Recorder
from tests.support.services import Services
from tests.support.simulated import sender

RATES: Final = (80, 500, 1000)
"""Messages per second: Meta's two levels, and the middle."""
LIMIT: Final = 200
"""Writes of one item in a second."""
KEY_LIMIT: Final = 500
"""Writes of one key of an index in a second: half of what DynamoDB takes."""
TICK: Final = 2_400
"""Rows that the tick moves in a second (``benchmarks/wide_rows.py``): its clock stands still meanwhile."""
BATCH: Final = 100
WORKERS: Final = 10
"""Senders, and as many that take webhooks."""
INCIDENT: Final = "20260921-144400-abcdef"
_PRIORITIES: Final = ("critical", *["bulk"] * 2, *["normal"] * 7)


class Ledger(SimulatedLedger):
    """Counts the writes of each key of the indexes."""

    def __init__(self, clock: Clock, spread: Spread) -> None:
        super().__init__()
        self._clock = clock
        self._spread = spread
        self.ticking = False
        self._ticked = 0
        self.index: Counter[tuple[int, str, str]] = Counter()
        """By second, index and key."""

    def _one(self, *arguments: Any) -> Any:
        before = self.rows.get(arguments[0].after.id)
        result = super()._one(*arguments)
        after = self.rows[arguments[0].after.id]
        if after is not before:
            self._ticked = self._ticked + 1 if self.ticking else 0
            second = int(self._clock()) + self._ticked // TICK
            for name in ("agenda", "incident"):
                for key in self._moved(name, before, after):
                    self.index[second, name, key] += 1
        return result

    def _moved(self, index: str, before: Row | None, after: Row) -> Iterator[str]:
        """The keys that a write touches."""
        old = self._place(index, before) if before is not None else None
        new = self._place(index, after)
        if old is not None:
            yield old[0]
        if new is not None and new != old:
            yield new[0]

    def _place(self, index: str, row: Row) -> tuple[str, float] | None:
        if index == "incident":
            return (row_items.incident_of(row, self._spread)["S"], 0.0) if row.incident_id else None
        if row.lane is None:
            return None
        shard = shard_of(row.id, of_lane(row.lane, self._spread))
        return row_items.agenda_key(row.lane, shard)["S"], row.due or 0.0


class World:
    """Senders that share tables. ``sends``: by minute since the start."""

    def __init__(self, rate: int) -> None:
        self.rate, self.clock, self.log = rate, Clock(START), Recorder()
        self.sends: Counter[int] = Counter()
        self.client = ControlClient(self.clock)
        self.spread = spread_at(rate)
        self.queues = Queues(self.clock)
        self.ledger = Ledger(self.clock, self.spread)
        self.settings = Settings(
            wake_queue_url=WAKE,
            # All of it for the drain: what is kept for critical messages would be missing from its rate.
            limiter=Limiter(rate=float(self.rate), burst=max(10, self.rate // 10), critical_share=0.0),
            drain=DrainSettings(rate=float(self.rate)),
        )
        self.control = self.worker()
        senders: list[Deliver] = [
            sender(
                self.settings,
                clock=self.clock,
                control=self.worker(),
                queues=self.queues,
                ledger=self.ledger,
                log=self.log,
                sent=self._sent,
            )
            for _ in range(WORKERS)
        ]
        self._turns = cycle(senders)

    def worker(self) -> Control:
        """The adapter of one more worker."""
        return Control(cast(Any, self.client), "control", self.spread, self.clock)

    def _sent(self, name: str, at: float) -> None:
        self.sends[int((at - START) // 60)] += 1

    def take(self, records: list[SqsRecord], batch: int) -> None:
        """Hand out records to the senders in turn."""
        for start in range(0, len(records), batch):
            if failed := next(self._turns)(records[start : start + batch], lambda: 40.0):
                raise RuntimeError(f"the sender gave {len(failed)} messages back to SQS")
        self.log.lines.clear()

    def arrive(self, second: int) -> None:
        """A second of traffic: a critical message comes alone, the others in batches."""
        names: dict[str, list[SqsRecord]] = {"critical": [], "normal": [], "bulk": []}
        for number in range(self.rate):
            priority = _PRIORITIES[number % 10]
            name = f"m{second}-{number}"
            names[priority].append(SqsRecord(name, body(name, priority)))
        self.take(names["critical"], 1)
        self.take(names["normal"], BATCH)
        self.take(names["bulk"], BATCH)
        self.wake()
        self.clock.advance(1.0)

    def wake(self) -> None:
        """Take the wake-ups that show now."""
        self.take([SqsRecord(f"w{n}", name, wake_up=True) for n, name in enumerate(self.queues.due())], BATCH)

    def tick(self) -> None:
        """A run of the minute."""
        services = {"ledger": self.ledger, "agenda": self.ledger.agenda, "queues": self.queues}
        adapters = Services(self.settings, clock=self.clock).adapters(
            "drainer", telemetry=self.log, control=self.control, **services
        )
        self.ledger.ticking = True
        drainer.tick(adapters)(lambda: 60.0)
        self.ledger.ticking = False
        self.log.lines.clear()

    def panic(self) -> None:
        """WhatsApp is in panic from now on."""
        change = trip(
            Flag.normal(WHATSAPP),
            By("SenderFunction", "sender", "six in a row", self.clock()),
            cause=Cause.UNREACHABLE,
            evidence={},
            new_incident_id=INCIDENT,
            rules=Rules(),
        )
        assert change is not None
        self.control.write(change, 0)
        self.clock.advance(2.0)

    def park(self, count: int) -> None:
        """So many messages that were parked in the incident."""
        for number in range(count):
            priority = "critical" if number % 20 == 0 else "normal"
            name = f"p{number}"
            self.ledger.put(
                Row(
                    name,
                    Status.PARKED,
                    rev=1,
                    body=body(name, priority),
                    priority=priority,
                    lane=Lane(priority),
                    due=START - 100.0,
                    created_at=START - 100.0,
                    incident_id=INCIDENT,
                )
            )

    def most(self) -> dict[str, int]:
        """The most writes of one item, or of one key of an index, in a second; by kind."""
        found: Counter[str] = Counter()
        for (pk, sk), count in busiest(self.client).items():
            kind = f"{pk} {sk}" if pk in ("limiter", "window") else pk.partition("#")[0]
            found[kind] = max(count, found[kind])
        for (_, name, key), count in self.ledger.index.items():
            kind = f"{name} {key.partition('#')[0]}" if name == "agenda" else name
            found[kind] = max(count, found[kind])
        return dict(found)


def live(rate: int, seconds: int) -> World:
    """All of it is sent; of each send come three statuses, which workers of their own take by the ten."""
    world = World(rate)
    webhooks = [world.worker() for _ in range(WORKERS)]
    for second in range(seconds):
        minute = int(world.clock() // 60) * 60
        for number in range(3 * rate // 10):
            webhooks[number % WORKERS].count(minute, {REPORTED_LATER: 10})
            # Some are about sends of the minute before.
            webhooks[number % WORKERS].count(minute - 60, {REPORTED_LATER: 1})
        world.arrive(second)
    return world


def outage(rate: int, seconds: int) -> World:
    """All of it is parked."""
    world = World(rate)
    world.panic()
    for second in range(seconds):
        world.arrive(second)
    return world


def drain(rate: int, minutes: int) -> World:
    """The backlog leaves at the set rate, whose ramp is over, while nothing else is sent."""
    world = World(rate)
    world.park(rate * (60 * minutes + 15))
    state = DrainState(rate=float(rate), stepped_at=START)
    world.control.keep(state, actor="DrainerFunction", reason="planned", now=START)
    for second in range(60 * minutes):
        if second % 60 == 0:
            world.tick()
        world.wake()
        world.clock.advance(1.0)
    return world


def deviation(world: World, minutes: int) -> float:
    """The farthest that a whole minute was from the set rate, as a share of it; the first one begins late."""
    wanted = world.rate * 60
    return max(abs(world.sends[minute] - wanted) / wanted for minute in range(1, minutes))


ROWS: Final[Mapping[str, str]] = {
    "limiter whatsapp": "limiter, all sends",
    "limiter bulk": "limiter, bulk's share",
    "window whatsapp": "outcome window",
    "stats": "counters of the minute, senders and webhook together",
    "agenda timer": "agenda, one key of the timer lane",
    "agenda normal": "agenda, one key of a backlog",
    "incident": "index of incidents, one key",
}


INDEXES: Final = ("agenda timer", "agenda normal", "incident")


def main() -> int:
    """Measure and print; 1 where an item is too hot, or a minute too far from its rate."""
    hot: dict[str, dict[int, int]] = {name: dict.fromkeys(RATES, 0) for name in ROWS}
    for rate in RATES:
        for world in (live(rate, 12), outage(rate, 6), drain(rate, 2)):
            for name, count in world.most().items():
                if name in hot:
                    hot[name][rate] = max(hot[name][rate], count)
    print("| writes a second at most, of | " + " | ".join(f"{rate}/s" for rate in RATES) + " |")
    print("|---|" + "---|" * len(RATES))
    for name, found in hot.items():
        print(f"| {ROWS[name]} | " + " | ".join(str(found[rate]) for rate in RATES) + " |", flush=True)
    minutes = {10: 10, 50: 6, 500: 4, 1000: 4}
    off = {rate: deviation(drain(rate, count), count) for rate, count in minutes.items()}
    for rate, share in off.items():
        print(f"drain at {rate}/s: no minute more than {100 * share:.2f} % off")
    out = ROOT / "out"
    out.mkdir(exist_ok=True)
    result = {"writes_per_second": hot, "drain_deviation": off}
    (out / "bench-wide.json").write_text(json.dumps(result, indent=2) + "\n")
    cool = all(
        count <= (KEY_LIMIT if name in INDEXES else LIMIT)
        for name, found in hot.items()
        for count in found.values()
    )
    return 0 if cool and max(off.values()) <= 0.02 else 1


if __name__ == "__main__":
    sys.exit(main())
