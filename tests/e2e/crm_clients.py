"""Clients of CRMs read the APIs that `campaign-sync local --serve` emulates: simple-salesforce, and the official clients of HubSpot and
Pipedrive. Pipedrive's is for Node.js (tests/e2e/pipedrive).

No client reads Dataverse here: shared/emulator/src/crm/tests has requests to it that were written by hand."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import hubspot
from hubspot.crm.contacts import Filter, FilterGroup, PublicObjectSearchRequest
from hubspot.crm.contacts.exceptions import UnauthorizedException
from requests import Session
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession

from served import served


class ToLoopback(HTTPAdapter):
    """Redirects the client's https URLs, which it builds from a host, to the emulated API. The paths stay as they are."""

    def __init__(self, base):
        super().__init__()
        self.base = base
        self.paths = []

    def send(self, request, **options):
        parts = urlsplit(request.url)
        self.paths.append(parts.path)
        request.url = self.base + parts.path + (f"?{parts.query}" if parts.query else "")
        return super().send(request, **options)


def salesforce(base, client_id, client_secret):
    def client(**how):
        session, adapter = Session(), ToLoopback(f"{base}/crm/salesforce")
        session.trust_env = False
        session.mount("https://", adapter)
        return Salesforce(session=session, version="65.0", **how), adapter

    by = {"domain": "acme.my", "consumer_key": client_id}
    crm, adapter = client(consumer_secret=client_secret, **by)
    fields = "SELECT Id, Phone, DoNotCall, IsDeleted, CreatedDate, LastModifiedDate, SystemModstamp FROM Contact"
    there = list(crm.query_all_iter(fields))
    every = list(crm.query_all_iter(f"{fields} ORDER BY Id", include_deleted=True))
    assert crm.query(fields)["totalSize"] == len(there)
    assert len([path for path in adapter.paths if "/query/01g" in path]) >= 2, adapter.paths
    assert any(path.endswith("/queryAll/") for path in adapter.paths), adapter.paths
    ids = [record["Id"] for record in every]
    assert ids == sorted(set(ids)) and len(ids) > 100, ids
    assert {record["Id"] for record in there} == {record["Id"] for record in every if not record["IsDeleted"]}
    assert len(there) < len(every), "nobody was deleted"
    assert {record["DoNotCall"] for record in there} == {True, False}
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000"
    assert all(re.fullmatch(stamp, record[name]) for record in every for name in ["CreatedDate", "LastModifiedDate", "SystemModstamp"])

    stamps = sorted(record["SystemModstamp"] for record in every)
    since = stamps[len(stamps) * 3 // 4]
    literal = since.replace("+0000", "Z")
    changed = crm.query_all(f"{fields} WHERE SystemModstamp >= {literal} ORDER BY Id", include_deleted=True)["records"]
    expected = [record["Id"] for record in every if record["SystemModstamp"] >= since]
    assert [record["Id"] for record in changed] == expected and 0 < len(expected) < len(every)

    for refused, how in [
        (SalesforceAuthenticationFailed, {"consumer_secret": "another", **by}),
        (SalesforceExpiredSession, {"session_id": "another", "instance_url": "https://acme.my.salesforce.com"}),
    ]:
        try:
            client(**how)[0].query(fields)
        except refused:
            continue
        raise AssertionError(f"{how} is let in")
    return len(every)


def of_hubspot(base, token):
    def client(token):
        search = hubspot.Client.create(access_token=token).crm.contacts.search_api
        search.api_client.configuration.host = f"{base}/crm/hubspot"
        return search

    search = client(token)

    def pages(since, limit):
        """All contacts that changed at this time or later, page after page."""
        groups = [FilterGroup(filters=[Filter(property_name="lastmodifieddate", operator="GTE", value=str(since))])]
        found, after = [], None
        while True:
            time.sleep(0.25)  # The API accepts five searches a second.
            page = search.do_search(public_object_search_request=PublicObjectSearchRequest(
                limit=limit, after=after, filter_groups=groups, properties=["phone", "do_not_call", "lastmodifieddate"],
                sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            ))
            found += page.results
            if page.paging is None:
                assert page.total == len(found), (page.total, len(found))
                return found
            after = page.paging.next.after

    every = pages(0, 50)
    ids = [int(contact.id) for contact in every]
    assert ids == sorted(set(ids)) and len(ids) > 50, ids
    assert [contact.id for contact in pages(0, 200)] == [contact.id for contact in every]
    assert "true" in {contact.properties["do_not_call"] for contact in every}
    assert all(contact.properties["hs_object_id"] == contact.id and contact.archived is False for contact in every)
    assert all(contact.created_at <= contact.updated_at and contact.updated_at.tzinfo for contact in every)

    since = sorted(contact.updated_at for contact in every)[len(every) * 3 // 4]
    changed = pages(round(since.timestamp() * 1000), 50)
    expected = [contact.id for contact in every if contact.updated_at >= since]
    assert [contact.id for contact in changed] == expected and 0 < len(expected) < len(every)

    try:
        client("another").do_search(public_object_search_request=PublicObjectSearchRequest(limit=1))
    except UnauthorizedException:
        return len(every)
    raise AssertionError("a wrong token is let in")


def pipedrive(base, token):
    """Runs Pipedrive's client. npm installs it into target/, in the versions of package-lock.json and checked by their hashes."""
    of, kept = Path("tests/e2e/pipedrive"), Path("target/pipedrive")
    # Node.js comes from the Python environment of this test.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    kept.mkdir(parents=True, exist_ok=True)
    names = ["package.json", "package-lock.json", "read.cjs"]
    is_there = (kept / "node_modules/pipedrive").exists()
    is_same = is_there and all((kept / name).exists() and (kept / name).read_bytes() == (of / name).read_bytes() for name in names[:2])
    for name in names:
        (kept / name).write_bytes((of / name).read_bytes())
    if not is_same:
        install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(install, cwd=kept, env=environment, check=True)
    told = subprocess.run(["node", "read.cjs", base, token], cwd=kept, env=environment, check=True, capture_output=True, text=True)
    return int(told.stdout)


with served() as (base, greeting):
    token = re.search(r"accept the token (\S+);", greeting).group(1)
    client_id, client_secret = re.search(r"OAuth client (\S+) with secret (\S+):\ncurl -s \S+/crm/", greeting).groups()
    contacts = salesforce(base, client_id, client_secret)
    print(f"crm_clients: simple-salesforce read {contacts} contacts, hubspot-api-client {of_hubspot(base, token)}, pipedrive {pipedrive(base, token)}")
