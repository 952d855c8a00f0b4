"""Tests what template.yaml alone can show: what outlives a stack, that two stacks share nothing, and its keys, alarms and dashboard."""

import itertools
import json
import re

from cloudformation import ROOT, TEMPLATE, Stack, mentioned
from cloudwatch import state

FORMER, NEW = (f"arn:aws:kms:eu-west-1:123456789012:key/{key}" for key in ("former", "new"))
ROLES = {"IngestRole", "ApplyRole", "ReconcileRole", "ScheduleRole"}
QUEUES = {"Queue", "DeadLetterQueue", "RunsQueue", "ScheduleDeadLetterQueue"}
SCHEDULE = {"ReconcileOrg": "acme-us", "ReconcileCampaignIds": "5f0c1e1a"}
# The resources that must outlive the stack, with their names in the stack blue. A queue of another name would be another queue, and
# nobody would read the changes in the old one.
KEPT = {
    "Queue": "blue-changes.fifo", "DeadLetterQueue": "blue-parked.fifo", "IngestLogs": "/aws/lambda/blue-ingest",
    "ApplyLogs": "/aws/lambda/blue-apply", "ReconcileLogs": "/aws/lambda/blue-reconcile", "ApiLogs": "/aws/vendedlogs/blue-api",
}


def name_of(properties):
    return properties.get("QueueName") or properties.get("LogGroupName")


def queues_and_logs_outlive_the_stack():
    resources = Stack("blue").resources
    kept = {logical_id: name_of(it["Properties"]) for logical_id, it in resources.items() if "DeletionPolicy" in it}
    assert kept == KEPT, kept
    for logical_id in KEPT:
        policies = resources[logical_id]["DeletionPolicy"], resources[logical_id]["UpdateReplacePolicy"]
        assert policies == ("RetainExceptOnCreate", "Retain"), (logical_id, policies)


def resources_that_outlived_a_stack_are_imported_unchanged():
    """docs/retained.yaml imports them into the next stack of the same name (docs/deploy.md)."""
    from samcli.yamlhelper import yaml_parse
    imported = Stack("blue", template=yaml_parse((ROOT / "docs/retained.yaml").read_text())).resources
    assert imported.keys() == KEPT.keys()
    for logical_id, it in Stack("blue").resources.items():
        if logical_id in KEPT:
            same = imported[logical_id]
            assert all(same[key] == it[key] for key in ("Type", "DeletionPolicy", "UpdateReplacePolicy")), same
            assert same["Properties"].items() <= it["Properties"].items() and name_of(same["Properties"]), same
            assert same["Properties"].get("FifoQueue") == it["Properties"].get("FifoQueue"), "it would be replaced"


def names(stack):
    """The name of every resource that the template names, with its kind."""
    found = set()
    for it in stack.resources.values():
        properties = it["Properties"]
        for key in ("QueueName", "FunctionName", "LogGroupName", "AlarmName", "DashboardName", "RoleName", "Name"):
            # A name that refers to another resource belongs to that resource.
            if key in properties and not properties[key].startswith(f"{stack.name}/"):
                # An API and a schedule may have the same name.
                found.add((it["Type"] if key == "Name" else key, properties[key]))
        for event in properties.get("Events", {}).values() if it["Type"] == "AWS::Serverless::Function" else []:
            if "Name" in event["Properties"]:
                found.add((event["Type"], event["Properties"]["Name"]))
    return found


def two_stacks_share_no_name():
    blue = names(Stack("blue", **SCHEDULE))
    assert len(blue) == len(KEPT) + 1 + 3 + 1 + 1 + 1 + 1 + len(TEMPLATE_ALARMS), sorted(blue)
    # That holds even for a stack whose name is the beginning of such a name, as blue-reconcile is.
    parts = {tuple(name.split("blue-", 1)[1].split("-")) for _, name in blue if "blue-" in name}
    others = {"green", "blue-2"} | {"-".join(("blue", *part[:n])) for part in parts for n in range(1, len(part))}
    for other in others:
        assert not blue & names(Stack(other)), (other, blue & names(Stack(other)))
    dashboards = [it["DashboardName"] for region in ("eu-west-1", "us-east-1")
                  for it in Stack("blue", region).of_type("AWS::CloudWatch::Dashboard").values()]
    assert len(set(dashboards)) == 2, "a dashboard belongs to the account, in all regions"


