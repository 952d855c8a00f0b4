//! `POST contacts/search` (docs/genesys-cloud.md "Search and bulk jobs"): pages of the contacts
//! that meet criteria.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::answer::{Answer, error};
use super::super::{Contact, List};
use super::show::{PREFIX, show};

/// Answers a search. `contacts` are those that searches see.
pub(super) fn search(contacts: &BTreeMap<&str, &Contact>, list: &List, body: &Value) -> Answer {
    let number = |name: &str| {
        body.get(name)?
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
    };
    let (Some(page @ 1..), Some(size @ 1..=100)) = (number("pageNumber"), number("pageSize"))
    else {
        return error(
            400,
            "bad.request",
            "pageNumber and pageSize are required; a page holds 100 at most.",
        );
    };
    let mut found = Vec::new();
    for (key, contact) in contacts {
        match body
            .get("criteria")
            .map_or(Some(true), |criteria| meets(contact, criteria))
        {
            Some(true) => found.push(show(list, key, contact)),
            Some(false) => {}
            None => {
                return error(
                    400,
                    "bad.request",
                    "The criteria are malformed, or not served here.",
                );
            }
        }
    }
    let total = found.len();
    let entities: Vec<_> = found
        .into_iter()
        .skip((page - 1) * size)
        .take(size)
        .collect();
    let answer = json!({
        "entities": entities, "total": total, "contactsCount": total, "pageSize": size, "pageNumber": page,
        "pageCount": total.div_ceil(size), "selfUri": format!("{PREFIX}contactlists/{}/contacts/search", list.id),
    });
    (200, answer)
}

/// Whether a contact meets the criteria. `None` means that the criteria are invalid.
fn meets(contact: &Contact, criteria: &Value) -> Option<bool> {
    let clauses = criteria.get("clauses")?.as_array()?;
    let clauses: Option<Vec<_>> = clauses
        .iter()
        .map(|clause| meets_clause(contact, clause))
        .collect();
    combine(criteria, &clauses?)
}

fn meets_clause(contact: &Contact, clause: &Value) -> Option<bool> {
    let predicates = clause.get("predicates")?.as_array()?;
    let predicates: Option<Vec<_>> = predicates
        .iter()
        .map(|predicate| meets_predicate(contact, predicate))
        .collect();
    combine(clause, &predicates?)
}

fn combine(of: &Value, results: &[bool]) -> Option<bool> {
    match of
        .get("filterType")
        .and_then(Value::as_str)
        .unwrap_or("AND")
    {
        "AND" => Some(results.iter().all(|is_met| *is_met)),
        "OR" => Some(results.iter().any(|is_met| *is_met)),
        _ => None,
    }
}

fn meets_predicate(contact: &Contact, predicate: &Value) -> Option<bool> {
    let held = contact
        .data
        .get(predicate.get("column")?.as_str()?)
        .map_or("", String::as_str);
    let value = || predicate.get("value")?.as_str();
    let is_met = match predicate.get("operator")?.as_str()? {
        "EQUALS" => held == value()?,
        "CONTAINS" => held.contains(value()?),
        "BEGINS_WITH" => held.starts_with(value()?),
        "ENDS_WITH" => held.ends_with(value()?),
        "IN" => predicate
            .get("range")?
            .get("inSet")?
            .as_array()?
            .iter()
            .any(|value| value.as_str() == Some(held)),
        _ => return None,
    };
    let is_inverted = predicate
        .get("inverted")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    Some(is_met != is_inverted)
}
