"""Recordings made on the spot are whole Ogg/Opus files, and damage shows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifeline.domain.voice.audio import inspect

from local.simulators.opus import NoOpusError, _checksum, read, recording, seconds_of


@settings(max_examples=30)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=600), st.sampled_from(["", "de", "en"]))
def test_what_was_said_can_be_read_back_and_lasts_as_long_as_saying_it(text: str, language: str) -> None:
    sound = recording(text, language)
    found = read(sound)
    assert found.comments.get("TRANSCRIPT", "") == text
    assert found.comments.get("LANGUAGE", "") == language
    assert found.seconds == pytest.approx(seconds_of(text), abs=0.02)
    seen = inspect(sound)
    assert (seen.container, seen.silent) == ("ogg", False)
    assert seen.duration == pytest.approx(found.seconds, abs=0.02)


def test_a_longer_text_takes_longer() -> None:
    assert read(recording("word " * 400)).seconds > 5 * read(recording("word " * 40)).seconds


def test_the_longest_text_fits_into_pages() -> None:
    assert read(recording("ü" * 4096)).comments["TRANSCRIPT"] == "ü" * 4096


def test_silence_is_silent() -> None:
    assert inspect(recording(seconds=2, silent=True)).silent


def test_the_checksum_is_that_of_ogg() -> None:
    # CRC-32 with the polynomial 0x04C11DB7, zero at the start, not reflected, not inverted: its check value.
    assert _checksum(b"123456789") == 0x89A1897F


@pytest.mark.parametrize("damage", ["empty", "text", "flipped", "cut", "no sound", "page lost"])
def test_damage_shows(damage: str) -> None:
    good = recording("Your appointment is at ten o'clock. " * 4)
    second = good.index(b"OggS", 4)
    third = good.index(b"OggS", second + 4)
    bad = {
        "empty": b"",
        "text": b"<html>",
        "flipped": good[:200] + bytes([good[200] ^ 1]) + good[201:],
        "cut": good[:-5],
        "no sound": good[:third],
        "page lost": good[:second] + good[third:],
    }[damage]
    with pytest.raises(NoOpusError):
        read(bad)
