//! Reads changes as JSON, without any code of the product: whom a change is about, how it ranks,
//! and how much of it takes effect.
//!
//! docs/contract.md defines all of this. The requests that the product sends are read in `wire`.

use jiff::Timestamp;
use serde_json::Value;

use crate::story::{COLUMNS, Key, Org, Ranking};

/// The contact that a change names.
pub(crate) fn key_of(body: &Value) -> Key {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (text("org"), text("campaignId"), text("contactKey"))
}

/// The rank of a change, by the field that its org ranks by.
pub(crate) fn rank_of(org: &Org, body: &Value) -> Option<u64> {
    match org.ranking {
        Ranking::Version => body["version"].as_u64(),
        Ranking::OccurredAt => {
            let at: Timestamp = body["occurredAt"].as_str()?.parse().ok()?;
            u64::try_from(at.as_millisecond()).ok()
        }
        Ranking::None => None,
    }
}

/// The message group by docs/contract.md "Message group and deduplication ids", computed by hand.
pub(crate) fn group_of(body: &Value) -> String {
    let (org, campaign, key) = key_of(body);
    format!("{org}/{campaign}/{}", &sha256(key.as_bytes())[..32])
}

/// The deduplication id by the same page: a digest of the whole change, without its `source`.
pub(crate) fn deduplication_id_of(body: &Value) -> String {
    let mut hashed = body.clone();
    hashed
        .as_object_mut()
        .map(|members| members.remove("source"));
    sha256(hashed.to_string().as_bytes())
}

/// Whether a change says that its contact must not be called.
pub(crate) fn opts_out(body: &Value) -> bool {
    body["operation"] == "remove" || body["callable"] == false
}

/// The part of a change that takes effect: all of it, or only its opt-out if a rule refuses its
/// columns. `None` means that nothing of it does.
pub(crate) fn effective_part(body: &Value) -> Option<Value> {
    const MEMBERS: [&str; 14] = [
        "schema",
        "eventId",
        "org",
        "campaignId",
        "contactKey",
        "operation",
        "version",
        "occurredAt",
        "source",
        "data",
        "callable",
        "contactable",
        "phones",
        "ifAbsent",
    ];
    let names = |object: &Value| -> Vec<String> {
        let members = object.as_object().into_iter().flatten();
        members.map(|(name, _)| name.clone()).collect()
    };
    let is_read = names(body).iter().all(|name| MEMBERS.contains(&&**name))
        && body["schema"] != 2
        && body["eventId"].is_string();
    let is_taken = names(&body["data"])
        .iter()
        .all(|name| COLUMNS.contains(&&**name));
    match (is_read, is_taken) {
        (true, true) => Some(body.clone()),
        (true, false) if body["callable"] == false => {
            let mut opt_out = body.clone();
            opt_out["operation"] = "remove".into();
            let members = opt_out.as_object_mut()?;
            members.retain(|name, _| name != "data" && name != "callable");
            Some(opt_out)
        }
        _ => None,
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
