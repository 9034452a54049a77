"""The ledger: the ``messages`` table, one row per accepted message.

Hot path: batched PartiQL (``BatchExecuteStatement``: 25 conditional statements a call, each with its own
result) instead of a call per message; ``benchmarks/`` has the figures. Optimistic locking: every write
raises ``rev`` and is conditional on the ``rev`` that was read, so a row moves only by a decision that was
taken on its current state, and of two writers one loses and looks again.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of
from lifeline.domain.incident import Affected, Move
from lifeline.domain.status import Status
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

STATEMENTS_PER_CALL: Final = 25
"""BatchExecuteStatement's limit (DynamoDB API reference)."""
KEYS_PER_CALL: Final = 100
"""BatchGetItem's limit (DynamoDB API reference)."""
SEGMENTS: Final = 16
SAMPLE_PAGES: Final = 48
SAMPLE_LIMIT: Final = 500
"""A sample reads at most 24,000 rows, about 3,000 read units: a twentieth of a US cent."""
TRIES: Final = 4
"""Calls for statements that DynamoDB throttled; the SDK's own retries are inside each call."""

_PASSING: Final = frozenset(
    {
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "InternalServerError",
        "TransactionConflict",
    }
)

_NUMBERS: Final = (
    "rev",
    "turn",
    "attempt",
    "resends",
    "created_at",
    "updated_at",
    "attempted_at",
    "due_at",
    "code",
    "failed_at",
)

INCIDENT_INDEX: Final = "incident"
"""Global secondary index on ``incident_key``: the rows that an incident touched, and no others.

An index, not counters per incident: rows move on after panic (sent, delivered, expired, settled), people and
delays cannot be added up, and a counter that a worker adds to twice stays wrong. It costs one more write unit
for each later move of an affected row, and nothing while all is well, since other rows have no such key."""
INCIDENT_SHARDS: Final = 8
"""One key of an index takes 1,000 writes/s (DynamoDB developer guide) and then holds up the table itself: an
outage's rows are spread over so many keys."""


@dataclass(frozen=True, slots=True)
class Row:
    """One message's row. Instants are epoch seconds; ``None`` where not set.

    ``claim`` names the SQS message that owns the id, ``turn`` counts how often it was put back (an older
    copy of the carrier is thereby recognised), ``phase`` says what a ``CLAIMED`` row is doing:
    ``sending``, ``waiting`` (a new carrier is on the queue), ``falling_back`` or ``scheduled``.
    ``person`` is a digest of the recipient, ``tried`` the fallback's ways with the code of each that failed,
    ``failed_at`` when a send first failed for the channel or the template.
    """

    id: str
    status: Status
    claim: str
    turn: int = 0
    rev: int = 0
    phase: str | None = None
    attempt: int = 0
    resends: int = 0
    attempted_at: float | None = None
    due_at: float | None = None
    created_at: float = 0.0
    updated_at: float = 0.0
    body: str = ""
    priority: str = "normal"
    type: str = "text"
    category: str | None = None
    campaign: str | None = None
    template: str | None = None
    to_masked: str | None = None
    wamid: str | None = None
    cause: str | None = None
    code: int | None = None
    incident_id: str | None = None
    reached: str | None = None
    person: str | None = None
    tried: str | None = None
    failed_at: float | None = None
    note: str | None = None
    trail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A conditional move of one row: carried out only while the row's ``rev`` is ``row.rev``."""

    row: Row
    status: Status
    values: Mapping[str, Any] = field(default_factory=dict)
    """Fields of :class:`Row` to set; ``None`` removes one."""
    note: str = ""
    """Why, for the row's trail."""


