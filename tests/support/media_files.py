"""Files at Meta, in memory, for the operator's actions on them."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from lifeline.adapters.parcels import Address
from lifeline.adapters.uploads import Upload
from lifeline.adapters.whatsapp import Lost, Media
from lifeline.domain.failure.classify import Failure


def png(number: int = 0) -> bytes:
    """A picture of one pixel; each number gives another file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\0" + number.to_bytes(3, "big"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


class MemoryUploads:
    """What was uploaded."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Upload] = {}

    def find(self, sha256: str, mime_type: str) -> Upload | None:
        return self.kept.get((sha256, mime_type))

    def all(self) -> list[Upload]:
        return [*self.kept.values()]

    def keep(self, upload: Upload) -> None:
        self.kept[upload.sha256, upload.mime_type] = upload

    def forget(self, upload: Upload) -> None:
        self.kept.pop((upload.sha256, upload.mime_type), None)


class MemoryParcels:
    """Files on their way, by name."""

    def __init__(self) -> None:
        self.there: dict[str, bytes] = {}

    def address(self, sha256: str, size: int) -> Address:
        return Address(f"https://s3.test/{sha256}", "PUT", {"Content-Length": str(size)})

    def take(self, sha256: str, limit: int) -> bytes | None:
        content = self.there.get(sha256)
        return content if content is None else content[: limit + 1]

    def drop(self, sha256: str) -> None:
        self.there.pop(sha256, None)


class MetaFiles:
    """Meta's part: takes files. ``fails``: what the next call answers instead."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, str, bytes]] = {}
        self.fails: Failure | None = None

    def upload(self, content: bytes, name: str, mime_type: str, wait: float) -> str | Failure:
        if self.fails:
            return self.fails
        media_id = f"m{len(self.files) + 1}"
        self.files[media_id] = (name, mime_type, content)
        return media_id

    def media_url(self, media_id: str) -> Media | Lost | Failure:
        if self.fails:
            return self.fails
        known = self.files.get(media_id)
        return Media("https://lookaside.fbsbx.com/1", known[1], len(known[2])) if known else Lost.GONE

    def delete_media(self, media_id: str) -> Lost | Failure | None:
        if self.fails:
            return self.fails
        found: Any = self.files.pop(media_id, None)
        return None if found else Lost.GONE
