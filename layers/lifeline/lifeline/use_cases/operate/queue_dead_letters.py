"""Operator actions on what needs a person: refused messages, and bodies that nobody could handle.

Refused messages are rows: :mod:`lifeline.use_cases.operate.queue_refused`. Dead-letter queues hold bodies:
those that cannot be read, and those that were taken too often. Look first (:meth:`OperateDeadLetters.look`),
then redrive or discard.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from lifeline.adapters.ledger import Ledger
from lifeline.adapters.queues import Incoming, Outgoing, Queues
from lifeline.contract.instants import format_instant
from lifeline.contract.messages import ContractError, Message, parse_message
from lifeline.contract.names import (
    DEAD_LETTER_QUEUES,
    EVENTS_DLQ,
    PROBE_DLQ,
    PROBE_QUEUE,
    REFUSED,
    VOICE_DLQ,
    VOICE_QUEUE,
    WEBHOOK_DLQ,
    WEBHOOK_QUEUE,
    WHATSAPP_DLQ,
    WHATSAPP_QUEUE,
)
from lifeline.contract.patterns import is_id
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.failure.lost_events import reason_of_event
from lifeline.domain.message import steering
from lifeline.domain.message.row import Change, Fate, Phase, Row
from lifeline.domain.panic.flag import By, note
from lifeline.domain.redact import redact
from lifeline.errors import RefusedError, UnavailableError
from lifeline.use_cases.operate.operate import Handler, Request, time_left
from lifeline.use_cases.operate.queue import OperateQueue
from lifeline.use_cases.operate.queue_refused import (
    EVERYTHING,
    LOOKS,
    MARGIN,
    SCANNED,
    Handled,
    RefusedMessages,
    ranked,
)
from lifeline.use_cases.shared.panic_mode import PanicMode

TARGETS: Final[Mapping[str, str]] = {
    WHATSAPP_DLQ: WHATSAPP_QUEUE,
    VOICE_DLQ: VOICE_QUEUE,
    PROBE_DLQ: PROBE_QUEUE,
    WEBHOOK_DLQ: WEBHOOK_QUEUE,
}
"""Where the messages of a dead-letter queue came from; whatsapp-dlq serves all entry queues."""
HELD: Final = (REFUSED, *DEAD_LETTER_QUEUES)
"""What needs a person."""
SAMPLES: Final = 10
HIDDEN: Final = 120
"""Seconds for which a message that is being moved is hidden; more than the function's time-out."""
EMPTY_RECEIVES: Final = 3
"""Empty answers in a row after which a queue counts as empty: SQS samples its servers on short polls."""
NOWHERE: Final = "nowhere: fix the cause, then discard"
NO_REASON: Final = "received too often without success (an error of Lifeline; see the log of the function)"


class OperateDeadLetters:
    """Refused messages and dead-letter queues as operators see and empty them."""

    def __init__(
        self,
        *,
        names: OperateQueue,
        panic: PanicMode,
        queues: Queues,
        ledger: Ledger,
        refused: RefusedMessages,
        count: Callable[[Sequence[Row]], None],
        clock: Callable[[], float],
    ) -> None:
        """``count`` counts outcomes, as the sender and the tick do."""
        self._names = names
        self._panic = panic
        self._queues = queues
        self._ledger = ledger
        self._refused = refused
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
        if name not in DEAD_LETTER_QUEUES:
            raise RefusedError("not_dead_letters", f"{name} has no dead letters", HELD)
        given = [field for field in ("template", "cause") if field in request]
        if given:
            raise RefusedError("invalid_request", f"{given[0]} applies to {REFUSED} only", (REFUSED,))
        return name

    def look(self, request: Request) -> dict[str, Any]:
        """Some of them and why they are here. Nothing changes."""
        name, now = self._chosen(request), self._clock()
        wanted = int(request.get("sample", SAMPLES))
        if name == REFUSED:
            return self._refused.look(request, wanted, now)
        letters = self._peek(name, wanted, request.get("id"))
        rows = self._rows(letters)
        reasons = Counter(_why(message) for message in letters)
        return {
            "queue": name,
            "to": TARGETS.get(name, NOWHERE),
            "waiting": self._queues.depth(self._names.url(name)).total,
            "seen": len(letters),
            "reasons": ranked(reasons),
            "sample": [_described(message, rows, now) for message in letters],
        }

    def redrive(self, request: Request) -> dict[str, Any]:
        """Send again what was there when the request came. What comes back meanwhile is left for a look."""
        name, started = self._chosen(request), self._clock()
        if name == EVENTS_DLQ:
            words = (
                f"{EVENTS_DLQ} has events of functions, which cannot be redriven: fix the cause, then discard"
            )
            raise RefusedError("not_sent_again", words, (REFUSED, *TARGETS))
        if name == REFUSED:
            words = f"sent again by {request['actor']}: {request['reason']}"
            done = self._refused.steer(request, lambda row: steering.redrive(row, started), words, started)
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
            done = self._refused.steer(request, steering.discard, words, started)
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
            return self._refused.waiting()
        return self._queues.depth(self._names.url(name)).total

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
        handle: Callable[[str, Sequence[Incoming], Handled], list[Incoming]],
    ) -> Handled:
        """Take what was there at ``started`` and let ``handle`` say which of it may be deleted."""
        url = self._names.url(name)
        limit, only = int(request.get("limit", EVERYTHING)), request.get("id")
        done, empty = Handled(), 0
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

    def _move(self, name: str, messages: Sequence[Incoming], done: Handled) -> list[Incoming]:
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

    def _drop(self, name: str, messages: Sequence[Incoming], done: Handled) -> list[Incoming]:
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

    def _note(self, request: Request, what: str, name: str, done: Handled, left: int) -> None:
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
                    By(request["actor"], "operator", f"{what}: {request['reason']}", self._clock()),
                    evidence=evidence,
                ),
            )
        except UnavailableError:
            if not done.moved:
                raise


def message_id(message: Incoming) -> str | None:
    """The id of the message that an SQS message is about; ``None`` where it has none that could be one."""
    try:
        document = json.loads(message.body)
    except (ValueError, RecursionError):
        return None
    name = document.get("id") if isinstance(document, dict) else None
    return str(name) if is_id(name) else None


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


def _why(message: Incoming) -> str:
    return redact(message.reason or reason_of_event(message.body) or NO_REASON)


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
        "reason": _why(message),
        "body": None if parsed else redact(message.body[:200]),
    }
