"""Sending to Lifeline's queues: checked first, ten in a call, each failure told and tried again."""

from __future__ import annotations

import random as chance
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as Unconnected

from lifeline_producer.contract.messages import ContractError
from lifeline_producer.contract.names import BULK_QUEUE, CRITICAL_QUEUE, WHATSAPP_QUEUE
from lifeline_producer.draft import Checked, Draft, checked
from lifeline_producer.report import Failure, Progress, Report, broken

QUEUES = {"critical": CRITICAL_QUEUE, "normal": WHATSAPP_QUEUE, "bulk": BULK_QUEUE}
"""The queue of each priority, without the stack's prefix."""

MAX_ENTRIES = 10
"""Messages in a call (SQS, SendMessageBatch)."""
MAX_CALL_BYTES = 1_048_576
"""Bytes of a message, and of all messages of a call together (SQS, SendMessageBatch: 1 MiB since August
2025)."""
SMALL_CALL_BYTES = 262_144
"""What SQS took before, and what an SQS that has not changed takes: used once it says
``BatchRequestTooLong``."""

ATTEMPTS = 6
FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0
"""Seconds. Full jitter: between nothing and the wait, which doubles from the first to the longest."""

_PASSING = (
    "Throttl",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "InternalError",
    "InternalFailure",
    "Timeout",
)
_TOO_LONG = "BatchRequestTooLong"


class SqsClient(Protocol):
    """What is asked of boto3's SQS client."""

    def get_queue_url(self, **arguments: Any) -> Any: ...

    def send_message_batch(self, **arguments: Any) -> Any: ...


class NotSent(Exception):  # noqa: N818 - reads as what it says
    """SQS did not take the message. ``failure`` says why."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(f"{failure.id}: {failure.code}: {'; '.join(failure.reasons)}")


@dataclass(slots=True)
class _Sending:
    """One ``send`` or ``send_many``: what left, what did not, who is told. ``last_id``: SQS's message id."""

    tell: Callable[[Progress], None] | None
    sent: int = 0
    retried: int = 0
    last_id: str = ""
    failures: list[Failure] = field(default_factory=list)

    def progress(self) -> None:
        if self.tell is not None:
            self.tell(Progress(self.sent, len(self.failures), self.retried))


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why an entry did not go: SQS's code and words, and whether another try may help."""

    code: str
    reason: str
    passing: bool


class Queues:
    """Where messages of each priority go."""

    def __init__(self, names: Mapping[str, str], owner: Mapping[str, str], urls: Mapping[str, str]) -> None:
        self._names, self._owner, self._urls = names, owner, dict(urls)

    @classmethod
    def of_stack(cls, stack: str, *, account: str | None = None) -> Queues:
        """Looked up by name, which takes the permission ``sqs:GetQueueUrl``; see
        :meth:`Lifeline.of_stack`."""
        names = {priority: f"{stack}-{queue}" for priority, queue in QUEUES.items()}
        return cls(names, {"QueueOwnerAWSAccountId": account} if account else {}, {})

    @classmethod
    def of_urls(cls, urls: Mapping[str, str]) -> Queues:
        """As given; see :meth:`Lifeline.of_urls`."""
        if "normal" not in urls or urls.keys() - QUEUES.keys():
            raise ValueError(f"addresses by priority ({', '.join(QUEUES)}), that of normal at least")
        return cls({}, {}, {**dict.fromkeys(QUEUES, urls["normal"]), **urls})

    def url(self, priority: str, sqs: SqsClient) -> str:
        """The address of a priority's queue. Raises what boto3 raises."""
        if priority not in self._urls:
            answer = sqs.get_queue_url(QueueName=self._names[priority], **self._owner)
            self._urls[priority] = str(answer["QueueUrl"])
        return self._urls[priority]


