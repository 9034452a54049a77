"""Detection: from the outcomes of sends to a reason for panic.

All workers share one window per scope, in buckets of 10 seconds. A batch is counted with :func:`tally`, added
in one write, and :func:`judge` says whether the scope has to panic and why.

Three rules, so that an outage is found at every volume and one bad send never trips:

- **streak**: so many connection failures in a row, however far apart. Finds a total outage within seconds at
  high volume, and an outage at a clinic that sends a message an hour. The default of 5 is more than the 4
  attempts that one message has, so one message alone cannot do it.
- **share**: a share of failures, at a minimum volume, in the window or in its newest part. Finds a partial
  outage.
- **limits**: Meta's rate and spam limits at a lower share, since part of the traffic always passes.

Which cause counts how says its row (:class:`~lifeline.domain.failure.causes.Trip`). Those that trip at once
need no window: the caller trips on the first one. Failures of a person or of a message (invalid phone, bad
request, ...) never count as failures; they do show that Meta answers, and so break a streak.

A template that Meta rejects panics by itself, at once. :func:`judge_templates` finds the one whose sends are
refused for what is in them (parameters that no longer fit), from the counters of each minute.

All times are epoch seconds, all spans seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from lifeline.domain.account.counters import ACCEPTED, REPORTED_LATER, REPORTED_SENT, Counts, template_sends
from lifeline.domain.failure.causes import COUNTED, LIMITS, STREAKS, Cause

BUCKET_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When outcomes become a panic. Spans in seconds, shares from 0 to 1."""

    window_seconds: int = 60
    """What lies further back is forgotten."""
    short_window_seconds: int = 20
    """The newest part of the window, judged by itself: at high volume the whole one answers too slowly."""
    minimum_volume: int = 20
    """Outcomes below which a share says nothing."""
    failure_ratio: float = 0.5
    """Share of counted failures that trips."""
    consecutive_failures: int = 5
    """Connection failures in a row that trip at any volume; also limit answers with no success in the
    window.
    """
    rate_limit_share: float = 0.2
    """Share of rate-limit or spam-limit answers that trips."""
    template_minimum: int = 3
    """Refused sends with one template below which their share says nothing."""
    template_ratio: float = 0.5
    """Share of refused sends with one template that trips that template."""
    silent_minimum: int = 20
    """Accepted sends below which missing status webhooks say nothing."""
    silent_share: float = 0.8
    """Share of accepted sends without any status webhook that trips."""
    silent_after_seconds: int = 300
    """How old an accepted send must be before its missing webhook counts, at ``silent_minimum`` sends."""
    silent_soonest_seconds: int = 60
    """The same where traffic is dense: n times as many sends need an n-th of the time, at least this."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` that names the first number out of its bounds."""
        bounds: Mapping[str, tuple[float, float]] = {
            "window_seconds": (BUCKET_SECONDS, 900),
            "short_window_seconds": (BUCKET_SECONDS, self.window_seconds),
            "minimum_volume": (2, 100_000),
            "failure_ratio": (0.01, 1),
            "consecutive_failures": (2, 1000),
            "rate_limit_share": (0.01, 1),
            "template_minimum": (2, 1000),
            "template_ratio": (0.01, 1),
            "silent_minimum": (2, 100_000),
            "silent_share": (0.01, 1),
            "silent_after_seconds": (30, 86400),
            "silent_soonest_seconds": (30, 86400),
        }
        for name, (low, high) in bounds.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be between {low} and {high}, not {getattr(self, name)}")


DEFAULT_THRESHOLDS: Final = Thresholds()


@dataclass(frozen=True, slots=True)
class Bucket:
    """Outcomes of 10 seconds from ``start`` (epoch seconds, a multiple of 10)."""

    start: int
    ok: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    """Counted failures by cause."""


@dataclass(frozen=True, slots=True)
class Window:
    """The shared outcomes of one scope, oldest bucket first."""

    buckets: tuple[Bucket, ...] = ()
    consecutive_unreachable: int = 0
    """Connection failures since Meta last answered anything."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The outcomes of one batch, ready to be added to the window in one write."""

    ok: int = 0
    """Answers, whatever they said of one message: the channel works."""
    failed: Mapping[str, int] = field(default_factory=dict)
    """Failures of the channel by cause."""
    trailing_unreachable: int = 0
    """Connection failures at the batch's end, with no answer after them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A reason to panic."""

    cause: Cause
    reason: str
    evidence: Mapping[str, object]


