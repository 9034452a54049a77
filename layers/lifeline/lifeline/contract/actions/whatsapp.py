"""Operator actions on our account at Meta: templates, limits, a test, the token."""

from __future__ import annotations

from typing import Final

from lifeline.contract.actions.action import ACTOR, REASON, TEMPLATE, WORD, Action
from lifeline.contract.patterns import TOKEN

ACTIONS: Final[dict[str, Action]] = {
    "whatsapp.templates": Action(
        description="Message templates with Meta's status, panic and replacements.",
        answer="templates: [name, language, category, status, reason, meaning, quality, sends, failures, "
        "failure_share, parameters, panic, replacement], mapped, hours (of sends and failures)",
        fields={
            "name": {**TEMPLATE, "description": "Only this one"},
            "status": {**WORD, "description": "Only these: APPROVED, PAUSED, REJECTED, ..."},
            "category": {**WORD, "description": "Only these: UTILITY, MARKETING, AUTHENTICATION"},
        },
    ),
    "whatsapp.unpause_template": Action(
        description="Ask Meta to send a paused template again; after pacing it never resumes by itself.",
        answer="template, unpaused (languages), warnings",
        fields={
            "template": {**TEMPLATE, "description": "The template that Meta has paused"},
            "reason": REASON,
            "actor": ACTOR,
        },
        required=("template", "reason", "actor"),
        changes=True,
    ),
    "whatsapp.rate_status": Action(
        description="Lifeline's rate limiter; Meta's throughput, tier, quality and latest usage headers.",
        answer="at, state, limiter: {rate, burst, used_last_minute, share, tokens, booked_ahead, bulk}, "
        "meta (null where it refuses): {throughput_level, tier, quality, ...}, error: {cause, message, "
        "remedy}, usage: [by, at, age_seconds, percent, quotas, regain_at], notes",
    ),
    "whatsapp.volume": Action(
        description="Messages of the last hours by kind, and the busiest minute.",
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
        description="Test the path to WhatsApp step by step, in panic too; with to: a real send.",
        answer="at, ok (no step failed), seconds, to (masked), panic, steps: [name, ok (null: not tried), "
        "seconds, detail, remedy, warnings]",
        fields={
            "to": {**WORD, "description": "A number of your own; it gets the template"},
            "template": {**TEMPLATE, "description": "Approved and without values; default hello_world"},
            "language": {**WORD, "description": "The template's language; default en_US"},
            "wait_seconds": {
                "type": "number",
                "minimum": 1,
                "maximum": 45,
                "description": "How long to wait for the status; default 30",
            },
            "actor": ACTOR,
        },
        required=("actor",),
        changes=True,
    ),
    "whatsapp.map_template": Action(
        description="Map a replacement, sent while a template is in panic; compares the values first.",
        answer="template, replacement, before, warnings",
        fields={
            "template": {**TEMPLATE, "description": "The template that Meta refuses"},
            "replacement": {**TEMPLATE, "description": "The one that is sent instead"},
            "reason": REASON,
            "actor": ACTOR,
        },
        required=("template", "replacement", "reason", "actor"),
        changes=True,
    ),
    "whatsapp.unmap_template": Action(
        description="Remove the replacement of a template.",
        answer="template, replacement (null), before, warnings",
        fields={
            "template": {**TEMPLATE, "description": "The template that has a replacement"},
            "reason": REASON,
            "actor": ACTOR,
        },
        required=("template", "reason", "actor"),
        changes=True,
    ),
    "whatsapp.token_status": Action(
        description="State of the access token, its next renewal, and the result of the last one.",
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
                "description": "Exchange a token that never expires too; the new one lasts 60 days",
            },
            "reason": REASON,
            "actor": ACTOR,
        },
        required=("reason", "actor"),
        changes=True,
    ),
    "whatsapp.set_token": Action(
        description="Make a new access token current: it is verified at Meta first, and stored only then.",
        answer="at, outcome (set, unchanged), state, expires_at, days_left, previous_kept, notes",
        fields={
            "token": {
                "type": "string",
                "minLength": 20,
                "maxLength": 2_000,
                "pattern": TOKEN,
                "description": "The new token; it goes into no log and no history",
            },
            "reason": REASON,
            "actor": ACTOR,
        },
        required=("token", "reason", "actor"),
        changes=True,
        danger="every send uses the new token from now on; the current one stays as AWSPREVIOUS",
    ),
}