def two_stacks_share_no_secret_unless_a_parameter_says_so():
    def prefixes(stack):
        may = re.findall(r"secret:([^\"]+?)/(source|org|feed)/\*", json.dumps(list(stack.of_type("AWS::IAM::Role").values())))
        assert sorted(kind for _, kind in may) == ["feed", "org", "org", "source"], may
        asked = {stack.environment(function)["SECRET_PREFIX"] for function in ("Ingest", "Apply", "Reconcile")}
        return asked | {prefix for prefix, _ in may} | {stack.outputs["SecretPrefix"]}
    assert prefixes(Stack("blue")) == {"blue"} and prefixes(Stack("green")) == {"green"}
    # This was the default of earlier versions, and an existing stack keeps it.
    assert prefixes(Stack("blue", SecretPrefix="campaign-sync")) == {"campaign-sync"}


def metrics(alarm):
    if "Metrics" not in alarm:
        return [alarm]
    return [it["MetricStat"]["Metric"] for it in alarm["Metrics"] if "MetricStat" in it]


def two_stacks_share_no_metric():
    def watched(stack):
        return {json.dumps(metric["Dimensions"]) for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()
                for metric in metrics(alarm)}
    assert not watched(Stack("blue")) & watched(Stack("green")) and "[]" not in watched(Stack("blue"))
    for function in ("Ingest", "Apply", "Reconcile"):
        assert Stack("blue").environment(function)["STACK_NAME"] == "blue", function
    for metric in itertools.chain.from_iterable(map(metrics, Stack("blue").of_type("AWS::CloudWatch::Alarm").values())):
        if metric["Namespace"] == "CampaignSync":
            assert metric["Dimensions"] == [{"Name": "Stack", "Value": "blue"}], metric
    for line in body(Stack("blue")).splitlines():
        if "CampaignSync" in line:
            assert r'{CampaignSync,Stack,Org} Stack=\"blue\" ' in line or '"Stack", "blue"' in line, line


def waits_for(logical_id):
    """The resources that CloudFormation creates or updates before this one."""
    waited, more = set(), {logical_id}
    while more:
        more = set().union(*(mentioned(TEMPLATE["Resources"][it]) for it in more)) - waited
        waited |= more
    return waited


def roles_may_use_a_key_before_the_queues_do():
    for queue in QUEUES:
        assert ROLES <= waits_for(queue), queue
    for role in ROLES:
        assert not waits_for(role) & QUEUES, role


def a_new_stack_meets_the_log_groups_of_an_old_one_before_it_touches_a_queue():
    """A log group that exists already ends the deployment. If a queue came first and counted as the stack's own, the rollback would delete
    it."""
    for queue in ("Queue", "DeadLetterQueue"):
        assert {"IngestLogs", "ApplyLogs", "ReconcileLogs"} <= waits_for(queue), queue


def every_role_that_uses_a_queue_may_use_its_key_and_the_former_key():
    for parameters, keys, of_queue in [
        ({}, None, None),
        ({"QueueKmsKeyArn": NEW}, [NEW], NEW),
        ({"QueueKmsKeyArn": NEW, "FormerQueueKmsKeyArn": FORMER}, [NEW, FORMER], NEW),
        ({"FormerQueueKmsKeyArn": FORMER}, [FORMER], None),
    ]:
        stack = Stack("blue", **parameters)
        for queue in QUEUES:
            properties = stack.resources[queue]["Properties"]
            assert properties.get("KmsMasterKeyId") == of_queue, (parameters, queue)
            assert properties.get("SqsManagedSseEnabled") == (None if of_queue else True), (parameters, queue)
        for role in ROLES:
            [policy] = stack.resources[role]["Properties"]["Policies"]
            mine = [it for it in policy["PolicyDocument"]["Statement"] if it.get("Sid") == "UseQueueKey"]
            assert len(mine) == (0 if keys is None else 1), (parameters, role)
            for it in mine:
                assert (it["Action"], it["Resource"]) == (["kms:GenerateDataKey", "kms:Decrypt"], keys), (parameters, it)
                assert it["Condition"] == {"StringEquals": {"kms:ViaService": "sqs.eu-west-1.amazonaws.com"}}, it


