"""Operator actions on our account at Meta: templates, limits, a test, the token."""

from __future__ import annotations

from typing import Final

from lifeline.contract.actions.action import ACTOR, REASON, TEMPLATE, WORD, Action

ACTIONS: Final[dict[str, Action]] = {
    "whatsapp.templates": Action(
        description="Message templates as Meta lists them, which of them panic, and what stands in for them.",
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
            "to": {**WORD, "description": "A number of your own; it gets the template"},
            "template": {**TEMPLATE, "description": "Approved and without values; default hello_world"},
            "language": {**WORD, "description": "The template's language; default en_US"},
            "wait_seconds": {
                "type": "number",
                "minimum": 1,
                "maximum": 45,
                "description": "How long the status is waited for; default 30",
            },
            "actor": ACTOR,
        },
        required=("actor",),
        changes=True,
    ),
    "whatsapp.map_template": Action(
        description="Let one template stand in for another while that one panics; values are compared first.",
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
        description="Let nothing stand in for a template any more.",
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
            "reason": REASON,
            "actor": ACTOR,
        },
        required=("reason", "actor"),
        changes=True,
    ),
}
