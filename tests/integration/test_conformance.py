"""One suite over ledger, agenda and queues: in memory and on the local AWS.

What use cases are tested against in memory must not be kinder, or harsher, than what they run on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from lifeline.adapters.agenda import PROJECTED
from lifeline.adapters.ledger import SCAN_SEGMENTS
from lifeline.adapters.queues import Outgoing
from lifeline.domain.message.content import bare
from lifeline.domain.message.row import (
    Change,
    Doubt,
    Fate,
    Lane,
    Phase,
    Row,
    known,
    off_agenda,
    parked,
    waiting,
)
from lifeline.domain.message.status import Status
from lifeline.domain.message.steering import discard, redrive
from lifeline.domain.shards import WIDE, shard_of

from tests.support.statuses import PUSHED
from tests.support.stores import RETENTION, AwsStores, LocalAws, MemoryStores, Stores

NOW = 1_790_000_000.0


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    running = LocalAws(tmp_path_factory.mktemp("conformance"))
    yield running
    running.stop()


@pytest.fixture(params=["memory", "aws"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return MemoryStores()
    aws: LocalAws = request.getfixturevalue("local_aws")
    return aws.stores()


@pytest.fixture
def aws(local_aws: LocalAws) -> AwsStores:
    """For what only a table has: attributes."""
    return local_aws.stores()


def fresh(name: str, **fields: Any) -> Change:
    """The insert of a row."""
    row = Row(name, body="{}")
    return Change(row, replace(row, **fields), "fresh")


def insert(stores: Stores, name: str, **fields: Any) -> Row:
    """A row of the table."""
    (done,) = stores.ledger.write([fresh(name, **fields)], NOW)
    assert done.fate is Fate.DONE
    assert done.row is not None
    row: Row = done.row
    return row


def write(stores: Stores, before: Row, after: Row, note: str = "") -> Row:
    """A change that is carried out."""
    (done,) = stores.ledger.write([Change(before, after, note)], NOW + 1)
    assert done.fate is Fate.DONE
    assert done.row is not None
    row: Row = done.row
    return row


def stored(stores: Stores, name: str) -> Row:
    row: Row = stores.ledger.read([name])[name]
    return row


def on_timer(due: float) -> dict[str, Any]:
    return {"phase": Phase.WAITING, "lane": Lane.TIMER, "due": due}


def eventually(stores: Stores, check: Callable[[], Any]) -> Any:
    """Poll until ``check`` gives something."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if found := check():
            return found
        stores.pause()
    raise AssertionError("never came")


FULL = Row(
    id="full",
    status=Status.IN_DOUBT,
    phase=Phase.WAITING,
    lane=Lane.TIMER,
    due=NOW + 5.25,
    act=3,
    way="email",
    attempt=2,
    attempted_at=NOW - 1,
    doubts=(Doubt(1, "whatsapp", NOW - 61.5), Doubt(3, "email", NOW - 1)),
    duplicates=(2, 3),
    aside=(1, 3),
    via=1,
    otherwise=1,
    later=False,
    slot=NOW + 0.125,
    paid=True,
    drained=True,
    rounds=4,
    faults=1,
    body='{"text": "π 🎉"}',
    priority="critical",
    type="voice",
    category="appointment",
    campaign="spring",
    template="promo",
    to_masked="+49***12",
    person="d1gest",
    zones="Europe/Berlin America/New_York",
    send_after=NOW - 9,
    expires_at=NOW + 99,
    recording="media",
    unspoken="why",
    wamid="wamid.1",
    cause="unreachable",
    code=131000,
    incident_id="20260301-090000-abcdef",
    tried="push EndpointDisabled",
    failed_at=NOW - 2,
    conflicts=1,
    note="n",
)


# -- writes -----------------------------------------------------------------------------------------------


