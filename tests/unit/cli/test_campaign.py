"""A campaign's file: lines are streamed, checked, and their faults named in bounded memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from lifeline_cli.campaign import NAMED, Checked, _check, _check_here, batches, read_lines

LINES = 30_000
"""Kept, their faults alone would take 12 MB."""
BYTES_PER_LINE = 110
"""What is kept of a line: its number's hash, in a set."""


class Asked:
    """A command line whose operator function finds what the test says."""

    as_json = True

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.largest = 0
        self.client = self

    def call(self, action: str, lines: list[dict[str, Any]]) -> Mapping[str, Any]:
        assert action == "campaign.check"
        assert lines
        assert all(set(item) == {"line", "message"} for item in lines)
        self.largest = max(self.largest, len(lines))
        faults = [{"line": item["line"], "fault": self.fault} for item in lines] if self.fault else []
        return {"reachable": 0 if self.fault else len(lines), "faults": faults}


COMMON = {"campaign": "spring", "type": "template", "priority": "bulk"}


def check(asked: Asked, lines: Callable[[], Iterable[list[dict[str, Any]]]]) -> Checked:
    """Both passes, the second one of the lines that the first one found good."""
    found = _check_here(lines())
    good = ([item for item in batch if "fault" not in item] for batch in lines())
    _check(asked, good, found)  # type: ignore[arg-type]
    return found


def test_lines_that_are_too_short_or_too_long_are_named(tmp_path: Path) -> None:
    file = tmp_path / "spring.csv"
    file.write_text(
        "to,parameter_1,parameter_2\n+4915112345678,a,b\n+4915112345678,a\n+4915112345678,a,b,c\n"
    )
    found = list(batches(read_lines(file, "promo", "en_US", COMMON)))
    checked = check(Asked(), lambda: found)
    assert (checked.total, checked.reachable, checked.bad, checked.values) == (3, 1, 2, 2)
    assert [(item["line"], item["fault"]) for item in checked.named] == [
        (3, "has fewer fields than the header"),
        (4, "has more fields than the header"),
    ]


def test_numbers_that_come_again_are_named_and_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "spring.csv"
    file.write_text("to\n+4915112345678\n+4915112345679\n+49 151 12345678\n+4915112345678\n")
    checked = check(Asked(), lambda: batches(read_lines(file, "promo", "en_US", COMMON)))
    assert (checked.bad, checked.repeats, checked.repeating) == (0, 2, [4, 5])
    assert checked.warnings() == ["lines that repeat an earlier recipient: 2 (4, 5); Lifeline sends each"]


def test_bad_lines_are_counted_in_bounded_memory(tmp_path: Path) -> None:
    file = tmp_path / "spring.csv"
    with file.open("w") as out:
        out.write("to,parameter_1\n")
        for number in range(LINES):
            out.write(f"+4915{number:09d},10 %\n")
    asked = Asked("no such number: " + "x" * 200)
    tracemalloc.start()
    try:
        checked = check(asked, lambda: batches(read_lines(file, "promo", "en_US", COMMON)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    found = (checked.total, checked.bad, len(checked.named), asked.largest)
    assert found == (LINES, LINES, NAMED, 100)
    assert peak < 1_000_000 + LINES * BYTES_PER_LINE, f"{peak} bytes at most at once"
