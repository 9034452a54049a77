"""The ``control`` table: panic flags, their history, settings, outcome windows, limiter, probe slots.

Flags, history and settings are PynamoDB models: few writes, read by people. The window and the limiter are
written once per batch by every worker, so they are single ``UpdateItem`` calls on one item each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, overload

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import BooleanAttribute, JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException, TransactWriteError
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from lifeline.adapters.aws import code_of, unavailable
from lifeline.domain.failure.causes import WINDOW_CAUSES, Cause
from lifeline.domain.panic.detection import Bucket, Window
from lifeline.domain.panic.flag import Change, Event, Flag, Kind, State
from lifeline.errors import ConflictError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_FLAG: Final = "flag"
_HISTORY: Final = "history"
_SETTING: Final = "setting"
_TTL_SLACK: Final = 86_400.0
HISTORY_DAYS: Final = 400
"""How long history is kept: incident reviews look back a year."""


class _Meta:
    table_name = "unbound"
    region = "us-east-1"
    connect_timeout_seconds = 2.0
    read_timeout_seconds = 5.0
    max_retry_attempts = 3


class FlagItem(Model):
    """One scope's flag."""

    class Meta(_Meta):
        pass

    pk = UnicodeAttribute(hash_key=True, default=_FLAG)
    scope = UnicodeAttribute(range_key=True, attr_name="sk")
    state = UnicodeAttribute()
    cause = UnicodeAttribute(default="")
    reason = UnicodeAttribute(default="")
    actor = UnicodeAttribute(default="")
    source = UnicodeAttribute(default="")
    since = NumberAttribute(default=0)
    incident_id = UnicodeAttribute(default="")
    version = NumberAttribute()
    successes = NumberAttribute(default=0)
    hold = BooleanAttribute(default=False)
    until = NumberAttribute(null=True)
    earliest_recovery = NumberAttribute(default=0)
    shadow = BooleanAttribute(default=False)
    recovering_since = NumberAttribute(null=True)
    left_panic_at = NumberAttribute(default=0)
    would_enter_at = NumberAttribute(null=True)
    trips = NumberAttribute(default=0)
    settle_until = NumberAttribute(null=True)
    evidence = JSONAttribute(default=dict)


class EventItem(Model):
    """One entry of the audit trail: who, what, why, when, on what evidence."""

    class Meta(_Meta):
        pass

    pk = UnicodeAttribute(hash_key=True, default=_HISTORY)
    key = UnicodeAttribute(range_key=True, attr_name="sk")
    kind = UnicodeAttribute()
    scope = UnicodeAttribute()
    incident_id = UnicodeAttribute(default="")
    version = NumberAttribute()
    at = NumberAttribute()
    actor = UnicodeAttribute(default="")
    source = UnicodeAttribute(default="")
    cause = UnicodeAttribute(default="")
    reason = UnicodeAttribute(default="")
    evidence = JSONAttribute(default=dict)
    expires_ttl = NumberAttribute()


class SettingItem(Model):
    """One value that an operator or a function set, with who and when."""

    class Meta(_Meta):
        pass

    pk = UnicodeAttribute(hash_key=True, default=_SETTING)
    name = UnicodeAttribute(range_key=True, attr_name="sk")
    value = UnicodeAttribute()
    actor = UnicodeAttribute(default="")
    reason = UnicodeAttribute(default="")
    at = NumberAttribute(default=0)
    version = NumberAttribute(default=0)


_FIELDS: Final = tuple(Flag.__slots__)


@dataclass(frozen=True, slots=True)
class Setting:
    """A stored value: any JSON, with who set it and when (epoch seconds). ``version`` 0: never set."""

    value: Any
    actor: str = ""
    reason: str = ""
    at: float = 0.0
    version: int = 0


