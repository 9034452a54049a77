"""The registry of kinds: the same names as the contract's, a request and a text for each."""

from __future__ import annotations

import pytest
from lifeline.contract.kinds import TYPES
from lifeline.contract.messages import Template
from lifeline.domain.fallback.words import FallbackText
from lifeline.domain.message.kinds import KINDS, notice, request

from tests.support.kinds import SAMPLES, WAMID


def test_every_kind_of_the_contract_has_its_row() -> None:
    assert tuple(KINDS) == TYPES
    assert [row.shape.name for row in KINDS.values()] == [*TYPES]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_request_says_to_whom_which_act_and_what(name: str) -> None:
    body = request(SAMPLES[name].message(), "+4915112345678", "m-1#1")
    kind = "text" if SAMPLES[name].type == "voice" else SAMPLES[name].type
    assert (body["to"], body["biz_opaque_callback_data"], body["type"]) == ("4915112345678", "m-1#1", kind)
    assert kind in body
    assert ("context" in body) == (name == "text-reply")


def test_a_user_id_goes_into_a_field_of_its_own() -> None:
    body = request(SAMPLES["text"].message(), "US.13491208655302741918", "a#1")
    assert (body["recipient"], "to" in body) == ("US.13491208655302741918", False)


def test_an_answer_names_its_message() -> None:
    assert request(SAMPLES["text-reply"].message(), "+49", "t")["context"] == {"message_id": WAMID}


def test_a_voice_message_goes_as_its_recording_and_a_template_as_its_replacement() -> None:
    spoken = request(SAMPLES["voice"].message(), "+49", "t", recording="media-1")
    assert (spoken["type"], spoken["audio"]) == ("audio", {"id": "media-1"})
    other = request(SAMPLES["template"].message(), "+49", "t", Template("other", "de"))
    assert other["template"] == {"name": "other", "language": {"code": "de"}}


@pytest.mark.parametrize("name", SAMPLES)
def test_what_a_fallback_says(name: str) -> None:
    said = notice(SAMPLES[name].message())
    assert (said.body if said else None) == SAMPLES[name].said


@pytest.mark.parametrize("name", SAMPLES)
def test_the_producers_own_words_come_first(name: str) -> None:
    sample = SAMPLES[name]
    own = notice(sample.message(fallback={"title": "T", "body": "B"}, text="not this"))
    assert own == FallbackText("T", "B")
    assert notice(sample.message(text=" text ")) == FallbackText(None, "text")


def test_a_template_is_told_by_its_name_and_values() -> None:
    sample = SAMPLES["template"]
    assert notice(sample.message()) == FallbackText("Kinds positional", "Ana, 10:30")
    named = notice(sample.message(fallback={"title": "T", "body": " "}))
    assert named == FallbackText("T", "Kinds positional: Ana, 10:30")


def test_a_title_alone_is_said() -> None:
    assert notice(SAMPLES["sticker"].message(fallback={"title": "T", "body": " "})) == FallbackText(None, "T")
    assert notice(SAMPLES["sticker"].message()) is None
