"""Which messages are promotional: those that end as ``SUPPRESSED`` for a person who opted out. Pure."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from lifeline.domain.message.row import Row
from lifeline.domain.panic.notices import PROMOTION

LABELS: Final = frozenset({PROMOTION, "marketing"})
"""Category labels of promotional messages."""


def is_promotional(row: Row, marketing_templates: Container[str]) -> bool:
    """Whether a message is promotional: of a campaign, labelled so, bulk without a label, or with a template
    that Meta counts as marketing. ``marketing_templates``: names of those.

    A critical message never is: who sends it says that it must arrive. Where Meta refuses it (131050), its
    fallback is taken.
    """
    if row.priority == "critical":
        return False
    if row.campaign is not None:
        return True
    if row.priority == "bulk" and row.category is None:
        return True
    if (row.category or "").lower() in LABELS:
        return True
    return row.template is not None and row.template in marketing_templates
