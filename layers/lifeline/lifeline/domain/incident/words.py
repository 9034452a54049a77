"""An incident in words, for the people who are told when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifeline.contract.instants import exact_duration, format_instant
from lifeline.contract.ways import WAYS


def summary(answer: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and text of the notice that tells people of an incident that is over."""
    messages, people, drain = answer["messages"], answer["people"], answer["drain"]
    delay = answer["delay"]
    lines = [
        f"{answer['scope']} was in panic mode for {exact_duration(answer['duration_seconds'])} "
        f"({answer['cause']}): {answer['reason']}.",
        f"Entered by {answer['opened_by']} at {answer['opened_at']}, ended by "
        f"{answer['closed_by'] or 'nobody yet'} at {answer['left_panic_at'] or '-'}; "
        f"{many(answer['flaps'], 'flap')}, {many(answer['probes']['total'], 'probe')}.",
        f"{many(messages['total'], 'message')}: {by_way(messages)}, "
        f"{messages['parked_then_sent']} parked and then sent, {messages['sent']} sent late, "
        f"{messages['expired']} expired, {messages['rejected']} rejected, {messages['failed']} failed, "
        f"{messages['waiting']} still waiting.",
        f"{fates(people)}.",
    ]
    if answer["delivery_unknown"]["sends"]:
        sends = answer["delivery_unknown"]["sends"]
        lines.append(
            f"Delivery unknown: Meta accepted {many(sends, 'message')} and reported no status for them."
        )
    if delay["count"]:
        lines.append(
            f"Added delay: median {exact_duration(delay['median_seconds'])}, 95th percentile "
            f"{exact_duration(delay['p95_seconds'])}, worst {exact_duration(delay['worst_seconds'])}."
        )
    if drain["seconds"] is not None:
        gone = exact_duration(drain["seconds"])
        lines.append(f"The backlog of {many(drain['parked'], 'message')} drained {gone} after recovery.")
    if answer["post_mortem"]["needed"]:
        lines.append(f"A post-mortem is needed: {'; '.join(answer['post_mortem']['reasons'])}.")
    else:
        lines.append("No post-mortem is needed: no fallback failed.")
    ending = "a post-mortem is needed" if answer["post_mortem"]["needed"] else "over"
    return (
        f"Lifeline: {answer['scope']} incident {answer['incident_id']} ({answer['cause']}): {ending}",
        "\n".join(lines),
    )


def fates(people: Mapping[str, int]) -> str:
    """How many people were reached, wait and were missed; what is none is left out."""
    if not people["affected"]:
        return "Nobody was affected: no message was held back"
    parts = [
        f"{people[name]} {words}"
        for name, words in (
            ("reached", "reached"),
            ("waiting", "still waiting"),
            ("not_reached", "not reached"),
        )
        if people[name]
    ]
    return f"{many(people['affected'], 'person', 'people')}: {', '.join(parts)}"


def by_way(counts: Mapping[str, int]) -> str:
    """``2 by push, 1 by email``: of counts by the way's name."""
    return ", ".join(f"{counts.get(way.name, 0)} by {way.label}" for way in WAYS)


def many(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"


def instant(epoch: float | None) -> str | None:
    return None if epoch is None else format_instant(epoch)
