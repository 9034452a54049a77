"""Ogg/Opus made on the spot and read strictly.

Made recordings are whole Ogg files (page checksums, OpusHead, OpusTags, granule positions) of Opus packets of
20 ms. A decoder plays them as noise: what is said stands in the comment ``TRANSCRIPT``, so that what the
simulator spoke it also hears.

Sources: Ogg pages and their checksum, RFC 3533 section 6; Opus in Ogg, RFC 7845; packets, RFC 6716 section 3.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

CHARACTERS_PER_SECOND: Final = 15.0
"""How fast is spoken: about 150 words a minute."""
_RATE: Final = 48_000
_PRE_SKIP: Final = 312
_PACKET_SECONDS: Final = 0.02
_PACKET_SAMPLES: Final = 960
_PAYLOAD: Final = 60
"""Bytes a packet: 24 kbit/s, as voice notes have."""
_TOC: Final = b"\xf8"
"""CELT, full band, 20 ms, mono, one frame."""
_SILENCE: Final = b"\xf8\xff\xfe"
"""What libopus writes for 20 ms of digital silence."""
_PACKETS_PER_PAGE: Final = 50


class NoOpusError(ValueError):
    """The bytes are no whole Ogg/Opus file; the text says why."""


@dataclass(frozen=True)
class Recording:
    """A readable recording. ``seconds``: how long it plays; ``comments``: by upper-case name; ``silent``: no
    packet holds more than an encoder writes for silence.
    """

    seconds: float
    comments: Mapping[str, str]
    silent: bool = False


def seconds_of(text: str) -> float:
    """How long it takes to say ``text``: at least 0.4 seconds."""
    return max(0.4, len(text) / CHARACTERS_PER_SECOND)


def recording(
    text: str = "", language: str = "", *, seconds: float | None = None, silent: bool = False
) -> bytes:
    """An Ogg/Opus file in which ``text`` is said. The same arguments give the same bytes."""
    count = max(1, round((seconds_of(text) if seconds is None else seconds) / _PACKET_SECONDS))
    if silent:
        packets = [_SILENCE] * count
    else:
        noise = hashlib.shake_128(f"{language}:{text}".encode()).digest(_PAYLOAD * count)
        packets = [_TOC + noise[at : at + _PAYLOAD] for at in range(0, len(noise), _PAYLOAD)]
    serial = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
    comments = {name: value for name, value in (("TRANSCRIPT", text), ("LANGUAGE", language)) if value}
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, _PRE_SKIP, 24_000, 0, 0)
    pages = [_page([head], 0, serial, 0, 2), _page([_tags(comments)], 0, serial, 1, 0)]
    for start in range(0, count, _PACKETS_PER_PAGE):
        part = packets[start : start + _PACKETS_PER_PAGE]
        played = (start + len(part)) * _PACKET_SAMPLES
        last = 4 if start + len(part) == count else 0
        pages.append(_page(part, played, serial, len(pages), last))
    return b"".join(pages)


def read(audio: bytes) -> Recording:
    """Read an Ogg/Opus file page by page, checksums included. Raises :class:`NoOpusError`."""
    packets: list[bytes] = []
    rest = b""
    granule = 0
    for sequence, (body, lacing, position, number) in enumerate(_pages(audio)):
        if number != sequence:
            raise NoOpusError(f"page {sequence} says that it is page {number}")
        granule = max(granule, position)
        at = 0
        for size in lacing:
            rest += body[at : at + size]
            at += size
            if size < 255:
                packets.append(rest)
                rest = b""
    if rest:
        raise NoOpusError("the last packet is cut off")
    if len(packets) < 3 or packets[0][:8] != b"OpusHead" or packets[1][:8] != b"OpusTags":
        raise NoOpusError("OpusHead, OpusTags or the sound is missing")
    pre_skip = struct.unpack_from("<H", packets[0], 10)[0] if len(packets[0]) >= 19 else 0
    silent = all(len(packet) <= len(_SILENCE) for packet in packets[2:])
    return Recording(max(0.0, (granule - pre_skip) / _RATE), _comments(packets[1]), silent)


def _pages(audio: bytes) -> Iterator[tuple[bytes, bytes, int, int]]:
    at = 0
    while at < len(audio):
        if audio[at : at + 5] != b"OggS\0" or len(audio) < at + 27:
            raise NoOpusError(f"no Ogg page begins at byte {at}")
        position, _, number, checksum, count = struct.unpack_from("<qIIIB", audio, at + 6)
        start = at + 27 + count
        lacing = audio[at + 27 : start]
        end = start + sum(lacing)
        if len(audio) < end:
            raise NoOpusError("the last page is cut off")
        if _checksum(audio[at : at + 22] + bytes(4) + audio[at + 26 : end]) != checksum:
            raise NoOpusError(f"the checksum of page {number} is wrong")
        yield audio[start:end], lacing, position, number
        at = end


def _page(packets: list[bytes], granule: int, serial: int, number: int, flags: int) -> bytes:
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    head = b"OggS" + struct.pack("<BBqIII", 0, flags, granule, serial, number, 0) + bytes([len(lacing)])
    page = head + lacing + b"".join(packets)
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _tags(comments: Mapping[str, str]) -> bytes:
    vendor = b"Lifeline"
    parts = [b"OpusTags", struct.pack("<I", len(vendor)), vendor, struct.pack("<I", len(comments))]
    for name, value in comments.items():
        comment = f"{name}={value}".encode()
        parts += [struct.pack("<I", len(comment)), comment]
    return b"".join(parts)


def comments_in(tags: bytes, at: int) -> Iterator[tuple[str, str]]:
    """The comments of Vorbis and Opus, from where their vendor begins. Raises ``struct.error`` at a cut."""
    at += 4 + int(struct.unpack_from("<I", tags, at)[0])
    count = int(struct.unpack_from("<I", tags, at)[0])
    at += 4
    for _ in range(count):
        size = int(struct.unpack_from("<I", tags, at)[0])
        name, _, value = tags[at + 4 : at + 4 + size].decode(errors="replace").partition("=")
        yield name.upper(), value
        at += 4 + size


def _comments(tags: bytes) -> dict[str, str]:
    try:
        return dict(comments_in(tags, len(b"OpusTags")))
    except struct.error:
        raise NoOpusError("OpusTags is cut off") from None


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
        table.append(value)
    return tuple(table)


_TABLE: Final = _table()


def _checksum(page: bytes) -> int:
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ _TABLE[value >> 24 ^ byte]
    return value
