"""Tests the deployed stack end to end: signed webhooks go through the HTTP API to the contacts in Genesys Cloud, while calls fail."""

import collections
import datetime
import json
import os
import random
import subprocess
import time
import uuid

import botocore.exceptions

from console_http import console, policies, role
from local_aws import (
    ROOT, SIGNING_SECRET, STACK, Sender, depth, drained, genesys, local_aws, put_secrets, until,
)

CAMPAIGNS = [
    ("acme-us", "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11"),
    ("acme-us", "0b7a52c4-5a1d-4f0e-8a3c-6f1f0d8c2e22"),
    ("acme-eu", "c3d9f7e6-1b2a-4c5d-9e8f-7a6b5c4d3e33"),
]
# The two orgs have different APIs.
APIS = {"acme-us": "predictive", "acme-eu": "contactLists"}
RECONCILE = ["ReconcileOrg=acme-us", "ReconcileCampaignIds=" + ",".join(
    campaign for org, campaign in CAMPAIGNS if org == "acme-us")]
CONTACTS, CHANGES_EACH = 300, 5
# Every contact key and every value contains it. No log may.
CANARY = "canary"
BEGAN = time.monotonic()


def say(text):
    print(f"deployed, {time.monotonic() - BEGAN:5.1f} s: {text}", flush=True)


def change(n, version, **more):
    org, campaign = CAMPAIGNS[n % 3]
    data = {"phone": f"+1-{CANARY}-{n}", "firstName": f"{CANARY} Zoë {n}", "status": f"{CANARY}-{version}"}
    # In a contact list, an id may hold no special characters.
    key = f"{CANARY}/{n} é" if APIS[org] == "predictive" else f"{CANARY}-{n}"
    return {"eventId": f"evt-{n}-{version}", "org": org, "campaignId": campaign, "contactKey": key,
            "version": 1_764_000_000_000 + version, "data": data, "callable": True} | more


def version_of(newest):
    '''The version column once this change is applied: its rank, the rank of its decision and the mark (docs/contract.md "Version column").'''
    version = newest["version"]
    return {"crmVersion": f"{version}:{version}{'+' if newest['callable'] else '-'}"}


def make_up_changes(chance):
    """Returns the changes in the order in which they are sent, how many of them are sent twice, and what each contact must hold in the
    end. Some changes are rapid and some are late."""
    queues, expected = [], {}
    for n in range(CONTACTS):
        changes = [change(n, version) for version in range(1, CHANGES_EACH + 1)]
        kind = n % 5
        if kind == 0:  # opts out at the end; of half of them an older change that says the opposite arrives last
            changes[-1]["callable"] = False
            if n % 2:
                changes[-2], changes[-1] = changes[-1], changes[-2]
        elif kind == 1:  # opts out and in again
            changes[2]["callable"] = False
        elif kind == 2:  # arrives in any order
            chance.shuffle(changes)
        elif kind == 3:  # the newest first
            changes.reverse()
        newest = max(changes, key=lambda change: change["version"])
        columns = newest["data"] | version_of(newest)
        expected[newest["campaignId"], newest["contactKey"]] = {"data": columns, "callable": newest["callable"]}
        queues.append(collections.deque(changes))
    order, sent_twice = [], 0
    while queues:
        queue = chance.choice(queues)
        # Often several changes of one contact follow each other.
        for _ in range(chance.choice([1, 1, 2, 3])):
            if queue:
                order.append(queue.popleft())
                if chance.random() < 0.05:
                    order.append(order[-1])
                    sent_twice += 1
        queues = [queue for queue in queues if queue]
    return order, sent_twice, expected


def rotate(aws, service, org):
    """Stores the new client secret first. Then the old one and every token become invalid."""
    secrets = aws.client("secretsmanager")
    name = f"campaign-sync/org/{org}"
    secret = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    secret["clientSecret"] = "rotated-secret"
    secrets.put_secret_value(SecretId=name, SecretString=json.dumps(secret))
    service.put_client_secret(secret["clientId"], "rotated-secret")


def assert_contacts(service, expected):
    held = {campaign: service.contacts(campaign) for _, campaign in CAMPAIGNS}
    wrong = [(key, wanted, held[campaign].get(key)) for (campaign, key), wanted in expected.items()
             if held[campaign].get(key) != wanted]
    assert not wrong, f"{len(wrong)} contacts are wrong, such as {wrong[:3]}"


