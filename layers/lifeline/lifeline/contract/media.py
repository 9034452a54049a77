"""Files that WhatsApp takes: types, sizes, and how each type begins. Both sides check a file by this table.

Source: Meta, "Media" ("Supported media types"). A file that is refused here would be refused there, or later
by webhook.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MEGABYTE: Final = 1024 * 1024
ID_SECONDS: Final = 30 * 86_400.0
"""How long Meta keeps what we upload (Meta, "Media")."""
DIRECT_BYTES: Final = 4 * MEGABYTE
"""Largest file that a request may carry itself: in Base64 it is 5.6 MB, and Lambda takes 6 MB a request."""
HEAD: Final = 64
"""Bytes of a file's beginning that :func:`file_fault` looks at."""
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OLE: Final = (b"\xd0\xcf\x11\xe0",)
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."


@dataclass(frozen=True, slots=True)
class FileType:
    """One MIME type. ``begins``: what the file begins with, at ``offset``; empty for plain text."""

    kind: str
    """Of message: ``image``, ``video``, ``audio``, ``sticker`` or ``document``."""
    endings: tuple[str, ...]
    limit: int
    """Bytes."""
    begins: tuple[bytes, ...] = ()
    offset: int = 0


FILE_TYPES: Final[Mapping[str, FileType]] = {
    "image/jpeg": FileType("image", ("jpg", "jpeg"), 5 * MEGABYTE, (b"\xff\xd8\xff",)),
    "image/png": FileType("image", ("png",), 5 * MEGABYTE, (b"\x89PNG\r\n\x1a\n",)),
    "image/webp": FileType("sticker", ("webp",), 500 * 1024, (b"WEBP",), 8),
    "video/mp4": FileType("video", ("mp4",), 16 * MEGABYTE, (b"ftyp",), 4),
    "video/3gpp": FileType("video", ("3gp", "3gpp"), 16 * MEGABYTE, (b"ftyp",), 4),
    "audio/aac": FileType("audio", ("aac",), 16 * MEGABYTE, (b"\xff\xf1", b"\xff\xf9", b"ADIF")),
    "audio/amr": FileType("audio", ("amr",), 16 * MEGABYTE, (b"#!AMR",)),
    "audio/mpeg": FileType("audio", ("mp3",), 16 * MEGABYTE, (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
    "audio/mp4": FileType("audio", ("m4a",), 16 * MEGABYTE, (b"ftyp",), 4),
    # Meta takes Ogg with Opus only; the first packet of an Ogg file says which codec it is.
    "audio/ogg": FileType("audio", ("ogg", "opus"), 16 * MEGABYTE, (b"OpusHead",), 28),
    "text/plain": FileType("document", ("txt",), 100 * MEGABYTE),
    "text/csv": FileType("document", ("csv",), 100 * MEGABYTE),
    "application/json": FileType("document", ("json",), 100 * MEGABYTE),
    "application/pdf": FileType("document", ("pdf",), 100 * MEGABYTE, (b"%PDF-",)),
    "application/msword": FileType("document", ("doc",), 100 * MEGABYTE, _OLE),
    "application/vnd.ms-excel": FileType("document", ("xls",), 100 * MEGABYTE, _OLE),
    "application/vnd.ms-powerpoint": FileType("document", ("ppt",), 100 * MEGABYTE, _OLE),
    f"{_OFFICE}wordprocessingml.document": FileType("document", ("docx",), 100 * MEGABYTE, _ZIP),
    f"{_OFFICE}spreadsheetml.sheet": FileType("document", ("xlsx",), 100 * MEGABYTE, _ZIP),
    f"{_OFFICE}presentationml.presentation": FileType("document", ("pptx",), 100 * MEGABYTE, _ZIP),
}
"""By MIME type, without parameters. A sticker that does not move may have 100 KB only, which Meta checks."""
LARGEST: Final = max(item.limit for item in FILE_TYPES.values())
"""Bytes of the largest file of any type."""


def type_of(name: str) -> str | None:
    """The MIME type that a file's name stands for; ``None`` where WhatsApp has none for its ending."""
    ending = name.rpartition(".")[2].lower()
    return next((mime for mime, item in FILE_TYPES.items() if ending in item.endings), None)


def file_fault(mime_type: str, size: int, head: bytes | None = None) -> str | None:
    """Why Meta would not take a file, in one sentence; ``None`` where it would.

    ``head``: its first :data:`HEAD` bytes, or all of a shorter file; without it the content is not looked at.
    ``size`` in bytes.
    """
    known = FILE_TYPES.get(mime_type)
    if known is None:
        return f"WhatsApp takes no files of type {mime_type[:100]}"
    if size == 0:
        return "the file is empty"
    if size > known.limit:
        return f"has {size} bytes; of {mime_type} (kind {known.kind}) WhatsApp takes at most {known.limit}"
    if head is not None and known.begins and not head[known.offset :].startswith(known.begins):
        return f"does not begin as a file of {mime_type} does"
    return None
