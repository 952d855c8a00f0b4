//! One record for each preset, and the change that it becomes.

use super::*;

/// A record of one preset, the places in it that the tests alter, and the values that they put
/// there.
pub(super) struct Vendor {
    pub(super) preset: &'static str,
    pub(super) record: &'static str,
    pub(super) config: Value,
    /// The pointers of the opt-out, of the stamp and of a mapped field.
    pub(super) opt_out: &'static str,
    pub(super) stamp: &'static str,
    pub(super) phone: &'static str,
    /// The value that means "opted out", and the one that means "callable".
    pub(super) no: Value,
    pub(super) yes: Value,
    /// The whole change that the record becomes.
    pub(super) expected: Value,
}

pub(super) fn vendors() -> [Vendor; 5] {
    let stamp = 1_764_000_000_000_u64;
    [
        Vendor {
            preset: "hubspotRecord",
            record: include_str!("../payloads/hubspotRecord.json"),
            config: json!({"preset": "hubspotRecord", "columns": {"firstname": "firstName", "lastname": "lastName", "phone": ["phone", "mobile"]},
                "optOut": {"field": "do_not_call", "values": ["true"], "callable": ["false", "", null]}, "campaignField": "campaign"}),
            opt_out: "/properties/do_not_call",
            stamp: "/properties/lastmodifieddate",
            phone: "/properties/phone",
            no: json!("true"),
            yes: json!("false"),
            expected: json!({"contactKey": "1246965", "version": stamp + 123, "callable": false, "campaigns": ["spring", "autumn"],
                "data": {"firstName": "Ada", "lastName": null, "phone": "+13175550100", "mobile": "+13175550100"}}),
        },
        Vendor {
            preset: "salesforceRecord",
            record: include_str!("../payloads/salesforceRecord.json"),
            config: json!({"preset": "salesforceRecord", "columns": {"FirstName": "firstName", "Phone": "phone", "Title": "title", "MailingAddress.City": "city", "Owner.Name": "owner"},
                "optOut": {"field": "DoNotCall"}, "campaignField": "Campaign__c"}),
            opt_out: "/DoNotCall",
            stamp: "/LastModifiedDate",
            phone: "/Phone",
            no: json!(true),
            yes: json!(false),
            expected: json!({"contactKey": "003RM000006aXyZYAU", "version": stamp, "callable": false, "campaigns": ["spring", "autumn"],
                "data": {"firstName": "Ada", "phone": "+13175550100", "title": null, "city": "London", "owner": "Eva Example"}}),
        },
        Vendor {
            preset: "dataverseRecord",
            record: include_str!("../payloads/dataverseRecord.json"),
            config: json!({"preset": "dataverseRecord", "columns": {"firstname": "firstName", "mobilephone": "phone", "jobtitle": "title",
                    "preferredcontactmethodcode": "method", "parentcustomerid": "company", "ownerid": "owner"},
                "optOut": {"field": "donotphone"}, "campaignField": "preferredcontactmethodcode"}),
            opt_out: "/donotphone",
            stamp: "/modifiedon",
            phone: "/mobilephone",
            no: json!(true),
            yes: json!(false),
            expected: json!({"contactKey": "6d81597f-0f9f-e711-8122-000d3aa2331c", "version": stamp, "callable": false, "campaigns": ["2"],
                "data": {"firstName": "Ada", "phone": "+13175550100", "title": null, "method": "2", "company": "Example Ltd",
                    "owner": "75c2dd85-e89e-e711-8122-000d3aa2331c"}}),
        },
        Vendor {
            preset: "pipedrivePerson",
            record: include_str!("../payloads/pipedrivePerson.json"),
            config: json!({"preset": "pipedrivePerson", "columns": {"first_name": "firstName", "phones": "phone", "emails": "email", "org_id": "org"},
                "optOut": {"field": OPTION, "values": [17], "callable": [18, null]}, "campaignField": "visible_to"}),
            opt_out: "/custom_fields/3d0fa3429dfa2d3dec265b4fc5dc8258ab66cdf3",
            stamp: "/update_time",
            phone: "/first_name",
            no: json!(17),
            yes: json!(18),
            expected: json!({"contactKey": "8", "version": 1_795_533_515_000_u64, "callable": false, "campaigns": ["3"],
                "data": {"firstName": "Ada", "phone": "+13175550100", "email": null, "org": null}}),
        },
        Vendor {
            preset: "zohoRecord",
            record: include_str!("../payloads/zohoRecord.json"),
            config: json!({"preset": "zohoRecord", "columns": {"First_Name": "firstName", "Phone": "phone", "Title": "title", "Account_Name": "company"},
                "optOut": {"field": "Do_Not_Call"}, "campaignField": "Segments"}),
            opt_out: "/Do_Not_Call",
            stamp: "/Modified_Time",
            phone: "/Phone",
            no: json!(true),
            yes: json!(false),
            expected: json!({"contactKey": "4000000000123456789", "version": stamp, "callable": false, "campaigns": ["spring", "autumn"],
                "data": {"firstName": "Ada", "phone": "+13175550100", "title": null, "company": "Example Ltd"}}),
        },
    ]
}

pub(super) const OPTION: &str = "3d0fa3429dfa2d3dec265b4fc5dc8258ab66cdf3";
