"""CloudWatch: which alarms that feed a scope are in ALARM right now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import unavailable
from lifeline.domain.incident.readiness import Alarm
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient


class Alarms:
    """The stack's alarms, found by their common name prefix."""

    def __init__(self, client: CloudWatchClient, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def all(self) -> list[Alarm]:
        """All alarms of the stack, by their names without its. Raises :class:`UnavailableError`."""
        alarms: list[Alarm] = []
        arguments: Any = {"AlarmNamePrefix": self._prefix, "AlarmTypes": ["MetricAlarm"], "MaxRecords": 100}
        try:
            while True:
                answer = self._client.describe_alarms(**arguments)
                alarms += [
                    Alarm(
                        alarm["AlarmName"].removeprefix(self._prefix),
                        str(alarm["StateValue"]),
                        bool(alarm["ActionsEnabled"]),
                    )
                    for alarm in answer["MetricAlarms"]
                ]
                if not answer.get("NextToken"):
                    return alarms
                arguments["NextToken"] = answer["NextToken"]
        except (ClientError, BotoCoreError) as error:
            raise unavailable("CloudWatch", "reading alarms", error) from error
        except KeyError as error:
            raise UnavailableError("CloudWatch", "reading alarms", f"its answer lacks {error}") from error

    def firing(self, scope: str) -> list[str]:
        """Names of the alarms in ALARM that put ``scope`` in panic. Raises :class:`UnavailableError`."""
        if not self._prefix:
            return []
        try:
            answer = self._client.describe_alarms(
                AlarmNamePrefix=f"{self._prefix}trip-", StateValue="ALARM", AlarmTypes=["MetricAlarm"]
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("CloudWatch", "reading alarms", error) from error
        marker = f"-trip-{scope}-"
        return [alarm["AlarmName"] for alarm in answer["MetricAlarms"] if marker in alarm["AlarmName"]]
