//! Properties of every mapping. Whatever a body holds and whatever an allowed program does, mapping
//! ends with changes or with a fault, and a fault shows nothing of the body. Single bodies and
//! programs have tests of their own, by preset and in `programs`.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// A text that occurs in bodies only. If it shows up in a fault, the fault has leaked a value.
const CANARY: &str = "canary+13175550100";

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(CANARY.to_owned()),
        1 => Just(format!("2026-11-24T16:00:00{CANARY}")),
        1 => Just("2026-11-24T16:00:00.123+0530".to_owned()),
        1 => Just("/Date(1764000000000)/".to_owned()),
        1 => select(vec!["", "true", "1", "-0", "a", "b", "UPDATE", "DELETE", "contact", "0-1", "null"]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        select(vec![
            "0",
            "-0",
            "0.0",
            "1e400",
            "-1e400",
            "1e-400",
            "1.50",
            "9007199254740993",
            "9007199254740992.0",
            "18446744073709551616",
            "1e999999",
            "1764000000000",
            "17",
        ])
        .prop_map(str::to_owned),
        (1usize..500).prop_map(|digits| "9".repeat(digits)),
    ]
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Any JSON, with the canary in it as a value and as a name.
fn body() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => text().prop_map(|text| quoted(&text)),
        2 => number(),
        2 => select(vec!["null", "true", "false"]).prop_map(str::to_owned),
    ];
    let name = prop_oneof![
        4 => select(vec!["a", "b", "c", "data", "meta", "value", "key", "objectId", "detail"]).prop_map(str::to_owned),
        1 => Just(CANARY.to_owned()),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::btree_map(name.clone(), inner, 0..6).prop_map(|members| {
                let members = members
                    .iter()
                    .map(|(name, value)| format!("{}:{value}", quoted(name)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

/// The smallest programs, from which larger ones are built.
const LEAVES: [&str; 35] = [
    ".",
    ".a",
    ".b?",
    ".[]",
    ".[]?",
    ".[0]",
    ".[-1:]",
    ".[\"a\"]",
    ".a.b.c",
    ".[1:2]?",
    "$v",
    "$columns",
    "$optOut",
    "$headers",
    "1",
    "0",
    "-1",
    "1.50",
    "1e400",
    "99999999999999999999",
    "\"x\"",
    "null",
    "true",
    "false",
    "empty",
    "[]",
    "{}",
    "{a: ., b: $v}",
    "[.]",
    "error",
    "error(\"literal\")",
    "error(.)",
    "{contactKey: \"k\", data: {}}",
    "\"\\(.)\"",
    "test(\"^[a-z]+$\")",
];

/// A program of allowed parts. `$v` is bound.
fn program() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(LEAVES.to_vec()).prop_map(str::to_owned),
        select(
            natives::FUNCTIONS
                .iter()
                .filter(|(_, counts)| counts.contains(&0))
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
        )
        .prop_map(str::to_owned),
    ];
    let of_one: Vec<_> = natives::FUNCTIONS
        .iter()
        .filter(|(name, counts)| counts.contains(&1) && *name != "test")
        .map(|(name, _)| *name)
        .collect();
    let of_two: Vec<_> = natives::FUNCTIONS
        .iter()
        .filter(|(_, counts)| counts.contains(&2))
        .map(|(name, _)| *name)
        .collect();
    let operators = vec![
        "|", ",", "+", "-", "*", "/", "%", "//", "and", "or", "==", "!=", "<", "<=", ">", ">=",
        "|=", "=", "+=", "-=", "/=", "%=", "//=",
    ];
    let inner = leaf.prop_recursive(5, 40, 3, move |inner| {
        prop_oneof![
            4 => (inner.clone(), select(operators.clone()), inner.clone()).prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            2 => (select(of_one.clone()), inner.clone()).prop_map(|(name, argument)| format!("{name}({argument})")),
            1 => (select(of_two.clone()), inner.clone(), inner.clone()).prop_map(|(name, one, other)| format!("{name}({one}; {other})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(value, then)| format!("({value} as $v | {then})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(value, then)| format!("({value} as [$v, {{a: $w}}] | {then}, $w)")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(test, then, other)| format!("if {test} then {then} else {other} end")),
            1 => (inner.clone(), inner.clone()).prop_map(|(tried, caught)| format!("(try ({tried}) catch ({caught}))")),
            1 => inner.clone().prop_map(|value| format!("[{value}]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(name, value)| format!("{{({name}): ({value})}}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(value, index)| format!("(({value})[{index}])")),
            1 => inner.prop_map(|value| format!("\"<\\({value})>\"")),
        ]
    });
    (inner, 0..6).prop_map(|(program, form)| match form {
        0 => format!(". as $v | {program}"),
        1 => format!(". as $v | {{contactKey: \"k\", version: ({program})}}"),
        2 => format!(". as $v | {{contactKey: \"k\", data: ({program})}}"),
        3 => format!(". as $v | {{contactKey: \"k\", phones: ({program}), campaigns: .a}}"),
        4 => format!(". as $v | {{contactKey: \"k\", data: {{}}, campaigns: ({program}), campaignsBefore: .b}}"),
        _ => format!(". as $v | {{contactKey: \"k\", data: {{x: ({program})}}}}"),
    })
}

fn hides(text: &str) -> Result<(), TestCaseError> {
    prop_assert!(
        !text.contains("canary") && !text.contains("1317"),
        "{}",
        text
    );
    prop_assert!(!text.contains("panicked"), "{}", text);
    Ok(())
}

/// Checks that every item ends with changes or with a fault that shows nothing of the body.
fn ends(mapping: &Mapping, body: &str) -> Result<(), TestCaseError> {
    let items = match mapping.items(body) {
        Ok(items) => items,
        Err(fault) => return hides(&format!("{fault} {fault:?}")),
    };
    let headers = BTreeMap::from([("x-a".to_owned(), CANARY.to_owned())]);
    for item in items {
        hides(&format!("{item:?}"))?;
        match mapping.changes(item.text, &about(&headers), 20) {
            Ok(changes) => {
                prop_assert!(changes.len() <= 20);
                for change in changes {
                    hides(&format!("{change:?}"))?;
                    let value: Value = serde_json::from_str(&change.text).unwrap();
                    prop_assert!(value.get("eventId").is_some());
                    let mut data = value["data"].as_object().into_iter().flatten();
                    prop_assert!(data.all(|(_, value)| value.is_string() || value.is_null()));
                }
            }
            Err(fault) => {
                hides(&format!("{fault} {fault:?}"))?;
                prop_assert!(!fault.code().is_empty());
            }
        }
    }
    Ok(())
}

/// A mapping with a preset and every member that the preset takes.
pub(super) fn by_preset(name: &str) -> Value {
    let mut config = json!({"preset": name, "columns": {"a": "x", "firstname": "y", "FirstName": "z", "phones": ["u", "v"]},
        "optOut": {"field": "b", "values": [true, "true", 17], "callable": [false, null, "", "a"]}, "campaignField": "c"});
    let preset = preset::find(name).unwrap();
    for member in preset.needs.iter().chain(preset.takes) {
        config[*member] = match *member {
            "remove" => json!({"field": "a", "values": [CANARY]}),
            "object" => json!("contact"),
            _ => json!("key"),
        };
    }
    config
}

/// A body with the value at one of its places replaced.
fn altered(body: &str, at: &Index, new: &Value) -> String {
    fn places(value: &Value, place: &str, all: &mut Vec<String>) {
        all.push(place.to_owned());
        match value {
            Value::Array(items) => (0..)
                .zip(items)
                .for_each(|(at, item)| places(item, &format!("{place}/{at}"), all)),
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                places(value, &format!("{place}/{}", name.replace('/', "~1")), all)
            }),
            _ => {}
        }
    }
    let mut body: Value = serde_json::from_str(body).unwrap();
    let mut all = Vec::new();
    places(&body, "", &mut all);
    let place: &String = at.get(&all);
    *body.pointer_mut(place).unwrap() = new.clone();
    body.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn programs_end(program in program(), body in body()) {
        let config = json!({"jq": program, "columns": {"a": "x"}, "headers": ["x-a"]}).to_string();
        match Mapping::parse(&config) {
            Ok(mapping) => ends(&mapping, &body)?,
            Err(refused) => prop_assert!(refused.place.is_some(), "{}: {}", refused, program),
        }
    }

    #[test]
    fn presets_end(body in body(), at: usize) {
        let names: Vec<_> = presets().collect();
        let name = names[at % names.len()];
        ends(&mapping(&by_preset(name)), &body)?;
    }

    #[test]
    fn presets_end_on_payloads_that_are_not_as_they_should_be(alterations in vec((any::<Index>(), body()), 1..4), at: usize) {
        let (name, payload) = [
            ("hubspot", include_str!("payloads/hubspot.json")),
            ("salesforceCdc", include_str!("payloads/salesforceCdc.json")),
            ("dataverse", include_str!("payloads/dataverse.json")),
            ("pipedrive", include_str!("payloads/pipedrive.json")),
            ("hubspotRecord", include_str!("payloads/hubspotRecord.json")),
            ("salesforceRecord", include_str!("payloads/salesforceRecord.json")),
            ("dataverseRecord", include_str!("payloads/dataverseRecord.json")),
            ("pipedrivePerson", include_str!("payloads/pipedrivePerson.json")),
            ("zohoRecord", include_str!("payloads/zohoRecord.json")),
        ][at % 9];
        let mut body = payload.replace("+13175550100", CANARY);
        for (place, value) in &alterations {
            if let Ok(value) = serde_json::from_str(value) {
                body = altered(&body, place, &value);
            }
        }
        ends(&mapping(&by_preset(name)), &body)?;
    }

    #[test]
    fn any_text_is_refused_or_compiled(
        words in vec(select(vec![
            "def", "f", ":", ";", "reduce", ".", "..", ".a", "|", "as", "$x", "(", ")", "[", "]", "{", "}", "\"", "\\(", "\\", "if", "then", "else",
            "elif", "end", "try", "catch", "@json", "$", "@", "#", "\n", " ", "1", "1e", ",", "//", "?//", "?", "-", "é", "and", "not", "label",
            "break", "import", "map", "error", "test", "::", "=", "|=", "*=", "\\u12", "\\ud800", "0.", "&", "🦀", "__loc__", "empty",
        ]), 0..40),
        glue in select(vec!["", " "]),
    ) {
        let program = words.join(glue);
        match Mapping::parse(&json!({"jq": program}).to_string()) {
            Ok(mapping) => ends(&mapping, r#"{"a": ["canary"]}"#)?,
            Err(refused) => prop_assert!(refused.place.is_some() || program.is_empty(), "{}: {}", refused, program),
        }
    }

    #[test]
    fn any_json_is_refused_or_a_mapping(config in body()) {
        let parsed = Mapping::parse(&config);
        prop_assert!(parsed.is_err());
        let config = config.replacen('{', r#"{"jq": ".", "columns": "#, 1) + "}";
        _ = Mapping::parse(&config);
    }
}
