"""What is known of a scope's panic: its flag, the events that tell of it, and the rules' numbers.

Pure. The functions that decide stand in :mod:`lifeline.domain.panic.entering` and
:mod:`lifeline.domain.panic.ending`.

All times are epoch seconds, all spans seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Final

from lifeline.domain.failure.causes import Cause, remedy

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
    CHANGED = "changed"
    """An operator changed the reason or the end of a panic under way."""
    SHADOW_CHANGED = "shadow_changed"
    WOULD_ENTER = "would_enter"
    EXTENDED = "extended"
    CAUSE_CHANGED = "cause_changed"
    REFUSED = "refused"
    NOTED = "noted"
    """Something worth knowing that changes no flag: a quality update, a restriction lifted."""


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
    rate_limit_seconds: float = Cause.RATE_LIMIT.traits.first_wait
    """Earliest recovery from ``rate_limit`` where Meta states no time to regain access."""
    spam_limit_seconds: float = Cause.SPAM_LIMIT.traits.first_wait
    """Earliest recovery from ``spam_limit``: Meta's quality limits ease over hours, not seconds."""
    max_regain_seconds: float = 86400.0
    """Longest stated regain time that is believed: a garbled header must not keep panic on for ever."""
    would_enter_seconds: float = 60.0
    """At most one ``would_enter`` event of a scope in shadow within this span."""
    rearm_seconds: float = 300.0
    """How long after an operator's disable an alarm may stay in ALARM before the prober trips from it."""
    manual_seconds: float = 900.0
    """How long an operator's panic lasts at least where neither hold nor an end is given."""
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
        for name in ("would_enter_seconds", "rearm_seconds", "manual_seconds"):
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
    """See :mod:`lifeline.contract.scopes`."""
    state: State = State.NORMAL
    cause: str = ""
    """A :class:`~lifeline.domain.failure.causes.Cause`; empty while normal."""
    reason: str = ""
    """One sentence for people: why the flag is as it is."""
    actor: str = ""
    """Who made the last change of state, cause or hold: an identity or the name of a function."""
    source: str = ""
    """By which way: sender, alarm, operator, prober, webhook, schedule, token_keeper or voice."""
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
    @lru_cache(maxsize=256)  # asked for several times for each message
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
class By:
    """Who changes a flag, through what (``operator``, ``schedule``, ``prober``, ``webhook``, ...), why,
    and when (epoch seconds).
    """

    actor: str
    source: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class PanicChange:
    """What to write: the flag on the condition that the stored version is ``flag.version - 1``, and the
    event.
    """

    flag: Flag
    event: Event


def remedy_of(flag: Flag) -> str:
    """What an operator does about a panic: as the failure said that began it, else by scope and cause."""
    stated = flag.evidence.get("remedy")
    return stated if isinstance(stated, str) and stated else remedy(flag.scope, flag.cause)


def note(flag: Flag, by: By, evidence: Mapping[str, object]) -> PanicChange:
    """An entry in the history that changes no flag."""
    event = Event(
        kind=Kind.NOTED,
        scope=flag.scope,
        incident_id=flag.incident_id if flag.state is not State.NORMAL else "",
        version=flag.version,
        at=by.at,
        actor=by.actor,
        source=by.source,
        cause="",
        reason=by.reason,
        evidence=evidence,
    )
    return PanicChange(flag, event)


def set_shadow(flag: Flag, by: By, *, on: bool) -> PanicChange | None:
    """Put the scope in shadow or take it out. A panic under way goes on: shadow is about entering."""
    require_reason(by.reason)
    if flag.shadow == on:
        return None
    changed = replace(flag, shadow=on, would_enter_at=None)
    return change_to(changed, Kind.SHADOW_CHANGED, by, {"shadow": on})


def change_to(
    flag: Flag, kind: Kind, by: By, evidence: Mapping[str, object], cause: str | None = None
) -> PanicChange:
    """``flag`` as the next version, with the event that tells of it."""
    flag = replace(flag, version=flag.version + 1)
    return PanicChange(
        flag,
        Event(
            kind=kind,
            scope=flag.scope,
            incident_id=flag.incident_id,
            version=flag.version,
            at=by.at,
            actor=by.actor,
            source=by.source,
            cause=flag.cause if cause is None else cause,
            reason=by.reason,
            evidence=evidence,
        ),
    )


def require_reason(reason: str) -> None:
    """Raises :class:`PanicRefused` where there is none."""
    if not reason.strip():
        raise PanicRefused("a reason is required for the incident's history")