class Control:
    """Reads and writes of the control table.

    Raises :class:`UnavailableError` when DynamoDB does not answer and :class:`ConflictError` when a
    conditional write lost.
    """

    def __init__(self, client: DynamoDBClient, table: str, region: str) -> None:
        self._client = client
        self._table = table
        for model in (FlagItem, EventItem, SettingItem):
            model.Meta.table_name = table
            model.Meta.region = region
        self._connection = Connection(
            region=region, connect_timeout_seconds=2.0, read_timeout_seconds=5.0, max_retry_attempts=3
        )

    # -- flags and history ---------------------------------------------------------------------------

    def flags(self) -> dict[str, Flag]:
        """All flags that were ever written, by scope, in one strongly consistent query."""
        try:
            return {item.scope: _flag(item) for item in FlagItem.query(_FLAG, consistent_read=True)}
        except PynamoDBException as error:
            raise unavailable("DynamoDB", "reading the panic flags", error) from error

    def flag(self, scope: str) -> Flag:
        """One scope's flag, strongly consistent; a scope never written is ``normal``."""
        try:
            return _flag(FlagItem.get(_FLAG, scope, consistent_read=True))
        except FlagItem.DoesNotExist:
            return Flag.normal(scope)
        except PynamoDBException as error:
            raise unavailable("DynamoDB", "reading a panic flag", error) from error

    def write(self, change: Change, read_version: int) -> None:
        """Write a flag and its event together, only if the flag is still at ``read_version``.

        Of two writers (worker, alarm, operator, prober) one wins; the other gets
        :class:`ConflictError`, reads again and decides anew. So one outage leaves one incident.
        """
        item = FlagItem(
            pk=_FLAG,
            **{name: getattr(change.flag, name) for name in _FIELDS if name not in ("state", "evidence")},
            state=str(change.flag.state),
            evidence=dict(change.flag.evidence),
        )
        condition = FlagItem.scope.does_not_exist() if read_version == 0 else FlagItem.version == read_version
        try:
            with TransactWrite(connection=self._connection) as transaction:
                transaction.save(item, condition=condition)
                transaction.save(_event_item(change.event))
        except TransactWriteError as error:
            codes = [reason.code for reason in error.cancellation_reasons if reason]
            if "ConditionalCheckFailed" in codes or "TransactionConflict" in codes:
                raise ConflictError(f"{change.flag.scope} was changed by somebody else meanwhile") from error
            code = code_of(error)
            raise UnavailableError(
                "DynamoDB", "writing a panic flag", ", ".join([code, *map(str, codes)]), code
            ) from error
        except PynamoDBException as error:
            raise unavailable("DynamoDB", "writing a panic flag", error) from error

    def append(self, event: Event) -> None:
        """Add an event to the history without changing a flag."""
        try:
            _event_item(event).save()
        except PynamoDBException as error:
            raise unavailable("DynamoDB", "writing history", error) from error

    def history(
        self, scope: str | None = None, since: float = 0.0, incident_id: str | None = None, limit: int = 100
    ) -> list[Event]:
        """Events, newest first: of one scope or all, since an instant, of one incident."""
        condition = None
        if scope:
            condition = EventItem.scope == scope
        if incident_id:
            same = EventItem.incident_id == incident_id
            condition = same if condition is None else condition & same
        found: list[Event] = []
        try:
            items = EventItem.query(
                _HISTORY,
                EventItem.key >= f"{int(since * 1000):015d}",
                filter_condition=condition,
                scan_index_forward=False,
            )
            for item in items:
                found.append(_event(item))
                if len(found) >= limit:
                    break
        except PynamoDBException as error:
            raise unavailable("DynamoDB", "reading history", error) from error
        return found

    # -- settings ------------------------------------------------------------------------------------

    def setting(self, name: str) -> Setting:
        """One stored value; ``Setting(None)`` where never set."""
        try:
            return _setting(SettingItem.get(_SETTING, name, consistent_read=True))
        except SettingItem.DoesNotExist:
            return Setting(None)
        except PynamoDBException as error:
            raise unavailable("DynamoDB", "reading a setting", error) from error

    def settings(self, prefix: str = "") -> dict[str, Setting]:
        """All stored values whose name starts with ``prefix``."""
        condition = SettingItem.name.startswith(prefix) if prefix else None
        try:
            return {
                item.name: _setting(item)
                for item in SettingItem.query(_SETTING, condition, consistent_read=True)
            }
        except PynamoDBException as error:
            raise unavailable("DynamoDB", "reading settings", error) from error

    def put_setting(
        self, name: str, value: Any, *, actor: str, reason: str, now: float, read_version: int | None = None
    ) -> None:
        """Store a value; with ``read_version`` only if nobody changed it since (:class:`ConflictError`)."""
        condition = None
        if read_version is not None:
            condition = (
                SettingItem.name.does_not_exist()
                if read_version == 0
                else SettingItem.version == read_version
            )
        item = SettingItem(
            pk=_SETTING,
            name=name,
            value=json.dumps(value, separators=(",", ":")),
            actor=actor,
            reason=reason,
            at=now,
            version=(read_version or 0) + 1,
        )
        try:
            item.save(condition=condition)
        except PynamoDBException as error:
            if code_of(error) == "ConditionalCheckFailedException":
                raise ConflictError(f"setting {name} was changed by somebody else meanwhile") from error
            raise unavailable("DynamoDB", "saving a setting", error) from error

    # -- hot items -----------------------------------------------------------------------------------

    def record_outcomes(
        self,
        scope: str,
        bucket: int,
        ok: int,
        failed: Mapping[str, int],
        consecutive_unreachable: int,
        stale: Sequence[int] = (),
    ) -> Window:
        """Add one batch's outcomes to the shared window in one write, and get the whole window back.

        ``bucket`` is the bucket's start (epoch seconds). ``consecutive_unreachable`` counts the failures
        to reach Meta since the batch's last answer; with any answer in the batch it replaces the
        shared count, otherwise it is added. ``stale`` buckets are dropped by the same write.
        """
        answered = ok + sum(count for cause, count in failed.items() if cause != Cause.UNREACHABLE)
        adds = {f"b{bucket}_ok": ok, **{f"b{bucket}_{cause}": count for cause, count in failed.items()}}
        adds = {name: count for name, count in adds.items() if count}
        names: dict[str, str] = {"#c": "consecutive"}
        values: dict[str, Any] = {":c": {"N": str(consecutive_unreachable)}}
        parts: list[str] = []
        for index, (name, count) in enumerate(adds.items()):
            names[f"#a{index}"] = name
            values[f":a{index}"] = {"N": str(count)}
            parts.append(f"#a{index} :a{index}")
        expression = ""
        if answered:
            expression = "SET #c = :c"
        else:
            parts.append("#c :c")
        if parts:
            expression += " ADD " + ", ".join(parts)
        if stale:
            doomed: list[str] = []
            for start in stale:
                for suffix in ("ok", *sorted(WINDOW_CAUSES)):
                    key = f"#r{len(doomed)}"
                    names[key] = f"b{start}_{suffix}"
                    doomed.append(key)
            expression += " REMOVE " + ", ".join(doomed)
        answer = self._update("window", scope, expression.strip(), names, values, "recording outcomes")
        return _window(answer)

    def clear_window(self, scope: str) -> None:
        """Start the window anew: failures of an outage that is over must not trip a second time."""
        try:
            self._client.delete_item(TableName=self._table, Key={"pk": {"S": "window"}, "sk": {"S": scope}})
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "clearing the outcome window", error) from error

    def window(self, scope: str) -> Window:
        """The shared window as it is now."""
        return _window(self._get("window", scope))

    @overload
    def reserve(self, lane: str, tokens: int, interval: float, burst: int, now: float) -> float: ...

    @overload
    def reserve(
        self, lane: str, tokens: int, interval: float, burst: int, now: float, ahead: float
    ) -> float | None: ...

    def reserve(
        self, lane: str, tokens: int, interval: float, burst: int, now: float, ahead: float | None = None
    ) -> float | None:
        """Move the limiter's theoretical arrival time by ``tokens`` and return its new value (epoch s).

        GCRA in one conditional write: ``tat = max(tat, now - burst * interval) + tokens * interval``.
        DynamoDB has no ``max``, so the busy case (an old ``tat`` after the floor) is a plain ADD, and only
        an idle limiter costs a second write.

        With ``ahead`` it reserves nothing, and returns ``None``, where the limiter is booked further than so
        many seconds ahead of ``now``.
        """
        floor = now - burst * interval
        step = tokens * interval
        values = {":s": {"N": f"{step:.6f}"}, ":f": {"N": f"{floor:.6f}"}}
        condition = "#t >= :f"
        if ahead is not None:
            values[":a"] = {"N": f"{now + ahead:.6f}"}
            condition += " AND #t <= :a"
        for _ in range(4):
            try:
                answer = self._update(
                    "limiter",
                    lane,
                    "ADD #t :s",
                    {"#t": "tat"},
                    values,
                    "reserving send tokens",
                    condition=condition,
                )
                return float(answer["tat"]["N"])
            except _LostError as lost:
                booked = float(lost.item["tat"]["N"]) if "tat" in lost.item else floor
                if ahead is not None and booked > now + ahead:
                    return None
            try:
                answer = self._update(
                    "limiter",
                    lane,
                    "SET #t = :n",
                    {"#t": "tat"},
                    {":n": {"N": f"{floor + step:.6f}"}, ":f": {"N": f"{floor:.6f}"}},
                    "reserving send tokens",
                    condition="attribute_not_exists(#t) OR #t < :f",
                )
                return float(answer["tat"]["N"])
            except ConflictError:
                continue
        raise UnavailableError("DynamoDB", "reserving send tokens", "lost four races in a row")

    def limiter(self, lane: str) -> float | None:
        """The limiter's theoretical arrival time (epoch seconds), or None where nothing was ever sent."""
        item = self._get("limiter", lane)
        return float(item["tat"]["N"]) if "tat" in item else None

    def claim_slot(self, scope: str, slot: int) -> bool:
        """Claim a probe slot: True for the first asker, False for a duplicate or an older slot."""
        try:
            self._update(
                "probe",
                scope,
                "SET #s = :s",
                {"#s": "slot"},
                {":s": {"N": str(slot)}},
                "claiming a probe slot",
                condition="attribute_not_exists(#s) OR #s < :s",
            )
        except ConflictError:
            return False
        return True

    def advance(self, name: str, upto: float, seen: float | None) -> bool:
        """Claim a stretch of time for a planner: move ``name``'s mark from ``seen`` to ``upto``, once."""
        values: dict[str, Any] = {":u": {"N": f"{upto:.3f}"}}
        condition = "attribute_not_exists(#u)"
        if seen is not None:
            condition = "#u = :s"
            values[":s"] = {"N": f"{seen:.3f}"}
        try:
            self._update(
                "plan", name, "SET #u = :u", {"#u": "upto"}, values, "claiming a plan", condition=condition
            )
        except ConflictError:
            return False
        return True

    def mark(self, name: str) -> float | None:
        """A planner's mark (epoch seconds), see :meth:`advance`."""
        item = self._get("plan", name)
        return float(item["upto"]["N"]) if "upto" in item else None

    def count(self, minute: int, counts: Mapping[str, int], retention: float = 30 * 86_400.0) -> None:
        """Add to the counters of one minute (``minute``: epoch seconds of its start), in one write."""
        counts = {name: count for name, count in counts.items() if count}
        if not counts:
            return
        names = {f"#a{index}": name for index, name in enumerate(counts)}
        values: dict[str, Any] = {f":a{index}": {"N": str(c)} for index, c in enumerate(counts.values())}
        adds = ", ".join(f"#a{index} :a{index}" for index in range(len(counts)))
        names["#ttl"] = "expires_ttl"
        values[":ttl"] = {"N": str(int(minute + retention + _TTL_SLACK))}
        self._update(
            "stats", f"{minute:012d}", f"SET #ttl = :ttl ADD {adds}", names, values, "counting outcomes"
        )

    def counts(self, since: float, until: float) -> dict[int, dict[str, int]]:
        """Counters by minute between two instants (epoch seconds)."""
        found: dict[int, dict[str, int]] = {}
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :p AND sk BETWEEN :a AND :b",
            "ExpressionAttributeValues": {
                ":p": {"S": "stats"},
                ":a": {"S": f"{int(since) // 60 * 60:012d}"},
                ":b": {"S": f"{int(until):012d}"},
            },
        }
        try:
            while True:
                answer = self._client.query(**arguments)
                for item in answer["Items"]:
                    found[int(item["sk"]["S"])] = {
                        name: int(float(value["N"]))
                        for name, value in item.items()
                        if name not in ("pk", "sk", "expires_ttl")
                    }
                if "LastEvaluatedKey" not in answer:
                    return found
                arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "reading counters", error) from error

    def _get(self, pk: str, sk: str) -> dict[str, Any]:
        try:
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", f"reading {pk}", error) from error
        return dict(answer.get("Item", {}))

    def _update(
        self,
        pk: str,
        sk: str,
        expression: str,
        names: Mapping[str, str],
        values: Mapping[str, Any],
        doing: str,
        condition: str | None = None,
    ) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"pk": {"S": pk}, "sk": {"S": sk}},
            "UpdateExpression": expression,
            "ExpressionAttributeNames": dict(names),
            "ExpressionAttributeValues": dict(values),
            "ReturnValues": "ALL_NEW",
        }
        if condition:
            arguments["ConditionExpression"] = condition
            arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        try:
            return dict(self._client.update_item(**arguments)["Attributes"])
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ConditionalCheckFailedException":
                answer: Any = error.response if isinstance(error, ClientError) else {}
                raise _LostError(
                    f"{pk} {sk} was changed by somebody else meanwhile", answer.get("Item", {})
                ) from error
            raise unavailable("DynamoDB", doing, error) from error


