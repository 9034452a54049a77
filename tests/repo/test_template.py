"""The template's house rules, on what CloudFormation gets after SAM's transform."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from lifeline.adapters.agenda import AGENDA_INDEX, PROJECTED
from lifeline.contract.names import ENTRY_QUEUES, QUEUES
from lifeline.settings import NEEDS, OPTIONAL
from lifeline.telemetry import METRICS, NAMESPACE

from tests.support.template import (
    ROOT,
    TEMPLATE,
    functions,
    logical_id,
    resources,
    source,
    strings,
    target,
    transformed,
)

SHARED = {"STAGE", "LOG_LEVEL", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "SETTINGS_JSON"}
"""What every function gets; powertools and the wiring read those that ``settings`` does not."""

WITHOUT_RESOURCE = {
    "cloudwatch:DescribeAlarms": "a search by prefix is authorised on all alarms",
    "cloudwatch:GetMetricData": "has no resource-level permission",
    "ses:GetAccount": "is of the whole account",
    "sns:GetEndpointAttributes": "SNS knows topics as resources, and nothing else",
    "ses:ListSuppressedDestinations": "is of the whole account",
}
"""Actions that may stand beside ``Resource: "*"``, with the reason."""

FOURTEEN_DAYS = 1_209_600

SHORT_LIVED = {
    "ProbeQueue": "a probe is worth something for its slot only",
    "WakeQueue": "the tick repeats each wake-up that is lost or late",
}
"""Queues that keep messages for less than SQS can, with the reason."""


def by_logical_id(name: str) -> dict[str, Any]:
    return dict(transformed()["Resources"][name]["Properties"])


def queues() -> dict[str, dict[str, Any]]:
    return resources("AWS::SQS::Queue")


def dead_letter(name: str) -> bool:
    return name.endswith("Dlq")


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every policy, with the logical id of its role or policy."""
    for name, role in resources("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            yield from ((name, item) for item in policy["PolicyDocument"]["Statement"])
    for name, policy in resources("AWS::IAM::ManagedPolicy").items():
        yield from ((name, item) for item in policy["PolicyDocument"]["Statement"])


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# -- functions ---------------------------------------------------------------------------------------------


def test_functions_and_folders_are_the_same_set() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert set(functions()) == folders
    assert set(resources("AWS::Lambda::Function")) == {logical_id(name) for name in folders}


@pytest.mark.parametrize("folder", sorted(functions()))
def test_a_function_is_one_file_in_a_folder_that_is_an_identifier(folder: str) -> None:
    assert folder.isidentifier()
    found = {path.name for path in (ROOT / "functions" / folder).iterdir() if path.name != "__pycache__"}
    assert found == {"app.py"}, "a requirements.txt costs a pip run, a second module needs two spellings"


@pytest.mark.parametrize("folder", sorted(functions()))
def test_a_function_logs_into_a_group_of_its_own_that_forgets(folder: str) -> None:
    function = by_logical_id(logical_id(folder))
    group = by_logical_id(str(target(function["LoggingConfig"]["LogGroup"])))
    assert group["RetentionInDays"]
    assert group["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/{function['FunctionName']['Fn::Sub']}"}


@pytest.mark.parametrize("folder", sorted(functions()))
def test_a_function_has_a_role_of_its_own_without_managed_policies(folder: str) -> None:
    roles = {name: target(item["Role"]) for name, item in resources("AWS::Lambda::Function").items()}
    mine = roles[logical_id(folder)]
    assert mine is not None
    assert list(roles.values()).count(mine) == 1
    assert not by_logical_id(mine).get("ManagedPolicyArns")


@pytest.mark.parametrize("folder", sorted(functions()))
def test_a_function_gets_the_variables_that_it_needs_and_no_others(folder: str) -> None:
    given = set(functions()[folder]["Environment"]["Variables"])
    needed = set(NEEDS[folder])
    assert given >= SHARED
    assert needed - given == set(), "settings.NEEDS asks for what the template does not give"
    assert given - needed - SHARED - set(OPTIONAL) == set(), "the template gives what settings do not read"


def test_settings_and_template_know_the_same_functions() -> None:
    assert set(NEEDS) == set(functions())


def test_every_optional_variable_is_read_as_a_field_of_settings() -> None:
    from dataclasses import fields

    from lifeline.settings import Settings

    known = {item.name.upper() for item in fields(Settings)} | {"AWS_REGION", "SETTINGS_JSON"}
    assert set(OPTIONAL) <= known
    assert {name for names in NEEDS.values() for name in names} <= known


# -- event sources -----------------------------------------------------------------------------------------


def mappings() -> dict[str, dict[str, Any]]:
    return resources("AWS::Lambda::EventSourceMapping")


def test_every_event_source_reports_parts_and_is_bounded() -> None:
    assert mappings()
    for name, item in mappings().items():
        assert item["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name
        assert item["ScalingConfig"]["MaximumConcurrency"], name


def test_an_entry_queue_hides_a_batch_for_twice_a_claims_lease() -> None:
    from lifeline.use_cases.deliver.decide import LEASE

    for name in ("CriticalQueue", "WhatsappQueue", "BulkQueue"):
        assert queues()[name]["VisibilityTimeout"] == 2 * LEASE, name
        assert queues()[name]["VisibilityTimeout"] > 2 * by_logical_id("SenderFunction")["Timeout"], name


def test_other_queues_hide_a_batch_for_six_times_their_functions_timeout() -> None:
    for name, item in mappings().items():
        if target(item["EventSourceArn"]) in ("CriticalQueue", "WhatsappQueue", "BulkQueue"):
            continue
        function = by_logical_id(str(target(item["FunctionName"])))
        queue = queues()[str(target(item["EventSourceArn"]))]
        window = int(item.get("MaximumBatchingWindowInSeconds", 0))
        # A wake-up that comes again while its worker runs finds the row claimed, and does nothing.
        times = 1 if target(item["EventSourceArn"]) == "WakeQueue" else 6
        assert queue["VisibilityTimeout"] >= times * function["Timeout"] + window, name


def test_the_sender_works_on_the_entry_queues_and_on_wake_ups_each_by_itself() -> None:
    queues_of = [
        str(target(item["EventSourceArn"]))
        for item in mappings().values()
        if target(item["FunctionName"]) == "SenderFunction"
    ]
    assert sorted(queues_of) == ["BulkQueue", "CriticalQueue", "WakeQueue", "WhatsappQueue"]


def test_a_critical_message_waits_for_no_batch_and_for_no_worker_of_others() -> None:
    (critical,) = [item for item in mappings().values() if target(item["EventSourceArn"]) == "CriticalQueue"]
    assert not critical.get("MaximumBatchingWindowInSeconds")
    assert critical["BatchSize"] <= 10, "AWS wants a batching window for more"
    assert critical["ScalingConfig"]["MaximumConcurrency"] == {"Ref": "SenderConcurrency"}
    assert source()["Parameters"]["SenderConcurrency"]["MinValue"] >= 2


def test_an_audit_trusts_sqs_for_as_long_as_a_record_is_hidden() -> None:
    from lifeline.use_cases.operate.audit import UNACKNOWLEDGED

    entry = ("CriticalQueue", "WhatsappQueue", "BulkQueue")
    assert max(queues()[name]["VisibilityTimeout"] for name in entry) == UNACKNOWLEDGED


def test_a_claim_outlives_the_sender() -> None:
    from lifeline.use_cases.deliver.decide import LEASE

    assert by_logical_id("SenderFunction")["Timeout"] < LEASE


# -- queues, tables, secret, layer -------------------------------------------------------------------------


def test_the_queues_are_those_of_the_contract_under_the_stacks_name() -> None:
    names = {item["QueueName"]["Fn::Sub"] for item in queues().values()}
    assert names == {"${AWS::StackName}-" + name for name in QUEUES}


def test_every_queue_is_encrypted_and_keeps_messages_as_long_as_it_can() -> None:
    for name, item in queues().items():
        assert item["SqsManagedSseEnabled"] is True, name
        if name not in SHORT_LIVED:
            assert item["MessageRetentionPeriod"] == FOURTEEN_DAYS, name


def test_a_wake_up_outlives_its_longest_delay() -> None:
    from lifeline.use_cases.wake import NEAR

    # What SQS forgets, it forgets by the time since it was sent, delay included.
    assert queues()["WakeQueue"]["MessageRetentionPeriod"] > 3 * NEAR


def test_every_queue_that_is_worked_on_has_a_dead_letter_queue_but_that_of_wake_ups() -> None:
    for name, item in queues().items():
        if dead_letter(name) or name == "WakeQueue":
            assert "RedrivePolicy" not in item
        else:
            assert dead_letter(str(target(item["RedrivePolicy"]["deadLetterTargetArn"]))), name


def test_a_missing_tick_and_what_is_overdue_raise_an_alarm() -> None:
    (overdue,) = [alarm for alarm in alarms().values() if alarm["AlarmName"]["Fn::Sub"].endswith("-overdue")]
    assert overdue["TreatMissingData"] == "breaching"
    assert (overdue["EvaluationPeriods"], overdue["Period"], overdue["Threshold"]) == (3, 60, 0)
    assert "lifeline audit" in overdue["AlarmDescription"]


def test_every_queue_has_an_alarm_on_what_matters_for_it() -> None:
    watched = {
        (str(target(dimension["Value"])), alarm["MetricName"])
        for alarm in alarms().values()
        if alarm.get("Namespace") == "AWS/SQS"
        for dimension in alarm["Dimensions"]
    }
    for name in queues():
        metric = (
            "ApproximateNumberOfMessagesVisible" if dead_letter(name) else "ApproximateAgeOfOldestMessage"
        )
        assert (name, metric) in watched


def senders_of(name: str) -> set[str]:
    """The roles that may send to a queue by their own policies."""
    return {
        role
        for role, item in statements()
        if "sqs:SendMessage" in listed(item["Action"])
        and name in {target(resource) for resource in listed(item["Resource"])}
    }


@pytest.mark.parametrize("name", ["WakeQueue", "VoiceQueue"])
def test_nobody_but_our_own_senders_may_put_anything_on_an_internal_queue(name: str) -> None:
    (policy,) = [
        item
        for item in resources("AWS::SQS::QueuePolicy").values()
        if [target(queue) for queue in item["Queues"]] == [name]
    ]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Deny",
        "*",
        "sqs:SendMessage",
    )
    assert target(statement["Resource"]) == name
    ours = {target(arn) for arn in statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]}
    assert ours == senders_of(name), "who may send by its own policy, and no other"


