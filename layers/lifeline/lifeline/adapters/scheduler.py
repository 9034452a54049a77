"""EventBridge Scheduler: one-time schedules for what lies beyond SQS's 15 minutes of delay."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_scheduler.type_defs import CreateScheduleInputTypeDef as _Schedule


class Schedules:
    """One-time schedules that put a body on a queue. They delete themselves when done."""

    def __init__(self, client: EventBridgeSchedulerClient, group: str, role_arn: str) -> None:
        self._client = client
        self._group = group
        self._role = role_arn

    def put(self, message_id: str, queue_arn: str, body: str, at: float) -> None:
        """Put ``body`` on the queue at ``at`` (epoch seconds). The same id twice is one schedule.

        Raises :class:`UnavailableError`.
        """
        try:
            self._client.create_schedule(**self._schedule(message_id, queue_arn, body, at))
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ConflictException":
                return
            raise UnavailableError("EventBridge Scheduler", "scheduling a message", code_of(error)) from error

    def move(self, message_id: str, queue_arn: str, body: str, at: float) -> None:
        """Another body and time for a message's schedule; one that is gone is made anew.

        One call changes both, since a delete is seen late by some readers: a create after it may find
        the old schedule still there and be taken for a repeat. Raises :class:`UnavailableError`.
        """
        try:
            self._client.update_schedule(**self._schedule(message_id, queue_arn, body, at))
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ResourceNotFoundException":
                self.put(message_id, queue_arn, body, at)
                return
            raise UnavailableError("EventBridge Scheduler", "moving a message", code_of(error)) from error

    def _schedule(self, message_id: str, queue_arn: str, body: str, at: float) -> _Schedule:
        when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return {
            "Name": schedule_name(message_id),
            "GroupName": self._group,
            "ScheduleExpression": f"at({when})",
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": {"Arn": queue_arn, "RoleArn": self._role, "Input": body},
        }

    def cancel(self, message_id: str) -> bool:
        """Remove a message's schedule; False where there is none. Raises :class:`UnavailableError`."""
        try:
            self._client.delete_schedule(Name=schedule_name(message_id), GroupName=self._group)
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ResourceNotFoundException":
                return False
            raise UnavailableError(
                "EventBridge Scheduler", "cancelling a schedule", code_of(error)
            ) from error
        return True


def schedule_name(message_id: str) -> str:
    """A schedule's name: 64 characters at most of letters, digits, ``-_.`` (Scheduler API reference)."""
    return "message-" + hashlib.sha256(message_id.encode()).hexdigest()[:48]
