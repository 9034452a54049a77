"""Campaigns in the ``control`` table: one item each (pk ``campaign``), and its lines in compressed items of
a hundred (pk ``campaign#ID``), so that nothing of a campaign waits on a queue before its time."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of, unavailable
from lifeline.domain.campaign.campaign import COUNTERS, Campaign, CampaignState
from lifeline.errors import ConflictError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS: Final = 90 * 86_400.0
"""After its last line is due, a campaign's lines and counters are kept so long."""
CACHE_SECONDS: Final = 3.0
CACHED: Final = 200
_PK: Final = "campaign"


class Campaigns:
    """Raises :class:`UnavailableError` without DynamoDB, :class:`ConflictError` for a lost race."""

    def __init__(self, client: DynamoDBClient, table: str, clock: Callable[[], float]) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._seen: dict[str, tuple[float, str]] = {}

    def create(self, campaign: Campaign) -> None:
        """Keep a new campaign. Raises :class:`ConflictError` where the id is known."""
        item: dict[str, Any] = {
            **_key(_PK, campaign.id),
            "state": {"S": str(campaign.state)},
            "template": {"S": campaign.template},
            "total": {"N": str(campaign.total)},
            "start": {"N": f"{campaign.start:.3f}"},
            "over": {"N": f"{campaign.over:.3f}"},
            "released": {"N": "0"},
            "created_at": {"N": f"{campaign.created_at:.3f}"},
            "actor": {"S": campaign.actor},
            "expires_ttl": {"N": str(int(campaign.start + campaign.over + KEPT_SECONDS))},
        }
        self._call(
            "put_item", "keeping a campaign", Item=item, ConditionExpression="attribute_not_exists(pk)"
        )

    def get(self, name: str) -> Campaign | None:
        """One campaign, strongly consistent."""
        answer = self._call("get_item", "reading a campaign", Key=_key(_PK, name), ConsistentRead=True)
        return _campaign(answer["Item"]) if "Item" in answer else None

    def all(self) -> list[Campaign]:
        """Every campaign that is kept."""
        return [_campaign(item) for item in self._query(_PK)]

    def state(self, name: str) -> str:
        """The state, at most three seconds old; empty where the label is no campaign of ours.

        While DynamoDB cannot be read, the last known state holds, as with flags.
        """
        now = self._clock()
        seen = self._seen.get(name)
        if seen is None or now - seen[0] >= CACHE_SECONDS:
            try:
                campaign = self.get(name)
            except UnavailableError:
                if seen is None:
                    raise
                return seen[1]
            if len(self._seen) >= CACHED:
                self._seen.clear()
            seen = self._seen[name] = (now, str(campaign.state) if campaign else "")
        return seen[1]

    def move(self, campaign: Campaign, to: CampaignState, start: float, paused_at: float | None) -> None:
        """Change the state, only if it is still as read.

        A paused campaign is kept without end: its messages wait in a lane that only it names.
        """
        values: dict[str, Any] = {
            ":t": {"S": str(to)},
            ":f": {"S": str(campaign.state)},
            ":s": {"N": f"{start:.3f}"},
        }
        expression = "SET #s = :t, #b = :s"
        if paused_at is None:
            kept = int(max(start + campaign.over, self._clock()) + KEPT_SECONDS)
            values[":e"] = {"N": str(kept)}
            expression += ", #e = :e REMOVE #p"
        else:
            expression += ", #p = :p REMOVE #e"
            values[":p"] = {"N": f"{paused_at:.3f}"}
        self._call(
            "update_item",
            "changing a campaign",
            Key=_key(_PK, campaign.id),
            UpdateExpression=expression,
            ConditionExpression="#s = :f",
            ExpressionAttributeNames={"#s": "state", "#b": "start", "#p": "paused_at", "#e": "expires_ttl"},
            ExpressionAttributeValues=values,
        )
        self._seen.pop(campaign.id, None)

    def advance(self, campaign: Campaign, released: int) -> None:
        """Note how many lines have left, only if nobody else did."""
        self._call(
            "update_item",
            "noting what a campaign released",
            Key=_key(_PK, campaign.id),
            UpdateExpression="SET #r = :n",
            ConditionExpression="#r = :o",
            ExpressionAttributeNames={"#r": "released"},
            ExpressionAttributeValues={":n": {"N": str(released)}, ":o": {"N": str(campaign.released)}},
        )

    def count(self, name: str, counts: Mapping[str, int]) -> None:
        """Add outcomes in one write. Raises :class:`ConflictError` where the campaign is no longer kept."""
        names = {f"#{key}": f"n_{key}" for key in counts}
        values = {f":{key}": {"N": str(number)} for key, number in counts.items()}
        self._call(
            "update_item",
            "counting a campaign's outcomes",
            Key=_key(_PK, name),
            UpdateExpression="ADD " + ", ".join(f"#{key} :{key}" for key in counts),
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )

    def put_chunk(self, name: str, index: int, bodies: Sequence[str], until: float) -> None:
        """Store lines; the same chunk again replaces itself."""
        self._call(
            "put_item",
            "storing a campaign's lines",
            Item={
                **_key(f"{_PK}#{name}", f"{index:06d}"),
                "z": {"B": _packed(bodies)},
                "n": {"N": str(len(bodies))},
                "expires_ttl": {"N": str(int(until + KEPT_SECONDS))},
            },
        )

    def chunk(self, name: str, index: int) -> list[str]:
        """Stored lines; empty where there is no such chunk."""
        answer = self._call(
            "get_item",
            "reading a campaign's lines",
            Key=_key(f"{_PK}#{name}", f"{index:06d}"),
            ConsistentRead=True,
        )
        return _unpacked(answer["Item"]) if "Item" in answer else []

    def chunks_of(self, name: str) -> list[int]:
        """The numbers of the items that hold its lines."""
        return [int(item["sk"]["S"]) for item in self._query(f"{_PK}#{name}", "sk")]

    def blank(self, name: str, index: int, whose: Callable[[str], bool]) -> list[int]:
        """Empty those stored lines of which ``whose`` is true; the places of these in their item.

        Raises :class:`ConflictError` where somebody stored other lines meanwhile.
        """
        key = _key(f"{_PK}#{name}", f"{index:06d}")
        answer = self._call("get_item", "reading a campaign's lines", Key=key, ConsistentRead=True)
        bodies = _unpacked(answer["Item"]) if "Item" in answer else []
        places = [place for place, body in enumerate(bodies) if body and whose(body)]
        if places:
            after = ["" if place in places else body for place, body in enumerate(bodies)]
            self._call(
                "update_item",
                "blanking lines of a campaign",
                Key=key,
                UpdateExpression="SET #z = :a",
                ConditionExpression="#z = :b",
                ExpressionAttributeNames={"#z": "z"},
                ExpressionAttributeValues={":a": {"B": _packed(after)}, ":b": answer["Item"]["z"]},
            )
        return places

    def stored(self, name: str) -> int:
        """How many lines are stored."""
        return sum(int(item["n"]["N"]) for item in self._query(f"{_PK}#{name}", "sk, n"))

    def _query(self, pk: str, projection: str = "") -> list[dict[str, Any]]:
        arguments: dict[str, Any] = {
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": pk}},
            "ConsistentRead": True,
        }
        if projection:
            arguments["ProjectionExpression"] = projection
        items: list[dict[str, Any]] = []
        while True:
            answer = self._call("query", "reading campaigns", **arguments)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return items
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _call(self, operation: str, doing: str, **arguments: Any) -> dict[str, Any]:
        try:
            return dict(getattr(self._client, operation)(TableName=self._table, **arguments))
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ConditionalCheckFailedException":
                raise ConflictError("the campaign was changed by somebody else meanwhile") from error
            raise unavailable("DynamoDB", doing, error) from error


def _packed(bodies: Sequence[str]) -> bytes:
    return zlib.compress(json.dumps(list(bodies)).encode())


def _unpacked(item: Mapping[str, Any]) -> list[str]:
    return [str(body) for body in json.loads(zlib.decompress(bytes(item["z"]["B"])))]


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _campaign(item: Mapping[str, Any]) -> Campaign:
    return Campaign(
        id=item["sk"]["S"],
        state=CampaignState(item["state"]["S"]),
        template=item["template"]["S"],
        total=int(item["total"]["N"]),
        start=float(item["start"]["N"]),
        over=float(item["over"]["N"]),
        released=int(item["released"]["N"]),
        paused_at=float(item["paused_at"]["N"]) if "paused_at" in item else None,
        created_at=float(item["created_at"]["N"]),
        actor=item["actor"]["S"],
        counts={name: int(item[f"n_{name}"]["N"]) for name in COUNTERS if f"n_{name}" in item},
    )
