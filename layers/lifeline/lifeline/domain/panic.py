"""Panic mode: when a scope enters it, and when it ends.

Pure: each function takes the flag as it was read and returns the :class:`Change` to write (the new flag and
the history event that tells of it), or ``None`` when there is nothing to write. The caller writes with the
condition that the stored version is still the one that it read, and on a conflict reads again and decides
anew: so two alarms, a worker and an operator at the same moment leave one incident.

When does panic end? In these four ways and no other, all in the section "How panic ends" below:

1. ``probe``: three successes in a row, not before the earliest recovery, and not under a hold.
2. ``tick``: its ``until`` has passed (and the earliest recovery with it).
3. ``disable``: an operator says so.
4. ``resolve``: Meta itself says that the template is approved again.

Panic leaves into ``recovering`` (live traffic flows, the backlog ramps up), which becomes ``normal`` after
the settle time. A trip within the settle time goes back to panic in the same incident.

All times are epoch seconds, all spans seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from lifeline.domain.failures import Cause

FLAG_CACHE_SECONDS: Final = 1.0
"""A warm worker uses flags it has read for at most this long."""


class State(StrEnum):
    """The state of a scope."""

    NORMAL = "normal"
    PANIC = "panic"
    RECOVERING = "recovering"


class Kind(StrEnum):
    """What an event in an incident's history tells."""

    ENTERED = "entered"
    REENTERED = "reentered"
    PROBE_SUCCEEDED = "probe_succeeded"
    PROBE_FAILED = "probe_failed"
    RECOVERING = "recovering"
    ENDED = "ended"
    HELD = "held"
    SHADOW_CHANGED = "shadow_changed"
    WOULD_ENTER = "would_enter"
    EXTENDED = "extended"
    CAUSE_CHANGED = "cause_changed"
    REFUSED = "refused"
    NOTED = "noted"
    """Something worth knowing that changes no flag: a quality update, a restriction lifted."""


SOURCES: Final = ("sender", "alarm", "operator", "prober", "webhook", "schedule", "token_keeper", "voice")
"""Who may change a flag, or note something in its history."""


class PanicRefused(ValueError):  # noqa: N818 (it is a refusal, not a fault)
    """An operator's change makes no sense in the present state; the text says what to do instead."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of panic mode. Spans in seconds."""

    successes_to_end: int = 3
    """Successful probes in a row that end panic."""
    settle_seconds: float = 600.0
    """How long ``recovering`` lasts, and how long a new trip still belongs to the same incident."""
    flap_base_seconds: float = 60.0
    """Earliest recovery after the first trip back; doubles with each further one."""
    flap_max_seconds: float = 900.0
    """Where that doubling stops."""
    rate_limit_seconds: float = 60.0
    """Earliest recovery from ``rate_limit`` where Meta states no time to regain access."""
    spam_limit_seconds: float = 3600.0
    """Earliest recovery from ``spam_limit``: Meta's quality limits ease over hours, not seconds."""
    max_regain_seconds: float = 86400.0
    """Longest stated regain time that is believed: a garbled header must not keep panic on for ever."""
    would_enter_seconds: float = 60.0
    """At most one ``would_enter`` event of a scope in shadow within this span."""
    rearm_seconds: float = 300.0
    """How long after an operator's disable an alarm may stay in ALARM before the prober trips from it."""
    probe_seconds: int = 15
    """Seconds between two probes of a scope in panic: a divisor of the minute, from 5."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` that names the first number out of its bounds."""
        if not 1 <= self.successes_to_end <= 20:
            raise ValueError(f"successes_to_end must be between 1 and 20, not {self.successes_to_end}")
        if self.probe_seconds not in (5, 6, 10, 12, 15, 20, 30, 60):
            raise ValueError(
                f"probe_seconds must divide a minute and be at least 5, as 15 does, not {self.probe_seconds}"
            )
        for name in ("settle_seconds", "rate_limit_seconds", "spam_limit_seconds", "max_regain_seconds"):
            if not 0 <= getattr(self, name) <= 604800:
                raise ValueError(f"{name} must be between 0 and 604800 (a week), not {getattr(self, name)}")
        for name in ("would_enter_seconds", "rearm_seconds"):
            if not 0 <= getattr(self, name) <= 86400:
                raise ValueError(f"{name} must be between 0 and 86400, not {getattr(self, name)}")
        if not 0 <= self.flap_base_seconds <= self.flap_max_seconds <= 86400:
            raise ValueError(
                "flap_base_seconds must be between 0 and flap_max_seconds, and that at most 86400"
            )


