//! Answers the calls about DNC lists (docs/genesys-cloud.md "DNC lists"): list, read, create and
//! delete them, and add and remove entries. Whom a list keeps from being called is in
//! `genesys::dnc`.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::answer::{Answer, error};
use super::super::dnc::DncList;
use super::super::{Genesys, State};
use super::show::PREFIX;
use super::{MOST_BYTES, Request, listing, not_found};

/// The limits of docs/genesys-cloud.md "Limits".
const MOST_ENTRIES: usize = 1_000;
const LONGEST_VALUE: usize = 512;
/// The most digits of an E.164 number.
const MOST_DIGITS: usize = 15;
const LONGEST_LIFE: Duration = Duration::from_hours(180 * 24);

impl Genesys {
    pub(super) fn dnc_lists_api(
        &self,
        state: &mut State,
        client_id: &str,
        call: &Request<'_>,
        rest: &[&str],
    ) -> Answer {
        let (id, rest) = match (call.method, rest) {
            ("GET", []) => return all(state, client_id, call),
            ("POST", []) => return create(state, client_id, call.body),
            (_, [id, rest @ ..]) => (*id, rest),
            _ => return not_found(),
        };
        let list = state.dnc_lists.get_mut(id);
        let Some(list) = list.filter(|list| list.client_id == client_id) else {
            return error(404, "not.found", "The DNC list was not found.");
        };
        if list.is_forbidden {
            let message = "You are missing permissions.";
            return error(403, "missing.any.permissions", message);
        }
        let now = self.clock.now();
        match (call.method, rest) {
            ("GET", []) => {
                let size = call.says("includeSize").then_some(list.entries.len());
                (200, show(id, list, size))
            }
            ("DELETE", []) => delete(state, id),
            ("PATCH", ["phonenumbers"]) => self.patch(list, call.body, "phoneNumbers", now),
            ("PATCH", ["customexclusioncolumns"]) => {
                self.patch(list, call.body, "customExclusionColumnEntries", now)
            }
            ("DELETE", [of @ ("phonenumbers" | "customexclusioncolumns")]) => {
                if !is_of_kind(list, *of == "phonenumbers") {
                    return other_kind();
                }
                let only_expired = call.says("expiredOnly");
                list.entries.retain(|_, until| {
                    only_expired && until.is_none_or(|until: Timestamp| now < until)
                });
                (204, Value::Null)
            }
            _ => not_found(),
        }
    }

    /// Adds or removes entries: all of the call, or none.
    fn patch(&self, list: &mut DncList, body: &Value, member: &str, now: Timestamp) -> Answer {
        if body.to_string().len() > MOST_BYTES {
            let message =
                format!("The request is over the size limit. Maximum bytes: {MOST_BYTES}");
            return error(413, "request.entity.too.large", &message);
        }
        let is_of_numbers = member == "phoneNumbers";
        if !is_of_kind(list, is_of_numbers) {
            return other_kind();
        }
        let named = |value: &Value| value.as_str().map(str::to_owned);
        let entries = body[member].as_array();
        let entries = entries.and_then(|all| all.iter().map(named).collect::<Option<Vec<_>>>());
        let Some(entries) = entries.filter(|entries| !entries.is_empty()) else {
            return error(400, "bad.request", "The body names no entries.");
        };
        if entries.len() > MOST_ENTRIES {
            let message = format!("Too many entries, the limit is {MOST_ENTRIES}");
            return error(400, "constraint.validation", &message);
        }
        let is_entry = if is_of_numbers { is_number } else { is_value };
        if !entries.iter().all(|entry| is_entry(entry)) {
            return error(400, "invalid.value", "A value is not valid.");
        }
        let entries = entries.iter().map(|entry| entry.trim().to_owned());
        match body["action"].as_str() {
            Some("Add") => {
                let Ok(until) = expiry(&body["expirationDateTime"], now) else {
                    return error(400, "invalid.date.value", "The date was invalid.");
                };
                let new = entries
                    .clone()
                    .filter(|entry| !list.entries.contains_key(entry));
                let new = new.collect::<BTreeSet<_>>().len();
                let most = self.options.most_dnc_entries;
                if new > 0 && (list.is_full || list.entries.len() + new > most) {
                    let message = "The DNC list has reached the limit on total records.";
                    return error(400, "dnc.records.per.list.limit.exceeded", message);
                }
                list.entries.extend(entries.map(|entry| (entry, until)));
            }
            Some("Remove") => entries.for_each(|entry| {
                list.entries.remove(&entry);
            }),
            _ => return error(400, "invalid.value", "The action is not valid."),
        }
        (204, Value::Null)
    }
}

