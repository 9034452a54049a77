"""Templates as Meta lists them, page by page."""

from __future__ import annotations

from typing import Any, cast

from lifeline.adapters.whatsapp import Answer, WhatsApp
from lifeline.domain.failure.classify import Failure
from lifeline.use_cases.shared.all_templates import MAX_PAGES, all_templates

from tests.support.tokens import unreachable


class Meta:
    """Gives one template a page; ``ends``: the number of the last one."""

    def __init__(self, ends: int = 3, fails: Failure | None = None) -> None:
        self.ends, self.fails = ends, fails
        self.asked: list[tuple[str | None, str | None]] = []

    def templates(self, name: str | None = None, after: str | None = None) -> Answer | Failure:
        self.asked.append((name, after))
        number = int(after or 0) + 1
        if self.fails and number > 1:
            return self.fails
        paging: dict[str, Any] = {"cursors": {"after": str(number)}}
        if number < self.ends:
            paging["next"] = "https://graph.example/next"
        return Answer({"data": [{"name": f"t{number}"}, "nonsense"], "paging": paging}, None)


def read(meta: Meta, name: str | None = None) -> list[str] | Failure:
    found = all_templates(cast(WhatsApp, meta), name)
    return found if isinstance(found, Failure) else [str(item["name"]) for item in found]


def test_every_page_is_read() -> None:
    meta = Meta()
    assert read(meta) == ["t1", "t2", "t3"]
    assert meta.asked == [(None, None), (None, "1"), (None, "2")]


def test_metas_filter_finds_longer_names_too() -> None:
    assert read(Meta(), "t2") == ["t2"]


def test_pages_have_an_end_and_a_failure_is_the_answer() -> None:
    endless = Meta(ends=10_000)
    assert len(cast(list[str], read(endless))) == len(endless.asked) == MAX_PAGES
    assert isinstance(read(Meta(fails=unreachable())), Failure)
