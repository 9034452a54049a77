"""Operator actions on single messages and people: look, send, errors by cause, register contacts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from lifeline.adapters.contacts import Contact, Contacts
from lifeline.adapters.control import Control
from lifeline.adapters.ledger import Ledger
from lifeline.adapters.queues import Outgoing, Queues
from lifeline.contract.actions.messages import OF_CONTACT
from lifeline.contract.hours import hours_of
from lifeline.contract.instants import format_instant, instant_or_none
from lifeline.contract.messages import MESSAGE_SCHEMA, ContractError, parse_message
from lifeline.contract.schema import violations
from lifeline.contract.scopes import WHATSAPP
from lifeline.contract.text import limited
from lifeline.contract.ways import WAYS, WAYS_BY_NAME, joined, several
from lifeline.domain.account import counters
from lifeline.domain.account.counters import ChannelFailure
from lifeline.domain.failure.causes import remedy, rule_for
from lifeline.domain.failure.records import FailureSample
from lifeline.domain.message.row import CAMPAIGN_LANE, TEMPLATE_LANE, Lane, Phase, Row, known
from lifeline.domain.message.status import Status
from lifeline.domain.pace.quiet import is_zone
from lifeline.domain.panic.flag import By, note
from lifeline.domain.phone import mask
from lifeline.domain.records import Kept
from lifeline.domain.redact import redact
from lifeline.errors import RefusedError, UnavailableError
from lifeline.use_cases.operate.operate import Handler, Request
from lifeline.use_cases.operate.queue import OperateQueue
from lifeline.use_cases.shared.panic_mode import PanicMode

ERRORS_SINCE: Final = 900.0
"""Seconds that ``errors.list`` looks back unless told otherwise."""

_RECIPIENT: Final = MESSAGE_SCHEMA["properties"]["recipient"]["properties"]
CONTACT_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["user_id"],
    "properties": _RECIPIENT,
}
"""A contact: the recipient of a message, with its ``user_id``."""


class OperateMessage:
    """Messages and contacts as operators see and register them."""

    def __init__(
        self,
        *,
        names: OperateQueue,
        control: Control,
        panic: PanicMode,
        queues: Queues,
        ledger: Ledger,
        contacts: Contacts,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._names = names
        self._control = control
        self._panic = panic
        self._queues = queues
        self._ledger = ledger
        self._contacts = contacts
        self._clock = clock
        self._new_id = new_id

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {
            "errors.list": self.errors,
            "message.show": self.show,
            "message.send": self.send,
            "contacts.import": self.register,
        }

    # -- errors --------------------------------------------------------------------------------------

    def errors(self, request: Request) -> dict[str, Any]:
        """Failures by cause, most frequent first, beside what was reached in the same time."""
        now = self._clock()
        since = now - float(request.get("since_seconds", ERRORS_SINCE))
        codes: dict[str, Counter[str | None]] = {}
        last: dict[tuple[str, str | None], int] = {}
        elsewhere: Counter[ChannelFailure] = Counter()
        seen: dict[ChannelFailure, int] = {}
        outcomes: Counter[str] = Counter()
        accepted = 0
        for minute, counts in sorted(self._control.counts(since, now).items()):
            accepted += counts.get(counters.ACCEPTED, 0)
            for cause, code, count in counters.failures(counts):
                codes.setdefault(cause, Counter())[code] += count
                last[cause, code] = minute
            for what, count in counters.failures_elsewhere(counts):
                elsewhere[what] += count
                seen[what] = minute
            for status, _, count in counters.outcomes(counts):
                outcomes[status] += count
        samples = self._control.all_kept(FailureSample) if codes else {}
        ranked = sorted(codes.items(), key=lambda item: -item[1].total())
        return {
            "at": format_instant(now),
            "since": format_instant(since),
            "failures": sum(by_code.total() for by_code in codes.values()),
            "accepted": accepted,
            "causes": [
                {
                    "cause": cause,
                    "count": by_code.total(),
                    "codes": [_code(code, count, last[cause, code]) for code, count in by_code.most_common()],
                    "last_at": format_instant(max(last[cause, code] for code in by_code)),
                    "remedy": remedy(WHATSAPP, cause),
                    "sample": _sample(samples.get(cause)),
                }
                for cause, by_code in ranked
            ],
            "elsewhere": [
                {
                    **asdict(what),
                    "count": count,
                    "last_at": format_instant(seen[what]),
                    "remedy": _remedy_elsewhere(what),
                }
                for what, count in elsewhere.most_common()
            ],
            "outcomes": [{"status": status, "count": count} for status, count in outcomes.most_common()],
        }

    # -- one message ---------------------------------------------------------------------------------

    def show(self, request: Request) -> dict[str, Any]:
        """One message's row without its text and its whole number."""
        row = self._ledger.read([request["id"]]).get(request["id"])
        if row is None:
            return {"found": False, "id": request["id"], "status": None, "final": False, "trail": []}
        return _described(row)

    def send(self, request: Request) -> dict[str, Any]:
        """Put a message on its priority's queue. Raises :class:`RefusedError` for a broken one."""
        now = self._clock()
        document = {"id": f"by-hand-{self._new_id()}", **request["message"]}
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        try:
            message = parse_message(body)
        except ContractError as error:
            raise RefusedError("invalid_message", "; ".join(error.reasons)) from error
        seen = bool(self._ledger.read([message.id]))
        queue = self._names.entry(message.priority)
        if not seen:
            if not self._queues.send(self._names.url(queue), [Outgoing(body)])[0]:
                raise UnavailableError("SQS", f"putting the message on {queue}", "the entry was refused")
            self._note(request, f"message {message.id} sent by hand", {"message_id": message.id}, now)
        return {
            "id": message.id,
            "queue": queue,
            "to": mask(message.to or message.recipient.bsuid or ""),
            "known": seen,
            "sent_at": format_instant(now),
        }

    # -- contacts ------------------------------------------------------------------------------------

    def register(self, request: Request) -> dict[str, Any]:
        """Save contacts one by one; doing it twice changes nothing."""
        now = self._clock()
        rejected: list[dict[str, Any]] = []
        for given in request["contacts"]:
            entry = {name: value for name, value in given.items() if name != "line" and value != ""}
            faults = [*limited(violations(entry, CONTACT_SCHEMA, "contact"))]
            addresses = {way.name: theirs for way in WAYS if (theirs := several(entry.get(way.field)))}
            if not faults and not entry.keys() - {"user_id"}:
                fields = joined([*(way.field for way in WAYS), *OF_CONTACT], "nor")
                faults = [f"contact: has neither {fields}, so there is nothing to register"]
            if not faults and entry.get("time_zone") and not is_zone(entry["time_zone"]):
                faults = [f"contact.time_zone: {entry['time_zone']!r} is not known"]
            if not faults:
                try:
                    self._contacts.save(
                        Contact(
                            entry["user_id"],
                            addresses,
                            updated_at=now,
                            bsuid=entry.get("bsuid"),
                            time_zone=entry.get("time_zone"),
                            quiet_hours=hours_of(entry.get("quiet_hours")),
                            language=entry.get("language"),
                        )
                    )
                    for way, theirs in addresses.items():
                        for address in theirs:
                            self._contacts.forgive(way, address, now)
                except UnavailableError as error:
                    faults = [f"{error}; import it again"]
            if faults:
                rejected.append({"line": given["line"], "fault": "; ".join(faults)})
        saved = len(request["contacts"]) - len(rejected)
        if saved:
            self._note(
                request, f"{saved} contacts registered", {"saved": saved, "rejected": len(rejected)}, now
            )
        return {"saved": saved, "rejected": rejected}

    def _note(self, request: Request, what: str, evidence: Mapping[str, object], now: float) -> None:
        reason = f"{what}: {request['reason']}" if request.get("reason") else what
        self._panic.change(
            WHATSAPP,
            lambda flag: note(flag, By(request["actor"], "operator", reason, now), evidence=evidence),
        )


