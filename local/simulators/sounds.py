"""Recordings in every format of OpenAI's speech endpoint, made and read without a codec: tiny, valid, as long
as it takes to say their text, and with that text in them, so that what is spoken can be heard again.

Where the text is: comments (opus, flac), a ``LIST`` chunk (wav), data that decoders skip (aac: data stream
elements; mp3: what a frame has beyond its music). ``pcm`` has no place for it. 24 kHz, mono, as OpenAI's.

Sources: RFC 9639 (FLAC); ISO/IEC 13818-3 and 11172-3 (MPEG audio frames); ISO/IEC 13818-7 (ADTS, AAC).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from local.simulators import opus
from local.simulators.opus import NoOpusError, comments_in, seconds_of

RATE: Final = 24_000
_LOUD: Final = 1200
"""Amplitude of what is spoken, of 32767."""
_QUIET: Final = 8
"""Amplitude up to which nobody speaks."""
_MARK: Final = b"LLTX"


class NoSoundError(ValueError):
    """The bytes are no recording that is known, or it is cut off; the text says why."""


@dataclass(frozen=True)
class Sound:
    """A readable recording. ``seconds``: how long it plays; ``silent``: nobody speaks in it; ``text`` and
    ``language``: what it says of itself.
    """

    seconds: float
    silent: bool = False
    text: str | None = None
    language: str | None = None


def speak(text: str, form: str = "mp3", *, language: str = "", speed: float = 1.0) -> bytes:
    """Say ``text`` in one of :data:`FORMATS`; the same arguments give the same bytes."""
    return _MAKERS[form](text, language, seconds_of(text) / speed)


@functools.lru_cache(maxsize=2)
def listen(audio: bytes) -> Sound:
    """Read a recording. Raises :class:`NoSoundError`."""
    if audio[:4] == b"OggS":
        try:
            found = opus.read(audio)
        except NoOpusError as error:
            raise NoSoundError(str(error)) from None
        comments = found.comments
        return Sound(found.seconds, found.silent, comments.get("TRANSCRIPT"), comments.get("LANGUAGE"))
    if audio[:4] == b"RIFF" and audio[8:12] == b"WAVE":
        return _read_wav(audio)
    if audio[:4] == b"fLaC":
        return _read_flac(audio)
    if audio[4:8] == b"ftyp":
        return Sound(_mp4_seconds(audio))
    if audio[:4] == b"\x1aE\xdf\xa3":
        return Sound(1.0)  # WebM: only its beginning is looked at.
    if audio[:3] == b"ID3":
        audio = audio[_id3_size(audio) :]
    if len(audio) > 1 and audio[0] == 0xFF and audio[1] & 0xF6 == 0xF0:
        return _read_aac(audio)
    if len(audio) > 1 and audio[0] == 0xFF and audio[1] & 0xE0 == 0xE0:
        return _read_mp3(audio)
    raise NoSoundError("no recording that is known")


def _note(text: str, language: str) -> bytes:
    """The text and its language, to be cut into pieces and put together again."""
    content = json.dumps({"text": text, "language": language}).encode()
    return _MARK + struct.pack(">I", len(content)) + content


def _noted(pieces: bytes) -> dict[str, str]:
    if pieces[:4] != _MARK or len(pieces) < 8:
        return {}
    size = struct.unpack_from(">I", pieces, 4)[0]
    with contextlib.suppress(ValueError):
        found = json.loads(pieces[8 : 8 + size])
        return {name: str(value) for name, value in found.items() if value}
    return {}


# -- opus, pcm, wav -----------------------------------------------------------------------------------


def _make_opus(text: str, language: str, seconds: float) -> bytes:
    return opus.recording(text, language, seconds=seconds)


def _make_pcm(text: str, language: str, seconds: float) -> bytes:
    """A tone whose height depends on the text."""
    half = 20 + hashlib.sha256(text.encode()).digest()[0] % 40
    wave = struct.pack("<h", _LOUD) * half + struct.pack("<h", -_LOUD) * half
    size = 2 * round(seconds * RATE)
    return (wave * (size // len(wave) + 1))[:size]


def _make_wav(text: str, language: str, seconds: float) -> bytes:
    pcm = _make_pcm(text, language, seconds)
    note = _note(text, language)
    note += b"\0" * (len(note) % 2)
    info = b"INFOICMT" + struct.pack("<I", len(note)) + note
    chunks = (
        *(b"WAVE", b"fmt ", struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)),
        *(b"LIST", struct.pack("<I", len(info)), info),
        *(b"data", struct.pack("<I", len(pcm)), pcm),
    )
    body = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _read_wav(audio: bytes) -> Sound:
    at, bytes_a_second, bits, data, note = 12, 0, 16, None, b""
    while at + 8 <= len(audio):
        name, size = audio[at : at + 4], struct.unpack_from("<I", audio, at + 4)[0]
        inner = audio[at + 8 : at + 8 + size]
        if name == b"fmt " and size >= 16:
            bytes_a_second, bits = struct.unpack_from("<8xI2xH", inner)
        elif name == b"LIST" and inner[:8] == b"INFOICMT":
            note = inner[12:]
        elif name == b"data":
            # Streams say 0xFFFFFFFF here: what is there counts.
            data = inner
        at += 8 + size + size % 2
    if not bytes_a_second or data is None:
        raise NoSoundError("the WAV has no format or no data")
    said = _noted(note)
    silent = bits == 16 and not any(_high_bytes(data))
    return Sound(len(data) / bytes_a_second, silent, said.get("text"), said.get("language"))


def _high_bytes(pcm: bytes) -> Iterator[bool]:
    """Whether each of some samples (little-endian, 16 bits) is loud; up to 4,000 of them, spread over all."""
    step = max(1, len(pcm) // 2 // 4000)
    for at in range(0, len(pcm) - 1, 2 * step):
        yield abs(struct.unpack_from("<h", pcm, at)[0]) > _QUIET


# -- flac -----------------------------------------------------------------------------------------------

_BLOCK: Final = 4096


def _make_flac(text: str, language: str, seconds: float) -> bytes:
    """Blocks that hold one value each, so that hours are small."""
    total = round(seconds * RATE)
    digest = hashlib.md5(usedforsecurity=False)
    frames = []
    for number, start in enumerate(range(0, total, _BLOCK)):
        size = min(_BLOCK, total - start)
        value = struct.pack(">h", _LOUD if number % 2 else -_LOUD)
        digest.update(value[::-1] * size)
        last = size != _BLOCK
        head = b"\xff\xf8" + bytes([(0x70 if last else 0xC0) | 0x07, 0x08]) + _utf8(number)
        head += struct.pack(">H", size - 1) if last else b""
        head += bytes([_crc(head, 8, 0x07)])
        frame = head + b"\0" + value
        frames.append(frame + struct.pack(">H", _crc(frame, 16, 0x8005)))
    sizes = struct.pack(">HH", _BLOCK, _BLOCK) + bytes(6)
    info = sizes + ((RATE << 44) | (15 << 36) | total).to_bytes(8, "big") + digest.digest()
    comments = [f"{n}={v}".encode() for n, v in (("TRANSCRIPT", text), ("LANGUAGE", language)) if v]
    vendor = b"Lifeline"
    tags = struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(comments))
    tags += b"".join(struct.pack("<I", len(comment)) + comment for comment in comments)
    blocks = b"\0" + len(info).to_bytes(3, "big") + info + b"\x84" + len(tags).to_bytes(3, "big") + tags
    return b"fLaC" + blocks + b"".join(frames)


def _read_flac(audio: bytes) -> Sound:
    at, seconds, comments = 4, 0.0, {}
    while True:
        if at + 4 > len(audio):
            raise NoSoundError("the FLAC is cut off")
        kind, size = audio[at], int.from_bytes(audio[at + 1 : at + 4], "big")
        inner = audio[at + 4 : at + 4 + size]
        if kind & 0x7F == 0 and size >= 34:
            word = int.from_bytes(inner[10:18], "big")
            seconds = (word & 0xFFFFFFFFF) / max(1, word >> 44)
        elif kind & 0x7F == 4:
            comments = _vorbis(inner)
        at += 4 + size
        if kind & 0x80:
            break
    # A constant of nought in every block is what an encoder makes of silence: about 13 bytes a block.
    silent = not comments.get("TRANSCRIPT") and len(audio) - at < 40 * (seconds * RATE / _BLOCK + 1)
    return Sound(seconds, silent, comments.get("TRANSCRIPT"), comments.get("LANGUAGE"))


def _vorbis(tags: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    with contextlib.suppress(struct.error):
        found.update(comments_in(tags, 0))
    return found


def _utf8(number: int) -> bytes:
    """A frame's number, coded as UTF-8 codes a character."""
    return chr(number).encode("utf-8", "surrogatepass")


