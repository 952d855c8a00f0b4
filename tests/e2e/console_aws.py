"""Runs the console against a local AWS that enforces IAM, with no more rights than docs/console.md grants.

It must show the metrics and alarms of CloudWatch, the log of apply, and the parked changes. A redrive must need the second policy."""

import hashlib
import json
import re
import time

import local_aws
from console_http import console, policies, role
from local_aws import STACK

ORG, CAMPAIGN, KEY = "acme-us", "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11", "LEAD-CANARY-7"
GROUP = f"{ORG}/{CAMPAIGN}/{hashlib.sha256(KEY.encode()).hexdigest()[:32]}"


def prepare(aws):
    """Puts metrics, alarms, log lines and a parked change. Returns the URLs of the queues."""
    sqs = aws.client("sqs")
    urls = [sqs.create_queue(QueueName=f"{STACK}-{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"] for name in ("changes", "parked")]
    body = {"schema": 1, "eventId": "evt_3", "org": ORG, "campaignId": CAMPAIGN, "contactKey": KEY, "version": 3, "data": {}}
    reason = {"reason": {"DataType": "String", "StringValue": "retryHorizon"}}
    sqs.send_message(QueueUrl=urls[1], MessageBody=json.dumps(body), MessageGroupId=GROUP, MessageDeduplicationId="1", MessageAttributes=reason)
    cloudwatch, logs = aws.client("cloudwatch"), aws.client("logs")
    dimensions = [{"Name": "Stack", "Value": STACK}, {"Name": "Org", "Value": ORG}]
    cloudwatch.put_metric_data(Namespace="CampaignSync", MetricData=[
        {"MetricName": "Accepted", "Dimensions": dimensions, "Value": 41, "Unit": "Count"},
        {"MetricName": "ApiCalls", "Dimensions": dimensions, "Value": 7, "Unit": "Count"}])
    for name, state in ((f"{STACK}-parked", "ALARM"), (f"{STACK}-other-parked", "ALARM"), (f"{STACK}-parking", "OK")):
        cloudwatch.put_metric_alarm(AlarmName=name, AlarmDescription="Changes are in the dead-letter queue.", Namespace="AWS/SQS",
                                    MetricName="ApproximateNumberOfMessagesVisible", Statistic="Maximum", Period=60, EvaluationPeriods=1,
                                    Threshold=0, ComparisonOperator="GreaterThanThreshold")
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
    group = f"/aws/lambda/{STACK}-apply"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    now = int(time.time() * 1000)
    lines = [{"message": "change done", "group": GROUP, "eventId": "evt_1", "outcome": "created"},
             {"message": "change done", "group": GROUP + "0", "eventId": "evt_other", "outcome": "created"},
             {"message": "change retried", "group": GROUP, "eventId": "evt_2", "cause": "throttled", "delaySeconds": 15}]
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=[
        {"timestamp": now - 60_000 + place, "message": json.dumps(line)} for place, line in enumerate(lines)])
    return urls


def check_pages(console):
    # The local AWS has no SEARCH, so the page cannot show the sums over all orgs.
    console.has("/", "1<span> parked</span>", "<strong>Alarm parked</strong>", "Changes are in the dead-letter queue.")
    assert "other-parked" not in console.get("/"), "an alarm of another stack"
    console.has("/", "1 alarm not on: 1 calm.", "<dt>parking</dt>")
    console.has(f"/?org={ORG}", "41<span> accepted</span>", "calls left")
    found = console.post("/contact", org=ORG, campaign=CAMPAIGN, key=KEY, hours="3")
    for wanted in ("evt_1", "evt_2", "waits 15 s (throttled)", "The campaign is on.", "Parked as"):
        assert wanted in found, (wanted, found)
    assert "evt_other" not in found, found
    console.has("/parked", "evt_3")
    console.post("/parked/try", of="all", rate="100")
    console.has("/parked", "1 would be sent again")


def redrive(console):
    """Redrives the changes that the dry run named."""
    console.post("/parked/redrive", tried=re.search(r'name="tried" value="(\d+)"', console.get("/parked")).group(1))


def main():
    look, alter = policies()
    with local_aws.genesys("--api", "contactLists") as service, local_aws.local_aws() as aws:
        local_aws.put_secrets(aws, service, {ORG: "contactLists"})
        urls = prepare(aws)
        with console(aws, role(aws, "looker", [look]), urls, service) as pages:
            check_pages(pages)
            redrive(pages)
            pages.has("/parked", "AccessDenied")
            assert (local_aws.depth(aws, urls[0]), local_aws.depth(aws, urls[1])) == (0, 1)
        with console(aws, role(aws, "doer", [look, alter]), urls, service) as pages:
            pages.has("/parked", "evt_3")
            pages.post("/parked/try", of="all", rate="100")
            pages.has("/parked", "1 would be sent again")
            redrive(pages)
            pages.has("/parked", "1 sent again")
            assert (local_aws.depth(aws, urls[0]), local_aws.depth(aws, urls[1])) == (1, 0)
    print("tests/e2e/console_aws.py: the first documented policy is enough to look, and a redrive needs the second")


main()
