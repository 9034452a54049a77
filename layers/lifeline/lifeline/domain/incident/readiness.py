"""Is the fallback ready for an outage? Facts in, one judgement per step out.

A fact that could not be had is a :class:`MissingFact` with its reason, and its step is ``unknown``: never a
guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lifeline.contract.names import PRIORITIES
from lifeline.contract.scopes import SCOPES
from lifeline.contract.ways import PARK, WAYS
from lifeline.domain.fallback.policy import Policy, plan
from lifeline.domain.incident.words import by_way

UNREACHED_FAIL: Final = 0.5
"""Share of people with critical messages whom no way reaches, from which the fallback is none."""
UNREACHED_WARN: Final = 0.1
DISABLED_FAIL: Final = 0.2
"""Share of devices that refuse: SNS disables one when the app was removed, so a few are usual."""
PROBER_LATE: Final = 150.0
"""Seconds since the prober's last minute: two ticks may be late, not three."""
QUOTA_MARGIN: Final = 0.8
"""Share of SES's quota that an outage may fill before it is too near."""
ALWAYS_MEASURED: Final = (
    "prober_not_running",
    *(scope.panic_alarm for scope in SCOPES.values()),
    "trip-whatsapp-no-success",
)
"""Alarms on gauges of the prober, which come each minute: without data they watch nothing."""
EXPECTED: Final = (
    *ALWAYS_MEASURED,
    "whatsapp_fallback_failing",
    "whatsapp_dlq_not_empty",
    "webhook_queue_old",
    "webhook_dlq_not_empty",
    "messages_refused",
    "backlog_critical_waiting",
    "overdue",
    *(alarm for scope in SCOPES.values() for alarm in scope.alarms if alarm not in ALWAYS_MEASURED),
)
"""Alarms that an outage needs, by their names without the stack's."""


class Grade(StrEnum):
    """How a step stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Readiness(StrEnum):
    """How all of it stands. ``unclear``: nothing failed, and something could not be looked at."""

    READY = "ready"
    NOT_READY = "not_ready"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class MissingFact:
    """A fact that could not be had, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Judged:
    """One step: what was found, and what to do where it is not well."""

    name: str
    grade: Grade
    finding: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """One of today's recipients: the ways that could be taken now, and those that were refused before."""

    priority: str
    ways: frozenset[str]
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """People of one priority by the first way that the policy would take. ``waits``: none but WhatsApp."""

    priority: str
    people: int
    by_way: Mapping[str, int]
    waits: int


@dataclass(frozen=True, slots=True)
class MailAccount:
    """SES's account in this region. Quota in mails per 24 hours, rate in mails per second."""

    production: bool
    sending: bool
    enforcement: str
    quota: float
    sent: float
    rate: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """A CloudWatch alarm, by its name without the stack's."""

    name: str
    state: str
    actions: bool


def coverage(people: Sequence[Person], policy: Policy) -> tuple[Coverage, ...]:
    """Who would be reached how, by priority."""
    counts: dict[str, Counter[str]] = {}
    for person in people:
        first = next(iter(plan(policy, person.priority, person.ways)), PARK)
        counts.setdefault(person.priority, Counter())[str(first)] += 1
    return tuple(
        Coverage(name, firsts.total(), {way.name: firsts[way.name] for way in WAYS}, firsts[PARK])
        for name, firsts in sorted(counts.items(), key=lambda item: PRIORITIES.index(item[0]))
    )


def recipients(people: Sequence[Person] | MissingFact, policy: Policy) -> Judged:
    """Would those who have to be told be reached?"""
    name = "recipients"
    if isinstance(people, MissingFact):
        return Judged(name, Grade.UNKNOWN, people.why)
    if not people:
        return Judged(name, Grade.UNKNOWN, "the sample has no message of the last 24 hours")
    parts = [
        f"{c.priority}: {by_way(c.by_way)}, {c.waits} of {c.people} wait for WhatsApp"
        for c in coverage(people, policy)
    ]
    refused = Counter(way for person in people for way in person.refused)
    parts += [f"{count} {way} addresses failed before" for way, count in sorted(refused.items())]
    finding = "; ".join(parts)
    urgent = [person for person in people if person.priority == "critical"]
    if not urgent:
        return Judged(name, Grade.OK, finding + "; no critical ones in the sample")
    lost = next(c for c in coverage(urgent, policy)).waits
    share = lost / len(urgent)
    fix = "register fallback addresses for these people: lifeline contacts import FILE.csv"
    if share > UNREACHED_FAIL:
        return Judged(name, Grade.FAIL, finding, fix)
    return Judged(
        name,
        Grade.WARN if share > UNREACHED_WARN else Grade.OK,
        finding,
        fix if share > UNREACHED_WARN else "",
    )


