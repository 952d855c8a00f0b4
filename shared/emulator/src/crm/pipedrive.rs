//! Version 2 of Pipedrive's API (developers.pipedrive.com "Get all persons"). [`super`] holds the
//! persons and the filters; webhooks are made up elsewhere, by the command's `local::vendor`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ApiAnswer, ApiRequest, State, TOKEN, Vendor, filter};

const PERSONS: &str = "/api/v2/persons";
/// The most persons of a page.
const PAGE: usize = 500;
/// The query parameters that the endpoint knows.
const PARAMETERS: [&str; 8] = [
    "updated_since",
    "updated_until",
    "filter_id",
    "sort_by",
    "sort_direction",
    "limit",
    "cursor",
    "custom_fields",
];

fn refused(status: u16, message: &str) -> ApiAnswer {
    ApiAnswer::new(
        status,
        json!({ "success": false, "error": message, "errorCode": status, "data": null }),
    )
}

pub(super) fn answer(state: &State, request: &ApiRequest<'_>) -> ApiAnswer {
    if request.header("x-api-token") != Some(TOKEN) {
        return refused(401, "unauthorized access");
    }
    if request.method != "GET" || request.path != PERSONS {
        return refused(404, "Unknown method .");
    }
    persons(state, request).unwrap_or_else(|message| refused(400, &message))
}

fn persons(state: &State, request: &ApiRequest<'_>) -> Result<ApiAnswer, String> {
    let parameters = request.parameters(&PARAMETERS)?;
    let get = |name: &str| parameters.get(name).copied();
    let limit = get("limit").map_or(Ok(Vendor::Pipedrive.page()), str::parse);
    let limit = limit.ok().filter(|limit| (1..=PAGE).contains(limit));
    let limit = limit.ok_or("limit: expected 1 to 500")?.min(request.most);
    let by = get("sort_by").unwrap_or("id");
    let found = found(state, &parameters, by)?;
    // A cursor names the last person of a page. The next page begins behind that person, even if
    // others were put before it in the meantime.
    let from = match get("cursor") {
        None => 0,
        Some(cursor) => behind(&found, cursor, by)?,
    };
    let rest = found.len().saturating_sub(from);
    let page: Vec<_> = found.into_iter().skip(from).take(limit).collect();
    let next = page.last().filter(|_| rest > limit).map(|last| {
        let place = json!({ "by": by, "id": last["id"] }).to_string();
        BASE64_URL_SAFE_NO_PAD.encode(place)
    });
    let fields = get("custom_fields").map(|fields| fields.split(',').collect::<Vec<_>>());
    if fields.as_ref().is_some_and(|fields| fields.len() > 15) {
        return Err("custom_fields: expected 15 at most".to_owned());
    }
    let data: Vec<_> = page
        .into_iter()
        .map(|person| shown(person, fields.as_deref()))
        .collect();
    Ok(ApiAnswer::new(
        200,
        json!({ "success": true, "data": data, "additional_data": { "next_cursor": next } }),
    ))
}

/// The persons that the parameters ask for, sorted by the field `by`.
fn found<'s>(
    state: &'s State,
    parameters: &BTreeMap<&str, &str>,
    by: &str,
) -> Result<Vec<&'s Value>, String> {
    let get = |name: &str| parameters.get(name).copied();
    let time = |name: &str| {
        let time = get(name).map(|text| text.parse::<Timestamp>());
        time.transpose()
            .map_err(|_| format!("{name}: expected RFC 3339"))
    };
    let (since, until) = (time("updated_since")?, time("updated_until")?);
    if !["id", "add_time", "update_time"].contains(&by) {
        return Err("sort_by: expected id, add_time or update_time".to_owned());
    }
    let is_descending = match get("sort_direction") {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err("sort_direction: expected asc or desc".to_owned()),
    };
    let filter = match get("filter_id") {
        None => None,
        Some(id) => Some(state.filters.get(id).ok_or("filter_id: not found")?),
    };
    let is_wanted = |person: &&Value| {
        let updated = person["update_time"]
            .as_str()
            .or(person["add_time"].as_str());
        let updated = updated.and_then(filter::time);
        person["is_deleted"] != true
            && filter.is_none_or(|(field, value)| person["custom_fields"][field] == *value)
            && since.is_none_or(|since| updated >= Some(since))
            && until.is_none_or(|until| updated < Some(until))
    };
    let mut found: Vec<&Value> = state.records.values().filter(is_wanted).collect();
    found.sort_by(|one, other| {
        let order = filter::order(&one[by], &other[by]);
        let order = order.then_with(|| filter::order(&one["id"], &other["id"]));
        if is_descending {
            order.reverse()
        } else {
            order
        }
    });
    Ok(found)
}

fn behind(found: &[&Value], cursor: &str, by: &str) -> Result<usize, String> {
    let place = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok();
    let place = place.and_then(|place| serde_json::from_slice::<Value>(&place).ok());
    let place = place.filter(|place| place["by"] == by);
    let place = place.ok_or("cursor: expected what a page answered")?;
    let at = found.iter().position(|person| person["id"] == place["id"]);
    at.map(|at| at + 1)
        .ok_or_else(|| "cursor: its person is not there any more".to_owned())
}

/// A person with all custom fields, or with the named ones.
fn shown(person: &Value, fields: Option<&[&str]>) -> Value {
    let mut shown = person.clone();
    if let (Some(fields), Some(own)) = (fields, shown["custom_fields"].as_object_mut()) {
        own.retain(|name, _| fields.contains(&name.as_str()));
    }
    shown
}