def test_every_field_comes_back_as_it_was_written(stores: Stores) -> None:
    (done,) = stores.ledger.write([Change(Row("full"), FULL, "all of it")], NOW)
    assert done.fate is Fate.DONE
    assert done.row == stored(stores, "full")
    assert done.row == replace(
        FULL,
        rev=1,
        ops=done.row.ops,
        created_at=NOW,
        updated_at=NOW,
        trail={f"{int(NOW * 1000)}_IN_DOUBT": "all of it"},
    )


def test_every_field_goes_back_to_its_default(stores: Stores) -> None:
    (done,) = stores.ledger.write([Change(Row("full"), FULL)], NOW)
    assert done.row is not None
    bare = Row("full", rev=done.row.rev, ops=done.row.ops, created_at=NOW, trail=done.row.trail)
    row = write(stores, done.row, bare, "bare")
    assert row == stored(stores, "full")
    assert replace(row, rev=0, ops=(), created_at=0.0, updated_at=0.0, trail={}) == Row("full")


def test_a_known_id_is_not_written_again(stores: Stores) -> None:
    first = insert(stores, "a", wamid="first")
    (lost,) = stores.ledger.write([fresh("a", wamid="second")], NOW + 1)
    assert (lost.fate, lost.row) == (Fate.LOST, first)
    assert stored(stores, "a") == first


def test_a_change_writes_only_what_differs(stores: Stores) -> None:
    row = insert(stores, "a", wamid="w", cause="auth", code=190)
    thin = replace(row, body="", wamid=None, trail={})  # as from an index that does not hold them
    write(stores, thin, replace(thin, cause=None, act=1), "x")
    now = stored(stores, "a")
    assert (now.wamid, now.cause, now.code, now.act, now.body) == ("w", None, 190, 1, "{}")
    assert list(now.trail.values()) == ["fresh", "x"]
    assert now.rev == 2


def test_of_two_writers_one_loses_and_sees_the_row(stores: Stores) -> None:
    row = insert(stores, "a")
    mine = write(stores, row, off_agenda(row, Status.SENT))
    (lost,) = stores.ledger.write([Change(row, off_agenda(row, PUSHED))], NOW + 2)
    assert (lost.fate, lost.row) == (Fate.LOST, mine)
    assert stored(stores, "a").status is Status.SENT


def test_a_row_that_is_gone_is_lost(stores: Stores) -> None:
    row = Row("never", rev=3)
    (lost,) = stores.ledger.write([Change(row, replace(row, act=1))], NOW)
    assert (lost.fate, lost.row) == (Fate.LOST, None)
    assert stores.ledger.read(["never"]) == {}


def test_inserts_and_updates_in_any_number_keep_their_order(stores: Stores) -> None:
    rows = [insert(stores, f"old{n}") for n in range(30)]
    changes = []
    for n, row in enumerate(rows):
        changes += [fresh(f"new{n}"), Change(row, replace(row, act=n + 1))]
    changes[7] = fresh("old3")  # known already
    changes[10] = Change(replace(rows[5], rev=9), replace(rows[5], rev=9, act=99))  # of another state
    fates = [result.fate for result in stores.ledger.write(changes, NOW + 1)]
    assert fates == [Fate.LOST if n in (7, 10) else Fate.DONE for n in range(60)]
    found = stores.ledger.read([f"old{n}" for n in range(30)] + [f"new{n}" for n in range(30)])
    assert len(found) == 59
    assert {row.rev for name, row in found.items() if name.startswith("new")} == {1}
    assert [found[f"old{n}"].act for n in range(30)] == [0 if n == 3 else n + 1 for n in range(30)]


def test_the_same_id_twice_in_one_write_is_a_race_of_two(stores: Stores) -> None:
    first, second = stores.ledger.write([fresh("a", act=1), fresh("a", act=2)], NOW)
    assert (first.fate, second.fate) == (Fate.DONE, Fate.LOST)
    assert second.row == first.row == stored(stores, "a")


# -- own writes are recognised ----------------------------------------------------------------------------