def endpoints(states: Sequence[bool] | MissingFact) -> Judged:
    """Do devices take pushes? One entry per device: whether it is enabled."""
    name = "push endpoints"
    if isinstance(states, MissingFact):
        return Judged(name, Grade.UNKNOWN, states.why)
    if not states:
        return Judged(name, Grade.UNKNOWN, "no device among the sampled recipients, so nothing to check")
    off = states.count(False)
    finding = f"{off} of {len(states)} devices are disabled or gone"
    fix = "have the app register again at its next start, then import the new endpoint"
    if off / len(states) > DISABLED_FAIL:
        return Judged(name, Grade.FAIL, finding, fix)
    return Judged(name, Grade.WARN if off else Grade.OK, finding, fix if off else "")


def identity(name: str, verified: bool | MissingFact) -> Judged:
    """May we send mail from our address?"""
    if isinstance(verified, MissingFact):
        return Judged("mail identity", Grade.UNKNOWN, verified.why)
    if verified:
        return Judged("mail identity", Grade.OK, f"{name} is verified in SES")
    return Judged(
        "mail identity", Grade.FAIL, f"{name} is not verified in SES", f"verify {name} in SES's console"
    )


def sandbox(account: MailAccount | MissingFact) -> Judged:
    """Does SES send to anybody?"""
    name = "mail account"
    if isinstance(account, MissingFact):
        return Judged(name, Grade.UNKNOWN, account.why)
    if not account.production:
        return Judged(
            name,
            Grade.FAIL,
            "SES is in its sandbox: it sends to verified addresses only",
            "request production access in SES's console",
        )
    if not account.sending or account.enforcement == "SHUTDOWN":
        return Judged(
            name,
            Grade.FAIL,
            f"SES has paused sending ({account.enforcement})",
            "open SES's reputation dashboard; AWS Support ends the pause",
        )
    if account.enforcement not in ("", "HEALTHY"):
        return Judged(
            name,
            Grade.WARN,
            f"SES has the account on {account.enforcement}",
            "check the bounce and complaint rates in SES's reputation dashboard",
        )
    return Judged(name, Grade.OK, "out of the sandbox, sending")


def quota(account: MailAccount | MissingFact, mails: float | MissingFact, peak: float) -> Judged:
    """Do the mails of an outage fit? ``mails``: of a day like today; ``peak``: mails/s at its worst."""
    name = "mail quota"
    if isinstance(account, MissingFact):
        return Judged(name, Grade.UNKNOWN, account.why)
    if isinstance(mails, MissingFact):
        return Judged(name, Grade.UNKNOWN, mails.why)
    if account.quota < 0:  # SES: -1 means no limit
        return Judged(name, Grade.OK, "SES sets no limit")
    left = account.quota - account.sent
    finding = (
        f"an outage of a day like today needs about {mails:.0f} mails, {peak:.1f}/s at its peak; "
        f"SES has {left:.0f} left of {account.quota:.0f} a day, {account.rate:g}/s"
    )
    fix = "ask for a higher sending quota in Service Quotas (SES)"
    if mails > left or peak > account.rate:
        return Judged(name, Grade.FAIL, finding, fix)
    near = mails > left * QUOTA_MARGIN or peak > account.rate * QUOTA_MARGIN
    return Judged(name, Grade.WARN if near else Grade.OK, finding, fix if near else "")


def suppression(suppressed: int | MissingFact, looked_at: int) -> Judged:
    """Which of today's addresses would SES swallow?"""
    name = "suppression list"
    if isinstance(suppressed, MissingFact):
        return Judged(name, Grade.UNKNOWN, suppressed.why)
    if not looked_at:
        return Judged(name, Grade.UNKNOWN, "no address among the sampled recipients, so nothing to check")
    finding = f"{suppressed} of {looked_at} addresses are suppressed by SES"
    if not suppressed:
        return Judged(name, Grade.OK, finding)
    return Judged(name, Grade.WARN, finding, "ask those people for another address; SES sends them nothing")


