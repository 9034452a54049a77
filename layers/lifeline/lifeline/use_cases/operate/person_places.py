"""Where one person's data lie, place by place: shown for an export, removed for an erase.

Everything may be repeated: what is gone is not found again. A place that is larger than an invocation is
left with the name of where to go on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lifeline.adapters.campaigns import Campaigns
from lifeline.adapters.contacts import Contacts, bsuid_key
from lifeline.adapters.inbox import Inbox
from lifeline.adapters.queues import Incoming, Queues
from lifeline.adapters.recordings import Recordings
from lifeline.contract.actions.messages import OF_CONTACT
from lifeline.contract.names import DEAD_LETTER_QUEUES
from lifeline.domain.campaign.campaign import CHUNK
from lifeline.domain.inbound.inbound import VoiceNote
from lifeline.domain.person import PersonKey, PersonTraces
from lifeline.domain.voice.speech import recording_key
from lifeline.errors import ConflictError, RefusedError
from lifeline.use_cases.operate.queue import OperateQueue
from lifeline.use_cases.operate.queue_dead_letters import EMPTY_RECEIVES, message_id

MARGIN: Final = 8.0
"""Seconds before the time-out at which an answer is given; the command line asks again."""
HIDDEN: Final = 600
"""Seconds for which dead letters of others stay hidden once seen: the next request sees further ones."""
LARGEST: Final = 3_000_000
"""Bytes of data in one answer; Lambda's own bound is 6 MB."""


@dataclass(slots=True)
class Search:
    """One request: whose data, whether to remove them, and what it came to."""

    person: PersonTraces
    key: PersonKey
    erase: bool
    remaining: Callable[[], float]
    shown: list[dict[str, Any]] = field(default_factory=list)
    removed: Counter[str] = field(default_factory=Counter)
    busy: int = 0
    size: int = 0

    @property
    def over(self) -> bool:
        """Whether this invocation, or its answer, holds no more."""
        return self.remaining() < MARGIN or self.size > LARGEST

    def show(self, where: str, data: Any) -> None:
        """Put data into the answer of an export."""
        if not self.erase:
            self.shown.append({"where": where, "data": data})
            self.size += len(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))

    def digests(self) -> list[str]:
        """Of all that names the person."""
        return [self.key.person(who) for who in sorted({*self.person.numbers, *self.person.user_ids})]


