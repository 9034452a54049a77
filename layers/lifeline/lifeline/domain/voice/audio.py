"""Is this a recording that somebody can be heard in? Containers by their first bytes, Ogg/Opus in full.

Sources: Ogg pages, RFC 3533 section 6; Opus in Ogg, RFC 7845; Opus packets, RFC 6716 section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LOWEST_BITRATE: Final = 6000
"""Bits per second: Opus codes nobody's speech with fewer (RFC 6716, section 2.1.1)."""
_SILK: Final = (0.010, 0.020, 0.040, 0.060)
_HYBRID: Final = (0.010, 0.020)
_CELT: Final = (0.0025, 0.005, 0.010, 0.020)


class UnreadableAudioError(ValueError):
    """The bytes are no recording; the text says why."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What is known of a recording without decoding it. ``duration``: seconds, where the container says."""

    container: str
    duration: float | None = None
    silent: bool = False
    """No packet holds as many bits as the lowest rate of speech needs."""


def inspect(audio: bytes) -> Recording:
    """What kind of recording this is. Raises :class:`UnreadableAudioError`."""
    if not audio:
        raise UnreadableAudioError("the recording is empty")
    if audio[:4] == b"OggS":
        return _ogg(audio)
    if audio[4:8] == b"ftyp":
        return Recording("m4a")
    if audio[:3] == b"ID3" or (len(audio) > 1 and audio[0] == 0xFF and audio[1] & 0xE0 == 0xE0):
        return Recording("mp3")
    if audio[:4] == b"RIFF" and audio[8:12] == b"WAVE":
        return Recording("wav")
    if audio[:4] == b"fLaC":
        return Recording("flac")
    if audio[:4] == b"\x1aE\xdf\xa3":
        return Recording("webm")
    raise UnreadableAudioError("its first bytes match no known recording format")


def _ogg(audio: bytes) -> Recording:
    packets = list(_packets(audio))
    if not packets or packets[0][:8] != b"OpusHead":
        raise UnreadableAudioError("an Ogg file without Opus")
    spoken = packets[2:]  # after OpusHead and OpusTags
    duration = 0.0
    silent = True
    for packet in spoken:
        length = packet_seconds(packet)
        duration += length
        silent = silent and len(packet) * 8 < LOWEST_BITRATE * length
    return Recording("ogg", duration, silent)


def _packets(audio: bytes) -> Iterator[bytes]:
    """Packets of the pages in order. Raises :class:`UnreadableAudioError` where pages are cut or wrong."""
    at = 0
    rest = b""
    while at < len(audio):
        if audio[at : at + 4] != b"OggS" or len(audio) < at + 27 or audio[at + 4] != 0:
            raise UnreadableAudioError("an Ogg page does not begin where the one before ends")
        count = audio[at + 26]
        lacing = audio[at + 27 : at + 27 + count]
        start = at + 27 + count
        at = start + sum(lacing)
        if len(lacing) < count or len(audio) < at:
            raise UnreadableAudioError("the Ogg file is cut off")
        for size in lacing:
            rest += audio[start : start + size]
            start += size
            if size < 255:
                yield rest
                rest = b""


def packet_seconds(packet: bytes) -> float:
    """How long one Opus packet plays (its TOC byte, RFC 6716 section 3.1)."""
    if not packet:
        return 0.0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = _SILK[config % 4]
    elif config < 16:
        frame = _HYBRID[config % 2]
    else:
        frame = _CELT[config % 4]
    if code == 0:
        return frame
    if code < 3:
        return 2 * frame
    return frame * (packet[1] & 0x3F) if len(packet) > 1 else 0.0
