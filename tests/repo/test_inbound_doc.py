"""The examples that applications are shown are what the code makes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lifeline.contract.instants import parse_instant
from lifeline.domain.inbound import inbound
from lifeline.domain.inbound.inbound import KINDS, Reason, VoiceNote
from lifeline.domain.inbound.ours import BusinessNumber

DOCUMENT = Path(__file__).parents[2] / "docs" / "inbound.md"
TEXT = DOCUMENT.read_text()
EXAMPLES = {
    example["kind"]: example for example in map(json.loads, re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL))
}


def note(example: dict[str, Any], **more: Any) -> VoiceNote:
    return VoiceNote(
        wamid=example["wamid"],
        phone=example["from"],
        user_id=example["user_id"],
        name=example["name"],
        received_at=parse_instant(example["received_at"]),
        media_id=example.get("media_id", ""),
        number_id=example["number"]["phone_number_id"],
        number_display=example["number"]["display_phone_number"],
        **more,
    )


def number(example: dict[str, Any]) -> BusinessNumber:
    told = example["number"]
    return BusinessNumber(told["phone_number_id"], told["display_phone_number"])


def message(example: dict[str, Any], **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    at = str(int(parse_instant(example["received_at"])))
    number = example["from"].lstrip("+")
    contact = {"wa_id": number, "user_id": example["user_id"], "profile": {"name": example["name"]}}
    return {"from": number, "id": example["wamid"], "timestamp": at, **more}, contact


def test_every_kind_has_an_example_and_a_section() -> None:
    assert list(EXAMPLES) == list(KINDS)
    assert re.findall(r"^## `(\w+)`$", TEXT, re.MULTILINE) == list(KINDS)


def test_text() -> None:
    example = EXAMPLES["text"]
    value, contact = message(example, type="text", text={"body": example["text"]})
    assert inbound.notice_of(example["wamid"], value, contact, number(example), 2e9) == example


def test_other() -> None:
    example = EXAMPLES["other"]
    _, contact = message(example)
    assert inbound.notice_of(example["wamid"], example["message"], contact, number(example), 2e9) == example


def test_voice() -> None:
    example = EXAMPLES["voice"]
    made = inbound.transcribed(
        note(example), example["transcript"], example["language"], example["duration_seconds"]
    )
    assert made == example


def test_voice_pending() -> None:
    example = EXAMPLES["voice_pending"]
    made = inbound.pending(note(example, asked=True), parse_instant(example["waits_until"]))
    assert made == example
    hours = (parse_instant(example["waits_until"]) - parse_instant(example["received_at"])) / 3600
    assert hours == inbound.InboundRules().max_age_hours


def test_voice_unusable() -> None:
    example = EXAMPLES["voice_unusable"]
    assert inbound.unusable(note(example), Reason(example["reason"]), example["detail"]) == example


def test_every_reason_is_explained() -> None:
    table = TEXT.split("| reason | means |", 1)[1].split("## `other`", 1)[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [str(reason) for reason in Reason]
