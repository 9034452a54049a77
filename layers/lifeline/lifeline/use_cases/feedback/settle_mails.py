"""What is told of mails and texts settles doubts about them, as Meta's webhooks those about sends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from lifeline.contract.ways import WAYS_BY_NAME
from lifeline.domain.fallback.feedback import MailReport
from lifeline.domain.message.proof import prove, way_rejected
from lifeline.domain.message.row import Row
from lifeline.domain.message.status import Status
from lifeline.errors import UnavailableError
from lifeline.use_cases.shared.fold_reports import FoldReports


class SettleMails:
    """The hook of :class:`~lifeline.use_cases.feedback.feedback.Feedback` for mails and texts."""

    def __init__(self, fold: FoldReports, clock: Callable[[], float]) -> None:
        self._fold = fold
        self._clock = clock

    def __call__(self, reports: Sequence[MailReport]) -> None:
        """Settle what the reports prove or disprove; any order, any number.

        Raises :class:`~lifeline.errors.UnavailableError` where they must come again.
        """
        by_id: dict[str, list[MailReport]] = defaultdict(list)
        for report in reports:
            by_id[report.message_id].append(report)
        folded = self._fold(by_id, self._tell, _why)
        if folded.again:
            raise UnavailableError("DynamoDB", "settling mails", f"{len(folded.again)} rows not written")

    def _tell(self, row: Row, report: MailReport) -> Row:
        if report.kind == "rejected":
            return way_rejected(row, report.act, report.way, "Rejected", self._clock())
        # It was taken; a mail that bounced counts as one whose sending was answered, and which bounced later.
        return prove(row, report.act, Status(WAYS_BY_NAME[report.way].status))


def _why(reports: Sequence[MailReport]) -> str:
    return ", ".join(dict.fromkeys(f"{report.way}: {report.kind}" for report in reports))