def test_a_lost_answer_of_an_insert_is_a_success(stores: Stores) -> None:
    stores.lose_answers(1)
    (done,) = stores.ledger.write([fresh("a", act=1)], NOW)
    assert (done.fate, done.row) == (Fate.DONE, stored(stores, "a"))
    assert done.row.rev == 1


def test_a_lost_answer_of_an_update_is_a_success(stores: Stores) -> None:
    row = insert(stores, "a")
    stores.lose_answers(1)
    (done,) = stores.ledger.write([Change(row, replace(row, act=1), "once")], NOW + 1)
    assert (done.fate, done.row) == (Fate.DONE, stored(stores, "a"))
    assert done.row is not None
    assert (done.row.rev, done.row.act) == (2, 1)


def test_a_lost_request_is_sent_again(stores: Stores) -> None:
    stores.lose_requests(1)
    (done,) = stores.ledger.write([fresh("a")], NOW)
    assert (done.fate, done.row) == (Fate.DONE, stored(stores, "a"))


@pytest.mark.parametrize("carried_out", [True, False])
def test_without_any_answer_the_outcome_is_unknown(stores: Stores, carried_out: bool) -> None:
    row = insert(stores, "old")
    (stores.lose_answers if carried_out else stores.lose_requests)(2)
    changes = [fresh("a"), Change(row, replace(row, act=1))]
    assert [(one.fate, one.row) for one in stores.ledger.write(changes, NOW + 1)] == [
        (Fate.UNKNOWN, None)
    ] * 2
    assert ("a" in stores.ledger.read(["a"])) is carried_out
    assert stored(stores, "old").act == int(carried_out)


def test_no_answer_for_some_concerns_those_alone(stores: Stores) -> None:
    stores.lose_requests(2, of="m0")
    fates = [one.fate for one in stores.ledger.write([fresh(f"m{n}") for n in range(50)], NOW)]
    assert fates == [Fate.UNKNOWN] * 25 + [Fate.DONE] * 25


def test_a_row_keeps_the_marks_of_its_last_three_writes(stores: Stores) -> None:
    row = insert(stores, "a")
    seen = [row.ops[-1]]
    for act in range(1, 5):
        row = write(stores, row, replace(row, act=act))
        seen.append(row.ops[-1])
    assert len(set(seen)) == 5
    assert row.ops == stored(stores, "a").ops == tuple(seen[-3:])


def test_an_own_write_that_was_overtaken_is_still_recognised(local_aws: LocalAws) -> None:
    """Its answer is lost, others write twice, and only then it is repeated."""
    stores = local_aws.stores()
    row = insert(stores, "a")
    client = stores.client
    call = client.batch_execute_statement
    turns: list[Any] = []

    def overtaken(**arguments: Any) -> Any:
        answer = call(**arguments)
        turns.append(answer)
        if len(turns) == 1:
            mine = stored(stores, "a")
            write(stores, write(stores, mine, replace(mine, cause="b1")), replace(mine, rev=3, cause="b2"))
            raise client.exceptions.InternalServerError({"Error": {"Code": "InternalServerError"}}, "x")
        return answer

    client.batch_execute_statement = overtaken
    (done,) = stores.ledger.write([Change(row, replace(row, act=1))], NOW + 1)
    assert done.fate is Fate.DONE
    assert done.row is not None
    assert (done.row.rev, done.row.act, done.row.cause) == (4, 1, "b2")


def test_what_the_sdk_repeats_by_itself_is_recognised(local_aws: LocalAws) -> None:
    stores = local_aws.stores(attempts=3)
    row = insert(stores, "old")
    stores.lose_answers(1)
    changes = [fresh("a"), Change(row, replace(row, act=1))]
    assert [one.fate for one in stores.ledger.write(changes, NOW + 1)] == [Fate.DONE] * 2
    assert (stored(stores, "old").rev, stored(stores, "a").rev) == (2, 1)


# -- what other versions write ----------------------------------------------------------------------------