def subscriptions(topics: Mapping[str, tuple[int, int] | MissingFact]) -> Judged:
    """Would people be told? Confirmed and unconfirmed subscriptions by topic."""
    name = "notification recipients"
    for topic, counts in topics.items():
        if isinstance(counts, MissingFact):
            return Judged(name, Grade.UNKNOWN, f"{topic}: {counts.why}")
    known = {topic: counts for topic, counts in topics.items() if not isinstance(counts, MissingFact)}
    finding = "; ".join(
        f"{topic}: {confirmed} confirmed, {pending} not" for topic, (confirmed, pending) in known.items()
    )
    silent = [topic for topic, (confirmed, _) in known.items() if not confirmed]
    if silent:
        return Judged(
            name,
            Grade.FAIL,
            finding,
            f"subscribe people to {' and '.join(silent)} (parameter EngineeringEmail), then confirm SNS's "
            "subscription mail",
        )
    pending = any(count for _, count in known.values())
    return Judged(
        name,
        Grade.WARN if pending else Grade.OK,
        finding,
        "confirm SNS's subscription mails" if pending else "",
    )


def alarms(states: Sequence[Alarm] | MissingFact, stood_in: bool) -> Judged:
    """Are the alarms armed? ``stood_in``: a local system, whose alarms act through a stand-in."""
    name = "alarms"
    if isinstance(states, MissingFact):
        return Judged(name, Grade.UNKNOWN, states.why)
    by_name = {alarm.name: alarm for alarm in states}
    missing = [wanted for wanted in EXPECTED if wanted not in by_name]
    if missing:
        return Judged(name, Grade.FAIL, f"missing: {', '.join(missing)}", "deploy the stack again")
    blind = [wanted for wanted in ALWAYS_MEASURED if by_name[wanted].state == "INSUFFICIENT_DATA"]
    if blind:
        return Judged(
            name,
            Grade.FAIL,
            f"without data: {', '.join(blind)}",
            "check that the prober runs and that its log has EMF lines",
        )
    off = [alarm.name for alarm in states if not alarm.actions]
    if off and stood_in:
        return Judged(name, Grade.UNKNOWN, "a local system has a stand-in for CloudWatch's alarms")
    if off:
        return Judged(
            name, Grade.FAIL, f"actions disabled: {', '.join(off)}", "aws cloudwatch enable-alarm-actions"
        )
    firing = [alarm.name for alarm in states if alarm.state == "ALARM"]
    if firing:
        return Judged(
            name,
            Grade.WARN,
            f"{len(states)} armed; in ALARM now: {', '.join(firing)}",
            "check these alarms first",
        )
    return Judged(name, Grade.OK, f"{len(states)} armed, none in ALARM")


def prober(age: float | MissingFact | None) -> Judged:
    """Would a panic end by itself? ``age``: seconds since the prober's last minute."""
    if isinstance(age, MissingFact):
        return Judged("prober", Grade.UNKNOWN, age.why)
    fix = "check the prober's log (sam logs -n ProberFunction) and its schedule"
    if age is None:
        return Judged("prober", Grade.FAIL, "the prober has never run", fix)
    finding = f"last ran {age:.0f} s ago"
    return (
        Judged("prober", Grade.FAIL, finding, fix)
        if age > PROBER_LATE
        else Judged("prober", Grade.OK, finding)
    )


def last_fallback(days: float | MissingFact | None, reached: Mapping[str, int]) -> Judged:
    """Has the fallback ever worked for real? ``reached``: people by the way's name."""
    name = "last real fallback"
    if isinstance(days, MissingFact):
        return Judged(name, Grade.UNKNOWN, days.why)
    fix = "rehearse it on a stack that is not prod: lifeline drill --live"
    if days is None:
        return Judged(name, Grade.WARN, "no incident in the last 90 days used a fallback", fix)
    finding = f"{days:.1f} days ago: people reached: {by_way(reached)}"
    worked = any(reached.values())
    return Judged(name, Grade.OK if worked else Grade.WARN, finding, "" if worked else fix)


def verdict(steps: Sequence[Judged]) -> Readiness:
    """One word for all steps."""
    grades = {step.grade for step in steps}
    if Grade.FAIL in grades:
        return Readiness.NOT_READY
    return Readiness.UNCLEAR if Grade.UNKNOWN in grades else Readiness.READY
