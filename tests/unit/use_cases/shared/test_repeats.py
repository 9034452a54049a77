"""What a write shows of people who were told more than once, and its metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from lifeline.domain.account.counters import BOTH, DUPLICATE, ESCALATED, POSSIBLE
from lifeline.domain.message.row import Doubt, Row
from lifeline.domain.message.status import Status
from lifeline.use_cases.shared.repeats import emit, repeats

from tests.support.memory import Recorder

BEFORE = Row("m", status=Status.SENT, via=1, act=2)


def test_a_write_counts_what_it_brings_to_light() -> None:
    doubted = replace(BEFORE, doubts=(Doubt(2, "whatsapp", 1.0),))
    assert +repeats(BEFORE, doubted) == {POSSIBLE: 1}
    assert +repeats(BEFORE, replace(BEFORE, duplicates=(2,))) == {POSSIBLE: 1, DUPLICATE: 1}
    assert +repeats(doubted, BEFORE) == {}, "what is settled again takes nothing back"
    escalated = replace(BEFORE, escalated=1, otherwise=2)
    assert +repeats(BEFORE, escalated) == {ESCALATED: 1}
    assert +repeats(escalated, replace(escalated, beside="DELIVERED")) == {BOTH: 1}


def test_an_escalation_counts_although_its_outcome_is_still_to_be_told() -> None:
    owing = replace(BEFORE, escalated=1, otherwise=2, lane="timer", due=5.0, onward="off")
    at_home = replace(owing, lane=None, due=None, onward=None)
    assert +repeats(BEFORE, owing) == {ESCALATED: 1}
    assert +repeats(owing, at_home) == {}, "once"


def test_only_what_has_a_value_becomes_a_metric() -> None:
    telemetry: Any = Recorder()
    emit(Counter({POSSIBLE: 2, DUPLICATE: 0, BOTH: 1}), telemetry)
    assert telemetry.metrics == {("PossibleDuplicates", "whatsapp"): 2, ("ToldByBoth", "whatsapp"): 1}
