"""`campaign-sync reconcile` reads the APIs of vendors that `campaign-sync local --serve` emulates. These CRMs send no webhooks, as if all
were lost. A first run, with the feed of the vendor's page in docs/crm, finds every contact. Once these are applied, a second finds none."""

import json
import os
import re
import subprocess
import time

import boto3

from served import BINARY, http, served

ORG, CAMPAIGN = "acme-us", "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11"


def feed(page, base, values):
    """The feed secret of a page, with credentials, the hosts of the emulated CRMs and the campaign's text filled in."""
    text = open(f"docs/crm/{page}.md").read().split("```json feed\n")[1].split("```")[0]
    for host, served_at in [(r"https://[a-z.]*(hubapi|pipedrive)\.com", f"{base}/crm/{page}"), (r"https://[a-z.]*salesforce\.com", f"{base}/crm/salesforce")]:
        text = re.sub(host, served_at, text)
    secret = json.loads(text.replace('"spring"', '"segment-1"'))
    secret["auth"].update({name: value for name, value in values.items() if name in secret["auth"]})
    return json.dumps(secret)


def command(environment, *arguments):
    told = subprocess.run([BINARY, *arguments, "--json"], env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)
    assert told.stdout, (arguments, told.stderr)
    return told.returncode, json.loads(told.stdout)


def reconciled(environment):
    status, told = command(environment, "reconcile", "--org", ORG, "--campaign", CAMPAIGN, "--force")
    assert status == 0 and told["complete"], told
    return told


def contacts(base):
    status, told = http("GET", f"{base}/_emulator/campaigns/{CAMPAIGN}/contacts")
    assert status == 200, told
    return len(told)


with served("--api", "contactLists", "--calls-per-minute", "3000") as (base, greeting):
    environment = dict(pair.split("=", 1) for line in re.findall(r"^export (.*)$", greeting, re.M) for pair in line.split(" "))
    secrets = boto3.client(
        "secretsmanager", endpoint_url=base, region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local")
    token = re.search(r"accept the token (\S+);", greeting).group(1)
    client_id, client_secret = re.search(r"OAuth client (\S+) with secret (\S+):\ncurl -s \S+/crm/", greeting).groups()
    values = {"token": token, "value": token, "clientId": client_id, "clientSecret": client_secret}
    found = {}
    for page in ["hubspot", "pipedrive", "salesforce"]:
        secrets.put_secret_value(SecretId=f"campaign-sync/feed/{ORG}", SecretString=feed(page, base, values))
        before = contacts(base)
        first = reconciled(environment)
        assert first["missing"] > 20 and first["enqueued"] == first["missing"], first
        until = time.monotonic() + 60
        while contacts(base) < before + first["missing"]:
            assert time.monotonic() < until, (page, contacts(base), before, first)
            time.sleep(0.2)
        # A new contact can be read after two seconds.
        time.sleep(2.5)
        second = reconciled(environment)
        assert second["checked"] == first["checked"] and not second["missing"] + second["different"] + second["enqueued"], second
        found[page] = first["missing"]
    print("reconcile: found", ", ".join(f"{count} by {page}" for page, count in found.items()), "and no contact twice")
