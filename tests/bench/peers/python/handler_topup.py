"""Peer for predictive that tops up its batch: it takes contacts for new, a hundred in one POST, and reads those of a POST
that is refused."""

from concurrent.futures import ThreadPoolExecutor

import api
import batch
import contract
import topup
from handler_groups import apply

CREATED = 100
pool = ThreadPoolExecutor(max_workers=10)


def apply_campaign(org: str, campaign: str, changes: list[contract.Change]) -> None:
    contacts = [contract.merged(of) for of in batch.by_key(changes).values()]
    for part in batch.slices(contacts, CREATED):
        body = [contact for c in part for contact in contract.post_body(c)]
        if api.call(org, "POST", contract.contacts_path(part[0]), body).status == 409:
            list(pool.map(apply, part))


def handler(event, context):
    return topup.handle(event, context, apply_campaign)
