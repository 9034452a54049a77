"""The runbook's post-incident checklist, per cause, with what a report already knows filled in.

One table: the cause's family and its questions (``docs/runbook.md``, section "Post-Incident", and the section
that resolves the cause). An item is ``done`` where the report answers it and nothing is left to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lifeline.domain.failure.causes import Cause

Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One question: ``known`` says what the report knows of it, ``done`` whether that answers it."""

    text: str
    known: Callable[[Report], str]
    done: Callable[[Report], bool] = lambda report: False


def _always(report: Report) -> bool:
    return True


def _duration(report: Report) -> str:
    detected = report["detection_seconds"]
    found = "" if detected is None else f"; found {detected:.1f} s after the first failure"
    return (
        f"{_second(report['opened_at'])} to {_second(report['left_panic_at'])}: "
        f"{report['duration_seconds']:.0f} s, flaps: {report['flaps']}{found}"
    )


def _second(instant: str | None) -> str:
    return f"{instant[:19]}Z" if instant else "now"


def _fallbacks(report: Report) -> str:
    tried, failed = report["fallback"]["tried"], report["fallback"]["failed"]
    ways = ", ".join(f"{count} by {way}" for way, count in tried.items()) or "none was due"
    return f"tried: {ways}; failed: {failed}; people not reached at all: {report['people']['not_reached']}"


def _no_fallback_failed(report: Report) -> bool:
    return not report["post_mortem"]["needed"]


def _post_mortem(report: Report) -> str:
    found = report["post_mortem"]
    return f"needed: {'; '.join(found['reasons'])}" if found["needed"] else "not needed"


def _spike(report: Report) -> str:
    found = report["spike"]
    if not found:
        return "not known: the counters hold less than the hour before; see the traffic table"
    if not found["is_spike"]:
        return (
            f"no rise: {found['recent_per_minute']} messages a minute, {found['baseline_per_minute']} before"
        )
    return (
        f"{found['recent_per_minute']} messages a minute after {found['baseline_per_minute']}; most of it "
        f"category {found['category']}, template {found['template']} (+{found['rise_per_minute']} a minute)"
    )


def _campaigns(report: Report) -> str:
    found = report["messages"]["by_campaign"]
    named = ", ".join(f"{name} ({count})" for name, count in found.items())
    return f"campaigns touched: {named or 'none'}; by priority: {_pairs(report['messages']['by_priority'])}"


def _failures(report: Report) -> str:
    rows = [f"{row['cause']} {row['code'] or '-'}: {row['count']}" for row in report["failures"]]
    return f"failures by cause and code: {', '.join(rows) or 'none counted'}"


def _evidence(report: Report) -> str:
    evidence = report["opened"]["evidence"]
    return f"{report['reason'] or report['cause']} ({_pairs(evidence) or 'no further evidence'})"


def _ended(report: Report) -> str:
    closed = report["closed"]
    return (
        "not over yet" if closed is None else f"by {closed['actor'] or closed['source']}: {closed['reason']}"
    )


def _probes(report: Report) -> str:
    found = report["probes"]
    last = f"; last finding: {found['last_finding']}" if found["last_finding"] else ""
    return f"{found['total']} probes, {found['failed']} failed{last}"


def _thresholds(report: Report) -> str:
    detected = report["detection_seconds"]
    seen = "no failure was seen before panic" if detected is None else f"detected in {detected:.1f} s"
    return f"{seen}; flaps: {report['flaps']}; {_failures(report)}"


def _drain(report: Report) -> str:
    found = report["drain"]
    if found["waiting"]:
        return f"{found['waiting']} of {found['parked']} parked messages still wait"
    took = "-" if found["seconds"] is None else f"{found['seconds']:.0f} s"
    return f"{found['parked']} parked, the last gone {took} after recovery; no trip after the last recovery"


def _template(report: Report) -> str:
    name = str(report["scope"]).rpartition("/")[2]
    return f"template {name}: {_evidence(report)}"


def _refreshes(report: Report) -> str:
    noted = [event["reason"] for event in report["timeline"]["events"] if event["kind"] == "noted"]
    return f"{_evidence(report)}; during it: {'; '.join(noted) or 'no refresh is in the history'}"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value not in (None, "", {}, []))


_COMMON: Final = (
    Item("Document the outage's duration", _duration, _always),
    Item("Review whether the fallbacks worked", _fallbacks, _no_fallback_failed),
    Item("Write a post-mortem if a fallback failed", _post_mortem, _no_fallback_failed),
)
_META: Final = (
    Item("Compare with Meta's status page (metastatus.com)", _probes),
    Item("See that the backlog left without a new trip", _drain, lambda r: not r["drain"]["waiting"]),
)
_RATE: Final = (
    Item("Review what caused the traffic spike", _spike, lambda r: bool(r["spike"])),
    Item("Spread or batch high-volume sends", _campaigns),
    Item("Update rate limit thresholds if needed", _thresholds),
)
_TOKEN: Final = (
    Item("Review the token refresh process", _refreshes),
    Item("Consider renewing the token ahead of time", _ended),
    Item("Update the monitoring of the token's expiry", _failures),
)
_TEMPLATE: Final = (
    Item("Review the reason of the rejection in Meta Business Manager", _template),
    Item("Submit a corrected template, or map a replacement", _ended),
)
_ACCOUNT: Final = (
    Item("Follow it up with Meta Business Support", _evidence),
    Item("Tell Marketing if promotional messages are affected", _campaigns),
)
_PEOPLE: Final = (
    Item("Review the reason for which panic was entered", _evidence),
    Item("Review who ended it, and on what", _ended),
)

ITEMS: Final[Mapping[str, tuple[Item, ...]]] = {
    Cause.UNREACHABLE: _META,
    Cause.SILENT: _META,
    Cause.RATE_LIMIT: _RATE,
    Cause.SPAM_LIMIT: (*_ACCOUNT, *_RATE),
    Cause.AUTH: _TOKEN,
    Cause.ACCOUNT: _ACCOUNT,
    Cause.TEMPLATE_REJECTED: _TEMPLATE,
    Cause.OPERATOR: _PEOPLE,
    Cause.ALARM: (*_PEOPLE, *_META),
}
"""What is asked besides the questions that every incident has."""


def checklist(report: Report) -> list[dict[str, Any]]:
    """The questions for the report's cause, each with what is known and whether that settles it."""
    items = (*_COMMON, *ITEMS.get(report["cause"], _PEOPLE))
    return [{"text": item.text, "known": item.known(report), "done": item.done(report)} for item in items]
