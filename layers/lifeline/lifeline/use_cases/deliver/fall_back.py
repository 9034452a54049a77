"""Step 6: the fallback's ways, one after the other; each is claimed before it is taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from lifeline.adapters.contacts import Contact, Contacts, WayAddress, contact_key, contact_keys, each
from lifeline.adapters.outcomes import Courier, NotTaken, UnknownOutcome
from lifeline.contract.messages import Message, Recipient
from lifeline.contract.scopes import WHATSAPP
from lifeline.contract.ways import PARK
from lifeline.domain.fallback.policy import Policy, final_status, next_after, plan
from lifeline.domain.message.kinds import notice
from lifeline.domain.message.outcome import NotDone, Refused, Taken, Unknown, after_ways, of_devices
from lifeline.domain.message.row import Row, too_late
from lifeline.domain.message.status import REACHED, Status
from lifeline.domain.message.step import Step
from lifeline.domain.message.ways import taken_so_far
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.deliver.at_rest import AtRest
from lifeline.use_cases.deliver.job import Job
from lifeline.use_cases.shared.opt_outs import OptedOut

OTHERS_WITHIN: Final = 15.0
"""Seconds from the first act of a batch within which further devices of a person are begun with: a worker
whose push service hangs has to record, within its 50 s, what the first ones took."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one person."""

    ways: Mapping[str, Sequence[str]]
    """By way, those of their addresses that are not refused."""
    contact: Contact


