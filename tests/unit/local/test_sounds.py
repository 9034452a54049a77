"""Recordings of every format are whole, as long as their text takes, and damage shows."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulators.opus import recording, seconds_of
from local.simulators.sounds import FORMATS, NoSoundError, listen, speak

KEPT = [form for form in FORMATS if form != "pcm"]
TEXT = "Your appointment is at ten o'clock. "


@settings(max_examples=20, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300),
    st.sampled_from(["", "de"]),
    st.sampled_from(KEPT),
)
def test_what_was_said_can_be_read_back(text: str, language: str, form: str) -> None:
    found = listen(speak(text, form, language=language))
    assert (found.text, found.language or "", found.silent) == (text, language, False)
    assert found.seconds == pytest.approx(seconds_of(text), abs=0.05)


def test_raw_samples_are_as_long_as_the_text() -> None:
    assert len(speak(TEXT, "pcm")) == 2 * round(24_000 * seconds_of(TEXT))


@pytest.mark.parametrize("form", KEPT)
def test_the_longest_text(form: str) -> None:
    assert listen(speak("ü" * 4096, form)).text == "ü" * 4096


@pytest.mark.parametrize("form", ["mp3", "opus", "aac"])
def test_a_recording_that_is_cut_off(form: str) -> None:
    with pytest.raises(NoSoundError):
        listen(speak(TEXT * 4, form)[:-5])


@pytest.mark.parametrize("content", [b"", b"<html>", b"RIFF\0\0\0\0WAVE", b"fLaC", b"\xff\xfb\xff\xff" * 9])
def test_what_is_no_recording(content: bytes) -> None:
    with pytest.raises(NoSoundError):
        listen(content)


def test_a_movie_header_tells_the_duration() -> None:
    header = b"mvhd" + bytes(12) + struct.pack(">II", 1000, 2500) + bytes(20)
    assert listen(b"\0\0\0\x18ftypM4A " + header).seconds == 2.5


def test_a_tag_before_the_sound_is_skipped() -> None:
    tag = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
    assert listen(tag + speak(TEXT, "mp3")).text == TEXT


def test_silence() -> None:
    assert listen(recording(seconds=2, silent=True)).silent
    assert not listen(recording(seconds=2)).silent
