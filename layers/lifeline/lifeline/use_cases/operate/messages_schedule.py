"""Operator actions on messages that wait: cancel one, or send it at another time.

Each is one conditional write of the row. A wake-up for the old time finds the row changed and does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from lifeline.adapters.ledger import Ledger
from lifeline.contract.instants import format_instant, parse_instant
from lifeline.domain.message import steering
from lifeline.domain.message.row import Change, Fate, Row
from lifeline.domain.message.status import Status
from lifeline.errors import ConflictError, RefusedError, UnavailableError
from lifeline.use_cases.operate.operate import Handler, Request
from lifeline.use_cases.shared.wake import Wake, wakes_of

YEAR: Final = 366 * 86_400.0
LOOKS: Final = 3
"""How often the row is looked at anew where another writer was faster."""


class OperateSchedule:
    """The row decides, and it says so where a wish comes too late."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        wake: Wake,
        count: Callable[[Sequence[Row]], None],
        clock: Callable[[], float],
    ) -> None:
        """``count`` counts outcomes, as the sender and the tick do."""
        self._ledger = ledger
        self._wake = wake
        self._count = count
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {"message.cancel": self.cancel, "message.reschedule": self.reschedule}

    def cancel(self, request: Request) -> dict[str, Any]:
        """Take a message back that was not sent yet. Repeat it where a service did not answer."""
        now = self._clock()
        row = self._read(request["id"])
        changed = row.status is not Status.CANCELLED
        if changed:
            note = f"cancelled by {request['actor']}: {request['reason']}"
            row = self._change(row, steering.cancel, note, now)
            self._count([row])
        return {"id": row.id, "status": str(row.status), "changed": changed, "in_doubt": bool(row.doubts)}

    def reschedule(self, request: Request) -> dict[str, Any]:
        """Send it at another time. Repeat it where a service did not answer: that changes nothing else."""
        now = self._clock()
        try:
            at = parse_instant(request["at"])
        except (ValueError, OverflowError) as error:
            raise RefusedError("invalid_request", f"at: is not a real instant ({error})") from error
        if not now < at <= now + YEAR:
            raise RefusedError("invalid_request", "at must be in the future, at most a year ahead")

        def moved(row: Row) -> Row | None:
            if row.expires_at is not None and row.expires_at <= at:
                raise RefusedError("refused", f"it expires at {format_instant(row.expires_at)}, before that")
            return steering.move(row, at, _body_at(row.body, at))

        note = f"{steering.MOVED}{format_instant(at)} by {request['actor']}"
        row = self._change(self._read(request["id"]), moved, note, now)
        self._wake(wakes_of([row], now))
        return {"id": row.id, "status": str(row.status), "at": format_instant(at)}

    def _read(self, name: str) -> Row:
        row = self._ledger.read([name]).get(name)
        if row is None:
            raise RefusedError(
                "unknown_message", f"no message {name[:64]!r} is in the ledger; it may still be in its queue"
            )
        return row

    def _change(self, row: Row, wish: Callable[[Row], Row | None], note: str, now: float) -> Row:
        """Write what ``wish`` makes of the row, looking anew at what another writer left."""
        for _ in range(LOOKS):
            after = wish(row)
            if after is None:
                raise RefusedError("too_late", f"message {row.id} is {_standing(row)}: too late")
            (written,) = self._ledger.write([Change(row, after, note)], now)
            if written.fate is Fate.UNKNOWN:
                raise UnavailableError("DynamoDB", "changing a message", "no answer")
            if written.row is None:
                raise RefusedError("unknown_message", f"message {row.id} is gone from the ledger")
            row = written.row
            if written.fate is Fate.DONE:
                return row
        raise ConflictError(f"message {row.id} keeps changing; it is {_standing(row)}")


def _standing(row: Row) -> str:
    """Where a message stands, in words."""
    if row.in_flight:
        return f"{row.status}, on its way ({row.way})"
    if row.status is Status.FAILED and row.open:
        return "FAILED, its fallback is due"
    return f"{row.status}, in doubt" if row.doubts and row.status is not Status.IN_DOUBT else str(row.status)


def _body_at(body: str, at: float) -> str:
    document = {**json.loads(body), "send_after": format_instant(at)}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
