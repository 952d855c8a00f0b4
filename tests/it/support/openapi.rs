//! Checks calls of the contact list API against what Genesys Cloud publishes
//! (tests/openapi-outbound-current.json, Swagger 2.0): the method, path and query, and the required
//! members and types of requests and answers.

use std::sync::LazyLock;

use emulator::genesys::Call;
use serde_json::{Map, Value};

static SPEC: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../openapi-outbound-current.json")).unwrap()
});

/// Every way in which these calls differ from the specification.
pub(crate) fn faults(calls: &[Call]) -> Vec<String> {
    let outbound = calls
        .iter()
        .filter(|call| call.path.starts_with("/api/v2/outbound/"));
    outbound.flat_map(faults_of).collect()
}

fn faults_of(call: &Call) -> Vec<String> {
    let name = format!("{} {}", call.method, call.path);
    let Some(operation) = operation(call) else {
        return vec![format!("{name}: no such operation")];
    };
    let none = Vec::new();
    let parameters = operation["parameters"].as_array().unwrap_or(&none);
    let of = |place: &str| {
        parameters
            .iter()
            .filter(move |parameter| parameter["in"] == place)
            .collect::<Vec<_>>()
    };
    let mut faults = Vec::new();
    let given: Vec<_> = call
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .collect();
    for pair in &given {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match of("query")
            .iter()
            .find(|parameter| parameter["name"] == key)
        {
            None => faults.push(format!("{name}: unknown query parameter {key}")),
            Some(parameter)
                if parameter["type"] == "boolean" && !["true", "false"].contains(&value) =>
            {
                faults.push(format!("{name}: {key} is no boolean"));
            }
            Some(_) => {}
        }
    }
    let body = of("body");
    match body.first() {
        Some(parameter) => validate(&call.body, &parameter["schema"], true, "body", &mut faults),
        None if !call.body.is_null() => faults.push(format!("{name}: a body where none belongs")),
        None => {}
    }
    if call.status < 300 {
        match &operation["responses"][call.status.to_string()] {
            Value::Null => faults.push(format!("{name}: {} is no answer of it", call.status)),
            response if response["schema"].is_null() => {}
            response => validate(
                &call.answer,
                &response["schema"],
                false,
                "answer",
                &mut faults,
            ),
        }
    } else {
        validate(
            &call.answer,
            &serde_json::json!({ "$ref": "#/definitions/ErrorBody" }),
            false,
            "error",
            &mut faults,
        );
    }
    faults
}

fn operation(call: &Call) -> Option<&'static Value> {
    let segments: Vec<_> = call.path.split('/').collect();
    let fits = |template: &str| {
        let template: Vec<_> = template.split('/').collect();
        let fits = |(part, segment): (&&str, &&str)| {
            (part.starts_with('{') && !segment.is_empty()) || part == segment
        };
        template.len() == segments.len() && template.iter().zip(&segments).all(fits)
    };
    let paths = SPEC["paths"]
        .as_object()?
        .iter()
        .filter(|(template, _)| fits(template));
    // A path without parameters is the better match.
    let (_, operations) = paths.min_by_key(|(template, _)| template.matches('{').count())?;
    operations.get(call.method.to_lowercase())
}

fn validate(value: &Value, schema: &Value, is_request: bool, at: &str, faults: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        return validate(
            value,
            &SPEC["definitions"][name.rsplit('/').next().unwrap()],
            is_request,
            at,
            faults,
        );
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        validate(value, part, is_request, at, faults);
    }
    let is_right = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        _ => true,
    };
    if !is_right {
        return faults.push(format!("{at}: expected {}", schema["type"]));
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|values| !values.contains(value))
    {
        faults.push(format!("{at}: not one of the values"));
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        validate(
            item,
            &schema["items"],
            is_request,
            &format!("{at}[{n}]"),
            faults,
        );
    }
    let (Some(members), true) = (value.as_object(), schema["type"] == "object") else {
        return;
    };
    for required in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !members.contains_key(required) {
            faults.push(format!("{at}: {required} is missing"));
        }
    }
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    for (name, member) in members {
        let at = format!("{at}.{name}");
        match properties.get(name) {
            Some(property) if is_request && property["readOnly"] == true => {
                faults.push(format!("{at}: read only"))
            }
            Some(property) => validate(member, property, is_request, &at, faults),
            None if schema["additionalProperties"].is_object() => {
                validate(
                    member,
                    &schema["additionalProperties"],
                    is_request,
                    &at,
                    faults,
                );
            }
            None => faults.push(format!("{at}: unknown")),
        }
    }
}

#[test]
fn a_call_that_is_not_published_is_found() {
    let call = |method: &str, path: &str, query: &str, body: Value, answer: Value| Call {
        at: jiff::Timestamp::UNIX_EPOCH,
        client_id: None,
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        body,
        status: 200,
        answer,
    };
    let contacts = "/api/v2/outbound/contactlists/l/contacts";
    let good = serde_json::json!([{ "id": "a", "contactListId": "l", "data": { "phone": "1" } }]);
    assert_eq!(
        faults(&[call(
            "POST",
            contacts,
            "doNotQueue=true",
            good.clone(),
            good.clone()
        )]),
        [""; 0]
    );
    let wrong = |method, path, query, body, answer| {
        faults(&[call(method, path, query, body, answer)]).join("; ")
    };
    assert!(wrong("PATCH", contacts, "", Value::Null, good.clone()).contains("no such operation"));
    assert!(
        wrong(
            "POST",
            contacts,
            "overwrite=true",
            good.clone(),
            good.clone()
        )
        .contains("unknown query")
    );
    assert!(
        wrong("POST", contacts, "doNotQueue=1", good.clone(), good.clone()).contains("no boolean")
    );
    let without_list = serde_json::json!([{ "data": {} }]);
    assert!(
        wrong("POST", contacts, "", without_list, good.clone())
            .contains("contactListId is missing")
    );
    let number = serde_json::json!([{ "contactListId": "l", "data": { "phone": 1 } }]);
    assert!(
        wrong("POST", contacts, "", number, good.clone())
            .contains("body[0].data.phone: expected \"string\"")
    );
    let foreign = serde_json::json!([{ "contactListId": "l", "data": {}, "overwrite": true }]);
    assert!(
        wrong("POST", contacts, "", foreign, good.clone()).contains("body[0].overwrite: unknown")
    );
    let read_only = serde_json::json!([{ "contactListId": "l", "data": {}, "dateCreated": "2026-01-01T00:00:00Z" }]);
    assert!(wrong("POST", contacts, "", read_only, good).contains("read only"));
}
