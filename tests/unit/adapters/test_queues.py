"""What SQS refuses is mended before it is sent, and one bad entry never takes its batch along."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from lifeline.adapters.queues import BYTES_PER_CALL, ENTRIES_PER_CALL, Outgoing, Queues

from tests.support.aws import stand_in

REFUSED = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LARGEST = 262_144
"""Bytes of one message on a queue whose MaximumMessageSize is SQS's default."""


def fault(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "SendMessageBatch")


class Sqs:
    """Refuses what SQS refuses, and as SQS does: a whole call for one entry that it cannot read."""

    def __init__(self) -> None:
        self.calls = 0
        self.bodies: list[str] = []
        self.attributes: list[dict[str, str]] = []
        self.fails: Exception | None = None

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.calls += 1
        if self.fails:
            raise self.fails
        assert 1 <= len(Entries) <= ENTRIES_PER_CALL
        total = 0
        taken = []
        for entry in Entries:
            attributes = {k: v["StringValue"] for k, v in entry["MessageAttributes"].items()}
            texts = [entry["MessageBody"], *attributes.values()]
            size = sum(len(text.encode()) for text in texts)
            if not all(attributes.values()):
                raise fault("InvalidParameterValue")
            if not entry["MessageBody"]:
                raise fault("MissingParameter")
            if any(REFUSED.search(text) for text in texts):
                raise fault("InvalidMessageContents")
            if size > LARGEST:
                raise fault("AWS.SimpleQueueService.BatchRequestTooLong")
            total += size
            taken.append((entry["Id"], entry["MessageBody"], attributes))
        assert total <= 1024 * 1024
        for _, body, attributes in taken:
            self.bodies.append(body)
            self.attributes.append(attributes)
        return {"Successful": [{"Id": name} for name, _, _ in taken]}


@pytest.fixture
def sqs() -> Sqs:
    return Sqs()


def send(sqs: Sqs, *messages: Outgoing) -> list[bool]:
    return Queues(stand_in("sqs", sqs)).send("url", messages)


@pytest.mark.parametrize("nasty", ["\ud83d", "\x00", "\x0b", "\x1f", "\ufffe", "\uffff"], ids=ascii)
def test_a_bad_character_goes_as_the_one_for_unknown(sqs: Sqs, nasty: str) -> None:
    bad = Outgoing(f"a{nasty}b", reason=f"why{nasty}", attributes={"x": nasty})
    good = [Outgoing(f"good {n}") for n in range(9)]
    assert send(sqs, *good[:5], bad, *good[5:]) == [True] * 10
    assert sqs.calls == 1
    assert "a\ufffdb" in sqs.bodies
    assert sqs.attributes[5]["lifeline_reason"] == "why\ufffd"
    assert sqs.attributes[5]["x"] == "\ufffd"


def test_an_attribute_without_a_value_is_left_out(sqs: Sqs) -> None:
    assert send(sqs, Outgoing("a", reason="", attributes={"x": "", "y": "1"})) == [True]
    assert sqs.attributes == [{"y": "1"}]


def test_the_reason_of_a_dead_letter_shows_no_person() -> None:
    sqs = Sqs()
    send(sqs, Outgoing("a", reason="to: '+49 (151) 555-44 433' of jane@example.org is refused"))
    assert sqs.attributes[0]["lifeline_reason"] == "to: '***433' of *** is refused"


@pytest.mark.parametrize(
    "bad",
    [
        Outgoing(""),
        Outgoing("x" * (LARGEST + 1)),
        Outgoing(None),  # type: ignore[arg-type]
        Outgoing("a", attributes={"x": 5}),  # type: ignore[dict-item]
    ],
    ids=["empty", "too long", "no text", "no text in an attribute"],
)
@pytest.mark.parametrize("place", [0, 4, 9])
def test_one_that_cannot_be_sent_is_false_and_the_others_go(sqs: Sqs, bad: Outgoing, place: int) -> None:
    messages = [Outgoing(f"good {n}") for n in range(10)]
    messages[place] = bad
    assert send(sqs, *messages) == [n != place for n in range(10)]
    assert sqs.bodies == [f"good {n}" for n in range(10) if n != place]


def test_a_parameter_that_sqs_refuses_costs_one(sqs: Sqs) -> None:
    sqs.fails = fault("InvalidParameterValue")
    assert send(sqs, *[Outgoing("a")] * 3) == [False] * 3
    assert sqs.calls == 4


@pytest.mark.parametrize(
    "error",
    [
        fault("AccessDenied"),
        fault("AWS.SimpleQueueService.NonExistentQueue"),
        fault("ThrottlingException"),
        EndpointConnectionError(endpoint_url="x"),
    ],
)
def test_what_no_entry_is_to_blame_for_is_asked_once(sqs: Sqs, error: Exception) -> None:
    sqs.fails = error
    assert send(sqs, *[Outgoing("a")] * 10) == [False] * 10
    assert sqs.calls == 1


def test_a_call_stays_below_a_mebibyte_with_its_attributes(sqs: Sqs) -> None:
    large = Outgoing("\U0001f600" * 50_000, reason="\U0001f600" * 1024)
    assert send(sqs, *[large] * 25) == [True] * 25
    assert sqs.calls == -(-25 // (BYTES_PER_CALL // 205_000))


@given(st.lists(st.text(st.characters(), min_size=1, max_size=20), min_size=1, max_size=25))
def test_any_text_goes_out(texts: list[str]) -> None:
    sqs = Sqs()
    messages = [Outgoing(text, reason=text, attributes={"x": text}) for text in texts]
    assert send(sqs, *messages) == [True] * len(texts)
    assert len(sqs.bodies) == len(texts)
