"""Runs `campaign-sync console` against a local AWS with the rights that docs/console.md grants, and reads its pages without a browser."""

import contextlib
import http.client
import json
import re
import urllib.parse

import local_aws
from local_aws import ROOT, STACK, until


def policies():
    """The two policies of docs/console.md: the one to look, and the one to alter."""
    page = (ROOT / "docs/console.md").read_text()
    found = re.findall(r'```json\n(\{ "Version".*?)```', page, re.S)
    assert len(found) == 2, found
    for name, value in (("REGION", "us-east-1"), ("ACCOUNT", "000000000000"), ("STACK", STACK)):
        found = [policy.replace(name, value) for policy in found]
    # To the local AWS, ChangeMessageVisibilityBatch is an action of its own.
    return [policy.replace('"sqs:ChangeMessageVisibility"', '"sqs:ChangeMessageVisibility*"') for policy in found]


class Console:
    """The pages of a running console, requested as a browser does."""

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


def role(aws, name, granted):
    iam = aws.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    for place, policy in enumerate(granted):
        iam.put_role_policy(RoleName=name, PolicyName=f"granted-{place}", PolicyDocument=policy)
    return aws.as_role(arn)
