"""Peer: handler_lists.py that tops up its batch."""

import topup
from handler_lists import apply_campaign


def handler(event, context):
    return topup.handle(event, context, apply_campaign)
