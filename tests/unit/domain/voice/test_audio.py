"""Recordings told apart without decoding them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.voice.audio import UnreadableAudioError, inspect, packet_seconds

from tests.support.inbound import QUIET, SPEECH, ogg, spoken


def test_a_voice_note() -> None:
    found = inspect(spoken(3.0))
    assert (found.container, found.silent) == ("ogg", False)
    assert found.duration == pytest.approx(3.0)


def test_silence() -> None:
    assert inspect(ogg([QUIET] * 100)).silent
    assert inspect(ogg([])).silent, "nothing was recorded"
    assert not inspect(ogg([QUIET] * 500 + [SPEECH])).silent, "one word at the end is enough"


def test_packets_longer_than_a_lacing_value() -> None:
    long = bytes([0x48]) + b"x" * 700
    assert inspect(ogg([long, long[:255], long[:510]])).duration == pytest.approx(0.06)


@pytest.mark.parametrize(
    ("toc", "more", "seconds"),
    [
        (0 << 3, b"", 0.010),
        (3 << 3, b"", 0.060),
        (12 << 3, b"", 0.010),
        (16 << 3, b"", 0.0025),
        (31 << 3, b"", 0.020),
        (31 << 3 | 1, b"", 0.040),
        (31 << 3 | 2, b"", 0.040),
        (31 << 3 | 3, b"\x06", 0.120),
        (31 << 3 | 3, b"", 0.0),
    ],
)
def test_how_long_a_packet_plays(toc: int, more: bytes, seconds: float) -> None:
    assert packet_seconds(bytes([toc]) + more) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("audio", "container"),
    [
        (b"\x00\x00\x00\x18ftypM4A ", "m4a"),
        (b"ID3\x04", "mp3"),
        (b"\xff\xfb\x90", "mp3"),
        (b"RIFF\x00\x00\x00\x00WAVE", "wav"),
        (b"fLaC", "flac"),
        (b"\x1aE\xdf\xa3", "webm"),
    ],
)
def test_other_containers(audio: bytes, container: str) -> None:
    assert inspect(audio).container == container


@pytest.mark.parametrize(
    "audio",
    [
        b"",
        b"<html>Bad gateway</html>",
        bytes(1000),
        b"OggS",
        spoken()[:-1],
        spoken()[:40],
        spoken() + b"more",
        ogg([SPEECH], head=b"\x01vorbis "),
    ],
)
def test_what_is_no_recording(audio: bytes) -> None:
    with pytest.raises(UnreadableAudioError):
        inspect(audio)


@given(st.binary(max_size=400), st.integers(0, 500))
def test_nothing_crashes(noise: bytes, at: int) -> None:
    for audio in (noise, b"OggS" + noise, spoken(0.1)[:at] + noise):
        with contextlib.suppress(UnreadableAudioError):
            assert inspect(audio).container
