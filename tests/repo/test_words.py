"""Texts that people read use the field's own words; the old ones stand in none of them."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.support.texts import joined, spoken, texts

WORDS: Final[tuple[tuple[str, str, str], ...]] = (
    # what is not said, as it was said once, and what is said instead
    (r"\bmend(s|ed|ing)?\b", "says what to mend", "fix"),
    (r"\bpeople told\b", "People told", "notification recipients"),
    (r"\bwhat people (write|say)\b", "What people write", "inbound messages"),
    (r"\baddresses that came back\b", "Addresses that came back", "bounces and complaints"),
    (r"\bthe unexpected\b", "the unexpected happened five times", "failed N times with an unexpected error"),
    (r"(?-i:\bCourse\b)", "Course", "Sequence of events"),
    (r"\bnew trip\b", "without a new trip", "without re-entering panic"),
    (r"\bwas asked\b", "Meta was asked 3 probes", "N probes were sent to Meta"),
    (r"\banswered well\b", "answered well", "OK"),
    (r"\bcode None\b", "code None: connection refused", "connection refused"),
    (r"\bbooked\b.{0,30}\bahead\b", "booked 0.0 s ahead", "no wait, or how long the next message waits"),
    (r"\bnobody is there\b", "Nobody is there to ask", "Confirmation needs a terminal"),
    (r"\bwindow of the outage\b", "the window of the outage stays", "failed to clear the outcome window"),
    (r"\bno tokens\b", "no tokens", "rate limiter unavailable"),
    (r"\b(an)?other ways?\b(?! round)", "reached another way", "fallback"),
    (r"\bthe way back\b", "The way back", "recovery"),
    (r"\b(without an|has no) end\b", "it has no end", "never expires"),
    (r"\bbecame of\b", "what became of them", "outcome"),
    (r"\b(is|are|was|were) to be\b", "what is to be done", "must, or what is done"),
    (r"\bhas been told of\b", "has been told of it", "was notified of"),
    (r"\btype (the|this|one|these) commands?\b", "type this command", "run"),
)


def said(text: str) -> list[str]:
    """What a text says in old words."""
    return [f"{match[0]!r}: {new}" for old, _, new in WORDS if (match := re.search(old, text, re.IGNORECASE))]


def test_no_text_that_people_read_has_an_old_word() -> None:
    assert {place: old for place, text in texts() if (old := said(text))} == {}


@pytest.mark.parametrize(("old", "example", "new"), WORDS, ids=[example for _, example, _ in WORDS])
def test_each_old_word_would_be_found(old: str, example: str, new: str) -> None:
    assert re.search(old, example, re.IGNORECASE)
    assert said(f"So {joined(example)}.")
    assert not said(new)


def test_all_kinds_of_texts_are_read() -> None:
    places = {place.partition(":")[0] for place, _ in texts()}
    wanted = {
        "README.md",
        "docs/runbook.md",
        "template.yaml",
        "docs/notifications/chat.yaml",
        "cli/lifeline_cli/panic.py",
        "layers/lifeline/lifeline/domain/panic/notices.py",
        "local/demo.py",
    }
    assert wanted <= places
    assert len(places) > 200


def test_strings_of_code_are_read_and_docstrings_where_they_are_help() -> None:
    source = '''
"""Of a module."""
NAME = "said"
"""Of a name."""
def command(name):
    """Help."""
    return f"{name} " f"mends {NAME}"
'''
    assert sorted(text for _, text in spoken(source, docstrings=False)) == ["said", "{} mends {}"]
    assert sorted(text for _, text in spoken(source, docstrings=True)) == ["Help.", "said", "{} mends {}"]
