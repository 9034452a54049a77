"""What a person whose phone is off is owed: the fallback in time, once, and both counted as meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lifeline.contract.ways import WAYS
from lifeline.domain.fallback.policy import Policy
from lifeline.domain.message.row import WHATSAPP, Row
from lifeline.domain.message.status import Status

START: Final = 1_790_000_000.0
FAULTY: Final = 240.0
"""Seconds in which things go wrong."""
TICK: Final = 60.0
LEASE: Final = 60.0
SLACK: Final = 10.0
"""Seconds: clocks of two workers, and the calls between decision and effect."""
_DELIVERED: Final = frozenset({Status.DELIVERED, Status.READ})


class Violation(AssertionError):  # noqa: N818 - a finding, not an error of the harness
    """An invariant does not hold."""


@dataclass(frozen=True, slots=True)
class Told:
    """One telling as an observer outside sees it."""

    message: str
    way: str
    act: int
    at: float


@dataclass(frozen=True, slots=True)
class Escalation:
    """One message at the end of a run. ``told``: without what Meta reported as failed."""

    name: str
    body: Mapping[str, Any]
    row: Row
    told: Sequence[Told]
    reported: float | None
    """When Lifeline first took Meta's word that a device has it."""

    @property
    def aside(self) -> list[Told]:
        """By the ways of the fallback, a push and its repetitions once."""
        first: dict[object, Told] = {}
        for item in self.told:
            if item.way != WHATSAPP:
                first.setdefault(item.way if item.way == "push" else (item.way, item.act), item)
        return list(first.values())


def check_escalation(of: Escalation, policy: Policy, doubtful: bool) -> None:
    """Raises :class:`Violation`. ``doubtful``: of some act nobody can know whether it took place."""
    row, aside = of.row, of.aside
    if len(aside) - 1 - policy.take_all > row.possible_duplicates:
        ways = ", ".join(f"{item.way}#{item.act}" for item in aside)
        raise Violation(f"twice: {of.name} was told by {ways}; possible {row.possible_duplicates}")
    if doubtful:
        return
    if row.escalated and aside and of.reported is not None and not row.beside:
        raise Violation(
            f"both: {of.name} was told by {aside[0].way} and delivered; {row.status} says no such"
        )
    if row.beside and (not aside or of.reported is None):
        raise Violation(f"both: {of.name} is {row.status} and {row.beside}, but was told by one only")
    if row.escalated and of.reported is not None:
        late = [item for item in aside if item.at > of.reported + LEASE]
        if late:
            raise Violation(f"needless: {of.name}: {late[0].way} long after it was delivered")
    _check_in_time(of, policy)


def _check_in_time(of: Escalation, policy: Policy) -> None:
    """Who has ways, and whose phone was off, was told by one of them in time."""
    row = of.row
    has = {way.name for way in WAYS if of.body["recipient"].get(way.field)}
    after = policy.escalates_after(row.priority, (of.body.get("fallback") or {}).get("after"))
    sent = [item for item in of.told if item.way == WHATSAPP]
    refused = " " in (row.tried or "").replace(", ", ",")
    if after is None or not sent or not has.intersection(policy.steps[row.priority]) or refused:
        return
    acts = len({item.act for item in of.told})
    if "expires_at" in of.body or row.campaign or row.faults or len(sent) > 1 or row.act > 1 + acts:
        return  # it ended, was taken back, or was not a plain send: other invariants look at those
    due = max(sent[0].at + after, START + FAULTY) + TICK + LEASE + SLACK
    if of.reported is not None and of.reported <= due:
        return
    first = min((item.at for item in of.aside), default=None)
    if first is None or first > due:
        when = "never" if first is None else f"{first - due:.1f} s too late"
        raise Violation(
            f"not told: {of.name}: its phone was off, and its fallback told it {when} ({row.status})"
        )
