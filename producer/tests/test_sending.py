"""Sending: batches, failures, retries. SQS, time and chance are stand-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from lifeline_producer import ContractError, Draft, Lifeline, NotSent, Progress, Queues, template, text
from lifeline_producer.lifeline import (
    ATTEMPTS,
    FIRST_WAIT,
    LONGEST_WAIT,
    MAX_CALL_BYTES,
    SMALL_CALL_BYTES,
    packed,
)

Answer = Callable[[list[dict[str, str]]], dict[str, Any]]


def client_error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "SendMessageBatch",
    )


def took(entries: list[dict[str, str]]) -> dict[str, Any]:
    return {"Successful": [{"Id": entry["Id"], "MessageId": f"sqs-{entry['Id']}"} for entry in entries]}


def failing(code: str, sender_fault: bool, *places: int) -> Answer:
    """SQS takes all but those at the places."""

    def answer(entries: list[dict[str, str]]) -> dict[str, Any]:
        lost = [entry for entry in entries if int(entry["Id"]) in places]
        return {
            **took([entry for entry in entries if entry not in lost]),
            "Failed": [
                {"Id": entry["Id"], "Code": code, "Message": "no", "SenderFault": sender_fault}
                for entry in lost
            ],
        }

    return answer


class Sqs:
    """Answers as told, and takes everything after that."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, list[str]]] = []
        self.lookups: list[dict[str, Any]] = []

    def get_queue_url(self, **arguments: Any) -> dict[str, str]:
        self.lookups.append(arguments)
        return {"QueueUrl": f"https://sqs/{arguments['QueueName']}"}

    def send_message_batch(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append((arguments["QueueUrl"], [entry["MessageBody"] for entry in arguments["Entries"]]))
        answer = self.answers.pop(0) if self.answers else took
        if isinstance(answer, Exception):
            raise answer
        return answer(arguments["Entries"])

    @property
    def sizes(self) -> list[int]:
        return [len(bodies) for _, bodies in self.calls]


class World:
    def __init__(self, *answers: Answer | Exception) -> None:
        self.sqs = Sqs(*answers)
        self.waits: list[float] = []
        self.lifeline = Lifeline(
            Queues.of_stack("shop"), sqs=self.sqs, sleep=self.waits.append, random=lambda: 0.5
        )


def one(number: int = 0, **more: Any) -> Draft:
    return text(id=f"m{number}", to="+4915112345678", text="Hi", **more)


def test_a_message_goes_on_the_queue_of_its_priority() -> None:
    world = World()
    for priority in ("critical", "normal", "bulk"):
        assert world.lifeline.send(one(priority=priority)) == "sqs-0"
    assert world.lifeline.send(one()) == "sqs-0"
    assert [url for url, _ in world.sqs.calls] == [
        "https://sqs/shop-whatsapp-critical-queue",
        "https://sqs/shop-whatsapp-queue",
        "https://sqs/shop-whatsapp-bulk-queue",
        "https://sqs/shop-whatsapp-queue",
    ]
    assert len(world.sqs.lookups) == 3, "each queue is looked up once"


def test_a_stack_of_another_account_and_given_addresses() -> None:
    sqs = Sqs()
    Lifeline.of_stack("shop", account="111122223333", sqs=sqs).send(one())
    assert sqs.lookups == [{"QueueName": "shop-whatsapp-queue", "QueueOwnerAWSAccountId": "111122223333"}]
    sqs = Sqs()
    given = Lifeline.of_urls({"normal": "https://n", "critical": "https://c"}, sqs=sqs)
    for priority in ("critical", "bulk"):
        given.send(one(priority=priority))
    assert [url for url, _ in sqs.calls] == ["https://c", "https://n"]
    assert sqs.lookups == []
    for wrong in ({}, {"critical": "https://c"}, {"normal": "https://n", "urgent": "https://u"}):
        with pytest.raises(ValueError, match="normal at least"):
            Lifeline.of_urls(wrong, sqs=sqs)


def test_fields_are_a_message_as_well_and_what_breaks_the_contract_does_not_leave() -> None:
    world = World()
    world.lifeline.send({"type": "text", "id": "a", "to": "1", "text": "x"})
    with pytest.raises(ContractError):
        world.lifeline.send({"type": "text", "id": "a", "to": "1"})
    assert world.sqs.sizes == [1]


def test_many_go_ten_in_a_call_and_a_generator_is_read_as_it_is_sent() -> None:
    world = World()
    seen: list[int] = []

    def messages() -> Iterator[Draft]:
        for number in range(25):
            seen.append(len(world.sqs.calls))
            yield one(number)

    report = world.lifeline.send_many(messages())
    assert (report.sent, report.failures) == (25, ())
    assert world.sqs.sizes == [10, 10, 5]
    assert seen[10:12] == [1, 1], "the first ten had left before the eleventh and twelfth were asked for"


def test_a_mixed_batch_goes_by_queue_and_order_stays_within_one() -> None:
    world = World()
    world.lifeline.send_many(one(number, priority=("critical", "bulk")[number % 2]) for number in range(6))
    assert [(url.split("-")[2], len(bodies)) for url, bodies in world.sqs.calls] == [
        ("critical", 3),
        ("bulk", 3),
    ]
    assert [
        body[body.index('"id":"') + 6] + body[body.index('"id":"') + 7] for body in world.sqs.calls[0][1]
    ] == [
        "m0",
        "m2",
        "m4",
    ]


def test_broken_ones_are_reported_and_hold_up_nobody() -> None:
    world = World()
    report = world.lifeline.send_many(
        [one(1), {"id": "bad", "type": "text", "to": "1"}, {"type": "fax"}, "no message", one(2)]  # type: ignore[list-item]
    )
    assert report.sent == 2
    assert [(item.id, item.code, item.attempts) for item in report.failures] == [
        ("bad", "contract", 0),
        ("", "contract", 0),
        ("", "contract", 0),
    ]
    assert report.failures[0].reasons == ("message.text: is required",)


def test_a_bad_row_does_not_end_the_generator_of_the_others() -> None:
    world = World()
    rows = ["Ana", "Ben\x00", "Cleopatra"]
    report = world.lifeline.send_many(text(id=f"m{len(row)}", to="1", text=row) for row in rows)
    assert report.sent == 2
    assert [(item.id, item.code) for item in report.failures] == [("m4", "contract")]


def test_only_what_failed_is_tried_again() -> None:
    world = World(failing("InternalError", False, 1, 3), failing("ThrottlingException", True, 0))
    shown: list[Progress] = []
    report = world.lifeline.send_many([one(number) for number in range(5)], shown.append)
    assert (report.sent, report.failures, report.retried) == (5, (), 3)
    assert world.sqs.sizes == [5, 2, 1]
    assert shown == [Progress(3), Progress(4, 0, 2), Progress(5, 0, 3), Progress(5, 0, 3)]


def test_the_senders_fault_is_not_tried_again() -> None:
    world = World(failing("InvalidMessageContents", True, 1))
    report = world.lifeline.send_many([one(number) for number in range(3)])
    assert report.sent == 2
    assert [(item.id, item.code, item.attempts) for item in report.failures] == [
        ("m1", "InvalidMessageContents", 1)
    ]
    assert world.waits == []


def test_an_entry_that_sqs_says_nothing_about_is_tried_again() -> None:
    world = World(lambda entries: took(entries[:1]))
    assert world.lifeline.send_many([one(1), one(2)]).sent == 2
    assert world.sqs.sizes == [2, 1]


@pytest.mark.parametrize(
    "error",
    [
        client_error("RequestThrottled"),
        client_error("AWS.SimpleQueueService.KmsThrottled"),
        client_error("InternalFailure", 500),
        client_error("Unknown", 503),
        EndpointConnectionError(endpoint_url="https://sqs"),
        ReadTimeoutError(endpoint_url="https://sqs"),
    ],
    ids=str,
)
def test_a_call_that_fails_for_the_moment_is_made_again(error: Exception) -> None:
    world = World(error)
    assert world.lifeline.send(one()) == "sqs-0"
    assert world.sqs.sizes == [1, 1]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (client_error("AccessDenied", 403), "AccessDenied"),
        (client_error("AWS.SimpleQueueService.NonExistentQueue"), "AWS.SimpleQueueService.NonExistentQueue"),
        (NoCredentialsError(), "NoCredentialsError"),
    ],
)
def test_a_call_that_cannot_succeed_is_made_once_and_told(error: Exception, code: str) -> None:
    world = World(error)
    with pytest.raises(NotSent, match="m0") as caught:
        world.lifeline.send(one())
    assert (caught.value.failure.code, caught.value.failure.attempts) == (code, 1)
    assert world.waits == []


