"""The statuses of a message as the border knows them; ``domain/message/status.py`` says how they move."""

from __future__ import annotations

from typing import Final

from lifeline.contract.ways import WAYS

REACHED_OTHERWISE: Final = tuple(way.status for way in WAYS)
"""Another way than WhatsApp has reached the person."""
STATUSES: Final = (
    "CLAIMED",
    "SENT",
    "HELD",
    "DELIVERED",
    "READ",
    "FAILED",
    *REACHED_OTHERWISE,
    "PARKED",
    "EXPIRED",
    "REJECTED",
    "IN_DOUBT",
    "CANCELLED",
    "SUPPRESSED",
)
