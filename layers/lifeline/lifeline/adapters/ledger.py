"""The ledger: the ``messages`` table, one row per accepted message.

Hot path: batched PartiQL (``BatchExecuteStatement``: 25 conditional statements a call, each with its own
result) instead of a call per message; ``benchmarks/`` has the figures. Optimistic locking: every write
raises ``rev`` and is conditional on the ``rev`` that was read, so a row moves only by a decision that was
taken on its current state, and of two writers one loses and looks again.

A write that is refused on a row that bears its mark was carried out before: its answer was lost, the SDK
repeated it, or it landed after its error. So a write without an answer is settled by writing it again, which
also fences the one that may still be on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters import row_items
from lifeline.adapters.affected import IncidentRows
from lifeline.adapters.aws import code_of, unavailable
from lifeline.domain.incident.facts import Affected
from lifeline.domain.message.content import UNDELIVERED
from lifeline.domain.message.row import Change, Fate, Row, Written
from lifeline.domain.message.status import OPEN
from lifeline.domain.message.telling import marked
from lifeline.domain.shards import NARROW, Spread
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

STATEMENTS_PER_CALL: Final = 25
"""BatchExecuteStatement's limit (DynamoDB API reference)."""
MAX_KEY_BYTES: Final = 2048
KEYS_PER_CALL: Final = 100
"""BatchGetItem's limit (DynamoDB API reference)."""
SEGMENTS: Final = 16
SCAN_SEGMENTS: Final = 64
"""Parts in which the whole table is read, small enough that each fits into an invocation's time."""
SCAN_MARGIN: Final = 10.0
"""Seconds of an invocation that are kept while the table is read."""
SAMPLE_PAGES: Final = 48
SAMPLE_LIMIT: Final = 500
"""A sample reads at most 24,000 rows, about 3,000 read units: a twentieth of a US cent."""
TRIES: Final = 4
"""Calls for what DynamoDB throttled; the SDK's own retries are inside each call."""
SILENT_TRIES: Final = 2
"""Calls that got no answer at all, after which the outcome is unknown. The SDK tries each three times and
waits five seconds for every answer: 30 s, which leaves a worker time to end in good order."""
PAUSE: Final = 0.05
"""Seconds; doubled with each call, with full jitter."""

_PASSING: Final = frozenset(
    {
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "InternalServerError",
        "TransactionConflict",
    }
)
"""Errors of single statements after which trying again may help."""
_DUPLICATE: Final = "DuplicateItem"
_CONDITION: Final = "ConditionalCheckFailed"

_OPEN_VALUES: Final = {f":{status}": {"S": str(status)} for status in sorted(OPEN)}

PERSON_INDEX: Final = "person"
"""Global secondary index on ``person``, of keys alone: one write unit more for each message."""
PERSON_PAGE: Final = 500
PART_PAGE: Final = 2_000


