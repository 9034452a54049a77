"""The template's house rules, on what CloudFormation gets after SAM's transform."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from lifeline.adapters.agenda import AGENDA_INDEX, PROJECTED
from lifeline.adapters.ledger import PERSON_INDEX
from lifeline.contract.names import ENTRY_QUEUES, QUEUES
from lifeline.settings import NEEDS, OPTIONAL
from lifeline.telemetry import METRICS, NAMESPACE

from tests.support.template import (
    ROOT,
    TEMPLATE,
    chosen,
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
    "xray:PutTraceSegments": "X-Ray knows no resource for it",
    "xray:PutTelemetryRecords": "X-Ray knows no resource for it",
}
"""Actions that may stand beside ``Resource: "*"``, with the reason."""

FOURTEEN_DAYS = 1_209_600

NOTHING = {"Ref": "AWS::NoValue"}

SERVICES_SECRETS = {
    "sender": {"TOKEN", "PERSON"},
    "prober": {"APP", "TOKEN", "OPENAI"},
    "webhook": {"APP"},
    "voice": {"TOKEN", "OPENAI", "PERSON"},
    "token_keeper": {"APP", "TOKEN"},
    "operator": {"APP", "TOKEN", "PERSON"},
    "operator_read": {"APP", "TOKEN"},
}
"""Who works with which secret; the others read none."""

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
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for name, policy in resources(kind).items():
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
        # A wake-up that comes again while its worker runs finds the row claimed, and does nothing; a webhook
        # finds its rows settled.
        times = {"WakeQueue": 1, "WebhookQueue": 2}.get(str(target(item["EventSourceArn"])), 6)
        assert queue["VisibilityTimeout"] >= times * function["Timeout"] + window, name


def test_a_report_whose_worker_died_comes_again_within_a_messages_grace_time() -> None:
    from lifeline.settings import Sending
    from lifeline.use_cases.webhook.bodies import MARGIN
    from lifeline.use_cases.webhook.inbound import LEASE

    hidden = queues()["WebhookQueue"]["VisibilityTimeout"]
    (mapping,) = [item for item in mappings().values() if target(item["EventSourceArn"]) == "WebhookQueue"]
    function = by_logical_id("WebhookEventsFunction")
    assert mapping["MaximumBatchingWindowInSeconds"] == 1, "a person waits for two seconds at most"
    assert MARGIN < function["Timeout"] < LEASE < hidden < Sending().grace


def test_the_front_door_may_queue_and_read_its_secret_and_nothing_else() -> None:
    mine = [item for name, item in statements() if name == "WebhookRole"]
    actions = {action for item in mine for action in listed(item["Action"])}
    assert actions == {
        *("logs:CreateLogStream", "logs:PutLogEvents"),
        *("secretsmanager:GetSecretValue", "sqs:SendMessage"),
    }
    assert senders_of("WebhookQueue") == {"WebhookRole", "OperatorRole"}
    assert [target(item["Resource"]) for item in mine if item["Action"] == "sqs:SendMessage"] == [
        "WebhookQueue"
    ]


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
        assert item["SqsManagedSseEnabled"] == {"Fn::If": ["UsesKey", NOTHING, True]}, name
        assert item["KmsMasterKeyId"] == {"Fn::If": ["UsesKey", {"Ref": "DataKey"}, NOTHING]}, name
        if name not in SHORT_LIVED:
            assert item["MessageRetentionPeriod"] == FOURTEEN_DAYS, name


def test_a_wake_up_outlives_its_longest_delay() -> None:
    from lifeline.use_cases.shared.wake import NEAR

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


@pytest.mark.parametrize("name", ["WakeQueue", "VoiceQueue", "WebhookQueue"])
def test_nobody_but_our_own_senders_may_put_anything_on_an_internal_queue(name: str) -> None:
    (policy,) = [
        item
        for item in resources("AWS::SQS::QueuePolicy").values()
        if [target(queue) for queue in item["Queues"]] == [name]
    ]
    (statement,) = [item for item in policy["PolicyDocument"]["Statement"] if not only_tls(item)]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Deny",
        "*",
        "sqs:SendMessage",
    )
    assert target(statement["Resource"]) == name
    ours = {target(arn) for arn in statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]}
    assert ours == senders_of(name), "who may send by its own policy, and no other"


def only_tls(statement: dict[str, Any]) -> bool:
    """Whether a statement refuses what comes without TLS, and nothing else."""
    return (statement["Effect"], statement["Principal"], statement.get("Condition")) == (
        "Deny",
        "*",
        {"Bool": {"aws:SecureTransport": "false"}},
    )


def test_nothing_reaches_a_queue_or_a_topic_without_tls() -> None:
    for kind, policy, listing, action in (
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues", "sqs:*"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics", "sns:Publish"),
    ):
        policies = [
            (str(target(name)), item["PolicyDocument"]["Statement"])
            for item in resources(policy).values()
            for name in item[listing]
        ]
        assert sorted(name for name, _ in policies) == sorted(resources(kind)), "each has one policy"
        for name, found in policies:
            (tls,) = [item for item in found if "Fn::If" not in item and only_tls(item)]
            assert tls["Action"] == action
            assert tls["Resource"] == "*" or target(tls["Resource"]) == name


def entry_queues() -> set[str]:
    """Logical ids of the queues that producers send to."""
    found = {
        name
        for name, item in queues().items()
        if item["QueueName"]["Fn::Sub"].removeprefix("${AWS::StackName}-") in ENTRY_QUEUES
    }
    assert len(found) == len(ENTRY_QUEUES)
    return found


def test_a_producers_policy_lets_it_send_to_the_entry_queues_and_nothing_else() -> None:
    sends, encrypts = [item for name, item in statements() if name == "ProducerPolicy"]
    assert (sends["Effect"], encrypts["Effect"]) == ("Allow", "Allow")
    assert set(sends["Action"]) == {"sqs:SendMessage", "sqs:GetQueueUrl"}
    assert {target(resource) for resource in sends["Resource"]} == entry_queues()
    assert set(encrypts["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert target(encrypts["Resource"]) == "DataKey"
    assert list(encrypts["Condition"]["StringEquals"]) == ["kms:ViaService"]
    assert target(source()["Outputs"]["ProducerPolicyArn"]["Value"]) == "ProducerPolicy"


PRODUCERS_ELSEWHERE = ("ProducerAccounts", "ProducerOrganization", "ProducerRules")
"""Parameters that let producers in."""


def let_in(statements: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Statements of a resource's policy that a parameter switches on, by its name."""
    found = {}
    for item in statements:
        if "Fn::If" in item:
            condition, statement, otherwise = item["Fn::If"]
            name = condition.removeprefix("Has")
            assert name in strings(source()["Conditions"][condition])
            assert source()["Parameters"][name]["Default"] == "", "off by default"
            assert otherwise == NOTHING
            who = {"Principal": statement["Principal"], "Condition": statement.get("Condition")}
            assert name in strings(who), "who is let in is the parameter's word"
            assert statement["Effect"] == "Allow", "a denial would shut out the account's own producers"
            found[name] = statement
    return found


