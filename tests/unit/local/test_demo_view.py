"""The demo's screen fits a terminal of 80 columns and 24 rows, and its summary says what a person asks."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console, RenderableType

from local import demo_view
from local.demo_view import Chapter, Moment

CHAPTERS = (
    demo_view.DELIVERING,
    demo_view.FAILING,
    demo_view.PANIC,
    demo_view.PROBING,
    demo_view.RECOVERING,
    demo_view.DONE,
)

SUMMARY: dict[str, Any] = {
    "accepted": 300,
    "by_status": {"DELIVERED": 190, "READ": 10, "PUSHED": 80, "EMAILED": 20},
    "unaccounted": 0,
    "duplicate_sends": 0,
    "parked_peak": 90,
    "seconds_to_panic": 0.912,
    "seconds_to_recovery": 48.21,
    "drain_rate_measured": 1.99,
    "drain_rate_set": 2.0,
    "seconds": 221.4,
}


def moment(chapter: Chapter = demo_view.PANIC, state: str = "panic") -> Moment:
    statuses = {"PUSHED": 40, "EMAILED": 12, "PARKED": 155, "DELIVERED": 88, "SENT": 3}
    return Moment(chapter, 125.4, state, 1, 300, 300, 297, statuses)


def printed(what: RenderableType) -> list[str]:
    console = Console(file=io.StringIO(), width=demo_view.WIDTH, color_system=None)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.title)
def test_each_chapter_fits_the_screen_and_tells_its_reason(chapter: Chapter) -> None:
    lines = printed(demo_view.view(moment(chapter)))
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert f"2:05  {chapter.title}" in lines[0]
    text = " ".join(line.strip("│╭╮╰╯─ ") for line in lines)
    assert chapter.why in text


@pytest.mark.parametrize(
    ("state", "line"), [("panic", "──✕──>"), ("normal", "─────>"), ("recovering", "─────>")]
)
def test_the_picture_shows_whether_the_circuit_is_open(state: str, line: str) -> None:
    first, second, third = demo_view.picture(moment(state=state)).plain.splitlines()
    assert f"sender {line} WhatsApp (297 accepted)" in first
    assert second.index("├") == third.index("└")
    assert "push, email (52 people)" in second
    assert "parked (155)" in third


def test_where_nothing_live_is_shown_a_line_has_the_counts() -> None:
    line = demo_view.progress(moment())
    assert line.strip().startswith("2:05  WhatsApp panic; queued 300; DELIVERED 88, EMAILED 12")
    none = Moment(demo_view.DELIVERING, 1.0, "normal", 0, 2, 300, 0, {})
    assert demo_view.progress(none).endswith("no rows yet")


def test_where_nothing_live_is_shown_a_chapter_begins_with_its_reason_and_the_flow() -> None:
    lines = printed(demo_view.heading(moment()))
    assert "2:05  Panic mode: the circuit is open" in lines
    assert any("sender ──✕──> WhatsApp" in line for line in lines)
    assert " ".join(line.strip() for line in lines).count(demo_view.PANIC.why) == 1
    assert max(map(len, lines)) <= 80


def test_the_legend_explains_each_status() -> None:
    text = "\n".join(printed(demo_view.legend()))
    assert all(name in text and meaning in text for name, meaning in demo_view.LEGEND.items())


def test_the_summary_says_what_became_of_them_and_how_long_it_took() -> None:
    told = dict(demo_view.summary_lines(SUMMARY))
    assert told["delivered by WhatsApp"] == "200, at most 90 parked meanwhile"
    assert told["delivered via push"] == "80"
    assert told["lost"] == "0"
    assert told["First failure to panic mode"] == "0.9 s"
    assert told["Drain rate"] == "1.99/s measured, 2/s set"
    assert (
        dict(demo_view.summary_lines(SUMMARY | {"seconds_to_panic": None}))["First failure to panic mode"]
        == "never"
    )
    assert max(map(len, printed(demo_view.summary_table(SUMMARY)))) <= 80
