"""An incident's report as parts that people read: the same for terminal, Markdown and page.

A report that was kept long ago may lack a way that came since: it has reached nobody then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lifeline.contract.actors import short as actor
from lifeline.contract.instants import exact_duration
from lifeline.contract.ways import WAYS, WAYS_BY_NAME, joined

from lifeline_cli import render
from lifeline_cli.incident_evidence import in_words

Report = Mapping[str, Any]

OUTCOMES: Final[Mapping[str, str]] = {
    **{way.name: f"reached by {way.label}" for way in WAYS},
    "parked_then_sent": "parked, then sent by WhatsApp",
    "sent": "sent by WhatsApp after a failure",
    "waiting": "still waiting",
    "expired": "expired before delivery",
    "cancelled": "cancelled before delivery",
    "suppressed": "suppressed: the recipient opted out",
    "rejected": "rejected: needs an operator",
    "failed": "failed: not delivered",
}
FATES: Final[Mapping[str, str]] = {
    "reached": "reached",
    "waiting": "still waiting",
    "not_reached": "not reached",
}
DOUBTS: Final[Mapping[str, str]] = {
    "by_webhook": "settled by Meta's webhook",
    "sent_again": "sent again after the grace time",
    "by_fallback": "settled by a fallback",
    "expired": "given up: expired, or the recipient opted out",
    "open": "still open",
}
REQUESTS: Final[Mapping[str, str]] = {
    "dynamodb_writes": "DynamoDB write units",
    "sqs_requests": "SQS requests",
    **{way.request: way.request_label for way in WAYS},
    "sns_notices": "SNS notices to operators",
    "lambda_requests": "Lambda invocations",
}


_SERVICES: Final = tuple(way.service for way in WAYS)


@dataclass(frozen=True)
class Part:
    """One part: a table with its title. ``right`` names the columns that hold numbers."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    right: tuple[str, ...] = ()
    note: str = ""
    """A sentence below."""


def headline(report: Report) -> str:
    """The incident in one sentence."""
    verb = "has been" if report["state"] == "panic" else "was"
    after = ", and is recovering" if report["state"] == "recovering" else ""
    lasted = exact_duration(report["duration_seconds"])
    return f"{report['scope']} {verb} in panic mode for {lasted} ({cause(report)}){after}"


def figures(report: Report) -> list[tuple[str, str]]:
    """The few figures that come first: what, how much."""
    messages, people, delay = report["messages"], report["people"], report["delay"]
    fallen = sum(messages.get(way.name, 0) for way in WAYS)
    return [
        ("time to detect", exact_duration(report["detection_seconds"])),
        ("duration", exact_duration(report["duration_seconds"])),
        ("messages affected", count(messages["total"])),
        (f"by {joined([way.label for way in WAYS], 'or')}", count(fallen)),
        ("people not reached", count(people["not_reached"])),
        ("median added delay", exact_duration(delay["median_seconds"])),
    ]


def verdict(report: Report) -> str:
    """Whether a post-mortem is asked for, and why."""
    post_mortem = report["post_mortem"]
    if post_mortem["needed"]:
        return f"A post-mortem is needed: {'; '.join(post_mortem['reasons'])}."
    if report["messages"]["waiting"]:
        return f"{count(report['messages']['waiting'])} messages still wait; no fallback has failed so far."
    return "No post-mortem is needed: no fallback failed and everybody was reached."


def parts(report: Report) -> list[Part]:
    """Everything, in the order of the runbook's questions; what there is nothing to say of is left out."""
    chapters = [_course(report), _messages(report), _delay(report)]
    if report["fallback"]["tried"]:
        chapters.append(_fallback(report))
    if report["messages"]["in_doubt"]["total"]:
        chapters.append(_doubts(report))
    if report["drain"]["parked"]:
        chapters.append(_drain(report))
    if report["traffic"]["rows"]:
        chapters.append(_traffic(report))
    if report["failures"]:
        chapters.append(_failures(report))
    return [*chapters, _cost(report), _events(report)]


