"""The protections that keep a message from being lost or told twice, each of which can be taken away.

A harness that finds nothing proves nothing: with any one of these off, the fuzz has to find a violation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

from lifeline.adapters.queues import Outgoing
from lifeline.domain.message import telling
from lifeline.domain.message.outcome import Taken
from lifeline.domain.message.row import Change, Fate, Row, Written, off_agenda
from lifeline.use_cases.deliver import claim as claim_step
from lifeline.use_cases.deliver import fallbacks, send
from lifeline.use_cases.deliver.fall_back import FallBack
from lifeline.use_cases.deliver.job import Job
from lifeline.use_cases.shared.opt_outs import OptedOut
from lifeline.use_cases.webhook.bodies import Body, TakeBodies
from lifeline.use_cases.webhook.front import Front

from tests.support.memory import MemoryAgenda, MemoryLedger

Patch = Callable[[], Any]


def _one_without_ops(self: MemoryLedger, change: Change, op: str, now: float) -> Written:
    current = self.rows.get(change.after.id)
    if (current.rev if current else 0) != change.before.rev:
        return Written(Fate.LOST, current)
    return _ONE(self, change, op, now)


def _one_without_rev(self: MemoryLedger, change: Change, op: str, now: float) -> Written:
    current = self.rows.get(change.after.id)
    if current is not None and change.before.rev and current.rev != change.before.rev:
        change = Change(current, replace(change.after, rev=current.rev), change.note)
    return _ONE(self, change, op, now)


def _without_doubt(row: Row) -> Row:
    return replace(row, phase=None)


def _without_escalated(row: Any, **changes: Any) -> Any:
    changes.pop("escalated", None)
    return replace(row, **changes)


def _claim_off_the_agenda(row: Row, way: str, now: float, lease: float) -> Row:
    return replace(_CLAIM(row, way, now, lease), lane=None, due=None)


def _due_in_a_window(self: MemoryAgenda, lane: str, until: float, **more: Any) -> Iterator[Row]:
    return (row for row in _DUE(self, lane, until, **more) if (row.due or 0.0) > until - 140.0)


def _raises(self: send.Send, job: Job, stop: Any, remaining: Any) -> Any:
    return self._stopped(job, stop, remaining) or self._ask(job, job.row.recording)


def _nowhere(before: Row, after: Row, now: float) -> Row:
    return after


def _told_once(row: Row, began: Row | None, *, remembered: float, now: float) -> frozenset[int]:
    return telling.to_tell(row, began, remembered=0.0, now=now)


def _worst(outcomes: Sequence[Any]) -> Any:
    return next((outcome for outcome in outcomes if not isinstance(outcome, Taken)), outcomes[0])


def _one_device(self: FallBack, jobs: Sequence[Job]) -> Any:
    return {
        name: replace(known, ways={way: theirs[:1] for way, theirs in known.ways.items()})
        for name, known in _PEOPLE(self, jobs).items()
    }


def _said_so(self: Front, bodies: Sequence[str]) -> bool:
    self._queues.send(self._queue_url, [Outgoing(body) for body in bodies])
    return True


def _acknowledged(self: TakeBodies, bodies: Sequence[Body], remaining: Callable[[], float]) -> list[str]:
    _TAKE(self, bodies, remaining)
    return []


@contextmanager
def _both(*patches: Any) -> Iterator[None]:
    with ExitStack() as stack:
        for item in patches:
            stack.enter_context(item)
        yield


_PEOPLE: Final = FallBack.people
_ONE: Final = MemoryLedger._one
_DUE: Final = MemoryAgenda.due
_TAKE: Final = TakeBodies.__call__
_CLAIM: Final[Callable[[Row, str, float, float], Row]] = vars(claim_step)["claim"]

PROTECTIONS: Final[dict[str, Patch]] = {
    "op: own writes are recognised": lambda: patch.object(MemoryLedger, "_one", _one_without_ops),
    "rev: a write needs the row as it was read": lambda: patch.object(MemoryLedger, "_one", _one_without_rev),
    "doubt: a dead worker's act is in doubt": lambda: patch(
        "lifeline.domain.message.step.doubted", _without_doubt
    ),
    "lease: a claim from a wake-up stays on the agenda": lambda: _both(
        patch.object(claim_step, "claim", _claim_off_the_agenda),
        patch.object(fallbacks, "claim", _claim_off_the_agenda),
    ),
    "acknowledge last": lambda: patch.object(Job, "accounted", property(lambda job: True)),
    "isolation: a send that raises": lambda: patch.object(send.Send, "_one", _raises),
    "deadline: right before the send": lambda: patch.object(
        send.Send, "_stopped", lambda self, job, stop, remaining: None
    ),
    "escalation: what Meta took waits for a device": lambda: patch(
        "lifeline.domain.message.outcome.at_meta", off_agenda
    ),
    "escalation: it is meant to tell beside WhatsApp": lambda: patch(
        "lifeline.domain.message.step.replace", _without_escalated
    ),
    "outcomes: a row that owes one stays on the agenda": lambda: patch.object(telling, "_placed", _nowhere),
    "outcomes: a message that comes again tells again": lambda: patch(
        "lifeline.use_cases.deliver.tell.to_tell", _told_once
    ),
    "opt-out: asked once more right before the effect": lambda: patch.object(
        OptedOut, "meanwhile", lambda self, row, names: None
    ),
    "devices: what one took is done": lambda: patch(
        "lifeline.use_cases.deliver.fall_back.of_devices", _worst
    ),
    "devices: each is told": lambda: patch.object(FallBack, "people", _one_device),
    "webhook: what no queue has taken is left with Meta": lambda: patch.object(Front, "_queued", _said_so),
    "webhook: what could not be handled comes again": lambda: patch.object(
        TakeBodies, "__call__", _acknowledged
    ),
    "overdue from the beginning of time": lambda: patch.object(MemoryAgenda, "due", _due_in_a_window),
}