class Ledger:
    """Reads and moves rows. Reads raise :class:`UnavailableError` when DynamoDB does not answer.

    ``new_op`` gives a mark that no other write has; ``pause`` waits so many seconds; ``jitter`` draws from
    [0, 1). ``outcomes``: producers are told of them, so rows bear the marks of those to tell
    (``telling.py``). ``spread``: into how many keys of the indexes rows are written.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        retention_seconds: float,
        pause: Callable[[float], None],
        jitter: Callable[[], float],
        new_op: Callable[[], str],
        workers: int = 4,
        outcomes: bool = False,
        spread: Spread = NARROW,
    ) -> None:
        self._client = client
        self._table = table
        self._retention = retention_seconds
        self._pause = pause
        self._jitter = jitter
        self._new_op = new_op
        self._outcomes = outcomes
        self._spread = spread
        self._incident_rows = IncidentRows(client, table)
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="ledger")

    def write(self, changes: Sequence[Change], now: float) -> list[Written]:
        """Carry out changes, inserts and updates mixed; one :class:`Written` for each, in order.

        Never raises for DynamoDB: what got no answer is ``UNKNOWN``, and concerns those changes alone.
        """
        if self._outcomes:
            changes = [marked(change, now) for change in changes]
        results: list[Written] = [Written(Fate.UNKNOWN)] * len(changes)
        ops = [""] * len(changes)
        for part in each_id_once(changes):
            op = self._new_op()  # a row knows its own marks only, so other rows may bear the same
            rows = {index: row_items.written(changes[index], op, now) for index in part}
            ops = [op if index in rows else one for index, one in enumerate(ops)]
            chunks = [
                [(index, self._statement(changes[index], rows[index], op, now)) for index in chunk]
                for chunk in _chunks(part, STATEMENTS_PER_CALL)
            ]
            # One call needs no other thread.
            carried = (
                map(self._carry_out, chunks) if len(chunks) == 1 else self._pool.map(self._carry_out, chunks)
            )
            for chunk, answers in zip(chunks, carried, strict=True):
                for (index, _), (code, item) in zip(chunk, answers, strict=True):
                    results[index] = _written(rows[index], op, code, item)
        return self._with_known_rows(changes, ops, results)

    def _statement(self, change: Change, row: Row, op: str, now: float) -> dict[str, Any]:
        if change.before.rev:
            return row_items.update(self._table, change, op, now, self._retention, self._spread)
        return row_items.insert(self._table, row, now, self._retention, self._spread)

    def _with_known_rows(
        self, changes: Sequence[Change], ops: Sequence[str], results: list[Written]
    ) -> list[Written]:
        """Look at the rows whose ids were known already: a refused insert does not bring the row along."""
        refused = [
            index
            for index, (change, result) in enumerate(zip(changes, results, strict=True))
            if result.fate is Fate.LOST and not change.before.rev
        ]
        if refused:
            try:
                rows = self.read(changes[index].after.id for index in refused)
            except UnavailableError:
                rows = None
            for index in refused:
                if rows is None:
                    results[index] = Written(Fate.UNKNOWN)
                else:
                    results[index] = _judged(ops[index], rows.get(changes[index].after.id))
        return results

    def _carry_out(self, chunk: Sequence[tuple[int, dict[str, Any]]]) -> list[tuple[str | None, Any]]:
        """One ``(error code or None, current item or None)`` per statement of one call, in order."""
        results: list[tuple[str | None, Any]] = [("NoAnswer", None)] * len(chunk)
        left = list(range(len(chunk)))
        silent = 0
        for round_ in range(TRIES):
            if round_:
                self._pause(self._jitter() * PAUSE * 2**round_)
            statements: Any = [chunk[place][1] for place in left]
            try:
                answers = self._client.batch_execute_statement(Statements=statements)["Responses"]
            except (ClientError, BotoCoreError) as error:
                if len(left) > 1 and _refused(error):
                    # One statement that DynamoDB will not even read must not take the others along.
                    for place in left:
                        results[place] = self._carry_out([chunk[place]])[0]
                    return results
                silent += 1
                if silent == SILENT_TRIES or _refused(error):
                    return results
                continue
            throttled = []
            for place, answer in zip(left, answers, strict=True):
                problem: Any = answer.get("Error")
                code = problem.get("Code", "unknown") if problem else None
                results[place] = (code, problem.get("Item") if problem else None)
                if code in _PASSING:
                    throttled.append(place)
            left = throttled
            if not left:
                break
        return results

    def read(self, ids: Iterable[str]) -> dict[str, Row]:
        """The rows of these ids as they stand now; an unknown id is absent from the answer.

        So is one that no key can hold: ids come from strangers too (a dead letter, a wake-up, a status), and
        DynamoDB refuses a whole call for one such key.
        """
        rows: dict[str, Row] = {}
        for chunk in _chunks(sorted(filter(_may_be_key, set(ids))), KEYS_PER_CALL):
            keys: Any = [{"id": {"S": name}} for name in chunk]
            for round_ in range(TRIES):
                try:
                    answer = self._client.batch_get_item(
                        RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}}
                    )
                except (ClientError, BotoCoreError) as error:
                    raise unavailable("DynamoDB", "reading the ledger", error) from error
                for item in answer.get("Responses", {}).get(self._table, []):
                    row = row_items.decode(item)
                    rows[row.id] = row
                left: Any = answer.get("UnprocessedKeys", {}).get(self._table) or {}
                keys = left.get("Keys", [])
                if not keys:
                    break
                self._pause(self._jitter() * PAUSE * 2**round_)
            else:
                raise UnavailableError("DynamoDB", "reading the ledger", "keys left unprocessed")
        return rows

    def affected(self, incident_id: str) -> Iterator[Affected]:
        """The rows of one incident, page by page: each costs what it weighs, and no other row is read.

        The index follows the table within about a second (it knows no consistent reads).
        """
        return self._incident_rows(incident_id)

    def ids_of(self, person: str, after: str | None) -> tuple[list[str], str | None]:
        """A page of ids of a person's rows (by digest), and the id after which to go on, ``None`` at the end.

        The index follows the table within about a second: an id may be missing yet, or another's by now.
        """
        key: Any = {"S": person}
        more: Any = {"ExclusiveStartKey": {"person": key, "id": {"S": after}}} if after else {}
        try:
            answer = self._client.query(
                TableName=self._table,
                IndexName=PERSON_INDEX,
                KeyConditionExpression="person = :p",
                ExpressionAttributeValues={":p": key},
                Limit=PERSON_PAGE,
                **more,
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "reading the rows of a person", error) from error
        last = answer.get("LastEvaluatedKey")
        return [item["id"]["S"] for item in answer["Items"]], last["id"]["S"] if last else None

    def with_content(
        self, part: int, after: str | None, before: Mapping[bool, float] | None = None
    ) -> tuple[list[Row], str | None]:
        """A page of one of :data:`SCAN_SEGMENTS` parts: rows with a body, and the id after which to go on.

        ``before``: only rows whose end (epoch seconds) lies before this; under ``True`` for those that Meta
        has and has not delivered, under ``False`` for all others.
        """
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "Segment": part,
            "TotalSegments": SCAN_SEGMENTS,
            "Limit": PART_PAGE,
            "FilterExpression": "attribute_exists(body)",
        }
        if before is not None:
            statuses = {f":{status}": {"S": str(status)} for status in sorted(UNDELIVERED)}
            undelivered = f"#s IN ({', '.join(statuses)})"
            arguments["FilterExpression"] += (
                f" AND ((expires_ttl < :u AND {undelivered}) OR (expires_ttl < :b AND NOT {undelivered}))"
            )
            arguments["ExpressionAttributeNames"] = {"#s": "status"}
            # Its time to live began to run with its end.
            arguments["ExpressionAttributeValues"] = {
                **statuses,
                ":u": {"N": f"{before[True] + self._retention:.0f}"},
                ":b": {"N": f"{before[False] + self._retention:.0f}"},
            }
        if after is not None:
            arguments["ExclusiveStartKey"] = {"id": {"S": after}}
        try:
            answer = self._client.scan(**arguments)
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "reading contents of the ledger", error) from error
        last = answer.get("LastEvaluatedKey")
        return [row_items.decode(item) for item in answer["Items"]], last["id"]["S"] if last else None

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
            matches = "priority = :p"
            if row_items.is_default("priority", priority):
                matches = f"(attribute_not_exists(priority) OR {matches})"
            wanted["FilterExpression"] += f" AND {matches}"
            wanted["ExpressionAttributeValues"][":p"] = {"S": priority}
        rows: dict[str, Row] = {}
        pages = 0
        for segment in segments:
            arguments: dict[str, Any] = {
                "TableName": self._table,
                "Segment": segment,
                "TotalSegments": SEGMENTS,
                "Limit": SAMPLE_LIMIT,
                **wanted,
            }
            while pages < SAMPLE_PAGES and len(rows) < want:
                try:
                    answer = self._client.scan(**arguments)
                except (ClientError, BotoCoreError) as error:
                    raise unavailable("DynamoDB", "sampling the ledger", error) from error
                pages += 1
                rows.update((row.id, row) for row in map(row_items.decode, answer["Items"]))
                if "LastEvaluatedKey" not in answer:
                    break
                arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return list(rows.values())[:want]

    def open_off_agenda(
        self, before: float, first: int, remaining: Callable[[], float]
    ) -> tuple[list[Row], int | None]:
        """Open rows off the agenda that nobody wrote since ``before`` (epoch seconds), by reading the table.

        Reads its :data:`SCAN_SEGMENTS` parts from ``first`` on while ``remaining`` seconds last; the second
        value says with which part to go on, ``None`` once all were read. Rows hold their ids and little more.
        Raises :class:`UnavailableError`.
        """
        rows: list[Row] = []
        for segment in range(first, SCAN_SEGMENTS):
            arguments: dict[str, Any] = {
                "TableName": self._table,
                "Segment": segment,
                "TotalSegments": SCAN_SEGMENTS,
                "FilterExpression": "attribute_not_exists(agenda) AND updated_at < :b "
                f"AND #s IN ({', '.join(_OPEN_VALUES)})",
                "ProjectionExpression": "id, #s, phase, rev, updated_at",
                "ExpressionAttributeNames": {"#s": "status"},
                "ExpressionAttributeValues": {":b": {"N": f"{before:.3f}"}, **_OPEN_VALUES},
            }
            mine: list[Row] = []
            while True:
                if remaining() < SCAN_MARGIN:
                    # A part that was not read to its end is read again from its beginning.
                    return rows, segment
                try:
                    answer = self._client.scan(**arguments)
                except (ClientError, BotoCoreError) as error:
                    raise unavailable("DynamoDB", "reading the whole ledger", error) from error
                mine += map(row_items.decode, answer["Items"])
                if "LastEvaluatedKey" not in answer:
                    break
                arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            rows += mine
        return rows, None


def _may_be_key(name: str) -> bool:
    """Whether a hash key can hold it (DynamoDB: 1 to 2,048 bytes of UTF-8)."""
    try:
        return 0 < len(name.encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:
        return False


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def each_id_once(changes: Sequence[Change]) -> list[list[int]]:
    """Places in ``changes``, in parts in which no id comes twice: statements of one call have no order."""
    parts: list[list[int]] = []
    seen: dict[str, int] = {}
    for index, change in enumerate(changes):
        part = seen[change.after.id] = seen.get(change.after.id, -1) + 1
        if part == len(parts):
            parts.append([])
        parts[part].append(index)
    return parts


def _refused(error: ClientError | BotoCoreError) -> bool:
    """Whether DynamoDB answered that it will not carry out the call; trying again changes nothing."""
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    passing = code_of(error) in (
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
    )
    return 400 <= status < 500 and not passing


def _written(row: Row, op: str, code: str | None, item: Any) -> Written:
    """What became of the write of ``row``, by DynamoDB's answer."""
    if code is None:
        return Written(Fate.DONE, row)
    if code == _CONDITION:
        return _judged(op, row_items.decode(item) if item else None)
    if code == _DUPLICATE:
        return Written(Fate.LOST)
    return Written(Fate.UNKNOWN)


def _judged(op: str, row: Row | None) -> Written:
    """What a refused write was: our own, carried out by an earlier try, or one that came second."""
    if row is None:
        return Written(Fate.LOST)
    return Written(Fate.DONE if op in row.ops else Fate.LOST, row)
