"""All templates that Meta lists, page by page."""

from __future__ import annotations

from typing import Final

from lifeline.adapters.whatsapp import WhatsApp
from lifeline.domain.account.templates import MetaTemplate
from lifeline.domain.failure.classify import Failure

MAX_PAGES: Final = 60
"""Pages of 100: Meta allows 6,000 templates an account (Meta, "Template limits")."""


def all_templates(whatsapp: WhatsApp, name: str | None = None) -> list[MetaTemplate] | Failure:
    """All pages. Meta's filter by name also finds longer names, so it is looked at once more."""
    templates: list[MetaTemplate] = []
    after: str | None = None
    for _ in range(MAX_PAGES):
        answer = whatsapp.templates(name=name, after=after)
        if isinstance(answer, Failure):
            return answer
        page = [item for item in answer.body.get("data") or [] if isinstance(item, dict)]
        templates += [item for item in page if not name or item.get("name") == name]
        paging = answer.body.get("paging")
        cursors = paging.get("cursors") if isinstance(paging, dict) else None
        after = cursors.get("after") if isinstance(cursors, dict) else None
        if not (isinstance(paging, dict) and paging.get("next") and after):
            break
    return templates
