"""Failures of OpenAI told apart by their remedy.

One table, :data:`RULES`, read from top to bottom: the first row that fits wins. The key is OpenAI's
``error.code`` (then ``error.type``) and the HTTP status; one status stands for several things (429 is a limit
that passes, or credit that is used up and comes back only when somebody pays).

Sources of the rows:

- ``codes``: OpenAI, "Error codes" (guide)
- ``reference``: OpenAI, API reference of the audio endpoints
- ``clients``: OpenAI's own client libraries, which try 408, 409, 429 and 5xx again
- ``http``: RFC 9110
- ``class``: nobody says; taken from the family to which the answer belongs
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lifeline.contract.scopes import OPENAI_VOICE
from lifeline.domain.failure.causes import WINDOW_CAUSES, Cause, Fault, Trip, remedy
from lifeline.domain.failure.classify import FAULT_NOTES, MAX_DETAILS, fault_details
from lifeline.domain.redact import redact

MAX_WAIT: Final = 3600.0
"""Seconds. A stated wait is cut to this: OpenAI's limits are per minute and per day; probes ask sooner."""


@dataclass(frozen=True, slots=True)
class VoiceFailureRule:
    """One row of :data:`RULES`. ``statuses`` and ``words`` must both fit; an empty one fits always."""

    statuses: tuple[int | range, ...]
    words: tuple[str, ...]
    """``error.code`` or ``error.type``."""
    cause: Cause
    name: str
    remedy: str
    source: str
    retryable: bool = False
    """Worth another try within seconds."""
    refused: bool = False
    """The content is what OpenAI does not take."""


RULES: Final[tuple[VoiceFailureRule, ...]] = (
    # --- Nobody but the operator can mend these ---------------------------------------------------------
    VoiceFailureRule(
        (),
        (
            "insufficient_quota",
            "billing_hard_limit_reached",
            "billing_not_active",
            "account_deactivated",
            "access_terminated",
        ),
        Cause.ACCOUNT,
        "no credit, or the account is closed",
        "Add credit or raise the monthly limit at platform.openai.com, Settings, Billing; retries do not "
        "help.",
        "codes",
    ),
    VoiceFailureRule(
        (402,),
        (),
        Cause.ACCOUNT,
        "payment required",
        "Pay at platform.openai.com, Settings, Billing; retries do not help.",
        "http",
    ),
    VoiceFailureRule(
        (),
        ("model_not_found",),
        Cause.ACCOUNT,
        "model not available",
        "Name models that the key may use in SETTINGS_JSON: openai.speech_model, transcription_model.",
        "codes",
    ),
    VoiceFailureRule(
        (),
        ("unsupported_country_region_territory", "ip_not_authorized"),
        Cause.AUTH,
        "region not allowed",
        "Call from a region and an address that OpenAI's project allows.",
        "codes",
    ),
    VoiceFailureRule(
        (401,),
        (),
        Cause.AUTH,
        "key rejected",
        "Store a valid openai_api_key (output OpenaiSecretArn); workers take it within a minute.",
        "codes",
    ),
    VoiceFailureRule(
        (403,),
        (),
        Cause.AUTH,
        "permission missing",
        "Give the key's project access to audio and models at platform.openai.com.",
        "codes",
    ),
    # --- Limits -----------------------------------------------------------------------------------------
    VoiceFailureRule(
        (429,),
        (),
        Cause.RATE_LIMIT,
        "rate limit",
        "No action at first: it passes. If it lasts, raise the project's limits at OpenAI.",
        "codes",
        retryable=True,
    ),
    # --- One text, one recording ------------------------------------------------------------------------
    VoiceFailureRule(
        (),
        ("content_policy_violation", "moderation_blocked", "content_filter"),
        Cause.BAD_REQUEST,
        "content rejected",
        "OpenAI rejects this content: the message goes out as text.",
        "codes",
        refused=True,
    ),
    VoiceFailureRule(
        (413,),
        (),
        Cause.BAD_REQUEST,
        "too large",
        "OpenAI takes recordings of up to 25 MB.",
        "reference",
    ),
    # --- OpenAI is down or busy -------------------------------------------------------------------------
    VoiceFailureRule(
        (408, 409, range(500, 600)),
        (),
        Cause.UNREACHABLE,
        "server error",
        "Wait for OpenAI (status.openai.com); probes end the panic.",
        "clients",
        retryable=True,
    ),
    VoiceFailureRule(
        (404, 405, 407, 421, 426, range(300, 400)),
        (),
        Cause.UNREACHABLE,
        "not OpenAI's API",
        "Check OPENAI_BASE_URL: it does not lead to OpenAI's audio API.",
        "class",
    ),
    VoiceFailureRule(
        (range(400, 500),),
        (),
        Cause.BAD_REQUEST,
        "request rejected",
        "Fix what details name; the message goes out as text.",
        "codes",
    ),
    VoiceFailureRule(
        (),
        (),
        Cause.UNREACHABLE,
        "unreadable response",
        "Wait for OpenAI (status.openai.com); check OPENAI_BASE_URL if it lasts.",
        "class",
        retryable=True,
    ),
)
"""The failure table of OpenAI. The last row takes what no other does."""


