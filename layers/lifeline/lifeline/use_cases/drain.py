"""Release what is parked, slowly: plan the coming minute and hand it to SQS as delays.

A planner claims a stretch of time with a conditional write, so that two of them (the minute's schedule and
the one that recovery starts) never release the same second twice. Each message is put on ``whatsapp-queue``
with its delay first and deleted from its lane afterwards: a crash in between leaves two equal carriers, of
which one loses its claim at the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from lifeline.adapters.campaigns import Campaigns
from lifeline.adapters.control import Control
from lifeline.adapters.ledger import Change, Ledger, Row
from lifeline.adapters.queues import Incoming, Outgoing, Queues
from lifeline.contract import (
    BACKLOG_CRITICAL_QUEUE,
    BACKLOG_QUEUE,
    BULK_QUEUE,
    LANES,
    WHATSAPP,
    ContractError,
    Message,
    parse_message,
)
from lifeline.domain.pace import delays, headroom, plan_minute, ramp_rate, split
from lifeline.domain.panic import State
from lifeline.domain.phone import NotAPhoneNumber, normalise
from lifeline.domain.quiet import CRITICAL, quiet_until, zones_of
from lifeline.domain.status import Status
from lifeline.domain.volume import ACCEPTED, DRAINED
from lifeline.errors import ConflictError, UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.panic_mode import FLAG_CACHE_SECONDS

RATE_SETTING: Final = "drain_rate"
STATE_SETTING: Final = "drain_state"
SPAN: Final = 60.0
LEAD: Final = 15.0
"""Seconds planned beyond the minute: EventBridge Scheduler may fire late."""
MINUTE: Final = 60.0
VISIBILITY: Final = 120
"""Seconds for which a message that is being moved is hidden; more than the function's time-out."""
WORKERS: Final = 8
MARGIN: Final = 5.0
QUIET_DELAY: Final = 900
"""Longest time for which a message in quiet hours is laid aside in its lane: SQS's longest delay, seconds."""
EMPTY_RECEIVES: Final = 3
"""Empty answers in a row after which a lane counts as empty: SQS samples its servers on short polls."""


@dataclass(frozen=True, slots=True)
class Span:
    """One planned stretch: from ``start`` (epoch seconds) for ``seconds`` at ``rate`` per second."""

    start: float
    seconds: float
    rate: float