def checklist(report: Report) -> list[tuple[bool, str, str]]:
    """Done, question, what is known."""
    return [(item["done"], item["text"], item["known"]) for item in report["checklist"]]


def warnings(report: Report) -> list[str]:
    """What the reader should know of the report itself."""
    notes = []
    if not report["complete"]:
        notes.append("not all messages could be read in time: the counts are too low")
    if report.get("kept"):
        notes.append(f"this is the report as saved at {render.moment(report['at'])}")
    return notes


def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


def cause(report: Report) -> str:
    """The cause, in words."""
    return str(report["cause"]).replace("_", " ") or "no cause stated"


def _course(report: Report) -> Part:
    opened, closed, probes = report["opened"], report["closed"], report["probes"]
    rows = [
        ("scope", str(report["scope"])),
        ("state", str(report["state"])),
        ("cause", _causes(report)),
        ("reason", report["reason"] or "-"),
        ("evidence", in_words(opened["evidence"])),
        ("first failure", render.moment(report["first_failure_at"])),
        ("panic entered", f"{render.moment(opened['at'])} by {actor(opened['actor'] or opened['source'])}"),
        ("time to detect", exact_duration(report["detection_seconds"])),
    ]
    if closed:
        who = actor(closed["actor"] or closed["source"])
        rows.append(("panic left", f"{render.moment(closed['at'])} by {who}: {closed['reason']}"))
    else:
        rows.append(("panic left", "not yet"))
    in_panic = exact_duration(report["panic_seconds"])
    flaps = f", {in_panic} of it in panic" if report["flaps"] else ""
    rows += [
        ("duration", f"{exact_duration(report['duration_seconds'])}{flaps}"),
        ("flaps", f"{report['flaps']}"),
        ("probes", f"{probes['total']}: {probes['succeeded']} succeeded, {probes['failed']} failed"),
    ]
    if probes["last_finding"]:
        rows.append(("last failed probe", probes["last_finding"]))
    return Part("What happened", ("what", "found"), rows)


def _causes(report: Report) -> str:
    """The causes one after the other; a return for the same one is no new one."""
    names = [str(item["cause"]).replace("_", " ") for item in report["causes"]]
    return ", then ".join(name for index, name in enumerate(names) if not index or name != names[index - 1])


def _messages(report: Report) -> Part:
    messages, people = report["messages"], report["people"]
    total = messages["total"]
    rows = [
        (words, count(messages.get(name, 0)), _share(messages.get(name, 0), total))
        for name, words in OUTCOMES.items()
        if messages.get(name) or name in (*WAYS_BY_NAME, "parked_then_sent", "failed")
    ]
    note = _people(people)
    unknown = report.get("delivery_unknown") or {"sends": 0}
    if unknown["sends"]:
        note += (
            f" Delivery unknown: Meta accepted {count(unknown['sends'])} messages from "
            f"{render.moment(unknown['since'])} on and reported no status for them."
        )
    if messages["possible_duplicates"]:
        note += (
            f" Duplicates: {count(messages['possible_duplicates'])} possible,"
            f" {count(messages['duplicates'])} proven."
        )
    if messages["told_by_both"]:
        both = count(messages["told_by_both"])
        note += f" Delivered by WhatsApp and, because no device had it in time, by a fallback: {both}."
    return Part(
        "Messages by outcome",
        ("outcome", "messages", "share"),
        [*rows, ("all", count(total), "")],
        ("messages", "share"),
        note,
    )


def _people(people: Mapping[str, int]) -> str:
    """How many people were reached, wait, were missed; a zero is left out."""
    if not people["affected"]:
        return "Nobody was affected: no message was held back."
    parts = [f"{count(people[name])} {words}" for name, words in FATES.items() if people[name]]
    noun = "person" if people["affected"] == 1 else "people"
    return f"{count(people['affected'])} {noun}: {', '.join(parts)}."