def test_producers_queues_have_no_policy_that_would_shut_producers_out() -> None:
    shut = {target(q) for item in resources("AWS::SQS::QueuePolicy").values() for q in item["Queues"]}
    entry = {
        name
        for name, item in queues().items()
        if item["QueueName"]["Fn::Sub"].removeprefix("${AWS::StackName}-") in ENTRY_QUEUES
    }
    assert len(entry) == len(ENTRY_QUEUES)
    assert not shut & entry


def indexes() -> dict[str, dict[str, Any]]:
    table = resources("AWS::DynamoDB::Table")["MessagesTable"]
    return {item["IndexName"]: item for item in table["GlobalSecondaryIndexes"]}


def test_the_agendas_index_holds_what_the_tick_reads() -> None:
    agenda = indexes()[AGENDA_INDEX]
    assert agenda["KeySchema"] == [
        {"AttributeName": "agenda", "KeyType": "HASH"},
        {"AttributeName": "agenda_at", "KeyType": "RANGE"},
    ]
    assert tuple(agenda["Projection"]["NonKeyAttributes"]) == PROJECTED


def test_an_index_that_is_deployed_stays_as_it_is() -> None:
    # Another projection is another index: CloudFormation makes or deletes one per update, so this one would
    # stop an update in place that adds the agenda.
    assert indexes()["incident"]["Projection"]["NonKeyAttributes"] == [
        *("status", "created_at", "priority", "category", "template", "campaign", "person", "rev", "turn"),
        *("resends", "failed_at", "tried", "trail"),
    ]
    assert set(indexes()) == {"incident", AGENDA_INDEX}


