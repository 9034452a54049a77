"""What DynamoDB bills: item sizes and request units, by its rules (developer guide, "DynamoDB item sizes and
formats", "Read and write operations"). The local AWS does not reckon them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Item = Mapping[str, Any]

WRITE_BYTES: Final = 1024
"""Of one write unit."""
READ_BYTES: Final = 4096
"""Of one read unit; half a unit where the read is eventually consistent."""
STORED_OVERHEAD: Final = 100
"""Bytes that each stored item, and each entry of an index, is billed for besides its own."""


def value_size(value: Item) -> int:
    """Bytes of one value."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return math.ceil(len(content.replace(".", "").strip("0-")) / 2) + 1
        case "M":
            return 3 + sum(1 + len(name.encode()) + value_size(inner) for name, inner in content.items())
        case "L":
            return 3 + sum(1 + value_size(inner) for inner in content)
        case "SS" | "NS":
            return sum(len(text.encode()) for text in content)
        case "B":
            return len(content)
        case _:
            return 1


def item_size(item: Item) -> int:
    """Bytes of an item, without :data:`STORED_OVERHEAD`."""
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def write_units(*sizes: int) -> int:
    """Of one write: the larger of the states before and after counts; a refused write costs one at least."""
    return max(1, math.ceil(max(sizes, default=0) / WRITE_BYTES))


def read_units(size: int, consistent: bool) -> float:
    """Of one read of so many bytes."""
    units = max(1, math.ceil(size / READ_BYTES))
    return units if consistent else units / 2


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: its keys, and what it projects besides; ``None``: everything."""

    keys: tuple[str, ...]
    projected: frozenset[str] | None

    def entry(self, item: Item) -> Item:
        """The item as it stands in the index; empty where it does not."""
        if any(key not in item for key in self.keys):
            return {}
        if self.projected is None:
            return item
        return {name: value for name, value in item.items() if name in self.projected or name in self.keys}

    def units(self, before: Item, after: Item) -> int:
        """Of one write of the table: a key that changes is a delete and a put; nothing for no change."""
        old, new = self.entry(before), self.entry(after)
        if old == new:
            return 0
        if old and new and all(old[key] == new[key] for key in self.keys):
            return write_units(item_size(old), item_size(new))
        return sum(write_units(item_size(one)) for one in (old, new) if one)


def indexes(description: Mapping[str, Any]) -> list[Index]:
    """Of a table as ``DescribeTable`` tells it."""
    table_keys = frozenset(key["AttributeName"] for key in description["KeySchema"])
    found = []
    for index in description.get("GlobalSecondaryIndexes", []):
        projection = index["Projection"]
        listed = table_keys | frozenset(projection.get("NonKeyAttributes", []))
        found.append(
            Index(
                tuple(key["AttributeName"] for key in index["KeySchema"]),
                None if projection["ProjectionType"] == "ALL" else listed,
            )
        )
    return found


def stored_bytes(items: Iterable[Item], of: Iterable[Index]) -> int:
    """What the items are billed for while they are kept, indexes included."""
    listed = list(of)
    total = 0
    for item in items:
        total += item_size(item) + STORED_OVERHEAD
        total += sum(item_size(entry) + STORED_OVERHEAD for one in listed if (entry := one.entry(item)))
    return total
