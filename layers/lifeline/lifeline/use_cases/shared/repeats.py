"""People told more than once, by mistake or by an escalation: counted by the write that shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account.counters import BOTH, DUPLICATE, ESCALATED, POSSIBLE, CounterName
from lifeline.domain.message.proof import told_beside, told_twice
from lifeline.domain.message.row import Row
from lifeline.telemetry import Telemetry


def repeats(before: Row, after: Row) -> Counter[CounterName]:
    """What one write adds to the minute's counters."""
    possible, proven = told_twice(before, after)
    escalated, both = told_beside(before, after)
    return Counter({POSSIBLE: possible, DUPLICATE: proven, ESCALATED: escalated, BOTH: both})


def emit(counts: Mapping[CounterName, int], telemetry: Telemetry) -> None:
    """The same as metrics; none without a value."""
    if possible := counts.get(POSSIBLE):
        telemetry.count("PossibleDuplicates", possible, scope=WHATSAPP)
    if proven := counts.get(DUPLICATE):
        telemetry.count("Duplicates", proven, scope=WHATSAPP)
    if escalated := counts.get(ESCALATED):
        telemetry.count("Escalations", escalated, scope=WHATSAPP)
    if both := counts.get(BOTH):
        telemetry.count("ToldByBoth", both, scope=WHATSAPP)
