"""What operators may ask, and how they are answered: both sides of the border use this module.

A request is ``{"action": NAME, ...fields}``; the answer is ``{"ok": true, "action", "result"}`` or
``{"ok": false, "action", "error": {"code", "message", "valid"}}``. Instants are ISO 8601 in UTC; a name that
ends in ``_seconds`` is a span in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lifeline.contract.instants import INSTANT
from lifeline.contract.patterns import LABEL, LINE
from lifeline.contract.schema import violations
from lifeline.contract.text import listed


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not carried out. ``code`` is stable; ``valid``: what would have been taken."""

    code: str
    message: str
    valid: tuple[str, ...] = ()


def request_for(action: str, **fields: Any) -> dict[str, Any]:
    """A request for ``action``."""
    return {"action": action, **fields}


def request_faults(request: Mapping[str, Any]) -> tuple[str, ...]:
    """What is wrong with a request whose ``action`` stands in :data:`OPERATOR_ACTIONS`, as ``listed``."""
    return listed(violations(request, OPERATOR_ACTIONS[request["action"]].schema, "request"))


def ok(action: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request that was carried out."""
    return {"ok": True, "action": action, "result": result}


def refused(action: str, code: str, message: str, valid: Sequence[str] = ()) -> dict[str, Any]:
    """The answer to a request that was not carried out."""
    return {"ok": False, "action": action, "error": {"code": code, "message": message, "valid": list(valid)}}


def parse_answer(document: object) -> Mapping[str, Any] | Refusal:
    """The result that an answer holds, or why there is none.

    Raises :class:`ValueError` where ``document`` is no answer.
    """
    if not isinstance(document, Mapping):
        raise ValueError("the answer is no JSON object")
    result, error = document.get("result"), document.get("error")
    if document.get("ok") is True and isinstance(result, Mapping):
        return result
    if document.get("ok") is False and isinstance(error, Mapping):
        valid = tuple(map(str, error.get("valid") or ()))
        return Refusal(str(error.get("code")), str(error.get("message")), valid)
    raise ValueError("the answer has neither a result nor an error")


@dataclass(frozen=True, slots=True)
class Action:
    """One operator action: what it does, what a request holds, what ``result`` answers.

    ``fields`` are JSON Schemas with a ``description`` each; ``required`` names those that must be there.
    ``changes``: the action changes something, so it is written into the history with its actor.
    """

    description: str
    answer: str
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    changes: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the request."""
        return {
            "type": "object",
            "additionalProperties": False,
            "required": ["action", *self.required],
            "properties": {"action": {"type": "string", "pattern": LINE}, **self.fields},
        }


_WORD: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LINE}
_SCOPE: Final = {**_WORD, "maxLength": 600, "description": "whatsapp, openai_voice or whatsapp/template/NAME"}
_ACTOR: Final = {
    **_WORD,
    "maxLength": 512,
    "description": "Who asks; the command line sends the caller's ARN",
}
_REASON: Final = {**_WORD, "maxLength": 500, "description": "Why; one sentence for the incident's history"}
_CAMPAIGN: Final[dict[str, Any]] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 100,
    "pattern": LABEL,
    "description": "The campaign's name; its messages are called NAME:LINE",
}
_TEMPLATE: Final[dict[str, Any]] = {**_WORD, "maxLength": 512}
_QUEUE: Final = {**_WORD, "description": "A queue by its bare name, or with the stack's prefix"}
_HELD: Final = {**_WORD, "description": "refused, whatsapp-dlq, voice-dlq or probe-dlq"}
_ONLY: Final[dict[str, dict[str, Any]]] = {
    "id": {**_WORD, "description": "Only the message of this id"},
    "template": {**_WORD, "maxLength": 512, "description": "Of refused: only messages of this template"},
    "cause": {**_WORD, "description": "Of refused: only those refused for this cause, such as bad_request"},
}
_SPAN: Final = {"type": "number", "minimum": 1, "maximum": 31_622_400}

