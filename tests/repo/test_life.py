"""The picture of a message's life in docs/architecture.md shows the moves that there are."""

from __future__ import annotations

import re
from pathlib import Path

from lifeline.contract.statuses import STATUSES
from lifeline.domain.message.row import Lane
from lifeline.domain.message.status import TRANSITIONS, Status

TEXT = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()


def drawn() -> set[tuple[str, str]]:
    (picture,) = re.findall(r"^```mermaid\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^\s*(\S+) --> (\w+)", picture, re.MULTILINE))


def test_the_picture_shows_only_moves_that_there_are() -> None:
    moves = {(start, to) for start, to in drawn() if start != "[*]"}
    assert moves <= {(str(start), str(to)) for start, targets in TRANSITIONS.items() for to in targets}


def test_the_picture_shows_every_status_and_begins_with_the_claim() -> None:
    assert {to for _, to in drawn()} == {str(status) for status in Status} == set(STATUSES)
    assert {to for start, to in drawn() if start == "[*]"} == {"CLAIMED"}


def test_the_table_has_every_move() -> None:
    table = TEXT[TEXT.index("| from | to |") :]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", table[: table.index("\n\n")], re.MULTILINE)
    told = {start: set(re.findall(r"`(\w+)`", targets)) for start, targets in rows}
    assert told == {str(start): {str(to) for to in targets} for start, targets in TRANSITIONS.items()}


def test_every_lane_is_explained() -> None:
    table = TEXT[TEXT.index("| lane | who is in it | who acts |") :]
    named = set(re.findall(r"`(\w+)`", table[: table.index("\n\n")]))
    assert {str(lane) for lane in Lane} <= named
