"""The ``control`` table: panic flags and their history, records by name, outcome windows, limiters, marks,
the counters of each minute, and what ways cost in each hour. One file per subject makes and reads its items;
here they are one adapter.

Inbox, recordings and campaigns lie in the same table under partitions of their own, and have their own
adapters.
"""

from __future__ import annotations

from lifeline.adapters.control.flags import PanicFlags
from lifeline.adapters.control.limiters import Limiters
from lifeline.adapters.control.marks import Marks
from lifeline.adapters.control.minutes import Minutes
from lifeline.adapters.control.named import NamedRecords
from lifeline.adapters.control.spending import Spending
from lifeline.adapters.control.windows import OutcomeWindows


class Control(PanicFlags, NamedRecords, OutcomeWindows, Limiters, Marks, Minutes, Spending):
    """Reads and writes of the control table.

    Raises :class:`UnavailableError` when DynamoDB does not answer and :class:`ConflictError` when a
    conditional write lost.
    """
