"""When does panic end? In these four ways and no other.

1. ``probe``: three successes in a row, not before the earliest recovery, and not under a hold.
2. ``tick``: its ``until`` has passed (and the earliest recovery with it).
3. ``disable``: an operator says so.
4. ``resolve``: Meta itself says that the template is approved again.

Panic leaves into ``recovering`` (live traffic flows, the backlog ramps up), which becomes ``normal`` after
the settle time. A trip within the settle time goes back to panic in the same incident.

Pure: each function takes the flag as it was read and returns the :class:`PanicChange` to write (the new flag
and the history event that tells of it), or ``None`` when there is nothing to write. The caller writes with
the condition that the stored version is still the one that it read, and on a conflict reads again and decides
anew: so two alarms, a worker and an operator at the same moment leave one incident.

All times are epoch seconds, all spans seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lifeline.domain.failure.causes import Cause
from lifeline.domain.panic.flag import (
    DEFAULT_RULES,
    By,
    Flag,
    Kind,
    PanicChange,
    PanicRefused,
    Rules,
    State,
    change_to,
    require_reason,
)


def probe(
    flag: Flag,
    *,
    incident_id: str,
    ok: bool,
    now: float,
    rules: Rules = DEFAULT_RULES,
    evidence: Mapping[str, object] | None = None,
    alarm_on: bool = False,
    actor: str = "prober",
) -> PanicChange | None:
    """Count the result of one probe of ``incident_id``; the third success in a row ends panic.

    A result of an earlier incident, or one that comes after panic ended, changes nothing. A failure resets
    the count. A success before the earliest recovery, or under a hold, counts and does not end panic. An
    alarm that is still in ALARM (``alarm_on``) is noted and does not stand in the way: it measures the past,
    and some alarms cannot clear while nothing is sent.
    """
    if flag.state is not State.PANIC or incident_id != flag.incident_id:
        return None
    evidence_now = {**(evidence or {}), "alarm_on": alarm_on}
    if not ok:
        return change_to(
            replace(flag, successes=0), Kind.PROBE_FAILED, By(actor, "prober", "", now), evidence_now
        )
    flag = replace(flag, successes=flag.successes + 1)
    evidence_now["successes"] = flag.successes
    held = flag.hold and (flag.until is None or now < flag.until)
    if flag.successes < rules.successes_to_end or now < flag.earliest_recovery or held:
        return change_to(flag, Kind.PROBE_SUCCEEDED, By(actor, "prober", "", now), evidence_now)
    reason = f"{flag.successes} probes in a row succeeded"
    return _recover(flag, By(actor, "prober", reason, now), rules, evidence_now)


def tick(flag: Flag, *, now: float, rules: Rules = DEFAULT_RULES) -> PanicChange | None:
    """What the clock ends: panic at its ``until`` (not before the earliest recovery), recovering after
    settling.
    """
    if (
        flag.state is State.PANIC
        and flag.until is not None
        and now >= max(flag.until, flag.earliest_recovery)
    ):
        return _recover(flag, By("schedule", "schedule", "panic has reached its end time", now), rules, {})
    if flag.state is State.RECOVERING and flag.settle_until is not None and now >= flag.settle_until:
        return _end(flag, By(flag.actor, flag.source, "no new panic within the settle time", now))
    return None


def disable(flag: Flag, by: By, *, ramp: bool = True, rules: Rules = DEFAULT_RULES) -> PanicChange:
    """An operator ends panic, whatever the probes say: into recovering (``ramp``) or straight to normal.

    Raises :class:`PanicRefused` when the scope is normal already, recovers already (and ``ramp`` asks for no
    more than that), or when there is no reason.
    """
    require_reason(by.reason)
    if flag.state is State.NORMAL:
        raise PanicRefused(f"{flag.scope} is not in panic; there is nothing to disable")
    if not ramp:
        return _end(flag, by)
    if flag.state is State.RECOVERING:
        raise PanicRefused(f"{flag.scope} is already recovering; without a ramp it becomes normal at once")
    return _recover(flag, by, rules, {})


def resolve(
    flag: Flag,
    by: By,
    *,
    observed: float | None = None,
    language: str = "",
    rules: Rules = DEFAULT_RULES,
    evidence: Mapping[str, object] | None = None,
) -> PanicChange | None:
    """Meta says that a template is approved again: its panic ends without waiting for three probes.

    Only a panic that Meta's rejection began: one of an operator, of an alarm or under a hold stays.
    ``observed``: Meta's time of the approval (epoch seconds); one from before the rejection comes late and
    ends nothing. ``language``: what was approved; where the rejection named another one, that one decides.
    """
    if flag.state is not State.PANIC or flag.cause != Cause.TEMPLATE_REJECTED:
        return None
    if flag.hold and (flag.until is None or by.at < flag.until):
        return None
    rejected_at = flag.evidence.get("observed")
    began = float(rejected_at) if isinstance(rejected_at, int | float) else flag.since
    if observed is not None and observed < began:
        return None
    rejected = flag.evidence.get("language")
    if language and isinstance(rejected, str) and rejected and rejected != language:
        return None
    return _recover(flag, by, rules, evidence or {})


def _recover(flag: Flag, by: By, rules: Rules, evidence: Mapping[str, object]) -> PanicChange:
    left = replace(
        flag,
        state=State.RECOVERING,
        recovering_since=by.at,
        left_panic_at=by.at,
        settle_until=by.at + rules.settle_seconds,
        successes=0,
        hold=False,
        until=None,
        reason=by.reason,
        actor=by.actor,
        source=by.source,
    )
    return change_to(left, Kind.RECOVERING, by, evidence)


def _end(flag: Flag, by: By) -> PanicChange:
    calm = replace(
        Flag.normal(flag.scope),
        since=by.at,
        left_panic_at=flag.left_panic_at if flag.state is State.RECOVERING else by.at,
        reason=by.reason,
        actor=by.actor,
        source=by.source,
        incident_id=flag.incident_id,
        version=flag.version,
        shadow=flag.shadow,
        would_enter_at=flag.would_enter_at,
    )
    change = change_to(calm, Kind.ENDED, by, {})
    return replace(change, event=replace(change.event, cause=flag.cause))
