"""``lifeline media``: checked before anything is sent; small files in the request, large ones by S3."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
import urllib3
from lifeline.contract.media import DIRECT_BYTES
from lifeline_cli.main import run

from tests.support.media_files import png
from tests.support.operator_function import Function

DONE = {
    "id": "4490709327384033",
    "kind": "image",
    "type": "image/png",
    "name": "dot.png",
    "size": 70,
    "sha256": "0" * 64,
    "uploaded_at": "2026-09-21T14:13:20.000Z",
    "expires_at": "2026-10-21T14:13:20.000Z",
    "known": False,
}


def test_a_small_file_stands_in_the_request(
    function: Function, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "dot.png"
    file.write_bytes(png())
    function.answers["media.upload"] = DONE
    assert run(["media", "upload", str(file)]) == 0
    (request,) = function.requests
    assert (request["file"], request["type"]) == ("dot.png", "image/png")
    assert base64.b64decode(request["data"]) == png()
    assert "4490709327384033" in capsys.readouterr().out


class Answer:
    status = 200
    data = b"<Error><Code>AccessDenied</Code></Error>"


def test_a_large_file_is_put_into_s3_first(
    function: Function, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = b"%PDF-1.7" + b"x" * DIRECT_BYTES
    file = tmp_path / "terms.bin"
    file.write_bytes(content)
    put: list[tuple[str, str, bytes, Any]] = []

    def request(method: str, url: str, *, body: Any, headers: Any, **more: Any) -> Answer:
        put.append((method, url, body.read(), headers))
        return Answer()

    monkeypatch.setattr(urllib3, "request", request)
    place = {"url": "https://s3.test/x", "method": "PUT", "headers": {"Content-Length": str(len(content))}}
    function.answers["media.prepare"] = {**place, "until": "2026-09-21T14:13:20.000Z"}
    function.answers["media.upload"] = DONE
    assert run(["media", "upload", str(file), "--type", "application/pdf"]) == 0
    assert put == [("PUT", "https://s3.test/x", content, place["headers"])]
    sha256 = hashlib.sha256(content).hexdigest()
    prepare, upload = function.requests
    assert (prepare["sha256"], prepare["size"]) == (sha256, len(content))
    assert (upload["sha256"], "data" in upload) == (sha256, False)
    Answer.status = 403
    assert run(["media", "upload", str(file), "--type", "application/pdf"]) == 1
    assert "HTTP 403 AccessDenied" in capsys.readouterr().err
    assert [request["action"] for request in function.requests[2:]] == ["media.prepare"]
    Answer.status = 200


@pytest.mark.parametrize(
    ("name", "content", "words", "says"),
    [
        ("a.gif", b"GIF89a", [], "unknown type"),
        ("a.png", b"GIF89a", [], "does not begin"),
        ("a.png", b"", [], "empty"),
        ("a.png", png(), ["--type", "image/gif"], "takes no files of type"),
        ("a.webp", b"RIFF\0\0\0\0WEBP" + b"x" * 512_000, [], "at most 512000"),
    ],
)
def test_what_whatsapp_does_not_take_is_refused_here(
    function: Function,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
    words: list[str],
    says: str,
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert run(["media", "upload", str(file), *words]) == 1
    assert says in capsys.readouterr().err
    assert function.requests == []


def test_a_file_that_is_not_there(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["media", "upload", "/nowhere/dot.png"]) == 1
    assert "cannot read" in capsys.readouterr().err


def test_files_are_listed_and_deleted(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers["media.list"] = [
        {"at": "2026-09-21T14:13:20.000Z", "media": [{**DONE, "actor": "ada"}]},
        {"at": "2026-09-21T14:13:20.000Z", "media": []},
    ]
    assert run(["media", "list"]) == 0
    out = capsys.readouterr().out
    assert "4490709327384033" in out
    assert "2026-10-21" in out
    assert run(["media", "list"]) == 0
    assert "No file" in capsys.readouterr().out
    function.answers["media.delete"] = [
        {"id": "44", "deleted": True, "name": "dot.png"},
        {"id": "44", "deleted": False, "name": None},
    ]
    assert run(["media", "delete", "44"]) == 0
    assert "Deleted 44 (dot.png)" in capsys.readouterr().out
    assert run(["media", "delete", "44"]) == 0
    assert "no longer" in capsys.readouterr().out
