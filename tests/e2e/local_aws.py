"""Runs MiniStack as a local AWS that enforces IAM, and the emulated Genesys Cloud. The tests deploy the template there."""

import contextlib
import datetime
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

import boto3
from standardwebhooks.webhooks import Webhook

ROOT = pathlib.Path(__file__).resolve().parents[2]
STACK = "campaign-sync"
SIGNING_SECRET = "whsec_ZTJlIG9ubHksIG5vIHNlY3JldCBhdCBhbGw="
# A test that is ended from outside still ends the processes that it started.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def until(what, is_so, seconds=60, pause=0.1):
    """Calls `is_so` until its answer is true, and returns that answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = is_so()
        if answer:
            return answer
        time.sleep(pause)
    raise AssertionError(f"not within {seconds} s: {what}")


def http(method, url, body=None, headers=None, timeout=40):
    """Sends a request. Returns the status and the JSON of its answer."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def log_of(what):
    """The name of a log file. Each test has its own files, because tests run side by side."""
    return f"e2e-{pathlib.Path(sys.argv[0]).stem}-{what}.log"


@contextlib.contextmanager
def process(command, log, env=None):
    """Starts a process and ends it with the block. Its output goes to target/."""
    with open(ROOT / "target" / log, "w") as output:
        started = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=env)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(timeout=10)
        except subprocess.TimeoutExpired:
            started.kill()


class Genesys:
    """The emulated Genesys Cloud, by its control endpoints."""

    def __init__(self, base):
        self.base = base

    def fault(self, **fault):
        assert http("POST", f"{self.base}/_emulator/faults", fault) == (200, {})

    def heal(self):
        assert http("DELETE", f"{self.base}/_emulator/faults") == (200, {})

    def put_client_secret(self, client_id, secret):
        assert http("PUT", f"{self.base}/_emulator/clients/{client_id}", {"secret": secret}) == (200, {})

    def put_feed(self, contacts):
        """Sets the contacts that the CRM's feed lists from now on."""
        body = json.dumps(contacts).encode()
        assert http("PUT", f"{self.base}/_emulator/feed/contacts", body) == (200, {})

    def feed_fault(self, **fault):
        assert http("POST", f"{self.base}/_emulator/feed/faults", fault) == (200, {})

    def calls(self):
        return http("GET", f"{self.base}/_emulator/calls")[1]

    def set_dnc_list(self, list_id, **how):
        """Makes the DNC list full or forbidden, or ends that."""
        assert http("PUT", f"{self.base}/_emulator/dnclists/{list_id}", how) == (200, {})

    def on_dnc_list(self, list_id):
        return http("GET", f"{self.base}/_emulator/dnclists/{list_id}")[1]

    def contacts(self, campaign):
        return http("GET", f"{self.base}/_emulator/campaigns/{campaign}/contacts")[1]


@contextlib.contextmanager
def genesys(*options):
    command = [os.environ.get("CAMPAIGN_SYNC", "target/debug/campaign-sync"), "local", "--serve", "--port", "0",
               "--calls-per-minute", "100000", *options]
    name = log_of("genesys")
    with process(command, name):
        log = ROOT / "target" / name
        found = until("the emulator", lambda: re.search(r"http://127\.0\.0\.1:\d+(?=, in memory)", log.read_text()), 20)
        yield Genesys(found.group())


