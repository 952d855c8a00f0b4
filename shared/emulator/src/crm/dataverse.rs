//! The Web API of Dataverse (learn.microsoft.com "Query data using the Web API", "Page results").
//!
//! A page continues by `@odata.nextLink`, whose `$skiptoken` holds an encoded cookie. The rows of a
//! query are fixed when its first page is read.

use std::collections::BTreeSet;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::filter::{self, Condition, Quotes};
use super::{ApiAnswer, ApiRequest, State, Vendor, token};

const ROWS: &str = "/api/data/v9.2/contacts";
/// The end of the path of the token endpoint, behind the tenant.
const TOKEN_PATH: &str = "/oauth2/v2.0/token";
/// The scope of the organisation that holds the rows.
const SCOPE: &str = "https://acme.crm.dynamics.com/.default";

fn refused(status: u16, code: &str, message: &str) -> ApiAnswer {
    ApiAnswer::new(
        status,
        json!({ "error": { "code": code, "message": message } }),
    )
}

pub(super) fn answer(state: &mut State, request: &ApiRequest<'_>) -> ApiAnswer {
    if request.path.ends_with(TOKEN_PATH) {
        let given = token::give(state, request, Some(SCOPE));
        return given.map_or_else(
            |refused| refused,
            |token| {
                let life = token::LIFE.as_secs() - 1;
                ApiAnswer::new(200, json!({ "token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token }))
            },
        );
    }
    if !token::is_good(state, request) {
        return refused(401, "0x80048306", "the token is not valid");
    }
    if request.method != "GET" || request.path != ROWS {
        return refused(404, "0x8006088a", "Resource not found for the segment");
    }
    let invalid = |message: String| refused(400, "0x80060888", &message);
    rows(state, request).unwrap_or_else(invalid)
}

fn rows(state: &mut State, request: &ApiRequest<'_>) -> Result<ApiAnswer, String> {
    let known = ["$select", "$filter", "$orderby", "$skiptoken"];
    let parameters = request.parameters(&known)?;
    let page = page(request)?;
    let rows = match parameters.get("$skiptoken") {
        // The cookie is encoded a second time inside the skip token.
        Some(cookie) => {
            let rest = state.cursors.get(*cookie).cloned();
            rest.ok_or("Malformed XML in the paging cookie")?
        }
        None => {
            let conditions = parameters.get("$filter").map(|text| conditions(text));
            let conditions = conditions.transpose()?.unwrap_or_default();
            let order = parameters.get("$orderby").copied();
            find(state, &conditions, order.unwrap_or("contactid"))?
        }
    };
    let select = parameters.get("$select").copied().unwrap_or_default();
    let names: Vec<&str> = select.split(',').filter(|name| !name.is_empty()).collect();
    check(state, names.iter().copied())?;
    let cookie = |n| {
        let inner = format!("<cookie page=\"1\"><contactid last=\"{n}\" /></cookie>");
        let inner = utf8_percent_encode(&inner, NON_ALPHANUMERIC);
        format!("<cookie pagenumber=\"{n}\" pagingcookie=\"{inner}\" istracking=\"False\" />")
    };
    let (rows, next) = state.page(rows, page, cookie);
    let value: Vec<_> = rows.iter().map(|row| shown(row, &names)).collect();
    let origin = &request.origin;
    let mut body = json!({
        "@odata.context": format!("{origin}/api/data/v9.2/$metadata#contacts({select})"),
        "value": value,
    });
    if let Some(next) = next {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        // The next page repeats the options of the first, and continues behind the rows that were
        // returned.
        let others = request
            .query
            .iter()
            .filter(|(name, _)| name != "$skiptoken");
        let mut pairs: Vec<_> = others
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        pairs.push(format!("$skiptoken={}", encoded(&next)));
        body["@odata.nextLink"] = format!("{origin}{ROWS}?{}", pairs.join("&")).into();
    }
    let mut answer = ApiAnswer::new(200, body);
    answer.headers.push(("odata-version", "4.0".to_owned()));
    Ok(answer)
}

fn page(request: &ApiRequest<'_>) -> Result<usize, String> {
    let most = Vendor::Dataverse.page();
    let mut page = most;
    let preferences = request.header("prefer").unwrap_or_default();
    for preference in preferences
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        if let Some(size) = preference.strip_prefix("odata.maxpagesize=") {
            let size = size.parse().ok().filter(|size| (1..=most).contains(size));
            page = size.ok_or("odata.maxpagesize: expected 1 to 5000")?;
        } else {
            return Err(format!("the preference {preference} is not known"));
        }
    }
    Ok(page.min(request.most))
}

fn conditions(text: &str) -> Result<Vec<Condition>, String> {
    let tokens = filter::tokens(text, Quotes::Doubled)?;
    let mut rest = tokens.as_slice();
    let conditions = filter::conditions(&mut rest)?;
    match rest {
        [] => Ok(conditions),
        _ => Err("expected conditions that are joined by and".to_owned()),
    }
}

/// Checks that all names are columns of the table.
fn check<'n>(state: &State, mut names: impl Iterator<Item = &'n str>) -> Result<(), String> {
    let rows = state.records.values().filter_map(Value::as_object);
    let known: BTreeSet<&str> = rows
        .flat_map(|row| row.keys().map(String::as_str))
        .collect();
    match names.find(|name| !known.is_empty() && !known.contains(name)) {
        Some(name) => Err(format!(
            "Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.contact'."
        )),
        None => Ok(()),
    }
}

fn find(state: &State, conditions: &[Condition], order: &str) -> Result<Vec<Value>, String> {
    let (name, is_descending) = match order.split_once(' ') {
        None | Some((_, "asc")) => (order.trim_end_matches(" asc"), false),
        Some((name, "desc")) => (name, true),
        Some(_) => return Err("$orderby: expected one column".to_owned()),
    };
    let named = conditions.iter().map(|condition| condition.field.as_str());
    check(state, named.chain([name]))?;
    let mut found = Vec::new();
    for row in state.records.values() {
        let mut is_taken = true;
        for condition in conditions {
            is_taken &= condition.holds(&row[&condition.field])?;
        }
        if is_taken {
            found.push(row.clone());
        }
    }
    found.sort_by(|one, other| {
        let order = filter::order(&one[name], &other[name]);
        if is_descending {
            order.reverse()
        } else {
            order
        }
    });
    Ok(found)
}

/// A row with the named columns, or with every column if none is named. The id is always there.
fn shown(row: &Value, names: &[&str]) -> Value {
    let mut shown = match names {
        [] => row.clone(),
        _ => json!({ "contactid": row["contactid"] }),
    };
    for name in names {
        shown[*name] = row[*name].clone();
    }
    shown["@odata.etag"] = "W/\"4711\"".into();
    shown
}