DEFAULT_RULES: Final = Rules()


@dataclass(frozen=True, slots=True)
class Flag:
    """The panic flag of one scope, as it lies in the ``control`` table."""

    scope: str
    """``whatsapp``, ``openai_voice`` or ``whatsapp/template/NAME``."""
    state: State = State.NORMAL
    cause: str = ""
    """A :class:`~lifeline.domain.failures.Cause`; empty while normal."""
    reason: str = ""
    """One sentence for people: why the flag is as it is."""
    actor: str = ""
    """Who made the last change of state, cause or hold: an identity or the name of a function."""
    source: str = ""
    """By which way: one of :data:`SOURCES`."""
    since: float = 0.0
    """Start of the incident in panic and recovering; start of the calm in normal."""
    incident_id: str = ""
    """The present incident, or the last one while normal. Changes only from normal to panic."""
    version: int = 0
    """Grows by one with each change; 0: nothing is stored yet."""
    successes: int = 0
    """Successful probes in a row in this stay in panic."""
    hold: bool = False
    """Panic ends only by an operator or at ``until``."""
    until: float | None = None
    """When panic ends by the clock, if it has not ended before."""
    earliest_recovery: float = 0.0
    """Probes do not end panic before this instant."""
    shadow: bool = False
    """The scope reports when it would have panicked, and does not."""
    recovering_since: float | None = None
    """When recovering began; none in other states."""
    left_panic_at: float = 0.0
    """When the scope last left panic; evidence older than this is about the past. 0: it never was in
    panic.
    """
    trips: int = 0
    """Flap level: how often this incident fell back from recovering within the settle time."""
    settle_until: float | None = None
    """When recovering becomes normal."""
    evidence: Mapping[str, object] = field(default_factory=dict)
    """What the last trip was decided on."""
    would_enter_at: float | None = None
    """When shadow last reported."""

    @classmethod
    def normal(cls, scope: str) -> Flag:
        """The flag of a scope of which nothing is stored."""
        return cls(scope=scope)

    @property
    def blocks_sending(self) -> bool:
        """Nothing is sent on the scope."""
        return self.state is State.PANIC

    @property
    def needs_probes(self) -> bool:
        """The scope is probed every 15 seconds."""
        return self.state is State.PANIC

    @property
    def is_recovering(self) -> bool:
        """Live traffic flows, the backlog ramps up."""
        return self.state is State.RECOVERING


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an incident's history."""

    kind: Kind
    scope: str
    incident_id: str
    version: int
    """The flag's version after the change: orders the events of a scope."""
    at: float
    actor: str
    source: str
    cause: str
    reason: str
    evidence: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Change:
    """What to write: the flag on the condition that the stored version is ``flag.version - 1``, and the
    event.
    """

    flag: Flag
    event: Event


# --- How panic ends --------------------------------------------------------------------------------------


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
) -> Change | None:
    """Count the result of one probe of ``incident_id``; the third success in a row ends panic.

    A result of an earlier incident, or one that comes after panic ended, changes nothing. A failure resets
    the count. A success before the earliest recovery, or under a hold, counts and does not end panic. An
    alarm that is still in ALARM (``alarm_on``) is noted and does not stand in the way: it measures the past,
    and some alarms cannot clear while nothing is sent.
    """
    if flag.state is not State.PANIC or incident_id != flag.incident_id:
        return None
    found = {**(evidence or {}), "alarm_on": alarm_on}
    if not ok:
        return _change(replace(flag, successes=0), Kind.PROBE_FAILED, now, actor, "prober", "", found)
    flag = replace(flag, successes=flag.successes + 1)
    found["successes"] = flag.successes
    held = flag.hold and (flag.until is None or now < flag.until)
    if flag.successes < rules.successes_to_end or now < flag.earliest_recovery or held:
        return _change(flag, Kind.PROBE_SUCCEEDED, now, actor, "prober", "", found)
    reason = f"{flag.successes} probes in a row succeeded"
    return _recover(flag, now, rules, actor, "prober", reason, found)