class Lifeline:
    """Puts messages on Lifeline's queues. One object may be used by several threads, as boto3's clients
    may."""

    def __init__(
        self,
        queues: Queues,
        *,
        sqs: SqsClient | None = None,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = chance.random,
    ) -> None:
        """``sqs``: a client of your own, whose retries come on top; ``random`` gives numbers from 0 to 1."""
        self._queues = queues
        self._sqs = sqs if sqs is not None else _client()
        self._sleep, self._random = sleep, random
        self._max_bytes = MAX_CALL_BYTES

    @classmethod
    def of_stack(cls, stack: str, *, account: str | None = None, sqs: SqsClient | None = None) -> Lifeline:
        """The queues of the stack of that name, each looked up when it is first used.

        ``account``: the id (12 digits) of the stack's account, if it is another than the caller's.
        """
        return cls(Queues.of_stack(stack, account=account), sqs=sqs)

    @classmethod
    def of_urls(cls, urls: Mapping[str, str], *, sqs: SqsClient | None = None) -> Lifeline:
        """The queues of these addresses (the stack's outputs) by priority: ``critical``, ``normal``,
        ``bulk``.

        A priority that is left out goes where ``normal`` goes. Raises ``ValueError`` for others.
        """
        return cls(Queues.of_urls(urls), sqs=sqs)

    def send(self, message: Draft | Mapping[str, object]) -> str:
        """Send one message; gives SQS's message id.

        Raises :class:`ContractError` if it breaks the contract (nothing left), :class:`NotSent` if SQS did
        not take it after all attempts. Sending it again is harmless: one id is delivered once.
        """
        draft = checked(message)
        sending = _Sending(None)
        self._deliver(draft.priority, [draft], sending)
        if sending.failures:
            raise NotSent(sending.failures[0])
        return sending.last_id

    def send_many(
        self,
        messages: Iterable[Draft | Mapping[str, object]],
        progress: Callable[[Progress], None] | None = None,
    ) -> Report:
        """Send many messages, each on the queue of its priority, ten in a call.

        Takes them as they come, so a generator of any length will do. What fails is in the report and stops
        nothing: a message that breaks the contract, or that SQS did not take after all attempts. ``progress``
        is called after each call of SQS.
        """
        sending = _Sending(progress)
        waiting: dict[str, list[Checked]] = {priority: [] for priority in QUEUES}
        for message in messages:
            try:
                draft = checked(message)
            except ContractError as error:
                sending.failures.append(broken(message, error.reasons))
                continue
            batch = waiting[draft.priority]
            batch.append(draft)
            if len(batch) == MAX_ENTRIES:
                self._deliver(draft.priority, batch, sending)
                batch.clear()
        for priority, batch in waiting.items():
            if batch:
                self._deliver(priority, batch, sending)
        sending.progress()
        return Report(sending.sent, tuple(sending.failures), sending.retried)

    def _deliver(self, priority: str, drafts: Sequence[Checked], sending: _Sending) -> None:
        """Send until each has left or failed for good."""
        left = list(drafts)
        for attempt in range(1, ATTEMPTS + 1):
            again: list[tuple[Checked, _Refusal]] = []
            for batch in packed(left, self._max_bytes):
                for draft, refusal in self._call(priority, batch, sending):
                    if refusal.passing and attempt < ATTEMPTS:
                        again.append((draft, refusal))
                    else:
                        failure = Failure(draft.id, refusal.code, (refusal.reason,), attempt)
                        sending.failures.append(failure)
                sending.progress()
            if not again:
                return
            left = [draft for draft, _ in again]
            sending.retried += len(left)
            self._sleep(self._random() * min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempt - 1)))

    def _call(
        self, priority: str, drafts: Sequence[Checked], sending: _Sending
    ) -> list[tuple[Checked, _Refusal]]:
        """One call; gives those that SQS did not take."""
        entries = [{"Id": str(place), "MessageBody": draft.body} for place, draft in enumerate(drafts)]
        try:
            answer = self._sqs.send_message_batch(
                QueueUrl=self._queues.url(priority, self._sqs), Entries=entries
            )
        except (ClientError, BotoCoreError) as error:
            refusal = self._refusal(error)
            return [(draft, refusal) for draft in drafts]
        taken = {item["Id"]: item["MessageId"] for item in answer.get("Successful", ())}
        refused = {item["Id"]: item for item in answer.get("Failed", ())}
        sending.sent += len(taken)
        sending.last_id = next(iter(taken.values()), "")
        return [
            (draft, _entry_refusal(refused.get(str(place), {})))
            for place, draft in enumerate(drafts)
            if str(place) not in taken
        ]

    def _refusal(self, error: ClientError | BotoCoreError) -> _Refusal:
        if isinstance(error, ClientError):
            code = str(error.response.get("Error", {}).get("Code", "Unknown"))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code.endswith(_TOO_LONG) and self._max_bytes > SMALL_CALL_BYTES:
                self._max_bytes = SMALL_CALL_BYTES
                return _Refusal(code, str(error), passing=True)
            return _Refusal(code, str(error), passing=_passes(code) or status >= 500)
        # Connection refused, DNS, TLS, time-out. Whether the call was carried out is not known: the ids make
        # it harmless to send again.
        return _Refusal(
            type(error).__name__, str(error), passing=isinstance(error, HTTPClientError | Unconnected)
        )


def packed(drafts: Sequence[Checked], max_bytes: int) -> Iterator[list[Checked]]:
    """Messages in groups of at most ten and ``max_bytes`` bytes, in their order. A larger one goes alone."""
    group: list[Checked] = []
    size = 0
    for draft in drafts:
        if group and (len(group) == MAX_ENTRIES or size + draft.size > max_bytes):
            yield group
            group, size = [], 0
        group.append(draft)
        size += draft.size
    if group:
        yield group


def _passes(code: str) -> bool:
    return any(word in code for word in _PASSING)


def _entry_refusal(item: Mapping[str, Any]) -> _Refusal:
    """Of an entry that SQS refuses, or says nothing about."""
    code = str(item.get("Code", "NoAnswer"))
    passing = not item.get("SenderFault", False) or _passes(code)
    return _Refusal(code, str(item.get("Message", code)), passing)


def _client() -> SqsClient:
    # One rule for what is tried again, this module's: the SDK would wait by its own on top.
    config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=3, read_timeout=10)
    return cast(SqsClient, cast(Any, boto3).client("sqs", config=config))
