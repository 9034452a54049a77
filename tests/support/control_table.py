"""The control table's client in memory: the expressions that its adapter writes, and each write counted.

The adapter itself runs over it, so what is counted are its requests, as DynamoDB would bill them: one for
each item, whether its condition held or not.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

Item = dict[str, Any]
_CLAUSE: Final = re.compile(r"\b(SET|ADD|REMOVE)\b")
_COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "=": lambda a, b: a == b,
}


class ControlClient:
    """DynamoDB as far as ``adapters/control`` uses it. ``clock``: by whose seconds writes are counted."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.writes: Counter[tuple[int, str, str]] = Counter()
        """By second and key, refused ones as well."""
        self.requests: Counter[str] = Counter()
        self._clock = clock
        self._lock = threading.Lock()

    def get_item(self, **call: Any) -> dict[str, Any]:
        self.requests["GetItem"] += 1
        item = self.items.get(_place(call["Key"]))
        return {"Item": dict(item)} if item is not None else {}

    def put_item(self, **call: Any) -> dict[str, Any]:
        with self._lock:
            self.requests["PutItem"] += 1
            self._count(_place(call["Item"]))
            self.items[_place(call["Item"])] = dict(call["Item"])
        return {}

    def delete_item(self, **call: Any) -> dict[str, Any]:
        with self._lock:
            self.requests["DeleteItem"] += 1
            self._count(_place(call["Key"]))
            self.items.pop(_place(call["Key"]), None)
        return {}

    def update_item(self, **call: Any) -> dict[str, Any]:
        names, values = call["ExpressionAttributeNames"], call.get("ExpressionAttributeValues", {})
        place = _place(call["Key"])
        with self._lock:
            self.requests["UpdateItem"] += 1
            self._count(place)
            item = self.items.get(place, {})
            if not _holds(call.get("ConditionExpression", ""), item, names, values):
                raise ClientError(
                    {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": dict(item)},  # type: ignore[typeddict-unknown-key]
                    "UpdateItem",
                )
            item = _changed({**item, **call["Key"]}, call["UpdateExpression"], names, values)
            self.items[place] = item
        return {"Attributes": dict(item)}

    def transact_write_items(self, **call: Any) -> dict[str, Any]:
        """Without conditions."""
        for one in call["TransactItems"]:
            self.put_item(Item=one["Put"]["Item"])
        return {}

    def query(self, **call: Any) -> dict[str, Any]:
        self.requests["Query"] += 1
        values = call["ExpressionAttributeValues"]
        found = sorted((place, item) for place, item in self.items.items() if place[0] == values[":pk"]["S"])
        if "BETWEEN" in call["KeyConditionExpression"]:
            first, last = (values[name]["S"] for name in (":first", ":last"))
            found = [(place, item) for place, item in found if first <= place[1] <= last]
        return {"Items": [dict(item) for _, item in found]}

    def _count(self, place: tuple[str, str]) -> None:
        self.writes[(int(self._clock()), *place)] += 1


def busiest(client: ControlClient) -> dict[tuple[str, str], int]:
    """The most writes of each item in one second."""
    most: dict[tuple[str, str], int] = {}
    for (_, pk, sk), count in client.writes.items():
        most[pk, sk] = max(count, most.get((pk, sk), 0))
    return most


def _place(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _holds(condition: str, item: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> bool:
    """``A OR B``, ``A AND B`` of comparisons and ``attribute_not_exists``."""
    if not condition:
        return True
    if " OR " in condition:
        return any(_holds(part, item, names, values) for part in condition.split(" OR "))
    if " AND " in condition:
        return all(_holds(part, item, names, values) for part in condition.split(" AND "))
    if match := re.fullmatch(r"attribute_not_exists\((#\w+)\)", condition):
        return names[match[1]] not in item
    left, sign, right = condition.split()
    held = item.get(names[left])
    return held is not None and _COMPARED[sign](_scalar(held), _scalar(values[right]))


def _changed(item: Item, expression: str, names: Mapping[str, str], values: Mapping[str, Any]) -> Item:
    _, *parts = _CLAUSE.split(expression)
    for clause, text in zip(parts[::2], parts[1::2], strict=True):
        for one in text.split(","):
            name, *rest = one.replace("=", " ").split()
            attribute = names[name]
            if clause == "REMOVE":
                item.pop(attribute, None)
            elif clause == "ADD":
                total = _scalar(item.get(attribute, {"N": "0"})) + _scalar(values[rest[0]])
                item[attribute] = {"N": f"{total:.6f}".rstrip("0").rstrip(".")}
            elif rest[0].startswith("if_not_exists"):
                raise NotImplementedError(expression)
            else:
                item[attribute] = values[rest[0]]
    return item


def _scalar(value: Mapping[str, Any]) -> Any:
    return float(value["N"]) if "N" in value else next(iter(value.values()))
