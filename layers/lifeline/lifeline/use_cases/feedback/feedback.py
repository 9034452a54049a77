"""What SES and SNS tell later: refused addresses are marked, so that fallbacks skip them; mails settle."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lifeline.adapters.contacts import Contacts
from lifeline.domain.fallback.feedback import MailReport, mail_report, returned, text_report
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry


class Feedback:
    """The feedback function's use case."""

    def __init__(
        self,
        *,
        contacts: Contacts,
        mails: Callable[[Sequence[MailReport]], None],
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        """``mails``: takes what became of mails; each report may come again and in any order."""
        self._contacts = contacts
        self._mails = mails
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Take the SNS notifications of one event; answers how many addresses were marked.

        What goes wrong with one notification is logged and counted, and the others are taken. Raises
        :class:`~lifeline.errors.UnavailableError`, after all were tried: Lambda then tries the event again,
        and taking a notification twice changes nothing.
        """
        counts: Counter[tuple[str, str]] = Counter()
        marked = 0
        unavailable: UnavailableError | None = None
        for document in self._documents(event):
            # Both are tried: a table of contacts that is down leaves no mail in doubt.
            for take in (self._settle, self._mark):
                try:
                    marked += take(document, counts)
                except UnavailableError as error:
                    unavailable = error
                except Exception as error:
                    counts["record", "failed"] += 1
                    self._telemetry.error("a notification could not be taken", detail=repr(error))
        for (way, kind), count in counts.items():
            self._telemetry.count("Feedback", count, way=way, kind=kind)
        self._telemetry.info("feedback", marked=marked, kinds=[f"{way} {kind}" for way, kind in counts])
        if unavailable is not None:
            raise unavailable
        return {"marked": marked}

    def _settle(self, document: Mapping[str, Any], counts: Counter[tuple[str, str]]) -> int:
        for settled, report in (("mail", mail_report(document)), ("text", text_report(document))):
            if report is not None:
                self._mails([report])
                counts[settled, report.kind] += 1
        return 0

    def _mark(self, document: Mapping[str, Any], counts: Counter[tuple[str, str]]) -> int:
        """Mark the addresses that are not to be used any more; answers how many."""
        marked = 0
        for item in returned(document):
            counts[item.way, item.kind] += 1
            if item.final:
                self._contacts.refuse(item.way, item.address, item.why, self._clock())
                marked += 1
        return marked

    def _documents(self, event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        documents = []
        records = event.get("Records")
        for record in records if isinstance(records, list) else []:
            try:
                document = json.loads(record["Sns"]["Message"])
            except (KeyError, TypeError, ValueError, RecursionError):
                # SES says "Successfully validated SNS topic" in plain words once.
                self._telemetry.warning("a notification that is no event")
                continue
            if isinstance(document, Mapping):
                documents.append(document)
        return documents