class FallBack:
    """Knows each person's ways, picks the next one by the policy, takes it. One instance per worker."""

    def __init__(
        self,
        *,
        policy: Policy,
        couriers: Mapping[str, Courier],
        contacts: Contacts,
        opted_out: OptedOut,
        telemetry: Telemetry,
        at_rest: AtRest,
        default_title: str,
        clock: Callable[[], float],
        pool: Executor,
    ) -> None:
        """``couriers``: who takes each way. ``pool``: a thread for each act that is in flight at once."""
        self._policy = policy
        self._couriers = couriers
        self._contacts = contacts
        self._opted_out = opted_out
        self._telemetry = telemetry
        self._at_rest = at_rest
        self._title = default_title
        self._clock = clock
        self._pool = pool

    # -- who can be reached how ----------------------------------------------------------------------

    def people(self, jobs: Sequence[Job]) -> dict[str, Known]:
        """By message id: who gets it, and how they can be reached."""
        known = self._look_up([job.message.recipient for job in jobs])
        keys = {job.id: contact_key(job.message.recipient) for job in jobs}
        contacts = {name: known.get(key) or Contact(key) for name, key in keys.items()}
        ways = {job.id: self._ways(job.message, contacts[job.id]) for job in jobs}
        refused = self._marks({way for theirs in ways.values() for way in theirs})
        free: dict[str, dict[str, list[str]]] = {name: {} for name in ways}
        for name, theirs in ways.items():
            for way, address in theirs:
                if (way, address) not in refused:
                    free[name].setdefault(way, []).append(address)
        return {name: Known(free[name], contacts[name]) for name in ways}

    def _look_up(self, recipients: Sequence[Recipient]) -> Mapping[str, Contact]:
        wanted = contact_keys(recipients)
        if not wanted:
            return {}
        try:
            return self._contacts.read(wanted)
        except UnavailableError as error:
            # Without the table the ways that came with the message still work.
            self._telemetry.error("contacts cannot be read", detail=str(error))
            return {}

    @staticmethod
    def _ways(message: Message, contact: Contact) -> list[WayAddress]:
        """What came with the message goes before the contact."""
        return [*each({**contact.addresses, **message.recipient.addresses})]

    def _marks(self, ways: set[WayAddress]) -> Mapping[WayAddress, str]:
        try:
            return self._contacts.refused(ways)
        except UnavailableError as error:
            # A way that is refused fails once more and passes to the next one.
            self._telemetry.error("refused addresses cannot be read", detail=str(error))
            return {}

    # -- which way next -------------------------------------------------------------------------------

    def next_way(self, row: Row, job: Job, known: Known, why: str, *, template_alone: bool) -> str | Step:
        """The way to claim now, or the step that ends the fallback.

        ``template_alone``: the template panics, and the channel does not.
        """
        text = notice(job.message)
        # What Meta took is not parked: it cannot be sent again.
        later = row.later and not row.reached
        steps = plan(self._policy, row.priority, known.ways if text else (), whatsapp_later=later)
        successes, failures = taken_so_far(row)
        step = next_after(self._policy, steps, successes, failures)
        words = f"{why} ({row.tried})" if row.tried else why
        if step == PARK:
            zones = self._at_rest.noted(job.message, job.to, known.contact)
            row = replace(row, zones=zones) if zones != row.zones else row
            return after_ways(row, Status.PARKED, words, self._clock(), template_alone=template_alone)
        if step is not None:
            return step
        status = final_status(successes)
        if status not in REACHED:
            words += "; no fallback reached this person"
        return after_ways(row, status, words, self._clock(), template_alone=template_alone)

    # -- take it ----------------------------------------------------------------------------------------

    def take(self, jobs: Sequence[Job], people: Mapping[str, Known]) -> None:
        """Take the claimed way of each job, side by side, to each of its addresses; sets its outcome.

        First everybody's first device, then everybody's second.
        """
        until = self._clock() + OTHERS_WITHIN
        theirs = [[(job, address) for address in people[job.id].ways[job.row.way or ""]] for job in jobs]
        acts = [act for turn in zip_longest(*theirs) for act in turn if act is not None]
        begun: dict[str, list[Taken | Refused | Unknown | NotDone]] = {job.id: [] for job in jobs}
        firsts = {job.id: mine[0][1] for job, mine in zip(jobs, theirs, strict=True)}

        def one(act: tuple[Job, str]) -> None:
            job, address = act
            if address == firsts[job.id] or self._clock() < until:
                begun[job.id].append(self._one(job, people[job.id].contact, address))
                job.ended_at = self._clock()

        list(self._pool.map(one, acts))
        for job in jobs:
            job.outcome = of_devices(begun[job.id])

    def _one(self, job: Job, contact: Contact, address: str) -> Taken | Refused | Unknown | NotDone:
        row, now = job.row, self._clock()
        way = row.way or ""
        if too_late(row, now):
            return NotDone.TOO_LATE
        unwanted = self._opted_out.meanwhile(row, job.names)
        if unwanted:
            return unwanted
        try:
            text = notice(job.message, job.message.recipient.language or contact.language)
            assert text is not None, "without words no way is planned"
            ttl = None if row.expires_at is None else max(1, int(row.expires_at - now))
            reference = self._couriers[way].send(
                address, text.title or self._title, text.body, row.id, row.act, ttl
            )
        except NotTaken as error:
            if error.gone:
                self._refuse(way, address, error.code, now)
            return Refused(error.code)
        except UnknownOutcome as error:
            return Unknown(error.code)
        except Exception as error:  # one message's trouble is its own
            self._telemetry.exception("a fallback failed unexpectedly", message_id=row.id, way=way)
            return Unknown(type(error).__name__)
        return Taken(reference)

    def _refuse(self, way: str, address: str, code: str, now: float) -> None:
        try:
            self._contacts.refuse(way, address, code, now)
        except Exception as error:  # the mark is a help for the next fallback, no more
            self._telemetry.warning("a refused address could not be marked", way=way, detail=str(error))

    # -- count ------------------------------------------------------------------------------------------

    def count(self, ended: Sequence[tuple[Row, str]]) -> None:
        """One value per metric and batch; ``FallbackFailing`` is of those that fall back for the channel.

        ``ended``: each row whose fallback came to an end, and what it had ``tried`` before.
        """
        reached: Counter[str] = Counter()
        failed: Counter[str] = Counter()
        tried = lost = 0
        for row, before in ended:
            new = (row.tried or "").removeprefix(before).split(", ")
            ways = [entry.partition(" ") for entry in new if entry and entry != PARK]
            for way, _, code in ways:
                (failed if code else reached)[way] += 1
            if row.later and ways and not row.escalated:
                tried += 1
                lost += all(code for _, _, code in ways)
        for way, count in reached.items():
            self._telemetry.count("Fallbacks", count, way=way)
        for way, count in failed.items():
            self._telemetry.count("FallbackFailures", count, way=way)
        self._telemetry.share("FallbackFailing", lost, tried - lost, scope=WHATSAPP)
