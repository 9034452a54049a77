"""The outcomes topic in memory: what producers were told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lifeline.adapters.outcome_topic import Publication
from lifeline.contract.outcomes import OutcomeEvent


class SeenTopic:
    """Takes events. ``script``: per call, whether it takes them (default: yes), or what it raises.

    ``before`` is called before each call; ``calls`` counts those that had something to tell.
    """

    def __init__(self) -> None:
        self.script: list[bool | BaseException] = []
        self.taken: list[Publication] = []
        self.calls = 0
        self.before: Callable[[], object] = lambda: None

    def publish(self, publications: Sequence[Publication]) -> list[bool]:
        self.calls += 1
        self.before()
        answer = self.script.pop(0) if self.script else True
        if isinstance(answer, BaseException):
            raise answer
        if answer:
            self.taken += publications
        return [answer] * len(publications)

    @property
    def events(self) -> list[OutcomeEvent]:
        """All events that were taken, in order."""
        return [publication.event for publication in self.taken]

    def of(self, name: str) -> list[str]:
        """The statuses that were told of a message, in order."""
        return [event.status for event in self.events if event.id == name]
