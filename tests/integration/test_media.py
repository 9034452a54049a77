"""Media of people, from the simulator over real sockets: address, token, five minutes, size limit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from lifeline.adapters.whatsapp import Accepted, Lost, Media
from lifeline.contract.messages import parse_message
from lifeline.domain.failure.causes import Cause
from lifeline.domain.failure.classify import Failure

from local.simulators.graph import GraphSimulator
from tests.support.graph_client import client
from tests.support.inbound import spoken
from tests.support.media_files import png


@pytest.fixture
def simulator() -> Iterator[GraphSimulator]:
    running = GraphSimulator()
    running.start()
    yield running
    running.stop()


def keep(simulator: GraphSimulator, content: bytes, **more: Any) -> str:
    kept = simulator.media.keep(content, "audio/ogg; codecs=opus", **more)
    return str(kept)


def downloads(simulator: GraphSimulator) -> list[int]:
    return [e["answer"]["status"] for e in simulator.requests if "attachments" in e["path"]]


def test_a_medium_comes_whole(simulator: GraphSimulator) -> None:
    audio = spoken()
    media_id = keep(simulator, audio)
    whatsapp = client(simulator)
    media = whatsapp.media_url(media_id)
    assert isinstance(media, Media)
    assert (media.mime_type, media.size) == ("audio/ogg; codecs=opus", len(audio))
    assert requests.get(media.url, timeout=5).status_code == 401, "nobody gets it without the token"
    assert whatsapp.download(media_id, 1_000_000) == audio


def test_an_address_that_has_run_out_is_asked_for_anew_once(simulator: GraphSimulator) -> None:
    media_id = keep(simulator, spoken())
    simulator.media.seconds = -1
    assert client(simulator).download(media_id, 1_000_000) is Lost.GONE
    assert downloads(simulator) == [404, 404]


def test_what_is_too_large_is_not_read(simulator: GraphSimulator) -> None:
    whatsapp = client(simulator)
    assert whatsapp.download(keep(simulator, bytes(5000)), 4999) is Lost.TOO_LARGE
    assert downloads(simulator) == [], "Meta says the size before"
    assert whatsapp.download(keep(simulator, bytes(5000), say_size=False), 4999) is Lost.TOO_LARGE
    assert whatsapp.download(keep(simulator, bytes(5000), say_size=False), 5000) == bytes(5000)


def test_what_meta_does_not_have(simulator: GraphSimulator) -> None:
    whatsapp = client(simulator)
    for media_id in ("4711", "", "../me", "a/b", "x?y=z"):
        assert whatsapp.download(media_id, 1000) is Lost.GONE
    assert all(entry["path"] == "/v23.0/4711" for entry in simulator.requests)


def test_failures_are_told_apart(simulator: GraphSimulator) -> None:
    media_id = keep(simulator, spoken())
    refused = client(simulator, "EAAwrongtoken00000001").download(media_id, 1_000_000)
    assert isinstance(refused, Failure)
    assert refused.cause is Cause.AUTH
    simulator.add_fault({"kind": "server_error"})
    broken = client(simulator).download(media_id, 1_000_000)
    assert isinstance(broken, Failure)
    assert broken.cause is Cause.UNREACHABLE
    simulator.end_faults()
    simulator.stop()
    gone = client(simulator).download(media_id, 1_000_000)
    assert isinstance(gone, Failure)
    assert gone.cause is Cause.UNREACHABLE


def test_the_token_goes_to_meta_only(simulator: GraphSimulator) -> None:
    whatsapp = client(simulator)
    assert whatsapp._may_have_token("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1")
    for url in (
        "http://lookaside.fbsbx.com/x",
        "https://fbsbx.com.example.org/x",
        "https://evilfbsbx.com/x",
        "https://example.org/?lookaside.fbsbx.com",
        f"{simulator.url}@example.org/x",
        "",
    ):
        assert not whatsapp._may_have_token(url), url
    other = GraphSimulator()
    other.start()
    try:
        assert isinstance(whatsapp._download(f"{other.url}/x", 10), Failure)
        assert other.requests == []
    finally:
        other.stop()


def test_a_file_is_uploaded_found_and_deleted(simulator: GraphSimulator) -> None:
    whatsapp = client(simulator)
    media_id = whatsapp.upload(png(), "dot.png", "image/png")
    assert isinstance(media_id, str)
    found = whatsapp.media_url(media_id)
    assert isinstance(found, Media)
    assert (found.mime_type, found.size) == ("image/png", len(png()))
    assert whatsapp.download(media_id, 1_000_000) == png()
    assert whatsapp.delete_media(media_id) is None
    assert whatsapp.delete_media(media_id) is Lost.GONE
    assert whatsapp.media_url(media_id) is Lost.GONE


def test_a_file_that_meta_does_not_take_is_a_failure(simulator: GraphSimulator) -> None:
    assert isinstance(client(simulator).upload(b"OggSvorbis", "a.ogg", "audio/ogg"), Failure)


def test_a_message_to_a_user_id_is_one_that_meta_takes(simulator: GraphSimulator) -> None:
    bsuid = "US.13491208655302741918"
    body = json.dumps({"id": "a", "type": "text", "text": "Hi", "recipient": {"bsuid": bsuid}})
    taken = client(simulator).send(parse_message(body), bsuid, "a#1")
    assert isinstance(taken, Accepted)
    (entry,) = [entry for entry in simulator.requests if entry["path"].endswith("/messages")]
    assert (entry["body"]["recipient"], "to" in entry["body"]) == (bsuid, False)
    assert "schema_errors" not in entry
