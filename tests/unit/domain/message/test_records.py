"""Where the look for contents stands."""

from __future__ import annotations

import pytest
from lifeline.domain.message.records import ContentSweep


def test_it_comes_back_as_it_was_kept() -> None:
    sweep = ContentSweep(3, "m-7", 1790000000.0, done=False)
    assert ContentSweep.from_item(sweep.to_item()) == sweep


@pytest.mark.parametrize("item", [None, [], {}, {"part": "x", "after": 1, "began": None}])
def test_what_cannot_be_read_begins_anew(item: object) -> None:
    assert ContentSweep.from_item(item) == ContentSweep()
