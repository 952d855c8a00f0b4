//! The REST API of Salesforce (developer.salesforce.com "Query", "Query all", "OAuth 2.0 Client
//! Credentials Flow").
//!
//! `query` leaves deleted contacts out, and `queryAll` returns them with `IsDeleted`. A result that
//! is longer than a page continues by `nextRecordsUrl`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::filter::{self, Condition, Quotes, Token, is_word};
use super::{ApiAnswer, ApiRequest, State, Vendor, token};

const TOKEN_PATH: &str = "/services/oauth2/token";
const DATA: &str = "/services/data/v65.0";
/// The address of the organisation. Clients require https here, so it stays the same wherever the
/// emulator is served.
const INSTANCE: &str = "https://acme.my.salesforce.com";
const OBJECT: &str = "Contact";

/// The subset of SOQL that is understood.
struct Query {
    fields: Vec<String>,
    conditions: Vec<Condition>,
    /// The field to sort by, and whether the order is descending.
    order: Option<(String, bool)>,
    limit: Option<usize>,
}

fn refused(status: u16, code: &str, message: &str) -> ApiAnswer {
    ApiAnswer::new(status, json!([{ "message": message, "errorCode": code }]))
}

pub(super) fn answer(state: &mut State, request: &ApiRequest<'_>) -> ApiAnswer {
    if request.path == TOKEN_PATH {
        // The token answer of Salesforce has no expiry.
        return token::give(state, request, None).map_or_else(
            |refused| refused,
            |token| {
                ApiAnswer::new(200, json!({ "access_token": token, "signature": "c2lnbmF0dXJl", "scope": "api",
                    "instance_url": INSTANCE, "id": format!("{INSTANCE}/id/00D000000000001AAA/005RM000001hv4SYAQ"),
                    "token_type": "Bearer", "issued_at": request.now.as_millisecond().to_string() }))
            },
        );
    }
    if !token::is_good(state, request) {
        return refused(401, "INVALID_SESSION_ID", "Session expired or invalid");
    }
    let path = request.path.strip_prefix(DATA).unwrap_or_default();
    if request.method != "GET" {
        return refused(
            405,
            "METHOD_NOT_ALLOWED",
            "HTTP method not allowed. Allowed are GET",
        );
    }
    let page = page(request);
    // Some clients end the path of a query with a slash.
    let path = path.strip_suffix('/').unwrap_or(path);
    let more = path
        .strip_prefix("/query/")
        .or(path.strip_prefix("/queryAll/"));
    if let Some(cursor) = more {
        let Some(rest) = state.cursors.get(cursor).cloned() else {
            return refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
        };
        return shown(state, rest, page);
    }
    let lists_deleted = match path {
        "/query" => false,
        "/queryAll" => true,
        _ => return refused(404, "NOT_FOUND", "The requested resource does not exist"),
    };
    let text = match request.parameters(&["q"]) {
        Ok(parameters) => parameters.get("q").copied().unwrap_or_default(),
        Err(message) => return refused(400, "MALFORMED_QUERY", &message),
    };
    let found = parse(text).map_err(|message| ("MALFORMED_QUERY", message));
    let found = found.and_then(|query| query.run(state, lists_deleted));
    match found {
        Ok(found) => shown(state, found, page),
        Err((code, message)) => refused(400, code, &message),
    }
}

/// How many records a page holds. A request may ask for fewer than the default.
fn page(request: &ApiRequest<'_>) -> usize {
    let options = request.header("sforce-query-options").unwrap_or_default();
    let size = options
        .strip_prefix("batchSize=")
        .and_then(|size| size.parse().ok());
    size.filter(|size| (200..=2_000).contains(size))
        .unwrap_or(Vendor::Salesforce.page())
        .min(request.most)
}

fn shown(state: &mut State, records: Vec<Value>, page: usize) -> ApiAnswer {
    let total = records.len();
    let (records, next) = state.page(records, page, |n| format!("01gRM{n:010}AAA-{page}"));
    let mut body = json!({ "totalSize": total, "done": next.is_none(), "records": records });
    if let Some(next) = next {
        body["nextRecordsUrl"] = format!("{DATA}/query/{next}").into();
    }
    ApiAnswer::new(200, body)
}

