"""Operator actions on dead-letter queues: look at a sample and the reasons, then move messages back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from lifeline.adapters.ledger import Change as RowChange
from lifeline.adapters.ledger import Ledger, Row
from lifeline.adapters.queues import Incoming, Outgoing, Queues
from lifeline.contract import (
    DEAD_LETTER_QUEUES,
    PROBE_DLQ,
    PROBE_QUEUE,
    VOICE_DLQ,
    VOICE_QUEUE,
    WHATSAPP,
    WHATSAPP_DLQ,
    WHATSAPP_QUEUE,
    ContractError,
    Message,
    format_instant,
    parse_message,
)
from lifeline.domain.delivery import Phase
from lifeline.domain.failures import mask_private
from lifeline.domain.panic import note
from lifeline.domain.status import Status
from lifeline.errors import RefusedError, UnavailableError
from lifeline.use_cases.operate import Handler, Request, time_left
from lifeline.use_cases.operate_queue import OperateQueue
from lifeline.use_cases.panic_mode import PanicMode

TARGETS: Final[Mapping[str, str]] = {
    WHATSAPP_DLQ: WHATSAPP_QUEUE,
    VOICE_DLQ: VOICE_QUEUE,
    PROBE_DLQ: PROBE_QUEUE,
}
"""Where the messages of a dead-letter queue came from."""
SAMPLES: Final = 10
HIDDEN: Final = 120
"""Seconds for which a message that is being moved is hidden; more than the function's time-out."""
EVERYTHING: Final = 1_000_000
MARGIN: Final = 8.0
"""Seconds before the time-out at which moving stops; the command line asks again."""
EMPTY_RECEIVES: Final = 3
"""Empty answers in a row after which a queue counts as empty: SQS samples its servers on short polls."""
NO_REASON: Final = "taken too often without success (an error of our own; see the log of the function)"