def what_was_deployed_is_as_in_the_template(aws, outputs):
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=outputs["QueueUrl"], AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "30" and attributes["MessageRetentionPeriod"] == "1209600", attributes
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] in (1000, "1000"), attributes
    mapping = aws.client("lambda").list_event_source_mappings(FunctionName=f"{STACK}-apply")["EventSourceMappings"][0]
    assert mapping["BatchSize"] == 10 and mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"], mapping
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 5}, mapping
    alarms = aws.client("cloudwatch").describe_alarms(AlarmNames=[f"{STACK}-parked"])["MetricAlarms"]
    assert alarms[0]["MetricName"] == "ApproximateNumberOfMessagesVisible", alarms
    say("queue, event source and alarm are as the template says")


def changes_arrive_in_spite_of_faults(aws, outputs, service, sender):
    order, sent_twice, expected = make_up_changes(random.Random(4))
    # Each of these faults lasts for several calls, as a real outage does.
    service.fault(status=429, retryAfter=1, after=40, times=3)
    service.fault(status=503, after=120, times=12)
    service.fault(method="PATCH", status=503, after=60, times=4)
    service.fault(method="POST", path="contacts", status=429, retryAfter=1, after=5, times=2)
    size, half = 25, len(order) // 2
    for at in range(0, len(order), size):
        if at <= half < at + size:
            rotate(aws, service, "acme-us")
        sender.send(order[at:at + size])
    say(f"{len(order)} changes to {CONTACTS} contacts are accepted, {sent_twice} of them sent twice")
    drained(aws, outputs)
    assert_contacts(service, expected)
    statuses = collections.Counter((call["method"], call["status"]) for call in service.calls())
    for status, least in [(429, 5), (503, 16), (401, 1)]:
        seen = sum(count for (_, other), count in statuses.items() if other == status)
        assert seen >= least, f"{seen} answers {status}, expected {least}"
    shown = ", ".join(f"{method} {status}: {count}" for (method, status), count in sorted(statuses.items()))
    say(f"every contact is as its newest change says, after a rotated secret and bursts of 429 and 503; calls: {shown}")
    return expected


def an_unreadable_message_is_parked_alone(aws, outputs, service, sender, expected):
    sqs, good = aws.client("sqs"), change(7, 50)
    first = change(7, 49)
    # An unreadable body comes before a good change in the message group of a contact.
    group = group_of(first)
    sqs.send_message(QueueUrl=outputs["QueueUrl"], MessageBody=f"not JSON, {CANARY}", MessageGroupId=group,
                     MessageDeduplicationId=uuid.uuid4().hex)
    sender.send([good])
    drained(aws, outputs)
    expected[good["campaignId"], good["contactKey"]] = {
        "data": good["data"] | version_of(good), "callable": True}
    assert_contacts(service, expected)
    parked = sqs.receive_message(QueueUrl=outputs["DeadLetterQueueUrl"], MaxNumberOfMessages=10,
                                 MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])["Messages"]
    assert len(parked) == 1, parked
    attributes = {name: value["StringValue"] for name, value in parked[0]["MessageAttributes"].items()}
    assert attributes["reason"] == "invalidChange" and "firstReceivedAt" in attributes, attributes
    assert parked[0]["Body"] == f"not JSON, {CANARY}" and parked[0]["Attributes"]["MessageGroupId"] == group, parked
    say(f"poison is parked as {attributes['reason']} ({attributes['detail']}), and its group went on")


def a_bad_item_is_parked_alone(aws, outputs, sender):
    """If a source parks, one bad change of two costs only itself."""
    secret = {"signingSecrets": [SIGNING_SECRET], "onFault": "park"}
    aws.client("secretsmanager").create_secret(Name="campaign-sync/source/parks", SecretString=json.dumps(secret))
    bad = change(8, 48, calable=CANARY)
    answer = sender.post("parks", [change(7, 48), bad])
    assert answer == (202, {"accepted": 1, "parked": 1}), answer
    drained(aws, outputs)
    sqs = aws.client("sqs")
    [parked] = sqs.receive_message(QueueUrl=outputs["DeadLetterQueueUrl"], MaxNumberOfMessages=10,
                                   MessageAttributeNames=["All"])["Messages"]
    attributes = {name: value["StringValue"] for name, value in parked["MessageAttributes"].items()}
    assert attributes["reason"] == "unmapped" and CANARY not in attributes["detail"], attributes
    assert json.loads(parked["Body"])["item"] == bad, parked
    sqs.delete_message(QueueUrl=outputs["DeadLetterQueueUrl"], ReceiptHandle=parked["ReceiptHandle"])
    say(f"of two changes the bad one is parked: {attributes['detail']}")


