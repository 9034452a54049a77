"""Calls of AWS that take several things at once: filled in order, and repeated until all keys are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import unavailable
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

KEYS_PER_CALL: Final = 100
"""BatchGetItem's limit (DynamoDB API reference)."""
READS: Final = 10
"""Calls until DynamoDB has given all keys of one part: it may leave some for the next."""


def calls_of(weighed: Iterable[tuple[T, int]], entries: int, size: int) -> Iterator[list[T]]:
    """Things, each with its bytes, in calls of at most ``entries`` things and ``size`` bytes, in their order.
    What is larger alone goes alone.
    """
    call: list[T] = []
    held = 0
    for thing, weight in weighed:
        if call and (len(call) == entries or held + weight > size):
            yield call
            call, held = [], 0
        call.append(thing)
        held += weight
    if call:
        yield call


def items_of(
    client: DynamoDBClient,
    table: str,
    attribute: str,
    keys: Iterable[str],
    doing: str,
    *,
    consistent: bool = False,
) -> list[Mapping[str, Any]]:
    """The items whose ``attribute`` (a text, the whole key) is one of ``keys``; an unknown one is absent.

    ``doing``: what for, in errors. Raises :class:`UnavailableError`.
    """
    items: list[Mapping[str, Any]] = []
    wanted = sorted(set(keys))
    for start in range(0, len(wanted), KEYS_PER_CALL):
        part: dict[str, Any] = {
            "Keys": [{attribute: {"S": key}} for key in wanted[start : start + KEYS_PER_CALL]]
        }
        if consistent:
            part["ConsistentRead"] = True
        left: Any = {table: part}
        for _ in range(READS):
            try:
                answer = client.batch_get_item(RequestItems=left)
            except (ClientError, BotoCoreError) as error:
                raise unavailable("DynamoDB", doing, error) from error
            items += answer["Responses"].get(table, ())
            left = answer.get("UnprocessedKeys")
            if not left:
                break
        else:
            raise UnavailableError("DynamoDB", doing, f"some keys were not read in {READS} calls")
    return items
