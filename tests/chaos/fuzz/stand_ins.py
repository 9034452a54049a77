"""Collaborators of the use cases that the fuzz does not fault, and Meta's reports as it writes them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from lifeline.adapters.outcome_topic import Publication
from lifeline.contract.outcomes import OUTCOMES, OutcomeEvent
from lifeline.domain.campaign.campaign import Campaign, CampaignState
from lifeline.domain.message.row import Row

from tests.support.memory import Died, Fault

APP_SECRET: Final = "made-up"
PHONE_NUMBER_ID: Final = "10000000001"
WABA_ID: Final = "20000000001"


class Quiet:
    """Telemetry that nobody reads."""

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Campaigns:
    """One campaign, ``spring``."""

    def __init__(self) -> None:
        self.states = {"spring": "running"}

    def state(self, name: str) -> str:
        return self.states.get(name, "")

    def all(self) -> list[Campaign]:
        return [
            Campaign(id=name, state=CampaignState(state), template="reminder", total=0, start=0.0, over=1.0)
            for name, state in self.states.items()
        ]

    def count(self, name: str, counts: Mapping[str, int]) -> None:
        return None


class Contacts:
    """Nobody is registered; addresses that were refused bear their mark."""

    def __init__(self) -> None:
        self.marks: dict[tuple[str, str], str] = {}

    def read(self, user_ids: Iterable[str]) -> Mapping[str, Any]:
        return {}

    def refused(self, ways: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        return {way: self.marks[way] for way in ways if way in self.marks}

    def refuse(self, way: str, address: str, why: str, now: float) -> None:
        self.marks[way, address] = why


class OutcomesSeen:
    """The outcomes topic, and a subscriber who checks what comes: by message, event id and sequence.

    Points: ``topic.before`` (FAIL, LOSE, DIE) and ``topic.after`` (LOSE, DIE) of each call, ``topic.entry``
    (FAIL) of each event in it.
    """

    def __init__(self, at: Callable[[str], Fault | None]) -> None:
        self._at = at
        self._written: dict[str, dict[int, str]] = defaultdict(dict)
        self._seen: dict[str, dict[int, OutcomeEvent]] = defaultdict(dict)
        self.early: list[str] = []
        """Events without a write before them, or in which two of one id differ."""

    def written(self, row: Row) -> None:
        """The ledger has this row now."""
        known = self._written[row.id]
        if row.rev not in known:
            known[row.rev] = str(row.status)

    def publish(self, publications: Sequence[Publication]) -> list[bool]:
        if self._fault("topic.before") in (Fault.FAIL, Fault.LOSE):
            return [False] * len(publications)
        taken = []
        for publication in publications:
            ok = self._at("topic.entry") is not Fault.FAIL
            taken.append(ok)
            if ok:
                self._take(publication.event)
        return [False] * len(publications) if self._fault("topic.after") is Fault.LOSE else taken

    def _fault(self, point: str) -> Fault | None:
        fault = self._at(point)
        if fault is Fault.DIE:
            raise Died(point)
        return fault

    def _take(self, event: OutcomeEvent) -> None:
        name, sequence = event.id or "", event.sequence
        if sequence is None:
            self.early.append(f"{event.event_id} has no sequence")
            return
        if self._written[name].get(sequence) != event.status:
            self.early.append(f"{event.event_id} tells {event.status}, which no write {sequence} made")
        first = self._seen[name].setdefault(sequence, event)
        if (first.event_id, first.status, first.time) != (event.event_id, event.status, event.time):
            self.early.append(f"{event.event_id} and {first.event_id} are of one write and differ")

    def wrong_about(self, row: Row) -> str:
        """What the events of a message at rest say wrongly or do not say; empty where all is well."""
        if self.early:
            return self.early[0]
        before = ""
        for rev, status in sorted(self._written[row.id].items()):
            if status != before and status in OUTCOMES and rev not in self._seen[row.id]:
                return f"{status} of write {rev} was never told"
            before = status
        seen = self._seen[row.id]
        if row.status in OUTCOMES and (not seen or seen[max(seen)].status != row.status):
            return f"the last event is {seen and seen[max(seen)].status}, the row {row.status}"
        return ""


@dataclass(frozen=True, slots=True)
class WishPost:
    """A person's wish about marketing messages, as Meta reports it. ``at``: epoch seconds."""

    person: str
    """The number in E.164, or the business-scoped user id."""
    wish: str
    at: float

    def __str__(self) -> str:
        return f"{self.person} {self.wish}"


@dataclass(frozen=True, slots=True)
class StatusPost:
    """One status of Meta's."""

    tag: str
    wamid: str
    state: str
    code: int | None = None
    details: str = ""

    def __str__(self) -> str:
        return f"{self.tag} {self.state}"


def body_of(post: StatusPost | WishPost) -> bytes:
    """The POST of one status, or of one wish, as Meta writes it."""
    if isinstance(post, WishPost):
        who = {"wa_id": post.person[1:]} if post.person.startswith("+") else {"user_id": post.person}
        entry = {**who, "value": post.wish, "timestamp": int(post.at)}
        return _post("user_preferences", {"user_preferences": [entry]})
    status: dict[str, Any] = {
        "id": post.wamid,
        "status": post.state,
        "timestamp": "1790000000",
        "recipient_id": "491510000000",
        "biz_opaque_callback_data": post.tag,
    }
    if post.code is not None:
        error: dict[str, Any] = {"code": post.code, "title": "failed", "message": "failed"}
        status["errors"] = [{**error, "error_data": {"details": post.details}} if post.details else error]
    return _post("messages", {"statuses": [status]})


def _post(field: str, content: Mapping[str, Any]) -> bytes:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "491510000000", "phone_number_id": PHONE_NUMBER_ID},
        **content,
    }
    document = {
        "object": "whatsapp_business_account",
        "entry": [{"id": WABA_ID, "changes": [{"field": field, "value": value}]}],
    }
    return json.dumps(document).encode()


def signature(raw: bytes) -> str:
    """Meta's signature of a POST."""
    return "sha256=" + hmac.new(APP_SECRET.encode(), raw, hashlib.sha256).hexdigest()
