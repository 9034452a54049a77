"""Opt-outs in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lifeline.domain.inbound.opting_out import Statement, Wish, keys_of
from lifeline.errors import UnavailableError


class MemoryOptOuts:
    """Who opted out. ``broken``: the table does not answer. ``asked``: keys that were read, call by call."""

    def __init__(self) -> None:
        self.known: dict[str, Statement] = {}
        self.same: dict[str, set[str]] = {}
        self.sources: dict[str, str] = {}
        self.asked: list[tuple[str, ...]] = []
        self.broken = False

    def state(self, keys: Sequence[str], statement: Statement, source: str) -> None:
        self._check()
        waiting, done = list(keys), set[str]()
        while waiting:
            key = waiting.pop()
            done.add(key)
            before = self.known.get(key)
            if before is not None and before.at > statement.at:
                continue
            self.known[key], self.sources[key] = statement, source
            self.same.setdefault(key, set()).update(one for one in keys if one != key)
            waiting += [one for one in self.same[key] if one not in done and one not in waiting]

    def of(self, keys: Iterable[str]) -> dict[str, Statement]:
        self._check()
        self.asked.append(tuple(keys))
        return {key: self.known[key] for key in self.asked[-1] if key in self.known}

    def wish(self, *names: str, at: float, wish: Wish = Wish.STOP) -> None:
        """A person said what they wish."""
        self.state(keys_of(*names), Statement(wish, at), "test")

    def _check(self) -> None:
        if self.broken:
            raise UnavailableError("DynamoDB", "asking for opt-outs", "broken on purpose")
