"""The border's statuses are the domain's."""

from __future__ import annotations

from lifeline.contract.statuses import REACHED_OTHERWISE, STATUSES
from lifeline.domain.message.status import REACHED, Status


def test_the_border_knows_every_status() -> None:
    assert list(STATUSES) == [str(status) for status in Status]


def test_who_was_reached_otherwise_was_reached() -> None:
    assert REACHED_OTHERWISE
    assert set(REACHED_OTHERWISE) < set(map(str, REACHED))
