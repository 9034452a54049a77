"""Step 2: gather the facts around each job and ask the domain what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from lifeline.adapters.campaigns import Campaigns
from lifeline.adapters.contacts import Contact, Contacts, contact_key, contact_keys
from lifeline.adapters.control import Control
from lifeline.contract.messages import Template
from lifeline.contract.scopes import OPENAI_VOICE, WHATSAPP, template_scope
from lifeline.contract.ways import PARK
from lifeline.domain.account.records import TemplateMap
from lifeline.domain.campaign import campaign as campaigns_domain
from lifeline.domain.message.outcome import troubled
from lifeline.domain.message.step import Do, Situation, next_step
from lifeline.domain.pace.quiet import CRITICAL
from lifeline.domain.panic.flag import State
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.deliver.at_rest import AtRest
from lifeline.use_cases.deliver.job import Job
from lifeline.use_cases.shared.opt_outs import OptedOut
from lifeline.use_cases.shared.panic_mode import PanicMode

BULK: Final = "bulk"
LEASE: Final = 60.0
"""Seconds. Longer than the sender's time-out: a claim older than this has no worker any more."""


class Decide:
    """Facts come from flags, settings, campaigns; the rules are :func:`next_step`'s."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        panic: PanicMode,
        campaigns: Campaigns,
        contacts: Contacts,
        opted_out: OptedOut,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._control = control
        self._panic = panic
        self._campaigns = campaigns
        self._contacts = contacts
        self._at_rest = AtRest(settings)
        self._opted_out = opted_out
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, jobs: Sequence[Job]) -> None:
        """Set each job's step, its replacement template and its incident."""
        mapped: Mapping[str, str] | None = None
        suppressed = self._suppressed(jobs)
        contacts = self._contacts_of(jobs)
        for job in jobs:
            try:
                if mapped is None and self._template_blocked(job):
                    mapped = self._map()
                self._one(job, mapped or {}, suppressed, contacts)
            except UnavailableError as error:
                self._telemetry.error(
                    "a message waits: facts are missing", message_id=job.id, detail=str(error)
                )
                job.step = troubled(job.row, self._clock(), LEASE, fault=False)
            except Exception:  # one message's trouble is its own
                self._telemetry.exception("a message could not be decided on", message_id=job.id)
                job.step = troubled(job.row, self._clock(), LEASE, fault=True)

    def _suppressed(self, jobs: Sequence[Job]) -> frozenset[str] | None:
        """The ids of promotional messages whose recipient opted out; ``None``: nobody knows."""
        try:
            return self._opted_out.among((job.row, job.names) for job in jobs)
        except UnavailableError as error:
            self._telemetry.error("opt-outs are unknown; promotional messages wait", detail=str(error))
            return None

    def _contacts_of(self, jobs: Sequence[Job]) -> Mapping[str, Contact] | None:
        """The contacts whose quiet hours decide on a job; ``None``: nobody knows."""
        keys = contact_keys(job.message.recipient for job in jobs if self._asks_contact(job))
        try:
            return self._contacts.read(keys) if keys else {}
        except UnavailableError as error:
            self._telemetry.error("quiet hours of contacts are unknown; they wait", detail=str(error))
            return None

    def _asks_contact(self, job: Job) -> bool:
        """Whether the message may wait and does not say all itself. What takes ways of the fallback before it
        is parked learns of its contact there."""
        if job.row.priority == BULK:  # in panic it is parked as it is, and looked at again before it is sent
            waits = not self._panic.flag(WHATSAPP).blocks_sending
        else:
            waits = self._parks_only(job.row.priority)
        own = job.message.recipient.quiet_hours and job.message.recipient.time_zone
        return waits and job.row.priority != CRITICAL and not own

    def _contact(self, job: Job, contacts: Mapping[str, Contact] | None) -> Contact | None:
        if not self._asks_contact(job) or not contact_key(job.message.recipient):
            return None
        if contacts is None and self._panic.flag(WHATSAPP).blocks_sending:
            return None  # it is parked now, and looked at again before it is sent
        if contacts is None:
            raise UnavailableError("DynamoDB", "reading contacts", "see the error before")
        return contacts.get(contact_key(job.message.recipient))

    def _one(
        self,
        job: Job,
        mapped: Mapping[str, str],
        suppressed: frozenset[str] | None,
        contacts: Mapping[str, Contact] | None,
    ) -> None:
        now = self._clock()
        contact = self._contact(job, contacts)
        zones = self._at_rest.noted(job.message, job.to, contact) if contact else job.row.zones
        channel = self._panic.flag(WHATSAPP)
        blocked = self._template_blocked(job)
        job.template = self._stand_in(job, mapped) if blocked else None
        used = job.used_template
        row = job.row
        if used and used.name != row.template:
            row = replace(row, template=used.name)
        row = replace(row, zones=zones) if zones != row.zones else row
        step = next_step(
            row,
            Situation(
                now=now,
                channel_blocked=channel.blocks_sending,
                template_blocked=blocked and job.template is None,
                valid_phone=job.to is not None,
                grace=self._settings.sending.grace,
                lease=LEASE,
                campaign=self._campaign(job),
                quiet_until=self._quiet(job, contact, now),
                speech=not channel.blocks_sending and not self._panic.flag(OPENAI_VOICE).blocks_sending,
                opted_out=self._out(job, suppressed),
                parks_only=self._parks_only(row.priority),
            ),
        )
        # What Meta took before, no incident holds back.
        job.incident_id = None if row.reached else self.incident(job)
        if job.incident_id and step.do in (Do.WRITE, Do.FALL_BACK):
            step = replace(step, row=replace(step.row, incident_id=job.incident_id))
        job.step = step

    def _out(self, job: Job, suppressed: frozenset[str] | None) -> bool:
        if suppressed is not None:
            return job.id in suppressed
        if self._opted_out.concerns(job.row):
            raise UnavailableError("DynamoDB", "reading opt-outs", "see the error before")
        return False

    def incident(self, job: Job) -> str | None:
        """The incident that holds this message back now."""
        channel = self._panic.flag(WHATSAPP)
        if channel.blocks_sending:
            return channel.incident_id
        if job.message.template and job.template is None:
            flag = self._panic.flag(template_scope(job.message.template.name))
            if flag.blocks_sending:
                return flag.incident_id
        return None

    def incident_of_failure(self, job: Job) -> str | None:
        """The incident to which a failure of the channel or of a template belongs."""
        flag = self._panic.flag(WHATSAPP)
        if flag.state is State.NORMAL and job.message.template:
            flag = self._panic.flag(template_scope(job.message.template.name))
        return flag.incident_id if flag.state is not State.NORMAL else None

    def _template_blocked(self, job: Job) -> bool:
        template = job.message.template
        return template is not None and self._panic.flag(template_scope(template.name)).blocks_sending

    def template_alone(self, job: Job) -> bool:
        """Whether the message is held back by its template, and not by the channel."""
        return self._template_blocked(job) and not self._panic.flag(WHATSAPP).blocks_sending

    def _map(self) -> Mapping[str, str]:
        return self._control.kept(TemplateMap).value.of

    def _stand_in(self, job: Job, mapped: Mapping[str, str]) -> Template | None:
        template = job.message.template
        target = mapped.get(template.name) if template else None
        if template and target and not self._panic.flag(template_scope(target)).blocks_sending:
            return replace(template, name=target)
        return None

    def replaced(self, job: Job) -> bool:
        """Whether another template stands in for the one that was just refused."""
        if job.template is not None:
            return False
        try:
            return self._stand_in(job, self._map()) is not None
        except UnavailableError as error:
            self._telemetry.warning("replacements cannot be read", detail=str(error))
            return False

    def _campaign(self, job: Job) -> str:
        name = job.row.campaign
        if not name:
            return ""
        try:
            return self._campaigns.state(name)
        except UnavailableError as error:
            # Only this campaign waits; what else is in the batch goes on.
            self._telemetry.error("a campaign's state is unknown; it waits", detail=str(error))
            return campaigns_domain.CampaignState.PAUSED

    def _quiet(self, job: Job, contact: Contact | None, now: float) -> float | None:
        """Quiet hours hold campaigns back; live messages are wanted now."""
        if job.row.priority != BULK:
            return None
        return self._at_rest.until(job.message, job.to, contact, now)

    def _parks_only(self, priority: str) -> bool:
        steps = self._settings.fallback.steps.get(priority, ())
        return all(step == PARK for step in steps)
