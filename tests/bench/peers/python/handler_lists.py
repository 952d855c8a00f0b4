"""Peer for contactLists: the contacts of a campaign in one read and one write, campaigns side by side. It sleeps where a
call is refused."""

import json
from concurrent.futures import ThreadPoolExecutor

import api
import batch
import contract

READ, WRITTEN, BYTES = 50, 1000, 512_000
pool = ThreadPoolExecutor(max_workers=10)
known: dict[str, tuple[str, list[str]]] = {}


def list_of(org: str, campaign: str) -> tuple[str, list[str]]:
    if campaign not in known:
        list_id = api.call(org, "GET", contract.campaign_path(campaign)).json()["contactList"]["id"]
        known[campaign] = list_id, api.call(org, "GET", contract.list_path(list_id)).json()["columnNames"]
    return known[campaign]


def posts(contacts: list[str]):
    """Of contacts in JSON."""
    part, size = [], 1
    for contact in contacts:
        more = len(contact.encode()) + 1
        if part and (len(part) == WRITTEN or size + more > BYTES):
            yield f"[{','.join(part)}]"
            part, size = [], 1
        part.append(contact)
        size += more
    yield f"[{','.join(part)}]"


def apply_campaign(org: str, campaign: str, changes: list[contract.Change]) -> None:
    list_id, columns = list_of(org, campaign)
    path = f"{contract.list_path(list_id)}/contacts"
    contacts = batch.by_key(changes)
    reads = pool.map(lambda keys: api.call(org, "POST", f"{path}/bulk", keys), batch.slices(list(contacts), READ))
    stored = {contact["id"]: contact for r in reads for contact in r.json()}
    written = [
        json.dumps(contract.list_contact(list_id, columns, key, stored.get(key), of), separators=(",", ":"))
        for key, of in contacts.items()
    ]
    for body in posts(written):
        if api.call(org, "POST", f"{path}?doNotQueue=true", body).status != 200:
            raise RuntimeError("the list is gone")


def handler(event, context):
    api.begin(context)
    records = event["Records"]
    return batch.answer(records, batch.apply(records, apply_campaign))
