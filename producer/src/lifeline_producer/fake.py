"""A Lifeline in memory, for a producer's own tests: it checks as the real one does, and sends nothing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from lifeline_producer.contract.instants import format_instant
from lifeline_producer.contract.messages import ContractError, other_content
from lifeline_producer.contract.outcomes import OutcomeEvent, parse_outcome
from lifeline_producer.draft import Checked, Draft, checked
from lifeline_producer.lifeline import NotSent
from lifeline_producer.report import Failure, Progress, Report, broken

_TOPIC = "arn:aws:sns:eu-west-1:000000000000:fake-lifeline-outcomes"


class FakeLifeline:
    """Takes messages as :class:`Lifeline` does and keeps them.

    ``accepted``: the first message of each id, in order. ``repeats``: ids that came again with the same
    content, of which the real one makes nothing. ``conflicts``: those that came with other content, which the
    real one does not deliver.
    """

    def __init__(self) -> None:
        self.accepted: list[Checked] = []
        self.repeats: list[str] = []
        self.conflicts: list[Checked] = []
        self._by_id: dict[str, Checked] = {}
        self._refusals: list[tuple[int, str]] = []
        self._numbers = itertools.count(1)

    def send(self, message: Draft | Mapping[str, object]) -> str:
        """As :meth:`Lifeline.send`."""
        draft = checked(message)
        if refusal := self._refused():
            raise NotSent(Failure(draft.id, refusal, (f"the test said {refusal}",), 1))
        self._take(draft)
        return f"fake-{next(self._numbers)}"

    def send_many(
        self,
        messages: Iterable[Draft | Mapping[str, object]],
        progress: Callable[[Progress], None] | None = None,
    ) -> Report:
        """As :meth:`Lifeline.send_many`."""
        sent, failures = 0, []
        for message in messages:
            try:
                self.send(message)
                sent += 1
            except ContractError as error:
                failures.append(broken(message, error.reasons))
            except NotSent as error:
                failures.append(error.failure)
            if progress is not None:
                progress(Progress(sent, len(failures)))
        return Report(sent, tuple(failures))

    def refuse(self, code: str, count: int = 1) -> None:
        """Let the next ``count`` messages fail as if SQS had given ``code`` to the end."""
        self._refusals.append((count, code))

    def message(self, id: str) -> dict[str, Any]:
        """The accepted message of an id, as its fields. Raises ``KeyError``."""
        fields: dict[str, Any] = json.loads(self._by_id[id].body)
        return fields

    def outcome(
        self,
        id: str,
        status: str,
        *,
        at: datetime | None = None,
        event_id: str | None = None,
        **fields: Any,
    ) -> OutcomeEvent:
        """What Lifeline would tell of an accepted message; hand it to your own code by :func:`sns_event` or
        :func:`sqs_event`.

        It returns the message's ``metadata``, and its ``sequence`` is higher than that of those before it.
        ``fields``: ``via``, ``cause``, ``code``, ``wamid``, ``reasons``, ... as :class:`OutcomeEvent` has
        them. Raises ``KeyError`` for an id that was not accepted, ``ContractError``
        for what no outcome can hold.
        """
        metadata = self.message(id).get("metadata")
        moment = (at or datetime.now(UTC)).timestamp()
        number = next(self._numbers)
        own = {"metadata": metadata, "sequence": number, **fields}
        told = OutcomeEvent(event_id=event_id or f"{id}#{number}", status=status, time=moment, id=id, **own)
        return parse_outcome(told.to_body())

    def _take(self, draft: Checked) -> None:
        first = self._by_id.get(draft.id)
        if first is None:
            self._by_id[draft.id] = draft
            self.accepted.append(draft)
        elif other_content(first.body, draft.body):
            self.conflicts.append(draft)
        else:
            self.repeats.append(draft.id)

    def _refused(self) -> str:
        if not self._refusals:
            return ""
        count, code = self._refusals.pop(0)
        if count > 1:
            self._refusals.insert(0, (count - 1, code))
        return code


def sns_event(events: Sequence[OutcomeEvent]) -> dict[str, Any]:
    """The Lambda event of a function that subscribes to the topic. SNS gives one record an event."""
    return {
        "Records": [
            {"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": _notification(event)} for event in events
        ]
    }


def sqs_event(events: Sequence[OutcomeEvent], *, raw: bool = False) -> dict[str, Any]:
    """The Lambda event of a function whose queue subscribes to the topic. ``raw``: raw message delivery is
    on."""
    return {
        "Records": [
            {
                "eventSource": "aws:sqs",
                "messageId": f"fake-{event.event_id}",
                "body": event.to_body() if raw else json.dumps(_notification(event)),
                "attributes": {},
                "messageAttributes": {},
            }
            for event in events
        ]
    }


def _notification(event: OutcomeEvent) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": f"fake-{event.event_id}",
        "TopicArn": _TOPIC,
        "Message": event.to_body(),
        "Timestamp": format_instant(event.time),
        "MessageAttributes": {"status": {"Type": "String", "Value": event.status}},
    }