OPERATOR_ACTIONS: Final[dict[str, Action]] = {
    "panic.status": Action(
        description="The panic flag of each scope, or of one.",
        answer="at, panic (any scope is), scopes: [flag with since, incident_id, probe_successes, ...], "
        "planned: [id, scope, reason, actor, at, until]",
        fields={"scope": _SCOPE},
    ),
    "panic.enable": Action(
        description="Put a scope in panic, or change reason, hold and end of a panic under way.",
        answer="changed, incident_id, flag, warnings; with at: plan: {id, scope, reason, actor, at, until}",
        fields={
            "scope": _SCOPE,
            "reason": _REASON,
            "actor": _ACTOR,
            "hold": {"type": "boolean", "description": "Ends only by an operator or at until, not by probes"},
            "until": {
                "type": "string",
                "pattern": INSTANT,
                "description": "Ends at this instant (ISO 8601)",
            },
            "for_seconds": {**_SPAN, "description": "Ends after so many seconds, instead of until"},
            "at": {
                "type": "string",
                "pattern": INSTANT,
                "description": "Planned: begins at this instant by itself; needs until or for_seconds",
            },
        },
        required=("scope", "reason", "actor"),
        changes=True,
    ),
    "panic.cancel_plan": Action(
        description="Take a planned panic back before it begins.",
        answer="plan: {id, scope, reason, actor, at, until}",
        fields={
            "plan": {**_WORD, "description": "The plan's id, as panic.status shows it"},
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("plan", "reason", "actor"),
        changes=True,
    ),
    "panic.disable": Action(
        description="End a panic: into recovering with a slow drain, or straight to normal.",
        answer="changed, incident_id, flag, alarms (still in ALARM), drain_started, warnings",
        fields={
            "scope": _SCOPE,
            "reason": _REASON,
            "actor": _ACTOR,
            "ramp": {
                "type": "boolean",
                "description": "Default true: drain slowly; false: at the set rate at once",
            },
        },
        required=("scope", "reason", "actor"),
        changes=True,
    ),
    "panic.history": Action(
        description="What happened to panic mode, newest first: who, what, why, when, on what evidence.",
        answer="at, events: [at, kind, scope, incident_id, actor, source, cause, reason, evidence]",
        fields={
            "scope": _SCOPE,
            "incident_id": {**_WORD, "description": "One incident only"},
            "since_seconds": {**_SPAN, "description": "How far back; default: 30 days"},
            "limit": {"type": "number", "minimum": 1, "maximum": 1000, "description": "At most; default 50"},
            "probes": {"type": "boolean", "description": "Default false: without the single probes"},
        },
    ),
    "panic.shadow": Action(
        description="Put a scope in shadow (it reports when it would panic, and does not), or take it out.",
        answer="changed, flag, warnings",
        fields={
            "scope": _SCOPE,
            "on": {"type": "boolean", "description": "true: in shadow; false: panic works again"},
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("scope", "on", "reason", "actor"),
        changes=True,
    ),
    "queue.status": Action(
        description="What waits, how old it is, how fast it leaves and when it will be gone.",
        answer="at, queues: [name, kind (live, dead-letter, backlog, held, refused, timer), visible (due "
        "now), in_flight, delayed (due later), oldest_age_seconds, rate, eta_seconds, eta], drain: {rate, "
        "ceiling, state}, waiting (in the backlog), released (on its way), refused, unreadable (on "
        "whatsapp-dlq), "
        "eta_seconds, eta, notes",
        fields={
            "queue": {
                **_QUEUE,
                "description": "One queue or lane; whatsapp-queue means the entry queues and all lanes",
            }
        },
    ),
    "queue.set_rate": Action(
        description="Set the rate at which the backlog leaves, within a minute.",
        answer="queue, rate, text, before, effective_by",
        fields={
            "queue": _QUEUE,
            "rate": {
                "type": ["string", "number"],
                "maxLength": 40,
                "pattern": LINE,
                "description": "10/s, 600/min, 0 (hold); a number is messages per second",
            },
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("queue", "rate", "reason", "actor"),
        changes=True,
    ),
    "queue.peek": Action(
        description="A sample of the refused messages, or of a dead-letter queue, with the reasons.",
        answer="queue, to, waiting, seen, reasons: [reason, count], "
        "sample: [id, type, priority, template, cause, status, reason, since, age_seconds, receive_count, "
        "body]",
        fields={
            "queue": _HELD,
            "sample": {"type": "number", "minimum": 1, "maximum": 50, "description": "At most; default 10"},
            **_ONLY,
        },
        required=("queue",),
    ),
    "queue.redrive": Action(
        description="Send refused messages again, or move dead letters back to where they are handled.",
        answer="queue, to, moved, accounted (dead letters whose message was settled meanwhile: deleted), "
        "failed, waiting, complete (false: ask again for the rest)",
        fields={
            "queue": _HELD,
            "limit": {
                "type": "number",
                "minimum": 1,
                "maximum": 100_000,
                "description": "At most; default all",
            },
            **_ONLY,
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("queue", "reason", "actor"),
        changes=True,
    ),
    "queue.discard": Action(
        description="Give up refused messages or dead letters that nobody can fix; the history keeps which.",
        answer="queue, discarded, failed, waiting, ids (some), complete (false: ask again for the rest)",
        fields={
            "queue": _HELD,
            "limit": {
                "type": "number",
                "minimum": 1,
                "maximum": 100_000,
                "description": "At most; default all",
            },
            **_ONLY,
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("queue", "reason", "actor"),
        changes=True,
    ),
    "audit.run": Action(
        description="Is every message accounted for? By agenda and queues; with deep by the ledger too.",
        answer="at, verdict (accounted, look), command (the one to run, or null), findings: [what, count, "
        "command], timers: {waiting, overdue, ages: [over_seconds, count], oldest: {id, seconds}}, doubts: "
        "{open, ages, complete}, lanes: [name, count, oldest_age_seconds], refused, dead_letters, tick: "
        "{last_at, age_seconds}, deep (null, or {ids, found, woken, next (segment to go on from, or null)})",
        fields={
            "deep": {"type": "boolean", "description": "Read the ledger too: open messages off the agenda"},
            "wake": {"type": "boolean", "description": "With deep: let a worker look at those it finds"},
            "segment": {
                "type": "number",
                "minimum": 0,
                "maximum": 63,
                "description": "With deep: go on from here (next of the answer before)",
            },
        },
    ),
    "errors.list": Action(
        description="Failures by cause, with counts, codes, a masked sample each, and the remedy.",
        answer="at, since, failures, causes: [cause, count, codes: [code, count, last_at], last_at, remedy, "
        "sample], outcomes: [status, count]",
        fields={
            "since_seconds": {
                "type": "number",
                "minimum": 60,
                "maximum": 2_592_000,
                "description": "How far back, whole minutes; default 15 minutes",
            }
        },
    ),
    "whatsapp.templates": Action(
        description="Message templates as Meta lists them, which of them panic, and what stands in for them.",
        answer="templates: [name, language, category, status, reason, meaning, quality, sends, failures, "
        "failure_share, parameters, panic, replacement], mapped, hours (of sends and failures)",
        fields={
            "name": {**_TEMPLATE, "description": "Only this one"},
            "status": {**_WORD, "description": "Only these: APPROVED, PAUSED, REJECTED, ..."},
            "category": {**_WORD, "description": "Only these: UTILITY, MARKETING, AUTHENTICATION"},
        },
    ),
    "whatsapp.unpause_template": Action(
        description="Ask Meta to send a paused template again; after pacing it never resumes by itself.",
        answer="template, unpaused (languages), warnings",
        fields={
            "template": {**_TEMPLATE, "description": "The template that Meta has paused"},
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("template", "reason", "actor"),
        changes=True,
    ),
    "whatsapp.rate_status": Action(
        description="Our limiter, Meta's throughput, tier and quality, and the usage headers last seen.",
        answer="at, state, limiter: {rate, burst, used_last_minute, share, tokens, booked_ahead, bulk}, "
        "meta (null where it refuses): {throughput_level, tier, quality, ...}, error: {cause, message, "
        "remedy}, usage: [by, at, age_seconds, percent, quotas, regain_at], notes",
    ),
    "whatsapp.volume": Action(
        description="What was handled in the last hours, of which kind, and what made the busiest minute.",
        answer="at, since, total, accepted, outcomes, priorities, categories, templates: [name, count], "
        "step_seconds, bars: [at, count, limited], peak: {at, count, usual, spike, made_of}",
        fields={
            "hours": {
                "type": "number",
                "minimum": 0.05,
                "maximum": 720,
                "description": "How far back; default 1",
            }
        },
    ),
    "whatsapp.test": Action(
        description="Go the whole way to WhatsApp step by step, in panic too; with to: a real send.",
        answer="at, ok (no step failed), seconds, to (masked), panic, steps: [name, ok (null: not tried), "
        "seconds, detail, remedy, warnings]",
        fields={
            "to": {**_WORD, "description": "A number of your own; it gets the template"},
            "template": {**_TEMPLATE, "description": "Approved and without values; default hello_world"},
            "language": {**_WORD, "description": "The template's language; default en_US"},
            "wait_seconds": {
                "type": "number",
                "minimum": 1,
                "maximum": 45,
                "description": "How long the status is waited for; default 30",
            },
            "actor": _ACTOR,
        },
        required=("actor",),
        changes=True,
    ),
    "whatsapp.map_template": Action(
        description="Let one template stand in for another while that one panics; values are compared first.",
        answer="template, replacement, before, warnings",
        fields={
            "template": {**_TEMPLATE, "description": "The template that Meta refuses"},
            "replacement": {**_TEMPLATE, "description": "The one that is sent instead"},
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("template", "replacement", "reason", "actor"),
        changes=True,
    ),
    "whatsapp.unmap_template": Action(
        description="Let nothing stand in for a template any more.",
        answer="template, replacement (null), before, warnings",
        fields={
            "template": {**_TEMPLATE, "description": "The template that has a replacement"},
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("template", "reason", "actor"),
        changes=True,
    ),
    "whatsapp.token_status": Action(
        description="What Meta says of the access token, when it is renewed, and how the last renewal went.",
        answer="at, state (never_expires, fine, to_renew, invalid), valid, expires_at, days_left, "
        "renew_days, renews_at, why_invalid, subcode, app_id, type, scopes, missing_scopes, "
        "keeper: {at, outcome, step, detail, remedy, renewed_at, source}",
    ),
    "whatsapp.refresh_token": Action(
        description="Exchange the access token now; the new one is verified before it becomes current.",
        answer="at, outcome (renewed, overtaken, never_expires), refreshed, state, expires_at, days_left, "
        "previous_kept, notes",
        fields={
            "force": {
                "type": "boolean",
                "description": "Exchange a token without an end as well; the new one lasts 60 days",
            },
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("reason", "actor"),
        changes=True,
    ),
    "incident.list": Action(
        description="Incidents, newest first: one for each panic, with its returns within the settle time.",
        answer="at, incidents: [incident_id, scope, state (panic, recovering, over), cause, reason, "
        "opened_at, opened_by, left_panic_at, closed_by, over_at, duration_seconds, panic_seconds, flaps, "
        "probes]",
        fields={
            "scope": _SCOPE,
            "since_seconds": {**_SPAN, "description": "How far back; default: 90 days"},
            "limit": {"type": "number", "minimum": 1, "maximum": 1000, "description": "At most; default 50"},
        },
    ),
    "incident.report": Action(
        description="Everything that is asked after an incident: from history, ledger and counters.",
        answer="as incident.list, and opened, closed, causes, first_failure_at, detection_seconds, probes, "
        "messages (by outcome), people, delay, fallback, drain, failures, traffic, spike, cost, post_mortem, "
        "checklist, timeline, complete (false: too many messages to read), kept (true: as it was told)",
        fields={"incident_id": {**_WORD, "description": "The incident, or last for the newest one"}},
        required=("incident_id",),
    ),
    "status.show": Action(
        description="Everything at a glance: flags, queues, drain, the last hour, token, prober.",
        answer="at, panic, scopes (as panic.status), queues, waiting, refused, drain (as queue.status), "
        "dead_letters, limiter: {rate, booked_seconds}, last_hour: {accepted, last_accepted_at, failures, "
        "fallbacks: "
        "{push, email}, parked, expired}, token (the keeper's last look), prober: {age_seconds, last_at}, "
        "notes; a part that cannot be read is null",
    ),
    "drill.run": Action(
        description="Rehearse an outage without changing anything: who is reached, what is armed.",
        answer="at, stage, verdict (ready, not_ready, unclear), sampled, critical_today, recipients: "
        "[priority, people, push, email, waits], steps: [name, state (ok, warn, fail, unknown), found, mend]",
    ),
    "drill.start": Action(
        description="Begin a live rehearsal: panic, ten minutes at most, and test messages. Never in prod.",
        answer="incident_id, messages: [id, way, expected], until_seconds",
        fields={
            "to": {**_WORD, "maxLength": 64, "description": "Number of the test messages; default fictional"},
            "push_endpoint": {**_WORD, "maxLength": 512, "description": "A device for a test push"},
            "email": {**_WORD, "maxLength": 320, "description": "For the test mail; default SES's simulator"},
            "actor": _ACTOR,
        },
        required=("actor",),
        changes=True,
    ),
    "message.send": Action(
        description="Put one message on the queue of its priority, as a producer would.",
        answer="id, queue, to (masked), known (the id was seen before: it is not sent again)",
        fields={
            "message": {
                "type": "object",
                "description": "The message; see docs/producers.md. No id: a new one",
            },
            "actor": _ACTOR,
        },
        required=("message", "actor"),
        changes=True,
    ),
    "message.show": Action(
        description="One message's whole history, from the ledger.",
        answer="found, id, status, final, waits_for (in words, or null), type, to (masked), acts, attempts, "
        "doubts: [act, way, at], possible_duplicates, duplicates (acts), conflicts (the same id came with "
        "other content), trail: [at, status, note], ...",
        fields={"id": {**_WORD, "description": "The message's id"}},
        required=("id",),
    ),
    "campaign.check": Action(
        description="Hold lines of a campaign against the contract, and count who has a fallback.",
        answer="good, reachable, faults: [line, fault]",
        fields={
            "lines": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["line", "message"],
                    "properties": {"line": {"type": "number"}, "message": {"type": "object"}},
                },
                "description": "Messages with their line in the file",
            }
        },
        required=("lines",),
    ),
    "campaign.create": Action(
        description="Begin to store a campaign; nothing is sent before campaign.start.",
        answer="campaign: {campaign, state, total, ...}, chunk (lines per campaign.add), warnings",
        fields={
            "campaign": _CAMPAIGN,
            "template": {
                **_TEMPLATE,
                "description": "The template of its messages; it must be APPROVED at Meta",
            },
            "language": {**_WORD, "description": "The template's language; default en_US"},
            "parameters": {
                "type": "number",
                "minimum": 0,
                "maximum": 99,
                "description": "How many values each line gives the template's body; unchecked where absent",
            },
            "total": {"type": "number", "minimum": 1, "maximum": 5_000_000, "description": "How many lines"},
            "over_seconds": {**_SPAN, "description": "The time over which it is spread"},
            "start": {"type": "string", "pattern": INSTANT, "description": "Not before; default now"},
            "actor": _ACTOR,
        },
        required=("campaign", "template", "total", "over_seconds", "actor"),
        changes=True,
    ),
    "campaign.add": Action(
        description="Store one chunk of a campaign's messages; may be repeated.",
        answer="stored",
        fields={
            "campaign": _CAMPAIGN,
            "chunk": {"type": "number", "minimum": 0, "maximum": 50_000, "description": "Its place, from 0"},
            "messages": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {"type": "object"},
                "description": "A hundred messages of priority bulk with this campaign; the last chunk less",
            },
            "actor": _ACTOR,
        },
        required=("campaign", "chunk", "messages", "actor"),
        changes=True,
    ),
    "campaign.start": Action(
        description="Let a stored campaign run.",
        answer="campaign: {campaign, state, total, start, ends, pace, ...}, warnings",
        fields={"campaign": _CAMPAIGN, "actor": _ACTOR},
        required=("campaign", "actor"),
        changes=True,
    ),
    "campaign.status": Action(
        description="How far campaigns are and what became of their messages.",
        answer="at, campaigns: [campaign, state (loading, running, paused, cancelled), total, released, "
        "on_the_way, sent, fallback, failed, expired, cancelled, done, pace, start, ends, actor]",
        fields={"campaign": _CAMPAIGN},
    ),
    **{
        f"campaign.{verb}": Action(
            description=words,
            answer="changed, campaign: {campaign, state, ...}",
            fields={"campaign": _CAMPAIGN, "reason": _REASON, "actor": _ACTOR},
            required=("campaign", "reason", "actor"),
            changes=True,
        )
        for verb, words in (
            ("pause", "Let nothing more of a campaign leave."),
            ("resume", "Let a paused campaign go on; its end moves by the pause."),
            ("cancel", "Stop a campaign for good."),
        )
    },
    "message.cancel": Action(
        description="Take back a message at any moment before it is sent: while it waits, or is parked.",
        answer="id, status (CANCELLED), changed, in_doubt (an earlier send of it may have arrived)",
        fields={"id": {**_WORD, "description": "The message's id"}, "reason": _REASON, "actor": _ACTOR},
        required=("id", "reason", "actor"),
        changes=True,
    ),
    "message.reschedule": Action(
        description="Send a message that waits, or is parked, at another time within a year.",
        answer="id, status, at",
        fields={
            "id": {**_WORD, "description": "The message's id"},
            "at": {"type": "string", "pattern": INSTANT, "description": "Its new send_after"},
            "actor": _ACTOR,
        },
        required=("id", "at", "actor"),
        changes=True,
    ),
    "contacts.import": Action(
        description="Register how people can be reached besides WhatsApp; may be repeated.",
        answer="saved, rejected: [line, fault]",
        fields={
            "contacts": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["line"],
                    "properties": {
                        "line": {"type": "number", "description": "Where it stands in the file"},
                        "user_id": {"type": "string"},
                        "push_endpoint": {"type": "string"},
                        "email": {"type": "string"},
                    },
                },
                "description": "user_id with push_endpoint (an SNS endpoint's ARN), email, or both",
            },
            "actor": _ACTOR,
        },
        required=("contacts", "actor"),
        changes=True,
    ),
}
"""Every action of OperatorFunction, by name."""
