"""CloudWatch: which alarms that feed a scope are in ALARM right now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient


class Alarms:
    """The stack's alarms, found by their common name prefix."""

    def __init__(self, client: CloudWatchClient, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def firing(self, scope: str) -> list[str]:
        """Names of the alarms in ALARM that put ``scope`` in panic. Raises :class:`UnavailableError`."""
        if not self._prefix:
            return []
        try:
            answer = self._client.describe_alarms(
                AlarmNamePrefix=f"{self._prefix}trip-", StateValue="ALARM", AlarmTypes=["MetricAlarm"]
            )
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("CloudWatch", "reading alarms", code_of(error)) from error
        marker = f"-trip-{scope}-"
        return [alarm["AlarmName"] for alarm in answer["MetricAlarms"] if marker in alarm["AlarmName"]]
