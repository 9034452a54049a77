"""Operator actions on what needs a person: refused messages, and bodies that nobody could handle.

Refused messages are rows on the agenda's lane ``refused``; to send one again, or to give it up, is one
conditional write. Dead-letter queues hold bodies: those that cannot be read, and those that were taken too
often. Look first (:meth:`OperateDeadLetters.look`), then redrive or discard.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from lifeline.adapters.agenda import Agenda
from lifeline.adapters.ledger import Ledger
from lifeline.adapters.queues import Incoming, Outgoing, Queues
from lifeline.contract.instants import format_instant
from lifeline.contract.messages import ContractError, Message, parse_message
from lifeline.contract.names import (
    DEAD_LETTER_QUEUES,
    PROBE_DLQ,
    PROBE_QUEUE,
    REFUSED,
    VOICE_DLQ,
    VOICE_QUEUE,
    WHATSAPP,
    WHATSAPP_DLQ,
    WHATSAPP_QUEUE,
)
from lifeline.domain.message import steering
from lifeline.domain.message.row import Change, Fate, Lane, Phase, Row
from lifeline.domain.message.status import Status
from lifeline.domain.panic.flag import note
from lifeline.domain.redact import redact
from lifeline.errors import RefusedError, UnavailableError
from lifeline.use_cases.operate.operate import Handler, Request, time_left
from lifeline.use_cases.operate.queue import OperateQueue
from lifeline.use_cases.panic.panic_mode import PanicMode
from lifeline.use_cases.wake import Wake, wakes_of

TARGETS: Final[Mapping[str, str]] = {
    WHATSAPP_DLQ: WHATSAPP_QUEUE,
    VOICE_DLQ: VOICE_QUEUE,
    PROBE_DLQ: PROBE_QUEUE,
}
"""Where the messages of a dead-letter queue came from; whatsapp-dlq serves all entry queues."""
HELD: Final = (REFUSED, *DEAD_LETTER_QUEUES)
"""What needs a person."""
SAMPLES: Final = 10
SCANNED: Final = 1_000
"""Refused messages that a look reads at most to find its sample and the reasons."""
ROWS: Final = 100
"""Refused messages that are read and written together."""
HIDDEN: Final = 120
"""Seconds for which a message that is being moved is hidden; more than the function's time-out."""
EVERYTHING: Final = 1_000_000
MARGIN: Final = 8.0
"""Seconds before the time-out at which moving stops; the command line asks again."""
EMPTY_RECEIVES: Final = 3
"""Empty answers in a row after which a queue counts as empty: SQS samples its servers on short polls."""
LOOKS: Final = 3
"""How often a row is looked at anew where another writer was faster."""
TOLD: Final = 20
"""Ids that an answer and the history name."""
NO_REASON: Final = "taken too often without success (an error of our own; see the log of the function)"


@dataclass(slots=True)
class _Done:
    """What one request did so far."""

    moved: int = 0
    accounted: int = 0
    failed: int = 0
    complete: bool = False
    ids: list[str] = field(default_factory=list)

    @property
    def handled(self) -> int:
        return self.moved + self.accounted + self.failed

    def name(self, message_id: str) -> None:
        if len(self.ids) < TOLD:
            self.ids.append(message_id)