def tick(flag: Flag, *, now: float, rules: Rules = DEFAULT_RULES) -> Change | None:
    """What the clock ends: panic at its ``until`` (not before the earliest recovery), recovering after
    settling.
    """
    if (
        flag.state is State.PANIC
        and flag.until is not None
        and now >= max(flag.until, flag.earliest_recovery)
    ):
        return _recover(flag, now, rules, "schedule", "schedule", "the set end of panic has come", {})
    if flag.state is State.RECOVERING and flag.settle_until is not None and now >= flag.settle_until:
        return _end(flag, now, flag.actor, flag.source, "no trip within the settle time")
    return None


def disable(
    flag: Flag, *, reason: str, actor: str, now: float, ramp: bool = True, rules: Rules = DEFAULT_RULES
) -> Change:
    """An operator ends panic, whatever the probes say: into recovering (``ramp``) or straight to normal.

    Raises :class:`PanicRefused` when the scope is normal already, recovers already (and ``ramp`` asks for no
    more than that), or when there is no reason.
    """
    _require_reason(reason)
    if flag.state is State.NORMAL:
        raise PanicRefused(f"{flag.scope} is not in panic; there is nothing to disable")
    if not ramp:
        return _end(flag, now, actor, "operator", reason)
    if flag.state is State.RECOVERING:
        raise PanicRefused(f"{flag.scope} is recovering already; without ramp it becomes normal at once")
    return _recover(flag, now, rules, actor, "operator", reason, {})


def resolve(
    flag: Flag,
    *,
    reason: str,
    actor: str,
    now: float,
    observed: float | None = None,
    language: str = "",
    rules: Rules = DEFAULT_RULES,
    evidence: Mapping[str, object] | None = None,
) -> Change | None:
    """Meta says that a template is approved again: its panic ends without waiting for three probes.

    Only a panic that Meta's rejection began: one of an operator, of an alarm or under a hold stays.
    ``observed``: Meta's time of the approval (epoch seconds); one from before the rejection comes late and
    ends nothing. ``language``: what was approved; where the rejection named another one, that one decides.
    """
    if flag.state is not State.PANIC or flag.cause != Cause.TEMPLATE_REJECTED:
        return None
    if flag.hold and (flag.until is None or now < flag.until):
        return None
    rejected_at = flag.evidence.get("observed")
    began = float(rejected_at) if isinstance(rejected_at, int | float) else flag.since
    if observed is not None and observed < began:
        return None
    rejected = flag.evidence.get("language")
    if language and isinstance(rejected, str) and rejected and rejected != language:
        return None
    return _recover(flag, now, rules, actor, "webhook", reason, evidence or {})


def note(
    flag: Flag, *, reason: str, actor: str, source: str, at: float, evidence: Mapping[str, object]
) -> Change:
    """An entry in the history that changes no flag."""
    event = Event(
        kind=Kind.NOTED,
        scope=flag.scope,
        incident_id=flag.incident_id if flag.state is not State.NORMAL else "",
        version=flag.version,
        at=at,
        actor=actor,
        source=source,
        cause="",
        reason=reason,
        evidence=evidence,
    )
    return Change(flag, event)


def _recover(
    flag: Flag, now: float, rules: Rules, actor: str, source: str, reason: str, evidence: Mapping[str, object]
) -> Change:
    left = replace(
        flag,
        state=State.RECOVERING,
        recovering_since=now,
        left_panic_at=now,
        settle_until=now + rules.settle_seconds,
        successes=0,
        hold=False,
        until=None,
        reason=reason,
        actor=actor,
        source=source,
    )
    return _change(left, Kind.RECOVERING, now, actor, source, reason, evidence)


def _end(flag: Flag, now: float, actor: str, source: str, reason: str) -> Change:
    calm = replace(
        Flag.normal(flag.scope),
        since=now,
        left_panic_at=flag.left_panic_at if flag.state is State.RECOVERING else now,
        reason=reason,
        actor=actor,
        source=source,
        incident_id=flag.incident_id,
        version=flag.version,
        shadow=flag.shadow,
        would_enter_at=flag.would_enter_at,
    )
    change = _change(calm, Kind.ENDED, now, actor, source, reason, {})
    return replace(change, event=replace(change.event, cause=flag.cause))


