"""The official Python SDK of Genesys Cloud as the client of the emulated contact list API."""

import json
import os
import subprocess
import time

import PureCloudPlatformClientV2 as sdk
from PureCloudPlatformClientV2.rest import ApiException

from local_aws import ROOT, genesys

# A little longer than searches lag behind writes.
SEARCH_LAG = 5.5
CAMPAIGN = "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11"


def connect(base, secret="secret-of-acme-us"):
    sdk.configuration.host = base
    client = sdk.api_client.ApiClient().get_client_credentials_token("client-of-acme-us", secret)
    return sdk.OutboundApi(client)


def refused(call):
    """Makes a call that must fail. Returns the status and the code of its error."""
    try:
        call()
    except ApiException as error:
        return error.status, json.loads(error.body).get("code")
    raise AssertionError("the call was not refused")


def probe(base, list_id):
    """Runs `campaign-sync check --probe`. Returns its exit status, its report and its errors."""
    mine = {"AWS_ENDPOINT_URL": base, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local", "GENESYS_BASE_URL": base, "QUEUE_URL": f"{base}/000000000000/changes.fifo"}
    command = [os.environ.get("CAMPAIGN_SYNC", "target/debug/campaign-sync"), "check", "--org", "acme-us",
               "--probe", list_id, "--json"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | mine, capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


columns = []


def contact(list_id, key, callable=None, **data):
    """A contact with every column of the list, as a POST must have it."""
    made = sdk.WritableDialerContact()
    made.id, made.contact_list_id, made.data = key, list_id, {**dict.fromkeys(columns, ""), **data}
    if callable is not None:
        made.callable = callable
    return made


with genesys("--api", "contactLists") as service:
    checks = 0

    def check(is_so, what=None):
        global checks
        assert is_so, what
        checks += 1

    # A wrong secret gets no token.
    try:
        connect(service.base, "wrong")
        raise AssertionError("a wrong secret was accepted")
    except (ApiException, KeyError):
        check(True)
    api = connect(service.base)

    # Campaign and list.
    campaign = api.get_outbound_campaign(CAMPAIGN)
    list_id = campaign.contact_list.id
    check(campaign.dialing_mode == "predictive" and list_id, campaign)
    found = api.get_outbound_contactlist(list_id)
    check({"phone", "firstName", "crmVersion"} <= set(found.column_names), found)
    columns = found.column_names
    check([one.id for one in api.get_outbound_campaigns(contact_list_id=list_id).entities] == [CAMPAIGN])
    check(refused(lambda: api.get_outbound_campaign("nowhere")) == (404, "resource.not.found"))
    check(refused(lambda: api.get_outbound_contactlist("nowhere")) == (404, "contact.list.not.found"))

    # The same call adds and updates a contact. An update empties the columns that it leaves empty.
    added = api.post_outbound_contactlist_contacts(
        list_id, [contact(list_id, "A-1", phone="+1", firstName="Ada"), contact(list_id, "A-2", False, phone="+2")])
    check([(one.id, one.callable) for one in added] == [("A-1", True), ("A-2", False)], added)
    api.post_outbound_contactlist_contacts(list_id, [contact(list_id, "A-1", phone="+3")], do_not_queue=True)
    one = api.get_outbound_contactlist_contact(list_id, "A-1")
    check((one.data["phone"], one.data["firstName"], one.callable) == ("+3", "", True), one)
    check(one.contact_list_id == list_id)

    # A bulk read leaves out contacts that do not exist.
    many = api.post_outbound_contactlist_contacts_bulk(list_id, ["A-2", "missing", "A-1"])
    check([one.id for one in many] == ["A-2", "A-1"], many)
    check(api.post_outbound_contactlist_contacts_bulk(list_id, ["missing"]) == [])
    too_many = [str(n) for n in range(51)]
    check(refused(lambda: api.post_outbound_contactlist_contacts_bulk(list_id, too_many))
          == (400, "too.many.contacts.requested"))

    # Put.
    body = sdk.DialerContact()
    body.contact_list_id, body.data, body.callable = list_id, {"phone": "+4"}, False
    check(api.put_outbound_contactlist_contact(list_id, "A-1", body).callable is False)
    check(refused(lambda: api.put_outbound_contactlist_contact(list_id, "missing", body))
          == (400, "contact.does.not.exist"))

    # Limits and columns; a refused call stores nothing.
    def add(*contacts):
        return lambda: api.post_outbound_contactlist_contacts(list_id, list(contacts))
    check(refused(add(contact(list_id, "B-1", phone="1"), contact(list_id, "B-2", fax="1")))
          == (400, "invalid.contact.columns"))
    subset = contact(list_id, "B-1")
    subset.data = {"phone": "1"}
    check(refused(add(contact(list_id, "B-2", phone="1"), subset)) == (400, "invalid.contact.columns"))
    check(refused(add(contact(list_id, "B/1", phone="1"))) == (400, "invalid.contact.id"))
    check(refused(add(*[contact(list_id, f"B-{n}", phone="1") for n in range(1001)]))
          == (400, "too.many.contacts.added"))
    check(api.post_outbound_contactlist_contacts_bulk(list_id, ["B-1", "B-2"]) == [])

    # Search.
    def search(**predicate):
        request = sdk.ContactListingRequest()
        request.page_number, request.page_size = 1, 100
        request.criteria = {"filterType": "AND", "clauses": [{"filterType": "AND", "predicates": [predicate]}]}
        return api.post_outbound_contactlist_contacts_search(list_id, request)
    # A search and the size of a list lag behind writes. A read does not.
    check(search(column="phone", columnType="alphabetic", operator="EQUALS", value="+4").total == 0)
    time.sleep(SEARCH_LAG)
    page = search(column="phone", columnType="alphabetic", operator="EQUALS", value="+4")
    check(page.total == 1 and [one.id for one in page.entities] == ["A-1"], page)
    check(search(column="phone", columnType="alphabetic", operator="BEGINS_WITH", value="+").total >= 2)

    # Delete one contact and several. Reading a deleted one is a 404.
    api.delete_outbound_contactlist_contact(list_id, "A-1")
    check(refused(lambda: api.get_outbound_contactlist_contact(list_id, "A-1")) == (404, "resource.not.found"))
    api.delete_outbound_contactlist_contacts(list_id, ["A-2", "missing"])
    check(refused(lambda: api.get_outbound_contactlist_contact(list_id, "A-2"))[0] == 404)

    # The SDK makes a scratch list and reads it. The probe answers its questions on it and leaves nothing there.
    scratch = sdk.ContactList()
    scratch.name, scratch.column_names = "scratch", ["phone", "firstName", "crmVersion"]
    phone = sdk.ContactPhoneNumberColumn()
    phone.column_name, phone.type = "phone", "cell"
    scratch.phone_columns = [phone]
    scratch_id = api.post_outbound_contactlists(scratch).id
    check(api.get_outbound_contactlist(scratch_id, include_size=True).size == 0)
    check(api.get_outbound_campaigns(contact_list_id=scratch_id).total == 0)
    status, report, shown = probe(service.base, scratch_id)
    check((status, report["ok"], report["leftOver"]) == (0, True, []), (report, shown))
    made = [call for call in service.calls() if f"{scratch_id}/contacts" in call["path"]]
    check({call["method"] for call in made} == {"POST", "GET", "PUT", "DELETE"}, made)
    time.sleep(SEARCH_LAG)
    check(api.get_outbound_contactlist(scratch_id, include_size=True).size == 0)
    request = sdk.ContactListingRequest()
    request.page_number, request.page_size = 1, 100
    check(api.post_outbound_contactlist_contacts_search(scratch_id, request).total == 0)
    add_to_scratch = sdk.WritableDialerContact()
    add_to_scratch.id, add_to_scratch.contact_list_id, add_to_scratch.callable = "Mine", scratch_id, False
    add_to_scratch.data = dict.fromkeys(scratch.column_names, "")
    api.post_outbound_contactlist_contacts(scratch_id, [add_to_scratch])
    time.sleep(SEARCH_LAG)
    status, _, shown = probe(service.base, scratch_id)
    check(status == 2 and "holds 1 contact" in shown, shown)
    check(api.get_outbound_contactlist_contact(scratch_id, "Mine").callable is False)
    api.delete_outbound_contactlist(scratch_id)
    check(refused(lambda: api.get_outbound_contactlist(scratch_id)) == (404, "contact.list.not.found"))
    check(refused(lambda: api.delete_outbound_contactlist(list_id)) == (400, "contact.list.in.use"))
    status, _, shown = probe(service.base, list_id)
    check(status == 2 and "is used by campaign" in shown, shown)

    # An update of a campaign must name the version that was read. It may choose another list.
    new_list = api.post_outbound_contactlists(scratch).id
    campaign = api.get_outbound_campaign(CAMPAIGN)
    old_list, campaign.contact_list.id = campaign.contact_list.id, new_list
    check(api.put_outbound_campaign(CAMPAIGN, campaign).version == campaign.version + 1)
    check(refused(lambda: api.put_outbound_campaign(CAMPAIGN, campaign)) == (409, "invalid.update.wrong.version"))
    campaign = api.get_outbound_campaign(CAMPAIGN)
    check(campaign.contact_list.id == new_list)
    campaign.contact_list.id = old_list
    api.put_outbound_campaign(CAMPAIGN, campaign)

    # The campaign names two DNC lists: one of phone numbers, and one of the values of a column.
    def dnc_list(kind, **more):
        body = sdk.DncListCreate()
        body.name, body.dnc_source_type = f"opt-outs {kind}", kind
        for name, value in more.items():
            setattr(body, name, value)
        return api.post_outbound_dnclists(body)
    numbers = dnc_list("rds", contact_method="Phone").id
    values = dnc_list("rds_custom", custom_exclusion_column="leadId").id
    check(refused(lambda: dnc_list("rds")) == (400, "invalid.value"))
    check(refused(lambda: dnc_list("rds_custom")) == (400, "invalid.value"))
    check(api.get_outbound_dnclist(values).custom_exclusion_column == "leadId")
    check([one.id for one in api.get_outbound_dnclists(dnc_source_type="rds").entities] == [numbers])
    campaign = api.get_outbound_campaign(CAMPAIGN)
    check(not campaign.dnc_lists)
    campaign.dnc_lists = [{"id": numbers}, {"id": values}]
    api.put_outbound_campaign(CAMPAIGN, campaign)
    check([one.id for one in api.get_outbound_campaign(CAMPAIGN).dnc_lists] == [numbers, values])
    check(api.get_outbound_campaigns(dnc_list_ids=values).total == 1)
    check(refused(lambda: api.delete_outbound_dnclist(values)) == (400, "referential.integrity.error"))

    def patch_numbers(action, entries, list_id=numbers, until=None):
        body = sdk.DncPatchPhoneNumbersRequest()
        body.action, body.phone_numbers, body.expiration_date_time = action, entries, until
        return lambda: api.patch_outbound_dnclist_phonenumbers(list_id, body)

    def patch_values(action, entries, list_id=values):
        body = sdk.DncPatchCustomExclusionColumnsRequest()
        body.action, body.custom_exclusion_column_entries = action, entries
        return lambda: api.patch_outbound_dnclist_customexclusioncolumns(list_id, body)
    for _ in range(2):
        check(patch_numbers("Add", ["+13175550100", "+13175550101"])() is None)
    check(patch_numbers("Add", ["+13175550102"], until="2000-01-01T00:00Z")() is None)
    check(service.on_dnc_list(numbers) == ["+13175550100", "+13175550101"], "an expired entry no longer counts")
    for _ in range(2):
        patch_numbers("Remove", ["+13175550101"])()
    patch_values("Add", ["LEAD-1", "LEAD-2"])()
    check(service.on_dnc_list(numbers) == ["+13175550100"])
    check(api.get_outbound_dnclist(values, include_size=True).size == 2)
    check(refused(patch_numbers("Add", ["LEAD-1"])) == (400, "invalid.value"))
    check(refused(patch_numbers("Put", ["+1"])) == (400, "invalid.value"))
    check(refused(patch_numbers("Add", ["+1"], until="2999-01-01T00:00Z")) == (400, "invalid.date.value"))
    check(refused(patch_numbers("Add", [f"+1{n}" for n in range(1001)])) == (400, "constraint.validation"))
    check(refused(patch_numbers("Add", ["+1"], values)) == (400, "dnc.source.operation.not.supported"))
    check(refused(patch_values("Add", ["LEAD-1"], numbers)) == (400, "dnc.source.operation.not.supported"))
    check(refused(patch_values("Add", ["LEAD-1"], "nowhere")) == (404, "not.found"))
    service.set_dnc_list(values, full=True)
    check(refused(patch_values("Add", ["LEAD-3"])) == (400, "dnc.records.per.list.limit.exceeded"))
    service.set_dnc_list(values, full=False, forbidden=True)
    check(refused(patch_values("Add", ["LEAD-3"])) == (403, "missing.any.permissions"))
    service.set_dnc_list(values, forbidden=False)
    api.delete_outbound_dnclist_customexclusioncolumns(values)
    check(service.on_dnc_list(values) == [])
    campaign = api.get_outbound_campaign(CAMPAIGN)
    campaign.dnc_lists = []
    api.put_outbound_campaign(CAMPAIGN, campaign)
    api.delete_outbound_dnclist(values)
    check(refused(lambda: api.get_outbound_dnclist(values)) == (404, "not.found"))

    # Any operation may answer 409. After a 429 the SDK waits as Retry-After says.
    service.fault(method="POST", path="/contacts", status=409)
    check(refused(add(contact(list_id, "C-1", phone="1")))[0] == 409)
    service.fault(method="POST", path="/contacts", status=429, retryAfter=1)
    began = time.monotonic()
    add(contact(list_id, "C-1", phone="1"))()
    check(time.monotonic() - began >= 1)
    check([call["status"] for call in service.calls()[-2:]] == [429, 200], service.calls()[-2:])

    # An unknown token.
    api.api_client.access_token = "unknown"
    check(refused(lambda: api.get_outbound_campaign(CAMPAIGN)) == (401, "bad.credentials"))

print(f"official SDK, contact lists: {checks} passed, 0 failed")
