"""CloudWatch metrics that only AWS itself measures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import unavailable

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_PERIOD: Final = 60
DOOR: Final = ("Lifeline", "WebhooksTurnedAway")
"""What the template's filter counts in the access log of the HTTP API."""
_WINDOW: Final = 600.0
"""Seconds looked back: SQS's metrics come a minute apart and some minutes late (SQS, "Available metrics")."""


class Metrics:
    """Reads metrics. Raises :class:`UnavailableError` when CloudWatch does not answer."""

    def __init__(self, client: CloudWatchClient) -> None:
        self._client = client

    def oldest_ages(self, queues: Sequence[str], now: float) -> dict[str, float]:
        """Last measured age in seconds of the oldest message, by physical queue name; absent: unknown."""
        queries: Any = [
            {
                "Id": f"q{index}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/SQS",
                        "MetricName": "ApproximateAgeOfOldestMessage",
                        "Dimensions": [{"Name": "QueueName", "Value": name}],
                    },
                    "Period": _PERIOD,
                    "Stat": "Maximum",
                },
            }
            for index, name in enumerate(queues)
        ]
        try:
            answer = self._client.get_metric_data(
                MetricDataQueries=queries,
                StartTime=datetime.fromtimestamp(now - _WINDOW, UTC),
                EndTime=datetime.fromtimestamp(now, UTC),
                ScanBy="TimestampDescending",
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("CloudWatch", "reading the age of queues", error) from error
        return {
            queues[int(item["Id"][1:])]: float(item["Values"][0])
            for item in answer.get("MetricDataResults", [])
            if item.get("Values")
        }

    def turned_away(self, api_id: str, since: float, until: float) -> float:
        """Posts that the webhook's HTTP API answered with 429 or 5xx between two instants (epoch seconds)."""
        namespace, name = DOOR
        metric = {
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": "api", "Value": api_id}],
        }
        query: Any = {"Id": "q0", "MetricStat": {"Metric": metric, "Period": _PERIOD, "Stat": "Sum"}}
        try:
            answer = self._client.get_metric_data(
                MetricDataQueries=[query],
                StartTime=datetime.fromtimestamp(since, UTC),
                EndTime=datetime.fromtimestamp(until, UTC),
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("CloudWatch", "reading what the front door refused", error) from error
        return sum(float(value) for item in answer.get("MetricDataResults", []) for value in item["Values"])
