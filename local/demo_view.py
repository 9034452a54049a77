"""How the demo is told: chapters with their reason, a picture of the flow, and a summary for people."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

WIDTH: Final = 80
"""Columns that the story needs."""
INTRODUCTION: Final = (
    "300 messages for 90 people, and an outage of Meta in the middle: a third of the people have the app, a "
    "third an email address only, a third neither. It takes about four and a half minutes; the first half "
    "minute builds and deploys the system on this machine."
)


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
    "The simulator closed its port. Lifeline retries the failed sends and counts them: after enough of "
    "them in a row the channel enters panic mode.",
)
PANIC: Final = Chapter(
    "Panic mode: the circuit is open",
    "Lifeline sends nothing to Meta. It sends fallbacks by push, or by email if the message is critical, and "
    "parks the other messages. Every 15 seconds a probe asks Meta.",
)
PROBING: Final = Chapter(
    "Meta answers again",
    "Three successful probes in a row end panic mode; one alone could be luck.",
)
RECOVERING: Final = Chapter(
    "The backlog drains",
    "New messages flow again. Parked ones drain at a set rate, critical ones first, starting at half of it: "
    "a burst could make WhatsApp fail again.",
)
DONE: Final = Chapter("Done", "Every message has one final status. Lifeline now compares the counts.")

LEGEND: Final[Mapping[str, str]] = {
    "CLAIMED": "is being sent, or is next in line",
    "SENT": "Meta accepted it",
    "DELIVERED": "Meta reported its delivery",
    "PUSHED": "delivered via push instead",
    "EMAILED": "delivered via email instead",
    "PARKED": "waits for WhatsApp's recovery",
    "IN_DOUBT": "the response was lost: Meta's status decides",
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


def legend() -> RenderableType:
    """What the statuses mean."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, title="Statuses", title_justify="left")
    for status, meaning in LEGEND.items():
        table.add_row(status, meaning)
    return table


def heading(moment: Moment) -> RenderableType:
    """The beginning of a chapter where nothing live can be shown: what happens, why, and the flow."""
    at = Text(f"{clock(moment.elapsed)}  {moment.chapter.title}", style="bold")
    return Group(Text(), at, Text(moment.chapter.why), Text(), picture(moment), Text())


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
        ("delivered by WhatsApp", f"{over}, at most {summary['parked_peak']} parked meanwhile"),
        ("delivered via push", f"{counts.get('PUSHED', 0)}"),
        ("delivered via email", f"{counts.get('EMAILED', 0)}"),
        ("lost", f"{summary['unaccounted']}"),
        ("sent twice", f"{summary['duplicate_sends']}"),
        ("First failure to panic mode", seconds("seconds_to_panic")),
        ("Meta's return to recovery", f"{seconds('seconds_to_recovery')} (three probes, 15 s apart)"),
        (
            "Drain rate",
            f"{summary['drain_rate_measured']:g}/s measured, {summary['drain_rate_set']:g}/s set",
        ),
        ("The whole demo", seconds("seconds")),
    ]


def summary_table(summary: Mapping[str, Any]) -> Table:
    """:func:`summary_lines` as a table."""
    table = Table(title="Outcomes of the messages", title_justify="left", show_header=False, width=WIDTH)
    for name, value in summary_lines(summary):
        table.add_row(name, value)
    return table


def terminal(printed: str, title: str) -> str:
    """What a command printed, with its colours, as a picture that loads nothing from elsewhere."""
    shown = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    shown.print(Text.from_ansi(printed))
    drawn = shown.export_svg(title=title)
    without_fonts = re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    return without_fonts.replace(
        "font-family: Fira Code, monospace", "font-family: Menlo, Consolas, monospace"
    )