class OperateDeadLetters:
    """Refused messages and dead-letter queues as operators see and empty them."""

    def __init__(
        self,
        *,
        names: OperateQueue,
        panic: PanicMode,
        queues: Queues,
        ledger: Ledger,
        agenda: Agenda,
        wake: Wake,
        count: Callable[[Sequence[Row]], None],
        clock: Callable[[], float],
    ) -> None:
        """``count`` counts outcomes, as the sender and the tick do."""
        self._names = names
        self._panic = panic
        self._queues = queues
        self._ledger = ledger
        self._agenda = agenda
        self._wake = wake
        self._count = count
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {"queue.peek": self.look, "queue.redrive": self.redrive, "queue.discard": self.discard}

    def _chosen(self, request: Request) -> str:
        name = request["queue"]
        if name == REFUSED:
            return REFUSED
        name = self._names.named(name)
        if name not in TARGETS:
            raise RefusedError("not_dead_letters", f"nothing on {name} needs a person", HELD)
        given = [field for field in ("template", "cause") if field in request]
        if given:
            raise RefusedError("invalid_request", f"{given[0]} chooses among {REFUSED} only", (REFUSED,))
        return name

    def look(self, request: Request) -> dict[str, Any]:
        """Some of them and why they are here. Nothing changes."""
        name, now = self._chosen(request), self._clock()
        wanted = int(request.get("sample", SAMPLES))
        if name == REFUSED:
            return self._look_at_rows(request, wanted, now)
        found = self._peek(name, wanted, request.get("id"))
        rows = self._rows(found)
        reasons = Counter(redact(message.reason or NO_REASON) for message in found)
        return {
            "queue": name,
            "to": TARGETS[name],
            "waiting": self._queues.depth(self._names.url(name)).total,
            "seen": len(found),
            "reasons": _ranked(reasons),
            "sample": [_described(message, rows, now) for message in found],
        }

    def redrive(self, request: Request) -> dict[str, Any]:
        """Send again what was there when the request came. What comes back meanwhile is left for a look."""
        name, started = self._chosen(request), self._clock()
        if name == REFUSED:
            words = f"sent again by {request['actor']}: {request['reason']}"
            done = self._steer(request, lambda row: steering.redrive(row, started), words, started)
        else:
            done = self._empty(request, name, started, self._move)
        to = WHATSAPP if name == REFUSED else TARGETS[name]
        left = self._waiting(name)
        if done.handled:
            self._note(request, f"{done.moved} messages of {name} sent again", name, done, left)
        return {
            "queue": name,
            "to": to,
            "moved": done.moved,
            "accounted": done.accounted,
            "failed": done.failed,
            "waiting": left,
            "complete": done.complete,
        }

    def discard(self, request: Request) -> dict[str, Any]:
        """Give up what was there when the request came; the history keeps who, why and which."""
        name, started = self._chosen(request), self._clock()
        if name == REFUSED:
            words = f"discarded by {request['actor']}: {request['reason']}"
            done = self._steer(request, steering.discard, words, started)
        else:
            done = self._empty(request, name, started, self._drop)
        left = self._waiting(name)
        if done.handled:
            self._note(request, f"{done.moved} messages of {name} discarded", name, done, left)
        return {
            "queue": name,
            "discarded": done.moved,
            "failed": done.failed,
            "waiting": left,
            "ids": done.ids,
            "complete": done.complete,
        }

    def _waiting(self, name: str) -> int:
        if name == REFUSED:
            return self._agenda.count(Lane.REFUSED)
        return self._queues.depth(self._names.url(name)).total

    # -- refused messages ----------------------------------------------------------------------------

    def _refused(self, request: Request, until: float) -> Iterator[list[Row]]:
        """Refused messages up to ``until`` that the request names, oldest first, as their rows are now."""
        if "id" in request:
            found = self._fitting(request, [request["id"]])
            if not found:
                raise RefusedError("not_refused", f"message {request['id'][:64]!r} is not among the refused")
            yield found
            return
        entries = self._agenda.due(Lane.REFUSED, until)
        while chunk := [entry.id for entry in islice(entries, ROWS)]:
            yield self._fitting(request, chunk)

    def _fitting(self, request: Request, ids: Sequence[str]) -> list[Row]:
        rows = self._ledger.read(ids)
        return [
            row
            for row in (rows[name] for name in ids if name in rows)
            if row.lane == Lane.REFUSED
            and request.get("template") in (None, row.template)
            and request.get("cause") in (None, row.cause)
        ]

    def _look_at_rows(self, request: Request, wanted: int, now: float) -> dict[str, Any]:
        seen: list[Row] = []
        for rows in self._refused(request, now):
            seen += rows
            if len(seen) >= SCANNED or time_left(request) < MARGIN:
                break
        reasons = Counter(redact(why_refused(row)) for row in seen)
        return {
            "queue": REFUSED,
            "to": WHATSAPP,
            "waiting": self._waiting(REFUSED),
            "seen": len(seen),
            "reasons": _ranked(reasons),
            "sample": [_described_row(row, now) for row in seen[:wanted]],
        }

    def _steer(
        self, request: Request, wish: Callable[[Row], Row | None], words: str, started: float
    ) -> _Done:
        """Carry out a wish on each refused message: one conditional write a row."""
        done = _Done()
        limit = int(request.get("limit", EVERYTHING))
        for rows in self._refused(request, started):
            if time_left(request) < MARGIN:
                return done
            written = self._write(rows[: limit - done.handled], wish, words, done)
            self._wake(wakes_of(written, self._clock()))
            if done.handled >= limit:
                break
        done.complete = not done.failed
        return done

    def _write(
        self, rows: Sequence[Row], wish: Callable[[Row], Row | None], words: str, done: _Done
    ) -> list[Row]:
        carried: list[Row] = []
        for _ in range(LOOKS):
            changes = [Change(row, after, words) for row in rows if (after := wish(row)) is not None]
            rows = []
            for change, written in zip(changes, self._ledger.write(changes, self._clock()), strict=True):
                if written.fate is Fate.DONE and written.row is not None:
                    carried.append(written.row)
                    done.name(change.before.id)
                elif written.fate is Fate.UNKNOWN:
                    done.failed += 1
                elif written.row is not None:
                    rows.append(written.row)
            if not rows:
                break
        done.moved += len(carried)
        done.failed += len(rows)
        return carried

    # -- dead-letter queues --------------------------------------------------------------------------

    def _peek(self, name: str, wanted: int, only: str | None) -> list[Incoming]:
        """Some messages; they can be taken again at once."""
        url = self._names.url(name)
        taken: dict[str, Incoming] = {}
        empty, depth = 0, self._queues.depth(url)
        while depth.visible and empty < EMPTY_RECEIVES and len(taken) < SCANNED:
            if only is None and len(taken) >= wanted:
                break
            messages = [m for m in self._queues.receive(url, 10, HIDDEN) if m.id not in taken]
            empty = 0 if messages else empty + 1
            taken |= {message.id: message for message in messages}
        self._queues.show_again(url, [message.receipt for message in taken.values()])
        return [message for message in taken.values() if only in (None, message_id(message))][:wanted]

    def _empty(
        self,
        request: Request,
        name: str,
        started: float,
        handle: Callable[[str, Sequence[Incoming], _Done], list[Incoming]],
    ) -> _Done:
        """Take what was there at ``started`` and let ``handle`` say which of it may be deleted."""
        url = self._names.url(name)
        limit, only = int(request.get("limit", EVERYTHING)), request.get("id")
        done, empty = _Done(), 0
        # Hidden until the end, so that the next receive brings others.
        stay: dict[str, Incoming] = {}
        try:
            while done.handled < limit and empty < EMPTY_RECEIVES and time_left(request) > MARGIN:
                messages = self._queues.receive(url, 10 if only else min(10, limit - done.handled), HIDDEN)
                stay |= {message.receipt: message for message in messages}
                empty = 0 if messages else empty + 1
                mine = [m for m in messages if m.sent_at <= started and only in (None, message_id(m))]
                newer = any(m.sent_at > started for m in messages)
                finished = [m.receipt for m in (handle(name, mine, done) if mine else [])]
                self._queues.delete(url, finished)
                for receipt in finished:
                    del stay[receipt]
                done.failed += len(mine) - len(finished)
                if newer or len(finished) < len(mine):
                    done.complete = newer and not done.failed
                    return done
        finally:
            self._queues.show_again(url, list(stay))
        done.complete = empty >= EMPTY_RECEIVES or done.handled >= limit
        return done

    def _move(self, name: str, messages: Sequence[Incoming], done: _Done) -> list[Incoming]:
        """Put messages back, but for those whose row is accounted for without them."""
        rows = self._rows(messages)
        settled = [m for m in messages if m.id in rows and _settled(name, rows[m.id])]
        done.accounted += len(settled)
        back = [m for m in messages if m not in settled]
        by_target: dict[str, list[Incoming]] = {}
        for message in back:
            by_target.setdefault(self._target(name, message), []).append(message)
        moved: list[Incoming] = []
        for url, mine in by_target.items():
            sent = self._queues.send(url, [Outgoing(message.body) for message in mine])
            moved += [message for message, ok in zip(mine, sent, strict=True) if ok]
        done.moved += len(moved)
        for message in moved:
            done.name(message_id(message) or message.id)
        return [*settled, *moved]

    def _target(self, name: str, message: Incoming) -> str:
        parsed = _parsed(message) if name == WHATSAPP_DLQ else None
        if parsed is None:
            return self._names.url(TARGETS[name])
        return self._names.url(self._names.entry(parsed.priority))

    def _drop(self, name: str, messages: Sequence[Incoming], done: _Done) -> list[Incoming]:
        """Delete messages. A row that only its dead letter accounted for ends with it."""
        rows = self._rows(messages) if name == WHATSAPP_DLQ else {}
        dropped = []
        for message in messages:
            row = rows.get(message.id)
            if row is None or self._abandon(row):
                dropped.append(message)
                done.name(message_id(message) or message.id)
        done.moved += len(dropped)
        return dropped

    def _abandon(self, row: Row) -> bool:
        for _ in range(LOOKS):
            after = steering.abandon(row)
            if after is None:
                return True
            change = Change(row, after, "its dead letter was discarded")
            (written,) = self._ledger.write([change], self._clock())
            if written.fate is Fate.DONE:
                self._count([after])
            if written.fate is not Fate.LOST:
                return written.fate is Fate.DONE
            if written.row is None:
                return True
            row = written.row
        return False

    def _rows(self, messages: Sequence[Incoming]) -> dict[str, Row]:
        """The ledger's row per SQS message, where there is one."""
        ids = {message.id: own for message in messages if (own := message_id(message))}
        rows = self._ledger.read(ids.values()) if ids else {}
        return {sqs: rows[own] for sqs, own in ids.items() if own in rows}

    def _note(self, request: Request, what: str, name: str, done: _Done, left: int) -> None:
        chosen = {key: request[key] for key in ("id", "template", "cause", "limit") if key in request}
        evidence = {
            "queue": name,
            **chosen,
            "moved": done.moved,
            "accounted": done.accounted,
            "failed": done.failed,
            "left": left,
            "ids": " ".join(done.ids),
        }
        try:
            self._panic.change(
                WHATSAPP,
                lambda flag: note(
                    flag,
                    reason=f"{what}: {request['reason']}",
                    actor=request["actor"],
                    source="operator",
                    at=self._clock(),
                    evidence=evidence,
                ),
            )
        except UnavailableError:
            if not done.moved:
                raise


