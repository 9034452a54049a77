"""The rows that an incident touched, from an index of their own, many pages at a time and none kept.

A million of them are told within 30 seconds by one core: the pages of several keys are fetched side by side,
and an item becomes no row on its way, since a report needs a third of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import unavailable
from lifeline.adapters.row_items import incident_key, told_again
from lifeline.domain.incident.facts import Affected, Move
from lifeline.domain.message.status import Status
from lifeline.domain.shards import WIDE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INCIDENT_INDEX: Final = "incident"
"""Global secondary index on ``incident_key``: the rows that an incident touched, and no others.

An index, not counters per incident: rows move on after panic (sent, delivered, expired, settled), people and
delays cannot be added up, and a counter that a worker adds to twice stays wrong. It costs one more write unit
for each later move of an affected row, and nothing while all is well, since other rows have no such key."""
AT_ONCE: Final = 8
"""Pages fetched side by side. One is 1 MB on its way (DynamoDB's limit) and some 6 MB once read."""
_STATUSES: Final = dict(Status.__members__)
_READ: Final[Mapping[str, str]] = {
    "#s": "status",
    "#id": "id",
    "#c": "created_at",
    "#p": "priority",
    "#k": "category",
    "#t": "template",
    "#a": "campaign",
    "#d": "person",
    "#r": "rev",
    "#g": "resends",
    "#f": "failed_at",
    "#w": "tried",
    "#m": "trail",
}


class IncidentRows:
    """Reads the index. Raises :class:`UnavailableError` when DynamoDB does not answer."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def __call__(self, incident_id: str) -> Iterator[Affected]:
        """The rows of one incident, page by page: each costs what it weighs, and no other row is read.

        The index follows the table within about a second (it knows no consistent reads).
        """
        shards = iter(range(WIDE.incident))
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="incident") as pool:
            pages = [
                (shard, pool.submit(self._page, incident_id, shard, None))
                for shard in islice(shards, AT_ONCE)
            ]
            try:
                while pages:
                    shard, page = pages.pop(0)
                    items, after = page.result()
                    following = shard if after is not None else next(shards, None)
                    if following is not None:
                        pages.append((following, pool.submit(self._page, incident_id, following, after)))
                    del page
                    while items:
                        # Taken from the end, so that each is gone when the next one comes.
                        yield affected_of(items.pop())
            finally:
                _cancel([page for _, page in pages])

    def _page(self, incident_id: str, shard: int, after: Any) -> tuple[list[Mapping[str, Any]], Any]:
        more: Any = {"ExclusiveStartKey": after} if after is not None else {}
        try:
            answer = self._client.query(
                TableName=self._table,
                IndexName=INCIDENT_INDEX,
                KeyConditionExpression="incident_key = :k",
                ExpressionAttributeValues={":k": incident_key(incident_id, shard)},
                ProjectionExpression=", ".join(_READ),
                ExpressionAttributeNames=_READ,
                **more,
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "reading an incident's rows", error) from error
        return list(answer["Items"]), answer.get("LastEvaluatedKey")


def _cancel(pages: Sequence[Future[Any]]) -> None:
    for page in pages:
        page.cancel()


def affected_of(item: Mapping[str, Any]) -> Affected:
    """What a report needs of an item of the index; its doubts and duplicates are a text of their own there.

    A status that this version does not know counts as one that is under way.
    """
    get = item.get
    possible, duplicates, both = told_again(item) if "resends" in item else (0, 0, False)
    failed_at = get("failed_at")
    return Affected(
        item["id"]["S"],
        _STATUSES.get(item["status"]["S"], Status.CLAIMED),
        float(item["created_at"]["N"]) if "created_at" in item else 0.0,
        get("priority", _NORMAL)["S"],
        get("category", _NONE)["S"],
        get("template", _NONE)["S"],
        get("campaign", _NONE)["S"],
        get("person", _NONE)["S"],
        int(item["rev"]["N"]) if "rev" in item else 0,
        possible,
        duplicates,
        both,
        None if failed_at is None else float(failed_at["N"]),
        get("tried", _EMPTY)["S"],
        _moves(item["trail"]["M"]) if "trail" in item else (),
    )


_NORMAL: Final[Mapping[str, str]] = {"S": "normal"}
_EMPTY: Final[Mapping[str, str]] = {"S": ""}
_NONE: Final[Mapping[str, Any]] = {"S": None}


def _moves(trail: Mapping[str, Mapping[str, str]]) -> list[Move]:
    moves = []
    for key, note in trail.items():
        at, _, status = key.partition("_")
        known = _STATUSES.get(status)
        if known is not None:  # a later version may write others
            moves.append(Move(int(at) / 1000, known, next(iter(note.values()))))
    return moves
