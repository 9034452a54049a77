"""Files at Meta: uploaded once, checked before, listed while they last, deleted."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from lifeline.contract.media import DIRECT_BYTES, ID_SECONDS
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.failure.causes import Fault
from lifeline.domain.failure.classify import Failure, classify_answer, classify_fault
from lifeline.use_cases.operate.media import SPARE
from lifeline.wiring import operator

from tests.support.media_files import MemoryParcels, MemoryUploads, MetaFiles, png
from tests.support.operating import ACTOR, World, itself


class Files(World):
    """The operator with files."""

    def __init__(self) -> None:
        super().__init__()
        self.uploads, self.parcels, self.meta = MemoryUploads(), MemoryParcels(), MetaFiles()
        self.also(uploads=self.uploads, parcels=self.parcels, whatsapp=self.meta)
        self.operate = operator.build(self.adapters("operator"), itself)

    def upload(self, content: bytes, name: str = "dot.png", kind: str = "image/png") -> dict[str, Any]:
        data = base64.b64encode(content).decode()
        return self.ask("media.upload", file=name, type=kind, data=data, actor=ACTOR)


@pytest.fixture
def world() -> Files:
    return Files()


def test_a_file_is_given_to_meta_and_remembered_for_thirty_days(world: Files) -> None:
    done = world.upload(png())
    assert (done["id"], done["kind"], done["known"]) == ("m1", "image", False)
    assert world.meta.files["m1"] == ("dot.png", "image/png", png())
    assert done["sha256"] == hashlib.sha256(png()).hexdigest()
    (row,) = world.ask("media.list")["media"]
    assert {**row, "known": False} == {**done, "actor": ACTOR}
    world.clock.advance(ID_SECONDS)
    assert world.ask("media.list")["media"] == []


def test_the_same_file_is_not_uploaded_twice_while_its_id_is_good(world: Files) -> None:
    first = world.upload(png())
    assert world.upload(png(), "again.png") == {**first, "known": True}
    assert world.upload(png(1))["id"] == "m2"
    world.clock.advance(ID_SECONDS - SPARE)
    assert world.upload(png())["id"] == "m3", "an id that ends within a day is not given out again"
    assert len(world.ask("media.list")["media"]) == 2, "one id for one content"


def test_what_meta_has_lost_is_uploaded_anew(world: Files) -> None:
    world.upload(png())
    world.meta.files.clear()
    done = world.upload(png())
    assert (done["known"], len(world.meta.files)) == (False, 1)


def test_who_uploaded_and_deleted_is_in_the_history_and_the_file_is_not_in_the_log(world: Files) -> None:
    world.upload(png())
    world.clock.advance(1)
    world.ask("media.delete", id="m1", actor=ACTOR)
    notes = [event.reason for event in world.control.events.values() if event.scope == WHATSAPP]
    assert notes == ["file dot.png uploaded as m1", "file m1 deleted"]
    assert base64.b64encode(png()).decode() not in str(world.log.lines)


def test_newest_first(world: Files) -> None:
    for number in range(3):
        world.upload(png(number), f"{number}.png")
        world.clock.advance(1)
    assert [row["name"] for row in world.ask("media.list")["media"]] == ["2.png", "1.png", "0.png"]


@pytest.mark.parametrize(
    ("content", "kind", "fault"),
    [
        (b"GIF89a", "image/png", "does not begin"),
        (png(), "image/gif", "takes no files of type"),
        (b"\xff\xd8\xff" + b"x" * (DIRECT_BYTES - 4), "image/webp", "at most 512000"),
    ],
)
def test_what_whatsapp_does_not_take_never_reaches_meta(
    world: Files, content: bytes, kind: str, fault: str
) -> None:
    data = base64.b64encode(content).decode()
    error = world.refused("media.upload", file="a", type=kind, data=data, actor=ACTOR)
    assert error["code"] == "bad_file"
    assert fault in error["message"]
    assert "image/png" in error["valid"]
    assert world.meta.files == {}


@pytest.mark.parametrize(
    "given", [{}, {"data": "aGk=", "sha256": "0" * 64}, {"data": "a"}, {"data": "no base64!"}]
)
def test_a_request_names_one_file(world: Files, given: dict[str, str]) -> None:
    error = world.refused("media.upload", file="a", type="text/plain", actor=ACTOR, **given)
    assert error["code"] == "invalid_request"


def test_a_large_file_comes_by_way_of_the_bucket_and_leaves_it(world: Files) -> None:
    content = b"%PDF-1.7" + b"x" * DIRECT_BYTES
    sha256 = hashlib.sha256(content).hexdigest()
    place = world.ask("media.prepare", sha256=sha256, size=len(content), type="application/pdf", actor=ACTOR)
    assert (place["method"], place["headers"]) == ("PUT", {"Content-Length": str(len(content))})
    fields: dict[str, Any] = {"file": "a.pdf", "type": "application/pdf", "sha256": sha256, "actor": ACTOR}
    assert world.refused("media.upload", **fields)["code"] == "no_file"
    world.parcels.there[sha256] = content
    assert world.ask("media.upload", **fields)["id"] == "m1"
    assert world.meta.files["m1"][2] == content
    assert world.parcels.there == {}


def test_what_was_put_there_must_be_what_was_announced(world: Files) -> None:
    world.parcels.there["0" * 64] = b"%PDF-1.7 other"
    error = world.refused("media.upload", file="a.pdf", type="application/pdf", sha256="0" * 64, actor=ACTOR)
    assert error["code"] == "bad_file"
    assert world.meta.files == {}


@pytest.mark.parametrize(("kind", "size"), [("image/png", 6_000_000), ("image/gif", 10)])
def test_no_address_for_what_whatsapp_does_not_take(world: Files, kind: str, size: int) -> None:
    error = world.refused("media.prepare", sha256="0" * 64, size=size, type=kind, actor=ACTOR)
    assert error["code"] == "bad_file"


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (classify_answer(400, {"error": {"code": 131053, "message": "unsupported"}}, {}), "refused_by_meta"),
        (classify_answer(500, {"error": {"code": 131000, "message": "later"}}, {}), "unavailable"),
        (classify_fault(Fault.READ_TIMEOUT, ""), "unavailable"),
    ],
)
def test_what_meta_answers_is_said(world: Files, failure: Failure, code: str) -> None:
    world.meta.fails = failure
    data = base64.b64encode(png()).decode()
    error = world.refused("media.upload", file="a.png", type="image/png", data=data, actor=ACTOR)
    assert error["code"] == code
    assert world.ask("media.list")["media"] == []


def test_a_file_is_deleted_at_meta_and_here(world: Files) -> None:
    world.upload(png())
    assert world.ask("media.delete", id="m1", actor=ACTOR) == {
        "id": "m1",
        "deleted": True,
        "name": "dot.png",
    }
    assert (world.meta.files, world.ask("media.list")["media"]) == ({}, [])
    assert world.ask("media.delete", id="m1", actor=ACTOR)["deleted"] is False
    world.upload(png())
    world.meta.fails = classify_fault(Fault.REFUSED, "")
    assert world.refused("media.delete", id="m1", actor=ACTOR)["code"] == "unavailable"
    assert len(world.uploads.kept) == 1