@dataclass(frozen=True, slots=True)
class VoiceFailure:
    """Why OpenAI made no speech, or heard nothing.

    ``retry_after``: seconds, as OpenAI states them. ``details`` is safe to log: no key, no phone number.
    """

    cause: Cause
    name: str
    details: str
    remedy: str
    retryable: bool = False
    refused: bool = False
    code: str = ""
    http_status: int | None = None
    retry_after: float | None = None

    @property
    def trips_at_once(self) -> bool:
        """Whether the first such failure puts ``openai_voice`` into panic."""
        return self.cause.traits.trips is Trip.AT_ONCE

    @property
    def counts_for_window(self) -> bool:
        """Whether it counts as a failure of OpenAI. All others show that it answers."""
        return self.cause in WINDOW_CAUSES

    @property
    def words(self) -> str:
        """Cause, code and details in one line."""
        code = self.code or (f"HTTP {self.http_status}" if self.http_status else "")
        return f"{self.cause}: {code + ': ' if code else ''}{self.details}"[:MAX_DETAILS]


def classify_answer(http_status: int, body: object, headers: Mapping[str, str]) -> VoiceFailure:
    """Tell apart an answer of OpenAI that is not a success. Never raises, however odd the answer.

    ``body``: the parsed JSON, or ``None`` where it is not JSON. ``headers``: any case.
    """
    error = body.get("error") if isinstance(body, Mapping) else None
    error = error if isinstance(error, Mapping) else {}
    said = tuple(str(error.get(name)) for name in ("code", "type") if isinstance(error.get(name), str))
    rule = rule_for(http_status, said)
    message = error.get("message")
    details = redact(message)[:MAX_DETAILS] if isinstance(message, str) and message else rule.name
    return VoiceFailure(
        cause=rule.cause,
        name=rule.name,
        details=details,
        remedy=rule.remedy,
        retryable=rule.retryable,
        refused=rule.refused,
        code=redact(said[0])[:64] if said else "",
        http_status=http_status,
        retry_after=_stated_wait(headers) if rule.retryable else None,
    )


def classify_fault(fault: Fault, text: str = "") -> VoiceFailure:
    """Tell apart a call without a readable answer. ``text``: what the transport said."""
    cause, note = Cause.UNREACHABLE, FAULT_NOTES[fault]
    return VoiceFailure(cause, note, fault_details(fault, text), remedy(OPENAI_VOICE, cause), retryable=True)


def not_asked(details: str, remedy: str = "Fix the text; the message goes out as text.") -> VoiceFailure:
    """A text or recording that OpenAI would not take: it is not asked."""
    return VoiceFailure(Cause.BAD_REQUEST, "not asked", details, remedy)


def rule_for(http_status: int, words: tuple[str, ...]) -> VoiceFailureRule:
    """The row that covers an answer; there always is one."""
    for rule in RULES:
        status_fits = not rule.statuses or any(
            http_status == entry if isinstance(entry, int) else http_status in entry
            for entry in rule.statuses
        )
        if status_fits and (not rule.words or any(word in rule.words for word in words)):
            return rule
    return RULES[-1]


def _stated_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds of ``retry-after-ms`` or ``retry-after`` (OpenAI sends numbers, never a date)."""
    lower = {name.lower(): value for name, value in headers.items()}
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(lower[name]) * unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return min(MAX_WAIT, seconds)
    return None
