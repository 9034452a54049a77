"""Who may send to the entry queues, and what they may not: the policies of the template on the local IAM."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from lifeline.contract.messages import parse_message

from local.stack import with_batch_names, without_tls
from tests.support.producers import ITEM, configured
from tests.support.stores import LocalAws
from tests.support.template import resources, source

ENTRY = ("CriticalQueue", "WhatsappQueue", "BulkQueue")
OTHERS = ("WakeQueue", "VoiceQueue", "WhatsappDlq")
HOME, ELSEWHERE, STRANGER = "000000000000", "111122223333", "444455556666"


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    running = LocalAws(tmp_path_factory.mktemp("access"))
    yield running
    running.stop()


def resolved(value: Any, parameters: dict[str, Any], arns: dict[str, str]) -> Any:
    """Intrinsics as CloudFormation would fill them in; what is switched off is left out."""
    if isinstance(value, list):
        every = [resolved(item, parameters, arns) for item in value]
        return [item for item in every if item is not None]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Fn::If": [condition, yes, no]}:
            return resolved(yes if holds(condition, parameters) else no, parameters, arns)
        case {"Ref": "AWS::NoValue"}:
            return None
        case {"Ref": name}:
            return parameters[name] if name in parameters else arns[name]
        case {"Fn::GetAtt": [name, "Arn"]}:
            return arns[name]
        case {"Fn::Sub": text}:
            return text.replace("${AWS::Region}", "eu-west-1").replace("${AWS::URLSuffix}", "amazonaws.com")
    return {name: resolved(item, parameters, arns) for name, item in value.items()}


def holds(condition: str, parameters: dict[str, Any]) -> bool:
    """``HasProducerAccounts`` and its like: whether the parameter of that name holds anything."""
    return bool(parameters[condition.removeprefix("Has")])


NOBODY: dict[str, Any] = {"ProducerAccounts": [], "ProducerOrganization": "", "ProducerRules": []}


def client(aws: LocalAws, service: str, keys: dict[str, str]) -> Any:
    """A client with these credentials."""
    return cast(Any, boto3).client(service, endpoint_url=aws.url, region_name="eu-west-1", **keys)


class Access:
    """The queues of a stack, the producers' policy, and clients with different rights."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.sqs = aws.client("sqs")
        self.urls = {
            name: self.sqs.create_queue(QueueName=f"shop-{name}")["QueueUrl"] for name in (*ENTRY, *OTHERS)
        }
        self.arns = {"DataKey": f"arn:aws:kms:eu-west-1:{HOME}:key/1"} | {
            name: f"arn:aws:sqs:eu-west-1:{HOME}:shop-{name}" for name in self.urls
        }

    def client(self, **keys: str) -> Any:
        return client(self.aws, "sqs", keys)

    def person(self, name: str, document: dict[str, Any]) -> Any:
        """A client of a new user with one managed policy."""
        iam = self.aws.client("iam")
        policy = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]
        iam.create_user(UserName=name)
        iam.attach_user_policy(UserName=name, PolicyArn=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return self.client(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    def let_in(self, **parameters: Any) -> None:
        """Deploy the queues' policy with these parameters."""
        values = NOBODY | parameters
        written = source()["Resources"]["EntryQueuePolicy"]["Properties"]
        document = without_tls(resolved(written["PolicyDocument"], values, self.arns))
        for statement in document["Statement"]:
            statement["Action"] = with_batch_names(statement["Action"])
        policy = json.dumps(document) if document["Statement"] else ""
        for name in ENTRY:
            self.sqs.set_queue_attributes(QueueUrl=self.urls[name], Attributes={"Policy": policy})


@pytest.fixture(scope="module")
def access(local_aws: LocalAws) -> Access:
    return Access(local_aws)


def may(call: Callable[..., Any], **arguments: Any) -> bool:
    try:
        call(**arguments)
    except ClientError as error:
        if "AccessDenied" not in error.response["Error"]["Code"]:
            raise
        return False
    return True


def sends(client: Any, url: str) -> bool:
    one = may(client.send_message, QueueUrl=url, MessageBody="{}")
    many = may(client.send_message_batch, QueueUrl=url, Entries=[{"Id": "0", "MessageBody": "{}"}])
    assert one == many
    return one


def test_the_managed_policy_lets_a_producer_send_and_nothing_else(access: Access) -> None:
    (policy,) = [
        item for name, item in resources("AWS::IAM::ManagedPolicy").items() if name == "ProducerPolicy"
    ]
    document = resolved(policy["PolicyDocument"], {}, access.arns)
    for statement in document["Statement"]:
        statement["Action"] = with_batch_names(statement["Action"])
    producer = access.person("producer", document)
    for name in ENTRY:
        url = access.urls[name]
        assert sends(producer, url), name
        assert producer.get_queue_url(QueueName=f"shop-{name}")["QueueUrl"] == url
        assert not may(producer.receive_message, QueueUrl=url)
        assert not may(producer.purge_queue, QueueUrl=url)
        assert not may(producer.set_queue_attributes, QueueUrl=url, Attributes={"DelaySeconds": "1"})
    for name in OTHERS:
        assert not sends(producer, access.urls[name]), name


def elsewhere(access: Access, account: str) -> Any:
    """A client of another account's root, whose own policies allow everything."""
    return access.client(aws_access_key_id=account, aws_secret_access_key="any")


def test_accounts_elsewhere_are_let_in_by_their_ids_only(access: Access) -> None:
    ours, strangers = elsewhere(access, ELSEWHERE), elsewhere(access, STRANGER)
    for name in ENTRY:
        assert not sends(ours, access.urls[name]), "off by default"
    access.let_in(ProducerAccounts=[ELSEWHERE])
    for name in ENTRY:
        url = access.urls[name]
        assert sends(ours, url)
        assert ours.get_queue_url(QueueName=f"shop-{name}", QueueOwnerAWSAccountId=HOME)["QueueUrl"] == url
        assert not may(ours.receive_message, QueueUrl=url)
        assert not may(ours.purge_queue, QueueUrl=url)
        assert not sends(strangers, url)
    for name in OTHERS:
        assert not sends(ours, access.urls[name])


def test_an_organisation_lets_in_all_of_its_accounts_and_no_other(access: Access) -> None:
    member = {"aws_access_key_id": "777788889999", "aws_secret_access_key": "any"}
    organizations = client(access.aws, "organizations", member)
    organization = organizations.describe_organization()["Organization"]["Id"]
    ours = access.client(**member)
    access.let_in()
    assert not sends(ours, access.urls["WhatsappQueue"])
    access.let_in(ProducerOrganization=organization)
    for name in ENTRY:
        assert sends(ours, access.urls[name])
        assert not may(ours.receive_message, QueueUrl=access.urls[name])
        assert not sends(elsewhere(access, STRANGER), access.urls[name])


def test_a_rule_on_an_event_bus_sends_what_the_document_shows(access: Access) -> None:
    url, arn = access.urls["BulkQueue"], access.arns["BulkQueue"]
    access.sqs.purge_queue(QueueUrl=url)
    written = configured()["BookedRule"]["Properties"]
    (target,) = written["Targets"]
    events = access.aws.client("events")
    events.create_event_bus(Name=written["EventBusName"])
    where = {"EventBusName": written["EventBusName"]}
    let_in = events.put_rule(Name=written["Name"], EventPattern=json.dumps(written["EventPattern"]), **where)
    access.let_in(ProducerRules=[let_in["RuleArn"]])
    sent = {"Id": "lifeline", "Arn": arn, "InputTransformer": target["InputTransformer"]}
    events.put_targets(Rule=written["Name"], Targets=[sent], **where)
    entry = {"Source": "clinic7.appointments", "DetailType": "booked", **where}
    lacking = {name: value for name, value in ITEM.items() if name != "phone"}
    answer = events.put_events(Entries=[entry | {"Detail": json.dumps(detail)} for detail in (ITEM, lacking)])
    assert answer["FailedEntryCount"] == 0
    listed = access.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]
    (message,) = [parse_message(item["Body"]) for item in listed]
    assert (message.id, message.to) == ("clinic7:appointment:8812:booked", ITEM["phone"])
    assert message.template is not None
    assert message.template.parameters == ("8812", "Monday")