class Drain:
    """The drainer's use case."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        ledger: Ledger,
        queues: Queues,
        clock: Callable[[], float],
        telemetry: Telemetry,
        campaigns: Campaigns | None = None,
    ) -> None:
        self._settings = settings
        self._control = control
        self._ledger = ledger
        self._queues = queues
        self._clock = clock
        self._telemetry = telemetry
        self._campaigns = campaigns
        self._urls = {
            BACKLOG_CRITICAL_QUEUE: settings.backlog_critical_queue_url,
            BACKLOG_QUEUE: settings.backlog_queue_url,
            BULK_QUEUE: settings.bulk_queue_url,
        }

    def __call__(self, remaining: Callable[[], float]) -> dict[str, Any]:
        """Plan and release the coming minute; returns what was released, by lane."""
        now = self._clock()
        # Read anew: recovery may have begun within the moment for which a worker remembers flags.
        flag = self._control.flag(WHATSAPP)
        state = self._control.setting(STATE_SETTING).value or {}
        ceiling = self.ceiling()
        if flag.state is State.PANIC:
            self._gauge(0.0, ceiling)
            self._save_state({"rate": 0.0, "stepped_at": 0.0, "carry": 0.0, "why": "panic"}, now)
            return {"released": {}, "why": "panic"}
        seen = self._control.mark("drain")
        # A plan made before panic was left is void: what it released was parked again.
        stands = seen is not None and seen - SPAN - LEAD >= flag.left_panic_at
        start = max(now, seen) if seen is not None and stands else now
        # A worker may remember panic for a moment: what it met would be parked again and wait for a minute.
        start = max(start, flag.left_panic_at + FLAG_CACHE_SECONDS + 0.5)
        end = now + SPAN + LEAD
        if end - start < 1.0 or not self._control.advance("drain", end, seen):
            return {"released": {}, "why": "another planner has this minute"}
        waiting = [(lane, self._queues.depth(self._urls[lane]).visible) for lane in LANES]
        for lane, count in waiting:
            self._telemetry.count("Backlog", count, lane=lane)
        if not any(count for _, count in waiting):
            self._gauge(0.0, ceiling)
            # Nothing waits: the next backlog starts at the bottom of the ramp again.
            self._save_state({"rate": 0.0, "stepped_at": 0.0, "carry": 0.0, "why": "nothing waits"}, now)
            return {"released": {}, "why": "nothing waits"}
        limits = self._rate_limits(now)
        answered: dict[str, int] = state.get("limits", {})
        limited = any(count > answered.get(at, 0) for at, count in limits.items())
        room = self._headroom(now, end - now)
        # More than its share of the limiter would only be put back by the sender.
        bulk = self._settings.limiter.bulk_rate
        released: dict[str, int] = {}
        rate, stepped_at = float(state.get("rate", 0.0)), float(state.get("stepped_at", 0.0))
        carry = float(state.get("carry", 0.0))
        cursor = start
        while end - cursor >= 1.0 and remaining() > MARGIN:
            # A rate-limit answer since the last plan counts at once, not with the minute's next step.
            if limited or cursor - stepped_at >= MINUTE or rate > ceiling or rate <= 0:
                rate = ramp_rate(rate, ceiling, rate_limited=limited)
                stepped_at, limited = cursor, False
            seconds = min(end - cursor, max(1.0, stepped_at + MINUTE - cursor))
            # Live traffic first: the lanes get what it leaves of the limiter.
            leaving = min(rate, room) if rate else 0.0
            shares = {BULK_QUEUE: min(1.0, bulk / leaving)} if leaving else {}
            plan = plan_minute(leaving, seconds, waiting, carry, shares)
            carry = plan.carry
            at = max(0.0, cursor - now)
            for lane, count in plan.moves:
                # A last handful leaves at the rate as well, not thinly spread over the whole stretch.
                taking = count / (leaving * shares.get(lane, 1.0))
                moved = self._move(lane, delays(count, at, taking), remaining)
                released[lane] = released.get(lane, 0) + moved
                at += taking
            taken = dict(plan.moves)
            waiting = [(lane, max(0, count - taken.get(lane, 0))) for lane, count in waiting]
            cursor += seconds
            if not any(count for _, count in waiting):
                break
        self._save_state(
            {
                "rate": rate,
                "stepped_at": stepped_at,
                "carry": carry,
                "why": "releasing",
                "ceiling": ceiling,
                "room": room,
                "limits": answered if limited else limits,
            },
            now,
        )
        for lane, count in released.items():
            self._telemetry.count("Released", count, lane=lane)
        self._gauge(rate, ceiling)
        self._telemetry.info("released", released=released, rate=rate, ceiling=ceiling)
        return {"released": released, "rate": rate, "ceiling": ceiling}

    def _gauge(self, rate: float, ceiling: float) -> None:
        self._telemetry.count("DrainRate", rate, lane=WHATSAPP)
        self._telemetry.count("DrainCeiling", ceiling, lane=WHATSAPP)

    def ceiling(self) -> float:
        """The operator's rate, or the setting's default; messages per second."""
        return ceiling_of(self._control, self._settings)

    def _save_state(self, state: dict[str, Any], now: float) -> None:
        self._control.put_setting(STATE_SETTING, state, actor="DrainerFunction", reason="planned", now=now)

    def _headroom(self, now: float, seconds: float) -> float:
        """What live traffic leaves of the limiter, messages per second."""
        limiter = self._settings.limiter
        _, (rate, _) = split(limiter.rate, limiter.burst, limiter.critical_share)
        whole = int(now // MINUTE) * int(MINUTE) - int(MINUTE)
        last = self._control.counts(whole, whole).get(whole, {})
        live = max(0, last.get(ACCEPTED, 0) - last.get(DRAINED, 0)) / MINUTE
        return headroom(rate, live, (self._control.limiter(WHATSAPP) or now) - now, seconds)

    def _rate_limits(self, now: float) -> dict[str, int]:
        """Rate-limit answers of the last minute, by the start of their part of the window."""
        return {
            str(bucket.start): count
            for bucket in self._control.window(WHATSAPP).buckets
            if bucket.start >= now - MINUTE - 10 and (count := bucket.failed.get("rate_limit", 0))
        }

    def _move(self, lane: str, spread: Sequence[int], remaining: Callable[[], float]) -> int:
        """Move one message per delay in ``spread``; returns how many left the lane."""
        chunks = [list(spread[start : start + 10]) for start in range(0, len(spread), 10)]
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="drain") as pool:
            return sum(pool.map(lambda chunk: self._move_chunk(lane, chunk, remaining), chunks))

    def _move_chunk(self, lane: str, chunk: list[int], remaining: Callable[[], float]) -> int:
        url = self._urls[lane]
        left = list(chunk)
        moved = empty = 0
        while left and empty < EMPTY_RECEIVES and remaining() > MARGIN:
            messages = self._queues.receive(url, len(left), VISIBILITY)
            if not messages:
                empty += 1
                continue
            used, gone = self._release(url, messages, left)
            left, moved = left[used:], moved + gone
        return moved

    def _release(self, url: str, messages: Sequence[Incoming], spread: Sequence[int]) -> tuple[int, int]:
        """Release messages with the delays of ``spread``; returns how many delays it used, how many left.

        An expired message and one whose recipient sleeps use none: the next one has it.
        """
        now = self._clock()
        going: list[tuple[Incoming, int]] = []
        expired: list[tuple[Incoming, Message]] = []
        asleep: list[tuple[Incoming, int]] = []
        for message in messages:
            delay = spread[len(going)]
            parsed = _parsed(message)
            if parsed and parsed.expires_at is not None and parsed.expires_at <= now + delay:
                expired.append((message, parsed))
            elif parsed and (until := self._quiet_until(parsed, now + delay)) is not None:
                asleep.append((message, min(QUIET_DELAY, ceil(until - now))))
            else:
                going.append((message, delay))
        sent = self._queues.send(
            self._settings.whatsapp_queue_url,
            [Outgoing(m.body, {**_note(m), "drained": True}, delay) for m, delay in going],
        )
        aside = self._queues.send(url, [Outgoing(m.body, _note(m), delay) for m, delay in asleep])
        done = [message.receipt for (message, _), ok in zip(going, sent, strict=True) if ok]
        done += self._expire(expired, now)
        left = len(done)
        done += [message.receipt for (message, _), ok in zip(asleep, aside, strict=True) if ok]
        self._queues.delete(url, done)
        return len(going), left

    def _quiet_until(self, message: Message, at: float) -> float | None:
        """The end of the recipient's quiet hours; none when it may be sent. Critical messages always may."""
        hours = self._settings.quiet
        if not hours.any or message.priority == CRITICAL:
            return None
        try:
            to = normalise(message.to, self._settings.default_region_code or None)
        except NotAPhoneNumber:
            return None  # the sender takes its fallback
        return quiet_until(at, zones_of(to, message.recipient.time_zone), hours)

    def _count_campaigns(self, rows: Sequence[Row]) -> None:
        """What expired in a lane shows in its campaign; a failure costs the count, never the message."""
        if self._campaigns is None:
            return
        for name, count in Counter(row.campaign for row in rows if row.campaign).items():
            try:
                if self._campaigns.state(name):
                    self._campaigns.count(name, {"expired": count})
            except (UnavailableError, ConflictError) as error:
                self._telemetry.warning("a campaign's counters could not be written", detail=str(error))

    def _count(self, rows: Sequence[Row], messages: Mapping[str, Message], now: float) -> None:
        """Count what was settled here; a leftover of a message settled elsewhere was counted there."""
        self._count_campaigns(rows)
        if not rows:
            return
        self._telemetry.count("Outcomes", len(rows), status=str(Status.EXPIRED))
        counts: Counter[str] = Counter()
        for row in rows:
            parsed = messages[row.id]
            name = parsed.template.name if parsed.template else "-"
            counts[f"o|{Status.EXPIRED}|{parsed.priority}|{parsed.category or '-'}|{name}"] += 1
        try:
            self._control.count(int(now // 60) * 60, counts)
        except UnavailableError as error:
            self._telemetry.warning("counters could not be written", detail=str(error))

    def _expire(self, items: Sequence[tuple[Incoming, Message]], now: float) -> list[str]:
        """Record what came too late; returns the receipts of what may leave the lane."""
        if not items:
            return []
        try:
            rows = self._ledger.read(parsed.id for _, parsed in items)
            changes: list[Change] = []
            fresh: list[Row] = []
            for message, parsed in items:
                row = rows.get(parsed.id)
                if row is None:
                    fresh.append(_expired_row(message, parsed))
                elif row.status is Status.PARKED:
                    changes.append(
                        Change(row, Status.EXPIRED, {"phase": None}, "its time passed while parked")
                    )
            applied = self._ledger.apply(changes, now)
            inserted = self._ledger.insert(fresh, now)
        except UnavailableError as error:
            self._telemetry.error("expired messages stay in their lane", detail=str(error))
            return []
        expired = [change.row for change, lost in zip(changes, applied, strict=True) if lost is None]
        expired += [row for row, ok in zip(fresh, inserted, strict=True) if ok]
        self._count(expired, {parsed.id: parsed for _, parsed in items}, now)
        return [message.receipt for message, _ in items]


def ceiling_of(control: Control, settings: Settings) -> float:
    """The rate that an operator set, or the deployment's; messages per second."""
    value = control.setting(RATE_SETTING).value
    return settings.drain.rate if value is None else float(value)


def _note(message: Incoming) -> Mapping[str, Any]:
    """What a message's next carrier says of itself; one that a producer put into a lane owns itself."""
    return message.note or {"claim": message.id, "turn": 0, "rounds": 0}


def _parsed(message: Incoming) -> Message | None:
    try:
        return parse_message(message.body)
    except ContractError:
        return None  # the sender refuses it with its reason


def _expired_row(message: Incoming, parsed: Message) -> Row:
    return Row(
        id=parsed.id,
        status=Status.EXPIRED,
        claim=message.id,
        body=message.body,
        priority=parsed.priority,
        type=parsed.type,
        category=parsed.category,
        campaign=parsed.campaign,
        note="its time passed while it waited",
    )