def group_of(change):
    '''The message group of a change, computed by hand (docs/contract.md "Message group and deduplication ids").'''
    import hashlib
    return f"{change['org']}/{change['campaignId']}/{hashlib.sha256(change['contactKey'].encode()).hexdigest()[:32]}"


def the_console_shows_contacts_and_what_is_parked(aws, outputs, service, expected):
    """Runs the console for the deployed stack, with the policy of docs/console.md that lets it look."""
    (campaign, key), wanted = next(one for one in expected.items() if one[1]["callable"] is False and one[0][0] == CAMPAIGNS[0][1])
    look, _ = policies()
    urls = outputs["QueueUrl"], outputs["DeadLetterQueueUrl"]
    with console(aws, role(aws, "looks-at-the-console", [look]), urls, service) as pages:
        pages.has("/", "1<span> parked</span>", "Nothing is under way.")
        pages.has("/?org=acme-us", "calls left")
        page = pages.post("/contact", org="acme-us", campaign=campaign, key=key, hours="3")
        for text in (wanted["data"]["phone"], "It is not called: the CRM ", "evt-"):
            assert text in page, (text, page)
    say("the console shows what is parked, and says why a contact that opted out is not called")


def a_killed_apply_writes_nothing_twice(aws, outputs, service, sender, expected):
    """Kills apply after its writes reached Genesys Cloud and before their answers arrived."""
    before = len(service.calls())
    created, updated = change(CONTACTS, 1), change(0, 60)
    assert CAMPAIGNS[CONTACTS % 3] == CAMPAIGNS[0]

    def writes():
        calls = service.calls()[before:]
        return [call["method"] for call in calls if call["method"] in ("POST", "PATCH") and "contacts" in call["path"]]

    for method, sent, seen in [("POST", created, ["POST"]), ("PATCH", updated, ["POST", "PATCH"])]:
        service.fault(method=method, path="contacts", hang="after")
        sender.send([sent])
        until(f"the {method} arrives", lambda: writes() == seen, 15, 0.01)
        assert aws.kill("apply") > 0, "no process of apply was found"
    assert depth(aws, outputs["QueueUrl"]) == 2, "the messages are still in the queue"
    drained(aws, outputs)
    for wanted in [created, updated]:
        expected[wanted["campaignId"], wanted["contactKey"]] = {
            "data": wanted["data"] | version_of(wanted), "callable": True}
    assert_contacts(service, expected)
    assert writes() == ["POST", "PATCH"], writes()
    # It was killed before its own timeout. The next invocation found the work done.
    of_both = [line for line in aws.logs() if created["eventId"] in line or updated["eventId"] in line]
    assert not any("change retried" in line for line in of_both), of_both
    assert sum('"outcome":"unchanged"' in line for line in of_both) == 2, of_both
    say("apply was killed after its writes and before their answers: the messages came back, and nothing was written twice")


