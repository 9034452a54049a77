"""Bounces, complaints and devices that are gone mark the address, so that the next fallback skips it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from lifeline.adapters.contacts import Contacts
from lifeline.domain.feedback import returned
from lifeline.telemetry import Telemetry


class Feedback:
    """The feedback function's use case."""

    def __init__(self, *, contacts: Contacts, clock: Callable[[], float], telemetry: Telemetry) -> None:
        self._contacts = contacts
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Take the SNS notifications of one event; answers how many addresses were marked.

        Raises :class:`~lifeline.errors.UnavailableError`: Lambda then tries the event again, and marking
        twice changes nothing.
        """
        counts: Counter[tuple[str, str]] = Counter()
        marked = 0
        for document in self._documents(event):
            for item in returned(document):
                counts[item.way, item.kind] += 1
                if item.final:
                    self._contacts.refuse(item.way, item.address, item.why, self._clock())
                    marked += 1
        for (way, kind), count in counts.items():
            self._telemetry.count("Feedback", count, way=way, kind=kind)
        self._telemetry.info("feedback", marked=marked, kinds=[f"{way} {kind}" for way, kind in counts])
        return {"marked": marked}

    def _documents(self, event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        found = []
        for record in event.get("Records", []):
            try:
                document = json.loads(record["Sns"]["Message"])
            except (KeyError, TypeError, ValueError):
                # SES says "Successfully validated SNS topic" in plain words once.
                self._telemetry.warning("a notification that is no event")
                continue
            if isinstance(document, Mapping):
                found.append(document)
        return found
