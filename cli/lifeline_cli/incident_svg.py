"""The picture of an incident: state, probes, sends, fallbacks and backlog on one axis of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import cycle
from math import ceil, floor, log10
from typing import Any, Final

from lifeline.contract.instants import parse_instant
from lifeline.contract.ways import WAYS

LEFT: Final = 46
RIGHT: Final = 14
BAND: Final = 22
PANEL: Final = 92
"""Height of a chart in pixels, its axis not counted."""
TITLE: Final = 24
HEADROOM: Final = 8
"""Between a chart's title and its top, where the highest mark has its number."""
GAP: Final = 16
INK: Final = "#1b2430"
SOFT: Final = "#5a6675"
GRID: Final = "#e3e7ec"
STATES: Final[Mapping[str, str]] = {"panic": "#c9372c", "recovering": "#e0a100", "normal": "#7fb894"}
WAY_COLOURS: Final = ("#2563c9", "#8a4fbf", "#0f8b8d", "#c2528b")
"""Of the ways, in their order; a fifth begins anew."""
SENDS: Final = "#1a7f4b"
BACKLOG: Final = "#b26a00"
GOOD: Final = "#1a7f4b"
BAD: Final = "#b3261e"
TICKS: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800),
)
"""Seconds between two marks of the axis of time."""