class Ledger:
    """Reads and moves rows. Raises :class:`UnavailableError` when DynamoDB does not answer."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        retention_seconds: float,
        pause: Callable[[float], None],
        jitter: Callable[[], float],
        workers: int = 4,
    ) -> None:
        self._client = client
        self._table = table
        self._retention = retention_seconds
        self._pause = pause
        self._jitter = jitter
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="ledger")

    def insert(self, rows: Sequence[Row], now: float) -> list[bool]:
        """Claim fresh ids. True where the row was written, False where the id is already known."""
        statements = [self._insert_statement(row, now) for row in rows]
        results = self._execute(statements, "claiming messages")
        return [error is None for error, _ in results]

    def apply(self, changes: Sequence[Change], now: float) -> list[Row | None]:
        """Move rows. For each change: ``None`` where it was carried out, else the row as it is now.

        A row that is gone (its retention ended) comes back with status of ``change.row`` and ``rev`` -1.
        """
        statements = [self._update_statement(change, now) for change in changes]
        outcome: list[Row | None] = []
        for change, (error, item) in zip(
            changes, self._execute(statements, "recording outcomes"), strict=True
        ):
            if error is None:
                outcome.append(None)
            else:
                outcome.append(_row(item) if item else Row(change.row.id, change.row.status, "", rev=-1))
        return outcome

    def read(self, ids: Iterable[str], consistent: bool = True) -> dict[str, Row]:
        """The rows of these ids; an unknown id is absent from the answer."""
        found: dict[str, Row] = {}
        for chunk in _chunks(sorted(set(ids)), KEYS_PER_CALL):
            keys: Any = [{"id": {"S": name}} for name in chunk]
            for round_ in range(TRIES):
                try:
                    answer = self._client.batch_get_item(
                        RequestItems={self._table: {"Keys": keys, "ConsistentRead": consistent}}
                    )
                except (ClientError, BotoCoreError) as error:
                    raise UnavailableError("DynamoDB", "reading the ledger", code_of(error)) from error
                for item in answer.get("Responses", {}).get(self._table, []):
                    row = _row(item)
                    found[row.id] = row
                left: Any = answer.get("UnprocessedKeys", {}).get(self._table) or {}
                keys = left.get("Keys", [])
                if not keys:
                    break
                self._pause(self._jitter() * 0.05 * 2**round_)
            else:
                raise UnavailableError("DynamoDB", "reading the ledger", "keys left unprocessed")
        return found

    def affected(self, incident_id: str) -> Iterator[Affected]:
        """The rows of one incident, page by page: each costs what it weighs, and no other row is read.

        The index follows the table within about a second (it knows no consistent reads).
        """
        for shard in range(INCIDENT_SHARDS):
            arguments: dict[str, Any] = {
                "TableName": self._table,
                "IndexName": INCIDENT_INDEX,
                "KeyConditionExpression": "incident_key = :k",
                "ExpressionAttributeValues": {":k": {"S": f"{incident_id}#{shard}"}},
            }
            while True:
                try:
                    answer = self._client.query(**arguments)
                except (ClientError, BotoCoreError) as error:
                    raise UnavailableError(
                        "DynamoDB", "reading an incident's rows", code_of(error)
                    ) from error
                yield from map(_affected, answer["Items"])
                if "LastEvaluatedKey" not in answer:
                    break
                arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def sample(
        self, since: float, want: int, segments: Sequence[int], priority: str | None = None
    ) -> list[Row]:
        """Up to ``want`` rows made after ``since``, from :data:`SEGMENTS` parts of the table in this order.

        Rows lie by a hash of their id, so any part is a fair sample, of all rows or of those of one
        ``priority``. At most :data:`SAMPLE_PAGES` pages are read, whatever the table's size; fewer rows than
        wanted may come back.
        """
        wanted: dict[str, Any] = {
            "FilterExpression": "created_at >= :s",
            "ExpressionAttributeValues": {":s": {"N": f"{since:.3f}"}},
        }
        if priority is not None:
            wanted["FilterExpression"] += " AND priority = :p"
            wanted["ExpressionAttributeValues"][":p"] = {"S": priority}
        found: dict[str, Row] = {}
        pages = 0
        for segment in segments:
            arguments: dict[str, Any] = {
                "TableName": self._table,
                "Segment": segment,
                "TotalSegments": SEGMENTS,
                "Limit": SAMPLE_LIMIT,
                **wanted,
            }
            while pages < SAMPLE_PAGES and len(found) < want:
                try:
                    answer = self._client.scan(**arguments)
                except (ClientError, BotoCoreError) as error:
                    raise UnavailableError("DynamoDB", "sampling the ledger", code_of(error)) from error
                pages += 1
                found.update((row.id, row) for row in map(_row, answer["Items"]))
                if "LastEvaluatedKey" not in answer:
                    break
                arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return list(found.values())[:want]

    def _insert_statement(self, row: Row, now: float) -> dict[str, Any]:
        item = _item(row)
        item["rev"] = {"N": "1"}
        item["created_at"] = item["updated_at"] = {"N": f"{now:.3f}"}
        item["expires_ttl"] = {"N": str(int(max(now, row.due_at or 0.0) + self._retention))}
        item["trail"] = {"M": {_trail_key(now, row.status): {"S": row.note or row.phase or ""}}}
        names = ", ".join(f"'{name}':?" for name in item)
        return {
            "Statement": f'INSERT INTO "{self._table}" VALUE {{{names}}}',
            "Parameters": list(item.values()),
        }

    def _update_statement(self, change: Change, now: float) -> dict[str, Any]:
        sets = ['SET "status"=?', 'SET "rev"=?', 'SET "updated_at"=?']
        parameters: list[Any] = [
            {"S": str(change.status)},
            {"N": str(change.row.rev + 1)},
            {"N": f"{now:.3f}"},
        ]
        if change.status != change.row.status or change.note:
            sets.append(f'SET "trail"."{_trail_key(now, change.status)}"=?')
            parameters.append({"S": change.note})
        removes = []
        for name, value in change.values.items():
            if value is None:
                removes.append(f'REMOVE "{name}"')
            else:
                sets.append(f'SET "{name}"=?')
                parameters.append(_value(name, value))
                if name == "due_at":
                    # A message that waits for months keeps its row until then, and can be cancelled.
                    sets.append('SET "expires_ttl"=?')
                    parameters.append({"N": str(int(max(now, float(value)) + self._retention))})
                if name == "incident_id":
                    sets.append('SET "incident_key"=?')
                    parameters.append(_incident_key(str(value), change.row.id))
        parameters += [{"S": change.row.id}, {"N": str(change.row.rev)}]
        return {
            "Statement": f'UPDATE "{self._table}" {" ".join(sets + removes)} WHERE "id"=? AND "rev"=?',
            "Parameters": parameters,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _execute(self, statements: Sequence[Any], doing: str) -> list[tuple[str | None, Any]]:
        """One ``(error code or None, current item or None)`` per statement, in order."""
        results: list[tuple[str | None, Any]] = [("", None)] * len(statements)
        waiting = list(range(len(statements)))
        for round_ in range(TRIES):
            chunks = list(_chunks(waiting, STATEMENTS_PER_CALL))
            waiting = []
            for chunk, answers in zip(
                chunks, self._pool.map(lambda c: self._call(statements, c, doing), chunks), strict=True
            ):
                for index, answer in zip(chunk, answers, strict=True):
                    error = answer.get("Error")
                    code = error.get("Code", "unknown") if error else None
                    if code in _PASSING:
                        waiting.append(index)
                    elif code is not None and code not in ("DuplicateItem", "ConditionalCheckFailed"):
                        raise UnavailableError("DynamoDB", doing, f"{code}: {error.get('Message', '')}")
                    results[index] = (code, (error or {}).get("Item"))
            if not waiting:
                return results
            self._pause(self._jitter() * 0.05 * 2**round_)
        raise UnavailableError("DynamoDB", doing, f"{len(waiting)} statements throttled {TRIES} times")

    def _call(self, statements: Sequence[Any], chunk: Sequence[int], doing: str) -> list[Any]:
        try:
            answer = self._client.batch_execute_statement(Statements=[statements[index] for index in chunk])
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("DynamoDB", doing, code_of(error)) from error
        return list(answer["Responses"])


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _trail_key(now: float, status: Status) -> str:
    return f"{int(now * 1000)}_{status}"


def _value(name: str, value: Any) -> dict[str, str]:
    if name in _NUMBERS:
        return {"N": f"{value:.3f}" if isinstance(value, float) else str(value)}
    return {"S": str(value)}


def _item(row: Row) -> dict[str, Any]:
    item: dict[str, Any] = {}
    for name in Row.__slots__:
        value = getattr(row, name)
        if value is not None and name != "trail":
            item[name] = _value(name, value)
    if row.incident_id:
        item["incident_key"] = _incident_key(row.incident_id, row.id)
    return item


def _incident_key(incident_id: str, message_id: str) -> dict[str, str]:
    return {"S": f"{incident_id}#{zlib.crc32(message_id.encode()) % INCIDENT_SHARDS}"}


def _affected(item: Mapping[str, Any]) -> Affected:
    def text(name: str) -> str | None:
        return str(item[name]["S"]) if name in item else None

    def number(name: str) -> float:
        return float(item[name]["N"]) if name in item else 0.0

    return Affected(
        id=item["id"]["S"],
        status=Status(item["status"]["S"]),
        created_at=number("created_at"),
        priority=text("priority") or "normal",
        category=text("category"),
        template=text("template"),
        campaign=text("campaign"),
        person=text("person"),
        writes=int(number("rev")),
        turns=int(number("turn")),
        resends=int(number("resends")),
        failed_at=number("failed_at") or None,
        tried=text("tried") or "",
        moves=tuple(
            Move(int(at) / 1000, Status(status), str(next(iter(note.values()))))
            for (at, _, status), note in (
                (key.partition("_"), note) for key, note in item.get("trail", {}).get("M", {}).items()
            )
        ),
    )


def _row(item: Mapping[str, Any]) -> Row:
    values: dict[str, Any] = {}
    for name in Row.__slots__:
        if name not in item:
            continue
        if name == "trail":
            values[name] = {
                key: str(next(iter(value.values()))) for key, value in item[name].get("M", {}).items()
            }
        elif name in ("rev", "turn", "attempt", "resends", "code"):
            values[name] = int(float(item[name]["N"]))
        elif name in _NUMBERS:
            values[name] = float(item[name]["N"])
        else:
            values[name] = item[name]["S"]
    values["status"] = Status(values["status"])
    return Row(**values)