def _crc(content: bytes, bits: int, polynomial: int) -> int:
    top, mask, value = 1 << (bits - 1), (1 << bits) - 1, 0
    for byte in content:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
    return value


# -- mp3 ------------------------------------------------------------------------------------------------

_MP3_HEAD: Final = b"\xff\xf3\x44\xc4"
"""MPEG-2 layer III without checksum, 32 kbit/s, 24 kHz, mono."""
_MP3_FRAME: Final = 96
_MP3_SAMPLES: Final = 576
_MP3_SIDE: Final = 9
"""Bytes of side information of a mono frame; all nought: no music, and the rest of the frame is skipped."""
_BITRATES: Final = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""kbit/s of layer III, by version (2.5 has those of 2)."""
_RATES: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def _make_mp3(text: str, language: str, seconds: float) -> bytes:
    note, room = _note(text, language), _MP3_FRAME - 4 - _MP3_SIDE
    count = max(round(seconds * RATE / _MP3_SAMPLES), -(-len(note) // room))
    frames = []
    for n in range(count):
        piece = note[n * room : (n + 1) * room]
        frames.append(_MP3_HEAD + bytes(_MP3_SIDE) + piece + bytes(room - len(piece)))
    return b"".join(frames)


def _read_mp3(audio: bytes) -> Sound:
    at, seconds, pieces, music = 0, 0.0, [], False
    while at + 4 <= len(audio) and audio[at] == 0xFF and audio[at + 1] & 0xE0 == 0xE0:
        version, layer = audio[at + 1] >> 3 & 3, audio[at + 1] >> 1 & 3
        bitrate, rate = audio[at + 2] >> 4, audio[at + 2] >> 2 & 3
        if layer != 1 or version == 1 or bitrate in (0, 15) or rate == 3:
            raise NoSoundError("no MPEG audio of layer III")
        hertz = _RATES[version][rate]
        samples = 1152 if version == 3 else 576
        kbits = _BITRATES[1 if version == 3 else 2][bitrate]
        size = samples // 8 * kbits * 1000 // hertz + (audio[at + 2] >> 1 & 1)
        mono = audio[at + 3] >> 6 == 3
        side = (17 if mono else 32) if version == 3 else (9 if mono else 17)
        head = at + 4 + (0 if audio[at + 1] & 1 else 2)
        music = music or _has_music(audio[head : head + side], version == 3, mono)
        pieces.append(audio[head + side : at + size])
        seconds += samples / hertz
        at += size
    if at > len(audio):
        raise NoSoundError("the last MPEG frame is cut off")
    said = _noted(b"".join(pieces))
    return Sound(seconds, not music and not said, said.get("text"), said.get("language"))


def _has_music(side: bytes, whole: bool, mono: bool) -> bool:
    """Whether any granule of a frame has bits (``part2_3_length``). ``whole``: MPEG-1, with two granules."""
    bits = int.from_bytes(side, "big")
    first, width = (18 if mono else 20, 59) if whole else (9 if mono else 10, 63)
    count = (2 if whole else 1) * (1 if mono else 2)
    places = (len(side) * 8 - first - 12 - n * width for n in range(count))
    return any(bits >> place & 0xFFF for place in places)


# -- aac ------------------------------------------------------------------------------------------------

_SILENT_ELEMENT: Final = "0000000" + "01100100" + "0000" + "000001" + "0" + "0000" + "00001" + "000"
"""A single channel element without a spectrum (38 bits): tag, gain, window, one band of codebook nought."""
_AAC_SAMPLES: Final = 1024
_AAC_RATES: Final = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000),
    *(24_000, 22_050, 16_000, 12_000, 11_025, 8_000),
)
_AAC_ROOM: Final = 250
"""Bytes of text in one frame: a data stream element counts to 254 without an escape."""
_AAC_QUIET: Final = 16
"""Bytes of a frame in which nothing is said; the first may hold the encoder's name beside."""
_DATA_AT: Final = 7
"""Where the data of our data stream element begins in a frame; its size is the 8 bits from bit 46."""


