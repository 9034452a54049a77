"""The stand-in for producers' tests, and outcomes in every form that subscribers get."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from lifeline_producer import (
    ContractError,
    FakeLifeline,
    Lifeline,
    NotSent,
    OutcomeEvent,
    Producer,
    Progress,
    outcome,
    outcomes,
    sns_event,
    sqs_event,
    text,
)

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def fields(id: str = "a", words: str = "Hi", **more: Any) -> dict[str, Any]:
    return {"type": "text", "id": id, "to": "+4915112345678", "text": words, **more}


def told(**more: Any) -> OutcomeEvent:
    fake = FakeLifeline()
    fake.send(fields())
    return fake.outcome("a", "DELIVERED", via="whatsapp", at=NOON, **more)


def test_it_takes_what_the_real_one_takes() -> None:
    fake = FakeLifeline()
    stand_in: Producer = fake
    assert stand_in.send(text(id="a", to="1", text="x")) == "fake-1"
    with pytest.raises(ContractError):
        stand_in.send(fields(id="lifeline:x"))
    assert [draft.id for draft in fake.accepted] == ["a"]
    assert fake.message("a")["text"] == "x"


def test_both_have_the_same_methods() -> None:
    import inspect

    for name in ("send", "send_many"):
        assert inspect.signature(getattr(Lifeline, name)) == inspect.signature(getattr(FakeLifeline, name))


def test_an_id_counts_once_and_other_content_is_a_conflict() -> None:
    fake = FakeLifeline()
    for words in ("one", "one", "two"):
        fake.send(fields(words=words))
    fake.send(fields(words="one", send_after="2030-01-01T00:00:00Z"))
    assert [draft.id for draft in fake.accepted] == ["a"]
    assert fake.repeats == ["a", "a"], "a moved send_after is no other content"
    assert [json.loads(draft.body)["text"] for draft in fake.conflicts] == ["two"]


def test_it_refuses_as_told() -> None:
    fake = FakeLifeline()
    fake.refuse("RequestThrottled", 2)
    shown: list[Progress] = []
    report = fake.send_many([fields("a"), fields("b"), fields("c"), {"id": "d"}], shown.append)
    assert report.sent == 1
    assert [(item.id, item.code) for item in report.failures] == [
        ("a", "RequestThrottled"),
        ("b", "RequestThrottled"),
        ("d", "contract"),
    ]
    assert shown[-1] == Progress(1, 3)
    fake.refuse("AccessDenied")
    with pytest.raises(NotSent, match="AccessDenied"):
        fake.send(fields("e"))


def test_it_tells_outcomes_of_accepted_messages_only() -> None:
    event = told(wamid="wamid.1", code=None, metadata={"order": 991})
    assert (event.id, event.status, event.via, event.time) == ("a", "DELIVERED", "whatsapp", NOON.timestamp())
    assert (event.wamid, event.metadata) == ("wamid.1", {"order": 991})
    with pytest.raises(KeyError):
        FakeLifeline().outcome("a", "SENT")
    fake = FakeLifeline()
    fake.send(fields())
    with pytest.raises(ContractError, match=r"outcome\.status"):
        fake.outcome("a", "delivered")
    assert fake.outcome("a", "SENT").event_id != fake.outcome("a", "SENT").event_id
    assert fake.outcome("a", "SENT", event_id="e").event_id == "e"


def test_an_outcome_reads_the_same_however_it_came() -> None:
    event = told(cause="undeliverable", code=131026, reasons=("no WhatsApp",), eta=NOON.timestamp() + 60)
    direct, wrapped, raw = sns_event([event]), sqs_event([event]), sqs_event([event], raw=True)
    received = {"Messages": [{"MessageId": "m", "Body": wrapped["Records"][0]["body"]}]}
    forms = [
        event.to_body(),
        json.loads(event.to_body()),
        *(form for whole in (direct, wrapped, raw) for form in (whole, whole["Records"][0])),
        received,
        received["Messages"][0],
        wrapped["Records"][0]["body"],  # the body of a call to an HTTPS subscription
    ]
    assert [outcome(form) for form in forms] == [event] * len(forms)
    assert outcomes(sqs_event([event, event])) == [event, event]
    assert outcomes(received) == [event]
    assert outcomes({"Records": []}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        "[" * 20_000,
        {},
        {"Records": []},
        {"Records": [{"body": None}]},
        {"Records": [{"Sns": {}}]},
        {"body": '{"Type": "Notification"}'},
        {"event_id": "e", "status": "SENT", "time": "2030-02-30T00:00:00Z"},
        {"event_id": "e", "status": "SENT", "time": "yesterday"},
        {"event_id": "e", "status": "SENT", "time": "2030-01-01T00:00:00Z", "reasons": "none"},
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_outcome_is_refused(wrong: Any) -> None:
    with pytest.raises(ContractError):
        outcome(wrong)


def test_several_records_are_for_outcomes() -> None:
    event = told()
    with pytest.raises(ContractError, match="use outcomes"):
        outcome(sqs_event([event, event]))
    with pytest.raises(ContractError, match="neither Records nor Messages"):
        outcomes({})


def test_a_newer_lifeline_may_say_more() -> None:
    event = outcome(
        {"event_id": "e", "id": "a", "status": "TELEPATHED", "time": "2030-01-01T12:00:00Z", "mood": "good"}
    )
    assert (event.status, event.time) == ("TELEPATHED", NOON.timestamp())


def test_an_outcome_returns_what_the_producer_gave_and_knows_its_place() -> None:
    fake = FakeLifeline()
    fake.send(fields(metadata={"booking": 7}))
    first, second = (outcome(fake.outcome("a", status).to_body()) for status in ("SENT", "READ"))
    assert first.metadata == second.metadata == {"booking": 7}
    assert (first.sequence or 0) < (second.sequence or 0)
    assert first.event_id != second.event_id
