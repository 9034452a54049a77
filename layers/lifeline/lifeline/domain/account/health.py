"""Our account at Meta: throughput, tier, quality, the limiter's tokens, usage headers. Pure.

Sources: Meta, "Throughput", "Messaging limits", "Phone numbers" and "Rate limits" (Graph API).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lifeline.domain.failure.usage import Usage

NUMBER_FIELDS: Final = (
    "id,display_phone_number,verified_name,status,name_status,quality_rating,throughput,"
    "whatsapp_business_manager_messaging_limit,health_status"
)
"""What is asked of the number. ``messaging_limit_tier`` is the deprecated name of the limit."""

THROUGHPUT: Final[Mapping[str, int]] = {"STANDARD": 80, "HIGH": 1000}
"""Messages per second by level, inbound ones included (Meta, "Throughput")."""
TIERS: Final[Mapping[str, int | None]] = {
    "TIER_50": 50,
    "TIER_250": 250,
    "TIER_1K": 1_000,
    "TIER_2K": 2_000,
    "TIER_10K": 10_000,
    "TIER_100K": 100_000,
    "TIER_UNLIMITED": None,
}
"""People to whom one portfolio may write first within 24 hours; None: as many as it likes (Meta, "Messaging
limits")."""

# Epoch seconds are exact to a quarter of a microsecond; a token must not be lost to that.
_EPSILON: Final = 1e-3
WRITE_EVERY: Final = 30.0
"""Seconds between two writes of usage headers by one worker while nothing changes much."""
MUCH: Final = 10.0
"""Percentage points that are worth a write at once."""
FULL: Final = 80.0
"""Percent of a quota from which on an operator should look."""


@dataclass(frozen=True, slots=True)
class LimiterState:
    """The limiter's state: what may leave at once, and what is booked ahead."""

    available: int
    booked: int
    free_at: float
    """When the next token is free (epoch seconds)."""


def tokens(tat: float | None, now: float, rate: float, burst: int) -> LimiterState:
    """Read a GCRA limiter. ``tat``: when the last token that was given away is due (epoch seconds; None: none
    was given away). ``rate``: tokens per second.
    """
    interval = 1.0 / rate
    floor = now - burst * interval
    last = floor if tat is None else max(tat, floor)
    ahead = (now - last) / interval
    if ahead >= 1 - _EPSILON:
        return LimiterState(int(ahead + _EPSILON), 0, now)
    return LimiterState(0, max(0, round(-ahead)), last + interval)


def worth_writing(before: Usage | None, written_at: float, seen: Usage, now: float) -> bool:
    """Whether usage headers are written down now: at once where they say something new, else now and then.

    New are a throttling that began or ended, and a share that moved by :data:`MUCH`.
    """
    if before is None or now - written_at >= WRITE_EVERY:
        return True
    if bool(before.regain_seconds) != bool(seen.regain_seconds):
        return True
    return abs(before.percent - seen.percent) >= MUCH


def usage_words(usage: Usage) -> list[dict[str, Any]]:
    """Usage as it is stored and shown: one object per quota; shares in percent, wait in seconds."""
    return [
        {
            "type": quota.type,
            "call_count": quota.call_count,
            "total_time": quota.total_time,
            "total_cputime": quota.total_cputime,
            "regain_seconds": quota.regain_seconds,
        }
        for quota in usage.quotas
    ]


def number_words(body: Mapping[str, Any]) -> dict[str, Any]:
    """The number as operators see it; None for what Meta does not say."""
    throughput = body.get("throughput")
    level = throughput.get("level") if isinstance(throughput, Mapping) else None
    tier = body.get("whatsapp_business_manager_messaging_limit") or body.get("messaging_limit_tier")
    known = str(tier).upper() in TIERS
    return {
        "name": body.get("verified_name"),
        "status": body.get("status"),
        "name_status": body.get("name_status"),
        "quality": body.get("quality_rating"),
        "throughput_level": level,
        "throughput_per_second": THROUGHPUT.get(str(level).upper()),
        "tier": tier,
        "tier_people_per_day": TIERS[str(tier).upper()] if known else None,
    }


def advice(
    number: Mapping[str, Any] | None, usages: Sequence[Usage | None], rate: float, burst: int
) -> list[str]:
    """What an operator should not overlook. ``rate``: the limiter's, messages per second."""
    advices = []
    if number:
        allowed = number["throughput_per_second"]
        if allowed and rate + burst > allowed:
            advices.append(
                f"the rate limiter allows {rate + burst:g} messages in one second and Meta takes {allowed}: "
                "lower limiter.rate or limiter.burst in SettingsJson"
            )
        if number["quality"] in ("YELLOW", "RED"):
            advices.append(
                f"the number's quality is {number['quality']}: people block or report it; pause promotions"
            )
        if number["status"] not in (None, "CONNECTED"):
            advices.append(f"the number is {number['status']}: Meta sends only for a CONNECTED one")
    for usage in usages:
        if usage and usage.percent >= FULL:
            advices.append(
                f"{usage.percent:g} % of a quota is used; from 100 % on Meta may refuse: send slower"
            )
            break
    return advices


def meta_support(waba_id: str, incident_id: str, reasons: Sequence[str] = ()) -> str:
    """What to say to Meta Business Support, and where, when the account is in trouble."""
    why = f" Meta's reasons: {'; '.join(reasons)}." if reasons else ""
    account = f" for WhatsApp Business Account {waba_id}" if waba_id else ""
    return (
        f"Only Meta can fix this: open a case with Meta Business Support{account} at "
        f"https://business.facebook.com/direct-support/ and name incident {incident_id} in it.{why} "
        "Billing, verification and policy are settled in Meta Business Manager."
    )


def blocked(body: Mapping[str, Any]) -> str:
    """Why the account cannot send, from a number's ``health_status``; empty where it can."""
    health = body.get("health_status")
    if not isinstance(health, dict) or health.get("can_send_message") != "BLOCKED":
        return ""
    reasons = [
        f"{entity.get('entity_type')}: {error.get('error_code')} {error.get('error_description', '')}".strip()
        for entity in health.get("entities") or []
        if isinstance(entity, dict)
        for error in entity.get("errors") or []
        if isinstance(error, dict)
    ]
    return "health status is BLOCKED" + (f" ({'; '.join(reasons)})" if reasons else "")