def bucket_start(now: float) -> int:
    """The bucket that ``now`` falls into."""
    return int(now // BUCKET_SECONDS) * BUCKET_SECONDS


def tally(outcomes: Iterable[str | None]) -> Tally:
    """Count a batch's outcomes in the order in which they ended: the cause of each failure of the channel,
    ``None`` for everything else.
    """
    ok = trailing = 0
    failed: Counter[str] = Counter()
    for cause in outcomes:
        if cause is None:
            ok += 1
        else:
            failed[cause] += 1
        trailing = trailing + 1 if cause in STREAKS else 0
    return Tally(ok, failed, trailing)


def judge(window: Window, thresholds: Thresholds = DEFAULT_THRESHOLDS, now: float = 0.0) -> Verdict | None:
    """Whether the outcomes up to ``now`` are a reason to panic, and which one."""
    streak = window.consecutive_unreachable
    if streak >= thresholds.consecutive_failures:
        _, failed = _sum(window, now, thresholds.window_seconds)
        return Verdict(
            max(STREAKS, key=lambda cause: failed.get(cause, 0)),
            f"{streak} sends in a row did not reach the service",
            {"rule": "streak", "consecutive_unreachable": streak, **_evidence(window, thresholds, now)},
        )
    for seconds in (thresholds.short_window_seconds, thresholds.window_seconds):
        ok, failed = _sum(window, now, seconds)
        failures = sum(failed.get(cause, 0) for cause in COUNTED)
        volume = ok + failures
        if not failures:
            continue
        limits = {cause: failed.get(cause, 0) for cause in LIMITS}
        worst_limit = max(LIMITS, key=lambda cause: limits[cause])
        limited = sum(limits.values())
        if volume >= thresholds.minimum_volume and failures / volume >= thresholds.failure_ratio:
            cause = max(COUNTED, key=lambda cause: failed.get(cause, 0))
            rule, count = "share", failures
        elif volume >= thresholds.minimum_volume and limited / volume >= thresholds.rate_limit_share:
            cause, rule, count = worst_limit, "limits", limited
        elif not ok and limited >= thresholds.consecutive_failures:
            cause, rule, count = worst_limit, "limits at low volume", limited
        else:
            continue
        return Verdict(
            cause,
            f"{count} of {volume} sends in {seconds} seconds failed, most with {cause.value}",
            {"rule": rule, "share": round(count / volume, 4), **_evidence(window, thresholds, now, seconds)},
        )
    return None


def judge_templates(
    minutes: Counts,
    *,
    now: float,
    since: Mapping[str, float],
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> dict[str, Verdict]:
    """Which templates have to panic because too many of their newest sends were refused, by name.

    ``minutes``: counters by the start of their minute; those count that end within the window. A person who
    cannot be reached says nothing of the template. ``since``: by template, when it last left panic: minutes
    that began before are left out.
    """
    verdicts = {}
    newest = {
        start: counts for start, counts in minutes.items() if now - (start + 60) < thresholds.window_seconds
    }
    for template in template_sends(newest):
        mine = {start: counts for start, counts in newest.items() if start >= since.get(template, 0.0)}
        sends = template_sends(mine).get(template)
        if sends is None or sends.refused < thresholds.template_minimum:
            continue
        # A report by webhook is counted in its own minute, which may be a later one than the send's.
        share = sends.refused / max(sends.asked, sends.refused)
        if share < thresholds.template_ratio:
            continue
        verdicts[template] = Verdict(
            Cause.TEMPLATE_REJECTED,
            f"{sends.refused} of {max(sends.asked, sends.refused)} sends of this template were refused",
            {"rule": "template", "asked": sends.asked, "refused": sends.refused, "share": round(share, 4)},
        )
    return verdicts


def judge_silence(
    minutes: Counts,
    *,
    now: float,
    since: float,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Verdict | None:
    """Whether Meta says yes and delivers nothing: sends that are old enough, as many minutes back as needed.

    ``minutes``: counters by the start of the minute of the send (epoch seconds). ``since``: sends before this
    instant are left out: those of a panic that is over, and those before webhooks were first seen, since
    without a subscription every send is silent.
    """
    sent = [start for start in sorted(minutes, reverse=True) if minutes[start].get(ACCEPTED, 0)]
    sent = [start for start in sent if start >= since]
    for index, youngest in enumerate(sent):
        age = now - (youngest + 60)
        needed = _needed(age, thresholds)
        if needed is None:
            continue
        accepted = with_status = 0
        for start in sent[index:]:
            accepted += minutes[start][ACCEPTED]
            with_status += _reported(minutes[start])
            if accepted >= needed:
                break
        missing = max(0, accepted - with_status)
        if accepted >= needed and missing / accepted >= thresholds.silent_share:
            return Verdict(
                Cause.SILENT,
                f"{missing} of {accepted} accepted sends have no status webhook after {age:.0f} seconds",
                {
                    "rule": "silent",
                    "accepted": accepted,
                    "with_status": with_status,
                    "share": round(missing / accepted, 4),
                },
            )
        if age >= thresholds.silent_after_seconds:
            return None
    return None


def _needed(age: float, thresholds: Thresholds) -> int | None:
    """So many sends, the youngest of ``age`` seconds, say something by missing statuses; ``None``: no number.

    n times as many sends, an n-th of the time: dense traffic is seen earlier at the same doubt.
    """
    if age >= thresholds.silent_after_seconds:
        return thresholds.silent_minimum
    if age < thresholds.silent_soonest_seconds:
        return None
    return ceil(thresholds.silent_minimum * thresholds.silent_after_seconds / age)


STATUS_WITHIN: Final = 120.0
"""Seconds after which a send that Meta accepted has a status: it takes some; minutes are counted whole."""
FEW: Final = 3
"""Sends without a status below which that says something only after ``LATE`` seconds."""
LATE: Final = 600.0


@dataclass(frozen=True, slots=True)
class Unreported:
    """Accepted sends of which Meta reported nothing, the newest ones in a row."""

    sends: int
    since: int
    """The start of the first one's minute (epoch seconds)."""

    def is_strange(self, now: float) -> bool:
        """Whether that is more than a status on its way, or a phone number of which there is never one."""
        return self.sends >= FEW or now - self.since > LATE


def unreported(
    minutes: Counts, until: float, *, seen: float = 0.0, thresholds: Thresholds = DEFAULT_THRESHOLDS
) -> Unreported | None:
    """The sends from the last minute of which something was reported up to ``until``, each as much a sign as
    traffic is dense; ``None`` where the newest were reported, or nothing was sent.

    ``seen``: when a status of anything came in last (epoch seconds); sends before it are left out.
    """
    sends, since = 0, None
    for start in sorted(minutes, reverse=True):
        accepted = minutes[start].get(ACCEPTED, 0)
        if start + 60 > until or not accepted:
            continue
        missing = accepted - _reported(minutes[start])
        if start < seen or missing / accepted < thresholds.silent_share:
            break
        sends, since = sends + missing, start
    return None if since is None else Unreported(sends, since)


def _reported(counts: Mapping[str, int]) -> int:
    """Of the sends of a minute, those with a status. The two counters overlap, and repetitions may count
    twice: the larger one, at most all.
    """
    larger = max(counts.get(REPORTED_SENT, 0), counts.get(REPORTED_LATER, 0))
    return min(counts.get(ACCEPTED, 0), larger)


def silent_sends(verdict: Verdict) -> int:
    """How many sends a verdict of silence misses reports of."""
    accepted, reported = (verdict.evidence.get(name, 0) for name in ("accepted", "with_status"))
    return accepted - reported if isinstance(accepted, int) and isinstance(reported, int) else 0


UNREAD_AFTER: Final = 60.0
"""Seconds for which the oldest webhook waits on our queue before those that wait explain a silence: a worker
takes them within two."""


def may_explain_silence(kept_back: float, missing: int) -> bool:
    """Whether posts that our own front door refused, or that nobody has taken from our queue, may be the
    reports that are missing.

    A post of Meta's may hold the reports of many sends, so one in ten is enough; one or two are not.
    """
    return kept_back >= max(3.0, missing / 10)


def _sum(window: Window, now: float, seconds: int) -> tuple[int, dict[str, int]]:
    """Successes and failures of the buckets that began less than ``seconds`` ago."""
    ok = 0
    failed: dict[str, int] = {}
    for bucket in window.buckets:
        if bucket.start > now - seconds:
            ok += bucket.ok
            for cause, count in bucket.failed.items():
                failed[cause] = failed.get(cause, 0) + count
    return ok, failed


def _evidence(
    window: Window, thresholds: Thresholds, now: float, seconds: int | None = None
) -> dict[str, object]:
    span = thresholds.window_seconds if seconds is None else seconds
    ok, failed = _sum(window, now, span)
    return {"window_seconds": span, "ok": ok, "failed": failed}
