"""Meta's usage headers: how much of each quota is used, and when a limit ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lifeline.domain.failure.reading import read_header, read_json, read_share, read_text
from lifeline.domain.redact import redact

MAX_RETRY_AFTER: Final = 7 * 86_400.0
"""Seconds. A stated wait is cut to this; the longest throttling on record lasted days."""


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota of the usage headers. Shares in percent (0 to 100 and above) of a rolling hour."""

    type: str
    """``app`` for X-App-Usage, else Meta's type, as ``whatsapp`` or ``whatsapp_business_management``."""
    call_count: float
    total_time: float
    total_cputime: float
    regain_seconds: float
    """Seconds until access is regained; 0 while not throttled."""

    @property
    def percent(self) -> float:
        """The fullest of the three shares."""
        return max(self.call_count, self.total_time, self.total_cputime)


@dataclass(frozen=True, slots=True)
class Usage:
    """What the usage headers of one answer say (Meta, "Rate limits", Graph API)."""

    quotas: tuple[Quota, ...]

    @property
    def percent(self) -> float:
        """The fullest share of all quotas; at 100 Meta may begin to throttle."""
        return max((quota.percent for quota in self.quotas), default=0.0)

    @property
    def regain_seconds(self) -> float:
        """The longest stated wait, in seconds; 0 while not throttled."""
        return max((quota.regain_seconds for quota in self.quotas), default=0.0)


def usage_headers(headers: Mapping[str, str]) -> Usage | None:
    """Read X-Business-Use-Case-Usage and X-App-Usage; ``None`` where neither can be read."""
    quotas: list[Quota] = []
    business = read_json(read_header(headers, "x-business-use-case-usage"))
    if isinstance(business, Mapping):
        for entries in business.values():
            for entry in entries if isinstance(entries, list) else [entries]:
                if isinstance(entry, Mapping):
                    quotas.append(_quota(read_text(entry.get("type")) or "unknown", entry))
    app = read_json(read_header(headers, "x-app-usage"))
    if isinstance(app, Mapping) and app:
        quotas.append(_quota("app", app))
    return Usage(tuple(quotas)) if quotas else None


def _quota(kind: str, entry: Mapping[str, object]) -> Quota:
    return Quota(
        type=redact(kind)[:64],
        call_count=read_share(entry.get("call_count")),
        total_time=read_share(entry.get("total_time")),
        total_cputime=read_share(entry.get("total_cputime")),
        # Meta states minutes.
        regain_seconds=min(60.0 * read_share(entry.get("estimated_time_to_regain_access")), MAX_RETRY_AFTER),
    )
