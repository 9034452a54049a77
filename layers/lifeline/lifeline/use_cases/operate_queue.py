"""Operator actions on the queues: what waits, how fast it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.adapters.metrics import Metrics
from lifeline.adapters.queues import Depth, Queues
from lifeline.contract import (
    BACKLOG_CRITICAL_QUEUE,
    BACKLOG_QUEUE,
    BULK_QUEUE,
    DEAD_LETTER_QUEUES,
    LANES,
    PROBE_DLQ,
    PROBE_QUEUE,
    QUEUES,
    VOICE_DLQ,
    VOICE_QUEUE,
    WHATSAPP,
    WHATSAPP_DLQ,
    WHATSAPP_QUEUE,
    format_instant,
)
from lifeline.domain import pace
from lifeline.domain.panic import Change, Flag, State, note
from lifeline.errors import RefusedError, UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.drain import LEAD, RATE_SETTING, SPAN, STATE_SETTING, ceiling_of
from lifeline.use_cases.operate import Handler, Request
from lifeline.use_cases.panic_mode import PanicMode

WHATSAPP_QUEUES: Final = (WHATSAPP_QUEUE, *LANES)
"""What an operator means by "the WhatsApp queue": the live queue and its lanes."""


class OperateQueue:
    """The queues as operators see and steer them."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        panic: PanicMode,
        queues: Queues,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._control = control
        self._panic = panic
        self._queues = queues
        self._metrics = metrics
        self._clock = clock
        self._urls: dict[str, str] = {
            WHATSAPP_QUEUE: settings.whatsapp_queue_url,
            BACKLOG_CRITICAL_QUEUE: settings.backlog_critical_queue_url,
            BACKLOG_QUEUE: settings.backlog_queue_url,
            BULK_QUEUE: settings.bulk_queue_url,
            VOICE_QUEUE: settings.voice_queue_url,
            PROBE_QUEUE: settings.probe_queue_url,
            WHATSAPP_DLQ: settings.whatsapp_dlq_url,
            VOICE_DLQ: settings.voice_dlq_url,
            PROBE_DLQ: settings.probe_dlq_url,
        }

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {"queue.status": self.status, "queue.set_rate": self.set_rate}

    def status(self, request: Request) -> dict[str, Any]:
        """Depth, age, rate and time of arrival, per queue and for the whole backlog."""
        now = self._clock()
        names = self._chosen(request)
        depths = {
            name: self._queues.depth(self._urls[name])
            for name in dict.fromkeys((*names, WHATSAPP_QUEUE, *LANES))
        }
        waiting = sum(depths[lane].total for lane in LANES)
        flag = self._control.flag(WHATSAPP)
        drain = self._drain(flag)
        planned = self._planned(flag, now)
        etas = self._etas(flag, depths, drain["rate"], min(drain["ceiling"], drain["room"]), planned)
        ages, notes = self._ages(names, depths, now)
        if flag.state is State.PANIC:
            notes.append("whatsapp is in panic: the backlog is held, and nothing leaves until recovery")
        elif waiting and drain["ceiling"] == 0:
            notes.append("the rate is 0: the backlog is held; lifeline queue set-rate releases it")
        elif waiting:
            notes += self._slower(drain)
        for name in names:
            if name in DEAD_LETTER_QUEUES and depths[name].total:
                count = depths[name].total
                notes.append(f"{count} on {name}: a person must look (lifeline queue redrive --queue {name})")
        # What is planned lies on the live queue with its delay until then.
        released = depths[WHATSAPP_QUEUE].delayed if planned else 0
        total_eta = _worst([*etas.values(), planned if released else 0.0])
        return {
            "at": format_instant(now),
            "queues": [
                self._row(name, depths[name], ages.get(name), drain["rate"], etas, now) for name in names
            ],
            "drain": drain,
            "waiting": waiting,
            "released": released,
            "eta_seconds": total_eta,
            "eta": None if total_eta is None else format_instant(now + total_eta),
            "notes": notes,
        }

    def _chosen(self, request: Request) -> Sequence[str]:
        if "queue" not in request:
            return tuple(self._urls)
        name = self.named(request["queue"])
        return WHATSAPP_QUEUES if name == WHATSAPP_QUEUE else (name,)

    def named(self, name: str) -> str:
        """The bare name of a queue. Raises :class:`RefusedError` that names the queues there are."""
        for bare, url in self._urls.items():
            if name in (bare, url.rpartition("/")[2]):
                return bare
        raise RefusedError("unknown_queue", f"{name[:80]!r} is not a queue of this stack", QUEUES)

    def url(self, bare: str) -> str:
        """The URL of a queue by its bare name."""
        return self._urls[bare]

    def _drain(self, flag: Flag) -> dict[str, Any]:
        state = self._control.setting(STATE_SETTING)
        value = state.value or {}
        held = flag.state is State.PANIC
        return {
            "state": "held by panic" if held else str(value.get("why", "nothing waits")),
            "rate": 0.0 if held else float(value.get("rate", 0.0)),
            "ceiling": self.ceiling(),
            "room": float(value.get("room", pace.MAX_RATE)),
            "planned_at": format_instant(state.at) if state.at else None,
        }

    def _slower(self, drain: Mapping[str, Any]) -> list[str]:
        """Why the backlog takes longer than its rate says."""
        notes = []
        if drain["room"] < drain["ceiling"]:
            notes.append(
                f"live traffic leaves {drain['room']:.3g}/s of the limiter to the backlog at present"
            )
        if self._settings.quiet.any:
            notes.append("quiet hours are set: who sleeps gets it later than the time above")
        return notes

    def ceiling(self) -> float:
        """The rate that an operator set, or the deployment's; messages per second."""
        return ceiling_of(self._control, self._settings)

    def _planned(self, flag: Flag, now: float) -> float:
        """Seconds for which the drain has planned ahead; 0 where it has not, or where panic holds it."""
        if flag.state is State.PANIC:
            return 0.0
        return max(0.0, (self._control.mark("drain") or 0.0) - now)

    def _etas(
        self, flag: Flag, depths: Mapping[str, Depth], rate: float, ceiling: float, planned: float
    ) -> dict[str, float | None]:
        """What is in a lane leaves after what is planned already."""
        waiting = [(lane, depths[lane].total) for lane in LANES]
        if flag.state is State.PANIC:
            return {lane: None if count else 0.0 for lane, count in waiting}
        found = dict(pace.eta(waiting, rate, ceiling, {BULK_QUEUE: self._settings.limiter.bulk_rate}).lanes)
        ahead = planned if rate else 0.0
        return {lane: seconds + ahead if seconds else seconds for lane, seconds in found.items()}

    def _ages(
        self, names: Sequence[str], depths: Mapping[str, Depth], now: float
    ) -> tuple[dict[str, float], list[str]]:
        """Ages by queue. SQS itself does not tell; CloudWatch does, some minutes late."""
        waiting = [name for name in names if depths[name].total]
        if not waiting:
            return {}, []
        physical = {name: self._urls[name].rpartition("/")[2] for name in waiting}
        try:
            ages = self._metrics.oldest_ages(list(physical.values()), now)
        except UnavailableError as error:
            return {}, [f"the age of the oldest message is unknown: {error}"]
        known = {name: ages[queue] for name, queue in physical.items() if queue in ages}
        missing = [name for name in waiting if name not in known]
        text = f"CloudWatch has not measured the oldest message of {', '.join(missing)} (yet)"
        return known, [text] if missing else []

    @staticmethod
    def _row(
        name: str, depth: Depth, age: float | None, rate: float, etas: Mapping[str, float | None], now: float
    ) -> dict[str, Any]:
        eta = etas.get(name)
        return {
            "name": name,
            "kind": "lane" if name in LANES else "dead-letter" if name in DEAD_LETTER_QUEUES else "live",
            "visible": depth.visible,
            "in_flight": depth.in_flight,
            "delayed": depth.delayed,
            "oldest_age_seconds": age,
            "rate": (rate if depth.total else 0.0) if name in LANES else None,
            "eta_seconds": None if eta is None else round(eta),
            "eta": None if eta is None or not depth.total else format_instant(now + eta),
        }

    def set_rate(self, request: Request) -> dict[str, Any]:
        """Set the ceiling of the drain; its next plan, within a minute, takes it."""
        now = self._clock()
        name = self.named(request["queue"])
        if name != WHATSAPP_QUEUE:
            raise RefusedError(
                "no_rate",
                f"{name} has no rate of its own: the lanes of {WHATSAPP_QUEUE} share one, critical first",
                (WHATSAPP_QUEUE,),
            )
        given = request["rate"]
        try:
            rate = pace.parse_rate(given if isinstance(given, str) else f"{given:.9f}/s" if given else "0")
        except ValueError as error:
            raise RefusedError("bad_rate", str(error), ("10/s", "600/min", "0.5/s", "0")) from error
        before = self.ceiling()
        actor, reason = request["actor"], request["reason"]
        self._control.put_setting(RATE_SETTING, rate, actor=actor, reason=reason, now=now)
        text = f"drain rate {pace.format_rate(before)} to {pace.format_rate(rate)}: {reason}"

        def decide(flag: Flag) -> Change:
            evidence = {"setting": RATE_SETTING, "before": before, "after": rate}
            return note(flag, reason=text, actor=actor, source="operator", at=now, evidence=evidence)

        self._panic.change(WHATSAPP, decide)
        return {
            "queue": name,
            "rate": rate,
            "text": pace.format_rate(rate),
            "before": before,
            "effective_by": format_instant(now + SPAN + LEAD),
            "effective_within_seconds": SPAN + LEAD,
        }


def _worst(etas: Any) -> float | None:
    worst = 0.0
    for seconds in etas:
        if seconds is None:
            return None
        worst = max(worst, seconds)
    return round(worst)