class _Canvas:
    def __init__(self, timeline: Mapping[str, Any], width: int) -> None:
        self.timeline = timeline
        self.width = width
        self.seconds = max(1.0, float(timeline["seconds"]))
        self.right = width - RIGHT
        self.y = 0.0
        self.parts: list[str] = []

    def x(self, t: float) -> float:
        """The place of an instant, kept within the frame."""
        share = min(1.0, max(0.0, t / self.seconds))
        return LEFT + share * (self.right - LEFT)

    def add(self, part: str) -> None:
        self.parts.append(part)

    def text(self, x: float, y: float, words: str, more: str = "", colour: str = SOFT) -> None:
        self.add(f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" {more}>{escape(words)}</text>')

    def rect(self, x: float, y: float, width: float, height: float, colour: str, tip: str = "") -> None:
        inner = f"<title>{escape(tip)}</title>" if tip else ""
        self.add(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{max(0.0, height):.1f}" '
            f'fill="{colour}">{inner}</rect>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> None:
        self.add(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>')


def picture(timeline: Mapping[str, Any], width: int) -> str:
    """The picture as SVG, drawn for ``width`` pixels (at least 300)."""
    canvas = _Canvas(timeline, width)
    _state(canvas)
    _probes(canvas)
    step = _step_words(int(timeline["step_seconds"]))
    series = timeline["series"]
    sends = [(row["t"], row["t"] + 60, [(row["count"], SENDS)]) for row in timeline["sends_per_minute"]]
    _bars(canvas, "WhatsApp sends, messages per minute", sends, [])
    colours = [(way.name, colour) for way, colour in zip(WAYS, cycle(WAY_COLOURS), strict=False)]
    bars = [
        (
            row["t"],
            row["t"] + timeline["step_seconds"],
            [(row.get(way, 0), colour) for way, colour in colours],
        )
        for row in series
    ]
    _bars(canvas, f"Fallbacks, messages per {step}", bars, colours)
    _area(canvas, "Parked backlog, messages", series)
    _time(canvas)
    height = ceil(canvas.y)
    marker = _first_failure(canvas, height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="Timeline of state, probes, sends, fallbacks and backlog" '
        'font-family="system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif" font-size="12">'
        + "".join([*marker, *canvas.parts])
        + "</svg>"
    )


def _heading(canvas: _Canvas, words: str, legend: Sequence[tuple[str, str]] = ()) -> None:
    """A chart's title; what its colours mean stands at the right."""
    canvas.y += TITLE
    halo = 'paint-order="stroke" stroke="#ffffff" stroke-width="4"'
    canvas.text(0, canvas.y - 8, words, f'font-weight="600" {halo}', INK)
    x = float(canvas.right)
    for name, colour in reversed(legend):
        x -= 7.0 * len(name)
        canvas.text(x, canvas.y - 8, name)
        x -= 14
        canvas.rect(x, canvas.y - 17, 10, 10, colour)
        x -= 10


def _state(canvas: _Canvas) -> None:
    legend = [(name, STATES[name]) for name in ("normal", "panic", "recovering")]
    _heading(canvas, "State", legend)
    top = canvas.y
    canvas.rect(LEFT, top, canvas.right - LEFT, BAND, STATES["normal"])
    for span in canvas.timeline["states"]:
        start, end = canvas.x(span["t"]), canvas.x(span["until_t"])
        # A stay of a moment is still to be seen.
        canvas.rect(start, top, max(2.0, end - start), BAND, STATES[span["state"]], span["state"])
    canvas.y += BAND + GAP


def _probes(canvas: _Canvas) -> None:
    probes = canvas.timeline["probes"]
    if not probes:
        return
    _heading(canvas, "Probes", [("ok", GOOD), ("failed", BAD)])
    middle = canvas.y + 8
    canvas.line(LEFT, middle, canvas.right, middle, GRID)
    for probe in probes:
        x = canvas.x(probe["t"])
        if probe["ok"]:
            canvas.add(f'<circle cx="{x:.1f}" cy="{middle:.1f}" r="4" fill="{GOOD}"/>')
        else:
            for sign in (1, -1):
                canvas.line(x - 4, middle - 4 * sign, x + 4, middle + 4 * sign, BAD, 'stroke-width="2"')
    canvas.y += 16 + GAP


Bar = tuple[float, float, Sequence[tuple[int, str]]]


def _bars(canvas: _Canvas, title: str, bars: Sequence[Bar], legend: Sequence[tuple[str, str]]) -> None:
    _heading(canvas, title, legend)
    top = _nice(max((sum(count for count, _ in stack) for _, _, stack in bars), default=0))
    _grid(canvas, top)
    bottom = canvas.y + PANEL
    for start, end, stack in bars:
        x, y = canvas.x(start), bottom
        gap = 1.0 if canvas.x(end) - x > 4 else 0.0
        for count, colour in stack:
            if count:
                height = PANEL * count / top
                y -= height
                canvas.rect(x, y, canvas.x(end) - x - gap, height, colour, f"{count} messages")
    canvas.y = bottom + GAP


def _area(canvas: _Canvas, title: str, series: Sequence[Mapping[str, Any]]) -> None:
    _heading(canvas, title)
    top = _nice(max((row["backlog"] for row in series), default=0))
    _grid(canvas, top)
    bottom = canvas.y + PANEL
    step = canvas.timeline["step_seconds"]
    points = [f"{LEFT:.1f},{bottom:.1f}"]
    last = 0.0
    for row in series:
        # What a step ends with is known at its end.
        y = bottom - PANEL * max(0, row["backlog"]) / top
        x = canvas.x(row["t"] + step)
        points += [f"{canvas.x(row['t']):.1f},{y:.1f}", f"{x:.1f},{y:.1f}"]
        last = x
    points.append(f"{last:.1f},{bottom:.1f}")
    if series:
        canvas.add(f'<polygon points="{" ".join(points)}" fill="{BACKLOG}" fill-opacity="0.75"/>')
    canvas.y = bottom + GAP


def _grid(canvas: _Canvas, top: int) -> None:
    """Lines and numbers at nothing, half and all."""
    canvas.y += HEADROOM
    bottom = canvas.y + PANEL
    marks = (0, top // 2, top) if top % 2 == 0 else (0, top)
    for mark in marks:
        y = bottom - PANEL * mark / top
        canvas.line(LEFT, y, canvas.right, y, SOFT if mark == 0 else GRID)
        canvas.text(LEFT - 6, y + 4, _short(mark), 'text-anchor="end"')


def _time(canvas: _Canvas) -> None:
    start = parse_instant(canvas.timeline["from"])
    room = max(2, floor((canvas.right - LEFT) / 82))
    step = next((step for step in TICKS if canvas.seconds / step <= room), TICKS[-1])
    # The marks and their words stand below the last chart.
    y = canvas.y - GAP
    for at in _ticks(start, canvas.seconds, step):
        x = canvas.x(at - start)
        canvas.line(x, y, x, y + 5, SOFT)
        anchor = "start" if x < LEFT + 20 else "end" if x > canvas.right - 20 else "middle"
        canvas.text(x, y + 18, _clock(at, step), f'text-anchor="{anchor}"')
    day = datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d")
    canvas.text(canvas.right, y + 36, f"time of day, UTC, from {day}", 'text-anchor="end"')
    canvas.y = y + 42


def _ticks(start: float, seconds: float, step: int) -> Iterator[float]:
    at = ceil(start / step) * step
    while at <= start + seconds:
        yield at
        at += step


def _first_failure(canvas: _Canvas, height: int) -> list[str]:
    at = canvas.timeline["first_failure_t"]
    if at is None:
        return []
    x = canvas.x(at)
    return [
        f'<line x1="{x:.1f}" y1="{TITLE}" x2="{x:.1f}" y2="{height - 42}" stroke="{BAD}" '
        'stroke-dasharray="3 3"><title>first failure</title></line>'
    ]


def _clock(at: float, step: int) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    if step >= 86_400:
        return moment.strftime("%m-%d")
    return moment.strftime("%H:%M:%S" if step < 60 else "%H:%M")


def _nice(most: int) -> int:
    """The top of an axis: 1, 2, 4, 5 or 8 times a power of ten, at least ``most``."""
    if most <= 1:
        return 2
    power = 10 ** floor(log10(most))
    return int(next(factor * power for factor in (1, 2, 4, 5, 8, 10) if factor * power >= most))


def _short(number: int) -> str:
    if number >= 1_000_000:
        return f"{number / 1_000_000:g}M"
    return f"{number / 1000:g}k" if number >= 1000 else str(number)


def _step_words(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds % size == 0:
            return unit if seconds == size else f"{seconds // size} {unit}"
    return "second" if seconds == 1 else f"{seconds} s"