class PersonPlaces:
    """All places but the ledger."""

    def __init__(
        self,
        *,
        contacts: Contacts,
        inbox: Inbox,
        recordings: Recordings,
        campaigns: Campaigns,
        queues: Queues,
        names: OperateQueue,
        e164: Callable[[str], str | None],
        recording_of: Callable[[], tuple[str, str]],
    ) -> None:
        """``e164``: a number as it is written, normalised; ``recording_of``: model and voice that speak."""
        self._contacts = contacts
        self._inbox = inbox
        self._recordings = recordings
        self._campaigns = campaigns
        self._queues = queues
        self._names = names
        self._e164 = e164
        self._recording_of = recording_of

    # -- contact, addresses, voice notes ------------------------------------------------------------------

    def known(self, search: Search, at: str) -> str | None:
        """Contact, marks of addresses, what is remembered of their voice, and voice notes that wait."""
        if not at:
            self.contact(search)
            if search.erase:
                search.removed["memories"] += sum(map(self._inbox.forget_person, search.digests()))
            else:
                for language in filter(None, map(self._inbox.language, search.digests())):
                    search.show("voice memory", {"language": language})
        after: str | None = at or None
        while True:
            waiting, after = self._inbox.all_pending(after)
            for item in waiting:
                if self._spoke(search.person, item.body):
                    search.show("voice note that waits", json.loads(item.body))
                    if search.erase:
                        self._inbox.forget(item.key)
                        search.removed["voice_notes"] += 1
            if after is None or search.over:
                return after

    def contact(self, search: Search) -> None:
        """The contact of each user id, and the mark of each address that is known by now."""
        person = search.person
        keys = {*person.user_ids, *map(bsuid_key, person.user_ids)}
        for contact in {one.user_id: one for one in self._contacts.read(keys).values()}.values():
            person.user_ids |= {contact.user_id, *filter(None, [contact.bsuid])}
            person.addresses |= set(contact.each)
            ways = {way: list(addresses) for way, addresses in contact.addresses.items()}
            wishes = {name: getattr(contact, name) for name in OF_CONTACT}
            search.show("contact", {"user_id": contact.user_id, **wishes, **ways})
        marks = self._contacts.refused(person.addresses)
        for (way, address), why in marks.items():
            search.show("address that failed", {"way": way, "address": address, "why": why})
        if search.erase:
            search.removed["contacts"] += sum(map(self._contacts.forget, sorted(person.user_ids)))
            for name in sorted(person.user_ids):
                self._contacts.forget(bsuid_key(name))
            search.removed["marks"] += sum(
                self._contacts.forget_mark(*way) for way in sorted(person.addresses)
            )

    def recordings(self, search: Search) -> None:
        """Recordings of what their messages say."""
        if search.erase:
            model, voice = self._recording_of()
            for text in sorted(search.person.texts):
                key = recording_key(text, model, voice)
                search.removed["recordings"] += self._recordings.delete(key)

    @staticmethod
    def _spoke(person: PersonTraces, body: str) -> bool:
        try:
            note = VoiceNote.read(body)
        except ValueError:
            return person.stands_in(body)
        return note.phone in person.numbers or note.user_id in person.user_ids

    # -- campaigns ------------------------------------------------------------------------------------------

    def campaigns(self, search: Search, at: str) -> str | None:
        """Their lines of all campaigns; a line that was not released counts as cancelled."""
        name, _, number = at.rpartition("/")
        for campaign in sorted(self._campaigns.all(), key=lambda one: one.id):
            if campaign.id < name:
                continue
            first = int(number) if campaign.id == name and number.isdigit() else 0
            for index in self._campaigns.chunks_of(campaign.id):
                if index < first:
                    continue
                if search.over:
                    return f"{campaign.id}/{index}"
                self._lines(search, campaign.id, index)
        return None

    def _lines(self, search: Search, name: str, index: int) -> None:
        def whose(body: str) -> bool:
            return search.person.stands_in(body) and search.person.gets(body, self._e164)

        if not search.erase:
            for body in filter(whose, self._campaigns.chunk(name, index)):
                search.show(f"campaign {name}", json.loads(body))
            return
        try:
            blanked = self._campaigns.blank(name, index, whose)
        except ConflictError as error:
            raise RefusedError("loading", f"lines of campaign {name} are being stored: {error}") from error
        search.removed["campaign_lines"] += len(blanked)
        campaign = self._campaigns.get(name) if blanked else None
        if campaign is not None:
            unreleased = sum(index * CHUNK + place >= campaign.released for place in blanked)
            if unreleased:
                self._campaigns.count(name, {"cancelled": unreleased})

    # -- dead letters ---------------------------------------------------------------------------------------

    def letters(self, search: Search, at: str) -> str | None:
        """Dead letters that are about them, queue by queue."""
        first = DEAD_LETTER_QUEUES.index(at) if at in DEAD_LETTER_QUEUES else 0
        for name in DEAD_LETTER_QUEUES[first:]:
            if search.over or not self._queue(search, name):
                return name
        return None

    def _queue(self, search: Search, name: str) -> bool:
        """Whether the queue was seen to its end."""
        url, empty = self._names.url(name), 0
        others: list[str] = []
        while empty < EMPTY_RECEIVES:
            if search.over:
                return False  # what was seen shows again by itself; until then the next request sees the rest
            letters = self._queues.receive(url, 10, HIDDEN)
            empty = 0 if letters else empty + 1
            mine = [letter for letter in letters if self._about(search.person, letter)]
            for letter in mine:
                search.show(f"dead letter on {name}", {"body": letter.body, "reason": letter.reason})
            gone = self._queues.delete(url, [letter.receipt for letter in mine]) if search.erase else []
            search.removed["dead_letters"] += sum(gone)
            others += [letter.receipt for letter in letters if not search.erase or letter not in mine]
        self._queues.show_again(url, others)
        return True

    def _about(self, person: PersonTraces, letter: Incoming) -> bool:
        return (
            message_id(letter) in person.ids
            or person.gets(letter.body, self._e164)
            or person.stands_in(letter.body)
            or person.owns(letter.body)
        )


def each_page(read: Callable[[str | None], tuple[Sequence[str], str | None]]) -> Iterator[Sequence[str]]:
    """Pages until there is none any more."""
    after: str | None = None
    while True:
        page, after = read(after)
        yield page
        if after is None:
            return
