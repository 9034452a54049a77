"""Operator actions on the queues and lanes: what waits, how fast it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from lifeline.adapters.agenda import Agenda
from lifeline.adapters.control import Control
from lifeline.adapters.metrics import Metrics
from lifeline.adapters.queues import Depth, Queues
from lifeline.contract.instants import format_instant
from lifeline.contract.names import (
    BULK_QUEUE,
    CRITICAL_QUEUE,
    DEAD_LETTER_QUEUES,
    ENTRY_QUEUES,
    EVENTS_DLQ,
    LANES,
    PROBE_DLQ,
    PROBE_QUEUE,
    QUEUES,
    REFUSED,
    VOICE_DLQ,
    VOICE_QUEUE,
    WAKE_QUEUE,
    WEBHOOK_DLQ,
    WEBHOOK_QUEUE,
    WHATSAPP_DLQ,
    WHATSAPP_QUEUE,
)
from lifeline.contract.rates import MAX_RATE, format_rate, parse_rate
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.message.row import BACKLOG, CAMPAIGN_LANE, TEMPLATE_LANE, Lane
from lifeline.domain.pace import pace
from lifeline.domain.pace.pace import LEAD, MARK, SPAN
from lifeline.domain.pace.records import DrainRate, DrainState
from lifeline.domain.panic.flag import By, Flag, PanicChange, State, note
from lifeline.errors import RefusedError, UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.operate.operate import UNSURE, Handler, Request
from lifeline.use_cases.operate.queue_lanes import LaneReader, LaneState
from lifeline.use_cases.shared.panic_mode import PanicMode

HELD_LANES: Final = (TEMPLATE_LANE, CAMPAIGN_LANE)


class OperateQueue:
    """The queues and lanes as operators see and steer them."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        panic: PanicMode,
        queues: Queues,
        agenda: Agenda,
        lanes: LaneReader,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._control = control
        self._panic = panic
        self._queues = queues
        self._agenda = agenda
        self._lanes = lanes
        self._metrics = metrics
        self._clock = clock
        self._urls: dict[str, str] = {
            CRITICAL_QUEUE: settings.critical_queue_url,
            WHATSAPP_QUEUE: settings.whatsapp_queue_url,
            BULK_QUEUE: settings.bulk_queue_url,
            WAKE_QUEUE: settings.wake_queue_url,
            VOICE_QUEUE: settings.voice_queue_url,
            PROBE_QUEUE: settings.probe_queue_url,
            WEBHOOK_QUEUE: settings.webhook_queue_url,
            WHATSAPP_DLQ: settings.whatsapp_dlq_url,
            VOICE_DLQ: settings.voice_dlq_url,
            PROBE_DLQ: settings.probe_dlq_url,
            WEBHOOK_DLQ: settings.webhook_dlq_url,
            EVENTS_DLQ: settings.events_dlq_url,
        }

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {"queue.status": self.status, "queue.set_rate": self.set_rate}

    def status(self, request: Request) -> dict[str, Any]:
        """How many wait, since when, at which rate they leave and when they will be gone."""
        now = self._clock()
        lanes = {lane.name: lane for lane in self._lanes.all(now)}
        names = self._chosen(request, lanes, now)
        depths = {
            name: self._queues.depth(self._urls[name])
            for name in dict.fromkeys((*names, WHATSAPP_DLQ))
            if name in self._urls
        }
        waiting = sum(lanes[name].total for name in BACKLOG)
        refused, unreadable = lanes[REFUSED].total, depths[WHATSAPP_DLQ].total
        flag = self._control.flag(WHATSAPP)
        drain = self._drain(flag)
        planned = self._planned(flag, now)
        etas = self._etas(flag, lanes, drain["rate"], min(drain["ceiling"], drain["room"]), planned)
        ages, notes = self._ages(depths, now)
        if large := [name for name in names if name in lanes and lanes[name].estimated]:
            notes.append(f"{', '.join(large)}: as the tick counted last, within a minute or so")
        if flag.state is State.PANIC:
            notes.append("whatsapp is in panic: the backlog is held until recovery")
        elif waiting and drain["ceiling"] == 0:
            notes.append("the rate is 0: the backlog is held; lifeline queue set-rate releases it")
        elif waiting:
            notes += self._slower(drain, lanes)
        if refused:
            notes.append(
                f"{refused} refused: needs an operator (lifeline queue redrive --queue refused --dry-run)"
            )
        for name, depth in depths.items():
            if name in DEAD_LETTER_QUEUES and depth.total:
                notes.append(
                    f"{depth.total} on {name}: needs an operator "
                    f"(lifeline queue redrive --queue {name} --dry-run)"
                )
        released = self._released(now + planned) if planned else 0
        total_eta = _worst([*etas.values(), planned if released else 0.0])
        return {
            "at": format_instant(now),
            "queues": [
                self._lane_row(lanes[name], drain["rate"], etas, now)
                if name in lanes
                else self._queue_row(name, depths[name], ages.get(name))
                for name in names
            ],
            "drain": drain,
            "waiting": waiting,
            "released": released,
            "refused": refused,
            "unreadable": unreadable,
            "eta_seconds": total_eta,
            "eta": None if total_eta is None else format_instant(now + total_eta),
            "notes": notes,
        }

    def _chosen(self, request: Request, lanes: dict[str, LaneState], now: float) -> Sequence[str]:
        """The names to show, in their order; a held lane that is empty joins ``lanes`` when it is named."""
        given = request.get("queue")
        if given is None:
            dead = [name for name in self._urls if name in DEAD_LETTER_QUEUES]
            return [*(name for name in self._urls if name not in dead), *lanes, *dead]
        if given in lanes:
            return (given,)
        if given.startswith(HELD_LANES):
            lanes[given] = self._lanes.look([given], now)[0]
            return (given,)
        name = self.named(given)
        return (*ENTRY_QUEUES, *lanes) if name == WHATSAPP_QUEUE else (name,)

    def named(self, name: str) -> str:
        """The bare name of a queue. Raises :class:`RefusedError` that names what there is."""
        for bare, url in self._urls.items():
            if name in (bare, url.rpartition("/")[2]):
                return bare
        raise RefusedError(
            "unknown_queue", f"{name[:80]!r} is not a queue or lane of this stack", (*QUEUES, *LANES)
        )

    def url(self, bare: str) -> str:
        """The URL of a queue by its bare name."""
        return self._urls[bare]

    def entry(self, priority: str) -> str:
        """The bare name of the queue on which a message of this priority is looked at in time."""
        return {"critical": CRITICAL_QUEUE, "bulk": BULK_QUEUE}.get(priority, WHATSAPP_QUEUE)

    def _drain(self, flag: Flag) -> dict[str, Any]:
        stored = self._control.kept(DrainState)
        state = stored.value
        held = flag.state is State.PANIC
        return {
            "state": "held by panic" if held else state.why,
            "rate": 0.0 if held else state.rate,
            "ceiling": self.ceiling(),
            "room": MAX_RATE if state.room is None else state.room,
            "planned_at": format_instant(stored.at) if stored.is_there else None,
        }

    def _slower(self, drain: Mapping[str, Any], lanes: Mapping[str, LaneState]) -> list[str]:
        """Why the backlog takes longer than its rate says."""
        notes = []
        if drain["room"] < drain["ceiling"]:
            notes.append(f"live traffic now leaves {drain['room']:.3g}/s of the rate limit to the backlog")
        asleep = sum(lanes[name].total - lanes[name].due for name in BACKLOG)
        if asleep:
            notes.append(f"{asleep} of the backlog wait for the end of quiet hours, later than the ETA above")
        return notes

    def ceiling(self) -> float:
        """The rate that an operator set, or the deployment's; messages per second."""
        return self._control.kept(DrainRate).value.ceiling(self._settings.drain.rate)

    def _planned(self, flag: Flag, now: float) -> float:
        """Seconds for which the tick has released ahead; 0 where it has not, or where panic holds it."""
        if flag.state is State.PANIC:
            return 0.0
        return max(0.0, (self._control.mark(MARK) or 0.0) - now)

    def _released(self, until: float) -> int:
        """How many have left the backlog and wait for their second; up to about 100,000 are seen."""
        return self._agenda.at_least(Lane.TIMER, until, drained=True)[0]

    def _etas(
        self, flag: Flag, lanes: Mapping[str, LaneState], rate: float, ceiling: float, planned: float
    ) -> dict[str, float | None]:
        """What is in a lane leaves after what is planned already."""
        waiting = [(str(name), lanes[name].total) for name in BACKLOG]
        if flag.state is State.PANIC:
            return {lane: None if count else 0.0 for lane, count in waiting}
        limits = {str(Lane.BULK): self._settings.limiter.bulk_rate}
        seconds_of = dict(pace.eta(waiting, rate, ceiling, limits).lanes)
        ahead = planned if rate else 0.0
        return {lane: seconds + ahead if seconds else seconds for lane, seconds in seconds_of.items()}

    def _ages(self, depths: Mapping[str, Depth], now: float) -> tuple[dict[str, float], list[str]]:
        """Ages by queue. SQS itself does not tell; CloudWatch does, some minutes late."""
        waiting = [name for name, depth in depths.items() if depth.total]
        if not waiting:
            return {}, []
        physical = {name: self._urls[name].rpartition("/")[2] for name in waiting}
        try:
            ages = self._metrics.oldest_ages(list(physical.values()), now)
        except UnavailableError as error:
            return {}, [f"the age of the oldest message is unknown: {error}"]
        # An age of 0 was measured before what waits now came: it says nothing of it.
        known = {name: ages[queue] for name, queue in physical.items() if ages.get(queue)}
        missing = [name for name in waiting if name not in known]
        text = f"CloudWatch has not measured the oldest message of {', '.join(missing)} (yet)"
        return known, [text] if missing else []

    @staticmethod
    def _queue_row(name: str, depth: Depth, age: float | None) -> dict[str, Any]:
        return {
            "name": name,
            "kind": "dead-letter" if name in DEAD_LETTER_QUEUES else "live",
            "visible": depth.visible,
            "in_flight": depth.in_flight,
            "delayed": depth.delayed,
            "oldest_age_seconds": age,
            "rate": None,
            "eta_seconds": None,
            "eta": None,
        }

    @staticmethod
    def _lane_row(
        lane: LaneState, rate: float, etas: Mapping[str, float | None], now: float
    ) -> dict[str, Any]:
        eta = etas.get(lane.name)
        backlog = lane.name in BACKLOG
        return {
            "name": lane.name,
            "kind": "backlog" if backlog else "held" if lane.name not in LANES else lane.name,
            "visible": lane.due,
            "in_flight": 0,
            "delayed": lane.total - lane.due,
            "oldest_age_seconds": lane.age(now),
            "rate": (rate if lane.total else 0.0) if backlog else None,
            "eta_seconds": None if eta is None else round(eta),
            "eta": None if eta is None or not lane.total else format_instant(now + eta),
        }

    def set_rate(self, request: Request) -> dict[str, Any]:
        """Set the ceiling of the drain; its next plan, within a minute, takes it."""
        now = self._clock()
        name = request["queue"] if request["queue"] in LANES else self.named(request["queue"])
        if name != WHATSAPP_QUEUE:
            raise RefusedError(
                "no_rate",
                f"{name} has no rate of its own: the backlog of {WHATSAPP_QUEUE} has one, critical first",
                (WHATSAPP_QUEUE,),
            )
        given = request["rate"]
        try:
            rate = parse_rate(given if isinstance(given, str) else f"{given:.9f}/s" if given else "0")
        except ValueError as error:
            raise RefusedError("bad_rate", str(error), ("10/s", "600/min", "0.5/s", "0")) from error
        warnings = self._too_fast(rate)
        if warnings and not request.get("sure"):
            raise RefusedError(UNSURE, warnings[0], ("sure",))
        before = self.ceiling()
        actor, reason = request["actor"], request["reason"]
        self._control.keep(DrainRate(rate), actor=actor, reason=reason, now=now)
        text = f"drain rate {format_rate(before)} to {format_rate(rate)}: {reason}"

        def decide(flag: Flag) -> PanicChange:
            evidence = {"setting": DrainRate.NAME, "before": before, "after": rate}
            return note(flag, By(actor, "operator", text, now), evidence=evidence)

        self._panic.change(WHATSAPP, decide)
        return {
            "queue": name,
            "rate": rate,
            "text": format_rate(rate),
            "before": before,
            "effective_by": format_instant(now + SPAN + LEAD),
            "effective_within_seconds": SPAN + LEAD,
            "warnings": warnings,
        }

    def _too_fast(self, rate: float) -> list[str]:
        """What a rate does that the account's throughput does not hold."""
        limit = self._settings.limiter.rate
        if rate <= limit:
            return []
        return [
            f"{format_rate(rate)} is above the account's throughput, {format_rate(limit)} "
            "(SETTINGS_JSON limiter.rate): the backlog takes all that live traffic leaves, and Meta rejects "
            "sends above its own limit"
        ]


def _worst(etas: Iterable[float | None]) -> float | None:
    worst = 0.0
    for seconds in etas:
        if seconds is None:
            return None
        worst = max(worst, seconds)
    return round(worst)