# --- How panic begins ------------------------------------------------------------------------------------

STRENGTH: Final[Mapping[str, int]] = {
    Cause.ALARM: 1,
    Cause.TEMPLATE_REJECTED: 2,
    Cause.SILENT: 2,
    Cause.UNREACHABLE: 3,
    Cause.RATE_LIMIT: 4,
    Cause.OPERATOR: 5,
    Cause.SPAM_LIMIT: 6,
    Cause.AUTH: 7,
    Cause.ACCOUNT: 8,
}
"""Which cause a flag keeps when several are seen: the one whose remedy takes more. Others count 0."""


def initial_wait(cause: str, rules: Rules = DEFAULT_RULES) -> float:
    """Seconds from a trip to its earliest recovery, where Meta states none.

    ``rate_limit`` 60 s: Meta's throughput is a rate per second, and a probe needs a quiet moment to mean
    something. ``spam_limit`` an hour: a restriction for quality, which more sending makes worse. All others
    0: what ends them is seen by the probe itself.
    """
    if cause == Cause.RATE_LIMIT:
        return rules.rate_limit_seconds
    return rules.spam_limit_seconds if cause == Cause.SPAM_LIMIT else 0.0


def trip(
    flag: Flag,
    *,
    cause: str,
    reason: str,
    source: str,
    actor: str,
    evidence: Mapping[str, object],
    now: float,
    new_incident_id: str,
    rules: Rules = DEFAULT_RULES,
    earliest: float | None = None,
    observed: float | None = None,
) -> Change | None:
    """Enter panic by itself: from the sender, an alarm, the prober or a webhook.

    ``earliest``: the instant at which Meta says that access is regained. ``observed``: when the evidence was
    seen; what was seen before the scope last left panic is about that panic and changes nothing (alarm
    notifications come late, twice and out of order).

    Normal: a new incident. Recovering: back to panic in the same incident; within the settle time the
    earliest recovery doubles with each trip (flap damping). Panic: only a stronger cause or a later stated
    regain time changes the flag. In shadow, entering is only reported, at most once a minute.
    """
    stated = 0.0 if earliest is None else min(earliest, now + rules.max_regain_seconds)
    if flag.state is State.PANIC:
        return _worsen(flag, cause, reason, source, actor, evidence, now, rules, stated)
    if observed is not None and observed < flag.left_panic_at:
        return None
    if flag.shadow:
        if flag.would_enter_at is not None and now < flag.would_enter_at + rules.would_enter_seconds:
            return None
        seen = replace(flag, would_enter_at=now)
        return _change(seen, Kind.WOULD_ENTER, now, actor, source, reason, evidence, cause)
    wait = initial_wait(cause, rules)
    if flag.state is State.RECOVERING and (flag.settle_until is None or now < flag.settle_until):
        flag = replace(flag, trips=flag.trips + 1)
        first = max(rules.flap_base_seconds, 2 * wait)
        # The exponent is bounded so that no number of flaps overflows a float.
        wait = max(wait, min(rules.flap_max_seconds, first * 2 ** min(flag.trips - 1, 32)))
    entered = replace(flag, cause=cause, evidence=evidence, earliest_recovery=max(now + wait, stated))
    return _enter(entered, now, new_incident_id, reason, actor, source, evidence)


def _worsen(
    flag: Flag,
    cause: str,
    reason: str,
    source: str,
    actor: str,
    evidence: Mapping[str, object],
    now: float,
    rules: Rules,
    stated: float,
) -> Change | None:
    """A trip during panic. A stronger cause starts the count anew: the probe now asks something else."""
    if STRENGTH.get(cause, 0) > STRENGTH.get(flag.cause, 0):
        later = max(flag.earliest_recovery, now + initial_wait(cause, rules), stated)
        flag = replace(flag, cause=cause, evidence=evidence, earliest_recovery=later, successes=0)
        flag = replace(flag, reason=reason, actor=actor, source=source)
        return _change(flag, Kind.CAUSE_CHANGED, now, actor, source, reason, evidence)
    if stated > flag.earliest_recovery:
        flag = replace(flag, earliest_recovery=stated)
        return _change(flag, Kind.EXTENDED, now, actor, source, reason, evidence, cause)
    return None