def a_backlog_is_topped_up(aws, outputs, service, sender, expected):
    """Changes wait behind a paused event source. Apply tops up from them, and they come back if the process dies in the middle."""
    lambdas, list_api = aws.client("lambda"), CAMPAIGNS[2]
    mapping = lambdas.list_event_source_mappings(FunctionName=f"{STACK}-apply")["EventSourceMappings"][0]["UUID"]
    # A shorter timeout would leave too little time to top up.
    aws.deploy(service.base, *RECONCILE, "ApplyTimeoutSeconds=10")

    def enable(is_so):
        lambdas.update_event_source_mapping(UUID=mapping, Enabled=is_so)
        state = "Enabled" if is_so else "Disabled"
        until(f"the event source is {state}",
              lambda: lambdas.get_event_source_mapping(UUID=mapping)["State"] == state, 20)

    def paused(version):
        enable(False)
        changes = [change(n, version) for n in range(2, 1500, 3)]
        assert {(one["org"], one["campaignId"]) for one in changes} == {list_api}
        for at in range(0, len(changes), 50):
            sender.send(changes[at:at + 50])
        for one in changes:
            expected[one["campaignId"], one["contactKey"]] = {
                "data": one["data"] | version_of(one), "callable": True}
        # The event source may still hand over what it had received when it was paused.
        assert depth(aws, outputs["QueueUrl"]) > 480
        return len(service.calls())

    def calls(since):
        return [call for call in service.calls()[since:] if call["path"].startswith("/api/")]

    before, began = paused(80), time.monotonic()
    enable(True)
    drained(aws, outputs)
    took, made = time.monotonic() - began, calls(before)
    assert_contacts(service, expected)
    assert len(made) <= 50, f"{len(made)} calls: {made}"
    of_us = [line for line in aws.logs("apply") if '"ToppedUp"' in line]
    width = max(json.loads(line)["ToppedUp"] for line in of_us)
    say(f"500 changes behind a paused event source took {len(made)} calls and {took:.1f} s, {width} of them in one invocation")

    before = paused(81)
    service.fault(method="POST", path="/contacts$", hang="after")
    enable(True)
    until("a wide write arrives", lambda: any(call["path"].endswith("/contacts") for call in calls(before)), 60, 0.02)
    assert aws.kill("apply") > 0, "no process of apply was found"
    left = depth(aws, outputs["QueueUrl"])
    assert left >= 480, f"{left} messages are in the queue: expected those of the killed process too"
    drained(aws, outputs, 200)
    assert_contacts(service, expected)
    say(f"apply was killed after it had topped up: {left} messages came back, and every contact is as its newest change says")