/// Whether the list has the kind that a call needs: numbers if `is_of_numbers`, else values.
fn is_of_kind(list: &DncList, is_of_numbers: bool) -> bool {
    if is_of_numbers {
        list.holds_numbers()
    } else {
        list.source == "rds_custom"
    }
}

fn other_kind() -> Answer {
    let message = "An attempt was made to change a DNC list that is not of this type.";
    error(400, "dnc.source.operation.not.supported", message)
}

/// Whether a text consists of digits and the signs that people write between them.
fn is_number(text: &str) -> bool {
    let is_written = |c: char| c.is_ascii_digit() || c.is_whitespace() || "+-()./".contains(c);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (1..=MOST_DIGITS).contains(&digits) && text.chars().all(is_written)
}

fn is_value(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST_VALUE
}

/// When an entry expires. `None` means never.
fn expiry(value: &Value, now: Timestamp) -> Result<Option<Timestamp>, ()> {
    if value.is_null() {
        return Ok(None);
    }
    let until: Option<Timestamp> = value.as_str().and_then(|text| text.parse().ok());
    let until = until.filter(|until| *until <= now + LONGEST_LIFE);
    until.map(Some).ok_or(())
}

fn all(state: &State, client_id: &str, call: &Request<'_>) -> Answer {
    let (names, kinds) = (call.query("name"), call.query("dncSourceType"));
    let found = state.dnc_lists.iter().filter(|(_, list)| {
        list.client_id == client_id
            && !list.is_forbidden
            && (kinds.is_empty() || kinds.contains(&list.source))
            && (names.is_empty() || names.iter().any(|name| list.name.starts_with(name)))
    });
    let size = |list: &DncList| call.says("includeSize").then_some(list.entries.len());
    let shown = found.map(|(id, list)| show(id, list, size(list)));
    listing(shown.collect(), call.page())
}

fn create(state: &mut State, client_id: &str, body: &Value) -> Answer {
    let text = |member: &str| body[member].as_str().filter(|text| !text.is_empty());
    let Some(name) = text("name") else {
        return error(400, "name.cannot.be.blank", "A name must be provided.");
    };
    let source = text("dncSourceType").unwrap_or_default();
    let (method, column) = (text("contactMethod"), text("customExclusionColumn"));
    let is_whole = match source {
        "rds" => matches!(method, Some("Phone" | "Email" | "WhatsApp" | "Any")),
        "rds_custom" => column.is_some(),
        "dnc.com" => text("loginId").is_some(),
        "gryphon" => text("licenseId").is_some(),
        _ => false,
    };
    if !is_whole {
        return error(400, "invalid.value", "A value is not valid.");
    }
    state.made_dnc_lists += 1;
    let id = format!("made-dnc-list-{}", state.made_dnc_lists);
    let list = DncList {
        client_id: client_id.to_owned(),
        name: name.to_owned(),
        source: source.to_owned(),
        contact_method: method.filter(|_| source == "rds").map(str::to_owned),
        exclusion_column: column.filter(|_| source == "rds_custom").map(str::to_owned),
        ..DncList::default()
    };
    let shown = show(&id, &list, None);
    state.dnc_lists.insert(id, list);
    (200, shown)
}

/// Deletes a DNC list, unless a campaign names it.
fn delete(state: &mut State, id: &str) -> Answer {
    let names_it = |campaign: &super::Campaign| campaign.dnc_lists.iter().any(|list| list == id);
    if state.campaigns.values().any(names_it) {
        let message = "Could not delete the resource because it is referenced by another entity.";
        return error(400, "referential.integrity.error", message);
    }
    state.dnc_lists.remove(id);
    (200, Value::Null)
}

fn show(id: &str, list: &DncList, size: Option<usize>) -> Value {
    let mut shown = json!({
        "id": id, "name": list.name, "version": 1, "dncSourceType": list.source,
        "selfUri": format!("{PREFIX}dnclists/{id}"),
    });
    for (member, value) in [
        ("contactMethod", &list.contact_method),
        ("customExclusionColumn", &list.exclusion_column),
    ] {
        if let Some(value) = value {
            shown[member] = value.as_str().into();
        }
    }
    if let Some(size) = size {
        shown["size"] = size.into();
    }
    shown
}
