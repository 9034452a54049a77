"""Files at Meta on the deployed system, with IAM enforced: in the request, and by way of the bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lifeline.contract.media import DIRECT_BYTES

from tests.support.media_files import png
from tests.support.shell import Shell
from tests.support.system import System


@pytest.fixture
def lifeline(system: System) -> Shell:
    system.fresh()
    return Shell(system)


def uploads(system: System) -> list[dict[str, Any]]:
    listed = system._control("GET", "/requests", params={"path": "/media", "method": "POST"})["requests"]
    return [entry for entry in listed if entry["answer"]["status"] == 200]


def left_in_the_bucket(system: System) -> list[str]:
    s3 = system.stack.client("s3")
    bucket = system.out["UploadsBucketName"]
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


def test_a_picture_is_uploaded_once_listed_and_deleted(lifeline: Shell, tmp_path: Path) -> None:
    system = lifeline.system
    file = tmp_path / "dot.png"
    file.write_bytes(png())
    first = lifeline.answer("media", "upload", str(file))
    assert (first["kind"], first["known"], first["size"]) == ("image", False, len(png()))
    again = lifeline.answer("media", "upload", str(file))
    assert (again["id"], again["known"]) == (first["id"], True)
    assert len(uploads(system)) == 1
    (row,) = lifeline.answer("media", "list")["media"]
    assert (row["id"], row["name"]) == (first["id"], "dot.png")
    assert row["actor"].startswith("arn:aws:")
    assert lifeline.answer("media", "delete", first["id"])["deleted"] is True
    assert lifeline.answer("media", "list")["media"] == []
    assert lifeline.answer("media", "upload", str(file))["id"] != first["id"]


def test_messages_use_the_id_until_it_ends(lifeline: Shell, tmp_path: Path) -> None:
    system = lifeline.system
    prefix = system.fresh()
    file = tmp_path / "dot.png"
    file.write_bytes(png(7))
    media_id = lifeline.answer("media", "upload", str(file))["id"]
    parts = [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Ten percent off."}]
    system.template("offer", language="en_US", status="APPROVED", category="MARKETING", components=parts)
    header = {"type": "header", "parameters": [{"type": "image", "image": {"id": media_id}}]}
    chosen = {"name": "offer", "language": "en_US", "components": [header]}
    system.produce(system.person(f"{prefix}-a", type="template", template=chosen, text="Ten percent off."))
    system.wait_for([f"{prefix}-a"], "DELIVERED")
    (send,) = system.sends(f"{prefix}-a")
    assert send["body"]["template"]["components"] == [header]
    lifeline("media", "delete", media_id)
    system.produce(system.person(f"{prefix}-b", type="template", template=chosen, text="Ten percent off."))
    system.wait_for([f"{prefix}-b"], "REJECTED")
    trail = lifeline.answer("message", f"{prefix}-b")["trail"]
    assert "A media id ends 30 days after its upload" in trail[-1]["note"]


@pytest.mark.parametrize("size", [DIRECT_BYTES, 3 * DIRECT_BYTES], ids=["in the request", "by the bucket"])
def test_a_large_document_arrives(lifeline: Shell, tmp_path: Path, size: int) -> None:
    system = lifeline.system
    file = tmp_path / "terms.pdf"
    file.write_bytes(b"%PDF-1.7\n" + bytes(size - 9))
    done = lifeline.answer("media", "upload", str(file))
    assert (done["kind"], done["size"]) == ("document", size)
    assert len(uploads(system)) == 1
    assert left_in_the_bucket(system) == []


def test_what_whatsapp_does_not_take_is_refused(lifeline: Shell, tmp_path: Path) -> None:
    file = tmp_path / "dot.png"
    file.write_bytes(b"GIF89a")
    assert "does not begin" in lifeline("media", "upload", str(file), code=1).stderr
    assert uploads(lifeline.system) == []
