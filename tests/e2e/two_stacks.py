"""Two stacks in one account and region share nothing. A stack takes over what a deleted stack of the same name left."""

import contextlib
import json
import time

import botocore.exceptions

from local_aws import ROOT, STACK, Sender, depth, drained, genesys, local_aws, put_secrets, until

# This name begins with the name of the other stack.
OTHER = f"{STACK}-eu"
CAMPAIGN = "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11"
BEGAN = time.monotonic()


def say(text):
    print(f"two stacks, {time.monotonic() - BEGAN:5.1f} s: {text}", flush=True)


def change(version, **more):
    return {"eventId": f"evt-{version}", "org": "acme-us", "campaignId": CAMPAIGN, "contactKey": "LEAD-00777",
            "version": version, "data": {"status": f"state {version}"}, "callable": True} | more


def refused(call):
    try:
        call()
        return False
    except botocore.exceptions.ClientError as error:
        assert "AccessDenied" in error.response["Error"]["Code"], error
        return True


def two_stacks_share_nothing(aws, service, first, other):
    put_secrets(aws, service, {"acme-us": "predictive"}, prefix=OTHER)
    answer = Sender(aws, first[1]).post("crm-acme-us", [change(1)])
    assert answer == (401, {"error": "unauthorized"}), f"a source of the other stack is let in: {answer}"
    Sender(aws, other[1]).send([change(2)])
    drained(aws, other[0])
    assert service.contacts(CAMPAIGN)["LEAD-00777"]["data"]["status"] == "state 2"
    stacks = {name: {json.loads(line)["Stack"] for line in aws.logs(f"/aws/lambda/{name}-{function}") if line.startswith('{"_aws"')}
              for name, function in [(STACK, "ingest"), (OTHER, "ingest"), (OTHER, "apply")]}
    assert stacks == {STACK: {STACK}, OTHER: {OTHER}}, stacks
    assert not list(aws.logs(f"/aws/lambda/{STACK}-apply")), "apply of the first stack was called"
    # MiniStack creates only the alarms on a single metric. tests/e2e/template.py checks all alarms.
    alarms = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    by_stack = [sum(alarm["AlarmName"].startswith(f"{name}-{kind}") for alarm in alarms for kind in ("parked", "ingest-", "apply-"))
                for name in (STACK, OTHER)]
    assert by_stack == [5, 5] and len({json.dumps([alarm["MetricName"], alarm["Dimensions"]]) for alarm in alarms}) == len(alarms)
    roles = {(one, function): aws.as_role(aws.role(function, one)) for one in (STACK, OTHER) for function in ("ingest", "apply")}
    message = {"MessageBody": "{}", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    for one, its, prefix in [(STACK, other[0], OTHER), (OTHER, first[0], STACK)]:
        ingest, apply = roles[one, "ingest"], roles[one, "apply"]
        tries = {
            "send": lambda: aws.client("sqs", ingest).send_message(QueueUrl=its["QueueUrl"], **message),
            "receive": lambda: aws.client("sqs", apply).receive_message(QueueUrl=its["QueueUrl"]),
            "park": lambda: aws.client("sqs", apply).send_message(QueueUrl=its["DeadLetterQueueUrl"], **message),
            "read a source": lambda: aws.client("secretsmanager", ingest).get_secret_value(SecretId=f"{prefix}/source/crm-acme-us"),
            "read an org": lambda: aws.client("secretsmanager", apply).get_secret_value(SecretId=f"{prefix}/org/acme-us"),
        }
        assert all(refused(call) for call in tries.values()), one
    say("secrets, queues, metrics and alarms are each stack's own, and neither may use the other's")


def event_source(aws, stack, enabled):
    client = aws.client("lambda")
    [mapping] = client.list_event_source_mappings(FunctionName=f"{stack}-apply")["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)
    wanted = "Enabled" if enabled else "Disabled"
    until(wanted, lambda: client.get_event_source_mapping(UUID=mapping["UUID"])["State"] == wanted)


def remaining(aws, stack):
    """The queues and log groups that are named after a stack."""
    queues = aws.client("sqs").list_queues(QueueNamePrefix=f"{stack}-").get("QueueUrls", [])
    groups = aws.client("logs").describe_log_groups()["logGroups"]
    return sorted([url.rpartition("/")[2] for url in queues] + [
        it["logGroupName"] for it in groups if it["logGroupName"].rpartition("/")[2].startswith(f"{stack}-")])


def delete(aws, stack):
    done, printed = aws.sam("delete", "--no-prompts", "--stack-name", stack, "--region", "us-east-1")
    assert done, printed


def a_deleted_stack_leaves_its_queues_and_logs(aws, other):
    """Deletes the stack while three changes wait and one is parked."""
    sender, outputs = Sender(aws, other[1]), other[0]
    sender.send([change(3, eventId="poison", data={"crmVersion": "mine"})])
    until("it is parked", lambda: depth(aws, outputs["DeadLetterQueueUrl"]) == 1)
    event_source(aws, OTHER, enabled=False)
    sender.send([change(version) for version in (4, 5, 6)])
    delete(aws, OTHER)
    with contextlib.suppress(botocore.exceptions.ClientError):
        raise AssertionError(aws.client("lambda").get_function(FunctionName=f"{OTHER}-apply"))
    held = [depth(aws, outputs[name]) for name in ("QueueUrl", "DeadLetterQueueUrl")]
    assert held == [3, 1], held
    names = ["changes.fifo", "parked.fifo"]
    assert remaining(aws, OTHER) == sorted([f"/aws/lambda/{OTHER}-{it}" for it in ("apply", "ingest", "reconcile")]
                                           + [f"/aws/vendedlogs/{OTHER}-api"] + [f"{OTHER}-{name}" for name in names]), remaining(aws, OTHER)
    say("sam delete left both queues with the changes in them, and the logs")


def the_next_stack_of_the_name_imports_them(aws, service, outputs):
    """Deploys the deleted stack again, as docs/runbook.md says under "Deploy again what was deleted"."""
    def queue(logical_id, url):
        return {"ResourceType": "AWS::SQS::Queue", "LogicalResourceId": logical_id, "ResourceIdentifier": {"QueueUrl": url}}

    def group(logical_id, name):
        return {"ResourceType": "AWS::Logs::LogGroup", "LogicalResourceId": logical_id, "ResourceIdentifier": {"LogGroupName": name}}
    cloudformation = aws.client("cloudformation")
    cloudformation.create_change_set(
        StackName=OTHER, ChangeSetName="import", ChangeSetType="IMPORT",
        TemplateBody=(ROOT / "docs/retained.yaml").read_text(),
        ResourcesToImport=[
            queue("Queue", outputs["QueueUrl"]), queue("DeadLetterQueue", outputs["DeadLetterQueueUrl"]),
            group("IngestLogs", f"/aws/lambda/{OTHER}-ingest"), group("ApplyLogs", f"/aws/lambda/{OTHER}-apply"),
            group("ReconcileLogs", f"/aws/lambda/{OTHER}-reconcile"), group("ApiLogs", f"/aws/vendedlogs/{OTHER}-api"),
        ])
    cloudformation.get_waiter("change_set_create_complete").wait(StackName=OTHER, ChangeSetName="import", WaiterConfig={"Delay": 1})
    cloudformation.execute_change_set(StackName=OTHER, ChangeSetName="import")
    cloudformation.get_waiter("stack_import_complete").wait(StackName=OTHER, WaiterConfig={"Delay": 1})
    before = service.contacts(CAMPAIGN)["LEAD-00777"]["data"]
    assert before["status"] == "state 2", before
    again, api = aws.deploy(service.base, stack=OTHER)
    assert [again[name] for name in ("QueueUrl", "DeadLetterQueueUrl")] == [outputs[name] for name in ("QueueUrl", "DeadLetterQueueUrl")]
    drained(aws, again)
    after = service.contacts(CAMPAIGN)["LEAD-00777"]["data"]
    assert after["status"] == "state 6" and depth(aws, again["DeadLetterQueueUrl"]) == 1, after
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=again["QueueUrl"], AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "30" and "RedrivePolicy" in attributes, attributes
    Sender(aws, api).send([change(7)])
    drained(aws, again)
    assert service.contacts(CAMPAIGN)["LEAD-00777"]["data"]["status"] == "state 7"
    say("the next stack of that name imported them, and applied the changes that waited")


def a_failed_first_deployment_leaves_nothing(aws):
    """A first deployment that fails leaves nothing behind that would stop the next one. This one fails because MiniStack refuses the alarms on
    metric math, which the template has where GenesysBaseUrl is empty."""
    done, printed = aws.sam("deploy", "--config-env", "local", "--stack-name", "unlucky", "--s3-prefix", "unlucky",
                            "--parameter-overrides", 'GenesysBaseUrl=""')
    events = aws.client("cloudformation").describe_stack_events(StackName="unlucky")["StackEvents"]
    logs = {event["ResourceStatus"] for event in events if event["LogicalResourceId"] == "ApplyLogs"}
    assert not done and {"CREATE_COMPLETE", "DELETE_COMPLETE"} <= logs, (logs, printed)
    assert remaining(aws, "unlucky") == [], remaining(aws, "unlucky")
    say("a first deployment that failed left nothing behind")


with local_aws() as aws, genesys() as service:
    first, other = aws.deploy(service.base), aws.deploy(service.base, stack=OTHER)
    say("both are deployed")
    two_stacks_share_nothing(aws, service, first, other)
    a_deleted_stack_leaves_its_queues_and_logs(aws, other)
    the_next_stack_of_the_name_imports_them(aws, service, other[0])
    a_failed_first_deployment_leaves_nothing(aws)
say("4 passed, 0 failed")