def test_the_entry_queues_let_in_producers_elsewhere_only_where_a_parameter_names_them() -> None:
    about_entry = {
        name
        for name, item in resources("AWS::SQS::QueuePolicy").items()
        if {target(queue) for queue in item["Queues"]} & entry_queues()
    }
    assert about_entry == {"EntryQueuePolicy"}, "a queue keeps one policy: the last that is set"
    written = source()["Resources"]["EntryQueuePolicy"]["Properties"]
    assert {target(queue) for queue in written["Queues"]} == entry_queues()
    tls, *others = written["PolicyDocument"]["Statement"]
    assert only_tls(tls)
    found = let_in(others)
    assert (*found,) == PRODUCERS_ELSEWHERE
    assert len(others) == len(found), "nobody else is let in, or shut out"
    for statement in found.values():
        assert set(listed(statement["Action"])) <= {"sqs:SendMessage", "sqs:GetQueueUrl"}


def test_producers_elsewhere_may_use_the_key_for_the_queues_only() -> None:
    policy = source()["Resources"]["DataKey"]["Properties"]["KeyPolicy"]["Statement"]
    found = let_in(policy)
    assert (*found,) == PRODUCERS_ELSEWHERE[:2]
    for statement in found.values():
        assert set(statement["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
        assert "kms:ViaService" in statement["Condition"]["StringEquals"]
    (services,) = [item for item in policy if item.get("Sid") == "ServicesWriteToTopicsAndQueues"]
    assert "events.amazonaws.com" in services["Principal"]["Service"]


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        ("ProducerAccounts", "111122223333", ["1111", "*", "arn:aws:iam::111122223333:root"]),
        ("ProducerOrganization", "o-a1b2c3d4e5", ["*", "a1b2c3d4e5"]),
        (
            "ProducerRules",
            "arn:aws:events:eu-west-1:111122223333:rule/shop/booked",
            ["*", "arn:aws:events:eu-west-1:111122223333:rule/*", "arn:aws:sqs:eu-west-1:111122223333:x"],
        ),
    ],
)
def test_nobody_lets_in_everybody_by_a_star(parameter: str, good: str, bad: list[str]) -> None:
    pattern = source()["Parameters"][parameter]["AllowedPattern"]
    assert re.search(pattern, good)
    assert re.search(pattern, "")
    assert not [text for text in bad if re.search(pattern, text)]


