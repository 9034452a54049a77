"""Operator actions on campaigns."""

from __future__ import annotations

from typing import Final

from lifeline.contract.actions.action import ACTOR, CAMPAIGN, REASON, SPAN, TEMPLATE, WORD, Action
from lifeline.contract.instants import INSTANT

ACTIONS: Final[dict[str, Action]] = {
    "campaign.check": Action(
        description="Check lines of a campaign against the contract, and count people with a fallback.",
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
            "campaign": CAMPAIGN,
            "template": {
                **TEMPLATE,
                "description": "The template of its messages; it must be APPROVED at Meta",
            },
            "language": {**WORD, "description": "The template's language; default en_US"},
            "parameters": {
                "type": "number",
                "minimum": 0,
                "maximum": 99,
                "description": "How many values each line gives the template's body; unchecked where absent",
            },
            "total": {"type": "number", "minimum": 1, "maximum": 5_000_000, "description": "How many lines"},
            "over_seconds": {**SPAN, "description": "The time over which it is spread"},
            "start": {"type": "string", "pattern": INSTANT, "description": "Not before; default now"},
            "actor": ACTOR,
        },
        required=("campaign", "template", "total", "over_seconds", "actor"),
        changes=True,
    ),
    "campaign.add": Action(
        description="Store one chunk of a campaign's messages; may be repeated.",
        answer="stored",
        fields={
            "campaign": CAMPAIGN,
            "chunk": {"type": "number", "minimum": 0, "maximum": 50_000, "description": "Its place, from 0"},
            "messages": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {"type": "object"},
                "description": "A hundred messages of priority bulk with this campaign; the last chunk less",
            },
            "actor": ACTOR,
        },
        required=("campaign", "chunk", "messages", "actor"),
        changes=True,
        bulk=("chunk", "messages"),
    ),
    "campaign.start": Action(
        description="Start a stored campaign.",
        answer="campaign: {campaign, state, total, start, ends, pace, ...}, warnings",
        fields={"campaign": CAMPAIGN, "actor": ACTOR},
        required=("campaign", "actor"),
        changes=True,
    ),
    "campaign.status": Action(
        description="Progress of campaigns, and the outcomes of their messages.",
        answer="at, campaigns: [campaign, state (loading, running, paused, cancelled), total, released, "
        "on_the_way, sent, fallback, failed, expired, cancelled, suppressed, done, pace, start, ends, actor]",
        fields={"campaign": CAMPAIGN},
    ),
    **{
        f"campaign.{verb}": Action(
            description=words,
            answer="changed, campaign: {campaign, state, ...}",
            fields={"campaign": CAMPAIGN, "reason": REASON, "actor": ACTOR},
            required=("campaign", "reason", "actor"),
            changes=True,
        )
        for verb, words in (
            ("pause", "Pause a campaign."),
            ("resume", "Resume a paused campaign; its end moves by the length of the pause."),
            ("cancel", "Stop a campaign for good."),
        )
    },
}