def enable(
    flag: Flag,
    *,
    reason: str,
    actor: str,
    now: float,
    new_incident_id: str,
    hold: bool = False,
    until: float | None = None,
    source: str = "operator",
    cause: str = Cause.OPERATOR,
) -> Change | None:
    """An operator, or a plan of one (``source="schedule"``), puts the scope in panic; shadow does not stop
    it.

    On a scope in panic it changes reason, hold and ``until`` within the same incident and keeps the cause,
    which tells the probe what to ask. There, ``hold`` takes ``until`` as given (none: no end); without
    ``hold`` a present hold stays, and a present ``until`` stays unless a new one is given.

    Raises :class:`PanicRefused` without a reason, or when ``until`` has passed.
    """
    _require_reason(reason)
    if until is not None and until <= now:
        raise PanicRefused(f"panic on {flag.scope} would be over before it began: until is not in the future")
    if flag.state is State.PANIC:
        kept_until = until if hold or until is not None else flag.until
        if (reason, hold or flag.hold, kept_until) == (flag.reason, flag.hold, flag.until):
            return None
        flag = replace(
            flag, reason=reason, actor=actor, source=source, hold=hold or flag.hold, until=kept_until
        )
        return _change(flag, Kind.HELD, now, actor, source, reason, {"hold": flag.hold, "until": flag.until})
    evidence: dict[str, object] = {"hold": hold, "until": until}
    entered = replace(flag, cause=cause, evidence=evidence, earliest_recovery=now, hold=hold, until=until)
    return _enter(entered, now, new_incident_id, reason, actor, source, evidence)


def rearm(
    flag: Flag,
    *,
    alarm_on: bool,
    now: float,
    new_incident_id: str,
    rules: Rules = DEFAULT_RULES,
    evidence: Mapping[str, object] | None = None,
) -> Change | None:
    """Trip from an alarm that is still in ALARM although an operator disabled panic some minutes ago.

    Alarms act only on a change of state: one that never left ALARM would not act again. Where the probes
    ended panic there is nothing to re-arm. To keep a scope out of panic against an alarm, put it in shadow.
    """
    asked = flag.source == "operator" and flag.incident_id and flag.state is not State.PANIC
    if not (alarm_on and asked and now >= flag.left_panic_at + rules.rearm_seconds):
        return None
    return trip(
        flag,
        cause=Cause.ALARM,
        reason="an alarm is still in ALARM after panic was disabled",
        source="prober",
        actor="prober",
        evidence=evidence or {},
        now=now,
        new_incident_id=new_incident_id,
        rules=rules,
    )


def set_shadow(flag: Flag, *, on: bool, reason: str, actor: str, now: float) -> Change | None:
    """Put the scope in shadow or take it out. A panic under way goes on: shadow is about entering."""
    _require_reason(reason)
    if flag.shadow == on:
        return None
    changed = replace(flag, shadow=on, would_enter_at=None)
    return _change(changed, Kind.SHADOW_CHANGED, now, actor, "operator", reason, {"shadow": on})


def _enter(
    flag: Flag,
    now: float,
    new_incident_id: str,
    reason: str,
    actor: str,
    source: str,
    evidence: Mapping[str, object],
) -> Change:
    """Go to panic: from normal with a new incident, from recovering within the same one."""
    kind = Kind.REENTERED
    if flag.state is State.NORMAL:
        kind = Kind.ENTERED
        flag = replace(flag, incident_id=new_incident_id, since=now, trips=0)
    panicking = replace(
        flag,
        state=State.PANIC,
        reason=reason,
        actor=actor,
        source=source,
        successes=0,
        recovering_since=None,
        settle_until=None,
    )
    return _change(panicking, kind, now, actor, source, reason, evidence)


def _change(
    flag: Flag,
    kind: Kind,
    now: float,
    actor: str,
    source: str,
    reason: str,
    evidence: Mapping[str, object],
    cause: str | None = None,
) -> Change:
    flag = replace(flag, version=flag.version + 1)
    return Change(
        flag,
        Event(
            kind=kind,
            scope=flag.scope,
            incident_id=flag.incident_id,
            version=flag.version,
            at=now,
            actor=actor,
            source=source,
            cause=flag.cause if cause is None else cause,
            reason=reason,
            evidence=evidence,
        ),
    )


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise PanicRefused("a reason is required: it goes into the incident's history")