def test_attributes_of_other_versions_are_left_alone(aws: AwsStores) -> None:
    row = insert(aws, "a", **on_timer(NOW))
    aws.set("a", "from_tomorrow", {"M": {"x": {"N": "1"}}})
    write(aws, row, off_agenda(row, Status.SENT), "done")
    assert aws.item("a")["from_tomorrow"] == {"M": {"x": {"N": "1"}}}


def test_a_status_of_a_later_version_is_no_error_and_not_ours(aws: AwsStores) -> None:
    insert(aws, "a", **on_timer(NOW))
    aws.set("a", "status", {"S": "WHISPERED"})
    for row in (stored(aws, "a"), next(aws.agenda.due(Lane.TIMER, NOW))):
        assert (row.status, row.phase) == (Status.CLAIMED, "unknown:WHISPERED")
        assert not known(row)


def test_a_default_takes_no_room(aws: AwsStores) -> None:
    insert(aws, "a")
    row = insert(aws, "b", paid=True, rounds=2, later=False, doubts=(Doubt(1, "push", NOW),))
    write(aws, row, replace(row, paid=False, rounds=0, later=True, doubts=()))
    always = {"id", "status", "rev", "ops", "created_at", "updated_at", "trail", "body"}
    assert set(aws.item("a")) == set(aws.item("b")) == always


def test_the_time_to_live_runs_only_for_what_is_over(aws: AwsStores) -> None:
    def ttl() -> int | None:
        value = aws.item("a").get("expires_ttl")
        return int(value["N"]) if value else None

    row = insert(aws, "a")
    assert ttl() is None
    row = write(aws, row, waiting(row, NOW + 9))
    assert ttl() is None
    row = write(aws, row, replace(off_agenda(row, Status.REJECTED), lane=Lane.REFUSED, due=NOW))
    assert ttl() is None, "somebody must look at it, however long that takes"
    refused = row
    row = write(aws, row, discard(row) or row)
    assert ttl() == int(NOW + 1 + RETENTION)
    row = write(aws, row, replace(refused, rev=row.rev, ops=row.ops), "looked at again")
    assert ttl() is None
    row = write(aws, row, redrive(row, NOW) or row)
    assert ttl() is None
    row = write(aws, row, off_agenda(row, Status.SENT))
    assert ttl() == int(NOW + 1 + RETENTION)
    row = write(aws, row, replace(row, status=Status.FAILED, phase=Phase.WAITING, lane=Lane.TIMER, due=NOW))
    assert ttl() is None, "its fallback is owed"
    row = write(aws, row, off_agenda(row, Status.FAILED))
    assert ttl() == int(NOW + 1 + RETENTION)
    assert insert(aws, "over", status=Status.EXPIRED).status is Status.EXPIRED
    assert "expires_ttl" in aws.item("over")


# -- the agenda -------------------------------------------------------------------------------------------


def test_only_what_waits_is_on_the_agenda(stores: Stores) -> None:
    insert(stores, "sending", phase=Phase.SENDING)
    row = insert(stores, "a", **on_timer(NOW))
    assert [entry.id for entry in stores.agenda.due(Lane.TIMER, NOW)] == ["a"]
    row = write(stores, row, parked(row, Lane.BULK, NOW + 1))
    assert stores.agenda.count(Lane.TIMER) == 0
    assert stores.agenda.count(Lane.BULK) == 1
    row = write(stores, row, off_agenda(row, Status.CANCELLED))
    assert stores.agenda.count(Lane.BULK) == 0
    assert stores.agenda.oldest(Lane.BULK) is None
    assert (row.lane, row.due, stored(stores, "a")) == (None, None, row)


