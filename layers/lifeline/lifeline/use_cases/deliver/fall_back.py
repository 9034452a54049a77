"""Step 6: the fallback's ways, one after the other; each is claimed before it is taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor

from lifeline.adapters.contacts import Contact, Contacts, WayAddress, contact_key, contact_keys
from lifeline.adapters.outcomes import Courier, NotTaken, UnknownOutcome
from lifeline.contract.messages import Message, Recipient
from lifeline.contract.scopes import WHATSAPP
from lifeline.contract.ways import PARK, WAYS
from lifeline.domain.fallback.policy import Policy, final_status, next_after, plan
from lifeline.domain.message.kinds import notice
from lifeline.domain.message.outcome import NotDone, Refused, Taken, Unknown, after_ways
from lifeline.domain.message.row import Row, too_late
from lifeline.domain.message.status import REACHED, Status
from lifeline.domain.message.step import Step
from lifeline.domain.message.ways import taken_so_far
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.deliver.job import Job
from lifeline.use_cases.shared.opt_outs import OptedOut


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
        self._title = default_title
        self._clock = clock
        self._pool = pool

    # -- who can be reached how ----------------------------------------------------------------------

    def addresses(self, jobs: Sequence[Job]) -> dict[str, dict[str, str]]:
        """By message id: each way that this person has, with its address."""
        contacts = self._look_up([job.message.recipient for job in jobs])
        ways = {job.id: self._ways(job.message, contacts) for job in jobs}
        refused = self._marks({way for theirs in ways.values() for way in theirs})
        return {
            name: {way: address for way, address in theirs if (way, address) not in refused}
            for name, theirs in ways.items()
        }

    def _look_up(self, recipients: Sequence[Recipient]) -> Mapping[str, Contact]:
        wanted = contact_keys(r for r in recipients if len(r.addresses) < len(WAYS))
        if not wanted:
            return {}
        try:
            return self._contacts.read(wanted)
        except UnavailableError as error:
            # Without the table the ways that came with the message still work.
            self._telemetry.error("contacts cannot be read", detail=str(error))
            return {}

    def _ways(self, message: Message, contacts: Mapping[str, Contact]) -> list[WayAddress]:
        """What came with the message goes before the contact."""
        key = contact_key(message.recipient)
        contact = contacts.get(key) or Contact(key)
        return [
            (way, address)
            for way, address in {**contact.addresses, **message.recipient.addresses}.items()
            if not (address == contact.addresses.get(way) and contact.refused.get(way))
        ]

    def _marks(self, ways: set[WayAddress]) -> Mapping[WayAddress, str]:
        try:
            return self._contacts.refused(ways)
        except UnavailableError as error:
            # A way that is refused fails once more and passes to the next one.
            self._telemetry.error("refused addresses cannot be read", detail=str(error))
            return {}

    # -- which way next -------------------------------------------------------------------------------

    def next_way(
        self, row: Row, message: Message, ways: Mapping[str, str], why: str, *, template_alone: bool
    ) -> str | Step:
        """The way to claim now, or the step that ends the fallback.

        ``template_alone``: the template panics, and the channel does not.
        """
        text = notice(message)
        # What Meta took is not parked: it cannot be sent again.
        later = row.later and not row.reached
        steps = plan(self._policy, row.priority, ways if text else (), whatsapp_later=later)
        successes, failures = taken_so_far(row)
        step = next_after(self._policy, steps, successes, failures)
        words = f"{why} ({row.tried})" if row.tried else why
        if step == PARK:
            return after_ways(row, Status.PARKED, words, self._clock(), template_alone=template_alone)
        if step is not None:
            return step
        status = final_status(successes)
        if status not in REACHED:
            words += "; no other way reached this person"
        return after_ways(row, status, words, self._clock(), template_alone=template_alone)

    # -- take it ----------------------------------------------------------------------------------------

    def take(self, jobs: Sequence[Job], addresses: Mapping[str, Mapping[str, str]]) -> None:
        """Take the claimed way of each job, side by side; sets its outcome."""

        def one(job: Job) -> None:
            job.outcome = self._one(job, addresses[job.id])
            job.ended_at = self._clock()

        list(self._pool.map(one, jobs))

    def _one(self, job: Job, ways: Mapping[str, str]) -> Taken | Refused | Unknown | NotDone:
        row, now = job.row, self._clock()
        way = row.way or ""
        if too_late(row, now):
            return NotDone.TOO_LATE
        unwanted = self._opted_out.meanwhile(row, job.names)
        if unwanted:
            return unwanted
        try:
            text = notice(job.message)
            assert text is not None, "without words no way is planned"
            ttl = None if row.expires_at is None else max(1, int(row.expires_at - now))
            reference = self._couriers[way].send(
                ways[way], text.title or self._title, text.body, row.id, row.act, ttl
            )
        except NotTaken as error:
            if error.gone:
                self._refuse(way, ways[way], error.code, now)
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
