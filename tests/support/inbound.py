"""What came in, in memory: recordings, the inbox, the topic, Meta's media."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from lifeline.adapters.inbox import Ownership, Pending
from lifeline.adapters.whatsapp import Lost
from lifeline.domain.failure.classify import Failure
from lifeline.errors import UnavailableError

SPEECH = bytes([0x48]) + bytes(range(1, 60))
"""One Opus packet of 20 ms (SILK, wide band: TOC 0x48) at 24 kb/s."""
QUIET = bytes([0x48, 0xFF, 0xFE])
"""One Opus packet of 20 ms that holds nothing to hear."""


def ogg(packets: Sequence[bytes], head: bytes = b"OpusHead") -> bytes:
    """An Ogg/Opus file of these packets (RFC 7845): head, tags, and a page per fifty packets."""
    first = head + struct.pack("<BBHIHB", 1, 1, 312, 16_000, 0, 0)
    pages = [[first], [b"OpusTags" + struct.pack("<II", 0, 0)]]
    pages += [list(packets[start : start + 50]) for start in range(0, len(packets), 50)]
    return b"".join(_page(number, page, number == len(pages) - 1) for number, page in enumerate(pages))


def _page(number: int, packets: Sequence[bytes], last: bool) -> bytes:
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    kind = (2 if number == 0 else 0) | (4 if last else 0)
    head = b"OggS" + struct.pack("<BBqIIIB", 0, kind, number * 48_000, 7, number, 0, len(lacing))
    return head + lacing + b"".join(packets)


def spoken(seconds: float = 2.0) -> bytes:
    """A recording in which somebody speaks."""
    return ogg([SPEECH] * round(seconds * 50))


class MemoryInbox:
    """Claims, pending voice notes and people. ``broken``: method names that fail."""

    def __init__(self) -> None:
        self.done: dict[str, float] = {}
        self.leases: dict[str, float] = {}
        self.waiting: dict[str, str] = {}
        self.asked: dict[str, tuple[float, str]] = {}
        self.languages: dict[str, str] = {}
        self.broken: set[str] = set()

    def _check(self, name: str) -> None:
        if name in self.broken:
            raise UnavailableError("DynamoDB", "testing", "broken on purpose")

    def begin(self, name: str, now: float, lease: float) -> Ownership:
        self._check("begin")
        if name in self.done:
            return Ownership.DONE
        if self.leases.get(name, 0.0) >= now:
            return Ownership.BUSY
        self.leases[name] = now + lease
        return Ownership.MINE

    def finish(self, name: str, now: float) -> None:
        self._check("finish")
        self.done[name] = now
        self.leases.pop(name, None)

    def release(self, name: str) -> None:
        self._check("release")
        self.leases.pop(name, None)

    def keep(self, wamid: str, body: str, due: float, now: float) -> None:
        self._check("keep")
        self.waiting[f"{int(due * 1000):015d}#{wamid}"] = body

    def pending(self, now: float, limit: int) -> list[Pending]:
        self._check("pending")
        due = f"{int(now * 1000) + 1:015d}"
        return [Pending(key, body) for key, body in sorted(self.waiting.items()) if key < due][:limit]

    def forget(self, key: str) -> None:
        self._check("forget")
        self.waiting.pop(key, None)

    def all_pending(self, after: str | None) -> tuple[list[Pending], str | None]:
        self._check("all_pending")
        found = [Pending(key, body) for key, body in sorted(self.waiting.items()) if key > (after or "")]
        return found[:1], found[0].key if len(found) > 1 else None

    def forget_person(self, person: str) -> bool:
        return any([self.asked.pop(person, None), self.languages.pop(person, None)])

    def may_ask(self, person: str, wamid: str, now: float, quiet: float) -> bool:
        self._check("may_ask")
        at, which = self.asked.get(person, (float("-inf"), ""))
        if at >= now - quiet and which != wamid:
            return False
        self.asked[person] = (now, wamid)
        return True

    def language(self, person: str) -> str:
        return self.languages.get(person, "")

    def remember_language(self, person: str, language: str, now: float) -> None:
        self._check("remember_language")
        self.languages[person] = language


class MemoryTopic:
    """Keeps notices. ``broken``: so many publications fail."""

    def __init__(self) -> None:
        self.notices: list[dict[str, Any]] = []
        self.broken = 0

    def publish(self, notice: Mapping[str, Any]) -> None:
        if self.broken:
            self.broken -= 1
            raise UnavailableError("SNS", "testing", "broken on purpose")
        self.notices.append(dict(notice))


class StubMedia:
    """Meta's media: what a download gives, by media id."""

    def __init__(self) -> None:
        self.media: dict[str, bytes | Lost | Failure] = {}
        self.asked: list[str] = []

    def download(self, media_id: str, limit: int) -> bytes | Lost | Failure:
        self.asked.append(media_id)
        return self.media.get(media_id, Lost.GONE)