def _remedy_elsewhere(what: ChannelFailure) -> str:
    way = WAYS_BY_NAME.get(what.channel)
    if way is None:
        return remedy(what.channel, what.cause or "")
    return (
        f"{way.service} rejected it or did not answer: lifeline drill checks this fallback, and "
        'docs/runbook.md, section "Fallback Behavior", says what to do.'
    )


def _code(code: str | None, count: int, minute: int) -> dict[str, Any]:
    number = int(code) if code and code.lstrip("-").isdigit() else None
    row = rule_for(number)
    return {
        "code": number,
        "count": count,
        "last_at": format_instant(minute),
        "known": number is None or row is not None,
        "note": row[1].name if row else "no error code" if number is None else "not in the failure table",
    }


def _sample(kept: Kept[FailureSample] | None) -> dict[str, Any] | None:
    if kept is None:
        return None
    details = redact(kept.value.details)
    return {**kept.value.to_item(), "details": details, "at": format_instant(kept.at)}


def _described(row: Row) -> dict[str, Any]:
    trail = []
    for key, words in sorted(row.trail.items()):
        at, _, status = key.partition("_")
        trail.append({"at": format_instant(int(at) / 1000), "status": status, "note": words})
    return {
        "found": True,
        "id": row.id,
        "status": str(row.status),
        "final": row.settled,
        "waits_for": waits_for(row),
        "phase": row.phase,
        "lane": row.lane,
        "type": row.type,
        "priority": row.priority,
        "category": row.category,
        "campaign": row.campaign,
        "template": row.template,
        "to": row.to_masked,
        "reached": row.reached,
        "cause": row.cause,
        "code": row.code,
        "wamid": row.wamid,
        "acts": row.act,
        "way": row.way,
        "attempts": row.attempt,
        "doubts": [
            {"act": doubt.act, "way": doubt.way, "at": format_instant(doubt.at)} for doubt in row.doubts
        ],
        "possible_duplicates": row.possible_duplicates,
        "duplicates": list(row.duplicates),
        "escalated": row.escalated > 0,
        "told_by_both": row.beside is not None,
        "also": row.beside,
        "conflicts": row.conflicts,
        "tried": row.tried,
        "recording": row.recording,
        "unspoken": row.unspoken,
        "faults": row.faults,
        "incident_id": row.incident_id,
        "note": row.note,
        "created_at": instant_or_none(row.created_at),
        "updated_at": instant_or_none(row.updated_at),
        "attempted_at": instant_or_none(row.attempted_at),
        "send_after": instant_or_none(row.send_after),
        "expires_at": instant_or_none(row.expires_at),
        "due_at": instant_or_none(row.due),
        "trail": trail,
    }


