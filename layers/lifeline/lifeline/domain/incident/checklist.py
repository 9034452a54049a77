"""The runbook's post-incident checklist, per cause, with what a report already knows filled in.

By family of questions, as the cause's row names them (``docs/runbook.md``, section "Post-Incident", and the
section that resolves the cause), in the words of the scope. An item is ``done`` where the report answers it
and nothing is left to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lifeline.contract.scopes import scope_of
from lifeline.domain.failure.causes import Check, traits_of

Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One question: ``known`` says what the report knows of it, ``done`` whether that answers it."""

    text: str
    known: Callable[[Report], str]
    done: Callable[[Report], bool] = lambda report: False
    of_messages: bool = False
    """Asked only of scopes that hold messages back."""


def _always(report: Report) -> bool:
    return True


def _duration(report: Report) -> str:
    detected = report["detection_seconds"]
    detection = "" if detected is None else f"; detected {detected:.1f} s after the first failure"
    return (
        f"{_second(report['opened_at'])} to {_second(report['left_panic_at'])}: "
        f"{report['duration_seconds']:.0f} s, flaps: {report['flaps']}{detection}"
    )


def _second(instant: str | None) -> str:
    return f"{instant[:19]}Z" if instant else "now"


def _fallbacks(report: Report) -> str:
    tried, failed = report["fallback"]["tried"], report["fallback"]["failed"]
    ways = ", ".join(f"{count} by {way}" for way, count in tried.items()) or "none was due"
    return f"tried: {ways}; failed: {failed}; people not reached: {report['people']['not_reached']}"


def _no_fallback_failed(report: Report) -> bool:
    return not report["post_mortem"]["needed"]


def _post_mortem(report: Report) -> str:
    post_mortem = report["post_mortem"]
    return f"needed: {'; '.join(post_mortem['reasons'])}" if post_mortem["needed"] else "not needed"


def _spike(report: Report) -> str:
    spike = report["spike"]
    if not spike:
        return "unknown: the counters cover less than the hour before; see the traffic table"
    if not spike["is_spike"]:
        return (
            f"no rise: {spike['recent_per_minute']} messages a minute, {spike['baseline_per_minute']} before"
        )
    return (
        f"{spike['recent_per_minute']} messages a minute after {spike['baseline_per_minute']}; most of it "
        f"category {spike['category']}, template {spike['template']} (+{spike['rise_per_minute']} a minute)"
    )


def _campaigns(report: Report) -> str:
    campaigns = report["messages"]["by_campaign"]
    named = ", ".join(f"{name} ({count})" for name, count in campaigns.items())
    return f"campaigns affected: {named or 'none'}; by priority: {_pairs(report['messages']['by_priority'])}"


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
    probes = report["probes"]
    last = f"; last finding: {probes['last_finding']}" if probes["last_finding"] else ""
    return f"{probes['total']} probes, {probes['failed']} failed{last}"


def _thresholds(report: Report) -> str:
    detected = report["detection_seconds"]
    seen = "no failure was seen before panic" if detected is None else f"detected in {detected:.1f} s"
    return f"{seen}; flaps: {report['flaps']}; {_failures(report)}"


def _drain(report: Report) -> str:
    drain = report["drain"]
    if drain["waiting"]:
        return f"{drain['waiting']} of {drain['parked']} parked messages still wait"
    took = "-" if drain["seconds"] is None else f"{drain['seconds']:.0f} s"
    return (
        f"{drain['parked']} parked, the last one sent {took} after recovery; no panic since the last recovery"
    )


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
_FAMILIES: Final[Mapping[Check, tuple[Item, ...]]] = {
    Check.STATUS: (
        Item("Compare with {service}'s status page ({status_page})", _probes),
        Item(
            "Check that the backlog drained without re-entering panic",
            _drain,
            lambda r: not r["drain"]["waiting"],
            of_messages=True,
        ),
    ),
    Check.RATE: (
        Item("Review what caused the traffic spike", _spike, lambda r: bool(r["spike"]), of_messages=True),
        Item("Spread or batch high-volume sends", _campaigns, of_messages=True),
        Item("Update rate limit thresholds if needed", _thresholds),
    ),
    Check.CREDENTIAL: (
        Item("Review the {credential} refresh process", _refreshes),
        Item("Consider renewing the {credential} ahead of time", _ended),
        Item("Update the monitoring of the {credential}'s expiry", _failures),
    ),
    Check.TEMPLATE: (
        Item("Review the rejection reason in Meta Business Manager", _template),
        Item("Submit a corrected template, or map a replacement", _ended),
    ),
    Check.ACCOUNT: (
        Item("Follow up with {support}", _evidence),
        Item("Notify Marketing if promotional messages are affected", _campaigns, of_messages=True),
    ),
    Check.PEOPLE: (
        Item("Review why panic was entered", _evidence),
        Item("Review who ended it, and why", _ended),
    ),
}


def checklist(report: Report) -> list[dict[str, Any]]:
    """The questions for the report's scope and cause, each with what is known and whether that settles it."""
    scope = scope_of(report["scope"])
    items = (*_COMMON, *(item for family in traits_of(report["cause"]).checks for item in _FAMILIES[family]))
    return [
        {"text": scope.fill(item.text), "known": item.known(report), "done": item.done(report)}
        for item in items
        if scope.holds_messages or not item.of_messages
    ]
