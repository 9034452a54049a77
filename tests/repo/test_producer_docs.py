"""What docs/producers.md shows is what works: configurations of EventBridge, messages, the promises'
figures."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from lifeline.contract.messages import MAX_BODY_BYTES, MAX_DEPTH, ContractError, Message, parse_message
from lifeline.contract.outcomes import parse_outcome
from lifeline.settings import Limiter, Sending

from tests.support.producers import DOCUMENT, ITEM, blocks, configured
from tests.support.template import ROOT, resources, source

ARN = "arn:aws:sqs:eu-west-1:111122223333:x"


def plain(value: Any) -> Any:
    """Without CloudFormation's functions: each stands for some ARN."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
            return ARN
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def faults(service: str, operation: str, arguments: dict[str, Any]) -> str:
    """What AWS's own model of the call finds wrong."""
    model = ServiceModel(Loader().load_service_model(service, "service-2"))
    shape = model.operation_model(operation).input_shape
    assert shape
    return str(ParamValidator().validate(arguments, shape).generate_report())


def filled(template: str, values: dict[str, Any], variable: str) -> Message:
    """The message that a template makes. EventBridge fills values in as they are, and minifies."""
    return parse_message(re.sub(variable, lambda match: str(values[match[1]]), template))


def expected(message: Message) -> None:
    assert message.id == "clinic7:appointment:8812:booked"
    assert (message.to, message.type) == ("+4915112345678", "template")
    assert message.template is not None
    assert message.template.parameters == ("8812", "Monday")
    assert message.expires_at == datetime(2030, 3, 4, 8, tzinfo=UTC).timestamp()


# -- EventBridge ------------------------------------------------------------------------------------------


def pipe() -> dict[str, Any]:
    properties: dict[str, Any] = configured()["BookedPipe"]["Properties"]
    return properties


def test_the_pipe_is_one_that_aws_takes() -> None:
    assert configured()["BookedPipe"]["Type"] == "AWS::Pipes::Pipe"
    assert faults("pipes", "CreatePipe", {"Name": "booked", **plain(pipe())}) == ""


def test_the_pipe_makes_a_message_of_an_item() -> None:
    values = {f"dynamodb.NewImage.{name}.S": value for name, value in ITEM.items()}
    template = pipe()["TargetParameters"]["InputTemplate"]
    expected(filled(template, values, r"<\$\.([^>]+)>"))
    assert len(template.encode()) <= 8192, "EventBridge Pipes, InputTemplate"


def test_the_pipe_asks_for_every_attribute_that_it_uses() -> None:
    used = set(re.findall(r"<\$\.dynamodb\.NewImage\.(\w+)\.S>", pipe()["TargetParameters"]["InputTemplate"]))
    (one,) = pipe()["SourceParameters"]["FilterCriteria"]["Filters"]
    pattern = json.loads(one["Pattern"])
    image = pattern["dynamodb"]["NewImage"]
    assert {name for name, rule in image.items() if rule == {"S": [{"exists": True}]}} == used == set(ITEM)
    assert pattern["eventName"] == ["INSERT"], "a changed item has the same id and other content"


def test_the_pipes_role_is_the_pipes_and_may_do_what_a_pipe_does() -> None:
    role = configured()["BookedPipeRole"]["Properties"]
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "pipes.amazonaws.com"}
    assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    allowed = {
        action
        for policy in role["Policies"]
        for item in policy["PolicyDocument"]["Statement"]
        for action in (item["Action"] if isinstance(item["Action"], list) else [item["Action"]])
    }
    assert allowed == {
        *(
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
        ),
        "sqs:SendMessage",
    }


def rule() -> dict[str, Any]:
    properties: dict[str, Any] = configured()["BookedRule"]["Properties"]
    return properties


def test_the_rule_is_one_that_aws_takes() -> None:
    written = plain(rule())
    targets = written.pop("Targets")
    pattern = json.dumps(written.pop("EventPattern"))
    assert faults("events", "PutRule", {**written, "EventPattern": pattern}) == ""
    assert faults("events", "PutTargets", {"Rule": written["Name"], "Targets": targets}) == ""


