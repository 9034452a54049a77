"""Operator actions on one person's data: show them, remove them.

The ledger's rows come last: until then they say by what else the person is known. So an erase that was cut
off finds all that is left when it is repeated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from lifeline.adapters.ledger import SCAN_SEGMENTS, Ledger
from lifeline.adapters.queues import Queues
from lifeline.contract.actions.person import STEPS
from lifeline.contract.instants import format_instant
from lifeline.contract.names import ENTRY_QUEUES, VOICE_QUEUE, WEBHOOK_QUEUE
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.message.content import ended, erased
from lifeline.domain.message.row import Change, Fate, Row
from lifeline.domain.panic.flag import By, note
from lifeline.domain.person import PersonTraces
from lifeline.errors import RefusedError, UnavailableError
from lifeline.use_cases.operate.operate import Handler, Request, time_left
from lifeline.use_cases.operate.person_places import PersonPlaces, Search, each_page
from lifeline.use_cases.operate.queue import OperateQueue
from lifeline.use_cases.shared.panic_mode import PanicMode
from lifeline.use_cases.shared.people import People

LOOKS: Final = 3
"""How often a row is looked at anew where another writer was faster."""
ROWS: Final = 2_000
"""Rows of one person that one request reads at most; the next one finds those that are left."""
KEPT: Final = (
    "point-in-time recovery keeps the tables of the last 35 days: erase again after a restore",
    "logs and DLQ reasons of the past are masked, and end with their retention (LogRetentionDays)",
    "Meta, OpenAI, SES (suppression list), SNS (devices) and your own subscribers keep what they received",
    "rows keep id, status, times and a pseudonym until sending.retention_days are over: reports count them",
)


class OperatePerson:
    """One person's data as operators see and remove them."""

    def __init__(
        self,
        *,
        people: People,
        ledger: Ledger,
        places: PersonPlaces,
        queues: Queues,
        names: OperateQueue,
        panic: PanicMode,
        e164: Callable[[str], str | None],
        count: Callable[[Sequence[Row]], None],
        clock: Callable[[], float],
    ) -> None:
        """``e164``: a number as it is written, normalised; ``count`` counts outcomes, as the tick does."""
        self._people = people
        self._ledger = ledger
        self._places = places
        self._queues = queues
        self._names = names
        self._panic = panic
        self._e164 = e164
        self._count = count
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {"person.export": self.export, "person.erase": self.erase}

    def export(self, request: Request) -> dict[str, Any]:
        """What is kept of them. Nothing changes but the history, which says who asked."""
        search, following = self._search(request, erase=False)
        return {"found": search.shown, **self._on(search, request, following)}

    def erase(self, request: Request) -> dict[str, Any]:
        """Remove it. Raises :class:`UnavailableError`; what was removed until then stays removed."""
        search, following = self._search(request, erase=True)
        return {
            "removed": dict(search.removed),
            "busy": search.busy,
            **self._on(search, request, following),
            "kept": list(KEPT),
        }

    def _on(self, search: Search, request: Request, following: tuple[str, str] | None) -> dict[str, Any]:
        number = self._number(request)
        return {
            "next": following and {"step": following[0], "at": following[1]},
            "numbers": [] if number else sorted(search.person.numbers),
            "waiting": sum(
                self._queues.depth(self._names.url(name)).total
                for name in (*ENTRY_QUEUES, VOICE_QUEUE, WEBHOOK_QUEUE)
            ),
        }

    def _number(self, request: Request) -> str | None:
        return None if request.get("as_user_id") else self._e164(request["who"])

    def _search(self, request: Request, *, erase: bool) -> tuple[Search, tuple[str, str] | None]:
        """Go through the steps from where the request says; where to go on, ``None`` at the end."""
        first, at = request.get("step", STEPS[0]), request.get("at", "")
        if first not in STEPS:
            raise RefusedError("invalid_request", f"step: unknown step {first[:64]!r}", STEPS)
        number = self._number(request)
        person = PersonTraces(numbers={number}) if number else PersonTraces(user_ids={request["who"]})
        search = Search(person, self._people.key(), erase, partial(time_left, request))
        rows = self._rows(search)
        steps: dict[str, Callable[[str], str | None]] = {
            "known": partial(self._places.known, search),
            "campaigns": partial(self._places.campaigns, search),
            "letters": partial(self._places.letters, search),
            "rows": lambda at: self._handle(search, rows, at),
            "ledger": partial(self._whole, search),
        }
        if number and not request.get("deep"):
            del steps["ledger"]
        following: tuple[str, str] | None = None
        for name in STEPS[STEPS.index(first) :]:
            if name not in steps:
                continue
            if search.over:
                following = (name, at or "-")
                break
            place = steps[name]("" if at == "-" else at)
            if place is not None:
                following = (name, place)
                break
            at = ""
        if first == STEPS[0] or search.removed.total():
            self._note(request, search)
        return search, following

    # -- the ledger ---------------------------------------------------------------------------------------

    def _rows(self, search: Search) -> list[Row]:
        """Their rows by the index, about :data:`ROWS` at most; what these say of them is known then."""
        rows: dict[str, Row] = {}
        asked: set[str] = set()
        while waiting := [digest for digest in search.digests() if digest not in asked]:
            for digest in waiting:
                asked.add(digest)
                for page in each_page(partial(self._ledger.ids_of, digest)):
                    read = self._ledger.read(page).values()
                    rows |= {row.id: row for row in read if row.person == digest}
                    if len(rows) >= ROWS:
                        break
            self._learn(search.person, rows.values())
        return list(rows.values())

    @staticmethod
    def _learn(person: PersonTraces, rows: Iterable[Row]) -> None:
        for row in rows:
            person.ids.add(row.id)
            if row.body:
                person.learn(row.body)

    def _handle(self, search: Search, rows: Sequence[Row], at: str) -> str | None:
        """Show or erase rows that were found; where to go on, ``None`` where none is left."""
        if not search.erase:
            ordered = sorted((row for row in rows if row.id > at), key=lambda row: row.id)
            for row in ordered:
                search.show("message", described(row))
                if search.over:
                    return row.id
            return None
        self._erase(search, rows)
        return "-" if len(rows) >= ROWS else None

    def _whole(self, search: Search, at: str) -> str | None:
        """Rows that the index does not know as theirs; ``at``: part of the ledger and the last id seen."""
        part, _, after = at.partition(" ")
        number = int(part) if part.isdigit() else 0
        while number < SCAN_SEGMENTS:
            if search.over:
                return f"{number} {after}".strip()
            page, last = self._ledger.with_content(number, after or None)
            rows = [row for row in page if search.person.gets(row.body, self._e164)]
            for row in rows:
                to = self._e164(str(json.loads(row.body).get("to", "")))
                search.person.numbers |= {to} if to else set()
            self._learn(search.person, rows)
            if rows:
                self._handle(search, rows, "")
            number, after = (number, last) if last else (number + 1, "")
        return None

    def _erase(self, search: Search, rows: Sequence[Row]) -> None:
        self._places.contact(search)
        self._places.recordings(search)
        for _ in range(LOOKS):
            changes = [
                Change(row, self._erased(search, done), "erased")
                for row in rows
                if (done := ended(row)) is not None
            ]
            again: list[Row] = []
            for change, written in zip(changes, self._ledger.write(changes, self._clock()), strict=True):
                if written.fate is Fate.DONE:
                    self._ended(search, change)
                elif written.fate is Fate.UNKNOWN:
                    raise UnavailableError("DynamoDB", "erasing a message", "no answer")
                elif written.row is not None:
                    again.append(written.row)
            search.busy += len(rows) - len(changes)
            rows = again
            if not rows:
                return
        search.busy += len(rows)

    def _erased(self, search: Search, row: Row) -> Row:
        person = row.person or search.key.person(next(iter(sorted(search.person.numbers)), row.id))
        return erased(row, search.key.erased(person))

    def _ended(self, search: Search, change: Change) -> None:
        search.removed["rows"] += 1
        if change.before.open and not change.before.reached:
            search.removed["cancelled"] += 1
            # What it was counted as before is told by Meta's id, which has left.
            self._count([replace(change.after, wamid=change.before.wamid)])

    # -- the history --------------------------------------------------------------------------------------

    def _note(self, request: Request, search: Search) -> None:
        """Who asked, why and what came of it; not whom it was about."""
        what = "a person's data were erased" if search.erase else "a person's data were exported"
        counts = {name: count for name, count in search.removed.items() if count}
        by = By(request["actor"], "operator", f"{what}: {request['reason']}", self._clock())
        evidence = {**counts, "busy": search.busy} if search.erase else {"found": len(search.shown)}
        self._panic.change(WHATSAPP, lambda flag: note(flag, by, evidence=evidence))


def described(row: Row) -> dict[str, Any]:
    """A row as its person may read it."""
    times = {name: getattr(row, name) for name in ("created_at", "updated_at", "send_after", "expires_at")}
    return {
        "id": row.id,
        "status": str(row.status),
        "type": row.type,
        "category": row.category,
        "campaign": row.campaign,
        "template": row.template,
        "message": json.loads(row.body) if row.body else None,
        "wamid": row.wamid,
        "ways": row.tried,
        **{name: None if value is None else format_instant(value) for name, value in times.items()},
        "trail": [
            {
                "at": format_instant(int(key.partition("_")[0]) / 1000),
                "status": key.partition("_")[2],
                "note": why,
            }
            for key, why in sorted(row.trail.items())
        ],
    }