def reconcile_repairs_what_webhooks_missed(aws, outputs, service, expected):
    """Reconcile repairs what dropped webhooks missed: a run with the schedule's own input finds it in the CRM's feed."""
    schedule = aws.client("scheduler").get_schedule(Name=f"{STACK}-reconcile")
    assert schedule["State"] == "ENABLED" and schedule["ScheduleExpression"] == "rate(15 minutes)", schedule
    target = schedule["Target"]
    assert target["Arn"].endswith(f":{STACK}-runs.fifo") and "failed-runs" in target["DeadLetterConfig"]["Arn"]
    assert target["SqsParameters"] == {"MessageGroupId": "acme-us"}, target
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 900}, target
    # The campaigns miss a change of two contacts in three: some of these are new, some opted out, and the others have new columns.
    feed = []
    for n in range(90):
        missed = change(n if n % 10 else CONTACTS + 9 + n, 70)
        del missed["eventId"]
        if n % 3:
            if n % 5 == 0:
                missed["callable"] = False
            now = {"data": missed["data"] | version_of(missed), "callable": missed["callable"]}
            expected[missed["campaignId"], missed["contactKey"]] = now
            feed.append(missed)
    service.put_feed(feed)

    sqs, runs = aws.client("sqs"), sqs_of_runs(aws)

    def due(**more):
        now = datetime.datetime.now(tz=datetime.timezone.utc).isoformat()
        return json.loads(target["Input"].replace("<aws.scheduler.scheduled-time>", now)) | more

    def invoke(**more):
        answer = aws.client("lambda").invoke(FunctionName=f"{STACK}-reconcile", Payload=json.dumps(due(**more)))
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    def ran(before):
        """Waits until the queue of runs is empty. Returns the log lines of the runs after the first `before`."""
        until("the runs are over", lambda: depth(aws, runs) == 0, 100, 0.3)
        lines = [json.loads(line) for line in aws.logs("reconcile") if '"reconciled"' in line]
        return lines[before:]

    of_us = sum(1 for contact in feed if contact["org"] == "acme-us")
    dry, _ = invoke(dryRun=True)
    assert (dry["checked"], dry["enqueued"], dry["complete"], dry["dryRun"]) == (of_us, 0, True, True), dry
    before = len(ran(0))
    service.feed_fault(status=503, times=2)
    # EventBridge Scheduler sends a run like this, without a deduplication id.
    sqs.send_message(QueueUrl=runs, MessageBody=json.dumps(due()), MessageGroupId="acme-us")
    [run] = ran(before)
    assert run["enqueued"] == dry["missing"] + dry["different"] == of_us, (run, dry)
    assert dry["missing"] > 0 and dry["different"] > 0, dry
    drained(aws, outputs)
    name = f"/campaign-sync/{STACK}/reconcile/acme-us"
    record = aws.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert record["Type"] == "SecureString" and json.loads(record["Value"])["lookedAt"], record
    say(f"a run with the schedule's input found the changes of {of_us} dropped webhooks, and the record holds the time up to which it looked")

    time.sleep(3)  # What is new cannot be read for two seconds.
    service.feed_fault(text='{"contacts": [', times=1)
    queued, error = invoke()
    assert error is None and queued["queued"] is True, (queued, error)
    until("it fails", lambda: any("the page is not JSON, or it is cut short" in line for line in aws.logs("reconcile")), 30, 0.3)
    assert depth(aws, runs) == 1 and depth(aws, outputs["QueueUrl"]) == 0
    # A run that failed still enqueues the opt-outs of its other campaign. There are none here.
    [faulty, again] = ran(before + 1)
    assert faulty["enqueued"] == 0, faulty
    assert (again["checked"], again["enqueued"]) == (of_us, 0), again
    failed = sqs.get_queue_url(QueueName=f"{STACK}-failed-runs")["QueueUrl"]
    assert depth(aws, failed) == 0
    say("a run that failed was retried a minute later, and found nothing new")

    eu = CAMPAIGNS[2][1]
    by_hand = [os.environ.get("CAMPAIGN_SYNC", "target/debug/campaign-sync"), "reconcile", "--org",
               "acme-eu", "--campaign", eu, "--since", "2h", "--json"]
    env = aws.env | {"QUEUE_URL": outputs["QueueUrl"], "GENESYS_BASE_URL": service.base}
    done = subprocess.run(by_hand, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["enqueued"] == len(feed) - of_us and report["complete"], report
    drained(aws, outputs)
    assert_contacts(service, expected)
    time.sleep(3)  # What is new cannot be read for two seconds.
    again, _ = invoke(dryRun=True)
    assert (again["checked"], again["missing"], again["different"], again["enqueued"]) == (of_us, 0, 0, 0), again
    say(f"the command repaired the other org ({report['missing']} missing, {report['different']} different); a second run "
        "finds nothing, and every contact is as the CRM says")


def sqs_of_runs(aws):
    return aws.client("sqs").get_queue_url(QueueName=f"{STACK}-runs.fifo")["QueueUrl"]


def each_role_has_only_its_rights(aws, outputs):
    """Tries each role with calls that it does not need."""
    def allowed(call):
        try:
            call()
            return True
        except botocore.exceptions.ClientError as error:
            assert "AccessDenied" in error.response["Error"]["Code"], error
            return False
    org, source = "campaign-sync/org/acme-us", "campaign-sync/source/crm-acme-us"
    for function, mine in [("ingest", {"read a source"}), ("apply", {"read an org"}),
                           ("reconcile", {"read an org", "read a feed", "look at the queue's depth", "read a record", "queue a run"})]:
        session = aws.as_role(aws.role(function))
        sqs, secrets = aws.client("sqs", session), aws.client("secretsmanager", session)
        queue, dead = outputs["QueueUrl"], outputs["DeadLetterQueueUrl"]
        message = {"MessageBody": "{}", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
        tries = {
            "read a source": lambda: secrets.get_secret_value(SecretId=source),
            "read an org": lambda: secrets.get_secret_value(SecretId=org),
            "read a feed": lambda: secrets.get_secret_value(SecretId="campaign-sync/feed/acme-us"),
            "write a secret": lambda: secrets.put_secret_value(SecretId=org, SecretString="{}"),
            "list secrets": lambda: secrets.list_secrets(),
            "receive parked messages": lambda: sqs.receive_message(QueueUrl=dead),
            "purge the queue": lambda: sqs.purge_queue(QueueUrl=queue),
            "list buckets": lambda: aws.client("s3", session).list_buckets(),
            "invoke a function": lambda: aws.client("lambda", session).invoke(FunctionName=f"{STACK}-apply"),
        }
        if function != "apply":
            tries["receive changes"] = lambda: sqs.receive_message(QueueUrl=queue)
        if function == "reconcile":
            name = f"/campaign-sync/{STACK}/reconcile/acme-us"
            ssm, runs = aws.client("ssm", session), sqs_of_runs(aws)
            tries["read a record"] = lambda: ssm.get_parameter(Name=name, WithDecryption=True)
            tries["read another stack's record"] = lambda: ssm.get_parameter(Name=name.replace(STACK, "another"))
            tries["queue a run"] = lambda: sqs.send_message(QueueUrl=runs, MessageBody="{}", MessageGroupId="acme-us")
            tries["purge the runs"] = lambda: sqs.purge_queue(QueueUrl=runs)
            tries["park"] = lambda: sqs.send_message(QueueUrl=dead, **message)
        if function == "apply":
            tries["send a change"] = lambda: sqs.send_message(QueueUrl=queue, **message)
        else:
            tries["look at the queue's depth"] = lambda: sqs.get_queue_attributes(QueueUrl=queue)
        may = {name for name, call in tries.items() if allowed(call)}
        assert may == mine, f"{function} may {sorted(may)}"
        say(f"{function} may {', '.join(sorted(mine))}, and may not {', '.join(sorted(set(tries) - mine))}")


def unwanted_requests_are_refused(sender):
    assert sender.post("crm-acme-us", [change(1, 99)], "whsec_b3RoZXI=") == (401, {"error": "unauthorized"})
    assert sender.post("nobody", [change(1, 99)]) == (401, {"error": "unauthorized"})
    assert sender.post("crm-acme-us", [change(1, 99)], method="PUT")[0] == 405
    status, answer = sender.post("crm-acme-us", [change(1, 99, calable=False)])
    assert (status, answer["details"][0]["code"]) == (400, "unknownField"), answer
    say("a wrong signature, source, method or field is refused")


def logs_and_metrics_hold_no_personal_data(aws):
    lines = list(aws.logs())
    assert any("change parked" in line for line in lines), "the functions' logs were not found"
    for secret in [CANARY, "Zoë", "secret-of-", "rotated-secret", SIGNING_SECRET, "token-", "local-feed-token"]:
        found = [line for line in lines if secret in line]
        assert not found, found[:2]
    metrics = collections.Counter()
    for line in lines:
        if not line.startswith('{"_aws"'):
            continue
        document = json.loads(line)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == "CampaignSync" and document["Stack"] == STACK, line
            for metric in directive["Metrics"]:
                value = document[metric["Name"]]
                metrics[document.get("Org"), metric["Name"]] += value if isinstance(value, int) else len(value)
    assert all(document_org in (None, *APIS) for document_org, _ in metrics), metrics
    changes = sum(metrics[org, name] for org in APIS for name in ["Created", "Updated", "Unchanged", "Stale", "Superseded", "Skipped"])
    assert changes >= CONTACTS * CHANGES_EACH and metrics["acme-us", "ApiCalls"] == metrics["acme-us", "ApiLatency"], metrics
    assert metrics["acme-us", "Throttled"] > 0 and metrics[None, "Unauthorized"] == 2 and metrics[None, "Parked"] == 1, metrics
    assert metrics[None, "Unmapped"] == 1, metrics
    assert metrics["acme-us", "Checked"] > 0 and metrics[None, "OptOutAge"] >= CONTACTS / 5, metrics
    say(f"the metrics count {changes} changes done, {metrics['acme-us', 'ApiCalls'] + metrics['acme-eu', 'ApiCalls']} calls")
    say(f"{len(lines)} lines of log, and no contact key, value, token or secret in them")


with local_aws() as aws, genesys("--api", "contactLists") as service:
    outputs, api = aws.deploy(service.base, *RECONCILE)
    say("sam deploy is done")
    what_was_deployed_is_as_in_the_template(aws, outputs)
    put_secrets(aws, service, APIS)
    sender = Sender(aws, api)
    unwanted_requests_are_refused(sender)
    expected = changes_arrive_in_spite_of_faults(aws, outputs, service, sender)
    a_bad_item_is_parked_alone(aws, outputs, sender)
    an_unreadable_message_is_parked_alone(aws, outputs, service, sender, expected)
    the_console_shows_contacts_and_what_is_parked(aws, outputs, service, expected)
    a_killed_apply_writes_nothing_twice(aws, outputs, service, sender, expected)
    reconcile_repairs_what_webhooks_missed(aws, outputs, service, expected)
    each_role_has_only_its_rights(aws, outputs)
    a_backlog_is_topped_up(aws, outputs, service, sender, expected)
    logs_and_metrics_hold_no_personal_data(aws)
say("12 passed, 0 failed")