class Aws:
    """The local AWS. It gives clients with the rights of its owner or of a role."""

    def __init__(self, port, pid, env):
        self.endpoint, self.pid, self.env = f"http://127.0.0.1:{port}", pid, env
        self.session = boto3.Session("test", "test", region_name="us-east-1")

    def client(self, service, session=None):
        return (session or self.session).client(service, endpoint_url=self.endpoint)

    def as_role(self, arn):
        keys = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="e2e")["Credentials"]
        return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "us-east-1")

    def sam(self, *arguments):
        """Runs sam. Returns whether it succeeded, and the end of its output."""
        done = subprocess.run(["sam", *arguments], cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=120)
        return done.returncode == 0, (done.stdout + done.stderr)[-2000:]

    def try_to_deploy(self, genesys_base, *more, stack=STACK):
        """Runs `sam deploy` as docs/deploy.md says. Returns as `sam` does."""
        overrides = " ".join(["ApplyTimeoutSeconds=5 SecretTtlSeconds=5", f"GenesysBaseUrl={genesys_base}", *more])
        return self.sam("deploy", "--config-env", "local", "--stack-name", stack, "--s3-prefix", stack,
                        "--parameter-overrides", overrides)

    def deploy(self, genesys_base, *more, stack=STACK):
        """Deploys the stack. Returns its outputs and the id of its HTTP API."""
        done, printed = self.try_to_deploy(genesys_base, *more, stack=stack)
        assert done, printed
        stack = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        return outputs, re.match(r"https://(\w+)\.", outputs["WebhookUrl"]).group(1)

    def role(self, function, stack=STACK):
        return self.client("lambda").get_function(FunctionName=f"{stack}-{function}")["Configuration"]["Role"]

    def processes(self, function):
        """The pids of a function's execution environments, which are child processes of this AWS."""
        pids, named = [], f"AWS_LAMBDA_FUNCTION_NAME={STACK}-{function}".encode()
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
                if parent == self.pid and named in (stat.parent / "environ").read_bytes().split(b"\0"):
                    pids.append(int(stat.parent.name))
        return pids

    def kill(self, function):
        pids = self.processes(function)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return len(pids)

    def logs(self, of=""):
        """Every line of the log groups whose names contain `of`."""
        client = self.client("logs")
        for group in client.describe_log_groups()["logGroups"]:
            if of not in group["logGroupName"]:
                continue
            for page in client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                yield from (event["message"] for event in page["events"])


class Sender:
    """A CRM that signs by Standard Webhooks."""

    def __init__(self, aws, api):
        port = aws.endpoint.rpartition(":")[2]
        self.endpoint, self.host = aws.endpoint, f"{api}.execute-api.localhost:{port}"

    def post(self, source, changes, secret=SIGNING_SECRET, method="POST"):
        body = json.dumps({"changes": changes})
        now, message_id = datetime.datetime.now(tz=datetime.timezone.utc), f"msg_{uuid.uuid4().hex}"
        headers = {"host": self.host, "content-type": "application/json", "webhook-id": message_id,
                   "webhook-timestamp": str(int(now.timestamp())),
                   "webhook-signature": Webhook(secret).sign(message_id, now, body)}
        return http(method, f"{self.endpoint}/webhooks/{source}", body.encode(), headers)

    def send(self, changes):
        for org in sorted({change["org"] for change in changes}):
            of_org = [change for change in changes if change["org"] == org]
            answer = self.post(f"crm-{org}", of_org)
            for _ in range(3):
                if answer[0] != 503:
                    break
                time.sleep(1)
                answer = self.post(f"crm-{org}", of_org)
            assert answer == (202, {"accepted": len(of_org)}), answer


def put_secrets(aws, service, apis, prefix=STACK):
    """Creates the secrets of orgs, of their sources and of their feeds. `apis` maps each org to its API."""
    secrets = aws.client("secretsmanager")
    for org, api in apis.items():
        secret = {"clientId": f"client-of-{org}", "clientSecret": f"secret-of-{org}", "region": "us-east-1",
                  "api": api, "versionField": "crmVersion", "callsPerMinute": 100_000}
        secrets.create_secret(Name=f"{prefix}/org/{org}", SecretString=json.dumps(secret))
        source = {"auth": "standardWebhooks", "signingSecrets": [SIGNING_SECRET], "org": org}
        secrets.create_secret(Name=f"{prefix}/source/crm-{org}", SecretString=json.dumps(source))
        feed = {"url": f"{service.base}/feed", "bearerToken": "local-feed-token"}
        secrets.create_secret(Name=f"{prefix}/feed/{org}", SecretString=json.dumps(feed))


def depth(aws, url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names if name in found)


def drained(aws, outputs, seconds=100):
    until("the queue is empty", lambda: depth(aws, outputs["QueueUrl"]) == 0, seconds, 0.3)


@contextlib.contextmanager
def local_aws():
    port = free_port()
    mine = {
        "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "false", "SFTP_ENABLED": "false", "GATEWAY_PORT": str(port),
        "AUTH": "true", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0",
    }
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | mine
    env["PATH"] = f"{ROOT}/target/venv-sam/bin:{env['PATH']}"
    with (
        tempfile.TemporaryDirectory() as temporary,
        process([ROOT / "target/venv/bin/ministack"], log_of("local-aws"), env | {"TMPDIR": temporary}) as started,
    ):
        def is_up():
            with contextlib.suppress(OSError):
                return http("GET", f"http://127.0.0.1:{port}/_ministack/health")[0] == 200
        until("the local AWS", is_up, 30)
        yield Aws(port, started.pid, env)
