"""What the functions run on, what they are told, and what they may do: least privilege, spelled out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dev.libraries import architecture
from dev.places import STAGES

WORKERS = (
    "Sweep", "Settle", "Orders", "Refunds", "Customers", "Publish", "Replay", "Observe", "Release", "Campaign",
    "Remind", "Notify", "Lift",
)  # fmt: skip
FUNCTIONS = {
    "APIHandler": "ApiHandlerRole",
    "Authorize": "AuthorizeRole",
    **{name: f"{name}Role" for name in WORKERS},
}
WITH_TOKENS = ("APIHandler", "Authorize")
"""Functions that are told whose tokens are accepted."""
WITH_TABLES = tuple(name for name in FUNCTIONS if name != "Lift")
"""The last is told numbers by who asks it, and tells numbers."""


def actions(service: str, names: str) -> set[str]:
    return {f"{service}:{name}" for name in names.split()}


WALLETS = actions("dynamodb", "GetItem BatchGetItem PutItem UpdateItem ConditionCheckItem")
QUERY = actions("dynamodb", "Query")
READ = actions("dynamodb", "GetItem BatchGetItem")
WRITE = READ | actions("dynamodb", "PutItem")
COUNT = WRITE | actions("dynamodb", "UpdateItem")
"""Documents, and beside them numbers that are only ever added to."""
CHECKED = COUNT | actions("dynamodb", "ConditionCheckItem")
"""The same, where one is written on the condition that another stands."""
READ_ONE = actions("dynamodb", "GetItem")
STREAM = {
    "LedgerTable.StreamArn": actions("dynamodb", "DescribeStream GetRecords GetShardIterator"),
    "${LedgerTable.Arn}/stream/*": actions("dynamodb", "ListStreams"),
}
CONSUME = actions("sqs", "ReceiveMessage DeleteMessage ChangeMessageVisibility GetQueueAttributes")
SEND = actions("sqs", "SendMessage")
PUBLISH = actions("events", "PutEvents")
DUE = "${WalletsTable.Arn}/index/due"
CAMPAIGNS_DUE = "${CampaignsTable.Arn}/index/due"
REFUNDS = "${WalletsTable.Arn}/index/refunds"
ORDERS = "${LedgerTable.Arn}/index/orders"
EVENTS: dict[str, set[str]] = {
    "WalletsTable": WALLETS,
    REFUNDS: QUERY,
    "LedgerTable": actions("dynamodb", "GetItem Query PutItem"),
    ORDERS: QUERY,
    "CustomersTable": CHECKED | QUERY,
    "CampaignsTable": COUNT | QUERY,
}
"""What both readers of orders' events may do, beside their queues."""
SCHEDULES = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${ReleaseScheduleGroup}/*"
PHONES = "all but arn:${AWS::Partition}:sns:*:*:*"
"""A text message to a phone has no resource of its own: what is not a topic."""
MAY: dict[str, dict[str, set[str]]] = {
    "APIHandler": {
        "WalletsTable": WALLETS | QUERY,
        REFUNDS: QUERY,
        "LedgerTable": actions("dynamodb", "GetItem BatchGetItem Query PutItem ConditionCheckItem"),
        ORDERS: QUERY,
        "CustomersTable": CHECKED | QUERY,
        "CampaignsTable": COUNT | QUERY | actions("dynamodb", "DeleteItem"),
        "ReleaseQueue": SEND,
        "Lift": actions("lambda", "InvokeFunction"),
    },
    "Authorize": {},
    "Lift": {},
    "Sweep": {
        "WalletsTable": READ_ONE,
        DUE: QUERY,
        "SettleQueue": SEND | actions("sqs", "GetQueueAttributes"),
    },
    "Settle": {
        "WalletsTable": WALLETS - actions("dynamodb", "UpdateItem"),
        "LedgerTable": actions("dynamodb", "PutItem"),
        DUE: QUERY,
        "SettleQueue": CONSUME | SEND,
    },
    "Orders": {**EVENTS, "OrderEventsQueue": CONSUME, "OrderEventsDeadLetters": SEND},
    "Refunds": {**EVENTS, "RefundEventsQueue": CONSUME, "RefundEventsDeadLetters": SEND},
    "Customers": {
        "WalletsTable": WRITE | QUERY | actions("dynamodb", "ConditionCheckItem"),
        "LedgerTable": actions("dynamodb", "PutItem"),
        "CustomersTable": CHECKED,
        "CustomerEventsQueue": CONSUME,
        "CustomerEventsDeadLetters": SEND,
    },
    "Publish": {**STREAM, "EventBus": PUBLISH, "PublishDeadLetters": SEND},
    "Replay": {"LedgerTable": QUERY, "EventBus": PUBLISH},
    "Observe": {
        **STREAM,
        "WalletsTable": READ,
        "LedgerTable": QUERY,
        "CustomersTable": WRITE,
        "CampaignsTable": COUNT,
        "NoticesQueue": SEND,
        "ObserveDeadLetters": SEND,
    },
    "Release": {
        "WalletsTable": READ,
        CAMPAIGNS_DUE: QUERY,
        "CampaignsTable": WRITE | QUERY,
        "ReleaseQueue": SEND,
    },
    "Campaign": {
        "WalletsTable": WRITE,
        "LedgerTable": actions("dynamodb", "PutItem"),
        "CustomersTable": WRITE | QUERY | actions("dynamodb", "ConditionCheckItem"),
        "CampaignsTable": COUNT | QUERY,
        "ReleaseQueue": CONSUME | SEND,
        SCHEDULES: actions("scheduler", "CreateSchedule"),
        "ReleaseScheduleRole": actions("iam", "PassRole"),
    },
    "Remind": {"WalletsTable": READ_ONE, CAMPAIGNS_DUE: QUERY, "NoticesQueue": SEND},
    "Notify": {
        "WalletsTable": WRITE,
        "LedgerTable": actions("dynamodb", "GetItem Query PutItem"),
        "CustomersTable": READ,
        "CampaignsTable": WRITE | QUERY,
        "NoticesQueue": CONSUME | SEND,
        "EventBus": PUBLISH,
        "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*": actions("ses", "SendEmail"),
        PHONES: actions("sns", "Publish"),
    },
}
TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}

Resources = dict[str, Any]


def properties(resources: Resources, name: str) -> dict[str, Any]:
    found: dict[str, Any] = resources[name]["Properties"]
    return found


def statements(resources: Resources, role: str) -> list[dict[str, Any]]:
    """All that a role may do, in policies of its own or in others that name it."""
    attached = [
        each["Properties"]
        for each in resources.values()
        if each["Type"] == "AWS::IAM::Policy" and {"Ref": role} in each["Properties"]["Roles"]
    ]
    return [
        statement
        for policy in [*properties(resources, role)["Policies"], *attached]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_there_is_no_function_that_these_tests_do_not_know(resources: Resources) -> None:
    found = {name for name, each in resources.items() if each["Type"] == "AWS::Serverless::Function"}
    assert found == set(FUNCTIONS)


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_functions_run_on_arm(resources: Resources) -> None:
    assert all(properties(resources, name)["Architectures"] == ["arm64"] for name in FUNCTIONS)


@pytest.mark.parametrize("stage", ["local"])
def test_locally_they_run_on_what_the_host_is(resources: Resources) -> None:
    assert all(properties(resources, name)["Architectures"] == [architecture("local")] for name in FUNCTIONS)


def test_functions_have_time_and_memory(resources: Resources) -> None:
    timeouts = {name: properties(resources, name)["Timeout"] for name in FUNCTIONS}
    minute = dict.fromkeys(("Sweep", "Observe", "Release", "Campaign", "Remind", "Notify"), 60)
    assert timeouts == {**dict.fromkeys(WORKERS, 30), **minute, "APIHandler": 10, "Authorize": 5}
    for name in FUNCTIONS:
        assert 512 <= properties(resources, name)["MemorySize"] <= 1024


def test_only_what_measures_lifts_has_the_statistics_library(resources: Resources) -> None:
    layers = {name: properties(resources, name).get("Layers") for name in FUNCTIONS}
    assert layers == {**dict.fromkeys(FUNCTIONS), "Lift": [{"Ref": "StatisticsLayer"}]}
    layer = properties(resources, "StatisticsLayer")
    assert (layer["ContentUri"], layer["RetentionPolicy"]) == ("./statistics.zip", "Retain")
    assert properties(resources, "APIHandler")["Environment"]["Variables"]["LIFT_FUNCTION"] == {"Ref": "Lift"}


def test_functions_are_traced_and_log_json(resources: Resources) -> None:
    for name in FUNCTIONS:
        assert properties(resources, name)["Tracing"] == "Active"
        assert properties(resources, name)["LoggingConfig"] == {"LogFormat": "JSON"}


def test_logs_go_to_the_group_of_their_function_and_do_not_stay_for_ever(resources: Resources) -> None:
    groups = {
        properties(resources, name)["LogGroupName"]["Fn::Sub"]: properties(resources, name)["RetentionInDays"]
        for name, each in resources.items()
        if each["Type"] == "AWS::Logs::LogGroup"
    }
    assert set(groups) == {f"/aws/lambda/${{{name}}}" for name in FUNCTIONS}
    assert all(1 <= days <= 365 for days in groups.values())


def test_functions_are_told_their_tables_by_reference(resources: Resources, stage: str) -> None:
    assert properties(resources, "Lift")["Environment"]["Variables"] == {"STAGE": stage}
    for name in WITH_TABLES:
        told = properties(resources, name)["Environment"]["Variables"]
        assert told["STAGE"] == stage
        assert told["WALLETS_TABLE"] == {"Ref": "WalletsTable"}
        assert told["LEDGER_TABLE"] == {"Ref": "LedgerTable"}
        assert told["CUSTOMERS_TABLE"] == {"Ref": "CustomersTable"}
        assert told["CAMPAIGNS_TABLE"] == {"Ref": "CampaignsTable"}
        assert told["MERCHANT_ZONE"] == {"Ref": "MerchantZone"}
        assert told["LOG_LEVEL"] == {"Ref": "LogLevel"}


def test_who_looks_at_tokens_is_told_their_issuer_by_reference(resources: Resources) -> None:
    for name in FUNCTIONS:
        told = properties(resources, name)["Environment"]["Variables"]
        oidc = {key: value for key, value in told.items() if key.startswith("OIDC_")}
        by_reference = {
            "OIDC_ISSUER": {"Ref": "OidcIssuer"},
            "OIDC_AUDIENCE": {"Ref": "OidcAudience"},
            "OIDC_JWKS_URL": {"Ref": "OidcJwksUrl"},
        }
        assert oidc == (by_reference if name in WITH_TOKENS else {})


@pytest.mark.parametrize("stage", ["prod"])
def test_production_has_no_test_clock_and_no_parameter_for_one(
    resources: Resources, templates: dict[str, Any], stage: str
) -> None:
    for name in WITH_TABLES:
        assert properties(resources, name)["Environment"]["Variables"]["TEST_CLOCK"] == "off"
    assert "TestClock" not in templates[stage]["Parameters"]


@pytest.mark.parametrize("stage", ["local", "dev"])
def test_elsewhere_the_test_clock_is_a_parameter(resources: Resources, templates: dict[str, Any], stage: str) -> None:
    for name in WITH_TABLES:
        assert properties(resources, name)["Environment"]["Variables"]["TEST_CLOCK"] == {"Ref": "TestClock"}
    assert templates[stage]["Parameters"]["TestClock"]["AllowedValues"] == ["on", "off"]


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_only_the_local_stage_can_be_sent_to_another_dynamodb(resources: Resources) -> None:
    assert "AWS_ENDPOINT_URL" not in json.dumps(resources)


def test_each_function_has_a_role_of_its_own(resources: Resources) -> None:
    for name, role in FUNCTIONS.items():
        assert properties(resources, name)["Role"] == {"Fn::GetAtt": [role, "Arn"]}
        assert "ManagedPolicyArns" not in properties(resources, role)


def test_a_function_may_do_what_it_needs_and_nothing_else(resources: Resources) -> None:
    for name, role in FUNCTIONS.items():
        granted: dict[str, set[str]] = {}
        for statement in statements(resources, role):
            assert statement["Effect"] == "Allow"
            for resource in _resources(statement):
                granted.setdefault(_named(resource), set()).update(statement["Action"])
        expected = {**MAY[name], "*": TRACES, _log_streams(name): LOGS}
        assert granted == expected


def test_nobody_scans_or_changes_the_ledger(resources: Resources) -> None:
    granted = json.dumps([statements(resources, role) for role in FUNCTIONS.values()])
    for forbidden in ("Scan", "BatchWriteItem", "PartiQL", "PurgeQueue", "DeleteQueue"):
        assert forbidden not in granted
    for role in FUNCTIONS.values():
        for statement in statements(resources, role):
            assert not any("*" in action for action in statement["Action"])
            if any("LedgerTable" in resource for resource in _resources(statement)):
                assert "dynamodb:UpdateItem" not in statement["Action"]


def test_nothing_is_deleted_but_what_a_marketer_wrote(resources: Resources) -> None:
    """Neither money, nor people, nor what was released and to whom."""
    deleting = [
        (name, statement)
        for name, role in FUNCTIONS.items()
        for statement in statements(resources, role)
        if "dynamodb:DeleteItem" in statement["Action"]
    ]
    ((name, statement),) = deleting
    assert (name, _resources(statement)) == ("APIHandler", ["CampaignsTable"])
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["#segments", "#rules", "#templates", "#webhooks"]}
    }


def test_email_goes_out_under_the_merchants_address_only(
    resources: Resources, templates: dict[str, Any], stage: str
) -> None:
    for name, role in FUNCTIONS.items():
        told = properties(resources, name)["Environment"]["Variables"].get("NOTICES_SENDER")
        assert told == ({"Ref": "NoticesSender"} if name == "Notify" else None)
        for statement in statements(resources, role):
            if "ses:SendEmail" in statement["Action"]:
                assert statement["Condition"] == {"StringEquals": {"ses:FromAddress": {"Ref": "NoticesSender"}}}
    default = templates[stage]["Parameters"]["NoticesSender"]["Default"]
    assert default == ("credit@example.com" if stage == "local" else "")


def test_a_schedule_may_send_to_its_queue_and_nothing_else(resources: Resources) -> None:
    role = properties(resources, "ReleaseScheduleRole")
    (statement,) = statements(resources, "ReleaseScheduleRole")
    assert (statement["Effect"], set(statement["Action"]), _resources(statement)) == ("Allow", SEND, ["ReleaseQueue"])
    assert "ManagedPolicyArns" not in role
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Principal"], trust["Action"]) == ({"Service": "scheduler.amazonaws.com"}, "sts:AssumeRole")
    assert trust["Condition"] == {
        "StringEquals": {
            "aws:SourceAccount": {"Ref": "AWS::AccountId"},
            "aws:SourceArn": {"Fn::GetAtt": ["ReleaseScheduleGroup", "Arn"]},
        }
    }


def test_only_who_makes_schedules_hands_on_their_role_and_to_the_scheduler_alone(resources: Resources) -> None:
    handing_on = [
        (name, statement)
        for name, role in FUNCTIONS.items()
        for statement in statements(resources, role)
        if "iam:PassRole" in statement["Action"]
    ]
    ((name, statement),) = handing_on
    assert (name, _resources(statement)) == ("Campaign", ["ReleaseScheduleRole"])
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def test_no_policy_is_attached_to_anything_but_a_functions_role(resources: Resources) -> None:
    for each in resources.values():
        if each["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
            assert each["Type"] == "AWS::IAM::Policy"
            assert {name["Ref"] for name in each["Properties"]["Roles"]} <= set(FUNCTIONS.values())
            assert not each["Properties"].keys() & {"Users", "Groups"}


def test_schedules_are_in_the_stacks_name_and_can_be_left_out_altogether(
    resources: Resources, templates: dict[str, Any], stage: str
) -> None:
    assert properties(resources, "ReleaseScheduleGroup") == {"Name": {"Fn::Sub": "${AWS::StackName}-release"}}
    parameter = templates[stage]["Parameters"]["ReleaseSchedules"]
    assert (parameter["Default"], parameter["AllowedValues"]) == ("on", ["on", "off"])
    condition = "HasReleaseSchedules"
    assert templates[stage]["Conditions"][condition] == {"Fn::Equals": [{"Ref": "ReleaseSchedules"}, "on"]}
    conditional = {name for name, each in resources.items() if each.get("Condition") == condition}
    assert conditional == {"ReleaseScheduleGroup", "ReleaseScheduleRole", "CampaignSchedulesPolicy"}
    nothing = {"Ref": "AWS::NoValue"}
    for name in FUNCTIONS:
        told = properties(resources, name)["Environment"]["Variables"]
        by_reference = {
            "RELEASE_QUEUE_ARN": {"Fn::GetAtt": ["ReleaseQueue", "Arn"]},
            "RELEASE_SCHEDULES_GROUP": {"Fn::If": [condition, {"Ref": "ReleaseScheduleGroup"}, nothing]},
            "RELEASE_SCHEDULES_ROLE": {"Fn::If": [condition, {"Fn::GetAtt": ["ReleaseScheduleRole", "Arn"]}, nothing]},
        }
        of_schedules = {key: told[key] for key in told if "SCHEDULE" in key or key == "RELEASE_QUEUE_ARN"}
        assert of_schedules == (by_reference if name == "Campaign" else {})


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_cannot_be_deployed_under_another_name(templates: dict[str, Any], stage: str) -> None:
    parameter = templates[stage]["Parameters"]["Stage"]
    assert parameter["Default"] == stage
    assert parameter["AllowedValues"] == [stage]


def _resources(statement: dict[str, Any]) -> list[str]:
    if "NotResource" in statement:
        return [f"all but {_named(resource)}" for resource in statement["NotResource"]]
    return [_named(resource) for resource in statement["Resource"]]


def _named(resource: Any) -> str:
    if isinstance(resource, str):
        return resource
    if "Fn::GetAtt" in resource:
        name, attribute = resource["Fn::GetAtt"]
        return str(name) if attribute == "Arn" else f"{name}.{attribute}"
    return str(resource["Fn::Sub"])


def _log_streams(function: str) -> str:
    region = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}"
    return f"{region}:log-group:/aws/lambda/${{AWS::StackName}}-{function}-*:*"
