"""Logs, metrics and traces: one place owns them.

Logs are JSON and never hold a token or a whole phone number: every value passes :func:`clean`. Metrics are
EMF lines in namespace ``Lifeline``; their names stand in :data:`METRICS`, which the template's dashboard and
alarms are held against.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE: Final = "Lifeline"

METRICS: Final[Mapping[str, tuple[MetricUnit, tuple[str, ...]]]] = {
    "Sends": (MetricUnit.Count, ("scope",)),
    "Failures": (MetricUnit.Count, ("scope", "cause")),
    "Fallbacks": (MetricUnit.Count, ("way",)),
    "FallbackFailures": (MetricUnit.Count, ("way",)),
    "Outcomes": (MetricUnit.Count, ("status",)),
    "Resends": (MetricUnit.Count, ("scope",)),
    "ContractErrors": (MetricUnit.Count, ("scope",)),
    "PanicActive": (MetricUnit.Count, ("scope",)),
    "PanicEntered": (MetricUnit.Count, ("scope",)),
    "Probes": (MetricUnit.Count, ("scope", "result")),
    "DrainRate": (MetricUnit.CountPerSecond, ("lane",)),
    "Released": (MetricUnit.Count, ("lane",)),
    "Backlog": (MetricUnit.Count, ("lane",)),
    "TokenDaysLeft": (MetricUnit.Count, ("scope",)),
    "WebhookRejected": (MetricUnit.Count, ("reason",)),
    "StatusUpdates": (MetricUnit.Count, ("status",)),
    "AlarmsTaken": (MetricUnit.Count, ("scope",)),
    "ProberRuns": (MetricUnit.Count, ("scope",)),
}
"""Every metric that the code can emit: unit and dimensions."""

_DIGITS = re.compile(r"\+?\d{7,15}(?!\d)")
_TOKEN = re.compile(r"\b(EAA[A-Za-z0-9]{8,}|sk-[A-Za-z0-9_-]{8,})|(Bearer\s+)\S+", re.IGNORECASE)


def clean(text: str) -> str:
    """``text`` without tokens and without whole phone numbers (the last three digits stay)."""
    text = _TOKEN.sub("[secret]", text)
    return _DIGITS.sub(lambda match: "***" + match.group()[-3:], text)


class Telemetry:
    """A logger and the metrics of one function."""

    def __init__(self, function: str, level: str = "INFO", metrics: bool = True) -> None:
        self._logger = Logger(service=f"lifeline-{function}", level=level, utc=True)
        self._metrics = metrics

    def info(self, event: str, **fields: Any) -> None:
        """Log one event with fields (message id, incident id, counts, ...)."""
        self._logger.info(clean(event), extra=_clean(fields))

    def warning(self, event: str, **fields: Any) -> None:
        """Log something that a person may want to look at."""
        self._logger.warning(clean(event), extra=_clean(fields))

    def error(self, event: str, **fields: Any) -> None:
        """Log something that a person must look at."""
        self._logger.error(clean(event), extra=_clean(fields))

    def exception(self, event: str, **fields: Any) -> None:
        """Log the exception under way, with its trace."""
        self._logger.exception(clean(event), extra=_clean(fields))

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Emit one metric. The name and its dimensions must stand in :data:`METRICS`."""
        unit, wanted = METRICS[name]
        if set(wanted) != set(dimensions):
            raise ValueError(f"metric {name} has dimensions {wanted}, not {tuple(dimensions)}")
        if not self._metrics:
            return
        with single_metric(name=name, unit=unit, value=value, namespace=NAMESPACE) as metric:
            for key in wanted:
                metric.add_dimension(name=key, value=dimensions[key])


def _clean(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _clean_value(value) for key, value in fields.items()}


def _clean_value(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {key: _clean_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean_value(inner) for inner in value]
    return value



