"""Outcomes go to SNS in full batches, and each has its own answer."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lifeline.adapters.outcome_topic import (
    BYTES_PER_CALL,
    ENTRIES_PER_CALL,
    NoTopic,
    OutcomeTopic,
    Publication,
)
from lifeline.contract.outcomes import OutcomeEvent, parse_outcome

from tests.support.aws import stand_in
from tests.support.strict import REFUSED, fault


class Sns:
    """PublishBatch. ``refuses``: bodies that hold this are refused; ``fails``: what every call raises."""

    def __init__(self, refuses: str = "", fails: Exception | None = None) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self._refuses, self._fails = refuses, fails

    def publish_batch(self, **asked: Any) -> Any:
        entries = asked["PublishBatchRequestEntries"]
        self.calls.append(entries)
        if self._fails:
            raise self._fails
        bad = {entry["Id"] for entry in entries if self._refuses and self._refuses in entry["Message"]}
        return {
            "Successful": [{"Id": entry["Id"]} for entry in entries if entry["Id"] not in bad],
            "Failed": [{"Id": name} for name in sorted(bad)],
        }


def publication(name: str, **more: Any) -> Publication:
    event = OutcomeEvent(event_id=f"{name}#2", id=name, status="SENT", time=1_790_000_000.0, **more)
    return Publication(event, {"status": "SENT", "category": None, "campaign": "", "via": "whatsapp"})


def topic(sns: Sns) -> OutcomeTopic:
    return OutcomeTopic(stand_in("sns", sns), "arn:outcomes")


def test_calls_are_full_and_answers_keep_their_order() -> None:
    sns = Sns(refuses="m13")
    taken = topic(sns).publish([publication(f"m{number}") for number in range(25)])
    assert sorted(map(len, sns.calls)) == [5, 10, 10]
    assert [number for number, ok in enumerate(taken) if not ok] == [13]
    assert max(map(len, sns.calls)) == ENTRIES_PER_CALL


def test_attributes_are_those_that_have_a_value() -> None:
    sns = Sns()
    topic(sns).publish([publication("m1")])
    assert sns.calls[0][0]["MessageAttributes"] == {
        "status": {"DataType": "String", "StringValue": "SENT"},
        "via": {"DataType": "String", "StringValue": "whatsapp"},
    }


def test_a_call_stays_within_what_sns_takes() -> None:
    sns = Sns()
    assert all(topic(sns).publish([publication(f"m{n}", reasons=("x" * 60_000,)) for n in range(9)]))
    sizes = [sum(len(entry["Message"].encode()) for entry in call) for call in sns.calls]
    assert max(sizes) <= BYTES_PER_CALL
    assert len(sizes) == 3


def test_no_answer_means_not_taken() -> None:
    sns = Sns(fails=fault("InternalError"))
    assert topic(sns).publish([publication("a"), publication("b")]) == [False, False]


def test_nothing_is_asked_for_nothing() -> None:
    sns = Sns()
    assert topic(sns).publish([]) == []
    assert sns.calls == []


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_whatever_a_producer_keeps_in_its_metadata_sns_takes_it(words: str) -> None:
    sns = Sns()
    topic(sns).publish([publication("m", metadata={"note": words})])
    body = sns.calls[0][0]["Message"]
    assert not REFUSED.search(body)
    assert parse_outcome(json.dumps({**json.loads(body), "metadata": {}})).id == "m"
    assert json.loads(body)["metadata"] == {"note": words}


def test_without_a_topic_nothing_is_owed() -> None:
    assert NoTopic().publish([publication("a")]) == [True]
