"""The console against a local AWS that enforces IAM, with no more rights than docs/console.md grants: what CloudWatch measured, its
alarms and the log of apply, what is parked; and that to send again needs the second policy."""

import contextlib
import hashlib
import http.client
import json
import re
import time
import urllib.parse

import local_aws
from local_aws import ROOT, STACK, until

ORG, CAMPAIGN, KEY = "acme-us", "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11", "LEAD-CANARY-7"
GROUP = f"{ORG}/{CAMPAIGN}/{hashlib.sha256(KEY.encode()).hexdigest()[:32]}"


def policies():
    """To look, and to alter, as the page documents them."""
    page = (ROOT / "docs/console.md").read_text()
    found = re.findall(r'```json\n(\{ "Version".*?)```', page, re.S)
    assert len(found) == 2, found
    for name, value in (("REGION", "us-east-1"), ("ACCOUNT", "000000000000"), ("STACK", STACK)):
        found = [policy.replace(name, value) for policy in found]
    # The local AWS takes the batch of an operation for an action of its own.
    return [policy.replace('"sqs:ChangeMessageVisibility"', '"sqs:ChangeMessageVisibility*"') for policy in found]


class Console:
    """Its pages, as a browser asks for them."""

    def __init__(self, log):
        address = until("the console's address", lambda: re.search(r"http://(127\.0\.0\.1:\d+)(/\?token=\w+)", log.read_text()), 30)
        self.host, self.cookie, self.form = address.group(1), "", ""
        self.cookie = self.ask("GET", address.group(2)).getheader("set-cookie").split(";")[0]
        self.form = re.search(r'name="csrf" value="(\w+)"', self.get("/contact")).group(1)

    def ask(self, method, path, body=None):
        headers = {"cookie": self.cookie, "origin": f"http://{self.host}", "content-type": "application/x-www-form-urlencoded"}
        connection = http.client.HTTPConnection(self.host, timeout=40)
        connection.request(method, path, body, headers)
        return connection.getresponse()

    def get(self, path):
        answer = self.ask("GET", path)
        text = answer.read().decode()
        assert answer.status == 200, (path, answer.status, text)
        return text

    def post(self, path, **fields):
        answer = self.ask("POST", path, urllib.parse.urlencode({"csrf": self.form} | fields))
        return self.get(answer.getheader("location")) if answer.status == 303 else answer.read().decode()

    def has(self, path, *wanted):
        page = ""

        def has_all():
            nonlocal page
            page = self.get(path)
            return all(text in page for text in wanted)

        with contextlib.suppress(AssertionError):
            return until(str(wanted), has_all, 20)
        raise AssertionError(f"{path} has not {wanted}: {page}")


@contextlib.contextmanager
def console(aws, session, urls, service):
    keys = session.get_credentials()
    env = aws.env | {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key, "AWS_SESSION_TOKEN": keys.token or "",
                     "AWS_REGION": "us-east-1", "QUEUE_URL": urls[0], "DEAD_LETTER_QUEUE_URL": urls[1], "GENESYS_BASE_URL": service.base}
    log = local_aws.log_of("console")
    with local_aws.process([ROOT / "target/debug/campaign-sync", "console", "--port", "0"], log, env):
        yield Console(ROOT / "target" / log)


def prepared(aws):
    """URLs of the queues; what is measured, logged and parked."""
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
    for name in (f"{STACK}-parked", f"{STACK}-other-parked"):
        cloudwatch.put_metric_alarm(AlarmName=name, AlarmDescription="Changes are in the dead-letter queue.", Namespace="AWS/SQS",
                                    MetricName="ApproximateNumberOfMessagesVisible", Statistic="Maximum", Period=60, EvaluationPeriods=1,
                                    Threshold=0, ComparisonOperator="GreaterThanThreshold")
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
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


def role(aws, name, granted):
    iam = aws.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    for place, policy in enumerate(granted):
        iam.put_role_policy(RoleName=name, PolicyName=f"granted-{place}", PolicyDocument=policy)
    return aws.as_role(arn)


def looks(console):
    # The local AWS knows no SEARCH: what all orgs did together it does not tell.
    console.has("/", "1<span> parked</span>", "<strong>Alarm parked</strong>", "Changes are in the dead-letter queue.")
    assert "other-parked" not in console.get("/"), "an alarm of another stack"
    console.has(f"/?org={ORG}", "41<span> accepted</span>", "calls left")
    found = console.post("/contact", org=ORG, campaign=CAMPAIGN, key=KEY, hours="3")
    for wanted in ("evt_1", "evt_2", "waits 15 s (throttled)", "The campaign is on.", "Parked as"):
        assert wanted in found, (wanted, found)
    assert "evt_other" not in found, found
    console.has("/parked", "evt_3")
    console.post("/parked/try", of="all", rate="100")
    console.has("/parked", "1 would be sent again")


def main():
    look, alter = policies()
    with local_aws.genesys("--api", "contactLists") as service, local_aws.local_aws() as aws:
        local_aws.put_secrets(aws, service, {ORG: "contactLists"})
        urls = prepared(aws)
        with console(aws, role(aws, "looker", [look]), urls, service) as pages:
            looks(pages)
            pages.post("/parked/redrive", of="all", rate="100")
            pages.has("/parked", "AccessDenied")
            assert (local_aws.depth(aws, urls[0]), local_aws.depth(aws, urls[1])) == (0, 1)
        with console(aws, role(aws, "doer", [look, alter]), urls, service) as pages:
            pages.has("/parked", "evt_3")
            pages.post("/parked/redrive", of="all", rate="100")
            pages.has("/parked", "1 sent again")
            assert (local_aws.depth(aws, urls[0]), local_aws.depth(aws, urls[1])) == (1, 0)
    print("tests/e2e/console_aws.py: the documented rights are enough to look, and to send again needs the others.")


main()
