"""Deliver a batch: parse, claim, send side by side, record, fall back, put back.

The order is the point. A row is written before anything is sent (no claim, no send), a row says that a
message waits before its new carrier is put on a queue, and a carrier is acknowledged last.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any, Final

from lifeline.adapters.campaigns import Campaigns
from lifeline.adapters.control import Control
from lifeline.adapters.ledger import Change, Ledger, Row
from lifeline.adapters.queues import Outgoing, Queues
from lifeline.adapters.scheduler import Schedules
from lifeline.adapters.whatsapp import Accepted, WhatsApp
from lifeline.contract import (
    OPENAI_VOICE,
    TEMPLATE_PREFIX,
    WHATSAPP,
    ContractError,
    Message,
    Template,
    parse_message,
    template_scope,
)
from lifeline.domain import campaign as campaigns_domain
from lifeline.domain import delivery, speech
from lifeline.domain.delivery import Carrier, Decision, Do, Known, Phase, Situation
from lifeline.domain.failures import Cause, Failure, Reach
from lifeline.domain.pace import split
from lifeline.domain.panic import State
from lifeline.domain.phone import NotAPhoneNumber, mask, normalise
from lifeline.domain.quiet import quiet_until, zones_of
from lifeline.domain.status import Status, can_move
from lifeline.domain.volume import DRAINED, TEMPLATE_ASKED, TEMPLATE_FAILED
from lifeline.errors import ConflictError, UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.detect import PROMOTION, Detect, Result
from lifeline.use_cases.fall_back import FallBack, Reached, Unreached
from lifeline.use_cases.panic_mode import PanicMode

LEASE: Final = 60.0
"""Seconds. Longer than the sender's time-out: a claim older than this has no worker any more."""
MARGIN: Final = 4.0
"""Seconds kept at the end of an invocation for recording outcomes and putting work back."""
SLOT_KEPT: Final = 30.0
"""Seconds for which a token of the limiter stays good after its time."""
ROUNDS: Final = 4
"""How often a claim is tried again after another writer moved the row meanwhile."""
TEMPLATE_MAP: Final = "template_map"
CRITICAL: Final = "critical"
"""The limiter's part that is kept for critical messages."""


@dataclass(frozen=True, slots=True)
class Record:
    """One SQS record as the handler parsed it."""

    id: str
    body: str
    note: Mapping[str, Any] | None
    receive_count: int


@dataclass(slots=True)
class Job:
    """One carrier on its way through the batch."""

    record: Record
    carrier: Carrier
    message: Message
    to: str | None
    row: Row | None = None
    decision: Decision = field(default_factory=lambda: Decision(Do.ACKNOWLEDGE, "not decided"))
    template: Template | None = None
    token_at: float = 0.0
    outcome: Accepted | Failure | None = None
    resending: bool = False
    """Decided before it waited for a token: nothing settled its doubt."""
    resent: bool = False
    """It was sent a second time, because nothing settled its doubt."""
    incident_id: str | None = None
    ended_at: float = 0.0
    """When its send ended, well or not."""
    tried: str = ""
    refused_recording: str = ""
    """The media id that Meta refused; the words went as text."""

    @property
    def id(self) -> str:
        return self.message.id


