"""Campaigns in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lifeline.domain.campaign.campaign import Campaign, CampaignState
from lifeline.errors import ConflictError, UnavailableError


class MemoryCampaigns:
    """``broken``: the table does not answer."""

    def __init__(self) -> None:
        self.items: dict[str, Campaign] = {}
        self.chunks: dict[tuple[str, int], list[str]] = {}
        self.broken = False

    def create(self, campaign: Campaign) -> None:
        if campaign.id in self.items:
            raise ConflictError("known")
        self.items[campaign.id] = campaign

    def get(self, name: str) -> Campaign | None:
        return self.items.get(name)

    def all(self) -> list[Campaign]:
        self._check()
        return list(self.items.values())

    def state(self, name: str) -> str:
        self._check()
        return str(self.items[name].state) if name in self.items else ""

    def set(self, name: str, state: CampaignState) -> None:
        self.items[name] = replace(self.items[name], state=state)

    def move(self, campaign: Campaign, to: CampaignState, start: float, paused_at: float | None) -> None:
        if self.items[campaign.id].state is not campaign.state:
            raise ConflictError("changed")
        self.items[campaign.id] = replace(self.items[campaign.id], state=to, start=start, paused_at=paused_at)

    def advance(self, campaign: Campaign, released: int) -> None:
        if self.items[campaign.id].released != campaign.released:
            raise ConflictError("changed")
        self.items[campaign.id] = replace(self.items[campaign.id], released=released)

    def count(self, name: str, counts: Mapping[str, int]) -> None:
        self._check()
        added = Counter(self.items[name].counts)
        added.update(counts)
        self.items[name] = replace(self.items[name], counts=dict(added))

    def put_chunk(self, name: str, index: int, bodies: Sequence[str], until: float) -> None:
        self.chunks[name, index] = list(bodies)

    def chunk(self, name: str, index: int) -> list[str]:
        return self.chunks.get((name, index), [])

    def chunks_of(self, name: str) -> list[int]:
        return sorted(index for owner, index in self.chunks if owner == name)

    def blank(self, name: str, index: int, whose: Callable[[str], bool]) -> list[int]:
        self._check()
        lines = self.chunks.get((name, index), [])
        found = [place for place, body in enumerate(lines) if body and whose(body)]
        self.chunks[name, index] = ["" if place in found else body for place, body in enumerate(lines)]
        return found

    def stored(self, name: str) -> int:
        return sum(len(found) for (owner, _), found in self.chunks.items() if owner == name)

    def _check(self) -> None:
        if self.broken:
            raise UnavailableError("DynamoDB", "reading campaigns", "broken on purpose")