def _delay(report: Report) -> Part:
    delay = report["delay"]
    rows = [
        (
            name,
            count(part["count"]),
            *(exact_duration(part[f"{which}_seconds"]) for which in ("median", "p95", "worst")),
        )
        for name, part in [*delay["by_way"].items(), ("all", delay)]
    ]
    return Part(
        "Added delay",
        ("way", "messages", "median", "95th percentile", "worst"),
        rows,
        ("messages", "median", "95th percentile", "worst"),
        f"From the time a message could leave to the time {joined(['Meta', *_SERVICES], 'or')} accepted it.",
    )


def _fallback(report: Report) -> Part:
    fallback = report["fallback"]
    rows = []
    for way, tried in fallback["tried"].items():
        failures = [item for item in fallback["failures"] if item["way"] == way]
        failed = sum(item["count"] for item in failures)
        codes = ", ".join(f"{item['code']} ({item['count']})" for item in failures) or "-"
        rows.append((way, count(tried), count(failed), codes))
    return Part("Did the fallbacks work?", ("way", "tried", "failed", "why"), rows, ("tried", "failed"))


def _doubts(report: Report) -> Part:
    doubts = report["messages"]["in_doubt"]
    rows = [(words, count(doubts[name])) for name, words in DOUBTS.items() if doubts[name]]
    return Part(
        "In doubt",
        ("how it ended", "messages"),
        rows,
        ("messages",),
        "Sends whose response was lost: Meta may have accepted them.",
    )


def _drain(report: Report) -> Part:
    drain = report["drain"]
    rows = [
        ("parked", f"{count(drain['parked'])} messages"),
        ("still waiting", f"{count(drain['waiting'])} messages"),
        ("last one sent", render.moment(drain["done_at"])),
        ("drain time after recovery", exact_duration(drain["seconds"])),
    ]
    return Part("Backlog", ("what", "found"), rows)


def _traffic(report: Report) -> Part:
    traffic, spike = report["traffic"], report["spike"]
    rows = [
        (
            row["category"],
            row["template"],
            "-" if row["before_per_minute"] is None else f"{row['before_per_minute']:g}",
            f"{row['during_per_minute']:g}",
            count(row["during"]),
        )
        for row in traffic["rows"]
    ]
    before = exact_duration(traffic["before_seconds"])
    note = f"Before: from {before} of counters. During: messages affected by the incident."
    if spike and spike["is_spike"]:
        note += (
            f" Traffic rose {spike['ratio']:g}-fold in the ten minutes before, mostly in category "
            f"{spike['category']}, template {spike['template']}."
        )
    return Part(
        "Traffic",
        ("category", "template", "before, per min", "during, per min", "during, messages"),
        rows,
        ("before, per min", "during, per min", "during, messages"),
        note,
    )


def _failures(report: Report) -> Part:
    rows = [
        (str(row["cause"]).replace("_", " "), row["code"] or "-", count(row["count"]))
        for row in report["failures"]
    ]
    return Part(
        "Send failures",
        ("cause", "Meta's code", "failures"),
        rows,
        ("failures",),
        "Per whole minute, from the first failure to the end of panic.",
    )


def _cost(report: Report) -> Part:
    cost, probes = report["cost"], report["cost"]["meta_probes"]
    rows = [(words, count(cost["requests"].get(name, 0))) for name, words in REQUESTS.items()]
    return Part(
        "What it cost",
        ("AWS requests, at most", "number"),
        rows,
        ("number",),
        f"About ${cost['usd']:.4f} at list prices of us-east-1; batches cost less. "
        f"{count(probes)} {'probe was' if probes == 1 else 'probes were'} sent to Meta.",
    )


def _events(report: Report) -> Part:
    rows = [
        (
            render.brief(event["at"], report["opened_at"]),
            event["kind"].replace("_", " "),
            actor(event["actor"]),
            event["reason"] or "-",
        )
        for event in report["timeline"]["events"]
    ]
    return Part("Sequence of events", ("when (UTC)", "what", "by", "why"), rows)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"