fn parse(text: &str) -> Result<Query, String> {
    let tokens = filter::tokens(text, Quotes::Escaped)?;
    let mut rest = tokens.as_slice();
    keyword(&mut rest, "SELECT")?;
    let mut fields = vec![name(&mut rest)?];
    while let [Token::Comma, others @ ..] = rest {
        rest = others;
        fields.push(name(&mut rest)?);
    }
    keyword(&mut rest, "FROM")?;
    if name(&mut rest)? != OBJECT {
        return Err("sObject type is not supported".to_owned());
    }
    let mut query = Query {
        fields,
        conditions: Vec::new(),
        order: None,
        limit: None,
    };
    if is_next(rest, "WHERE") {
        keyword(&mut rest, "WHERE")?;
        query.conditions = filter::conditions(&mut rest)?;
    }
    if is_next(rest, "ORDER") {
        keyword(&mut rest, "ORDER")?;
        keyword(&mut rest, "BY")?;
        let field = name(&mut rest)?;
        let is_descending = is_next(rest, "DESC");
        if is_descending || is_next(rest, "ASC") {
            rest = &rest[1..];
        }
        query.order = Some((field, is_descending));
    }
    if is_next(rest, "LIMIT") {
        keyword(&mut rest, "LIMIT")?;
        let limit = name(&mut rest)?.parse();
        query.limit = Some(limit.map_err(|_| "LIMIT: expected a number".to_owned())?);
    }
    match rest {
        [] => Ok(query),
        [other, ..] => Err(format!("unexpected token: {other:?}")),
    }
}

fn is_next(rest: &[Token], word: &str) -> bool {
    rest.first().is_some_and(|token| is_word(token, word))
}

fn keyword(rest: &mut &[Token], word: &str) -> Result<(), String> {
    if !is_next(rest, word) {
        return Err(format!("expecting {word}"));
    }
    *rest = &rest[1..];
    Ok(())
}

fn name(rest: &mut &[Token]) -> Result<String, String> {
    let [Token::Word(name), others @ ..] = *rest else {
        return Err("expecting a name".to_owned());
    };
    *rest = others;
    Ok(name.clone())
}

impl Query {
    fn run(
        &self,
        state: &State,
        lists_deleted: bool,
    ) -> Result<Vec<Value>, (&'static str, String)> {
        let known: BTreeSet<&str> = state
            .records
            .values()
            .filter_map(Value::as_object)
            .flat_map(|record| record.keys().map(String::as_str))
            .collect();
        let of_conditions = self.conditions.iter().map(|condition| &condition.field);
        let of_order = self.order.iter().map(|(field, _)| field);
        let mut named = self.fields.iter().chain(of_conditions).chain(of_order);
        if let Some(unknown) =
            named.find(|field| !known.is_empty() && !known.contains(field.as_str()))
        {
            let message = format!("No such column '{unknown}' on entity '{OBJECT}'");
            return Err(("INVALID_FIELD", message));
        }
        let mut found = Vec::new();
        for record in state.records.values() {
            let mut is_taken = lists_deleted || record["IsDeleted"] != true;
            for condition in &self.conditions {
                let holds = condition.holds(&record[&condition.field]);
                is_taken &= holds.map_err(|message| ("INVALID_FIELD", message))?;
            }
            if is_taken {
                found.push(record);
            }
        }
        if let Some((field, is_descending)) = &self.order {
            found.sort_by(|one, other| {
                let order = filter::order(&one[field], &other[field]);
                if *is_descending {
                    order.reverse()
                } else {
                    order
                }
            });
        }
        found.truncate(self.limit.unwrap_or(usize::MAX));
        Ok(found.into_iter().map(|record| self.shown(record)).collect())
    }

    fn shown(&self, record: &Value) -> Value {
        let id = record["Id"].as_str().unwrap_or_default();
        let mut shown = json!({ "attributes": { "type": OBJECT, "url": format!("{DATA}/sobjects/{OBJECT}/{id}") } });
        for field in &self.fields {
            shown[field] = record[field].clone();
        }
        shown
    }
}
