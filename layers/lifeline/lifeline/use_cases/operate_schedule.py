"""Operator actions on messages that wait: cancel one, or send it at another time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any, Final

from lifeline.adapters.ledger import Change, Ledger, Row
from lifeline.adapters.queues import Outgoing, Queues
from lifeline.adapters.scheduler import Schedules
from lifeline.contract import format_instant, parse_instant, parse_message
from lifeline.domain.delivery import MAX_SQS_DELAY, Phase
from lifeline.domain.status import Status
from lifeline.errors import ConflictError, RefusedError, UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.operate import Handler, Request

YEAR: Final = 366 * 86_400.0


class OperateSchedule:
    """The row decides: it is written first, and a carrier that comes at the old time finds it changed."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        queues: Queues,
        schedules: Schedules | None,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._queues = queues
        self._schedules = schedules
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {"message.cancel": self.cancel, "message.reschedule": self.reschedule}

    def cancel(self, request: Request) -> dict[str, Any]:
        """A message that waits or is parked is settled as EXPIRED; nobody gets it."""
        now = self._clock()
        row = self._waiting(request["id"], parked=True)
        note = f"cancelled by {request['actor']}: {request['reason']}"
        self._write(Change(row, Status.EXPIRED, {"phase": None}, note), now)
        if row.phase == Phase.SCHEDULED and self._schedules:
            # Where this fails, the schedule's message finds the row settled and does nothing.
            self._schedules.cancel(row.id)
        return {"id": row.id, "status": str(Status.EXPIRED)}

    def reschedule(self, request: Request) -> dict[str, Any]:
        """Send it at another time. Repeat it where a service did not answer: that changes nothing else."""
        now = self._clock()
        try:
            at = parse_instant(request["at"])
        except (ValueError, OverflowError) as error:
            raise RefusedError("invalid_request", f"at: is not a real instant ({error})") from error
        if not now < at <= now + YEAR:
            raise RefusedError("invalid_request", "at must lie ahead, by a year at most")
        row = self._waiting(request["id"], parked=False)
        body = json.dumps(
            {**json.loads(row.body), "send_after": format_instant(at)},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        expires_at = parse_message(body).expires_at
        if expires_at is not None and expires_at <= at:
            raise RefusedError("refused", f"it expires at {format_instant(expires_at)}, before that")
        if self._schedules is None:
            raise UnavailableError("EventBridge Scheduler", "rescheduling", "no schedule group is set")
        values = {"phase": str(Phase.SCHEDULED), "due_at": at, "turn": row.turn + 1, "body": body}
        self._write(
            Change(row, Status.CLAIMED, values, f"{request['actor']} moved it to {format_instant(at)}"), now
        )
        # The new carrier first: at no moment is there none.
        if at - now > MAX_SQS_DELAY:
            self._schedules.move(row.id, self._settings.whatsapp_queue_arn, body, at)
        else:
            url = self._settings.whatsapp_queue_url
            if not self._queues.send(url, [Outgoing(body, delay=ceil(at - now))])[0]:
                raise UnavailableError("SQS", "putting it on the live queue", "the entry was refused")
            self._schedules.cancel(row.id)
        return {"id": row.id, "status": str(Status.CLAIMED), "at": format_instant(at)}

    def _waiting(self, name: str, *, parked: bool) -> Row:
        row = self._ledger.read([name]).get(name)
        if row is None:
            raise RefusedError("unknown_message", f"no message {name[:64]!r} is in the ledger")
        waits = row.status is Status.CLAIMED and row.phase in (Phase.SCHEDULED, Phase.WAITING)
        if not waits and not (parked and row.status is Status.PARKED):
            raise RefusedError("refused", f"message {name} is {row.status} {row.phase or ''}: too late")
        return row

    def _write(self, change: Change, now: float) -> None:
        if self._ledger.apply([change], now)[0] is not None:
            raise ConflictError(f"message {change.row.id} moved on meanwhile")
