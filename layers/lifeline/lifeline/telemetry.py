"""Logs, metrics and traces: one place owns them.

Logs are JSON and never hold a token, a mail address or a whole phone number: every key and value passes
:func:`clean`, and so does what an exception says. Metrics are
EMF lines in namespace ``Lifeline``; their names stand in :data:`METRICS`, which the template's dashboard and
alarms are held against.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from lifeline.domain import text as texts
from lifeline.domain.redact import redact

NAMESPACE: Final = "Lifeline"
METRICS: Final[Mapping[str, tuple[MetricUnit, tuple[str, ...]]]] = {
    "Sends": (MetricUnit.Count, ("scope",)),
    "Failures": (MetricUnit.Count, ("scope", "cause")),
    "Unreached": (MetricUnit.Count, ("scope",)),
    "Fallbacks": (MetricUnit.Count, ("way",)),
    "FallbackFailures": (MetricUnit.Count, ("way",)),
    "FallbackFailing": (MetricUnit.Count, ("scope",)),
    "Feedback": (MetricUnit.Count, ("way", "kind")),
    "Outcomes": (MetricUnit.Count, ("status",)),
    "PossibleDuplicates": (MetricUnit.Count, ("scope",)),
    "Duplicates": (MetricUnit.Count, ("scope",)),
    "Conflicts": (MetricUnit.Count, ("scope",)),
    "ContractErrors": (MetricUnit.Count, ("scope",)),
    "PanicActive": (MetricUnit.Count, ("scope",)),
    "PanicEntered": (MetricUnit.Count, ("scope",)),
    "Stalled": (MetricUnit.Count, ("scope",)),
    "Probes": (MetricUnit.Count, ("scope", "result")),
    "DrainRate": (MetricUnit.CountPerSecond, ("lane",)),
    "DrainCeiling": (MetricUnit.CountPerSecond, ("lane",)),
    "Released": (MetricUnit.Count, ("lane",)),
    "Overdue": (MetricUnit.Count, ("scope",)),
    "LeftAlone": (MetricUnit.Count, ("scope",)),
    "Backlog": (MetricUnit.Count, ("lane",)),
    "TokenDaysLeft": (MetricUnit.Count, ("scope",)),
    "TokenRefreshes": (MetricUnit.Count, ("result",)),
    "WebhookRejected": (MetricUnit.Count, ("reason",)),
    "WebhookFaults": (MetricUnit.Count, ("scope",)),
    "StatusUpdates": (MetricUnit.Count, ("status",)),
    "Speech": (MetricUnit.Count, ("result",)),
    "Inbound": (MetricUnit.Count, ("kind",)),
    "AlarmsTaken": (MetricUnit.Count, ("scope",)),
    "ProberRuns": (MetricUnit.Count, ("scope",)),
}
"""Every metric that the code can emit: unit and dimensions.

``Unreached`` is, per batch, the share of sends that did not reach Meta (0 to 1). ``FallbackFailing`` is, per
batch, the share of the people tried in the channel's stead whom no way reached. ``Stalled`` is 1 in a minute
in which messages waited or failed and none went out. ``DrainCeiling`` is the rate that is set, ``DrainRate``
the one at which the ramp plans, ``Released`` what really left. ``PossibleDuplicates`` counts people who may
have been told once more than intended, ``Duplicates`` those for whom that is proven. ``Conflicts``: the same
id came with other content. ``Overdue`` are messages whose time passed more than two minutes ago without
anybody acting. ``LeftAlone`` are rows that this version does not understand. ``WebhookFaults`` are parts of
webhooks and mail events that failed by an error of ours and are not asked for again: the log says which.
"""


def clean(text: str) -> str:
    """``text`` as :func:`~lifeline.domain.redact.redact` leaves it, and such that it can be written
    (:func:`lifeline.domain.text.clean`)."""
    return redact(texts.clean(text))


class _Formatter(LambdaPowertoolsFormatter):
    """Powertools' lines, with what it adds of an exception cleaned: an error quotes what it was given."""

    def serialize(self, log: Any) -> str:
        """``log`` as one line of JSON."""
        traces = ("exception", "exception_notes", "stack_trace")
        return super().serialize({**log, **{key: _clean_value(log[key]) for key in traces if key in log}})


class Telemetry:
    """A logger and the metrics of one function."""

    def __init__(self, function: str, level: str = "INFO", metrics: bool = True) -> None:
        self._logger = Logger(
            service=f"lifeline-{function}",
            level=level,
            logger_formatter=_Formatter(utc=True, json_default=lambda it: clean(str(it))),
        )
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
        # An empty service: Powertools would add it as a dimension, and no alarm would find the metric.
        metrics = EphemeralMetrics(namespace=NAMESPACE, service="")
        for key in wanted:
            metrics.add_dimension(name=key, value=dimensions[key])
        metrics.add_metric(name=name, unit=unit, value=value)
        metrics.flush_metrics()

    def share(self, name: str, hits: int, misses: int, **dimensions: str) -> None:
        """Emit the share of hits of one batch, as one value from 0 to 1; nothing where there was nothing.

        One value and not one per message: a log line costs by its size, and CloudWatch's average over the
        batches of a minute tells a channel that fails from one that works as well.
        """
        if hits + misses:
            self.count(name, hits / (hits + misses), **dimensions)


def _clean(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _clean_value(value) for key, value in fields.items()}


def _clean_value(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {
            clean(key) if isinstance(key, str) else key: _clean_value(inner) for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean_value(inner) for inner in value]
    return value
