"""An incident's report as Markdown, for a ticket or a wiki."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lifeline_cli import incident_parts as read


def markdown(report: Mapping[str, Any]) -> str:
    """The whole report; tables as GitHub and most wikis read them."""
    lines = [f"# Incident {report['incident_id']}", "", f"{_cell(read.headline(report))}.", ""]
    lines += [f"**{_cell(read.verdict(report))}**", ""]
    lines += [f"> {_cell(words)}\n" for words in read.warnings(report)]
    for part in read.parts(report):
        lines += [f"## {part.title}", "", *_table(part), ""]
        if part.note:
            lines += [_cell(part.note), ""]
    lines += ["## Runbook checklist", ""]
    lines += [
        f"- [{'x' if done else ' '}] {_cell(question)}: {_cell(known)}"
        for done, question, known in read.checklist(report)
    ]
    return "\n".join(lines) + "\n"


def _table(part: read.Part) -> list[str]:
    def row(cells: Sequence[str]) -> str:
        return f"| {' | '.join(map(_cell, cells))} |"

    rules = ["---:" if name in part.right else "---" for name in part.columns]
    return [row(part.columns), f"| {' | '.join(rules)} |", *map(row, part.rows)]


def _cell(text: str) -> str:
    """Text that makes no markup of its own: an operator's reason may hold anything."""
    text = " ".join(str(text).split())
    for sign in ("\\", "|", "`", "*", "_", "[", "]", "<", ">"):
        text = text.replace(sign, f"\\{sign}")
    return text