class OperateDeadLetters:
    """Dead-letter queues as operators see and empty them."""

    def __init__(
        self,
        *,
        names: OperateQueue,
        panic: PanicMode,
        queues: Queues,
        ledger: Ledger,
        clock: Callable[[], float],
    ) -> None:
        self._names = names
        self._panic = panic
        self._queues = queues
        self._ledger = ledger
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {"queue.peek": self.look, "queue.redrive": self.redrive}

    def _chosen(self, request: Request) -> str:
        name = self._names.named(request["queue"])
        if name not in TARGETS:
            raise RefusedError("not_dead_letters", f"{name} is not a dead-letter queue", DEAD_LETTER_QUEUES)
        return name

    def look(self, request: Request) -> dict[str, Any]:
        """Some messages and why they are here. They can be taken again at once."""
        name, now = self._chosen(request), self._clock()
        url = self._names.url(name)
        depth = self._queues.depth(url)
        taken: dict[str, Incoming] = {}
        empty = 0
        wanted = int(request.get("sample", SAMPLES))
        while depth.visible and len(taken) < wanted and empty < EMPTY_RECEIVES:
            messages = [m for m in self._queues.receive(url, 10, HIDDEN) if m.id not in taken]
            empty = 0 if messages else empty + 1
            taken |= {message.id: message for message in messages}
        found = list(taken.values())
        self._queues.show_again(url, [message.receipt for message in found])
        rows = self._rows(found)
        reasons = Counter(mask_private(message.reason or NO_REASON) for message in found)
        return {
            "queue": name,
            "to": TARGETS[name],
            "waiting": depth.total,
            "seen": len(found),
            "reasons": [{"reason": reason, "count": count} for reason, count in reasons.most_common()],
            "sample": [_described(message, rows, now) for message in found],
        }

    def redrive(self, request: Request) -> dict[str, Any]:
        """Move what was there when the request came. What comes back meanwhile is left for a look."""
        name, started = self._chosen(request), self._clock()
        url, target = self._names.url(name), self._names.url(TARGETS[name])
        limit = int(request.get("limit", EVERYTHING))
        moved = empty = failed = newer = 0
        while moved + failed + newer < limit and empty < EMPTY_RECEIVES and time_left(request) > MARGIN:
            messages = self._queues.receive(url, min(10, limit - moved - failed), HIDDEN)
            if not messages:
                empty += 1
                continue
            empty = 0
            mine = [m for m in messages if m.sent_at <= started]
            later = [m for m in messages if m.sent_at > started]
            newer += len(later)
            done = self._move(name, target, mine, started)
            failed += len(mine) - len(done)
            moved += len(done)
            self._queues.delete(url, [message.receipt for message in done])
            self._queues.show_again(url, [m.receipt for m in messages if m not in done])
            if later or len(done) < len(mine):
                break
        left = self._queues.depth(url).total
        self._note(request, name, moved, left)
        return {
            "queue": name,
            "to": TARGETS[name],
            "moved": moved,
            "failed": failed,
            "waiting": left,
            "complete": empty >= EMPTY_RECEIVES or bool(newer),
        }

    def _move(self, name: str, target: str, messages: Sequence[Incoming], now: float) -> list[Incoming]:
        """Put messages back; returns those that are on their way."""
        rows = self._rows(messages) if name == WHATSAPP_DLQ else {}
        outgoing = []
        for message in messages:
            row = rows.get(message.id)
            if row is not None and row.status is Status.REJECTED:
                row = self._reopen(row, now)
            # The row names the carrier that owns the id; without a row the message starts anew.
            carrier = {"claim": row.claim, "turn": row.turn, "rounds": 0} if row else None
            outgoing.append(Outgoing(message.body, carrier if name == WHATSAPP_DLQ else message.note))
        sent = self._queues.send(target, outgoing)
        return [message for message, ok in zip(messages, sent, strict=True) if ok]

    def _reopen(self, row: Row, now: float) -> Row:
        """A rejected message is at work again, unless somebody else has moved it meanwhile."""
        values = {"phase": Phase.WAITING, "turn": row.turn + 1, "due_at": now, "attempt": 0}
        lost = self._ledger.apply(
            [RowChange(row, Status.CLAIMED, values, "taken from the dead letters")], now
        )
        return replace(row, turn=row.turn + 1) if lost[0] is None else lost[0]

    def _rows(self, messages: Sequence[Incoming]) -> dict[str, Row]:
        """The ledger's row per SQS message, where there is one."""
        ids = {message.id: parsed.id for message in messages if (parsed := _parsed(message))}
        rows = self._ledger.read(ids.values()) if ids else {}
        return {sqs: rows[own] for sqs, own in ids.items() if own in rows}

    def _note(self, request: Request, name: str, moved: int, left: int) -> None:
        text = f"{moved} messages moved from {name} to {TARGETS[name]}: {request['reason']}"
        evidence = {"queue": name, "moved": moved, "left": left}
        try:
            self._panic.change(
                WHATSAPP,
                lambda flag: note(
                    flag,
                    reason=text,
                    actor=request["actor"],
                    source="operator",
                    at=self._clock(),
                    evidence=evidence,
                ),
            )
        except UnavailableError:
            if not moved:
                raise


def _parsed(message: Incoming) -> Message | None:
    try:
        return parse_message(message.body)
    except ContractError:
        return None


def _described(message: Incoming, rows: Mapping[str, Row], now: float) -> dict[str, Any]:
    parsed, row = _parsed(message), rows.get(message.id)
    return {
        "id": parsed.id if parsed else None,
        "type": parsed.type if parsed else None,
        "priority": parsed.priority if parsed else None,
        "status": str(row.status) if row else None,
        "since": format_instant(message.sent_at) if message.sent_at else None,
        "receive_count": message.receive_count,
        "age_seconds": max(0, round(now - message.sent_at)) if message.sent_at else None,
        "reason": mask_private(message.reason or NO_REASON),
        "body": None if parsed else mask_private(message.body[:200]),
    }