def waits_for(row: Row) -> str | None:
    """What an open or refused message waits for, in words; ``None`` where nothing is owed."""
    due = "" if row.due is None else format_instant(row.due)
    lane = row.lane or ""
    if not known(row):
        return f"another version of Lifeline, which wrote phase {row.phase}, lane {row.lane}"
    if lane == Lane.REFUSED:
        return "an operator: lifeline queue redrive --queue refused"
    if not row.open:
        return None
    if row.in_flight:
        return f"the worker that claimed act {row.act} ({row.way})"
    if lane.startswith(TEMPLATE_LANE):
        return f"template {lane.removeprefix(TEMPLATE_LANE)}, which is in panic"
    if lane.startswith(CAMPAIGN_LANE):
        return f"campaign {lane.removeprefix(CAMPAIGN_LANE)}, which is paused"
    if row.status is Status.PARKED:
        return f"its turn in the {lane} backlog, from {due} on"
    if row.phase == Phase.SPEAKING:
        return f"its recording, until {due}"
    if row.status is Status.FAILED:
        return f"its fallback, at {due}"
    if row.reached and not row.escalated:
        return f"a device to have it; its fallback is taken at {due}"
    if row.doubts:
        return f"a report of act {row.doubts[-1].act} ({row.doubts[-1].way}), until {due}"
    return f"its time, {due}" if lane else "its SQS message, which SQS delivers again"