def test_the_oldest_come_first_across_shards_and_pages(stores: Stores) -> None:
    names = [f"m{n}" for n in range(160)]
    assert {shard_of(name, WIDE.timer) for name in names} == set(range(WIDE.timer))
    dues = {name: NOW + (n * 7) % 160 + 0.25 for n, name in enumerate(names)}
    stores.ledger.write([fresh(name, **on_timer(due)) for name, due in dues.items()], NOW)
    found = [(entry.due, entry.id) for entry in stores.agenda.due(Lane.TIMER, NOW + 200)]
    assert found == sorted((due, name) for name, due in dues.items())
    assert stores.agenda.oldest(Lane.TIMER) == min(dues.values())
    assert stores.agenda.count(Lane.TIMER) == 160


def test_what_is_due_is_due_from_the_beginning_of_time(stores: Stores) -> None:
    for name, due in {"ancient": 1.0, "old": NOW - 86_400, "now": NOW, "soon": NOW + 0.001}.items():
        insert(stores, name, **on_timer(due))
    assert [entry.id for entry in stores.agenda.due(Lane.TIMER, NOW)] == ["ancient", "old", "now"]
    assert stores.agenda.count(Lane.TIMER, NOW) == 3
    assert stores.agenda.count(Lane.TIMER) == 4
    assert stores.agenda.oldest(Lane.TIMER) == 1.0


@pytest.mark.parametrize("limit", [0, 1, 3, 100])
def test_no_more_than_asked_for(stores: Stores, limit: int) -> None:
    stores.ledger.write([fresh(f"m{n:02}", **on_timer(NOW + n)) for n in range(20)], NOW)
    found = [entry.id for entry in stores.agenda.due(Lane.TIMER, NOW + 100, limit=limit)]
    assert found == [f"m{n:02}" for n in range(20)][:limit]


def test_lanes_do_not_mix(stores: Stores) -> None:
    for lane in (*Lane, "template:promo", "template:promo2", "campaign:a:b"):
        insert(stores, f"in-{lane.replace(':', '-')}", lane=lane, due=NOW)
    assert [entry.lane for entry in stores.agenda.due("template:promo", NOW)] == ["template:promo"]
    assert [entry.lane for entry in stores.agenda.due("campaign:a:b", NOW)] == ["campaign:a:b"]
    assert [entry.id for entry in stores.agenda.due(Lane.REFUSED, NOW)] == ["in-refused"]


def test_an_entry_holds_what_the_index_does_and_no_more(stores: Stores) -> None:
    stores.ledger.write([Change(Row("full"), FULL)], NOW)
    (entry,) = stores.agenda.due(Lane.TIMER, NOW + 100)
    whole = stored(stores, "full")
    held = {name: getattr(whole, name) for name in PROJECTED}
    assert entry == Row("full", lane=whole.lane, due=whole.due, **held)


def test_a_row_can_be_moved_from_its_entry_alone(stores: Stores) -> None:
    insert(stores, "a", wamid="w", **on_timer(NOW))
    (entry,) = stores.agenda.due(Lane.TIMER, NOW)
    write(stores, entry, parked(entry, Lane.NORMAL, NOW + 3), "parked")
    now = stored(stores, "a")
    assert (now.status, now.lane, now.due, now.wamid, now.body) == (
        Status.PARKED,
        "normal",
        NOW + 3,
        "w",
        "{}",
    )
    (stale,) = stores.ledger.write([Change(entry, off_agenda(entry, Status.EXPIRED))], NOW + 2)
    assert (stale.fate, stale.row) == (Fate.LOST, now)


# -- incidents --------------------------------------------------------------------------------------------


def test_an_incidents_rows_and_their_duplicates(stores: Stores) -> None:
    incident = FULL.incident_id
    touched = insert(stores, "b")
    insert(stores, "other")
    stores.ledger.write([Change(Row("full"), FULL)], NOW)
    after = replace(off_agenda(touched, PUSHED), incident_id=incident, doubts=(Doubt(1, "whatsapp", NOW),))
    write(stores, touched, after, "panic (push)")
    found = {row.id: row for row in stores.ledger.affected(incident)}
    assert set(found) == {"b", "full"}
    assert (found["b"].possible, found["b"].duplicates, found["b"].writes) == (1, 0, 2)
    assert (found["full"].possible, found["full"].duplicates) == (4, 2)
    settled = replace(stored(stores, "b"), doubts=())
    write(stores, stored(stores, "b"), settled, "its doubt was settled")
    (row,) = [row for row in stores.ledger.affected(incident) if row.id == "b"]
    assert (row.possible, row.duplicates, row.writes) == (0, 0, 3)
    assert [move.note for move in found["b"].trail] == ["fresh", "panic (push)"]


