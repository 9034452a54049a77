"""How the demo is told: chapters with their reason, a picture of the flow, and a summary for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

WIDTH: Final = 80
"""Columns that the story needs."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the story: what happens, and why Lifeline does it so."""

    title: str
    why: str


DELIVERING: Final = Chapter(
    "Messages are delivered",
    "A producer puts five messages a second on the queues. The sender writes a row for each in the ledger, "
    "then sends it through the WhatsApp API (a simulator of Meta on this machine).",
)
FAILING: Final = Chapter(
    "Meta becomes unreachable",
    "The simulator closed its port. Sends that it refuses are tried again, and count: enough of them in a "
    "row, and the channel enters panic mode.",
)
PANIC: Final = Chapter(
    "Panic mode: the circuit is open",
    "Nothing is sent to Meta. People are reached by push, or by email if the message is critical; what can "
    "wait is parked. Every 15 seconds a probe asks Meta.",
)
PROBING: Final = Chapter(
    "Meta answers again",
    "Three successful probes in a row end panic mode, so that one lucky answer does not.",
)
RECOVERING: Final = Chapter(
    "The backlog drains",
    "New messages flow again. Parked ones leave at a set rate, critical ones first, starting at half of it: "
    "a burst could break WhatsApp again.",
)
DONE: Final = Chapter("Done", "Every message has ended in one status. Now the counts are compared.")

LEGEND: Final[Mapping[str, str]] = {
    "CLAIMED": "a worker has it",
    "SENT": "Meta accepted it",
    "DELIVERED": "Meta reported its delivery",
    "PUSHED": "delivered via push instead",
    "EMAILED": "delivered via email instead",
    "PARKED": "waits for WhatsApp's recovery",
    "IN_DOUBT": "the answer was lost: Meta's report decides",
}
"""Statuses that the story shows, in order."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is seen at one moment. Times in seconds."""

    chapter: Chapter
    elapsed: float
    state: str
    successes: int
    queued: int
    messages: int
    accepted: int
    """Sends that the simulator of Meta accepted."""
    statuses: Mapping[str, int]


def clock(seconds: float) -> str:
    """``2:05``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _colour(state: str) -> str:
    return {"panic": "bold red", "recovering": "yellow"}.get(state, "green")


def picture(moment: Moment) -> Text:
    """The flow, with what each part holds now."""
    told = moment.statuses.get("PUSHED", 0) + moment.statuses.get("EMAILED", 0)
    colour = _colour(moment.state)
    line = "──✕──" if moment.state == "panic" else "─────"
    rows = [
        f"producer ──> queues ──> sender [{colour}]{line}>[/] WhatsApp ({moment.accepted} accepted)",
        f"{moment.queued:>4} of {moment.messages}".ljust(26) + f"├──────> push, email ({told} people)",
        " " * 26 + f"└──────> parked ({moment.statuses.get('PARKED', 0)}) "
        f"[{colour}]{line}>[/] WhatsApp, slowly",
    ]
    return Text.from_markup("\n".join(rows))


def view(moment: Moment) -> RenderableType:
    """The live view: at most :data:`WIDTH` columns and 24 rows."""
    colour = _colour(moment.state)
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(min_width=12)
    table.add_column(justify="right", min_width=5)
    table.add_column(style="dim")
    table.add_row(
        "WhatsApp", "", f"[{colour}]{moment.state}[/] (probe successes in a row: {moment.successes})"
    )
    for status, meaning in LEGEND.items():
        table.add_row(status, str(moment.statuses.get(status, 0)), meaning)
    return Panel(
        Group(Text(moment.chapter.why), Text(), picture(moment), Text(), table),
        title=f"[bold]{clock(moment.elapsed)}  {moment.chapter.title}[/]",
        title_align="left",
        width=WIDTH,
    )


def progress(moment: Moment) -> str:
    """One line where nothing live can be shown."""
    shown = ", ".join(f"{status} {count}" for status, count in sorted(moment.statuses.items()) if count)
    at = clock(moment.elapsed)
    return f"  {at}  WhatsApp {moment.state}; queued {moment.queued}; {shown or 'no rows yet'}"


def summary_lines(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What became of the messages, and how long each step took, for people.

    Args:
        summary: What ``out/demo/summary.json`` has.
    """
    counts: Mapping[str, int] = summary["by_status"]
    over = sum(counts.get(status, 0) for status in ("SENT", "HELD", "DELIVERED", "READ"))

    def seconds(name: str) -> str:
        return "never" if summary[name] is None else f"{summary[name]:.1f} s"

    return [
        ("Messages accepted", f"{summary['accepted']}"),
        ("delivered over WhatsApp", f"{over}, at most {summary['parked_peak']} parked meanwhile"),
        ("delivered via push", f"{counts.get('PUSHED', 0)}"),
        ("delivered via email", f"{counts.get('EMAILED', 0)}"),
        ("lost", f"{summary['unaccounted']}"),
        ("sent twice", f"{summary['duplicate_sends']}"),
        ("First failure to panic mode", seconds("seconds_to_panic")),
        ("Meta's return to recovery", f"{seconds('seconds_to_recovery')} (three probes, 15 s apart)"),
        (
            "Backlog's rate",
            f"{summary['drain_rate_measured']:g}/s measured, {summary['drain_rate_set']:g}/s set",
        ),
        ("The whole demo", seconds("seconds")),
    ]


def summary_table(summary: Mapping[str, Any]) -> Table:
    """:func:`summary_lines` as a table."""
    table = Table(title="What became of the messages", title_justify="left", show_header=False, width=WIDTH)
    for name, value in summary_lines(summary):
        table.add_row(name, value)
    return table
