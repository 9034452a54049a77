"""Answers of the operator function to what only shows, each with every part in it."""

from __future__ import annotations

from typing import Any

from tests.support.operator_function import AT, FLAG

ROW: dict[str, Any] = {
    "found": True, "id": "m-1", "status": "SENT", "final": True, "due_at": None, "waits_for": None,
    "to": "+49***", "type": "text",
    "priority": "normal", "template": None, "campaign": None, "reached": True, "way": "whatsapp",
    "cause": None, "code": None, "acts": 1, "attempts": 1, "doubts": [], "possible_duplicates": 0,
    "duplicates": [], "conflicts": 0, "escalated": False, "told_by_both": False, "also": None,
    "tried": None, "recording": None, "unspoken": None,
    "incident_id": None, "wamid": "wamid.1", "trail": [{"at": AT, "status": "SENT", "note": ""}],
}  # fmt: skip

AUDIT: dict[str, Any] = {
    "at": AT, "verdict": "accounted", "command": None, "findings": [],
    "timers": {"waiting": 3, "overdue": 0, "oldest": None,
               "ages": [{"over_seconds": age, "count": 0} for age in (0, 120, 600, 3600)]},
    "doubts": {"open": 0, "oldest": None, "complete": True,
               "ages": [{"over_seconds": age, "count": 0} for age in (0, 120, 600, 3600)]},
    "lanes": [{"name": "critical", "count": 7, "oldest_age_seconds": 12.0}],
    "refused": 0, "dead_letters": {"whatsapp-dlq": 0}, "tick": {"last_at": AT, "age_seconds": 20.0},
    "deep": None,
}  # fmt: skip

STATUS: dict[str, Any] = {
    "at": AT, "panic": True, "scopes": [FLAG], "waiting": 7, "dead_letters": {"whatsapp-dlq": 0},
    "queues": [
        {"name": "whatsapp-queue", "visible": 7, "in_flight": 0, "delayed": 0, "oldest_age_seconds": 90.0}
    ],
    "drain": {"rate": 0.0, "ceiling": 10.0, "state": "held by panic"},
    "limiter": {"rate": 65.0, "booked_seconds": 0.0},
    "last_hour": {
        "accepted": 12, "last_accepted_at": "2026-03-01T08:57:00.000Z", "failures": {"unreachable": 6},
        "failures_elsewhere": {"email": 2, "openai_voice": 4},
        "fallbacks": {"push": 3, "email": 1}, "parked": 2, "expired": 0,
    },
    "token": {"at": "2026-03-01T08:30:00.000Z", "outcome": "fine"},
    "prober": {"age_seconds": 20.0, "last_at": AT}, "notes": ["whatsapp is in panic"],
}  # fmt: skip

DRILL: dict[str, Any] = {
    "at": AT, "stage": "staging", "verdict": "ready", "sampled": 10, "critical_today": 90,
    "recipients": [{"priority": "critical", "people": 10, "push": 6, "email": 3, "waits": 1}],
    "steps": [{"name": "prober", "state": "ok", "found": "last ran 20 s ago", "fix": ""}],
}  # fmt: skip

LANE: dict[str, Any] = {"tokens": 0, "booked_ahead": 7, "next_in_seconds": 0.1}

RATE: dict[str, Any] = {
    "at": AT, "state": "normal", "earliest_recovery": None,
    "limiter": {"rate": 65.0, "burst": 10, "used_last_minute": 1200, "share": 0.3077, **LANE,
                "bulk": {"rate": 32.5, **LANE, "tokens": 5}},
    "meta": {"name": "Clinic", "status": "CONNECTED", "name_status": "APPROVED", "quality": "YELLOW",
             "throughput_level": "STANDARD", "throughput_per_second": 80, "tier": "TIER_10K",
             "tier_people_per_day": 10_000},
    "error": None,
    "usage": [{"by": "sends", "at": AT, "age_seconds": 75, "percent": 100.0, "regain_in_seconds": 540,
               "regain_at": "2026-03-01T09:09:00.000Z",
               "quotas": [{"type": "whatsapp", "call_count": 100, "total_time": 3, "total_cputime": 4,
                           "regain_seconds": 600}]}],
    "notes": ["the number's quality is YELLOW"],
}  # fmt: skip

VOLUME: dict[str, Any] = {
    "at": AT, "since": "2026-03-01T08:00:00.000Z", "hours": 1.0, "total": 500, "accepted": 450,
    "outcomes": [{"name": "SENT", "count": 450}, {"name": "PARKED", "count": 50}],
    "priorities": [{"name": "bulk", "count": 500}], "categories": [{"name": "-", "count": 500}],
    "templates": [{"name": "promo_offer", "count": 500}], "step_seconds": 300,
    "bars": [{"at": "2026-03-01T08:50:00.000Z", "count": 500, "limited": 3},
             {"at": "2026-03-01T08:55:00.000Z", "count": 1, "limited": 0}],
    "peak": {"at": "2026-03-01T08:51:00.000Z", "count": 430, "per_second": 7.17, "usual": 1.2, "spike": True,
             "made_of": [{"priority": "bulk", "category": "-", "template": "promo_offer", "count": 430,
                          "usual": 1.0, "share": 0.98}]},
}  # fmt: skip
