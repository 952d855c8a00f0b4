"""Runs `campaign-sync local --serve` for a test."""

import contextlib
import json
import os
import re
import subprocess
import urllib.error
import urllib.request

BINARY = os.environ.get("CAMPAIGN_SYNC", "target/debug/campaign-sync")


@contextlib.contextmanager
def served(*arguments):
    """Starts it with these additional arguments. Yields the base URL and the text that it prints at the start."""
    process = subprocess.Popen([BINARY, "local", "--serve", "--port", "0", *arguments], stdout=subprocess.PIPE, text=True)
    try:
        greeting = ""
        for line in process.stdout:
            greeting += line
            if line.startswith("Every change"):
                break
        yield re.search(r"http://127\.0\.0\.1:\d+", greeting).group(), greeting
    finally:
        process.terminate()
        process.wait(timeout=10)


def http(method, url, body=None, headers=None):
    """Sends a request. Returns the status and the JSON of its answer."""
    data = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
