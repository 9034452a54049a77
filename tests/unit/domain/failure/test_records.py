"""What is kept of failures."""

from __future__ import annotations

import json

from lifeline.domain.failure.classify import classify_answer
from lifeline.domain.failure.records import FailureSample


def test_a_failure_comes_back_as_it_was_kept() -> None:
    failure = classify_answer(401, {"error": {"code": 190, "message": "expired " * 99}}, {})
    sample = FailureSample.of(failure, message_id="m1")
    assert (sample.code, sample.http_status, sample.id, sample.by) == (190, 401, "m1", None)
    assert len(sample.details) <= 200
    for record in (sample, FailureSample.of(failure, by="webhook"), FailureSample()):
        assert FailureSample.from_item(json.loads(json.dumps(record.to_item()))) == record


def test_what_is_not_known_is_not_kept() -> None:
    assert FailureSample(131000, "x", by="webhook").to_item() == {
        "code": 131000,
        "details": "x",
        "by": "webhook",
    }
