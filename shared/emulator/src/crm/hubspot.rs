//! The search of HubSpot's CRM (developers.hubspot.com "Search the CRM").
//!
//! As documented, a query returns at most 10,000 contacts over all its pages, and an account may
//! search five times a second. A client that needs more contacts searches again, for ids above the
//! last one.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::filter::{self, Operator};
use super::{ApiAnswer, ApiRequest, State, TOKEN, Vendor};

const SEARCH: &str = "/crm/v3/objects/contacts/search";
/// The most contacts that one query returns over all its pages.
const MOST: usize = 10_000;
const PAGE: usize = 200;
/// The most searches of an account in one second.
const RATE: usize = 5;
/// The properties that every answer holds.
const ALWAYS: [&str; 3] = ["createdate", "hs_object_id", "lastmodifieddate"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Search {
    #[serde(default)]
    filter_groups: Vec<Group>,
    #[serde(default)]
    sorts: Vec<Sort>,
    #[serde(default)]
    properties: Vec<String>,
    limit: Option<usize>,
    after: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Filter {
    property_name: String,
    operator: String,
    value: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sort {
    property_name: String,
    direction: Option<String>,
}

fn refused(status: u16, category: &str, message: &str) -> ApiAnswer {
    let correlation = "0f3c8a1e-0000-4000-8000-000000000000";
    ApiAnswer::new(
        status,
        json!({ "status": "error", "message": message, "correlationId": correlation, "category": category }),
    )
}

pub(super) fn answer(state: &mut State, request: &ApiRequest<'_>) -> ApiAnswer {
    if request.bearer() != Some(TOKEN) {
        return refused(
            401,
            "INVALID_AUTHENTICATION",
            "Authentication credentials not found",
        );
    }
    if request.method != "POST" || request.path != SEARCH || !request.query.is_empty() {
        return refused(404, "OBJECT_NOT_FOUND", "resource not found");
    }
    let lately = request.now - SignedDuration::from_secs(1);
    state.asked.retain(|at| *at > lately);
    if state.asked.len() >= RATE {
        return refused(429, "RATE_LIMITS", "You have reached your secondly limit.");
    }
    state.asked.push(request.now);
    let invalid = |message: String| refused(400, "VALIDATION_ERROR", &message);
    let search = serde_json::from_slice::<Search>(request.body);
    let found = search.map_err(|error| format!("Invalid input JSON: {error}"));
    found
        .and_then(|search| search.run(state, request))
        .unwrap_or_else(invalid)
}

impl Search {
    fn run(&self, state: &State, request: &ApiRequest<'_>) -> Result<ApiAnswer, String> {
        let filters: usize = self
            .filter_groups
            .iter()
            .map(|group| group.filters.len())
            .sum();
        if self.filter_groups.len() > 5 || filters > 25 {
            return Err("too many filters".to_owned());
        }
        let limit = self.limit.unwrap_or(Vendor::Hubspot.page());
        if !(1..=PAGE).contains(&limit) {
            return Err(format!("limit: expected 1 to {PAGE}"));
        }
        let limit = limit.min(request.most);
        let after = match &self.after {
            None => Some(0),
            Some(Value::String(after)) => after.parse().ok(),
            Some(after) => after.as_u64().and_then(|after| usize::try_from(after).ok()),
        };
        let after = after.ok_or("after: expected what a page answered")?;
        if after + limit > MOST {
            return Err(format!("The maximum number of results is {MOST}"));
        }
        let mut found = Vec::new();
        for record in state.records.values() {
            if record["archived"] != true && self.takes(record)? {
                found.push(record);
            }
        }
        self.sort(&mut found)?;
        let page = found.iter().skip(after).take(limit);
        let results: Vec<_> = page.map(|record| self.shown(state, record)).collect();
        let mut body = json!({ "total": found.len(), "results": results });
        if found.len() > after + limit {
            let next = (after + limit).to_string();
            body["paging"] = json!({ "next": { "after": next, "link": format!("?after={next}") } });
        }
        Ok(ApiAnswer::new(200, body))
    }

    /// Whether a record matches: all filters of any one group.
    fn takes(&self, record: &Value) -> Result<bool, String> {
        let mut is_taken = self.filter_groups.is_empty();
        for group in &self.filter_groups {
            let mut all = true;
            for filter in &group.filters {
                all &= filter.holds(record)?;
            }
            is_taken |= all;
        }
        Ok(is_taken)
    }

    fn sort(&self, found: &mut [&Value]) -> Result<(), String> {
        let (name, is_descending) = match self.sorts.as_slice() {
            [] => ("createdate", false),
            [sort] => match sort.direction.as_deref() {
                None | Some("ASCENDING") => (sort.property_name.as_str(), false),
                Some("DESCENDING") => (sort.property_name.as_str(), true),
                Some(_) => return Err("sorts: expected ASCENDING or DESCENDING".to_owned()),
            },
            _ => return Err("sorts: expected one at most".to_owned()),
        };
        found.sort_by(|one, other| {
            let by =
                |name: &str| compare(name, &one["properties"][name], &other["properties"][name]);
            let order = by(name).then_with(|| by("hs_object_id"));
            if is_descending {
                order.reverse()
            } else {
                order
            }
        });
        Ok(())
    }

    /// A contact with the properties that were asked for. HubSpot silently leaves out a property
    /// that no contact has.
    fn shown(&self, state: &State, record: &Value) -> Value {
        let known = |name: &&str| {
            let mut records = state.records.values();
            records.any(|record| record["properties"].get(name).is_some())
        };
        let names = self.properties.iter().map(String::as_str).chain(ALWAYS);
        let names = names.filter(known);
        let properties: serde_json::Map<_, _> = names
            .map(|name| (name.to_owned(), record["properties"][name].clone()))
            .collect();
        json!({
            "id": record["id"],
            "createdAt": record["properties"]["createdate"],
            "updatedAt": record["properties"]["lastmodifieddate"],
            "archived": false,
            "properties": properties,
        })
    }
}

impl Filter {
    fn holds(&self, record: &Value) -> Result<bool, String> {
        let name = self.property_name.as_str();
        let operator = match self.operator.as_str() {
            "EQ" => Operator::Equal,
            "NEQ" => Operator::Unequal,
            "GT" => Operator::Greater,
            "GTE" => Operator::GreaterOrEqual,
            "LT" => Operator::Less,
            "LTE" => Operator::LessOrEqual,
            other => return Err(format!("operator: {other} is not known")),
        };
        let value = match &self.value {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return Err(format!("{name}: a value is missing")),
        };
        let order = match of_type(name) {
            Type::Number if value.parse::<u64>().is_err() => {
                return Err(format!("{name}: expected a number"));
            }
            Type::Time if moment(&value).is_none() => {
                return Err(format!("{name}: expected milliseconds, or a time"));
            }
            Type::Text if ![Operator::Equal, Operator::Unequal].contains(&operator) => {
                return Err(format!("{name}: a text has no order here"));
            }
            _ => match &record["properties"][name] {
                Value::String(held) => compare(name, &json!(held), &json!(value)),
                _ => return Ok(operator == Operator::Unequal),
            },
        };
        Ok(operator.takes(order))
    }
}

enum Type {
    Number,
    Time,
    Text,
}

fn of_type(name: &str) -> Type {
    match name {
        "hs_object_id" => Type::Number,
        "createdate" | "lastmodifieddate" => Type::Time,
        _ => Type::Text,
    }
}

fn compare(name: &str, one: &Value, other: &Value) -> Ordering {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (a, b) = (text(one), text(other));
    match of_type(name) {
        Type::Number => a.parse::<u64>().ok().cmp(&b.parse().ok()),
        Type::Time => moment(&a).cmp(&moment(&b)),
        Type::Text => filter::order(one, other),
    }
}

/// Parses milliseconds or RFC 3339.
fn moment(text: &str) -> Option<Timestamp> {
    let ms = text.parse().ok();
    ms.and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .or_else(|| filter::time(text))
}