def why_refused(row: Row) -> str:
    """Why a message was refused: the cause with Meta's code, and what the trail says."""
    entries = [words for key, words in sorted(row.trail.items()) if key.endswith(f"_{Status.REJECTED}")]
    cause = " ".join(str(part) for part in (row.cause, row.code) if part is not None)
    return (
        ": ".join(part for part in (cause, entries[-1] if entries else row.note or "") if part) or "refused"
    )


def message_id(message: Incoming) -> str | None:
    """The id of the message that an SQS message is about; ``None`` where it cannot be read."""
    try:
        document = json.loads(message.body)
    except (ValueError, RecursionError):
        return None
    found = document.get("id") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


def _settled(name: str, row: Row) -> bool:
    """Whether the row needs its dead letter no more."""
    if name == VOICE_DLQ:
        return row.phase != Phase.SPEAKING
    return row.accounted


def _parsed(message: Incoming) -> Message | None:
    try:
        return parse_message(message.body)
    except ContractError:
        return None


def _ranked(reasons: Counter[str]) -> list[dict[str, Any]]:
    return [{"reason": reason, "count": count} for reason, count in reasons.most_common()]


def _described(message: Incoming, rows: Mapping[str, Row], now: float) -> dict[str, Any]:
    parsed, row = _parsed(message), rows.get(message.id)
    return {
        "id": message_id(message) if row or parsed else None,
        "type": parsed.type if parsed else None,
        "priority": parsed.priority if parsed else None,
        "template": parsed.template.name if parsed and parsed.template else None,
        "cause": None,
        "status": str(row.status) if row else None,
        "since": format_instant(message.sent_at) if message.sent_at else None,
        "receive_count": message.receive_count,
        "age_seconds": max(0, round(now - message.sent_at)) if message.sent_at else None,
        "reason": redact(message.reason or NO_REASON),
        "body": None if parsed else redact(message.body[:200]),
    }


def _described_row(row: Row, now: float) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": row.type,
        "priority": row.priority,
        "template": row.template,
        "cause": row.cause,
        "status": str(row.status),
        "since": None if row.due is None else format_instant(row.due),
        "receive_count": None,
        "age_seconds": None if row.due is None else max(0, round(now - row.due)),
        "reason": redact(why_refused(row)),
        "body": None,
    }