class Deliver:
    """The sender's use case. One instance per worker; calls do not overlap."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        control: Control,
        panic: PanicMode,
        queues: Queues,
        whatsapp: WhatsApp,
        fall_back: FallBack,
        schedules: Schedules | None,
        clock: Callable[[], float],
        pause: Callable[[float], None],
        chance: Callable[[], float],
        telemetry: Telemetry,
        keep_usage: Callable[[], None] = lambda: None,
        campaigns: Campaigns | None = None,
    ) -> None:
        """``keep_usage``: called once after each batch that sent, see :class:`UsageSeen`."""
        self._settings = settings
        self._ledger = ledger
        self._control = control
        self._panic = panic
        self._queues = queues
        self._whatsapp = whatsapp
        self._fall_back = fall_back
        self._schedules = schedules
        self._clock = clock
        self._pause = pause
        self._chance = chance
        self._telemetry = telemetry
        self._keep_usage = keep_usage
        self._campaigns = campaigns
        self._pool = ThreadPoolExecutor(settings.sending.connections, thread_name_prefix="send")
        self._detect = Detect(
            settings=settings,
            control=control,
            panic=panic,
            clock=clock,
            telemetry=telemetry,
            source="sender",
            actor="SenderFunction",
        )

    def __call__(self, records: Sequence[Record], remaining: Callable[[], float]) -> list[str]:
        """Deliver one batch; returns the ids of the records that SQS must bring again.

        ``remaining``: seconds this invocation has left. Only the unexpected comes back as a failure;
        whatever has to wait was put back as a new SQS message.
        """
        failed: set[str] = set()
        jobs = self._parse(records, failed)
        try:
            self._panic.flags()
        except UnavailableError as error:
            self._telemetry.error("no flags; the batch goes back to its queue", detail=str(error))
            return [record.id for record in records]
        tally: Counter[str] = Counter()
        jobs = self._hand_over(jobs, failed)
        try:
            claimed = self._claim(jobs, failed)
        except UnavailableError as error:
            self._telemetry.error("no claim, no send; the batch goes back to its queue", detail=str(error))
            return sorted({*failed, *(job.record.id for job in jobs)})
        sending = [job for job in claimed if job.decision.do is Do.SEND]
        self._send(sending, remaining)
        self._forget_recordings(sending)
        self._judge(sending)
        for job in sending:
            job.resent = job.decision.resend and job.outcome is not None
            job.decision = self._after(job)
        self._carry_out(claimed, failed, tally)
        self._count(claimed, tally)
        self._count_campaigns(claimed)
        if sending:
            self._keep_usage()
        self._telemetry.info(
            "batch done",
            records=len(records),
            sent=sum(1 for job in sending if isinstance(job.outcome, Accepted)),
            decisions=dict(Counter(str(job.decision.do) for job in claimed)),
            back=len(failed),
        )
        return sorted(failed)

    # -- parse -----------------------------------------------------------------------------------

    def _parse(self, records: Sequence[Record], failed: set[str]) -> list[Job]:
        jobs: dict[str, Job] = {}
        broken: list[tuple[Record, str]] = []
        # Carriers that Lifeline itself put back go first, so that a producer's duplicate in the same
        # batch does not push the owner of the id aside.
        for record in sorted(records, key=lambda record: record.note is None):
            try:
                message = parse_message(record.body)
            except ContractError as error:
                broken.append((record, str(error)))
                continue
            if message.id in jobs:
                self._telemetry.info("duplicate in one batch", message_id=message.id)
                continue
            try:
                to = normalise(message.to, self._settings.default_region_code or None)
            except NotAPhoneNumber:
                to = None
            jobs[message.id] = Job(record, carrier_of(record), message, to)
        if broken:
            self._dead_letter([(record, f"contract: {reason}") for record, reason in broken], failed)
            self._telemetry.count("ContractErrors", len(broken), scope=WHATSAPP)
        return list(jobs.values())

    def _dead_letter(self, items: Iterable[tuple[Record, str]], failed: set[str]) -> None:
        listed = list(items)
        sent = self._queues.send(
            self._settings.whatsapp_dlq_url,
            [Outgoing(body=record.body, reason=reason) for record, reason in listed],
        )
        for (record, reason), ok in zip(listed, sent, strict=True):
            self._telemetry.warning("to the dead-letter queue", record=record.id, reason=reason, moved=ok)
            if not ok:
                # Not lost: SQS brings it again and, after maxReceiveCount, moves it there itself.
                failed.add(record.id)

    # -- voice -----------------------------------------------------------------------------------

    def _hand_over(self, jobs: list[Job], failed: set[str]) -> list[Job]:
        """Voice messages go to ``voice-queue`` first; they come back with a recording, or as text.

        Nothing is claimed yet: two copies of one message come back as two carriers, of which one loses the
        claim. What waits for its time, or is on its way to a fallback, is left to the rest of the batch.
        """
        url = self._settings.voice_queue_url
        now = self._clock()
        if (
            not url
            or self._panic.flag(OPENAI_VOICE).blocks_sending
            or self._panic.flag(WHATSAPP).blocks_sending
        ):
            return jobs
        spoken = [
            job
            for job in jobs
            if job.message.type == "voice"
            and job.to is not None
            and speech.returned(job.record.note) is None
            and not job.carrier.job
            and (job.message.send_after is None or job.message.send_after <= now)
            and (job.message.expires_at is None or job.message.expires_at > now)
        ]
        if not spoken:
            return jobs
        bodies = [
            Outgoing(speech.Job(job.record.body, job.record.note or {"claim": job.record.id}).write())
            for job in spoken
        ]
        for job, ok in zip(spoken, self._queues.send(url, bodies), strict=True):
            if not ok:
                self._telemetry.error("no speech could be asked for; comes again", message_id=job.id)
                failed.add(job.record.id)
        gone = {job.id for job in spoken}
        return [job for job in jobs if job.id not in gone]

    def _forget_recordings(self, jobs: Sequence[Job]) -> None:
        """Have refused recordings used no more. Where that fails, the next send of the same words asks."""
        refused = {
            ((job.message.text or "").strip(), job.refused_recording) for job in jobs if job.refused_recording
        }
        if not refused:
            return
        told = self._queues.send(
            self._settings.voice_queue_url,
            [Outgoing(speech.Forget(text, media_id).write()) for text, media_id in sorted(refused)],
        )
        if not all(told):
            self._telemetry.warning("a refused recording is still kept", count=told.count(False))

    # -- decide and claim ------------------------------------------------------------------------

    def _claim(self, jobs: list[Job], failed: set[str]) -> list[Job]:
        """Decide on every job and write its claim. Returns the jobs whose claim stands."""
        known = [job for job in jobs if job.record.note is not None or job.record.receive_count > 1]
        rows = self._ledger.read(job.id for job in known) if known else {}
        for job in known:
            job.row = rows.get(job.id)
        replacements = self._replacements(jobs)
        done: list[Job] = []
        waiting = jobs
        for _ in range(ROUNDS):
            for job in waiting:
                job.decision = self._before(job, replacements)
            self._take_tokens([job for job in waiting if job.decision.do is Do.SEND])
            waiting = self._write_claims(waiting, done)
            if not waiting:
                return done
        for job in waiting:
            self._telemetry.warning("claim lost again and again; comes back", message_id=job.id)
            failed.add(job.record.id)
        return done

    def _before(self, job: Job, replacements: Mapping[str, Template]) -> Decision:
        now = self._clock()
        name = job.message.template.name if job.message.template else ""
        template_flag = self._panic.flag(template_scope(name)) if name else None
        template_blocked = bool(template_flag and template_flag.blocks_sending)
        job.template = replacements.get(job.id) if template_blocked else None
        channel = self._panic.flag(WHATSAPP)
        job.incident_id = (
            channel.incident_id
            if channel.blocks_sending
            else (template_flag.incident_id if template_flag and template_blocked else None)
        )
        row = job.row
        decision = delivery.before_sending(
            job.carrier,
            None
            if row is None
            else Known(row.status, row.claim, row.turn, row.phase, row.attempted_at, row.due_at),
            Situation(
                now=now,
                channel_blocked=channel.blocks_sending,
                template_blocked=template_blocked and job.template is None,
                valid_phone=job.to is not None,
                expires_at=job.message.expires_at,
                send_after=job.message.send_after,
                grace=self._settings.sending.grace,
                lease=LEASE,
                quiet=self._quiet(job, now),
            ),
        )
        return self._of_campaign(job, decision)

    def _of_campaign(self, job: Job, decision: Decision) -> Decision:
        """A paused or cancelled campaign sends nothing, and takes no fallback in panic's stead."""
        name = job.message.campaign
        if self._campaigns is None or not name or job.carrier.job or decision.resend:
            return decision
        if decision.do not in (Do.SEND, Do.FALL_BACK):
            return decision
        try:
            state = self._campaigns.state(name)
        except UnavailableError as error:
            # Only this campaign waits; what else is in the batch goes on.
            self._telemetry.error("a campaign's state is unknown; it waits", detail=str(error))
            state = campaigns_domain.State.PAUSED
        return campaigns_domain.held(state, job.carrier.rounds) or decision

    def _count_campaigns(self, jobs: Sequence[Job]) -> None:
        if self._campaigns is None:
            return
        found: dict[str, Counter[str]] = {}
        for job in jobs:
            name = job.message.campaign
            if name and job.row and job.decision.do in (Do.FINISH, Do.EXPIRE, Do.REJECT):
                added = campaigns_domain.tally(
                    job.row.status,
                    job.decision.why,
                    accepted=isinstance(job.outcome, Accepted),
                    reported=job.carrier.job == delivery.FALLBACK,
                )
                if added:
                    found.setdefault(name, Counter()).update(added)
        for name, counts in found.items():
            try:
                if self._campaigns.state(name):
                    self._campaigns.count(name, counts)
            except (UnavailableError, ConflictError) as error:
                self._telemetry.warning("a campaign's counters could not be written", detail=str(error))

    def _quiet(self, job: Job, now: float) -> bool:
        """Whether the recipient's quiet hours hold it back: campaigns only, live messages are wanted now."""
        hours = self._settings.quiet
        if not hours.any or job.message.priority != "bulk" or job.to is None:
            return False
        return quiet_until(now, zones_of(job.to, job.message.recipient.time_zone), hours) is not None

    def _replacements(self, jobs: Sequence[Job]) -> dict[str, Template]:
        """Templates to use instead of panicking ones, by message id; read only when one panics."""
        hit = [
            job
            for job in jobs
            if job.message.template
            and self._panic.flag(template_scope(job.message.template.name)).blocks_sending
        ]
        if not hit:
            return {}
        mapped = self._control.setting(TEMPLATE_MAP).value or {}
        found = {}
        for job in hit:
            template = job.message.template
            target = mapped.get(template.name) if template else None
            if template and target and not self._panic.flag(template_scope(target)).blocks_sending:
                found[job.id] = replace(template, name=target)
        return found

    def _take_tokens(self, jobs: list[Job]) -> None:
        """Reserve a token of the shared limiter for each send: one write for all the tokens of a kind.

        Critical messages come first in the batch, and where others have booked the limiter ahead of them,
        they have a part of it to themselves.
        """
        now = self._clock()
        limiter = self._settings.limiter
        kept, rest = split(limiter.rate, limiter.burst, limiter.critical_share)
        holding: list[Job] = []
        for job in jobs:
            slot = job.carrier.slot
            job.token_at = now
            job.resending = job.decision.resend
            if slot is None or now - slot >= SLOT_KEPT:
                holding.append(job)
            elif slot > now + 1 + self._settings.limiter.horizon:
                # Booked further ahead than SQS can delay: it keeps its slot and takes no second token.
                job.decision = Decision(Do.WAIT, "limiter", delay=slot - now)
            else:
                job.token_at = max(now, slot)
        bulk = [job for job in holding if job.message.priority == "bulk" and not job.carrier.paid]
        # Bulk passes its own limiter first and books the shared one only when its turn has come, so that
        # a large campaign never stands before live traffic.
        self._reserve("bulk", bulk, limiter.bulk_rate, limiter.bulk_share * limiter.burst, now)
        rank = {"critical": 0, "normal": 1, "bulk": 2}
        due = [job for job in holding if job.decision.do is Do.SEND]
        due.sort(key=lambda job: (rank[job.message.priority], job.carrier.drained))
        self._reserve(WHATSAPP, due, *rest, now)
        if kept[0]:
            late = [job for job in due if job.message.priority == "critical" and job.decision.do is Do.WAIT]
            self._overtake(late, *kept, now)

    def _slots(self, lane: str, count: int, rate: float, burst: float, now: float) -> list[float]:
        """When each of ``count`` tokens may be used (epoch seconds); one write."""
        interval = 1.0 / rate
        end = self._control.reserve(lane, count, interval, max(1, int(burst)), now)
        return [end - (count - 1 - index) * interval for index in range(count)]

    def _reserve(self, lane: str, jobs: Sequence[Job], rate: float, burst: float, now: float) -> None:
        """Give each job its token time; one that is too far off waits until then on the queue."""
        if not jobs:
            return
        try:
            slots = self._slots(lane, len(jobs), rate, burst, now)
        except UnavailableError as error:
            # Tokens fail closed: without the limiter nothing may be sent now.
            self._telemetry.error("no tokens", detail=str(error))
            for job in jobs:
                job.decision = Decision(Do.WAIT, "the limiter cannot be read", delay=5.0)
            return
        for job, at in zip(jobs, slots, strict=True):
            job.token_at = max(job.token_at, at)
            if at > now + self._settings.limiter.horizon:
                job.decision = Decision(
                    Do.WAIT, "bulk share" if lane == "bulk" else "limiter", delay=at - now
                )

    def _overtake(self, jobs: Sequence[Job], rate: float, burst: float, now: float) -> None:
        """Critical messages that would wait for others: the part kept for them, where it is sooner."""
        if not jobs:
            return
        try:
            slots = self._slots(CRITICAL, len(jobs), rate, burst, now)
        except UnavailableError as error:
            self._telemetry.error("no tokens of the critical part", detail=str(error))
            return  # they keep the slots that they have
        for job, at in zip(jobs, slots, strict=True):
            if job.decision.why != "limiter" or at >= job.token_at:
                continue
            job.token_at = max(now, at)
            if at > now + self._settings.limiter.horizon:
                job.decision = replace(job.decision, delay=at - now)
            else:
                job.decision = Decision(Do.SEND, "nothing against it", resend=job.resending)

    def _write_claims(self, jobs: list[Job], done: list[Job]) -> list[Job]:
        """Write claims for these jobs; returns those that lost and must be decided anew."""
        now = self._clock()
        lost: list[Job] = []
        inserts: list[Job] = []
        changes: list[tuple[Job, Change]] = []
        for job in jobs:
            if job.decision.do in (Do.ACKNOWLEDGE, Do.BUSY, Do.REPEAT):
                done.append(job)
            elif job.row is None:
                job.row = self._first_row(job, now)
                inserts.append(job)
            else:
                changes.append((job, self._claim_change(job, job.row, now)))
        if inserts:
            flags = self._ledger.insert([_row(job) for job in inserts], now)
            taken = []
            for job, ok in zip(inserts, flags, strict=True):
                if ok:
                    job.row = replace(_row(job), rev=1)
                    done.append(job)
                else:
                    taken.append(job)
            if taken:
                rows = self._ledger.read(job.id for job in taken)
                for job in taken:
                    job.row = rows.get(job.id)
                lost += taken
        if changes:
            results = self._ledger.apply([change for _, change in changes], now)
            for (job, change), current in zip(changes, results, strict=True):
                if current is None:
                    job.row = moved(change)
                    done.append(job)
                else:
                    job.row = current if current.rev >= 0 else None
                    lost.append(job)
        return lost

    def _first_row(self, job: Job, now: float) -> Row:
        message = job.message
        values = self._claim_values(job, 0, 0, now)
        status = values.pop("status")
        return Row(
            id=message.id,
            status=status,
            claim=job.carrier.claim,
            rev=0,
            body=job.record.body,
            priority=message.priority,
            type=message.type,
            category=message.category,
            campaign=message.campaign,
            template=message.template.name if message.template else None,
            to_masked=mask(job.to) if job.to else None,
            person=person_of(job.to or message.recipient.user_id or message.to),
            note=job.decision.why if status is Status.EXPIRED else "",
            **{name: value for name, value in values.items() if value is not None},
        )

    def _claim_change(self, job: Job, row: Row, now: float) -> Change:
        values = self._claim_values(job, row.turn, row.attempt, now)
        status = values.pop("status")
        if row.claim != job.carrier.claim:
            values["claim"] = job.carrier.claim
        if job.decision.resend:
            values["resends"] = row.resends + 1
        if job.incident_id is None:
            # What an earlier incident left stays: its report counts the row.
            values.pop("incident_id", None)
        return Change(row, status, values, note=job.decision.why)

    def _claim_values(self, job: Job, turn: int, attempt: int, now: float) -> dict[str, Any]:
        """What the claim writes, by decision."""
        decision = job.decision
        match decision.do:
            case Do.SEND:
                return {
                    "status": Status.CLAIMED,
                    "phase": Phase.SENDING,
                    "turn": turn,
                    "attempt": attempt + 1,
                    "attempted_at": now,
                    "due_at": None,
                }
            case Do.WAIT:
                return {
                    "status": Status.CLAIMED,
                    "phase": Phase.WAITING,
                    "turn": turn + 1,
                    "due_at": now + decision.delay,
                }
            case Do.SETTLE:
                return {
                    "status": Status.IN_DOUBT,
                    "phase": Phase.WAITING,
                    "turn": turn + 1,
                    "due_at": now + decision.delay,
                    "incident_id": job.incident_id,
                }
            case Do.SCHEDULE:
                return {
                    "status": Status.CLAIMED,
                    "phase": Phase.SCHEDULED,
                    "turn": turn,
                    "due_at": now + decision.delay,
                }
            case Do.PARK:
                return {"status": Status.PARKED, "phase": None, "turn": turn + 1, "due_at": None}
            case Do.EXPIRE:
                return {
                    "status": Status.EXPIRED,
                    "phase": None,
                    "turn": turn,
                    "incident_id": job.incident_id,
                }
            case Do.FALL_BACK:
                return {
                    "status": Status.CLAIMED,
                    "phase": Phase.FALLING_BACK,
                    "turn": turn,
                    "attempted_at": now,
                    "cause": str(decision.cause) if decision.cause else None,
                    "incident_id": job.incident_id,
                }
            case _:
                raise AssertionError(f"{decision.do} writes no claim")

    # -- send ------------------------------------------------------------------------------------

    def _send(self, jobs: list[Job], remaining: Callable[[], float]) -> None:
        """Send side by side. Stops starting new sends when time runs out or the channel is plainly down."""
        stop = threading.Event()
        unreachable = Counter[str]()
        limit = self._settings.detection.consecutive_failures
        worst = self._settings.sending.connect_timeout + self._settings.sending.read_timeout

        def one(job: Job) -> None:
            wait = job.token_at - self._clock()
            if wait > 0:
                self._pause(wait)
            if stop.is_set() or remaining() < worst + MARGIN:
                return
            assert job.to is not None
            recording = speech.returned(job.record.note)
            outcome = (
                self._whatsapp.send(job.message, job.to, job.template, recording.media_id)
                if recording and recording.media_id
                else self._whatsapp.send(job.message, job.to, job.template)
            )
            if (
                recording
                and recording.media_id
                and isinstance(outcome, Failure)
                and outcome.code in speech.NO_SUCH_RECORDING
            ):
                # Meta refused the recording, not the person: the same words as text, at once.
                outcome = self._whatsapp.send(job.message, job.to, job.template)
                job.refused_recording = recording.media_id
            job.outcome = outcome
            job.ended_at = self._clock()
            if isinstance(outcome, Failure):
                if outcome.trips_at_once:
                    stop.set()
                elif outcome.cause is Cause.UNREACHABLE and not outcome.may_have_left:
                    unreachable["row"] += 1
                    if unreachable["row"] >= limit:
                        stop.set()
            else:
                unreachable["row"] = 0

        list(self._pool.map(one, sorted(jobs, key=lambda job: job.token_at)))

    def _judge(self, jobs: Sequence[Job]) -> None:
        """Add the batch to the shared window in one write; enter panic where it says so."""
        results = []
        for job in jobs:
            template = job.template or job.message.template
            if job.outcome is not None:
                failure = job.outcome if isinstance(job.outcome, Failure) else None
                promotional = job.message.priority == "bulk" or job.message.category == PROMOTION
                results.append(Result(failure, template.name if template else None, promotional=promotional))
        self._detect.answers(results)

    # -- after ------------------------------------------------------------------------------------

    def _after(self, job: Job) -> Decision:
        outcome = job.outcome
        if isinstance(outcome, Accepted):
            return Decision(
                Do.FINISH, "Meta accepted it", status=Status.HELD if outcome.held else Status.SENT
            )
        row = _row(job)
        blocked = self._panic.flag(WHATSAPP).blocks_sending
        if outcome is None:
            # Never started: nothing has left, so it waits (or takes panic's way) without an attempt.
            if blocked:
                self._note_incident(job)
                return Decision(Do.FALL_BACK, "panic")
            return Decision(Do.WAIT, "no time left in this invocation", delay=1.0)
        now = self._clock()
        expires_at = job.message.expires_at
        template = job.template or job.message.template
        if outcome.reach is Reach.TEMPLATE and template:
            blocked = True
            if (
                job.template is None
                and job.carrier.rounds < self._settings.retry.rounds
                and self._mapped(job)
            ):
                return Decision(Do.WAIT, "its replacement is sent", cause=outcome.cause)
        decision = delivery.after_failure(
            outcome,
            attempt=row.attempt,
            rounds=job.carrier.rounds,
            blocked=blocked,
            attempts=self._settings.retry.attempts,
            max_rounds=self._settings.retry.rounds,
            base=self._settings.retry.base,
            cap=self._settings.retry.cap,
            grace=self._settings.sending.grace,
            chance=self._chance(),
            expires_in=None if expires_at is None else max(0.0, expires_at - now),
        )
        if decision.do is Do.FALL_BACK or (self._panic.flag(WHATSAPP).blocks_sending and _of_many(outcome)):
            self._note_incident(job)
        return decision

    def _mapped(self, job: Job) -> bool:
        """Whether another template stands in for the one that was just refused."""
        try:
            return bool(self._replacements([job]))
        except UnavailableError as error:
            self._telemetry.warning("replacements cannot be read", detail=str(error))
            return False

    def _note_incident(self, job: Job) -> None:
        flag = self._panic.flag(WHATSAPP)
        if flag.state is State.NORMAL and job.message.template:
            flag = self._panic.flag(TEMPLATE_PREFIX + job.message.template.name)
        if flag.state is not State.NORMAL:
            job.incident_id = flag.incident_id

    # -- carry out --------------------------------------------------------------------------------

    def _carry_out(self, jobs: list[Job], failed: set[str], tally: Counter[str]) -> None:
        falling = self._claim_fallbacks([job for job in jobs if job.decision.do is Do.FALL_BACK], failed)
        if falling:
            self._take_fallbacks(falling)
        changes = [(job, change) for job in jobs if (change := self._final_change(job)) is not None]
        try:
            self._record(changes)
        except UnavailableError as error:
            # Outcomes stand at Meta but not in the ledger: the carriers come back, find their claim,
            # wait for the webhook and settle.
            self._telemetry.error("outcomes could not be recorded", detail=str(error))
            failed.update(job.record.id for job, _ in changes)
        self._put_back([job for job in jobs if job.record.id not in failed], failed)
        for job in jobs:
            if job.row is not None:
                tally[f"status_{job.row.status}"] += 1

    def _claim_fallbacks(self, jobs: list[Job], failed: set[str]) -> list[Job]:
        """No claim, no fallback: a webhook may report the failure that the answer has just brought.

        Whoever writes first takes the fallback; the others find it taken. Returns the jobs that take it.
        """
        claimed = [job for job in jobs if job.row is None or job.row.phase != Phase.SENDING]
        changes = [
            (
                job,
                Change(
                    job.row,
                    Status.CLAIMED,
                    {"phase": str(Phase.FALLING_BACK), "attempted_at": self._clock()},
                ),
            )
            for job in jobs
            if job.row is not None and job.row.phase == Phase.SENDING
        ]
        if not changes:
            return claimed
        try:
            results = self._ledger.apply([change for _, change in changes], self._clock())
        except UnavailableError as error:
            self._telemetry.error("no claim, no fallback; comes back", detail=str(error))
            for job, _ in changes:
                job.decision = Decision(Do.ACKNOWLEDGE, "the fallback could not be claimed")
                failed.add(job.record.id)
            return claimed
        for (job, change), current in zip(changes, results, strict=True):
            if current is None:
                job.row = moved(change)
                claimed.append(job)
            else:
                job.row = current if current.rev >= 0 else None
                job.decision = Decision(Do.ACKNOWLEDGE, f"a webhook settled it as {current.status}")
        return claimed

    def _take_fallbacks(self, jobs: list[Job]) -> None:
        for job in jobs:
            if job.decision.why == campaigns_domain.PAUSED:
                job.decision = replace(job.decision, do=Do.PARK)
        jobs = [job for job in jobs if job.decision.do is Do.FALL_BACK]
        if not jobs:
            return
        outcomes = self._fall_back(
            [(job.message, job.decision.whatsapp_later, job.decision.why) for job in jobs], self._clock()
        )
        for job, outcome in zip(jobs, outcomes, strict=True):
            decision = job.decision
            job.tried = outcome.tried
            if (isinstance(outcome, Reached) and not outcome.park) or isinstance(outcome, Unreached):
                job.decision = replace(decision, do=Do.FINISH, status=outcome.status, why=outcome.why)
            else:
                job.decision = replace(decision, do=Do.PARK, why=outcome.why)

    def _final_change(self, job: Job) -> Change | None:
        """The write that follows the claim, or ``None`` where the claim already said everything."""
        row, decision, now = job.row, job.decision, self._clock()
        if row is None:
            return None
        failure = job.outcome if isinstance(job.outcome, Failure) else None
        values: dict[str, Any] = {}
        if failure:
            values = {"cause": str(failure.cause), "code": failure.code}
            if row.failed_at is None and _of_many(failure):
                values["failed_at"] = job.ended_at
        if job.tried:
            # A message that is released into a second panic tries its ways once more.
            values["tried"] = f"{row.tried}, {job.tried}" if row.tried else job.tried
        if job.incident_id and row.incident_id != job.incident_id:
            values["incident_id"] = job.incident_id
        if job.template:
            values["template"] = job.template.name
        match decision.do:
            case Do.FINISH:
                assert decision.status is not None
                if isinstance(job.outcome, Accepted):
                    values["wamid"] = job.outcome.wamid
                return Change(row, decision.status, {**values, "phase": None}, decision.why)
            case Do.PARK if row.status is not Status.PARKED:
                return Change(
                    row, Status.PARKED, {**values, "phase": None, "turn": row.turn + 1}, decision.why
                )
            case Do.REJECT:
                return Change(row, Status.REJECTED, {**values, "phase": None}, decision.why)
            case Do.WAIT if row.phase == Phase.SENDING:
                attempt = row.attempt if failure else row.attempt - 1
                return Change(
                    row,
                    Status.CLAIMED,
                    {
                        **values,
                        "phase": Phase.WAITING,
                        "turn": row.turn + 1,
                        "attempt": attempt,
                        "due_at": now + decision.delay,
                    },
                    decision.why,
                )
            case Do.SETTLE if row.phase == Phase.SENDING:
                return Change(
                    row,
                    Status.IN_DOUBT,
                    {**values, "phase": Phase.WAITING, "turn": row.turn + 1, "due_at": now + decision.delay},
                    decision.why,
                )
            case _:
                return None

    def _record(self, changes: list[tuple[Job, Change]]) -> None:
        """Write outcomes. Where a webhook was faster, keep what it says and add what only we know."""
        for _ in range(ROUNDS):
            if not changes:
                return
            results = self._ledger.apply([change for _, change in changes], self._clock())
            again: list[tuple[Job, Change]] = []
            for (job, change), current in zip(changes, results, strict=True):
                if current is None:
                    job.row = moved(change)
                elif current.rev < 0:
                    self._telemetry.error("row vanished", message_id=job.id)
                else:
                    job.row = current
                    merged = self._merge(job, change, current)
                    if merged:
                        again.append((job, merged))
            changes = again
        if changes:
            raise UnavailableError("DynamoDB", "recording outcomes", "rows kept changing")

    def _merge(self, job: Job, change: Change, current: Row) -> Change | None:
        if isinstance(job.outcome, Accepted) and job.decision.do is Do.FINISH:
            status = change.status if can_move(current.status, change.status) else current.status
            values: dict[str, Any] = {"wamid": job.outcome.wamid}
            if status is not Status.FAILED:
                # A failure that was reported already keeps its phase: the fallback is still to come.
                values["phase"] = None
            return Change(current, status, values, "the webhook came first")
        # The webhook has settled what we thought had failed: nothing is left to do for this carrier.
        if can_move(current.status, change.status) and current.status in (Status.CLAIMED, Status.IN_DOUBT):
            return Change(current, change.status, change.values, change.note)
        job.decision = Decision(Do.ACKNOWLEDGE, f"a webhook settled it as {current.status}")
        return None

    def _put_back(self, jobs: list[Job], failed: set[str]) -> None:
        """Carriers for what waits, lanes for what is parked, the dead-letter queue for what is refused."""
        outgoing: dict[str, list[tuple[Job, Outgoing]]] = {}
        for job in jobs:
            placed = self._carrier_for(job)
            if placed and placed[1].note is not None:
                note = speech.keep(job.record.note, placed[1].note)
                placed = placed[0], replace(placed[1], note=note)
            if placed:
                outgoing.setdefault(placed[0], []).append((job, placed[1]))
        for url, items in outgoing.items():
            for (job, _), ok in zip(items, self._queues.send(url, [item for _, item in items]), strict=True):
                if not ok:
                    self._telemetry.error("could not be put back; its carrier comes again", message_id=job.id)
                    failed.add(job.record.id)
        for job in jobs:
            if job.decision.do is Do.SCHEDULE and not self._schedule(job):
                failed.add(job.record.id)

    def _carrier_for(self, job: Job) -> tuple[str, Outgoing] | None:
        decision, row, body = job.decision, job.row, job.record.body
        note: dict[str, Any] = {"claim": job.carrier.claim, "rounds": job.carrier.rounds + 1}
        live = self._settings.whatsapp_queue_url
        match decision.do:
            case Do.WAIT | Do.SETTLE if row is not None:
                note["turn"] = row.turn
                if decision.why in ("limiter", "bulk share"):
                    # Its turn is reserved: it comes back once, at that time, and takes no second token.
                    note["rounds"] = job.carrier.rounds
                    if job.carrier.drained:
                        note["drained"] = True
                    if decision.why == "limiter":
                        note["slot"] = round(self._clock() + decision.delay, 3)
                        # A second early at most, to wait for its slot there: they would come in bunches.
                        return live, Outgoing(body, note, int(decision.delay))
                    note["paid"] = True
                return live, Outgoing(body, note, ceil(decision.delay))
            case Do.BUSY:
                note["turn"] = job.carrier.turn
                note["rounds"] = job.carrier.rounds
                if job.carrier.job:
                    note |= {"job": job.carrier.job, "cause": job.carrier.cause}
                return live, Outgoing(body, note, ceil(decision.delay))
            case Do.PARK if row is not None:
                return self.lane_url(job.message.priority), Outgoing(
                    body, {"claim": row.claim, "turn": row.turn, "rounds": 0}
                )
            case Do.REPEAT if row is not None:
                note["turn"] = row.turn
                if row.status is Status.FAILED:
                    return live, Outgoing(body, {**note, "job": delivery.FALLBACK, "cause": row.cause})
                if row.status is Status.PARKED:
                    return self.lane_url(job.message.priority), Outgoing(body, {**note, "rounds": 0})
                left = max(0.0, (row.due_at or 0.0) - self._clock())
                return live, Outgoing(body, note, ceil(left))
            case Do.REJECT:
                code = job.outcome.code if isinstance(job.outcome, Failure) else None
                return self._settings.whatsapp_dlq_url, Outgoing(
                    body, reason=f"{decision.cause or 'bad_request'}: code {code}: {decision.why}"
                )
            case _:
                return None

    def _schedule(self, job: Job) -> bool:
        at = job.message.send_after or 0.0
        if self._schedules is None:
            return False
        try:
            self._schedules.put(job.id, self._settings.whatsapp_queue_arn, job.record.body, at)
        except UnavailableError as error:
            self._telemetry.error("could not be scheduled", message_id=job.id, detail=str(error))
            return False
        return True

    def lane_url(self, priority: str) -> str:
        """The paced lane in which a message of this priority is parked."""
        return {
            "critical": self._settings.backlog_critical_queue_url,
            "bulk": self._settings.bulk_queue_url,
        }.get(priority, self._settings.backlog_queue_url)

    # -- count ------------------------------------------------------------------------------------

    def _count(self, jobs: Sequence[Job], tally: Mapping[str, int]) -> None:
        counts: Counter[str] = Counter()
        causes: Counter[str] = Counter()
        statuses: Counter[str] = Counter()
        samples: dict[str, Any] = {}
        resends = 0
        for job in jobs:
            resends += job.resent
            used = job.template or job.message.template
            if used and job.outcome is not None:
                counts[TEMPLATE_ASKED + used.name] += 1
                if isinstance(job.outcome, Failure) and job.outcome.reach is not Reach.CHANNEL:
                    counts[TEMPLATE_FAILED + used.name] += 1
            if isinstance(job.outcome, Failure):
                counts[f"e|{job.outcome.cause}|{job.outcome.code or '-'}"] += 1
                causes[str(job.outcome.cause)] += 1
                samples[str(job.outcome.cause)] = {
                    "id": job.id,
                    "code": job.outcome.code,
                    "details": job.outcome.details[:200],
                    "http_status": job.outcome.http_status,
                }
            if job.decision.do in (Do.FINISH, Do.PARK, Do.EXPIRE, Do.REJECT) and job.row:
                template = job.message.template.name if job.message.template else "-"
                key = "|".join(
                    ("o", str(job.row.status), job.message.priority, job.message.category or "-", template)
                )
                counts[key] += 1
                statuses[str(job.row.status)] += 1
        for status, count in statuses.items():
            self._telemetry.count("Outcomes", count, status=status)
        for cause, count in causes.items():
            self._telemetry.count("Failures", count, scope=WHATSAPP, cause=cause)
        sends = sum(1 for job in jobs if isinstance(job.outcome, Accepted))
        if sends:
            self._telemetry.count("Sends", sends, scope=WHATSAPP)
        if resends:
            counts["resends"] += resends
            self._telemetry.count("Resends", resends, scope=WHATSAPP)
        now = self._clock()
        accepted: Counter[int] = Counter(
            int((job.row.attempted_at or now) // 60) * 60
            for job in jobs
            if job.row is not None and isinstance(job.outcome, Accepted)
        )
        minute = int(now // 60) * 60
        counts["acc"] += accepted.pop(minute, 0)
        counts[DRAINED] += sum(1 for job in jobs if job.carrier.drained and isinstance(job.outcome, Accepted))
        try:
            self._control.count(minute, counts)
            for earlier, count in accepted.items():
                self._control.count(earlier, {"acc": count})
            for cause, sample in samples.items():
                self._control.put_setting(
                    f"sample/{cause}", sample, actor="SenderFunction", reason="latest failure", now=now
                )
        except UnavailableError as error:
            self._telemetry.warning("counters could not be written", detail=str(error))


def carrier_of(record: Record) -> Carrier:
    """What an SQS record says of itself; a producer's message owns itself."""
    note = record.note
    if note is None:
        return Carrier(claim=record.id)
    return Carrier(
        claim=str(note["claim"]),
        turn=int(note.get("turn", 0)),
        rounds=int(note.get("rounds", 0)),
        job=note.get("job"),
        cause=note.get("cause"),
        slot=note.get("slot"),
        paid=bool(note.get("paid")),
        drained=bool(note.get("drained")),
    )


def person_of(who: str) -> str:
    """A digest of a recipient, to count people without naming them (16 hexadecimal digits)."""
    return hashlib.blake2b(who.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _of_many(failure: Failure) -> bool:
    """A failure of the channel or of a template, not of one person or message."""
    return failure.reach in (Reach.CHANNEL, Reach.TEMPLATE)


def moved(change: Change) -> Row:
    """The row as a carried-out change leaves it."""
    return replace(change.row, status=change.status, rev=change.row.rev + 1, **dict(change.values))


def _row(job: Job) -> Row:
    assert job.row is not None, "the job has no row yet"
    return job.row
