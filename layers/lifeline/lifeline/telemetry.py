"""Logs, metrics and traces: one place owns them.

Logs are JSON and never hold a token, a mail address or a whole phone number: every key and value passes
:func:`clean`, and so does what an exception says. Metrics are
EMF lines in namespace ``Lifeline``; their names stand in :data:`METRICS`, which the template's dashboard and
alarms are held against.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from lifeline.domain import text as texts
from lifeline.domain.redact import redact

NAMESPACE: Final = "Lifeline"
COUNT: Final = "Count"
PER_SECOND: Final = "Count/Second"
VALUES_PER_METRIC: Final = 100
"""Of one line (CloudWatch, "Embedded metric format specification")."""
METRICS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "Sends": (COUNT, ("scope",)),
    "Failures": (COUNT, ("scope", "cause")),
    "Unreached": (COUNT, ("scope",)),
    "Fallbacks": (COUNT, ("way",)),
    "FallbackFailures": (COUNT, ("way",)),
    "FallbackFailing": (COUNT, ("scope",)),
    "Feedback": (COUNT, ("way", "kind")),
    "Outcomes": (COUNT, ("status",)),
    "ExpiredWaiting": (COUNT, ("scope",)),
    "OutcomesDelayed": (COUNT, ("scope",)),
    "PossibleDuplicates": (COUNT, ("scope",)),
    "Duplicates": (COUNT, ("scope",)),
    "Escalations": (COUNT, ("scope",)),
    "ToldByBoth": (COUNT, ("scope",)),
    "Conflicts": (COUNT, ("scope",)),
    "ContractErrors": (COUNT, ("scope",)),
    "PanicActive": (COUNT, ("scope",)),
    "TemplatesInPanic": (COUNT, ("scope",)),
    "PanicEntered": (COUNT, ("scope",)),
    "Stalled": (COUNT, ("scope",)),
    "Probes": (COUNT, ("scope", "result")),
    "DrainRate": (PER_SECOND, ("lane",)),
    "DrainCeiling": (PER_SECOND, ("lane",)),
    "Released": (COUNT, ("lane",)),
    "Overdue": (COUNT, ("scope",)),
    "LeftAlone": (COUNT, ("scope",)),
    "Backlog": (COUNT, ("lane",)),
    "TokenDaysLeft": (COUNT, ("scope",)),
    "TokenRefreshes": (COUNT, ("result",)),
    "WebhookRejected": (COUNT, ("reason",)),
    "WebhookFaults": (COUNT, ("scope",)),
    "StatusUpdates": (COUNT, ("status",)),
    "Speech": (COUNT, ("result",)),
    "Inbound": (COUNT, ("kind",)),
    "AlarmsTaken": (COUNT, ("scope",)),
    "ProberRuns": (COUNT, ("scope",)),
}
"""Every metric that the code can emit: unit and dimensions.

``Unreached`` is, per batch, the share of sends that did not reach Meta (0 to 1). ``FallbackFailing`` is, per
batch, the share of the people tried in the channel's stead whom no way reached. ``Stalled`` is 1 in a minute
in which messages waited or failed and none went out. ``DrainCeiling`` is the rate that is set, ``DrainRate``
the one at which the ramp plans, ``Released`` what really left. ``ExpiredWaiting`` counts messages that came
in time and whose time passed while Lifeline held them. ``OutcomesDelayed``: SNS did not take an event for a
producer; it is told later. ``PossibleDuplicates`` counts people who may have been told once more than
intended, ``Duplicates`` those for whom that is proven. ``Escalations`` counts people whom the fallback told
since no device had the message in time, ``ToldByBoth`` those of them whom WhatsApp told as well, which is
meant so. ``Conflicts``: the same
id came with other content. ``Overdue`` are messages whose time passed more than two minutes ago without
anybody acting. ``LeftAlone`` are rows that this version does not understand. ``WebhookFaults`` are parts of
webhooks and mail events that failed by an error of ours: the log says which, and a webhook's body is a dead
letter.
"""


_Sample = tuple[str, tuple[tuple[str, str], ...], str, float]
"""Name, dimensions with their values, unit, value."""


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
            # Where in the code a line was written says its event; it would be a tenth of the line.
            location=None,
            logger_formatter=_Formatter(utc=True, json_default=lambda it: clean(str(it))),
        )
        self._metrics = metrics
        self._gathered: list[_Sample] | None = None
        self._lock = threading.Lock()

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
        sample = (name, tuple((key, dimensions[key]) for key in wanted), unit, float(value))
        with self._lock:
            if self._gathered is not None:
                self._gathered.append(sample)
                return
        _emit([sample])

    @contextmanager
    def together(self) -> Iterator[None]:
        """Emit what is counted within at its end, in as few lines as may be: a line costs by its size."""
        with self._lock:
            self._gathered = []
        try:
            yield
        finally:
            with self._lock:
                gathered, self._gathered = self._gathered, None
            _emit(gathered)

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


class _Line:
    """One line of CloudWatch's embedded metric format. A dimension has one value in it, so metrics share a
    line as long as theirs agree.
    """

    def __init__(self) -> None:
        self._dimensions: dict[str, str] = {}
        self._values: dict[str, list[float]] = {}
        self._directives: dict[tuple[str, ...], dict[str, str]] = {}

    def takes(self, sample: _Sample) -> bool:
        """Add it, if it fits in."""
        name, dimensions, unit, value = sample
        keys = tuple(key for key, _ in dimensions)
        if any(self._dimensions.get(key, text) != text for key, text in dimensions):
            return False
        values = self._values.setdefault(name, [])
        if len(values) == VALUES_PER_METRIC:
            return False
        values.append(value)
        self._dimensions.update(dimensions)
        self._directives.setdefault(keys, {})[name] = unit
        return True

    def text(self) -> str:
        directives = [
            {
                "Namespace": NAMESPACE,
                "Dimensions": [keys],
                "Metrics": [{"Name": name, "Unit": unit} for name, unit in metrics.items()],
            }
            for keys, metrics in self._directives.items()
        ]
        head = {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": directives}}
        return json.dumps({**head, **self._dimensions, **self._values}, separators=(",", ":"))


def _emit(samples: Sequence[_Sample]) -> None:
    lines: list[_Line] = []
    for sample in samples:
        if not any(line.takes(sample) for line in lines):
            lines.append(_Line())
            lines[-1].takes(sample)
    for line in lines:
        # One write: lines of several threads must not mix.
        sys.stdout.write(line.text() + "\n")