def test_the_duplicates_attribute_goes_and_a_number_of_version_1_stays(aws: AwsStores) -> None:
    row = insert(aws, "a", doubts=(Doubt(1, "whatsapp", NOW), Doubt(2, "whatsapp", NOW)))
    assert aws.item("a")["resends"] == {"S": "1 0 0"}
    row = write(aws, row, replace(row, doubts=row.doubts[:1]))
    assert "resends" not in aws.item("a")
    aws.set("a", "resends", {"N": "2"})
    row = stored(aws, "a")
    row = write(aws, row, replace(row, incident_id=FULL.incident_id))
    assert FULL.incident_id is not None
    (found,) = aws.ledger.affected(FULL.incident_id)
    assert (found.possible, found.duplicates) == (2, 0)


def test_a_sample_knows_the_default_priority(stores: Stores) -> None:
    for n in range(12):
        insert(stores, f"n{n}", priority="normal")
        insert(stores, f"c{n}", priority="critical")
    for priority, letter in (("normal", "n"), ("critical", "c")):
        found = stores.ledger.sample(NOW - 1, 100, range(16), priority)
        assert {row.id for row in found} == {f"{letter}{n}" for n in range(12)}
    assert len(stores.ledger.sample(NOW - 1, 5, range(16))) == 5
    assert stores.ledger.sample(NOW + 1, 5, range(16)) == []


def test_open_rows_off_the_agenda_are_found_by_reading_the_table(stores: Stores) -> None:
    sending = {"phase": Phase.SENDING}
    for n in range(9):
        insert(stores, f"open{n}", **sending)
    insert(stores, "sent", status=Status.SENT)
    insert(stores, "waits", **on_timer(NOW + 9))
    touched = insert(stores, "touched", **sending)
    write(stores, touched, replace(touched, attempt=1))
    rows, following = stores.ledger.open_off_agenda(NOW + 0.5, 0, lambda: 60.0)
    assert following is None
    assert {row.id for row in rows} == {f"open{n}" for n in range(9)}
    assert {row.phase for row in rows} == {Phase.SENDING}
    assert stores.ledger.open_off_agenda(NOW - 1, 0, lambda: 60.0) == ([], None)
    assert stores.ledger.open_off_agenda(NOW + 0.5, 5, lambda: 1.0) == ([], 5), "no time: go on from there"


# -- queues -----------------------------------------------------------------------------------------------


def take(stores: Stores, visibility: int = 30) -> list[Any]:
    found: list[Any] = stores.queues.receive(stores.url, 10, visibility)
    return found


def test_what_is_put_on_a_queue_is_received_once_and_deleted(stores: Stores) -> None:
    assert stores.queues.send(stores.url, [Outgoing(f"m{n}") for n in range(23)]) == [True] * 23
    assert stores.queues.depth(stores.url).visible == 23
    bodies: list[str] = []
    while found := take(stores):
        assert len(found) <= 10
        assert {message.receive_count for message in found} == {1}
        bodies += [message.body for message in found]
        assert stores.queues.delete(stores.url, [message.receipt for message in found]) == [True] * len(found)
    assert sorted(bodies) == sorted(f"m{n}" for n in range(23))
    assert stores.queues.depth(stores.url).total == 0


