"""Tokens and calls over urllib3 (which boto3 brings), for threads."""

import base64
import json
import threading
import time

import boto3
import urllib3

import contract

secrets = boto3.client("secretsmanager")
http = urllib3.PoolManager(maxsize=10, timeout=urllib3.Timeout(connect=5.0, read=10.0), retries=False)
tokens: dict[str, tuple[str, float]] = {}
lock = threading.Lock()
until = float("inf")


def begin(context) -> None:
    """Nothing is waited for beyond the end of this invocation."""
    global until
    until = time.time() + context.get_remaining_time_in_millis() / 1000 - 3


def token(org: str) -> str:
    with lock:
        cached = tokens.get(org)
        if cached and cached[1] > time.time():
            return cached[0]
        client_id, client_secret = contract.parse_secret(
            secrets.get_secret_value(SecretId=contract.secret_id(org))["SecretString"]
        )
        basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        r = http.request(
            "POST",
            f"{contract.BASE_URL}/oauth/token",
            fields={"grant_type": "client_credentials"},
            encode_multipart=False,
            headers={"Authorization": f"Basic {basic}"},
        )
        if r.status != 200:
            raise RuntimeError(f"token: {r.status}")
        body = json.loads(r.data)
        tokens[org] = (body["access_token"], time.time() + body["expires_in"] - 60)
        return body["access_token"]


def call(org: str, method: str, path: str, body=None) -> urllib3.BaseHTTPResponse:
    """404 and 409 are answers; what else is refused is raised. `body`: JSON, or what is to become it."""
    if body is not None and not isinstance(body, str):
        body = json.dumps(body)
    for attempt in range(4):
        headers = {"Authorization": f"Bearer {token(org)}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        r = http.request(method, contract.BASE_URL + path, body=body, headers=headers)
        if r.status == 401 and attempt == 0:
            tokens.pop(org, None)
        elif r.status == 429 or r.status >= 500:
            wait = float(r.headers.get("Retry-After", 0.2 * 2**attempt))
            if time.time() + wait > until:
                break
            time.sleep(wait)
        else:
            break
    if r.status >= 400 and r.status not in (404, 409):
        raise RuntimeError(f"{method} {path}: {r.status}")
    return r
