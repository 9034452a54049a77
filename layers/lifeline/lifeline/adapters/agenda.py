"""The agenda: the sparse index of the ledger's rows that wait for something, by lane and time.

Entries are hints. The index follows the table without a bound, so an entry may be gone, moved or not there
yet: each decision is taken on the row itself, by a conditional write, and every query begins with the oldest
entry, so that a late one is found by the next.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters import row_items
from lifeline.adapters.aws import unavailable
from lifeline.domain.message.row import Row
from lifeline.domain.shards import of_lane

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AGENDA_INDEX: Final = "agenda"
PROJECTED: Final = (
    "status",
    "phase",
    "rev",
    "ops",
    "priority",
    "expires_at",
    "template",
    "campaign",
    "zones",
    "doubts",
    "drained",
    "created_at",
    "act",
    "later",
)
"""What an entry holds beside its keys: enough to decide on a move and to write it without reading the row.

A change of an entry may only *set* other fields: one that resets a field that is not here (``attempt``,
``faults``, ``slot`` ...) finds it at its default and would leave it as it is."""

WORKERS: Final = 8
"""Queries at once; the client keeps ten connections."""

_Page = tuple[list[Row], Any]


class Agenda:
    """Reads the agenda. Raises :class:`UnavailableError` when DynamoDB does not answer.

    ``page``: entries per call; ``None``: as many as DynamoDB gives (1 MB).
    """

    def __init__(
        self, client: DynamoDBClient, table: str, workers: int = WORKERS, page: int | None = None
    ) -> None:
        self._client = client
        self._table = table
        self._page_size = page
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="agenda")

    def due(self, lane: str, until: float, *, limit: int | None = None) -> Iterator[Row]:
        """Entries of ``lane`` due at ``until`` or before, from the beginning of time, the oldest first.

        Rows hold what the index does (see :data:`PROJECTED`), and their lane and time. Pages are read as the
        caller goes on, at most one ahead for each shard; with ``limit`` so many entries, and none ahead.
        """
        size = self._page_size
        if limit is not None:
            size = min(limit, size or limit)
        if size == 0:
            return
        first = [
            self._pool.submit(self._page, lane, shard, until, size, None) for shard in range(of_lane(lane))
        ]
        shards = [
            self._follow(lane, shard, until, size, page, ahead=limit is None)
            for shard, page in enumerate(first)
        ]
        merged = heapq.merge(*shards, key=lambda row: (row.due, row.id))
        for number, row in enumerate(merged, start=1):
            yield row
            if number == limit:
                return

    def _follow(
        self, lane: str, shard: int, until: float, size: int | None, page: Future[_Page], *, ahead: bool
    ) -> Iterator[Row]:
        """All pages of one shard. One without entries is the last only if nothing is said to follow."""
        while True:
            rows, after = page.result()
            if after is not None and ahead:
                page = self._pool.submit(self._page, lane, shard, until, size, after)
            yield from rows
            if after is None:
                return
            if not ahead:
                page = self._pool.submit(self._page, lane, shard, until, size, after)

    def _page(self, lane: str, shard: int, until: float | None, size: int | None, after: Any) -> _Page:
        answer = self._query(lane, shard, until, size, after)
        return [row_items.decode(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")

    def count(self, lane: str, until: float | None = None) -> int:
        """How many entries ``lane`` has, or has due at ``until`` or before."""

        def shard_count(shard: int) -> int:
            entries = 0
            after: Any = None
            while True:
                answer = self._query(lane, shard, until, self._page_size, after, Select="COUNT")
                entries += int(answer["Count"])
                after = answer.get("LastEvaluatedKey")
                if after is None:
                    return entries

        return sum(self._pool.map(shard_count, range(of_lane(lane))))

    def at_least(self, lane: str, until: float | None = None, *, drained: bool = False) -> tuple[int, bool]:
        """How many entries the first page of each key has, and whether those are all: one query for each key,
        whatever waits. ``drained``: only of those that the tick has released.
        """
        only: dict[str, Any] = {"FilterExpression": "drained = :d"} if drained else {}

        def shard_count(shard: int) -> tuple[int, bool]:
            answer = self._query(lane, shard, until, self._page_size, None, Select="COUNT", **only)
            return int(answer["Count"]), "LastEvaluatedKey" not in answer

        counts = list(self._pool.map(shard_count, range(of_lane(lane))))
        return sum(count for count, _ in counts), all(whole for _, whole in counts)

    def oldest(self, lane: str) -> float | None:
        """The earliest time in ``lane`` (epoch seconds); ``None`` where it is empty."""

        def shard_oldest(shard: int) -> float | None:
            after: Any = None
            while True:
                rows, after = self._page(lane, shard, None, 1, after)
                if rows:
                    return rows[0].due
                if after is None:
                    return None

        dues = [due for due in self._pool.map(shard_oldest, range(of_lane(lane))) if due is not None]
        return min(dues, default=None)

    def _query(
        self, lane: str, shard: int, until: float | None, size: int | None, after: Any, **more: Any
    ) -> Any:
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": AGENDA_INDEX,
            "KeyConditionExpression": "agenda = :a",
            "ExpressionAttributeValues": {":a": row_items.agenda_key(lane, shard)},
            **more,
        }
        if "FilterExpression" in more:
            arguments["ExpressionAttributeValues"][":d"] = {"BOOL": True}
        if until is not None:
            arguments["KeyConditionExpression"] += " AND agenda_at <= :t"
            arguments["ExpressionAttributeValues"][":t"] = {"N": f"{until:.3f}"}
        if size is not None:
            arguments["Limit"] = size
        if after is not None:
            arguments["ExclusiveStartKey"] = after
        try:
            return self._client.query(**arguments)
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "reading the agenda", error) from error
