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
from lifeline.contract.interactive import INTERACTIVE
from lifeline.contract.kinds import TYPES
from lifeline.contract.messages import MAX_BODY_BYTES, MAX_DEPTH, ContractError, Message, parse_message
from lifeline.contract.outcomes import OUTCOMES, OutcomeEvent, parse_outcome
from lifeline.contract.templates import TEMPLATE
from lifeline.domain.message.row import Row
from lifeline.domain.message.status import Status
from lifeline.settings import NEEDS, Limiter, Sending
from lifeline.use_cases.shared.publish import filters

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
    *_, shown = blocks("json")
    assert parse_outcome(shown).status == "DELIVERED"


def test_the_messages_of_further_kinds_keep_the_contract() -> None:
    offer, question = (parse_message(shown) for shown in blocks("json")[:2])
    assert offer.template is not None
    assert (offer.template.names, len(offer.template.buttons)) == (("name", "percent"), 2)
    assert (question.type, question.content["type"]) == ("interactive", "button")


def test_each_kind_has_its_line() -> None:
    told = {
        word
        for line in re.findall(r"^\| (`[a-z_`, ]+) \|", DOCUMENT, re.MULTILINE)
        for word in line.split("`")
    }
    branches = INTERACTIVE["oneOf"]
    assert {*TYPES, *TEMPLATE["properties"]} - {"name", "language"} <= told
    assert {branch["properties"]["type"]["const"] for branch in branches} <= told


def test_the_message_to_a_person_without_a_number_keeps_the_contract() -> None:
    (shown,) = [block for block in blocks("json") if '{"bsuid"' in block]
    message = parse_message(shown)
    assert (message.to, message.recipient.bsuid) == (None, "US.13491208655302741918")


def test_the_message_in_several_languages_keeps_the_contract() -> None:
    (shown,) = [block for block in blocks("json") if '"translations"' in block]
    assert set(parse_message(shown).translations) == {"de", "pt_BR"}


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
    assert "does not escape" in DOCUMENT


# -- outcomes ---------------------------------------------------------------------------------------------


def subscription() -> dict[str, Any]:
    properties: dict[str, Any] = configured()["OutcomesSubscription"]["Properties"]
    return properties


def test_the_subscription_is_one_that_aws_takes() -> None:
    properties = subscription()
    attributes = {"FilterPolicy": json.dumps(properties["FilterPolicy"]), "RawMessageDelivery": "true"}
    asked = {"TopicArn": ARN, "Protocol": properties["Protocol"], "Endpoint": ARN, "Attributes": attributes}
    assert faults("sns", "Subscribe", asked) == ""
    assert properties["RawMessageDelivery"] is True


def test_only_this_topic_may_put_something_on_the_subscribers_queue() -> None:
    policy = configured()["OutcomesQueuePolicy"]["Properties"]["PolicyDocument"]
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Allow", {"Service": "sns.amazonaws.com"})
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] == subscription()["TopicArn"]


def test_the_filter_asks_for_attributes_and_statuses_that_there_are() -> None:
    row = Row("a", category="appointment", campaign="spring", status=Status("PUSHED"))
    event = OutcomeEvent(event_id="a#1", status="PUSHED", time=0.0, via="push")
    assert set(subscription()["FilterPolicy"]) <= set(filters(row, event))
    assert set(subscription()["FilterPolicy"]["status"]) <= set(OUTCOMES)


def test_each_outcome_stands_in_the_table() -> None:
    table = DOCUMENT.split("## Outcomes")[1].split("Each event has")[0]
    assert {status for status in OUTCOMES if f"`{status}`" not in table} == set()


def test_there_is_no_topic_where_producers_are_not_told() -> None:
    template = source()
    assert template["Conditions"]["TellsProducers"] == {"Fn::Equals": [{"Ref": "TellProducers"}, "yes"]}
    for name in ("OutcomesTopic", "OutcomesTopicPolicy"):
        assert template["Resources"][name]["Condition"] == "TellsProducers"
    assert template["Outputs"]["OutcomesTopicArn"]["Condition"] == "TellsProducers"
    given = {
        json.dumps(item["Properties"]["Environment"]["Variables"]["OUTCOMES_TOPIC_ARN"])
        for item in template["Resources"].values()
        if "OUTCOMES_TOPIC_ARN" in item.get("Properties", {}).get("Environment", {}).get("Variables", {})
    }
    (one,) = map(json.loads, given)
    assert one == {"Fn::If": ["TellsProducers", {"Ref": "OutcomesTopic"}, {"Ref": "AWS::NoValue"}]}


def test_whoever_writes_rows_knows_whether_producers_are_told() -> None:
    for folder, needs in NEEDS.items():
        if {"MESSAGES_TABLE", "WAKE_QUEUE_URL"} <= set(needs) and folder != "operator_read":
            assert "OUTCOMES_TOPIC_ARN" in environment_of(folder), folder


def environment_of(folder: str) -> dict[str, Any]:
    (item,) = (
        item
        for item in source()["Resources"].values()
        if item["Type"] == "AWS::Serverless::Function"
        and item["Properties"]["CodeUri"].rstrip("/").endswith(f"functions/{folder}")
    )
    variables: dict[str, Any] = item["Properties"]["Environment"]["Variables"]
    return variables
