"""The adapters in memory can do what AWS may do and a local AWS never does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lifeline.adapters.queues import Outgoing
from lifeline.domain.message.row import Change, Fate, Lane, Row, off_agenda, parked, waiting
from lifeline.domain.message.status import Status
from lifeline.errors import UnavailableError

from tests.support.memory import Clock, Died, Fault, MemoryAgenda, MemoryLedger, MemoryQueues, Script
from tests.support.statuses import PUSHED

NOW = 1_790_000_000.0


def world() -> tuple[Script, MemoryLedger, MemoryAgenda]:
    faults = Script()
    ledger = MemoryLedger(faults)
    return faults, ledger, MemoryAgenda(ledger)


def fresh(name: str, due: float = NOW) -> Change:
    return Change(Row(name), waiting(Row(name), due))


def fates(ledger: MemoryLedger, *changes: Change) -> list[Fate]:
    return [one.fate for one in ledger.write(changes, NOW)]


# -- the ledger -------------------------------------------------------------------------------------------


def test_an_undocumented_transition_is_refused_loudly() -> None:
    _, ledger, _ = world()
    row = ledger.put(Row("a", status=Status.READ))
    with pytest.raises(AssertionError, match="READ to PARKED"):
        ledger.write([Change(row, parked(row, Lane.NORMAL, NOW))], NOW)
    assert ledger.rows["a"] == row


def test_a_write_that_lands_before_its_repetition_is_recognised() -> None:
    faults, ledger, _ = world()
    faults.add("ledger.write.before", Fault.LATE)
    assert fates(ledger, fresh("a")) == [Fate.DONE]
    assert ledger.rows["a"].rev == 1


def test_a_write_that_lands_after_its_repetition_changes_nothing() -> None:
    faults, ledger, _ = world()
    row = ledger.put(Row("a"))
    faults.add("ledger.write.before", Fault.LATE)
    faults.add("ledger.straggler", Fault.LATE)
    assert fates(ledger, Change(row, replace(row, act=1))) == [Fate.DONE]
    moved = ledger.write([Change(ledger.rows["a"], replace(ledger.rows["a"], act=2))], NOW)[0].row
    assert ledger.read(["a"]) == {"a": moved}
    assert (ledger.rows["a"].rev, ledger.rows["a"].act) == (3, 2)


def test_a_write_of_unknown_outcome_may_land_later() -> None:
    faults, ledger, _ = world()
    faults.add("ledger.write.before", Fault.LATE, Fault.LATE)
    faults.add("ledger.straggler", Fault.LATE)
    assert fates(ledger, fresh("a")) == [Fate.UNKNOWN]
    assert ledger.rows == {}
    assert list(ledger.read(["a"])) == ["a"]


def test_one_of_many_is_throttled_and_written_again() -> None:
    faults, ledger, _ = world()
    faults.add("ledger.write.statement", None, Fault.FAIL, Fault.LOSE)
    assert fates(ledger, fresh("a"), fresh("b"), fresh("c")) == [Fate.DONE] * 3
    faults.add("ledger.write.statement", *[None, Fault.FAIL] + [Fault.FAIL] * 9)
    assert fates(ledger, fresh("d"), fresh("e")) == [Fate.DONE, Fate.UNKNOWN]


def test_a_worker_dies_before_or_after_its_write() -> None:
    faults, ledger, _ = world()
    for point, written in (("ledger.write.before", False), ("ledger.write.after", True)):
        faults.add(point, Fault.DIE)
        with pytest.raises(Died):
            ledger.write([fresh(point)], NOW)
        assert (point in ledger.rows) is written


def test_another_writer_comes_first() -> None:
    _, ledger, _ = world()
    row = ledger.put(Row("a"))
    ledger.before_write.append(lambda: fates(ledger, Change(row, off_agenda(row, Status.SENT))))
    assert fates(ledger, Change(row, off_agenda(row, PUSHED))) == [Fate.LOST]
    assert ledger.moves == [("a", Status.CLAIMED, Status.SENT)]


# -- the agenda -------------------------------------------------------------------------------------------


def test_the_index_lags_and_follows_in_order() -> None:
    faults, ledger, agenda = world()
    ledger.write([fresh("a")], NOW)
    assert agenda.count(Lane.TIMER) == 1
    row = ledger.rows["a"]
    ledger.write([Change(row, parked(row, Lane.BULK, NOW))], NOW)
    faults.add("agenda.propagate", *[Fault.LAG] * 8)
    assert [entry.rev for entry in agenda.due(Lane.TIMER, NOW)] == [1], "as it was some time ago"
    assert [entry.rev for entry in agenda.due(Lane.BULK, NOW)] == [2]
    assert agenda.count(Lane.TIMER) == 0


def test_entries_of_one_time_have_no_order() -> None:
    faults, ledger, agenda = world()
    names = [f"m{n}" for n in range(40)]
    ledger.write([fresh(name) for name in names], NOW)
    plain = [entry.id for entry in agenda.due(Lane.TIMER, NOW)]
    faults.add("agenda.order", *[Fault.SWAP] * 100)
    swapped = [entry.id for entry in agenda.due(Lane.TIMER, NOW)]
    assert swapped != plain
    assert sorted(swapped) == sorted(plain) == sorted(names)


# -- queues -----------------------------------------------------------------------------------------------


def queues() -> tuple[Clock, Script, MemoryQueues]:
    clock, faults = Clock(), Script()
    return clock, faults, MemoryQueues(clock, faults)


def test_single_entries_fail() -> None:
    _, faults, found = queues()
    faults.add("queues.send.entry", None, Fault.FAIL)
    assert found.send("q", [Outgoing("a"), Outgoing("b"), Outgoing("c")]) == [True, False, True]
    assert found.held("q") == ["a", "c"]


def test_the_answer_of_a_send_is_lost() -> None:
    _, faults, found = queues()
    faults.add("queues.send.after", Fault.LOSE)
    assert found.send("q", [Outgoing("a")]) == [False]
    assert found.held("q") == ["a"]


def test_two_copies_and_a_delivery_after_the_deletion() -> None:
    clock, faults, found = queues()
    faults.add("queues.send.entry", Fault.REPEAT)
    found.send("q", [Outgoing("a")])
    first, second = found.receive("q", 10, 30)
    assert first.id == second.id
    faults.add("queues.delete.entry", Fault.REPEAT)
    assert found.delete("q", [first.receipt, second.receipt]) == [True, True]
    clock.advance(30)
    assert [message.receive_count for message in found.receive("q", 10, 30)] == [2]


def test_order_is_not_kept() -> None:
    _, faults, found = queues()
    found.send("q", [Outgoing("a"), Outgoing("b"), Outgoing("c")])
    faults.add("queues.receive.entry", Fault.SWAP)
    assert [found.receive("q", 1, 30)[0].body for _ in range(3)] == ["b", "a", "c"]


def test_an_older_receipt_deletes_nothing() -> None:
    clock, _, found = queues()
    found.send("q", [Outgoing("a")])
    (old,) = found.receive("q", 10, 30)
    clock.advance(30)
    (new,) = found.receive("q", 10, 30)
    assert found.delete("q", [old.receipt]) == [True]
    assert found.held("q") == ["a"]
    found.delete("q", [new.receipt])
    assert found.held("q") == []


def test_received_messages_whose_answer_was_lost_come_again() -> None:
    clock, faults, found = queues()
    found.send("q", [Outgoing("a")])
    faults.add("queues.receive.after", Fault.LOSE)
    with pytest.raises(UnavailableError):
        found.receive("q", 10, 30)
    assert found.receive("q", 10, 30) == []
    clock.advance(30)
    assert found.receive("q", 10, 30)[0].receive_count == 2


def test_retention_and_redrive() -> None:
    clock, _, found = queues()
    found.retention["q"] = 900
    found.redrives["d"] = (2, "dead")
    found.send("q", [Outgoing("a")])
    found.send("d", [Outgoing("b")])
    for _ in range(3):
        found.receive("d", 10, 30)
        clock.advance(301)
    assert (found.held("q"), found.outlived) == ([], [("q", "a")])
    assert (found.held("d"), found.held("dead")) == ([], ["b"])
