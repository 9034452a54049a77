"""Release what is parked, slowly: the coming minute is planned, and each message gets its second in it.

A planner claims a stretch of time with a conditional write, so that two of them (the minute's schedule and
the one that recovery starts) never release the same second twice. A message leaves its backlog by one
conditional write of its row, which puts it on the timer lane; the wake-up comes after it. A crash in between
costs that message a minute: the next tick finds the timer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from lifeline.adapters.agenda import Agenda
from lifeline.adapters.control import Control
from lifeline.adapters.ledger import Ledger
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.message.row import BACKLOG, Change, Fate, Lane, Row, Written
from lifeline.domain.message.steering import turn
from lifeline.domain.message.step import QUIET
from lifeline.domain.pace.pace import LEAD, MARK, SPAN, Slots
from lifeline.domain.panic.flag import FLAG_CACHE_SECONDS, State
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.wake import Wake
from lifeline.use_cases.tick.endings import Endings
from lifeline.use_cases.tick.ramp import Ramp, RampPlan

MARGIN: Final = 5.0
"""Seconds of the invocation that are left over."""
AT_ONCE: Final = 500
"""Messages decided upon before they are written together."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message whose turn is at ``at`` (epoch seconds), and what becomes of it."""

    row: Row
    at: float
    after: Row

    @property
    def leaves(self) -> bool:
        """Whether it uses its turn: one that expired or whose recipient sleeps leaves it to the next."""
        return self.after.lane == Lane.TIMER

    @property
    def change(self) -> Change:
        return Change(self.row, self.after, "released" if self.leaves else QUIET)


class Lanes:
    """The tick's job for the lanes ``critical``, ``normal`` and ``bulk``."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        ledger: Ledger,
        agenda: Agenda,
        wake: Wake,
        ramp: Ramp,
        endings: Endings,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._control = control
        self._ledger = ledger
        self._agenda = agenda
        self._wake = wake
        self._ramp = ramp
        self._endings = endings
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, remaining: Callable[[], float]) -> dict[str, Any]:
        """Plan and release the coming minute; returns what was released, by lane."""
        now = self._clock()
        # Read anew: recovery may have begun within the moment for which a worker remembers flags.
        flag = self._control.flag(WHATSAPP)
        if flag.state is State.PANIC:
            self._ramp.rest("panic")
            return {"released": {}, "why": "panic"}
        seen = self._control.mark(MARK)
        # A plan made before panic was left is void: what it released was parked again.
        stands = seen is not None and seen - SPAN - LEAD >= flag.left_panic_at
        start = max(now, seen) if seen is not None and stands else now
        # A worker may remember panic for a moment: what it met would be parked again and wait for a minute.
        start = max(start, flag.left_panic_at + FLAG_CACHE_SECONDS + 0.5)
        end = now + SPAN + LEAD
        if end - start < 1.0 or not self._control.advance(MARK, end, seen):
            return {"released": {}, "why": "another planner has this minute"}
        if not any(self._waits(lane, now) for lane in BACKLOG):
            self._ramp.rest("nothing waits")
            return {"released": {}, "why": "nothing waits"}
        plan = self._ramp.plan(now, start, end)
        released: dict[str, int] = {}
        for lane in BACKLOG:
            if count := self._empty(lane, plan, remaining):
                released[str(lane)] = count
                self._telemetry.count("Released", count, lane=str(lane))
        rate = self._ramp.keep(plan)
        self._telemetry.info("released", released=released, rate=rate, ceiling=plan.ceiling)
        return {"released": released, "rate": rate, "ceiling": plan.ceiling}

    def _waits(self, lane: Lane, now: float) -> bool:
        oldest = self._agenda.oldest(lane)
        return oldest is not None and oldest <= now

    def _empty(self, lane: Lane, plan: RampPlan, remaining: Callable[[], float]) -> int:
        """Release from one lane, the oldest first, while there are turns and time."""
        rows = iter(self._agenda.due(lane, self._clock()))
        released = 0
        while remaining() > MARGIN:
            turns = self._turns(lane, rows, plan.slots)
            if not turns:
                break
            released += self._carry_out(turns, plan.slots)
        return released

    def _turns(self, lane: Lane, rows: Iterator[Row], slots: Slots) -> list[Turn]:
        turns: list[Turn] = []
        left_alone = 0
        while len(turns) < AT_ONCE and (at := slots.next()) is not None:
            row = next(rows, None)
            if row is None:
                break
            after = turn(row, at, self._settings.quiet)
            if after is None:
                left_alone += 1
                continue
            turns.append(Turn(row, at, after))
            if turns[-1].leaves:
                slots.take(self._share(lane, slots.rate))
        if left_alone:
            self._telemetry.count("LeftAlone", left_alone, scope=WHATSAPP)
        return turns

    def _share(self, lane: Lane, rate: float) -> float:
        """The part of the rate that a lane may have: more bulk than its part of the limiter would wait."""
        return min(1.0, self._settings.limiter.bulk_rate / rate) if lane == Lane.BULK else 1.0

    def _carry_out(self, turns: list[Turn], slots: Slots) -> int:
        """Write what becomes of messages, and wake for those that leave; returns how many do."""
        self._expire([item for item in turns if not item.after.open])
        moving = [item for item in turns if item.after.open]
        results = self._write(moving)
        going: list[Row] = []
        again: list[Turn] = []
        for item, result in zip(moving, results, strict=True):
            if result.fate is Fate.DONE and item.leaves:
                going.append(item.after)
            elif result.fate is Fate.LOST and item.leaves:
                fresh = self._once_more(item, result.row)
                if fresh is None:
                    slots.give_back(item.at)
                else:
                    again.append(fresh)
        for item, result in zip(again, self._write(again), strict=True):
            if result.fate is Fate.DONE:
                going.append(item.after)
            elif result.fate is Fate.LOST:
                slots.give_back(item.at)
        now = self._clock()
        self._wake([(row.id, row.due - now) for row in going if row.due is not None])
        if results and all(result.fate is Fate.UNKNOWN for result in results):
            # What was carried out all the same is on the timer lane: the next tick wakes for it.
            raise UnavailableError("DynamoDB", "releasing parked messages", "no answer")
        return len(going)

    def _write(self, turns: list[Turn]) -> list[Written]:
        return self._ledger.write([item.change for item in turns], self._clock()) if turns else []

    def _once_more(self, item: Turn, row: Row | None) -> Turn | None:
        """Another writer was faster, or the index lags: the row as it is now decides."""
        after = turn(row, item.at, self._settings.quiet) if row is not None else None
        if row is None or after is None or after.lane != Lane.TIMER:
            return None
        return Turn(row, item.at, after)

    def _expire(self, turns: list[Turn]) -> None:
        if not turns:
            return
        at = {item.row.id: item.at for item in turns}

        def end(row: Row) -> Row | None:
            after = turn(row, at[row.id], self._settings.quiet)
            return after if after is not None and not after.open else None

        try:
            self._endings(at, end, "expired while parked")
        except UnavailableError as error:
            self._telemetry.error("expired messages stay in their lane", detail=str(error))
