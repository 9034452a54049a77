"""Which files WhatsApp takes."""

from __future__ import annotations

import pytest
from lifeline.contract.media import FILE_TYPES, LARGEST, MEGABYTE, file_fault, type_of

from local.simulators.graph.media import KINDS
from local.simulators.graph.media import LARGEST as AT_META
from tests.support.inbound import spoken
from tests.support.media_files import png


def test_types_and_sizes_are_those_of_the_simulator() -> None:
    ours = {mime: item.limit for mime, item in FILE_TYPES.items()}
    assert {**ours, "audio/opus": 16 * MEGABYTE} == AT_META
    assert all(mime in KINDS[item.kind] for mime, item in FILE_TYPES.items())
    assert LARGEST == 100 * MEGABYTE


def test_an_ending_stands_for_one_type() -> None:
    endings = [ending for item in FILE_TYPES.values() for ending in item.endings]
    assert len(endings) == len(set(endings))


@pytest.mark.parametrize(
    ("name", "mime_type"),
    [
        ("a.PNG", "image/png"),
        ("b.c.jpeg", "image/jpeg"),
        ("noise.ogg", "audio/ogg"),
        ("a.gif", None),
        ("a", None),
    ],
)
def test_the_type_of_a_name(name: str, mime_type: str | None) -> None:
    assert type_of(name) == mime_type


@pytest.mark.parametrize(
    ("mime_type", "head"),
    [
        ("image/png", png()),
        ("image/jpeg", b"\xff\xd8\xff\xe0"),
        ("image/webp", b"RIFF\0\0\0\0WEBPVP8 "),
        ("video/mp4", b"\0\0\0\x18ftypmp42"),
        ("audio/ogg", spoken()),
        ("audio/mpeg", b"ID3\4"),
        ("application/pdf", b"%PDF-1.7"),
        ("application/msword", b"\xd0\xcf\x11\xe0"),
        ("text/plain", b"anything"),
    ],
)
def test_what_begins_as_its_type_does_is_taken(mime_type: str, head: bytes) -> None:
    assert file_fault(mime_type, len(head), head[:64]) is None


@pytest.mark.parametrize(
    ("mime_type", "size", "head", "fault"),
    [
        ("image/png", 0, b"", "is empty"),
        ("image/png", 5 * MEGABYTE + 1, png(), "at most 5242880"),
        ("image/png", 10, b"\xff\xd8\xff", "does not begin"),
        ("audio/ogg", 99, b"OggS" + b"\0" * 24 + b"\x01vorbis", "does not begin"),
        ("image/gif", 10, b"GIF89a", "takes no files of type image/gif"),
    ],
)
def test_what_meta_would_not_take(mime_type: str, size: int, head: bytes, fault: str) -> None:
    assert fault in (file_fault(mime_type, size, head) or "")


def test_without_the_content_type_and_size_decide() -> None:
    assert file_fault("image/png", 10) is None
    assert file_fault("image/png", 6 * MEGABYTE) is not None