def test_the_rule_makes_a_message_of_an_event() -> None:
    (target,) = rule()["Targets"]
    assert "RoleArn" not in target, "EventBridge takes no role for a queue"
    paths = target["InputTransformer"]["InputPathsMap"]
    assert {path.removeprefix("$.detail.") for path in paths.values()} == set(ITEM)
    assert {name for name, asked in rule()["EventPattern"]["detail"].items() if asked} == set(ITEM)
    expected(filled(target["InputTransformer"]["InputTemplate"], ITEM, r"<(\w+)>"))


def test_the_rule_that_is_let_in_is_this_one() -> None:
    (named,) = re.findall(r"`ProducerRules=(\S+)`", DOCUMENT)
    pattern = source()["Parameters"]["ProducerRules"]["AllowedPattern"]
    assert re.search(pattern, named.replace("REGION", "eu-west-1").replace("ACCOUNT", "111122223333"))
    assert named.endswith(f"rule/{rule()['EventBusName']}/{rule()['Name']}")


# -- messages, outcomes, figures --------------------------------------------------------------------------


def test_the_command_lines_message_keeps_the_contract() -> None:
    bodies = [
        match for block in blocks("bash") for match in re.findall(r"--message-body '(.*?)'", block, re.DOTALL)
    ]
    assert [parse_message(body).id for body in bodies] == ["shop3:order:991:shipped"]


def test_the_outcome_that_is_shown_is_one() -> None:
    (shown,) = blocks("json")
    assert parse_outcome(shown).status == "DELIVERED"


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", DOCUMENT):
        assert (ROOT / "docs" / link).exists(), link
    anchors = {
        re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")
        for name in re.findall(r"^#+ (.+)$", DOCUMENT, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", DOCUMENT)) <= anchors


def promise(name: str) -> str:
    (row,) = re.findall(rf"^\| {name} \| (.*) \|$", DOCUMENT, re.MULTILINE)
    return str(row)


def test_the_promises_are_what_the_settings_and_the_template_say() -> None:
    rates, kept = Limiter(), Sending()
    assert f"{rates.rate:.0f} messages a second" in promise("rate out")
    assert (rates.bulk_share, rates.critical_share) == (0.5, 0.1), "half, a tenth"
    assert f"{kept.retention_days} days" in promise("how long an id is remembered")
    assert f"{MAX_BODY_BYTES // 1024} KiB" in promise("size")
    assert f"{MAX_DEPTH} levels" in promise("size")
    days = resources("AWS::SQS::Queue")["WhatsappQueue"]["MessageRetentionPeriod"] // 86_400
    assert f"{days} days" in promise("rate in")


@pytest.mark.parametrize("bad", [{"phone": ""}, {"day": 'Monday "early"'}, {"day": "Mon\nday"}])
def test_what_a_template_cannot_carry_breaks_the_contract(bad: dict[str, str]) -> None:
    values = {f"dynamodb.NewImage.{name}.S": value for name, value in (ITEM | bad).items()}
    with pytest.raises(ContractError):
        filled(pipe()["TargetParameters"]["InputTemplate"], values, r"<\$\.([^>]+)>")


def test_no_template_fills_in_what_people_wrote() -> None:
    """EventBridge escapes nothing: such a text could add fields, and of two ``to`` the second counts."""
    assert set(ITEM) == {"number", "phone", "day", "starts_at"}
    values = {f"dynamodb.NewImage.{name}.S": value for name, value in ITEM.items()}
    values["dynamodb.NewImage.day.S"] = 'Monday.", "to": "+4915199999999'
    template = '{"id": "a", "type": "text", "to": "+4915112345678", "text": "<$.dynamodb.NewImage.day.S>"}'
    assert filled(template, values, r"<\$\.([^>]+)>").to == "+4915199999999", "why the document warns of it"
    assert "escapes nothing" in DOCUMENT
