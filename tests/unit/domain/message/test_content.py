"""What leaves a row with its content, when, and how a row ends whose person is to be forgotten."""

from __future__ import annotations

import pytest
from lifeline.domain.message.content import META_DAYS, bare, ended, erased, kept_days
from lifeline.domain.message.row import Lane, Phase, Row
from lifeline.domain.message.status import Status

from tests.support.rows import NOW

FULL = Row(
    "m", status=Status.SENT, rev=3, act=1, via=1, way="whatsapp", body="{}", to_masked="+49*",
    zones="Europe/Berlin", wamid="wamid.x", person="p", content="c", category="reminder", note="n",
    recording="r", unspoken="u",
)  # fmt: skip


def test_what_leaves_and_what_stays() -> None:
    row = bare(FULL)
    gone = (row.body, row.to_masked, row.zones, row.wamid, row.note, row.recording, row.unspoken)
    assert not any(gone)
    assert row.bare
    assert (row.person, row.content, row.category, row.status) == ("p", "c", "reminder", Status.SENT)
    row = erased(FULL, "nobody")
    assert (row.person, row.content, row.body) == ("nobody", None, "")


def test_what_meta_may_still_report_keeps_its_content() -> None:
    assert kept_days(Status.SENT, 7) == kept_days(Status.HELD, 7) == META_DAYS
    assert kept_days(Status.SENT, 90) == 90
    assert kept_days(Status.DELIVERED, 7) == kept_days(Status.FAILED, 7) == 7


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (Row("m", rev=1, status=Status.PARKED, lane=Lane.NORMAL, due=NOW), Status.CANCELLED),
        (Row("m", rev=1, phase=Phase.WAITING, lane=Lane.TIMER, due=NOW), Status.CANCELLED),
        (Row("m", rev=1, status=Status.FAILED, lane=Lane.TIMER, due=NOW), Status.CANCELLED),
        (Row("m", rev=1, status=Status.REJECTED, lane=Lane.REFUSED, due=NOW), Status.REJECTED),
        (Row("m", rev=1, status=Status.READ), Status.READ),
        (Row("m", rev=1, status=Status.SENT, lane=Lane.TIMER, due=NOW, escalate_after=60), Status.SENT),
    ],
)
def test_nothing_is_owed_to_who_is_forgotten(row: Row, status: Status) -> None:
    after = ended(row)
    assert after is not None
    assert (after.status, after.lane, after.open) == (status, None, False)


def test_an_act_in_flight_and_another_versions_row_are_left() -> None:
    assert ended(Row("m", rev=1, phase=Phase.SENDING, lane=Lane.TIMER, due=NOW)) is None
    assert ended(Row("m", rev=1, phase="later", lane=Lane.TIMER, due=NOW)) is None