def indexes() -> dict[str, dict[str, Any]]:
    table = resources("AWS::DynamoDB::Table")["MessagesTable"]
    return {item["IndexName"]: item for item in chosen(table["GlobalSecondaryIndexes"])}


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
    assert set(indexes()) == {"incident", AGENDA_INDEX, PERSON_INDEX}
    table = resources("AWS::DynamoDB::Table")["MessagesTable"]
    left_out = [item["Fn::If"][0] for item in table["GlobalSecondaryIndexes"] if "Fn::If" in item]
    assert left_out == ["HasPersonIndex"], "the update from version 1 makes the agenda, and the next one this"


def test_the_index_of_people_is_written_once_for_a_message() -> None:
    person = indexes()[PERSON_INDEX]
    assert person["KeySchema"] == [{"AttributeName": "person", "KeyType": "HASH"}]
    assert person["Projection"] == {"ProjectionType": "KEYS_ONLY"}, "a move of the row writes nothing there"


def test_tables_are_on_demand_encrypted_and_recoverable() -> None:
    tables = resources("AWS::DynamoDB::Table")
    assert set(tables) == {"ControlTable", "MessagesTable", "ContactsTable"}
    for name, item in tables.items():
        assert item["BillingMode"] == "PAY_PER_REQUEST", name
        assert item["SSESpecification"] == {
            "SSEEnabled": True,
            "SSEType": {"Fn::If": ["UsesKey", "KMS", NOTHING]},
            "KMSMasterKeyId": {"Fn::If": ["UsesKey", {"Ref": "DataKey"}, NOTHING]},
        }, name
        assert item["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True, name
    for name in ("ControlTable", "MessagesTable"):
        assert tables[name]["TimeToLiveSpecification"] == {"AttributeName": "expires_ttl", "Enabled": True}


def test_what_holds_data_survives_a_mistake() -> None:
    kinds = ("AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::SQS::Queue", "AWS::KMS::Key")
    for name, item in transformed()["Resources"].items():
        if item["Type"] in kinds:
            if name in SHORT_LIVED:
                assert item["DeletionPolicy"] == item["UpdateReplacePolicy"] == "Delete"
                continue
            assert item["DeletionPolicy"].startswith("Retain"), name
            assert item["UpdateReplacePolicy"] == "Retain", name


def test_no_secret_passes_through_the_template() -> None:
    for item in resources("AWS::SecretsManager::Secret").values():
        assert "SecretString" not in item
    for name in source()["Parameters"]:
        assert not re.search("token|secret|password|apikey", name, re.IGNORECASE), name


@pytest.mark.parametrize("folder", sorted(functions()))
def test_a_function_reads_the_secrets_that_it_works_with_and_no_others(folder: str) -> None:
    wanted = SERVICES_SECRETS.get(folder, set())
    variables = functions()[folder]["Environment"]["Variables"]
    given = {name.removesuffix("_SECRET_ARN"): value for name, value in variables.items() if "SECRET" in name}
    assert set(given) == wanted
    role = target(by_logical_id(logical_id(folder))["Role"])
    read = {
        str(target(resource))
        for name, item in statements()
        if name == role and "secretsmanager:GetSecretValue" in listed(item["Action"])
        for resource in listed(item["Resource"])
    }
    assert read == {str(target(value)) for value in given.values()}


def test_only_the_token_keeper_writes_a_secret_and_only_the_tokens() -> None:
    writers = {
        (name, str(target(item["Resource"])))
        for name, item in statements()
        if any(action.startswith("secretsmanager:Put") for action in listed(item["Action"]))
    }
    assert writers == {("TokenKeeperRole", "WhatsappSecret")}


def test_everything_is_under_the_stacks_key_where_it_is_wanted() -> None:
    for kind, field in (
        ("AWS::SecretsManager::Secret", "KmsKeyId"),
        ("AWS::Logs::LogGroup", "KmsKeyId"),
        ("AWS::SQS::Queue", "KmsMasterKeyId"),
    ):
        assert resources(kind)
        for name, item in resources(kind).items():
            condition, key, otherwise = item[field]["Fn::If"]
            assert (condition, target(key), otherwise) == ("UsesKey", "DataKey", NOTHING), name
    users = {str(target(role)) for role in by_logical_id("KeyUse")["Roles"]}
    assert users == set(resources("AWS::IAM::Role")), "each role meets queues, tables, topics or secrets"


def test_mail_goes_out_from_our_address_only() -> None:
    (mail,) = [item for _, item in statements() if "ses:SendEmail" in listed(item["Action"])]
    assert mail["Condition"] == {"StringEquals": {"ses:FromAddress": {"Ref": "EmailFrom"}}}


# -- what is invoked asynchronously ------------------------------------------------------------------------


def asynchronous() -> set[str]:
    """The functions that SNS, schedules, alarms, or other functions without waiting, invoke."""
    told = {
        str(target(item["Endpoint"]))
        for item in resources("AWS::SNS::Subscription").values()
        if item["Protocol"] == "lambda"
    }
    timed = {str(target(item["Target"]["Arn"])) for item in resources("AWS::Scheduler::Schedule").values()}
    return told | timed | {"AlarmFunction", "DrainerFunction", "TokenKeeperFunction"}


def test_what_is_invoked_asynchronously_keeps_the_events_that_it_could_not_handle() -> None:
    kept = {
        str(target(item["FunctionName"])): item
        for item in resources("AWS::Lambda::EventInvokeConfig").values()
    }
    assert set(kept) == asynchronous()
    for name, item in kept.items():
        assert target(item["DestinationConfig"]["OnFailure"]["Destination"]) == "EventsDlq", name
        assert "MaximumRetryAttempts" in item
        assert item["MaximumEventAgeInSeconds"]
        assert str(target(by_logical_id(name)["Role"])) in senders_of("EventsDlq"), name
    for item in resources("AWS::SNS::Subscription").values():
        if item["Protocol"] == "lambda":
            assert target(item["RedrivePolicy"]["deadLetterTargetArn"]) == "EventsDlq"
    for item in resources("AWS::Scheduler::Schedule").values():
        assert target(item["Target"]["DeadLetterConfig"]["Arn"]) == "EventsDlq"
        assert str(target(item["Target"]["RoleArn"])) in senders_of("EventsDlq")


def test_topics_may_keep_what_no_function_took() -> None:
    (allow,) = [
        item
        for item in by_logical_id("EventsDlqPolicy")["PolicyDocument"]["Statement"]
        if item["Effect"] == "Allow"
    ]
    told = {
        target(item["TopicArn"])
        for item in resources("AWS::SNS::Subscription").values()
        if item["Protocol"] == "lambda"
    }
    assert {target(topic) for topic in allow["Condition"]["ArnEquals"]["aws:SourceArn"]} == told


# -- the front door ----------------------------------------------------------------------------------------


def test_each_route_has_tokens_of_its_own_and_every_request_is_logged() -> None:
    stage = by_logical_id("WebhookStage")
    routes = {item["RouteKey"] for item in resources("AWS::ApiGatewayV2::Route").values()}
    assert set(stage["RouteSettings"]) == routes
    assert "DefaultRouteSettings" not in stage
    limits = {key: item["ThrottlingRateLimit"] for key, item in stage["RouteSettings"].items()}
    assert limits["GET /webhook"] < limits["POST /webhook"]
    line = stage["AccessLogSettings"]["Format"]
    assert "\n" not in line, "API Gateway wants one line"
    assert not re.search(r"body|query|header", line, re.IGNORECASE), "the query holds the verify token"


def test_what_the_front_door_turns_away_is_counted_for_the_prober() -> None:
    from lifeline.adapters.metrics import DOOR

    (item,) = by_logical_id("WebhooksTurnedAway")["MetricTransformations"]
    assert (item["MetricNamespace"], item["MetricName"]) == DOOR
    (dimension,) = item["Dimensions"]
    assert dimension["Key"] == "api"
    assert '"api":"$context.apiId"' in by_logical_id("WebhookStage")["AccessLogSettings"]["Format"]


def test_a_domain_with_mutual_tls_leaves_no_way_around_it() -> None:
    assert by_logical_id("WebhookApi")["DisableExecuteApiEndpoint"] == {
        "Fn::If": ["HasWebhookDomain", True, False]
    }
    assert by_logical_id("WebhookDomain")["MutualTlsAuthentication"]["TruststoreUri"]


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
        if "*" in listed(item.get("Resource", item.get("NotResource"))):
            assert set(listed(item["Action"])) <= set(WITHOUT_RESOURCE), (name, item["Sid"])


def test_every_excuse_is_still_needed() -> None:
    used = {
        action
        for _, item in statements()
        if "*" in listed(item.get("Resource", item.get("NotResource")))
        for action in listed(item["Action"])
    }
    assert used == set(WITHOUT_RESOURCE)


@pytest.mark.parametrize(
    ("policy", "functions_"),
    [
        ("OperatorPolicy", ["OperatorFunction", "OperatorReadFunction"]),
        ("OperatorReadPolicy", ["OperatorReadFunction"]),
    ],
)
def test_operators_may_invoke_their_functions_and_find_them(policy: str, functions_: list[str]) -> None:
    allowed = {
        action: [target(resource) for resource in listed(item["Resource"])]
        for name, item in statements()
        if name == policy
        for action in listed(item["Action"])
    }
    assert set(allowed) == {"lambda:InvokeFunction", "cloudformation:DescribeStacks"}
    assert allowed["lambda:InvokeFunction"] == functions_


READS: Final = re.compile(
    r"(dynamodb|sqs|sns|ses|cloudwatch|secretsmanager):(BatchGet|Get|Query|Scan|List|Describe)"
)
"""Actions by which nothing changes: sqs:ReceiveMessage is none, since it hides messages from others."""


def test_the_role_that_only_reads_can_write_nothing_but_its_log() -> None:
    mine = [item for name, item in statements() if name == "OperatorReadRole"]
    (log,) = [item for item in mine if item["Sid"] == "WriteItsLog"]
    assert target(log["Resource"]) == "OperatorReadLogs"
    others = {action for item in mine if item is not log for action in listed(item["Action"])}
    assert len(others) > 10
    assert [action for action in sorted(others) if not READS.match(action)] == []


def test_reading_operators_may_read_what_full_ones_may() -> None:
    def reads(role: str) -> set[tuple[str, str]]:
        return {
            (action, str(resource))
            for name, item in statements()
            if name == role
            for action in listed(item["Action"])
            for resource in listed(item["Resource"])
            if READS.match(action)
        }

    only_full = dict(reads("OperatorRole") - reads("OperatorReadRole"))
    assert only_full == {
        "secretsmanager:GetSecretValue": "{'Fn::GetAtt': ['PersonSecret', 'Id']}",
        "dynamodb:Query": "{'Fn::Sub': '${MessagesTable.Arn}/index/person'}",
    }, "a person's data are shown by the full function alone"
    assert reads("OperatorReadRole") <= reads("OperatorRole")


def test_the_operator_sees_every_queue_and_takes_from_every_dead_letter_queue() -> None:
    def reach(action: str) -> set[str]:
        return {
            str(target(resource))
            for name, item in statements()
            if name == "OperatorRole" and action in listed(item["Action"])
            for resource in listed(item["Resource"])
        }

    assert reach("sqs:GetQueueAttributes") == set(queues())
    letters = {name for name in queues() if dead_letter(name)}
    assert reach("sqs:ReceiveMessage") == reach("sqs:DeleteMessage") == letters


# -- alarms and topics -------------------------------------------------------------------------------------


def alarms() -> dict[str, dict[str, Any]]:
    return resources("AWS::CloudWatch::Alarm")


def filtered() -> set[str]:
    """Metrics that filters make of log lines."""
    return {
        transformation["MetricName"]
        for item in resources("AWS::Logs::MetricFilter").values()
        for transformation in item["MetricTransformations"]
    }


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
    if alarm["MetricName"] in filtered():
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


def test_topics_are_encrypted_under_a_key_that_whoever_writes_may_use() -> None:
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
        ours = {"Ref": "DataKey"}
        assert topic["KmsMasterKeyId"] == (
            ours if name in written | told else {"Fn::If": ["UsesKey", ours, "alias/aws/sns"]}
        ), name
    services = {
        service
        for item in by_logical_id("DataKey")["KeyPolicy"]["Statement"]
        if "Fn::If" not in item
        for service in listed(item["Principal"].get("Service", []))
        if isinstance(service, str)
    }
    assert services == {
        "cloudwatch.amazonaws.com",
        "events.amazonaws.com",
        "ses.amazonaws.com",
        "sms-voice.amazonaws.com",
        "sns.amazonaws.com",
    }


# -- the text itself ---------------------------------------------------------------------------------------


SECTIONS: dict[str, str] = {
    "Key": "KMS::Key",
    "Queues": "SQS::Queue",
    "Queue policies": "SQS::QueuePolicy",
    "Tables": "DynamoDB::Table",
    "Uploads": "S3::Bucket S3::BucketPolicy",
    "Secrets": "SecretsManager::Secret",
    "Topics": "SNS::Topic SNS::TopicPolicy",
    "Mail": "SES::ConfigurationSet SES::ConfigurationSetEventDestination",
    "SMS": "SMSVOICE::ConfigurationSet IAM::Policy",
    "Layer": "Serverless::LayerVersion",
    "Function": "Serverless::Function IAM::Role Logs::LogGroup Lambda::Permission",
    "What functions share": "IAM::Policy",
    "Front door": "ApiGatewayV2 Logs::LogGroup Logs::MetricFilter Lambda::Permission",
    "Schedules": "Scheduler::Schedule IAM::Role",
    "Subscriptions of people": "SNS::Subscription",
    "Alarms": "CloudWatch::Alarm",
    "Dashboard": "CloudWatch::Dashboard",
    "Access": "IAM::ManagedPolicy",
}
"""What stands under a banner: the types of its resources, without ``AWS::``."""


def sections() -> dict[str, list[str]]:
    """The template's lines by their banner, in its order."""
    lines = TEMPLATE.read_text().splitlines()
    rules = [index for index, line in enumerate(lines) if re.fullmatch(r" *# -{90,}", line)]
    starts = [index for index in rules if index + 2 in rules]
    ends = [*starts[1:], len(lines)]
    return {
        lines[start + 1].strip("# "): lines[start + 3 : end] for start, end in zip(starts, ends, strict=True)
    }


def test_each_banner_stands_over_what_it_names() -> None:
    seen = set()
    for title, lines in sections().items():
        kinds = [line.split("AWS::")[1] for line in lines if re.match(r"    Type: AWS::", line)]
        for kind in kinds:
            allowed = SECTIONS[title.split(":")[0]].split()
            assert kind in allowed or kind.split("::")[0] in allowed, (title, kind)
        if title.startswith("Function: "):
            name = "".join(word.capitalize() for word in title.removeprefix("Function: ").split())
            found = [line.strip(" :") for line in lines if re.fullmatch(r"  \w+:", line)]
            assert found[:3] == [f"{name}Function", f"{name}Role", f"{name}Logs"], title
        seen |= {title.split(":")[0]} if kinds else set()
    assert seen == set(SECTIONS), "no banner without its things"


def test_the_contents_at_the_top_name_the_sections_in_their_order() -> None:
    top = TEMPLATE.read_text().split("\nMetadata:")[0]
    contents = " ".join(re.findall(r"(?m)^#  +(.*?)(?:  .*)?$", top))
    parts = [word.strip() for word in re.sub(r",? (?=[A-Z]\w+:? )", ", ", contents).split(",")]
    flat = [word for word in parts if word]
    titles = [title.split(": ")[-1] for title in sections()]
    assert [word.split(": ")[-1] for word in flat] == titles


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
    wanted |= {name + "Url" for name in queues()} | {
        "WebhookUrl",
        "WebhookApiId",
        "DataKeyArn",
        "UploadsBucketName",
    }
    wanted |= {name + "SecretArn" for name in ("App", "Token", "Openai")}
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
