"""Contacts in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lifeline.adapters.contacts import COMPLAINT, Contact, WayAddress, bsuid_key, mark_key
from lifeline.errors import UnavailableError


class MemoryContacts:
    """Who is registered, and which addresses were refused.

    ``broken``: the table does not answer. ``fails``: what a write raises, by user id or address.
    """

    def __init__(self) -> None:
        self.known: dict[str, Contact] = {}
        self.marks: dict[str, str] = {}
        self.fails: dict[str, Exception] = {}
        self.broken = False

    def read(self, keys: Iterable[str]) -> dict[str, Contact]:
        self._check()
        by_bsuid = {bsuid_key(one.bsuid): one for one in self.known.values() if one.bsuid}
        everybody = {**by_bsuid, **self.known}
        return {key: everybody[key] for key in keys if key in everybody}

    def save(self, contact: Contact) -> None:
        self._check(contact.user_id)
        before = self.known.get(contact.user_id, Contact(contact.user_id))
        self.known[contact.user_id] = replace(
            contact,
            bsuid=contact.bsuid or before.bsuid,
            time_zone=contact.time_zone or before.time_zone,
            quiet_hours=contact.quiet_hours or before.quiet_hours,
            language=contact.language or before.language,
            addresses={**before.addresses, **contact.addresses},
        )

    def refused(self, ways: Iterable[WayAddress]) -> dict[WayAddress, str]:
        self._check()
        return {way: self.marks[mark_key(*way)] for way in ways if mark_key(*way) in self.marks}

    def refuse(self, way: str, address: str, why: str, now: float) -> None:
        self._check(address)
        if why.startswith(COMPLAINT) or not self._complained(way, address):
            self.marks[mark_key(way, address)] = why

    def forgive(self, way: str, address: str, now: float) -> None:
        self._check(address)
        if not self._complained(way, address):
            self.marks.pop(mark_key(way, address), None)

    def forget(self, user_id: str) -> bool:
        self._check(user_id)
        return self.known.pop(user_id, None) is not None

    def forget_mark(self, way: str, address: str) -> bool:
        self._check(address)
        return self.marks.pop(mark_key(way, address), None) is not None

    def _complained(self, way: str, address: str) -> bool:
        return self.marks.get(mark_key(way, address), "").startswith(COMPLAINT)

    def _check(self, of: str = "") -> None:
        if self.broken:
            raise UnavailableError("DynamoDB", "asking for contacts", "broken on purpose")
        if of in self.fails:
            raise self.fails[of]