def test_waits_grow_with_full_jitter_and_end() -> None:
    world = World(*[client_error("RequestThrottled")] * 20)
    report = world.lifeline.send_many([one()])
    assert [(item.code, item.attempts) for item in report.failures] == [("RequestThrottled", ATTEMPTS)]
    assert len(world.sqs.calls) == ATTEMPTS
    assert world.waits == [0.5 * min(LONGEST_WAIT, FIRST_WAIT * 2**number) for number in range(ATTEMPTS - 1)]


def test_a_queue_that_cannot_be_looked_up_is_a_failure_of_its_messages_only() -> None:
    world = World()
    found = world.sqs.get_queue_url

    def lookup(**arguments: Any) -> dict[str, str]:
        if "critical" in arguments["QueueName"]:
            raise client_error("AccessDenied", 403)
        return found(**arguments)

    world.sqs.get_queue_url = lookup  # type: ignore[method-assign]
    report = world.lifeline.send_many([one(1, priority="critical"), one(2)])
    assert report.sent == 1
    assert [(item.id, item.code) for item in report.failures] == [("m1", "AccessDenied")]


def test_a_call_stays_below_the_size_limit() -> None:
    drafts = [one(number).check() for number in range(7)]
    size = drafts[0].size
    assert [len(group) for group in packed(drafts, 3 * size)] == [3, 3, 1]
    assert [len(group) for group in packed(drafts, 3 * size - 1)] == [2, 2, 2, 1]
    assert [len(group) for group in packed(drafts, 1)] == [1] * 7
    assert list(packed([], 1)) == []


def test_the_largest_messages_fit_ten_in_a_call() -> None:
    filler = [{"type": "body", "parameters": [{"type": "currency", "x": "y" * 60_000}]}]
    large = template(id="a", to="1", template={"name": "t", "language": "en", "components": filler}).check()
    assert 60_000 < large.size < 65_536
    assert [len(group) for group in packed([large] * 10, MAX_CALL_BYTES)] == [10]


def test_an_sqs_with_the_smaller_limit_gets_smaller_calls() -> None:
    filler = [{"type": "body", "parameters": [{"type": "currency", "x": "y" * 60_000}]}]

    def large(number: int) -> Draft:
        return template(
            id=f"m{number}", to="1", template={"name": "t", "language": "en", "components": filler}
        )

    world = World(client_error("AWS.SimpleQueueService.BatchRequestTooLong"))
    assert world.lifeline.send_many(map(large, range(10))).sent == 10
    assert world.sqs.sizes == [10, 4, 4, 2]
    assert all(sum(map(len, bodies)) <= SMALL_CALL_BYTES for _, bodies in world.sqs.calls[1:])