def test_what_is_not_deleted_comes_again(stores: Stores) -> None:
    stores.queues.send(stores.url, [Outgoing("x", reason="why")])
    (first,) = take(stores, visibility=1)
    assert take(stores) == []
    assert stores.queues.depth(stores.url).in_flight == 1
    (second,) = eventually(stores, lambda: take(stores))
    assert (second.id, second.body, second.reason, second.receive_count) == (first.id, "x", "why", 2)
    assert second.receipt != first.receipt
    stores.queues.show_again(stores.url, [second.receipt])
    (third,) = eventually(stores, lambda: take(stores))
    assert third.receive_count == 3


def test_a_delayed_message_comes_later(stores: Stores) -> None:
    stores.queues.send(stores.url, [Outgoing("later", delay=1), Outgoing("now")])
    assert stores.queues.depth(stores.url).delayed == 1
    assert [message.body for message in take(stores)] == ["now"]
    assert [message.body for message in eventually(stores, lambda: take(stores))] == ["later"]


def test_what_sqs_refuses_fails_alone(stores: Stores) -> None:
    messages = [Outgoing("a"), Outgoing("x" * (1024 * 1024 + 1)), Outgoing("b")]
    assert stores.queues.send(stores.url, messages) == [True, False, True]
    assert stores.queues.depth(stores.url).visible == 2


# -- one person's rows, and contents that leave --------------------------------------------------------------


def every_page(page: Callable[[str | None], tuple[list[Any], str | None]]) -> list[Any]:
    """All pages, one after the other."""
    found, after = page(None)
    while after is not None:
        more, after = page(after)
        found = [*found, *more]
    return found


def test_the_rows_of_a_person_come_page_by_page_and_no_others(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifeline.adapters.ledger.PERSON_PAGE", 2)
    for name in "abcde":
        insert(stores, name, person="hers")
    insert(stores, "x", person="his")
    insert(stores, "y")
    first, after = eventually(
        stores, lambda: found if len((found := stores.ledger.ids_of("hers", None))[0]) == 2 else None
    )
    assert after == first[-1]
    assert eventually(
        stores, lambda: sorted(every_page(lambda at: stores.ledger.ids_of("hers", at))) == list("abcde")
    )
    assert stores.ledger.ids_of("nobody", None) == ([], None)


def with_content(stores: Stores, before: dict[bool, float] | None = None) -> set[str]:
    """The ids of all parts of the ledger."""
    return {
        row.id
        for part in range(SCAN_SEGMENTS)
        for row in every_page(lambda after, part=part: stores.ledger.with_content(part, after, before))  # type: ignore[misc]
    }


def test_contents_are_seen_by_the_time_of_their_end(stores: Stores) -> None:
    ended = insert(stores, "ended")
    write(stores, ended, off_agenda(ended, Status.DELIVERED))  # at NOW + 1
    sent = insert(stores, "sent")
    write(stores, sent, off_agenda(sent, Status.SENT))
    left = insert(stores, "left")
    write(stores, left, replace(off_agenda(left, Status.DELIVERED), body=""))
    insert(stores, "waits", **on_timer(NOW + 60))
    assert with_content(stores) == {"ended", "sent", "waits"}
    assert with_content(stores, {True: NOW - 60, False: NOW - 60}) == set()
    assert with_content(stores, {True: NOW - 60, False: NOW + 60}) == {"ended"}
    assert with_content(stores, {True: NOW + 60, False: NOW + 60}) == {"ended", "sent"}


def test_a_content_leaves_the_table_and_the_rest_stays(stores: Stores) -> None:
    row = insert(stores, "a", to_masked="+49***12", person="hers", wamid="w", zones="Europe/Berlin")
    row = write(stores, row, off_agenda(row, Status.DELIVERED))
    (done,) = stores.ledger.write([Change(row, bare(row))], NOW + 2)
    assert done.fate is Fate.DONE
    assert stored(stores, "a").bare
    assert (stored(stores, "a").body, stored(stores, "a").zones, stored(stores, "a").wamid) == (
        "",
        None,
        None,
    )
    assert stored(stores, "a").status is Status.DELIVERED
    assert "a" not in with_content(stores)
