//! A change, put together from the values of a row.

use std::collections::BTreeMap;

use domain::number;
use serde_json::json;
use serde_json::value::RawValue;

use super::mapping::{Meaning, Member};

/// A value of a row. No number of JSON becomes one of Rust: its text is kept as it was written.
pub(super) enum Value<'a> {
    /// An empty value of a CSV: nothing is said.
    Nothing,
    /// What clears a column; of anything else nothing is said.
    Null,
    Bool(bool),
    Number(&'a str),
    /// The value of a CSV, which may stand for any type.
    Text(&'a str),
    /// A string, an array or an object of JSON, as it was written.
    Json(&'a str),
}

impl<'a> Value<'a> {
    pub(super) fn of(raw: &'a RawValue) -> Value<'a> {
        match raw.get() {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text if text.starts_with(['"', '[', '{']) => Value::Json(text),
            text => Value::Number(text),
        }
    }

    /// The text that stands for a type of its own: of a CSV, or a string of JSON.
    fn text(&self) -> Option<String> {
        match self {
            Value::Text(text) => Some((*text).to_owned()),
            Value::Json(raw) => serde_json::from_str(raw).ok(),
            _ => None,
        }
    }
}

/// A member that cannot be what the file says, and what was expected.
pub(super) type Wrong = (&'static str, &'static str);

/// The members of a change, each as JSON.
#[derive(Default)]
pub(super) struct Flat<'a> {
    members: BTreeMap<&'static str, String>,
    data: BTreeMap<&'a str, String>,
    wrong: Vec<Wrong>,
}

impl<'a> Flat<'a> {
    pub(super) fn put(&mut self, meaning: &'a Meaning, value: &Value<'_>) {
        if let Some(column) = column(value) {
            for name in &meaning.columns {
                self.data.insert(name, column.clone());
            }
        }
        if let Some(member) = meaning.member {
            match self::member(member, value) {
                Ok(Some(json)) => {
                    self.members.insert(member.of_change(), json);
                }
                Ok(None) => {}
                Err(expected) => {
                    self.wrong.push((member.of_change(), expected));
                }
            }
        }
    }

    /// The change as JSON, and what had to be left out of it.
    pub(super) fn text(mut self) -> (String, Vec<Wrong>) {
        // Who is removed has nothing else to say.
        if self.members.get("operation").map(String::as_str) == Some("\"remove\"") {
            self.members.remove("callable");
        } else {
            self.members.insert("data", object(&self.data));
        }
        (object(&self.members), self.wrong)
    }
}

fn object(members: &BTreeMap<&str, String>) -> String {
    let members = members
        .iter()
        .map(|(name, json)| format!("{}:{json}", json!(name)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// Contact lists hold texts: a number stands as it was written.
fn column(value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Nothing => return None,
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => json!(flag.to_string()).to_string(),
        Value::Number(text) | Value::Text(text) => json!(text).to_string(),
        Value::Json(raw) => (*raw).to_owned(),
    })
}

/// What the value says for a member, as JSON: of the type that schema 1 asks for, if it can be.
fn member(member: Member, value: &Value<'_>) -> Result<Option<String>, &'static str> {
    match (member, value) {
        (Member::NotCallable, Value::Nothing | Value::Null) => Err(FLAG),
        (_, Value::Nothing | Value::Null) => Ok(None),
        (Member::Callable, value) => flag(value).map(|may| Some(may.to_string())).ok_or(FLAG),
        (Member::NotCallable, value) => flag(value)
            .map(|may_not| Some((!may_not).to_string()))
            .ok_or(FLAG),
        (Member::Key, Value::Text(text)) if is_shortened(text) => Err(SHORTENED),
        (Member::Key, Value::Number(text)) => number::whole(text)
            .map(|digits| Some(json!(digits).to_string()))
            .ok_or("expected a text, or a whole number"),
        (Member::Version, value) => {
            let text = value.text();
            let digits = text.as_deref().and_then(|text| number::whole(text.trim()));
            Ok(digits
                .map(|digits| digits.into_owned())
                .or_else(|| as_json(value)))
        }
        (_, value) => Ok(as_json(value)),
    }
}

/// Schema 1 says what is wrong with it, if it is not of the right type.
fn as_json(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Number(text) => Some((*text).to_owned()),
        Value::Bool(flag) => Some(flag.to_string()),
        value => column(value),
    }
}

const FLAG: &str = "expected true or false, 1 or 0, yes or no";
const SHORTENED: &str = "expected a key whose digits are all there: this one looks like a long number \
                         that Excel shortened (such as 1.23E+11); format the column as text there, and \
                         export it again";

fn flag(value: &Value<'_>) -> Option<bool> {
    let text = match value {
        Value::Bool(flag) => return Some(*flag),
        Value::Number(text) => number::whole(text)?.into_owned(),
        value => value.text()?,
    };
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// Whether it is how Excel writes a number of more than eleven digits: `1.23E+11`.
pub(in crate::send) fn is_shortened(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let Some((mantissa, exponent)) = unsigned.split_once("E+") else {
        return false;
    };
    // Some languages write a comma.
    let mut parts = mantissa.splitn(2, ['.', ',']);
    let units = parts
        .next()
        .is_some_and(|units| units.len() == 1 && is_digits(units));
    units && parts.next().is_none_or(is_digits) && is_digits(exponent)
}