def _make_aac(text: str, language: str, seconds: float) -> bytes:
    note = _note(text, language)
    count = max(round(seconds * RATE / _AAC_SAMPLES), -(-len(note) // _AAC_ROOM))
    return b"".join(_adts(note[n * _AAC_ROOM : (n + 1) * _AAC_ROOM]) for n in range(count))


def _adts(piece: bytes) -> bytes:
    # Data stream element: id 4, tag 0, aligned, how many bytes; then the bytes; then the end.
    bits = _SILENT_ELEMENT + "100" + "0000" + "1" + f"{len(piece):08b}"
    bits += "0" * (-len(bits) % 8)
    payload = int(bits, 2).to_bytes(len(bits) // 8, "big") + piece + b"\xe0"
    size = 7 + len(payload)
    head = (0xFFF1 << 40) | (1 << 38) | (6 << 34) | (1 << 30) | (size << 13) | (0x7FF << 2)
    return head.to_bytes(7, "big") + payload


def _read_aac(audio: bytes) -> Sound:
    at, seconds, pieces, music = 0, 0.0, [], False
    silent = int(_SILENT_ELEMENT, 2)
    while at + 7 <= len(audio) and audio[at] == 0xFF and audio[at + 1] & 0xF6 == 0xF0:
        rate = audio[at + 2] >> 2 & 15
        size = int.from_bytes(audio[at + 3 : at + 6], "big") >> 5 & 0x1FFF
        start = at + (7 if audio[at + 1] & 1 else 9)
        if rate >= len(_AAC_RATES) or size <= start - at or at + size > len(audio):
            raise NoSoundError("an AAC frame is broken or cut off")
        payload = audio[start : at + size]
        if int.from_bytes(payload[:5].ljust(5, b"\0"), "big") >> 2 == silent:
            if len(payload) > _DATA_AT and payload[4] & 3 == 2:
                count = (payload[5] & 3) << 6 | payload[6] >> 2
                pieces.append(payload[_DATA_AT : _DATA_AT + count])
        elif at and len(payload) > _AAC_QUIET:
            music = True
        seconds += _AAC_SAMPLES / _AAC_RATES[rate]
        at += size
    said = _noted(b"".join(pieces))
    return Sound(seconds, not music and not said, said.get("text"), said.get("language"))


# -- what is only read ------------------------------------------------------------------------------------


def _id3_size(audio: bytes) -> int:
    size = 0
    for byte in audio[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def _mp4_seconds(audio: bytes) -> float:
    """The movie header's duration; 1 where it is not found."""
    at = audio.find(b"mvhd")
    if at < 0 or len(audio) < at + 32:
        return 1.0
    layout, place = (">IQ", at + 24) if audio[at + 4] == 1 else (">II", at + 16)
    scale, duration = struct.unpack_from(layout, audio, place)
    return float(duration / scale) if scale else 1.0


_MAKERS: Final[Mapping[str, Callable[[str, str, float], bytes]]] = {
    "mp3": _make_mp3,
    "opus": _make_opus,
    "aac": _make_aac,
    "flac": _make_flac,
    "wav": _make_wav,
    "pcm": _make_pcm,
}
FORMATS: Final = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
"""Content types of what is spoken."""
