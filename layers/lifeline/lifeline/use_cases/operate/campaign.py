"""Operator actions on campaigns: check lines, store them, start, look, pause, resume, cancel."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lifeline.adapters.campaigns import Campaigns
from lifeline.adapters.contacts import Contacts, contact_key, contact_keys
from lifeline.adapters.control import Control
from lifeline.contract.instants import format_instant, parse_instant
from lifeline.contract.messages import ContractError, Message, parse_message
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account.records import TemplateMap
from lifeline.domain.account.templates import MetaTemplate, unfit
from lifeline.domain.campaign.campaign import CHUNK, COUNTERS, Campaign, CampaignState, resumed_start
from lifeline.domain.failure.classify import Failure
from lifeline.domain.pace.quiet import is_zone
from lifeline.domain.panic.flag import By, note
from lifeline.domain.phone import NotAPhoneNumber, normalise
from lifeline.errors import ConflictError, RefusedError
from lifeline.settings import Settings
from lifeline.use_cases.operate.operate import Handler, Request
from lifeline.use_cases.shared.panic_mode import PanicMode


class OperateCampaign:
    """Campaigns as operators send and steer them."""

    def __init__(
        self,
        *,
        settings: Settings,
        campaigns: Campaigns,
        contacts: Contacts,
        control: Control,
        panic: PanicMode,
        templates: Callable[[str], Sequence[MetaTemplate] | Failure],
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._campaigns = campaigns
        self._contacts = contacts
        self._control = control
        self._panic = panic
        self._templates = templates
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {
            "campaign.check": self.check,
            "campaign.create": self.create,
            "campaign.add": self.add,
            "campaign.start": self.start,
            "campaign.status": self.status,
            "campaign.pause": lambda request: self._move(request, CampaignState.PAUSED),
            "campaign.resume": lambda request: self._move(request, CampaignState.RUNNING),
            "campaign.cancel": lambda request: self._move(request, CampaignState.CANCELLED),
        }

    def check(self, request: Request) -> dict[str, Any]:
        """Hold lines against the contract and the numbering plan; count who has a fallback."""
        faults: list[dict[str, Any]] = []
        good: list[Message] = []
        for item in request["lines"]:
            try:
                message = self._parse(item["message"])
                if message.to is not None:
                    normalise(message.to, self._settings.default_region_code or None)
                zone = message.recipient.time_zone
                if zone and not is_zone(zone):
                    raise ContractError([f"recipient.time_zone {zone[:40]!r} is not known"])
                good.append(message)
            except ContractError as error:
                faults.append({"line": item["line"], "fault": "; ".join(error.reasons)})
            except NotAPhoneNumber as error:
                faults.append({"line": item["line"], "fault": str(error)})
        known = self._contacts.read(contact_keys(message.recipient for message in good))
        reachable = 0
        for message in good:
            person = message.recipient
            contact = known.get(contact_key(person))
            reachable += bool(person.addresses or (contact and contact.addresses))
        return {"good": len(good), "reachable": reachable, "faults": faults}

    def create(self, request: Request) -> dict[str, Any]:
        """Keep a campaign in loading; the same one in loading again goes on where it was left.

        A template that Meta would refuse is refused here, before a line is stored.
        """
        now = self._clock()
        start = now
        if "start" in request:
            try:
                start = parse_instant(request["start"])
            except (ValueError, OverflowError) as error:
                raise RefusedError("invalid_request", f"start: is not a real instant ({error})") from error
            if start > now + 366 * 86_400:
                raise RefusedError("invalid_request", "start is more than a year ahead")
        warnings = self._fit(request)
        campaign = Campaign(
            id=request["campaign"],
            state=CampaignState.LOADING,
            template=request["template"],
            total=int(request["total"]),
            start=max(now, start),
            over=float(request["over_seconds"]),
            created_at=now,
            actor=request["actor"],
        )
        try:
            self._campaigns.create(campaign)
        except ConflictError:
            present = self._find(request)
            if present.state is not CampaignState.LOADING or present.total != campaign.total:
                raise RefusedError(
                    "known_campaign",
                    f"campaign {present.id} is {present.state}: a campaign is sent once; use another --name",
                ) from None
            campaign = present
        return {"campaign": self._described(campaign, now), "chunk": CHUNK, "warnings": warnings}

    def _fit(self, request: Request) -> list[str]:
        name, values = request["template"], request.get("parameters")
        templates = self._templates(name)
        if isinstance(templates, Failure):
            return [f"template {name} was not checked, because Meta did not answer: {templates.words}"]
        fault = unfit(
            name, request.get("language", "en_US"), None if values is None else int(values), templates
        )
        if not fault:
            return []
        stand_in = self._control.kept(TemplateMap).value.of.get(name)
        if stand_in:
            return [f"{fault}; while it is in panic, Lifeline sends {stand_in}"]
        raise RefusedError("unfit_template", f"{fault}; see lifeline whatsapp templates")

    def add(self, request: Request) -> dict[str, Any]:
        """Store one chunk of lines; the same chunk again changes nothing."""
        campaign = self._find(request)
        if campaign.state is not CampaignState.LOADING:
            raise RefusedError(
                "refused", f"campaign {campaign.id} is {campaign.state}: no lines can be added"
            )
        index, messages = int(request["chunk"]), request["messages"]
        if len(messages) != min(CHUNK, campaign.total - index * CHUNK):
            raise RefusedError("invalid_request", f"chunk {index} must hold {CHUNK} lines, the last its rest")
        bodies = []
        for document in messages:
            try:
                message = self._parse(document)
            except ContractError as error:
                raise RefusedError("invalid_message", "; ".join(error.reasons)) from error
            if message.campaign != campaign.id or message.priority != "bulk":
                raise RefusedError("invalid_message", f"{message.id} is not bulk of campaign {campaign.id}")
            bodies.append(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
        self._campaigns.put_chunk(campaign.id, index, bodies, campaign.start + campaign.over)
        return {"stored": len(bodies)}

    def start(self, request: Request) -> dict[str, Any]:
        """Let it run once every line is stored."""
        campaign, now = self._find(request), self._clock()
        if campaign.state is CampaignState.LOADING:
            stored = self._campaigns.stored(campaign.id)
            if stored != campaign.total:
                raise RefusedError("incomplete", f"{stored} of {campaign.total} lines are stored; send again")
            begins = max(now, campaign.start)
            self._campaigns.move(campaign, CampaignState.RUNNING, begins, None)
            campaign = replace(campaign, state=CampaignState.RUNNING, start=begins)
            self._note(request, f"campaign {campaign.id} of {campaign.total} started", now)
        return {"campaign": self._described(campaign, now), "warnings": self._warnings(campaign)}

    def status(self, request: Request) -> dict[str, Any]:
        """One campaign or all, newest first."""
        now = self._clock()
        campaigns = [self._find(request)] if "campaign" in request else self._campaigns.all()
        campaigns.sort(key=lambda campaign: -campaign.created_at)
        return {"at": format_instant(now), "campaigns": [self._described(item, now) for item in campaigns]}

    def _move(self, request: Request, to: CampaignState) -> dict[str, Any]:
        campaign, now = self._find(request), self._clock()
        allowed = {
            CampaignState.PAUSED: (CampaignState.RUNNING,),
            CampaignState.RUNNING: (CampaignState.PAUSED,),
            CampaignState.CANCELLED: (CampaignState.LOADING, CampaignState.RUNNING, CampaignState.PAUSED),
        }[to]
        changed = campaign.state is not to
        if changed:
            if campaign.state not in allowed:
                raise RefusedError("refused", f"campaign {campaign.id} is {campaign.state}")
            start = resumed_start(campaign, now) if to is CampaignState.RUNNING else campaign.start
            paused_at = now if to is CampaignState.PAUSED else None
            self._campaigns.move(campaign, to, start, paused_at)
            campaign = replace(campaign, state=to, start=start, paused_at=paused_at)
            self._note(request, f"campaign {campaign.id} {to}", now)
        return {"changed": changed, "campaign": self._described(campaign, now)}

    def _find(self, request: Request) -> Campaign:
        campaign = self._campaigns.get(request["campaign"])
        if campaign is None:
            raise RefusedError("unknown_campaign", f"unknown campaign {request['campaign'][:64]!r}")
        return campaign

    def _parse(self, document: Mapping[str, Any]) -> Message:
        return parse_message(json.dumps(document, ensure_ascii=False))

    def _described(self, campaign: Campaign, now: float) -> dict[str, Any]:
        counts = {name: campaign.counts.get(name, 0) for name in COUNTERS}
        settled = sum(counts.values())
        unreleased = campaign.total - campaign.released
        if campaign.state is CampaignState.CANCELLED:
            counts["cancelled"] += unreleased
        ends = campaign.start + campaign.over
        return {
            "campaign": campaign.id,
            "state": str(campaign.state),
            "template": campaign.template,
            "total": campaign.total,
            "released": campaign.released,
            "on_the_way": max(0, campaign.released - settled),
            **counts,
            "done": settled + (unreleased if campaign.state is CampaignState.CANCELLED else 0)
            >= campaign.total,
            "pace": round(campaign.pace, 3),
            "start": format_instant(campaign.start),
            "ends": format_instant(ends),
            "actor": campaign.actor,
        }

    def _warnings(self, campaign: Campaign) -> list[str]:
        share = self._settings.limiter.bulk_rate
        if campaign.pace <= share:
            return []
        return [
            f"it wants {campaign.pace:.1f}/s and bulk's share of the limiter lets {share:g}/s pass: it will "
            "take longer, or raise the setting limiter.bulk_share"
        ]

    def _note(self, request: Request, what: str, now: float) -> None:
        reason = f"{what}: {request['reason']}" if request.get("reason") else what
        self._panic.change(
            WHATSAPP,
            lambda flag: note(flag, By(request["actor"], "operator", reason, now), evidence={}),
        )
