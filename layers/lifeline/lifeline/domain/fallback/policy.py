"""Fallback: how a person is reached when WhatsApp cannot. One readable table, and what follows from it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from lifeline.contract.messages import MAX_AFTER, MIN_AFTER
from lifeline.contract.names import PRIORITIES
from lifeline.contract.ways import PARK, WAYS, WAYS_BY_NAME
from lifeline.domain.message.status import Status

STEPS: Final = (*WAYS_BY_NAME, PARK)
"""Each way besides WhatsApp; or to hold it, and WhatsApp delivers it after recovery unless it has expired."""


CRITICAL: Final = "critical"
CRITICAL_AFTER: Final = 300
"""Seconds, the default for critical messages: a phone that is on takes its messages within seconds, and what
is critical should not wait longer for one that is off."""


@dataclass(frozen=True)
class Policy:
    """The steps of each priority, in order.

    ``take_all``: take every way that the person has; otherwise the first success ends it.
    ``whatsapp_later``: who was reached otherwise still gets the WhatsApp message after recovery. Off by
    default: nobody gets it twice.
    ``after``: by priority, the seconds after which a message that Meta took, and no device has, takes its
    fallback (escalation) where the message itself names no time; a priority that is not named: never.
    """

    steps: Mapping[str, tuple[str, ...]]
    take_all: bool = False
    whatsapp_later: bool = False
    after: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({CRITICAL: CRITICAL_AFTER}))

    @classmethod
    def parse(cls, obj: object) -> Policy:
        """A policy from settings: ``{"steps": {"critical": ["push", "park"]}, "take_all": false, ...}``.

        What is not named stays as in :data:`DEFAULT_POLICY`. Raises ``ValueError`` that lists every fault.
        """
        faults = list(_faults(obj))
        if faults or not isinstance(obj, Mapping):
            raise ValueError("; ".join(faults))
        steps = dict(DEFAULT_POLICY.steps)
        for priority, names in obj.get("steps", {}).items():
            steps[priority] = tuple(names)
        return cls(
            steps=MappingProxyType(steps),
            take_all=obj.get("take_all", DEFAULT_POLICY.take_all),
            whatsapp_later=obj.get("whatsapp_later", DEFAULT_POLICY.whatsapp_later),
            after=MappingProxyType(
                {
                    priority: seconds
                    for priority, seconds in {**DEFAULT_POLICY.after, **obj.get("after", {})}.items()
                    if seconds
                }
            ),
        )

    def escalates_after(self, priority: str, own: int | None) -> int | None:
        """Seconds until a message that Meta took escalates; ``None``: never. ``own``: what it says itself."""
        if all(step == PARK for step in self.steps.get(priority, ())):
            return None
        return own or self.after.get(priority)


DEFAULT_POLICY: Final = Policy(
    steps=MappingProxyType(
        {
            priority: (*(way.name for way in WAYS if priority in way.default_for), PARK)
            for priority in PRIORITIES
        }
    )
)


def _faults(obj: object) -> Iterator[str]:
    if not isinstance(obj, Mapping):
        yield "must be an object with steps, take_all, whatsapp_later and after"
        return
    for name in obj:
        if name not in ("steps", "take_all", "whatsapp_later", "after"):
            yield f"{name}: unknown; known are steps, take_all, whatsapp_later, after"
    yield from _faults_of_after(obj.get("after", {}))
    for name in ("take_all", "whatsapp_later"):
        if name in obj and not isinstance(obj[name], bool):
            yield f"{name}: must be true or false, not {obj[name]!r}"
    steps = obj.get("steps", {})
    if not isinstance(steps, Mapping):
        yield "steps: must be an object of priorities"
        return
    ways = ", ".join(STEPS)
    for priority, names in steps.items():
        if priority not in PRIORITIES:
            yield f"steps.{priority}: unknown priority; known are {', '.join(PRIORITIES)}"
        if not isinstance(names, list | tuple):
            yield f"steps.{priority}: must be a list of {ways}"
            continue
        for name in names:
            if not isinstance(name, str) or name not in STEPS:
                yield f"steps.{priority}: {name!r} is not a step; steps are {ways}"
        if len(set(map(str, names))) != len(names):
            yield f"steps.{priority}: a step occurs twice"
        if PARK in names and names[-1] != PARK:
            yield f"steps.{priority}: park must be the last step"


def _faults_of_after(obj: object) -> Iterator[str]:
    if not isinstance(obj, Mapping):
        yield "after: must be an object of priorities"
        return
    for priority, seconds in obj.items():
        if priority not in PRIORITIES:
            yield f"after.{priority}: unknown priority; known are {', '.join(PRIORITIES)}"
        whole = isinstance(seconds, int) and not isinstance(seconds, bool)
        if not whole or (seconds and not MIN_AFTER <= seconds <= MAX_AFTER):
            yield (
                f"after.{priority}: must be whole seconds from {MIN_AFTER} to {MAX_AFTER}, or 0 for never, "
                f"not {seconds!r}"
            )


def plan(
    policy: Policy,
    priority: str,
    has: Collection[str],
    expired: bool = False,
    whatsapp_later: bool = True,
) -> tuple[str, ...]:
    """The steps to take for one message, in order. ``has``: the ways by which this person can be reached.

    Ways that the person lacks are left out. ``park`` always ends the plan, also
    where the policy does not name it: a message that reaches nobody is held, not lost. It is absent only when
    the message has ``expired`` (then the plan is empty: never deliver later than that), or when WhatsApp
    cannot deliver it later either (``whatsapp_later`` false: the person, not the channel, is the reason).
    An unknown priority is taken as ``normal``.
    """
    if expired:
        return ()
    wanted = policy.steps.get(priority, policy.steps.get("normal", ()))
    ways = tuple(step for step in wanted if step in has)
    return (*ways, PARK) if whatsapp_later else ways


def next_after(
    policy: Policy, steps: Sequence[str], successes: Sequence[str], failures: Sequence[str]
) -> str | None:
    """The step of a plan to take next, or ``None`` when it is done.

    The first success ends it; with ``take_all`` every way is taken. ``park`` comes last: when nobody was
    reached, or when the policy sends the WhatsApp message later all the same.
    """
    reached = any(step != PARK for step in successes)
    done = {*successes, *failures}
    for step in steps:
        if step in done:
            continue
        if step == PARK:
            if not reached or policy.whatsapp_later:
                return step
        elif not reached or policy.take_all:
            return step
    return None


def final_status(successes: Sequence[str]) -> Status:
    """The ledger's status after these steps succeeded.

    The first way that reached the person counts; ``PARKED`` when parking was all, or when the WhatsApp
    message still follows; ``FAILED`` when nothing worked.
    """
    if PARK in successes:
        return Status.PARKED
    first = next(iter(successes), None)
    return Status(WAYS_BY_NAME[first].status) if first else Status.FAILED
