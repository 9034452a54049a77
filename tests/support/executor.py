"""An executor without threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import Any


class Inline(Executor):
    """Runs everything at once, in order: a run has to repeat exactly."""

    def map(self, fn: Callable[..., Any], *iterables: Iterable[Any], **_: Any) -> Iterator[Any]:
        return iter([fn(*items) for items in zip(*iterables, strict=True)])
