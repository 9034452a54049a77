"""The figures of ``docs/bench.json`` as charts for the README: SVG that follows the reader's light or dark
scheme. ``python -m benchmarks.charts`` draws them anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from benchmarks import pricing
from local.build import ROOT

DOCS: Final = ROOT / "docs"
OWN: Final = "Lifeline"
NAMES: Final = {
    "lifeline": OWN,
    "asyncio": "asyncio",
    "pywa": "pywa, threads",
    "node": "Node",
    "powertools": "Powertools",
    "usual": "the usual handler",
}
WIDTH: Final = 720
LEFT: Final = 150
RIGHT: Final = 70
BAR: Final = 20
GAP: Final = 8
LABEL: Final = 36
"""Of a bar's figure."""
STYLE: Final = """<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; }
.quiet { fill: #59636e; }
.line { stroke: #d1d9e0; }
.limit { stroke: #9a6700; stroke-dasharray: 5 4; }
.other { fill: #8c959f; }
.own { fill: #1a7f37; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .quiet { fill: #9198a1; }
  .line { stroke: #3d444d; }
  .limit { stroke: #d29922; }
  .other { fill: #656c76; }
  .own { fill: #3fb950; }
}
</style>"""
"""Without a background: what is behind shows through, in both schemes."""

Bar = tuple[str, float]
Group = tuple[str, Sequence[Bar], float | None]
"""A heading, its bars, and the limit that none of them can pass."""


def chart(title: str, groups: Sequence[Group], unit: str, digits: int = 0) -> str:
    """Horizontal bars in groups, on one scale."""
    top = max(max([value for _, value in bars] + ([limit] if limit else [])) for _, bars, limit in groups)
    scale = (WIDTH - LEFT - RIGHT) / (top or 1)
    parts: list[str] = []
    y = 46.0
    for heading, bars, limit in groups:
        if heading:
            parts.append(f'<text class="quiet" x="{LEFT}" y="{y + 4:.0f}">{escape(heading)}</text>')
            y += 14
        first = y
        for name, value in bars:
            kind = "own" if name == OWN else "other"
            middle = y + BAR / 2 + 5
            end = LEFT + value * scale + 6
            if limit and end < LEFT + limit * scale + 6 < end + LABEL:
                end = LEFT + limit * scale + 6  # beyond the line, not across it
            parts += [
                f'<text x="{LEFT - 8}" y="{middle:.0f}" text-anchor="end">{escape(name)}</text>',
                f'<rect class="{kind}" x="{LEFT}" y="{y:.0f}" width="{max(1.0, value * scale):.1f}"'
                f' height="{BAR}" rx="3"/>',
                f'<text x="{end:.1f}" y="{middle:.0f}">{value:,.{digits}f}</text>',
            ]
            y += BAR + GAP
        if limit:
            x = LEFT + limit * scale
            parts += [
                f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{first - 4:.0f}" y2="{y:.0f}"/>',
                f'<text class="quiet" x="{x + 6:.1f}" y="{first - 10:.0f}">limit {limit:,.0f}</text>',
            ]
        y += 14
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0f}" role="img">',
        f"<title>{escape(title)}, {escape(unit)}</title>",
        STYLE,
        f'<text class="title" x="8" y="20">{escape(title)}</text>',
        f'<text class="quiet" x="{WIDTH - 8}" y="20" text-anchor="end">{escape(unit)}</text>',
        f'<line class="line" x1="{LEFT}" x2="{LEFT}" y1="34" y2="{y - 14:.0f}"/>',
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def _all(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Lifeline first, then its peers, by the names that are shown."""
    found = {OWN: result["lifeline"]}
    return found | {NAMES[name]: one for name, one in result["peers"].items()}


def throughput(result: Mapping[str, Any]) -> str:
    """Messages a second by connections, with the limit."""
    latency = result["stub"]["latency_ms"] / 1000
    groups: list[Group] = []
    for level in result["lifeline"]["msg_s"]:
        bars = [(name, one["msg_s"][level]) for name, one in _all(result).items() if level in one["msg_s"]]
        groups.append((f"{level} connections", bars, int(level) / latency))
    single = [(name, one["msg_s"]["1"]) for name, one in _all(result).items() if "1" in one["msg_s"]]
    if single:
        groups.append(("one at a time", single, None))
    return chart("Throughput of one worker", groups, f"messages/s, Meta answers in {1000 * latency:.0f} ms")


def effort(result: Mapping[str, Any]) -> str:
    """Processor time of a message."""
    bars = sorted(((name, one["cpu_ms"]) for name, one in _all(result).items()), key=lambda bar: bar[1])
    return chart("Processor time of a message", [("", bars, None)], "CPU ms", 2)


def calls(result: Mapping[str, Any]) -> str:
    """AWS requests of a message."""
    bars = sorted(((name, one["aws_requests"]) for name, one in _all(result).items()), key=lambda bar: bar[1])
    return chart("AWS requests of a message", [("", bars, None)], "requests to DynamoDB, SQS, secrets", 2)


def dollars(figures: Mapping[str, Any]) -> str:
    """US dollars of a million messages."""
    own, usual = (sum(pricing.per_million(figures, case).values()) for case in ("normal", "usual"))
    bars = [(OWN, own), (NAMES["usual"], usual)]
    return chart("A million messages, webhooks included", [("", bars, None)], "USD at AWS list prices", 2)


def write(result: Mapping[str, Any], figures: Mapping[str, Any] | None = None, folder: Path = DOCS) -> None:
    """All charts. ``figures``: of :mod:`benchmarks.cost`; default: the stored ones, if there are any."""
    stored = DOCS / "cost.json"
    if figures is None and stored.exists():
        figures = json.loads(stored.read_text())
    drawn = {"throughput": throughput(result), "cpu": effort(result), "requests": calls(result)}
    if figures is not None:
        drawn["usd"] = dollars(figures)
    for name, text in drawn.items():
        (folder / f"bench-{name}.svg").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(json.loads((DOCS / "bench.json").read_text()))