def runs_of_one_org_come_one_after_another_and_those_of_two_orgs_side_by_side():
    stack = Stack("blue", **SCHEDULE, ReconcileConcurrency=7)
    assert "ReservedConcurrentExecutions" not in json.dumps(list(stack.resources.values()))
    reconcile, queue = (stack.resources[it]["Properties"] for it in ("Reconcile", "RunsQueue"))
    [source] = reconcile["Events"].values()
    assert source["Properties"] == {
        "Queue": "blue/RunsQueue.Arn", "BatchSize": 1, "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 7}}, source
    # A killed run starts again only once its first invocation is over. There is no redrive policy: SQS would count each invocation of
    # a long run as a failure.
    assert queue["VisibilityTimeout"] > reconcile["Timeout"] and "RedrivePolicy" not in queue, queue
    assert queue["ContentBasedDeduplication"] is True, "EventBridge Scheduler gives no deduplication id"
    for parameters, group, state in [(SCHEDULE, "acme-us", "ENABLED"), ({}, "none", "DISABLED")]:
        schedule = Stack("blue", **parameters).resources["ReconcileSchedule"]["Properties"]
        target = schedule["Target"]
        assert (schedule["State"], target["Arn"], target["SqsParameters"]) == (
            state, "blue/RunsQueue.Arn", {"MessageGroupId": group}), schedule
        assert json.loads(target["Input"])["scheduledTime"] == "<aws.scheduler.scheduled-time>", target


def reconcile_may_keep_records_of_its_stack_alone():
    [policy] = Stack("blue").resources["ReconcileRole"]["Properties"]["Policies"]
    may = [it for it in policy["PolicyDocument"]["Statement"] if "ssm:" in json.dumps(it["Action"])]
    arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/campaign-sync/blue/reconcile/*"
    assert [(it["Action"], it["Resource"]) for it in may] == [(["ssm:GetParameter", "ssm:PutParameter"], arn)], may


# Alarms, by the end of their names.
SILENT, ALARMS = None, {}
TEMPLATE_ALARMS = [it for it in TEMPLATE["Resources"].values() if it["Type"] == "AWS::CloudWatch::Alarm"]
for _alarm in Stack("blue", OldestChangeMinutes=30, ReconcileLateMinutes=120, **SCHEDULE).of_type("AWS::CloudWatch::Alarm").values():
    ALARMS[_alarm["AlarmName"].removeprefix("blue-")] = _alarm


def alarms_begin_and_end_as_the_runbook_says():
    minute = 60
    for section, before, data, after in [
        # Ages are in seconds. An empty queue has no age. A queue that SQS no longer reports leaves the state as it is.
        ("oldest-change", "OK", {"waiting": [1], "age": [31 * minute], "retried": [None]}, "ALARM"),
        ("oldest-change", "OK", {"waiting": [0], "age": [None], "retried": [31 * minute]}, "ALARM"),
        ("oldest-change", "ALARM", {"waiting": [0], "age": [None], "retried": [29 * minute]}, "OK"),
        ("oldest-change", "ALARM", {"waiting": [0], "age": [None], "retried": [None]}, "OK"),
        ("oldest-change", "ALARM", {"waiting": [0], "age": [0], "retried": [None]}, "OK"),
        ("oldest-change", "ALARM", {"waiting": [SILENT], "age": [SILENT], "retried": [None]}, "ALARM"),
        ("oldest-change", "OK", {"waiting": [SILENT], "age": [SILENT], "retried": [None]}, "OK"),
        ("nothing-done", "OK", {"waiting": [3, 3, 3], "deleted": [0, 0, 0], "in_flight": [None] * 3}, "ALARM"),
        ("nothing-done", "OK", {"waiting": [0, 0, 0], "deleted": [0, 0, 0], "in_flight": [1, 1, 1]}, "ALARM"),
        ("nothing-done", "ALARM", {"waiting": [3, 3, 3], "deleted": [0, 0, 1], "in_flight": [0, 0, 0]}, "OK"),
        ("nothing-done", "ALARM", {"waiting": [3, 3, 0], "deleted": [0, 0, 0], "in_flight": [None] * 3}, "OK"),
        ("nothing-done", "ALARM", {"waiting": [SILENT] * 3, "deleted": [SILENT] * 3, "in_flight": [SILENT] * 3}, "ALARM"),
        ("nothing-done", "OK", {"waiting": [SILENT] * 3, "deleted": [SILENT] * 3, "in_flight": [SILENT] * 3}, "OK"),
        # A count is reported only when something happened, and never as zero.
        ("webhooks-refused", "OK", {"counted": [1, None, None, 1]}, "OK"),
        ("webhooks-refused", "OK", {"counted": [1, None, 1]}, "ALARM"),
        ("webhooks-refused", "ALARM", {"counted": [1, 1, None, None]}, "OK"),
        ("reconcile-incomplete", "OK", {"counted": [1, None, None]}, "OK"),
        ("reconcile-incomplete", "OK", {"counted": [1, None]}, "ALARM"),
        ("unauthorized", "OK", {"counted": [None, 20]}, "OK"),
        ("webhooks-throttled", "OK", {"counted": [None, None, 1]}, "ALARM"),
        ("webhooks-throttled", "ALARM", {"counted": [1, None, None, None]}, "OK"),
        ("in-flight", "OK", {"it": [80_000]}, "ALARM"),
        ("in-flight", "OK", {"it": [79_999]}, "OK"),
        ("in-flight", "ALARM", {"it": [SILENT]}, "ALARM"),
        ("unauthorized", "OK", {"counted": [None, 21]}, "ALARM"),
        ("unauthorized", "ALARM", {"counted": [21, None]}, "ALARM"),
        ("unauthorized", "ALARM", {"counted": [21, None, None]}, "OK"),
        ("parking", "OK", {"counted": [None, None, None, 1]}, "ALARM"),
        ("parking", "ALARM", {"counted": [1, None, None, None]}, "OK"),
        ("parking-fails", "OK", {"counted": [None, None, None, 1]}, "ALARM"),
        ("parking-fails", "ALARM", {"counted": [1, None, None, None]}, "OK"),
        ("opt-outs-late", "OK", {"counted": [None, None, None, 901]}, "ALARM"),
        ("opt-outs-late", "ALARM", {"counted": [901, None, 3, None]}, "ALARM"),
        ("opt-outs-late", "ALARM", {"counted": [901, None, 3, None, None, None, None]}, "OK"),
        ("parked-opt-outs", "OK", {"counted": [None, None, None, 1]}, "ALARM"),
        ("parked-opt-outs", "ALARM", {"counted": [1, None, None, None]}, "OK"),
        ("unmapped", "OK", {"counted": [None, None, None, 1]}, "ALARM"),
        ("unmapped", "ALARM", {"counted": [1, None, None, None]}, "OK"),
        ("campaign-refused", "OK", {"counted": [None] * 5 + [1]}, "ALARM"),
        ("dnc-list", "OK", {"counted": [None] * 5 + [1]}, "ALARM"),
        ("org-ill", "ALARM", {"counted": [1] + [None] * 5}, "ALARM"),
        ("org-ill", "ALARM", {"counted": [1] + [None] * 6}, "OK"),
        ("org-refused", "ALARM", {"counted": [1] + [None] * 6}, "OK"),
        ("reconcile-stopped", "ALARM", {"counted": [1, None, None, None, None]}, "OK"),
        # Seconds.
        ("reconcile-late", "OK", {"counted": [None, None, 121 * minute, None]}, "ALARM"),
        ("reconcile-late", "OK", {"counted": [120 * minute, None, 3]}, "OK"),
        ("reconcile-late", "ALARM", {"counted": [121 * minute, None, None, 3]}, "ALARM"),
        ("reconcile-late", "ALARM", {"counted": [121 * minute, None, None, 3, None, None, 3]}, "OK"),
        ("reconcile-waiting", "OK", {"age": [121 * minute] * 3}, "ALARM"),
        ("reconcile-waiting", "OK", {"age": [None, 121 * minute, 121 * minute]}, "OK"),
        ("reconcile-waiting", "ALARM", {"age": [121 * minute, 121 * minute, 14 * minute]}, "OK"),
        ("reconcile-waiting", "ALARM", {"age": [None] * 3}, "OK"),
        ("reconcile-silent", "OK", {"it": [4, None]}, "OK"),
        ("reconcile-silent", "OK", {"it": [None, None]}, "ALARM"),
        ("reconcile-silent", "ALARM", {"it": [None, 1]}, "OK"),
        ("parked", "ALARM", {"it": [SILENT]}, "ALARM"),
        ("reconcile-failed", "ALARM", {"it": [SILENT]}, "ALARM"),
        ("apply-errors", "ALARM", {"it": [None, None, None]}, "OK"),
    ]:
        seen = state(ALARMS[section], before, **data)
        assert seen == after, f"{section}, {before} before, is {seen} and not {after} after {data}"


def no_query_is_logged():
    """A query may hold a token that authenticates a source. tests/it/ingest_auth.rs checks the logs of the functions."""
    shown = {"apiId", "requestTime", "requestId", "httpMethod", "path", "status", "responseLatency", "integrationErrorMessage"}
    for parameters in ({}, {"SecondApiRateLimit": 10}):
        stages = Stack("blue", **parameters).of_type("AWS::ApiGatewayV2::Stage").values()
        assert len(stages) == 1 + len(parameters), parameters
        for stage in stages:
            assert stage["DefaultRouteSettings"].get("DataTraceEnabled", False) is False, stage
            access_log = stage["AccessLogSettings"]["Format"]
            assert set(re.findall(r"\$context\.([\w.]+)", access_log)) == shown, access_log
            # $context.path has no query, and the format names nothing else of the request.
            assert access_log.count("$") == len(shown), access_log


def periods_are_those_of_the_runbook():
    runbook = (ROOT / "docs/runbook.md").read_text()
    for section, alarm in ALARMS.items():
        assert f"\n## {section}\n" in runbook, section
        of_it = runbook.split(f"\n## {section}\n")[1].split("\n## ")[0]
        assert alarm["AlarmDescription"].endswith(f"docs/runbook.md, {section}.") and len(alarm["AlarmDescription"]) <= 1024, section
        if not any(metric["Namespace"] == "CampaignSync" for metric in metrics(alarm)):
            continue
        if section == "reconcile-silent":
            # This alarm is about a metric that stays away.
            assert alarm["TreatMissingData"] == "breaching" and alarm["Period"] == 3600, alarm
            continue
        # The functions report these metrics only when something happened, so missing values are filled. The periods are those of the text.
        periods, enough = alarm["EvaluationPeriods"], alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])
        [seconds] = {it["MetricStat"]["Period"] for it in alarm["Metrics"] if "MetricStat" in it}
        if section == "oldest-change":
            # A change is retried at least every 28 minutes (domain::retry): after 22 minutes and up to 5.5 of jitter.
            assert seconds >= 28 * 60 and f"within {seconds // 60} minutes" in of_it, seconds
        elif enough == 1:
            assert f"Ends: {periods * seconds // 60} minutes after" in of_it, (section, of_it)
        else:
            words = {300: "periods of five minutes", 3600: "hours"}[seconds]
            number = {2: "two", 3: "three", 4: "four"}
            assert f"{number[enough]} of {number[periods]} {words}" in of_it, (section, of_it)
        assert section == "oldest-change" or periods > enough, f"{section} rests on the newest period alone, but log lines arrive late"


def every_alarm_notifies_the_topic():
    topic = "arn:aws:sns:eu-west-1:123456789012:on-call"
    for parameters, actions in [({}, None), ({"AlarmTopicArn": topic}, [topic])]:
        for alarm in Stack("blue", **SCHEDULE, **parameters).of_type("AWS::CloudWatch::Alarm").values():
            assert alarm.get("AlarmActions") == alarm.get("OKActions") == actions and alarm["TreatMissingData"], alarm


def body(stack):
    [dashboard] = stack.of_type("AWS::CloudWatch::Dashboard").values()
    return dashboard["DashboardBody"]


def the_dashboard_shows_every_alarm_on_a_grid():
    widgets = json.loads(body(Stack("blue", **SCHEDULE)))["widgets"]
    cells = [(x, y) for w in widgets for x in range(w["x"], w["x"] + w["width"]) for y in range(w["y"], w["y"] + w["height"])]
    assert len(cells) == len(set(cells)) and all(x < 24 for x, _ in cells), "widgets overlap or leave the grid"
    shown = [arn.rpartition(":")[2] for w in widgets if w["type"] == "alarm" for arn in w["properties"]["alarms"]]
    assert sorted(shown) == sorted(f"blue-{section}" for section in ALARMS), "the dashboard does not show exactly the alarms of the template"


TESTS = [
    queues_and_logs_outlive_the_stack, resources_that_outlived_a_stack_are_imported_unchanged, two_stacks_share_no_name,
    two_stacks_share_no_secret_unless_a_parameter_says_so, two_stacks_share_no_metric, roles_may_use_a_key_before_the_queues_do,
    a_new_stack_meets_the_log_groups_of_an_old_one_before_it_touches_a_queue,
    every_role_that_uses_a_queue_may_use_its_key_and_the_former_key,
    runs_of_one_org_come_one_after_another_and_those_of_two_orgs_side_by_side,
    reconcile_may_keep_records_of_its_stack_alone, alarms_begin_and_end_as_the_runbook_says,
    no_query_is_logged, periods_are_those_of_the_runbook, every_alarm_notifies_the_topic, the_dashboard_shows_every_alarm_on_a_grid,
]
for test in TESTS:
    test()
    print(f"template: ok, {test.__name__.replace('_', ' ')}")
