"""The settings of group ``openai``."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.domain.voice.speaking import VoiceRules


def test_settings_are_laid_over_the_defaults() -> None:
    rules = VoiceRules.parse({"voice": "nova", "attempts": 2.0, "instructions": {"DE": "Freundlich."}})
    assert isinstance(rules.attempts, int)
    assert (rules.voice, rules.attempts, rules.speech_model) == ("nova", 2, VoiceRules().speech_model)
    assert (rules.instruction("de"), rules.instruction("fr")) == ("Freundlich.", "")
    assert VoiceRules.parse({"instructions": {"default": "Calm."}}).instruction("fr") == "Calm."


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ([], "object"),
        ({"model": "x"}, "unknown"),
        ({"voice": ""}, "voice"),
        ({"voice": 3}, "voice"),
        ({"speech_model": "a b"}, "speech_model"),
        ({"attempts": 0}, "attempts"),
        ({"attempts": 1.5}, "whole"),
        ({"attempts": True}, "attempts"),
        ({"attempts": float("nan")}, "attempts"),
        ({"budget": 500}, "budget"),
        ({"read_timeout": "long"}, "read_timeout"),
        ({"instructions": {"de": 1}}, "instructions"),
        ({"instructions": {"de": "x" * 5000}}, "instructions"),
    ],
)
def test_what_is_wrong_is_named(document: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        VoiceRules.parse(document)
