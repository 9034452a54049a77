"""Operator actions on the account: rates and limits, and volume."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.adapters.whatsapp import Answer, WhatsApp
from lifeline.contract.instants import format_instant
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account.counters import TrafficKind
from lifeline.domain.account.health import NUMBER_FIELDS, advice, number_words, tokens, usage_words
from lifeline.domain.account.records import UsageReading
from lifeline.domain.account.volume import Volume, summarise
from lifeline.domain.failure.classify import Failure
from lifeline.domain.pace.pace import split
from lifeline.domain.panic.flag import State
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.operate.operate import Handler, Request

MINUTE: Final = 60.0
TOP: Final = 20
"""Templates and categories that an answer lists one by one; the rest is summed up."""


class OperateAccount:
    """What the account may do, and what it did."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        whatsapp: WhatsApp,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._control = control
        self._whatsapp = whatsapp
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {
            "whatsapp.rate_status": self.rate_status,
            "whatsapp.volume": self.volume,
        }

    # -- rate ----------------------------------------------------------------------------------------

    def rate_status(self, request: Request) -> dict[str, Any]:
        """Our limiter, Meta's limits, and the usage headers last seen. A Meta that refuses is part of it."""
        now = self._clock()
        booked = self._control.limiter(WHATSAPP)
        limiter = self._settings.limiter.under(self._control.operators_rate(), now)
        used = sum(
            bucket.ok + sum(bucket.failed.values())
            for bucket in self._control.window(WHATSAPP).buckets
            if bucket.start > now - MINUTE
        )
        flag = self._control.flag(WHATSAPP)
        answer = self._ask_number()
        number = None if isinstance(answer, str | Failure) else number_words(answer.body)
        sent = self._control.kept(UsageReading).value
        asked = None if isinstance(answer, str | Failure) else answer.usage
        bulk_rate = limiter.bulk_rate
        _, shared = split(limiter.rate, limiter.burst, limiter.critical_share)
        return {
            "at": format_instant(now),
            "state": str(flag.state),
            "earliest_recovery": format_instant(flag.earliest_recovery)
            if flag.state is State.PANIC and flag.earliest_recovery > now
            else None,
            "limiter": {
                "rate": limiter.rate,
                "burst": limiter.burst,
                "used_last_minute": used,
                "share": round(used / (limiter.rate * MINUTE), 4),
                **_tokens(booked, *shared, now),
                "bulk": {
                    "rate": bulk_rate,
                    **_tokens(
                        self._control.limiter("bulk"),
                        bulk_rate,
                        max(1, int(limiter.bulk_share * limiter.burst)),
                        now,
                    ),
                },
            },
            "meta": number,
            "error": _refusal(answer),
            "usage": [
                *_shown("sends", sent, now),
                *_shown("this question", UsageReading(now, asked), now),
            ],
            "notes": advice(number, (sent.usage, asked), limiter.rate, limiter.burst),
        }

    def _ask_number(self) -> Answer | Failure | str:
        try:
            return self._whatsapp.phone_number(NUMBER_FIELDS)
        except UnavailableError as error:
            return str(error)

    # -- volume --------------------------------------------------------------------------------------

    def volume(self, request: Request) -> dict[str, Any]:
        """What was handled in the last hours, of which kind, and what made the busiest minute."""
        now = self._clock()
        hours = float(request.get("hours") or 1)
        since = now - hours * 3600
        volume = summarise(self._control.counts(since, now), since, now)
        return {
            "at": format_instant(now),
            "since": format_instant(since),
            "hours": hours,
            "total": volume.total,
            "accepted": volume.accepted,
            "outcomes": _largest(volume.outcomes),
            "priorities": _largest(volume.priorities),
            "categories": _largest(volume.categories),
            "templates": _largest(volume.templates),
            "step_seconds": volume.step,
            "bars": [
                {"at": format_instant(bar.start), "count": bar.count, "limited": bar.limited}
                for bar in volume.bars
            ],
            "peak": _peak(volume),
        }


def _refusal(answer: Answer | Failure | str) -> dict[str, str] | None:
    if isinstance(answer, Answer):
        return None
    if isinstance(answer, Failure):
        return {"cause": str(answer.cause), "message": answer.words, "remedy": answer.remedy}
    return {"cause": "unavailable", "message": answer, "remedy": "Try again."}


def _shown(by: str, seen: UsageReading, now: float) -> Iterator[dict[str, Any]]:
    at, usage = seen.at, seen.usage
    if usage is None:
        return
    regained = at + usage.regain_seconds
    yield {
        "by": by,
        "at": format_instant(at),
        "age_seconds": round(max(0.0, now - at), 1),
        "percent": usage.percent,
        "quotas": usage_words(usage),
        "regain_at": format_instant(regained) if usage.regain_seconds and regained > now else None,
        "regain_in_seconds": round(max(0.0, regained - now), 1) if usage.regain_seconds else 0,
    }


def _largest(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    items = list(counts.items())
    rows = [{"name": name, "count": count} for name, count in items[:TOP]]
    rest = sum(count for _, count in items[TOP:])
    return [*rows, {"name": f"{len(items) - TOP} others", "count": rest}] if rest else rows


def _peak(volume: Volume) -> dict[str, Any] | None:
    peak = volume.peak
    if peak is None:
        return None
    return {
        "at": format_instant(peak.start),
        "count": peak.count,
        "per_second": round(peak.count / MINUTE, 2),
        "usual": round(peak.usual, 2),
        "spike": peak.is_spike,
        "made_of": [
            {
                **_kind(part.kind),
                "count": part.count,
                "usual": round(part.usual, 2),
                "share": round(part.share, 4),
            }
            for part in peak.parts[:5]
        ],
    }


def _kind(kind: TrafficKind) -> dict[str, str]:
    return {"priority": kind.priority, "category": kind.category, "template": kind.template}


def _tokens(booked: float | None, rate: float, burst: int, now: float) -> dict[str, Any]:
    limiter = tokens(booked, now, rate, burst)
    return {
        "tokens": limiter.available,
        "booked_ahead": limiter.booked,
        "next_in_seconds": round(limiter.free_at - now, 3),
    }
