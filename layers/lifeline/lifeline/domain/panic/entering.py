"""How a scope comes into panic: by its outcomes or an alarm, by an operator, again from an alarm.

Pure, and written as :mod:`lifeline.domain.panic.ending` says. All times are epoch seconds, all spans seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lifeline.domain.failure.causes import Cause, traits_of
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


def initial_wait(cause: str, rules: Rules = DEFAULT_RULES) -> float:
    """Seconds from a trip to its earliest recovery, where the service states none: as the settings say, else
    the cause's row.
    """
    return float(getattr(rules, f"{cause}_seconds", traits_of(cause).first_wait))


def trip(
    flag: Flag,
    by: By,
    *,
    cause: str,
    evidence: Mapping[str, object],
    new_incident_id: str,
    rules: Rules = DEFAULT_RULES,
    earliest: float | None = None,
    observed: float | None = None,
) -> PanicChange | None:
    """Enter panic by itself: from the sender, an alarm, the prober or a webhook.

    ``earliest``: the instant at which Meta says that access is regained. ``observed``: when the evidence was
    seen; what was seen before the scope last left panic is about that panic and changes nothing (alarm
    notifications come late, twice and out of order).

    Normal: a new incident. Recovering: back to panic in the same incident; within the settle time the
    earliest recovery doubles with each trip (flap damping). Panic: only a stronger cause or a later stated
    regain time changes the flag. In shadow, entering is only reported, at most once a minute.
    """
    now = by.at
    stated = 0.0 if earliest is None else min(earliest, now + rules.max_regain_seconds)
    if flag.state is State.PANIC:
        return _worsen(flag, by, cause, evidence, rules, stated)
    if observed is not None and observed < flag.left_panic_at:
        return None
    if flag.shadow:
        if flag.would_enter_at is not None and now < flag.would_enter_at + rules.would_enter_seconds:
            return None
        seen = replace(flag, would_enter_at=now)
        return change_to(seen, Kind.WOULD_ENTER, by, evidence, cause)
    wait = initial_wait(cause, rules)
    if flag.state is State.RECOVERING and (flag.settle_until is None or now < flag.settle_until):
        flag = replace(flag, trips=flag.trips + 1)
        first = max(rules.flap_base_seconds, 2 * wait)
        # The exponent is bounded so that no number of flaps overflows a float.
        wait = max(wait, min(rules.flap_max_seconds, first * 2 ** min(flag.trips - 1, 32)))
    entered = replace(flag, cause=cause, evidence=evidence, earliest_recovery=max(now + wait, stated))
    return enter(entered, by, new_incident_id, evidence)


def _worsen(
    flag: Flag, by: By, cause: str, evidence: Mapping[str, object], rules: Rules, stated: float
) -> PanicChange | None:
    """A trip during panic. A stronger cause starts the count anew: the probe now asks something else."""
    if traits_of(cause).strength > traits_of(flag.cause).strength:
        later = max(flag.earliest_recovery, by.at + initial_wait(cause, rules), stated)
        flag = replace(flag, cause=cause, evidence=evidence, earliest_recovery=later, successes=0)
        flag = replace(flag, reason=by.reason, actor=by.actor, source=by.source)
        return change_to(flag, Kind.CAUSE_CHANGED, by, evidence)
    if stated > flag.earliest_recovery:
        flag = replace(flag, earliest_recovery=stated)
        return change_to(flag, Kind.EXTENDED, by, evidence, cause)
    return None


def enable(
    flag: Flag,
    by: By,
    *,
    new_incident_id: str,
    hold: bool = False,
    until: float | None = None,
    wait: float = 0.0,
    cause: str = Cause.OPERATOR,
) -> PanicChange | None:
    """An operator, or a plan of one (source ``schedule``), puts the scope in panic; shadow does not stop
    it.

    On a scope in panic it changes reason, hold and ``until`` within the same incident and keeps the cause,
    which tells the probe what to ask. There, ``hold`` takes ``until`` as given (none: no end); without
    ``hold`` a present hold stays, and a present ``until`` stays unless a new one is given.

    ``wait``: seconds from now before which no probe ends it.

    Raises :class:`PanicRefused` without a reason, or when ``until`` has passed.
    """
    require_reason(by.reason)
    if until is not None and until <= by.at:
        raise PanicRefused(f"panic on {flag.scope} would end before it began: until is not in the future")
    if flag.state is State.PANIC:
        kept_until = until if hold or until is not None else flag.until
        earliest = max(flag.earliest_recovery, by.at + wait) if wait else flag.earliest_recovery
        if (by.reason, hold or flag.hold, kept_until) == (flag.reason, flag.hold, flag.until):
            return None
        flag = replace(
            flag,
            reason=by.reason,
            actor=by.actor,
            source=by.source,
            hold=hold or flag.hold,
            until=kept_until,
            earliest_recovery=earliest,
        )
        kind = Kind.HELD if hold else Kind.CHANGED
        return change_to(flag, kind, by, {"hold": flag.hold, "until": flag.until})
    evidence: dict[str, object] = {"hold": hold, "until": until}
    entered = replace(
        flag, cause=cause, evidence=evidence, earliest_recovery=by.at + wait, hold=hold, until=until
    )
    return enter(entered, by, new_incident_id, evidence)


def rearm(
    flag: Flag,
    *,
    alarm_on: bool,
    now: float,
    new_incident_id: str,
    rules: Rules = DEFAULT_RULES,
    evidence: Mapping[str, object] | None = None,
) -> PanicChange | None:
    """Trip from an alarm that is still in ALARM although an operator disabled panic some minutes ago.

    Alarms act only on a change of state: one that never left ALARM would not act again. Where the probes
    ended panic there is nothing to re-arm. To keep a scope out of panic against an alarm, put it in shadow.
    """
    asked = flag.source == "operator" and flag.incident_id and flag.state is not State.PANIC
    if not (alarm_on and asked and now >= flag.left_panic_at + rules.rearm_seconds):
        return None
    return trip(
        flag,
        By("prober", "prober", "an alarm is still in ALARM after panic was disabled", now),
        cause=Cause.ALARM,
        evidence=evidence or {},
        new_incident_id=new_incident_id,
        rules=rules,
    )


def enter(flag: Flag, by: By, new_incident_id: str, evidence: Mapping[str, object]) -> PanicChange:
    """Go to panic: from normal with a new incident, from recovering within the same one."""
    kind = Kind.REENTERED
    if flag.state is State.NORMAL:
        kind = Kind.ENTERED
        flag = replace(flag, incident_id=new_incident_id, since=by.at, trips=0)
    panicking = replace(
        flag,
        state=State.PANIC,
        reason=by.reason,
        actor=by.actor,
        source=by.source,
        successes=0,
        recovering_since=None,
        settle_until=None,
    )
    return change_to(panicking, kind, by, evidence)