def test_tables_are_on_demand_encrypted_and_recoverable() -> None:
    tables = resources("AWS::DynamoDB::Table")
    assert set(tables) == {"ControlTable", "MessagesTable", "ContactsTable"}
    for name, item in tables.items():
        assert item["BillingMode"] == "PAY_PER_REQUEST", name
        assert item["SSESpecification"]["SSEEnabled"] is True, name
        assert item["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True, name
    for name in ("ControlTable", "MessagesTable"):
        assert tables[name]["TimeToLiveSpecification"] == {"AttributeName": "expires_ttl", "Enabled": True}


def test_what_holds_data_survives_a_mistake() -> None:
    for name, item in transformed()["Resources"].items():
        if item["Type"] in ("AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"):
            assert item["DeletionPolicy"].startswith("Retain"), name
            assert item["UpdateReplacePolicy"] == "Retain", name


def test_no_secret_passes_through_the_template() -> None:
    for item in resources("AWS::SecretsManager::Secret").values():
        assert "SecretString" not in item
    for name in source()["Parameters"]:
        assert not re.search("token|secret|password|apikey", name, re.IGNORECASE), name


def test_every_layer_is_built_from_its_requirements() -> None:
    layers = {
        name: item
        for name, item in source()["Resources"].items()
        if item["Type"] == "AWS::Serverless::LayerVersion"
    }
    assert layers
    for name, item in layers.items():
        assert item["Metadata"]["BuildMethod"] == {"Ref": "PythonRuntime"}, name
        folder = ROOT / item["Properties"]["ContentUri"]
        assert (folder / "requirements.txt").is_file()
        assert not (folder / "python").exists(), "BuildMethod adds the python folder"


# -- permissions -------------------------------------------------------------------------------------------


def test_every_statement_reads_as_a_sentence() -> None:
    for name, item in statements():
        assert re.fullmatch(r"([A-Z][a-z]*){2,}", item.get("Sid", "")), (name, item)
        assert item["Effect"] == "Allow"


def test_no_statement_is_wider_than_it_has_to_be() -> None:
    for name, item in statements():
        for action in listed(item["Action"]):
            assert "*" not in action, (name, action)
        if "*" in listed(item["Resource"]):
            assert set(listed(item["Action"])) <= set(WITHOUT_RESOURCE), (name, item["Sid"])


def test_every_excuse_is_still_needed() -> None:
    used = {
        action
        for _, item in statements()
        if "*" in listed(item["Resource"])
        for action in listed(item["Action"])
    }
    assert used == set(WITHOUT_RESOURCE)


def test_operators_may_invoke_one_function_and_find_it() -> None:
    allowed = {
        (action, str(item["Resource"]))
        for name, item in statements()
        if name == "OperatorAccessPolicy"
        for action in listed(item["Action"])
    }
    assert {action for action, _ in allowed} == {"lambda:InvokeFunction", "cloudformation:DescribeStacks"}
    assert ("lambda:InvokeFunction", str({"Fn::GetAtt": ["OperatorFunction", "Arn"]})) in allowed


# -- alarms and topics -------------------------------------------------------------------------------------


def alarms() -> dict[str, dict[str, Any]]:
    return resources("AWS::CloudWatch::Alarm")


def headings() -> set[str]:
    text = (ROOT / "docs" / "runbook.md").read_text()
    return {match.strip() for match in re.findall(r"^#{2,4} (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("name", sorted(alarms()))
def test_an_alarm_says_what_to_do_and_where_it_is_written(name: str) -> None:
    alarm = alarms()[name]
    text = " ".join(alarm["AlarmDescription"].split())
    named = re.search(r'docs/runbook\.md, section "([^"]+)"', text)
    assert named, text
    assert named[1] in headings(), f"the runbook has no section {named[1]!r}"
    assert alarm["AlarmActions"]
    assert alarm["TreatMissingData"]
    assert alarm["AlarmName"]["Fn::Sub"].startswith("${AWS::StackName}-")


@pytest.mark.parametrize("name", sorted(alarms()))
def test_an_alarm_watches_a_metric_that_the_code_emits(name: str) -> None:
    alarm = alarms()[name]
    if alarm.get("Namespace") != NAMESPACE:
        assert alarm["Namespace"].startswith("AWS/"), name
        return
    _, dimensions = METRICS[alarm["MetricName"]]
    assert {item["Name"] for item in alarm["Dimensions"]} == set(dimensions)


def test_the_public_alarms_are_there() -> None:
    names = {item["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-") for item in alarms().values()}
    assert {"whatsapp_panic_mode_active", "openai_voice_panic_mode_active"} <= names


def test_an_alarm_whose_name_is_a_trip_reaches_the_alarm_function_and_no_other_does() -> None:
    for name, alarm in alarms().items():
        trips = alarm["AlarmName"]["Fn::Sub"].startswith("${AWS::StackName}-trip-")
        reached = {target(action) for action in alarm["AlarmActions"]} & {"AlarmFunction", "TripTopic"}
        assert bool(reached) == trips, name


def test_topics_are_encrypted_except_where_cloudwatch_or_ses_writes() -> None:
    written = {
        target(action)
        for alarm in alarms().values()
        for action in (*alarm["AlarmActions"], *alarm.get("OKActions", []))
    }
    told = {
        target(item["EventDestination"]["SnsDestination"]["TopicARN"])
        for item in resources("AWS::SES::ConfigurationSetEventDestination").values()
    }
    for name, topic in resources("AWS::SNS::Topic").items():
        # CloudWatch and SES cannot publish to a topic under alias/aws/sns: it would reach nobody.
        assert ("KmsMasterKeyId" in topic) == (name not in written | told), name


# -- the text itself ---------------------------------------------------------------------------------------


def test_every_parameter_explains_itself() -> None:
    for name, item in source()["Parameters"].items():
        assert len(item["Description"]) > 15, name


def test_outputs_are_the_address_book() -> None:
    outputs = transformed()["Outputs"]
    by_kind = {
        "FunctionName": {logical_id(name).removesuffix("Function") for name in functions()},
        "TableName": {"Control", "Messages", "Contacts"},
        "TopicArn": {"Ops", "Inbound", "Trip", "Alarms", "Feedback"},
    }
    wanted = {f"{name}{kind}" for kind, names in by_kind.items() for name in names}
    wanted |= {name + "Url" for name in queues()} | {"SecretArn", "WebhookUrl", "WebhookApiId"}
    assert wanted <= set(outputs)
    for name, item in outputs.items():
        assert item["Description"], name


def test_every_reference_is_to_something_that_is_there() -> None:
    template = transformed()
    known = set(template["Resources"]) | set(template["Parameters"])
    for text in strings(template["Resources"]):
        for name in re.findall(r"\$\{(\w+)(?:\.\w+)?\}", text):
            assert name in known | {"Identity"}, text


def test_no_yaml_aliases() -> None:
    lines = TEMPLATE.read_text().splitlines()
    found = [line for line in lines if re.match(r"^\s*[\w-]+:\s+[&*]\w+", line)]
    assert not found, "CloudFormation does not take YAML aliases"
