"""Reports about messages become writes of their rows: read, fold, write, wake, count. For webhooks and mails.

A report that raises concerns itself alone: it is logged, counted, and named in :attr:`Folded.faulty`, since
it would raise again. Where a repetition can help (no answer to a write, a row that keeps changing), the
message is named in :attr:`Folded.again`; the repetition is harmless, because what is known already changes
nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from lifeline.adapters.ledger import Ledger
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account.counters import CounterName, outcome_of, settles
from lifeline.domain.message.row import Change, Fate, Row, Watch, Written, known
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.counting import Count
from lifeline.use_cases.shared.repeats import emit, repeats
from lifeline.use_cases.shared.wake import Wake, wakes_of

R = TypeVar("R")
ROUNDS: Final = 5
"""How often a row is decided anew after another writer moved it meanwhile."""


@dataclass(frozen=True, slots=True)
class Moved(Generic[R]):
    """One row that its reports changed, as it was, and as it was written."""

    before: Row
    row: Row
    reports: tuple[R, ...]
    """Those that changed it."""


@dataclass(slots=True)
class Folded(Generic[R]):
    """What became of the reports."""

    rows: dict[str, Row] = field(default_factory=dict)
    """The rows as they were read; an unknown id is absent."""
    moved: list[Moved[R]] = field(default_factory=list)
    again: set[str] = field(default_factory=set)
    """Ids whose reports must come again."""
    faulty: set[str] = field(default_factory=set)
    """Ids with a report or a row that failed by an error of our own."""


class FoldReports:
    """One instance per worker."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        wake: Wake,
        count: Count,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        """``count``: adds to the counters of a minute."""
        self._ledger = ledger
        self._wake = wake
        self._add = count
        self._clock = clock
        self._telemetry = telemetry

    def __call__(
        self,
        reports: Mapping[str, Sequence[R]],
        tell: Callable[[Row, R], Row],
        why: Callable[[Sequence[R]], str],
        watch: Watch = Watch.AGENDA,
    ) -> Folded[R]:
        """Apply reports, by message id and in order. ``tell``: a row and a report to the row after it.

        ``why``: what the row's trail says of the reports that changed it. ``watch``: what sees to it that
        their outcomes are told. Raises :class:`~lifeline.errors.UnavailableError` when the rows cannot be
        read.
        """
        folded: Folded[R] = Folded()
        if not reports:
            return folded
        folded.rows = self._read(reports, folded.faulty)
        waiting = [row for row in folded.rows.values() if self._is_ours(row, folded.again)]
        for _ in range(ROUNDS):
            folds = [self._fold(row, reports[row.id], tell, folded.faulty) for row in waiting]
            changed = [(row, after, taken) for row, after, taken in folds if after != row]
            waiting = []
            if not changed:
                break
            changes = [Change(row, after, why(taken), watch) for row, after, taken in changed]
            written = self._write(changes, folded.faulty)
            for (row, _, taken), result in zip(changed, written, strict=True):
                if result is None:
                    continue
                if result.fate is Fate.UNKNOWN:
                    folded.again.add(row.id)
                elif result.row is None:
                    self._telemetry.error("row vanished", message_id=row.id)
                elif result.fate is Fate.DONE:
                    folded.moved.append(Moved(row, result.row, tuple(taken)))
                elif self._is_ours(result.row, folded.again):
                    waiting.append(result.row)
        folded.again.update(row.id for row in waiting)
        if folded.again:
            self._telemetry.warning("reports must come again", rows=len(folded.again))
        self._wake_for(folded.moved)
        self._count(folded.moved)
        return folded

    def _is_ours(self, row: Row, again: set[str]) -> bool:
        """Another version's row is left to a worker of that version, to which the repetition may come."""
        if known(row):
            return True
        self._telemetry.warning("row of another version", message_id=row.id, phase=row.phase, lane=row.lane)
        self._telemetry.count("LeftAlone", scope=WHATSAPP)
        again.add(row.id)
        return False

    def _fold(
        self, row: Row, reports: Sequence[R], tell: Callable[[Row, R], Row], faulty: set[str]
    ) -> tuple[Row, Row, list[R]]:
        now, taken = row, []
        for report in reports:
            try:
                after = tell(now, report)
            except Exception:  # one report's trouble is its own
                self._fault("a report could not be taken", row.id, faulty)
                continue
            if after != now:
                now = after
                taken.append(report)
        return row, now, taken

    def _read(self, ids: Iterable[str], faulty: set[str]) -> dict[str, Row]:
        try:
            return self._ledger.read(ids)
        except UnavailableError:
            raise
        except Exception:  # one row's trouble is its own
            rows: dict[str, Row] = {}
            for name in ids:
                try:
                    rows |= self._ledger.read([name])
                except UnavailableError:
                    raise
                except Exception:
                    self._fault("a row could not be read", name, faulty)
            return rows

    def _write(self, changes: Sequence[Change], faulty: set[str]) -> list[Written | None]:
        """One answer per change; ``None`` for one that can never be written."""
        try:
            return list(self._ledger.write(changes, self._clock()))
        except Exception:  # one row's trouble is its own
            if len(changes) > 1:
                return [self._write([change], faulty)[0] for change in changes]
            self._fault("a row could not be written", changes[0].before.id, faulty)
            return [None]

    def _fault(self, event: str, message_id: str, faulty: set[str]) -> None:
        faulty.add(message_id)
        self._telemetry.exception(event, message_id=message_id)
        self._telemetry.count("WebhookFaults", scope=WHATSAPP)

    def _wake_for(self, moved: Sequence[Moved[R]]) -> None:
        """To be on time; the tick makes up for what is lost here."""
        due = [item.row for item in moved if (item.row.lane, item.row.due) != _place(item.before)]
        wakes = wakes_of(due, self._clock())
        if wakes:
            self._wake(wakes)

    def _count(self, moved: Sequence[Moved[R]]) -> None:
        counts: Counter[CounterName] = Counter()
        ended = [item.row for item in moved if settles(item.before, item.row)]
        for status, count in Counter(str(row.status) for row in ended).items():
            self._telemetry.count("Outcomes", count, status=status)
        counts.update(outcome_of(row) for row in ended)
        for item in moved:
            counts.update(repeats(item.before, item.row))
        counts += Counter()  # drops zeros
        emit(counts, self._telemetry)
        if not counts:
            return
        try:
            self._add(int(self._clock() // 60) * 60, counts)
        except Exception as error:  # what only counts must not hide that something has to come again
            self._telemetry.warning("counters could not be written", detail=repr(error))


def _place(row: Row) -> tuple[str | None, float | None]:
    return row.lane, row.due
