"""Failures told apart by their remedy: Meta's answers, errors in webhooks, faults of the connection.

The table is :mod:`lifeline.domain.failure.rules`. The HTTP status counts only where no code can be
read, and ``type`` says nothing (``OAuthException`` also comes with rate limits and outages).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.failure.causes import WINDOW_CAUSES, Cause, Fault, Reach, Trip, remedy, rule_for
from lifeline.domain.failure.reading import read_header, read_text, read_whole
from lifeline.domain.failure.usage import MAX_RETRY_AFTER, usage_headers
from lifeline.domain.redact import redact

_NOT_LEFT: Final = frozenset({Fault.REFUSED, Fault.DNS, Fault.TLS, Fault.CONNECT_TIMEOUT})

FAULT_NOTES: Final[Mapping[Fault, str]] = {
    Fault.REFUSED: "connection refused",
    Fault.DNS: "host name not resolved",
    Fault.TLS: "TLS handshake failed",
    Fault.CONNECT_TIMEOUT: "connection timed out",
    Fault.READ_TIMEOUT: "response timed out",
    Fault.BROKEN: "connection broken",
    Fault.NOT_JSON: "unreadable response to a success",
}

MAX_DETAILS: Final = 300
"""Characters kept of Meta's text."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed send (or other call), told apart.

    ``retry_after``: seconds, as Meta states them. ``may_have_left``: the request may have been carried out.
    ``known``: the code stands in the table. ``details`` is safe to log: no token, no whole phone number.
    """

    cause: Cause
    reach: Reach
    code: int | None
    subcode: int | None
    details: str
    http_status: int | None
    may_have_left: bool
    retry_after: float | None
    fbtrace_id: str | None
    known: bool
    note: str
    """Which row, or which fault, in a few words."""
    passing: bool = False
    """The row of the table says that another try is worthwhile."""

    @property
    def words(self) -> str:
        """Cause, code and details in one line."""
        code = f"code {self.code}: " if self.code is not None else ""
        return f"{self.cause}: {code}{self.details}"[:300]

    @property
    def remedy(self) -> str:
        """What an operator does about it: what the table says of the code, then of the cause."""
        known = rule_for(self.code, self.subcode, self.details)
        whole = remedy(WHATSAPP, self.cause)
        return f"{known[1].remedy} {whole}" if known and known[1].remedy not in whole else whole

    @property
    def trips_at_once(self) -> bool:
        """Whether the first such failure puts the channel into panic."""
        return self.cause.traits.trips is Trip.AT_ONCE

    @property
    def counts_for_window(self) -> bool:
        """Whether it counts as a failure of the channel. All others show that Meta answers."""
        return self.cause in WINDOW_CAUSES

    @property
    def is_passing(self) -> bool:
        """Whether the same message is worth another try outside panic.

        True for outages and limits, and where the table says so; never while the request may have been
        carried out, because Meta has no idempotency key.
        """
        if self.may_have_left:
            return False
        return self.passing or self.cause.traits.retried


def classify_answer(http_status: int, body: object, headers: Mapping[str, str]) -> Failure:
    """Tell apart an answer of Meta that is not a success. Never raises, however odd the answer.

    ``body``: the parsed JSON, or ``None`` where the answer is not JSON. ``headers``: any case.
    A readable error means that Meta refused the request, whatever the HTTP status: nothing was sent. Without
    one, 502 and 504 are a gateway that may have lost Meta's answer, and a 2xx is a success that cannot be
    read: both may mean that it is on its way. Any other status comes from what did not pass it on.
    """
    error = _error_of(body)
    code, subcode, details = _read(error)
    if code is not None and code == http_status:
        code = None  # A gateway that repeats its HTTP status as a code; Meta's codes are not HTTP statuses.
    fbtrace = read_text(error.get("fbtrace_id")) or read_text(read_header(headers, "x-fb-trace-id"))
    lost = False
    if code is None:
        cause, note = _by_http_status(http_status, body)
        known = cause is not Cause.BAD_REQUEST
        passing = False
        lost = 200 <= http_status < 300 or (http_status in (502, 504) and not error)
    else:
        cause, note, known, passing, details = _by_code(code, subcode, details)
    return Failure(
        cause=cause,
        reach=cause.traits.reach,
        code=code,
        subcode=subcode,
        details=details or note,
        http_status=http_status,
        may_have_left=lost,
        retry_after=_retry_after(headers, cause),
        fbtrace_id=redact(fbtrace)[:64] if fbtrace else None,
        known=known,
        note=note,
        passing=passing,
    )


def classify_status_error(error: Mapping[str, object]) -> Failure:
    """Tell apart one entry of a webhook's ``errors[]``, or of a health status. Never raises.

    Old payloads carry only ``code`` and ``title`` or a flat ``details``; a health status says ``error_code``.
    Meta has reported the message as failed, so nothing is in doubt.
    """
    code, subcode, details = _read(error if isinstance(error, Mapping) else {})
    if code == 0 and not details:
        code = None  # Meta's 0 stands for a token that ended; with no word of that it says nothing.
    cause, note, known, passing, details = _by_code(code, subcode, details)
    return Failure(
        cause=cause,
        reach=cause.traits.reach,
        code=code,
        subcode=subcode,
        details=details or note,
        http_status=None,
        may_have_left=False,
        retry_after=None,
        fbtrace_id=None,
        known=known,
        note=note,
        passing=passing,
    )


def classify_fault(fault: Fault, text: str) -> Failure:
    """Tell apart a call without a readable answer. ``text``: what the transport said."""
    note = FAULT_NOTES[fault]
    return Failure(
        cause=Cause.UNREACHABLE,
        reach=Cause.UNREACHABLE.traits.reach,
        code=None,
        subcode=None,
        details=fault_details(fault, text),
        http_status=None,
        may_have_left=fault not in _NOT_LEFT,
        retry_after=None,
        fbtrace_id=None,
        known=True,
        note=note,
    )


def fault_details(fault: Fault, text: str) -> str:
    """The fault in words, with what the transport said where that says more; safe to log."""
    note = FAULT_NOTES[fault]
    return redact(f"{note}: {text}" if text and text.lower() != note else note)[:MAX_DETAILS]


def _by_code(code: int | None, subcode: int | None, details: str) -> tuple[Cause, str, bool, bool, str]:
    """Cause, note, whether the code is known, whether it passes, and the details for people."""
    row = rule_for(code, subcode, details)
    if row is None:
        note = "no error code" if code is None else f"code {code} is not in the table"
        return Cause.BAD_REQUEST, note, False, False, details
    cause, rule = row
    if rule.explains:
        details = f"{details} ({rule.remedy})"
    return cause, rule.name, True, rule.passing, details


def _by_http_status(status: int, body: object) -> tuple[Cause, str]:
    if status == 429:
        return Cause.RATE_LIMIT, "HTTP 429 without an error code"
    if status in (401, 403):
        return Cause.AUTH, f"HTTP {status} without an error code"
    if status in (413, 414, 431):
        return Cause.BAD_REQUEST, f"HTTP {status}: the request is too large"
    if 400 <= status < 500 and status != 408 and isinstance(body, Mapping | list):
        return Cause.BAD_REQUEST, f"HTTP {status} without an error code"
    if body is None and status < 500:
        return Cause.UNREACHABLE, f"HTTP {status}, and the response is not JSON"
    return Cause.UNREACHABLE, f"HTTP {status} without an error code"


def _error_of(body: object) -> Mapping[str, object]:
    """The error object in a body: under ``error``, first of ``errors``, or the body itself."""
    if isinstance(body, list):
        body = body[0] if body else None
    if not isinstance(body, Mapping):
        return {}
    for candidate in (body.get("error"), body.get("errors")):
        if isinstance(candidate, list):
            candidate = candidate[0] if candidate else None
        if isinstance(candidate, Mapping):
            return candidate
        if isinstance(candidate, str) and candidate:
            return {"message": candidate}
    return body if "code" in body or "error_code" in body else {}


def _read(error: Mapping[str, object]) -> tuple[int | None, int | None, str]:
    """Code, subcode and details of an error object; details without anything private."""
    texts = _details(error)
    code = read_whole(error.get("code", error.get("error_code")))
    if code is None:
        # Meta's messages begin with "(#code)".
        stated = re.match(r"\s*\(#(\d{1,9})\)", str(error.get("message") or ""))
        code = int(stated[1]) if stated else None
    subcode = read_whole(error.get("error_subcode", error.get("subcode")))
    return code, subcode, redact(texts)[:MAX_DETAILS]


def _details(error: Mapping[str, object]) -> str:
    data = error.get("error_data")
    candidates: Iterable[object] = (
        data.get("details") if isinstance(data, Mapping) else data,
        error.get("details"),
        error.get("error_description"),
        error.get("message"),
        error.get("title"),
        error.get("error_user_msg"),
    )
    # Long enough for any text of Meta, short enough that masking it costs nothing.
    return next(
        (" ".join(text[:4000].split()) for text in map(read_text, candidates) if text and text.strip()), ""
    )


def _retry_after(headers: Mapping[str, str], cause: Cause) -> float | None:
    """Seconds to wait: Retry-After (RFC 9110: seconds or a date), else Meta's time to regain access.

    The second says when a limit ends, so it counts for limits only.
    """
    raw = read_header(headers, "retry-after")
    seconds = _stated_wait(raw, read_header(headers, "date")) if raw else None
    if seconds is None and cause.traits.trips is Trip.LIMIT:
        usage = usage_headers(headers)
        seconds = usage.regain_seconds if usage else None
    return min(seconds, MAX_RETRY_AFTER) if seconds and seconds > 0 else None


def _stated_wait(raw: str, date: str | None) -> float | None:
    try:
        seconds = float(raw)
        return seconds if math.isfinite(seconds) else None
    except ValueError:
        pass
    until, sent = _moment(raw), _moment(date)
    return (until - sent).total_seconds() if until and sent else None


def _moment(text: str | None) -> datetime | None:
    """An HTTP date. The answer's own Date header stands for now, so that no clock is needed."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else None
