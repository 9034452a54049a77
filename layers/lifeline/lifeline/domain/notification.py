"""A notification as people read it: plain text that says what happened, what Lifeline does by itself, the one
command to run, and where to read on. Pure; :mod:`lifeline.adapters.notices` publishes it.
"""

from __future__ import annotations

import re
from typing import Final

RUNBOOK: Final = "docs/runbook.md"
"""Where the runbook lies in the repository: what is named where a stack knows no link to it."""
STATUS: Final = "lifeline panic status"
"""The command that shows every scope, its cause and its remedy."""
QUEUE_STATUS: Final = "lifeline queue status"


def plain(text: str, *, automatic: str = "", run: str = "", link: str = "") -> str:
    """The text of a mail. Parts that a notification lacks are left out."""
    parts = (
        text,
        f"What Lifeline does by itself: {automatic}" if automatic else "",
        f"Run:\n    {run}" if run else "",
        f"Runbook: {link}" if link else "",
    )
    return "\n\n".join(part for part in parts if part)


def runbook(url: str, section: str) -> str:
    """The link to a section of the runbook, or its name where there is none. Empty for no section."""
    if not section:
        return ""
    return f"{url}#{anchor(section)}" if url else f'{RUNBOOK}, section "{section}"'


def anchor(heading: str) -> str:
    """The anchor that GitHub and the documentation's site give to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
