"""The official Standard Webhooks package as the sender. Its signed webhooks must reach the contacts in the campaign."""

import base64
import datetime
import json
import re
import subprocess
import time

from standardwebhooks.webhooks import Webhook

from served import BINARY, http, served

CAMPAIGN = "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11"


def change(key, version, **data):
    return {"eventId": f"evt-{key}-{version}", "campaignId": CAMPAIGN, "contactKey": key, "version": version, "data": data}


def signed(secret, body, at=None, message_id="msg_1"):
    at = at or datetime.datetime.now(tz=datetime.timezone.utc)
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body),
    }


def contact(base, key):
    basic = base64.b64encode(b"client-of-acme-us:secret-of-acme-us").decode()
    headers = {"authorization": f"Basic {basic}", "content-type": "application/x-www-form-urlencoded"}
    _, token = http("POST", f"{base}/oauth/token", "grant_type=client_credentials", headers)
    url = f"{base}/api/v2/predictivedialing/campaigns/{CAMPAIGN}/contacts/{key}"
    return http("GET", url, headers={"authorization": f"Bearer {token['access_token']}"})


def eventually(base, key, is_right):
    """Waits until the contact is right, and returns it. A new contact cannot be read for two seconds."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        status, found = contact(base, key)
        if status == 200 and is_right(found):
            return found
        time.sleep(0.2)
    raise AssertionError(f"{key} is not right: {status} {found}")


with served() as (base, greeting):
    secret = re.search(r"whsec_\S+?=", greeting).group()
    url = f"{base}/webhooks/crm-acme-us"

    body = json.dumps({"changes": [change("LEAD-1", 2, phone="+1", firstName="Émile"), change("LEAD-1", 1, phone="late")]})
    assert http("POST", url, body, signed(secret, body)) == (202, {"accepted": 2})
    found = eventually(base, "LEAD-1", lambda contact: contact["data"].get("phone") == "+1")
    assert found["callable"] is True and found["data"]["firstName"] == "Émile", found

    body = json.dumps(change("LEAD-1", 3) | {"callable": False})
    assert http("POST", url, body, signed(secret, body)) == (202, {"accepted": 1})
    eventually(base, "LEAD-1", lambda contact: contact["callable"] is False)

    unauthorized = (401, {"error": "unauthorized"})
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    for headers in [
        signed(secret, body + " "),
        signed("whsec_" + base64.b64encode(b"another").decode(), body),
        signed(secret, body, now - datetime.timedelta(seconds=310)),
        signed(secret, body, now + datetime.timedelta(seconds=310)),
    ]:
        assert http("POST", url, body, headers) == unauthorized
    assert http("POST", f"{base}/webhooks/nobody", body, signed(secret, body)) == unauthorized

    body = json.dumps(change("LEAD-2", 1) | {"org": "acme-eu"})
    status, answer = http("POST", url, body, signed(secret, body))
    assert (status, answer["details"][0]["pointer"]) == (400, "/org"), answer

    # The printed command works unchanged.
    printed = re.search(r"^curl -i .*?\n  -d '[^']*'$", greeting, re.M | re.S).group()
    answered = subprocess.run(["bash", "-c", printed], capture_output=True, text=True, timeout=20)
    assert "202 Accepted" in answered.stdout, answered
    eventually(base, "LEAD-00042", lambda contact: contact["data"]["firstName"] == "Ada")

    # So does `campaign-sync reconcile` with the printed environment. An unknown campaign does not hold up the others.
    for campaign in ["nowhere", CAMPAIGN]:
        listed = json.dumps({"campaignId": campaign, "contactKey": "LEAD-00044", "version": 1, "data": {}})
        assert http("PUT", f"{base}/_emulator/feed/contacts", listed) == (200, {})
    exports = "\n".join(re.findall(r"^export .*", greeting, re.M))
    reconcile = f"{exports}\n{BINARY} reconcile --org acme-us --campaign nowhere --campaign {CAMPAIGN}"
    answered = subprocess.run(["bash", "-c", reconcile], capture_output=True, text=True, timeout=60)
    assert answered.returncode == 2 and answered.stderr == (
        "campaign-sync: org acme-us, campaign nowhere: GET contact: 404 campaign.not.found: check the campaign's id and "
        "the divisions of the OAuth client's role\n"
        "Until then: 1 contact checked, 1 missing, 0 different, 1 change enqueued.\n"
    ), answered
    eventually(base, "LEAD-00044", lambda contact: contact["callable"] is True)

print("webhooks: 11 passed, 0 failed")