class _LostError(ConflictError):
    """A condition did not hold; ``item``: what DynamoDB found instead."""

    def __init__(self, text: str, item: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.item = item


def _window(item: Mapping[str, Any]) -> Window:
    buckets: dict[int, dict[str, int]] = {}
    for name, value in item.items():
        if not name.startswith("b") or "_" not in name:
            continue
        start, _, cause = name[1:].partition("_")
        buckets.setdefault(int(start), {})[cause] = int(float(value["N"]))
    return Window(
        buckets=tuple(
            Bucket(start=start, ok=counts.pop("ok", 0), failed=counts)
            for start, counts in sorted(buckets.items())
        ),
        consecutive_unreachable=int(float(item.get("consecutive", {}).get("N", "0"))),
    )


def _flag(item: FlagItem) -> Flag:
    values = {name: getattr(item, name) for name in _FIELDS}
    values["state"] = State(values["state"])
    for name in ("version", "successes", "trips"):
        values[name] = int(values[name])
    for name in (
        "since",
        "earliest_recovery",
        "until",
        "recovering_since",
        "left_panic_at",
        "would_enter_at",
        "settle_until",
    ):
        values[name] = None if values[name] is None else float(values[name])
    values["evidence"] = values["evidence"] or {}
    return Flag(**values)


def _event_item(event: Event) -> EventItem:
    return EventItem(
        pk=_HISTORY,
        key=f"{int(event.at * 1000):015d}#{event.scope}#{event.version}#{event.kind}",
        kind=str(event.kind),
        scope=event.scope,
        incident_id=event.incident_id,
        version=event.version,
        at=event.at,
        actor=event.actor,
        source=event.source,
        cause=str(event.cause),
        reason=event.reason,
        evidence=dict(event.evidence),
        expires_ttl=int(event.at + HISTORY_DAYS * 86_400),
    )


def _event(item: EventItem) -> Event:
    return Event(
        kind=Kind(item.kind),
        scope=item.scope,
        incident_id=item.incident_id,
        version=int(item.version),
        at=float(item.at),
        actor=item.actor,
        source=item.source,
        cause=item.cause,
        reason=item.reason,
        evidence=item.evidence or {},
    )


def _setting(item: SettingItem) -> Setting:
    return Setting(
        value=json.loads(item.value),
        actor=item.actor,
        reason=item.reason,
        at=float(item.at or 0),
        version=int(item.version or 0),
    )
